"""The organisation: documents and users of this version, and an owner who really pulled the stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from plants.planted_trial import PlantedTrial
from seatrial.core.bodies import AttestationBody
from seatrial.core.check import Check
from seatrial.core.codec import to_data
from seatrial.core.observation import Json, Observation
from seatrial.core.ports import StepResult
from seatrial.core.vocabulary import RecordType, Weight
from seatrial.domains.organization import accountability, process_documents, training
from seatrial.domains.organization.questions import digest, questions
from seatrial.gate.judging import judge
from seatrial.spec.failure_modes import load_failure_modes
from seatrial.spec.policy import Policy
from seatrial.spec.system import System

DOCUMENT = b"""---
version: 2026.11.1
---
# Dock planning

## Role of the model
It warns of late deliveries; the planner decides.

## Limits
It does not know of strikes.

## Fallback
Plan by the timetable, by hand.
"""
STOP = b"""
procedure: stop
before:
  - {name: serves, kind: http, with: {url: "http://127.0.0.1:1/version"}, deadline: 5s}
steps:
  - {name: take offline, kind: http, with: {method: POST, url: "http://127.0.0.1:1/offline"}, deadline: 5s}
target:
  - {name: is offline, kind: http, with: {url: "http://127.0.0.1:1/target"}, deadline: 5s}
restore:
  - {name: put online, kind: http, with: {method: POST, url: "http://127.0.0.1:1/online"}, deadline: 5s}
restored:
  - {name: serves again, kind: http, with: {url: "http://127.0.0.1:1/version"}, deadline: 5s}
"""
REGISTER = b"""
failure_modes:
  - id: fog
    when: visib < 1
    consequence: Late deliveries are not seen, and docks stand empty.
    handling: Call the carrier before the dock is given away
    owner: sven
