"""The report of a distrusted output: made as a user would, and answered by whom it reached, or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from plants.planted_trial import PlantedPager, PlantedTrial
from seatrial.core.observation import Json, Observation
from seatrial.core.ports import Acknowledgement, Page, StepResult
from seatrial.core.vocabulary import Outcome
from seatrial.domains.organization.escalation import CHECK
from seatrial.domains.ownership import escalation_point
from seatrial.gate.judging import judge
from seatrial.spec.system import System

PATH = b"""
procedure: doubt
before:
  - {name: no doubt, kind: http, with: {url: "http://127.0.0.1:1/doubts/1"}, deadline: 5s}
steps:
  - name: press the button
    kind: http
    with: {method: POST, url: "http://127.0.0.1:1/doubts", json: {text: "${SEATRIAL_REPORT}"}}
    deadline: 5s
target:
  - {name: it is listed, kind: http, with: {url: "http://127.0.0.1:1/doubts/1/listed"}, deadline: 5s}
restore:
  - {name: take it back, kind: http, with: {method: DELETE, url: "http://127.0.0.1:1/doubts/1"}, deadline: 5s}
restored:
  - {name: no doubt again, kind: http, with: {url: "http://127.0.0.1:1/doubts/1"}, deadline: 5s}
"""


def system(**changes: Any) -> System:
    declared: dict[str, Any] = {
        "system": "arrival-delay",
        "version": "1",
        "people": {
            "olga": {"name": "Olga", "page": "webhook+https://pager.example.com/olga"},
            "sven": {"name": "Sven"},
        },
        "model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict"},
        "duties": {"escalation-point": {"who": "olga", "deputy": "sven", "answer_within": "30m"}},
        "escalation": {"procedure": "doubt.yaml"},
    }
    return System.model_validate({**declared, **changes})


def trial(*, answers: Mapping[str, float] | None = None, path: bytes = PATH) -> PlantedTrial:
    return PlantedTrial(
        files={"doubt.yaml": path},
        parts={"duty.escalation-point": "duty"},
        answers={"olga": 90.0} if answers is None else answers,
    )


def look(declared: System, planted: PlantedTrial) -> Observation:
    seen = CHECK.run(declared, planted)
    assert isinstance(seen, Observation)
    assert {f.code for f in seen.findings} <= set(CHECK.codes)
    assert all(f.remedy for f in seen.findings)
    return seen


def codes(seen: Observation) -> set[str]:
    return {f.code for f in seen.findings}


def outcome(declared: System, seen: Observation) -> Outcome:
    return judge(seen, {t.measure: t for t in CHECK.limits(declared)}).outcome


def test_a_report_that_reaches_the_named_person_in_time_establishes_it() -> None:
    planted = trial()
    seen = look(system(), planted)
    assert codes(seen) == set()
    assert [m.value for m in seen.measures] == [90.0]
    assert outcome(system(), seen) is Outcome.MET
    assert planted.people.sent == [], "nobody was paged: the report found its own way"
    sent = next(s for s in planted.hands.ran if s.get("method") == "POST")
    body = sent["json"]
    assert isinstance(body, Mapping)
    assert "http://127.0.0.1:1/ack/link-1" in str(body["text"])


def test_after_the_drill_the_report_is_taken_back_whatever_happened() -> None:
    for answers in ({"olga": 90.0}, {}):
        planted = trial(answers=answers)
        look(system(), planted)
        assert [s for s in planted.hands.ran if s.get("method") == "DELETE"]


def test_a_report_that_nobody_answers_is_not_met_although_every_step_succeeded() -> None:
    seen = look(system(), trial(answers={}))
    assert codes(seen) == {"not-reached"}
    assert outcome(system(), seen) is Outcome.NOT_MET


def test_an_answer_after_the_declared_time_is_none() -> None:
    strict = system(escalation={"procedure": "doubt.yaml", "within": "60s"})
    assert codes(look(strict, trial())) == {"not-reached"}
    assert outcome(strict, look(strict, trial(answers={"olga": 59.0}))) is Outcome.MET


def test_an_answer_that_no_person_can_give_so_fast_is_a_gap() -> None:
    assert codes(look(system(), trial(answers={"olga": 0.05}))) == {"answered-by-a-program"}


@pytest.mark.parametrize("read_s", [None, 0.0, 0.2])
def test_a_button_that_nobody_can_have_read_before_it_was_pressed_is_a_gap(read_s: float | None) -> None:
    planted = trial()
    planted.people.read_s = read_s
    seen = look(system(), planted)
    assert codes(seen) == {"answered-by-a-program"}
    assert outcome(system(), seen) is Outcome.NOT_MET


class AnsweredDuring(PlantedPager):
    """The link is pressed `at_s` after it was made, whoever did that."""

    at_s = 0.0

    def wait(self, page: Page, *, timeout_s: float) -> Acknowledgement | None:
        at = page.sent_at + timedelta(seconds=self.at_s)
        return Acknowledgement(page=page.id, person=page.person, at=at, after_s=self.at_s, read_s=5.0)


@pytest.mark.parametrize(("at_s", "found"), [(3.0, {"answered-by-a-program"}), (7.5, set())])
def test_steps_that_answer_their_own_report_are_a_gap_and_a_slow_button_is_none(at_s: float, found: set[str]) -> None:
    planted = trial()
    planted.people = AnsweredDuring(planted.clock)
    planted.people.at_s = at_s
    planted.hands.does = lambda _, settings: StepResult(ok=True, duration_s=4.0 if settings.get("method") else 2.0)
    assert codes(look(system(), planted)) == found


def test_a_button_that_does_not_work_is_a_gap_and_nobody_is_waited_for() -> None:
    planted = trial()
    planted.hands.does = lambda _, settings: StepResult(ok=settings.get("method") != "POST", duration_s=0.1)
    seen = look(system(), planted)
    assert codes(seen) == {"report-failed"}
    assert planted.clock.ticks < 5


def test_a_report_that_stays_behind_is_a_gap() -> None:
    planted = trial()

    def does(_: str, settings: Mapping[str, Json]) -> StepResult:
        return StepResult(ok=settings.get("method") != "DELETE", duration_s=0.1)

    planted.hands.does = does
    assert codes(look(system(), planted)) == {"not-cleared"}


def test_steps_that_do_not_carry_the_link_prove_nothing_and_are_not_run() -> None:
    planted = trial(path=PATH.replace(b"${SEATRIAL_REPORT}", b"I do not trust it"))
    seen = look(system(), planted)
    assert codes(seen) == {"path-without-link"}
    assert planted.hands.ran == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"duties": {}}, "nobody-named"),
        ({"escalation": {}}, "no-path"),
        ({"duties": {"escalation-point": {"who": "olga"}}}, "no-time-declared"),
        ({"people": {"olga": {"name": "Olga", "left_on": date(2026, 11, 1)}, "sven": {"name": "Sven"}}}, "left"),
    ],
)
def test_what_is_not_declared_is_a_gap_and_nothing_is_sent(changes: dict[str, Any], code: str) -> None:
    planted = trial()
    declared = system(**changes)
    seen = look(declared, planted)
    assert code in codes(seen)
    assert outcome(declared, seen) is Outcome.NOT_MET
    assert planted.hands.ran == []


def test_neither_drill_stands_in_for_the_other() -> None:
    planted = trial()
    planted.accept("olga", "escalation-point", "duty.escalation-point")
    planted.accept("sven", "escalation-point.deputy", "duty.escalation-point")
    without_path = system(escalation={})
    called = escalation_point.CHECK.run(without_path, planted)
    assert isinstance(called, Observation)
    assert called.findings == ()
    assert codes(look(without_path, planted)) == {"no-path"}
    nobody_accepted = trial()
    assert codes(look(system(), nobody_accepted)) == set()
    called = escalation_point.CHECK.run(system(), nobody_accepted)
    assert isinstance(called, Observation)
    assert {f.code for f in called.findings} == {"not-accepted"}
