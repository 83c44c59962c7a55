"""Ownership: a name is not an owner until a person who is still there accepted, and answers when called."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from plants.planted_trial import PlantedTrial
from seatrial.core.check import Check
from seatrial.core.errors import Unreachable
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Sense
from seatrial.domains.ownership import escalation_point, monitor, pipeline_alert, retraining
from seatrial.spec.system import System

CHECKS = {
    "monitor": monitor.CHECK,
    "pipeline-alert": pipeline_alert.CHECK,
    "retraining": retraining.CHECK,
    "escalation-point": escalation_point.CHECK,
}


def system(**duties: Any) -> System:
    declared = {
        "monitor": {"who": "olga", "deputy": "sven"},
        "pipeline-alert": {"who": "ivo", "deputy": "olga", "acknowledge_within": "15m"},
        "retraining": {"who": "amir", "deputy": "ivo", "criteria": "retraining.md"},
        "escalation-point": {"who": "olga", "deputy": "sven", "answer_within": "30m"},
    }
    for name, change in duties.items():
        declared[name.replace("_", "-")] = change
    people = {
        p: {"name": p.title(), "page": f"webhook+https://pager.example.com/{p}"}
        for p in ("olga", "sven", "ivo", "amir")
    }
    return System.model_validate(
        {
            "system": "arrival-delay",
            "version": "1",
            "people": people,
            "model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict"},
            "duties": declared,
        }
    )


def trial(*, answers: dict[str, float] | None = None) -> PlantedTrial:
    planted = PlantedTrial(
        files={"retraining.md": b"Retrain when recall is below 0.7 for a week.\n"},
        parts={f"duty.{name}": f"digest of {name}" for name in CHECKS},
        answers={"ivo": 40.0, "olga": 60.0} if answers is None else answers,
    )
    declared = system().duties
    for name in CHECKS:
        duty = getattr(declared, name.replace("-", "_"))
        planted.accept(duty.who, name, f"duty.{name}")
        planted.accept(duty.deputy, f"{name}.deputy", f"duty.{name}")
    return planted


def look(check: Check[System], declared: System, planted: PlantedTrial) -> Observation:
    seen = check.run(declared, planted)
    assert isinstance(seen, Observation)
    assert {f.code for f in seen.findings} <= set(check.codes)
    return seen


def codes(seen: Observation) -> set[str]:
    return {f.code for f in seen.findings}


@pytest.mark.parametrize("name", CHECKS)
def test_named_deputised_accepted_and_answered_leaves_nothing_to_find(name: str) -> None:
    seen = look(CHECKS[name], system(), trial())
    assert seen.findings == ()
    assert seen.proof > 0


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"who": None}, "nobody-named"),
        ({"deputy": None}, "no-deputy"),
        ({"deputy": "same"}, "own-deputy"),
    ],
)
def test_a_missing_name_is_found(name: str, change: dict[str, Any], code: str) -> None:
    duty = getattr(system().duties, name.replace("-", "_")).model_dump(exclude_none=True, by_alias=True)
    for key in ("acknowledge_within", "answer_within"):
        duty[key] = f"{duty[key]:.0f}s" if key in duty else None
    if change.get("deputy") == "same":
        change = {"deputy": duty["who"]}
    seen = look(CHECKS[name], system(**{name: {**duty, **change}}), trial())
    assert code in codes(seen)
    assert seen.proof == 0


@pytest.mark.parametrize("name", CHECKS)
def test_what_another_person_wrote_down_is_not_an_acceptance(name: str) -> None:
    planted = trial()
    planted.on_record = [r for r in planted.on_record if r.body["duty"] != name]
    assert "not-accepted" in codes(look(CHECKS[name], system(), planted))


@pytest.mark.parametrize("name", CHECKS)
def test_an_acceptance_of_a_duty_that_changed_since_no_longer_counts(name: str) -> None:
    planted = trial()
    planted.parts[f"duty.{name}"] = "another digest"
    assert "not-accepted" in codes(look(CHECKS[name], system(), planted))


@pytest.mark.parametrize("name", CHECKS)
def test_an_acceptance_signed_by_somebody_else_does_not_count(name: str) -> None:
    planted = trial()
    forged = [r for r in planted.on_record if r.body["duty"] == name]
    planted.on_record = [r for r in planted.on_record if r not in forged]
    for record in forged:
        planted.on_record.append(
            type(record)(**{f: getattr(record, f) for f in record.__slots__} | {"by": "person:max"})
        )
    assert "not-accepted" in codes(look(CHECKS[name], system(), planted))


@pytest.mark.parametrize("name", CHECKS)
def test_somebody_who_left_holds_nothing(name: str) -> None:
    declared = system()
    who = getattr(declared.duties, name.replace("-", "_")).who
    gone = declared.people[who].model_copy(update={"left_on": date(2026, 11, 1)})
    declared = declared.model_copy(update={"people": {**declared.people, who: gone}})
    seen = look(CHECKS[name], declared, trial())
    assert "left" in codes(seen)


def test_the_page_is_timed_to_the_human_answer_and_judged_by_the_declared_time() -> None:
    (measure,) = look(pipeline_alert.CHECK, system(), trial()).measures
    assert measure.value == 40.0
    assert measure.limit == 900.0
    assert measure.sense is Sense.AT_MOST
    (limit,) = pipeline_alert.CHECK.limits(system())
    assert (limit.measure, limit.limit) == (measure.name, 900.0)


def test_a_page_that_is_delivered_and_not_answered_is_a_gap_and_no_number() -> None:
    seen = look(pipeline_alert.CHECK, system(), trial(answers={}))
    assert codes(seen) == {"page-not-acknowledged"}
    assert seen.measures == ()


def test_an_answer_after_the_declared_time_is_no_answer() -> None:
    assert codes(look(pipeline_alert.CHECK, system(), trial(answers={"ivo": 901.0}))) == {"page-not-acknowledged"}


def test_an_answer_faster_than_any_person_is_a_program_and_no_human_answer() -> None:
    assert codes(look(pipeline_alert.CHECK, system(), trial(answers={"ivo": 0.05}))) == {"answered-by-a-program"}


@pytest.mark.parametrize("read_s", [None, 0.1])
def test_a_page_that_was_answered_unread_is_no_human_answer(read_s: float | None) -> None:
    planted = trial()
    planted.people.read_s = read_s
    assert codes(look(pipeline_alert.CHECK, system(), planted)) == {"answered-by-a-program"}


def test_a_channel_that_refuses_the_page_is_an_error_and_never_a_pass() -> None:
    planted = trial()
    planted.people.refuses = True
    with pytest.raises(Unreachable, match="refuses"):
        pipeline_alert.CHECK.run(system(), planted)


def test_without_a_route_or_a_time_nobody_can_be_paged() -> None:
    declared = system()
    ivo = declared.people["ivo"].model_copy(update={"page": None})
    declared = declared.model_copy(update={"people": {**declared.people, "ivo": ivo}})
    assert "no-route" in codes(look(pipeline_alert.CHECK, declared, trial()))
    assert "no-time-declared" in codes(
        look(pipeline_alert.CHECK, system(**{"pipeline-alert": {"who": "ivo", "deputy": "olga"}}), trial())
    )


@pytest.mark.parametrize("content", [None, b"", b"  \n"])
def test_retraining_without_written_criteria_is_a_gap(content: bytes | None) -> None:
    planted = trial()
    planted.files.contents = {} if content is None else {"retraining.md": content}
    assert codes(look(retraining.CHECK, system(), planted)) == {"no-criteria"}