"""
USERS = b"id,group\nd01,day\nd02,day\nd03,night\n"


def system(**changes: Any) -> System:
    declared: dict[str, Any] = {
        "system": "arrival-delay",
        "version": "2026.11.1",
        "people": {
            p: {"name": p.title(), "page": f"webhook+https://pager.example.com/{p}"} for p in ("olga", "sven", "carl")
        },
        "owner": {
            "who": "olga",
            "deputy": "sven",
            "manager": "carl",
            "objective": "On-time unloading",
            "may_pull": True,
            "stop": "stop.yaml",
        },
        "duties": {"escalation-point": {"who": "olga", "deputy": "sven", "answer_within": "30m"}},
        "model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict"},
        "workflows": {
            "docks": {
                "process": "docks.md",
                "users": "day",
                "fallback": {"procedure": "by-hand.yaml", "needed": "45/h"},
            }
        },
        "failure_modes": "failure-modes.yaml",
        "do_not_trust": [{"when": "visib < 1 and wind_speed > 30", "handling": "storm.md"}],
        "training": {"users": "users.csv", "material": "cannot.md", "pass": 0.8},
    }
    return System.model_validate({**declared, **changes})


def asked(declared: System, register: bytes = REGISTER) -> str:
    return digest(questions(declared, load_failure_modes(register, name="failure-modes.yaml"), {}))


def trial() -> PlantedTrial:
    planted = PlantedTrial(
        files={
            "docks.md": DOCUMENT,
            "stop.yaml": STOP,
            "failure-modes.yaml": REGISTER,
            "users.csv": USERS,
            "cannot.md": b"It cannot see strikes.",
        },
        parts={p: f"digest of {p}" for p in ("owner", "document.docks.md", "failure-modes", "workflow.docks")},
        answers={"olga": 20.0},
    )
    planted.accept("olga", "owner", "owner")
    planted.accept("sven", "owner.deputy", "owner")
    planted.accept("carl", "manager", "owner")
    planted.attest("sven", "process", "docks.md", "document.docks.md", "failure-modes", "workflow.docks")
    for user in ("d01", "d02", "d03"):
        planted.comprehend(user, asked(system()), right=5, asked=5)
    return planted


def look(check: Check[System], declared: System, planted: PlantedTrial) -> Observation:
    seen = check.run(declared, planted)
    assert isinstance(seen, Observation)
    assert {f.code for f in seen.findings} <= set(check.codes)
    return seen


def codes(seen: Observation) -> set[str]:
    return {f.code for f in seen.findings if f.weight is not Weight.NOTE}


def test_an_approved_document_of_this_version_leaves_nothing_to_find() -> None:
    seen = look(process_documents.CHECK, system(), trial())
    assert codes(seen) == set()
    assert seen.proof == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "no-document"),
        (b"\xff\xfe\x00", "no-document"),
        (DOCUMENT.replace(b"## Fallback", b"## Thanks").replace(b"by hand", b"well"), "document-silent"),
        (DOCUMENT.replace(b"It does not know of strikes.", b""), "document-silent"),
        (DOCUMENT.replace(b"2026.11.1", b"2026.7.3"), "document-of-another-version"),
        (DOCUMENT + b"\nOne more word.\n", "document-not-approved"),
    ],
)
def test_a_document_that_is_not_what_was_approved_for_this_version_is_a_gap(content: bytes | None, code: str) -> None:
    planted = trial()
    if content is None:
        del planted.files.contents["docks.md"]
    else:
        planted.files.contents["docks.md"] = content
    assert code in codes(look(process_documents.CHECK, system(), planted))


@pytest.mark.parametrize("part", ["failure-modes", "workflow.docks"])
def test_a_document_is_older_than_the_system_when_what_it_describes_changed_since(part: str) -> None:
    planted = trial()
    planted.parts[part] = "changed"
    assert codes(look(process_documents.CHECK, system(), planted)) == {"document-older-than-the-system"}


def test_approval_by_somebody_who_left_is_none() -> None:
    declared = system()
    gone = declared.people["sven"].model_copy(update={"left_on": date(2026, 1, 1)})
    declared = declared.model_copy(update={"people": {**declared.people, "sven": gone}})
    assert codes(look(process_documents.CHECK, declared, trial())) == {"document-not-approved"}


def test_no_workflow_at_all_is_a_gap() -> None:
    seen = look(process_documents.CHECK, system(workflows={}), trial())
    assert codes(seen) == {"no-workflow"}
    assert seen.proof == 0


def test_all_listed_users_passed_the_questions_of_this_version() -> None:
    seen = look(training.CHECK, system(), trial())
    assert codes(seen) == set()
    assert seen.measures[0].value == 1.0


@pytest.mark.parametrize("how", ["failed", "absent", "too long ago", "asked about another version", "nothing asked"])
def test_one_user_who_did_not_pass_these_questions_is_a_gap(how: str) -> None:
    planted = trial()
    planted.on_record = [r for r in planted.on_record if r.body.get("user") != "d03"]
    today = asked(system())
    if how == "failed":
        planted.comprehend("d03", today, right=3, asked=5)
    elif how == "too long ago":
        planted.comprehend("d03", today, right=5, asked=5, days_ago=365)
    elif how == "asked about another version":
        planted.comprehend("d03", "older questions", right=5, asked=5)
    elif how == "nothing asked":
        planted.comprehend("d03", today, right=0, asked=0)
    seen = look(training.CHECK, system(), planted)
    assert codes(seen) == {"not-trained"}
    assert seen.measures[0].value == pytest.approx(2 / 3)
    assert seen.measures[0].needed == 1


def test_answers_that_a_script_gave_train_nobody_except_under_a_policy_for_showing() -> None:
    planted = trial()
    planted.on_record = [r for r in planted.on_record if r.body.get("user") != "d03"]
    planted.comprehend("d03", asked(system()), right=5, asked=5, played_by="demo")
    assert codes(look(training.CHECK, system(), planted)) == {"not-trained"}
    showing = system().model_copy(update={"policy": Policy(demonstration=True)})
    assert codes(look(training.CHECK, showing, planted)) == set()


def test_a_statement_that_cannot_be_read_hides_none_of_the_others() -> None:
    planted = trial()
    for kind in (RecordType.ACCEPTANCE, RecordType.ATTESTATION, RecordType.COMPREHENSION, RecordType.DEPARTURE):
        odd = next((r for r in planted.on_record if r.type is kind), planted.on_record[0])
        planted.on_record.append(replace(odd, type=kind, body={"unknown": 1}))
    served(planted)
    for check in (accountability.CHECK, process_documents.CHECK, training.CHECK):
        assert codes(look(check, system(), planted)) == set()


def test_nobody_marks_their_own_answers() -> None:
    planted = trial()
    planted.on_record = [replace(r, by="person:d03") if r.body.get("user") == "d03" else r for r in planted.on_record]
    assert codes(look(training.CHECK, system(), planted)) == {"not-trained"}


@pytest.mark.parametrize(
    ("signed_by", "questions", "answers", "counts"),
    [
        ("person:d03", None, "answers of d03", True),
        ("person:d03", None, "other answers", False),
        ("person:d03", "older questions", "answers of d03", False),
        ("person:d01", None, "answers of d03", False),
        ("worker:w", None, "answers of d03", False),
        (None, None, "", False),
    ],
)
def test_answers_count_only_for_those_whose_key_signed_them(
    signed_by: str | None, questions: str | None, answers: str, counts: bool
) -> None:
    planted = trial()
    planted.on_record = [r for r in planted.on_record if r.body.get("user") != "d03"]
    today = asked(system())
    planted.comprehend("d03", today, right=5, asked=5, site=False)
    if signed_by is not None:
        body = AttestationBody(person="d03", kind="comprehension", document=questions or today, digest=answers)
        own = to_data(body)
        assert isinstance(own, dict)
        planted.on_record.append(replace(planted.on_record[-1], type=RecordType.ATTESTATION, by=signed_by, body=own))
    assert codes(look(training.CHECK, system(), planted)) == (set() if counts else {"not-trained"})


def test_more_right_answers_than_questions_are_no_pass() -> None:
    planted = trial()
    planted.on_record = [r for r in planted.on_record if r.body.get("user") != "d03"]
    planted.comprehend("d03", asked(system()), right=9, asked=5)
    assert codes(look(training.CHECK, system(), planted)) == {"not-trained"}


def judged(check: Check[System], seen: Observation, declared: System) -> str:
    return judge(seen, {t.measure: t for t in check.limits(declared)}).code


def test_a_pass_mark_that_was_raised_or_lowered_afterwards_is_held_against_the_weakest_pass() -> None:
    seen = look(training.CHECK, system(), trial())
    marks = {
        mark: judged(training.CHECK, seen, system(training={"users": "u", "material": "m", "pass": mark}))
        for mark in (0.8, 0.5, 1.0)
    }
    assert marks == {0.8: "", 0.5: "limit-loosened", 1.0: ""}
    planted = trial()
    planted.on_record = [r for r in planted.on_record if r.body.get("user") != "d03"]
    planted.comprehend("d03", asked(system()), right=4, asked=5)
    weak = look(training.CHECK, system(), planted)
    assert judged(training.CHECK, weak, system(training={"users": "u", "material": "m", "pass": 0.9})) == "limit-missed"


def test_a_time_for_the_stop_that_was_declared_or_shortened_afterwards_is_not_met_by_an_old_drill() -> None:
    owner = system().owner.model_dump()
    planted = trial()
    served(planted)
    declared = system(owner={**owner, "acknowledge_within": "1m"})
    seen = look(accountability.CHECK, declared, planted)
    times = {
        within: judged(accountability.CHECK, seen, system(owner={**owner, "acknowledge_within": within}))
        for within in ("1m", "10s", "10m")
    }
    assert times == {"1m": "", "10s": "limit-missed", "10m": "limit-loosened"}


def test_a_new_failure_mode_gives_new_questions_and_passing_the_old_ones_no_longer_counts() -> None:
    planted = trial()
    planted.files.contents["failure-modes.yaml"] = REGISTER + REGISTER.split(b"failure_modes:\n")[1].replace(
        b"fog", b"ice"
    ).replace(b"visib < 1", b"temp < 20")
    assert codes(look(training.CHECK, system(), planted)) == {"not-trained"}


def test_questions_offer_the_right_answer_once_and_not_always_in_the_same_place() -> None:
    drawn = questions(system(), load_failure_modes(REGISTER, name="r"), {})
    assert len({q.id for q in drawn}) == len(drawn) >= 4
    assert all(len(set(q.options)) == len(q.options) >= 2 for q in drawn)
    assert len({q.right for q in drawn}) > 1
    assert drawn == questions(system(), load_failure_modes(REGISTER, name="r"), {})


def test_without_a_user_list_or_anything_to_ask_nobody_is_trained() -> None:
    assert codes(look(training.CHECK, system(training={"material": "cannot.md"}), trial())) == {"no-user-list"}
    bare = system(failure_modes=None, do_not_trust=[], workflows={}, duties={})
    assert codes(look(training.CHECK, bare, trial())) == {"nothing-to-ask"}


def served(planted: PlantedTrial, *, stops: bool = True, comes_back: bool = True) -> None:
    """Let the planted steps behave like a server that can be taken offline."""
    state = {"online": True}

    def do(_: str, settings: Mapping[str, Json]) -> StepResult:
        url = str(settings["url"])
        if url.endswith("/offline"):
            state["online"] = not stops
        elif url.endswith("/online"):
            state["online"] = comes_back
        wants_offline = url.endswith("/target")
        ok = state["online"] != wants_offline or url.endswith(("/offline", "/online"))
        return StepResult(ok=ok, duration_s=1.0, output="" if ok else "another state is served")

    planted.hands.does = do


def test_an_owner_who_pulls_the_stop_and_sees_it_stop_leaves_nothing_to_find() -> None:
    planted = trial()
    served(planted)
    seen = look(accountability.CHECK, system(), planted)
    assert codes(seen) == set()
    assert {m.name: m.value for m in seen.measures} == {
        "time until the owner pulled the stop": 20.0,
        "time to stop": 2.0,
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"objective": None}, "no-objective"),
        ({"manager": None}, "objective-not-confirmed"),
        ({"may_pull": False}, "may-not-pull"),
        ({"stop": None}, "no-stop-control"),
        ({"who": None}, "nobody-named"),
        ({"deputy": None}, "no-deputy"),
    ],
)
def test_each_missing_piece_of_accountability_is_a_gap(change: dict[str, Any], code: str) -> None:
    planted = trial()
    served(planted)
    owner = system().owner.model_dump(exclude_none=True)
    assert code in codes(look(accountability.CHECK, system(owner={**owner, **change}), planted))


def test_a_manager_who_did_not_sign_confirms_nothing() -> None:
    planted = trial()
    served(planted)
    planted.on_record = [r for r in planted.on_record if r.body.get("duty") != "manager"]
    assert codes(look(accountability.CHECK, system(), planted)) == {"objective-not-confirmed"}


def test_a_stop_that_reports_success_and_stops_nothing_is_a_gap() -> None:
    planted = trial()
    served(planted, stops=False)
    assert codes(look(accountability.CHECK, system(), planted)) == {"stop-failed"}


def test_a_system_that_does_not_come_back_after_the_drill_is_a_gap() -> None:
    planted = trial()
    served(planted, comes_back=False)
    assert codes(look(accountability.CHECK, system(), planted)) == {"stop-not-restored"}


def test_an_owner_who_does_not_answer_has_not_used_the_stop() -> None:
    planted = trial()
    planted.people.answers = {}
    assert codes(look(accountability.CHECK, system(), planted)) == {"page-not-acknowledged"}
    assert planted.hands.ran == []
