"""Change management: an approved plan with its teams, and what people really did, bounded by workflow and team."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import pytest

from plants.planted_trial import NOW, PlantedTable, PlantedTrial
from seatrial.core.observation import Json, Observation
from seatrial.core.vocabulary import Assurance, Outcome, Weight
from seatrial.domains.organization.change_management import CHECK
from seatrial.gate.judging import Judgement, judge, unmeasured
from seatrial.spec.system import System

PLAN = b"""---
owner: sven
teams: [docks, yard]
expects: {acted_on: 0.6, ignored: 30 %}
---
# Change plan

## What we expect
That six of ten warnings are acted on.
"""
LOG: dict[str, Any] = {
    "source": "responses.csv",
    "key": "id",
    "workflow": "workflow",
    "team": "team",
    "response": "did",
    "values": {"acted_on": ["held"], "overridden": ["kept"], "ignored": ["unread"]},
    "at": "at",
    "workaround": "note",
}
CHANGE: dict[str, Any] = {
    "plan": "plan.md",
    "who": "sven",
    "acted_on": {"at_least": 0.6},
    "ignored": {"at_most": 0.3},
    "log": LOG,
}


def system(
    people: Mapping[str, Any] | None = None, workflows: Mapping[str, Any] | None = None, **change: Any
) -> System:
    declared: dict[str, Any] = {
        "system": "arrival-delay",
        "version": "1",
        "people": {p: {"name": p.title()} for p in ("olga", "sven", "carl")} | dict(people or {}),
        "model": {"task": "binary", "endpoint": "http://127.0.0.1:1/predict"},
        "workflows": workflows or {"docking": {"users": "docks"}, "staffing": {"users": "yard"}},
        "change": {**CHANGE, **change},
    }
    return System.model_validate(declared)


def rows(acted: int = 80, kept: int = 10, ignored: int = 10, **other: Json) -> Iterator[Mapping[str, Json]]:
    """So many outputs of each of the two workflows; `other` changes every row."""
    for workflow, team in (("docking", "docks"), ("staffing", "yard")):
        did = ["held"] * acted + ["kept"] * kept + [""] * ignored
        for at, response in enumerate(did):
            yield {
                "id": f"{team}-{at}",
                "workflow": workflow,
                "team": team,
                "did": response,
                "at": (NOW - timedelta(days=1)).isoformat(),
                "note": "",
                **other,
            }


def trial(table: list[Mapping[str, Json]] | None = None) -> PlantedTrial:
    planted = PlantedTrial(files={"plan.md": PLAN}, parts={"change": "digest", "document.plan.md": "plan"})
    planted.tables["change.log"] = PlantedTable(list(rows()) if table is None else table)
    planted.accept("sven", "change", "change")
    planted.attest("carl", "change-plan", "plan.md", "document.plan.md")
    return planted


def look(declared: System, planted: PlantedTrial) -> Observation:
    seen = CHECK.run(declared, planted)
    assert isinstance(seen, Observation)
    assert {f.code for f in seen.findings} <= set(CHECK.codes)
    assert all(f.remedy for f in seen.findings)
    return seen


def codes(seen: Observation) -> set[str]:
    return {f.code for f in seen.findings if f.weight is not Weight.NOTE}


def judged(declared: System, seen: Observation) -> Judgement:
    return judge(seen, {t.measure: t for t in CHECK.limits(declared)})


def test_an_approved_plan_and_outputs_that_are_acted_on_establish_it() -> None:
    seen = look(system(), trial())
    assert codes(seen) == set()
    assert seen.assurance is Assurance.OBSERVED
    assert judged(system(), seen).outcome is Outcome.MET
    assert not unmeasured({t.measure: t for t in CHECK.limits(system())}, [seen])


def test_rows_in_another_order_and_said_twice_alike_change_nothing() -> None:
    table = [*rows(), *rows()][::-1]
    assert look(system(), trial(table)).measures == look(system(), trial()).measures


def test_every_share_is_bounded_by_workflow_and_by_team() -> None:
    named = {m.name: m for m in look(system(), trial()).measures}
    acted = named["acted on, docking"]
    assert (acted.value, acted.n) == (0.8, 100)
    assert acted.lower == pytest.approx(0.7228, abs=1e-3)
    assert named["ignored, team yard"].upper == pytest.approx(0.1637, abs=1e-3)


def test_one_team_that_does_not_use_it_is_not_hidden_by_the_other() -> None:
    table = [r for r in rows(95, 5, 0) if r["team"] == "docks"]
    table += [r for r in rows(30, 35, 35) if r["team"] == "yard"]
    judgement = judged(system(), look(system(), trial(table)))
    assert judgement.outcome is Outcome.NOT_MET
    assert {j.measure.name for j in judgement.measures if j.outcome is Outcome.NOT_MET} >= {"acted on, team yard"}


def test_too_few_outputs_say_how_many_more() -> None:
    judgement = judged(system(), look(system(), trial(list(rows(7, 2, 1)))))
    assert judgement.outcome is Outcome.NOT_DETERMINED
    assert judgement.code == "insufficient"
    needed = [j.needed for j in judgement.measures if j.needed]
    assert needed
    assert all(n.startswith("Record ") and n.endswith(" more outputs.") for n in needed)


def test_ignored_more_often_than_the_plan_expects_is_not_met() -> None:
    strict = system(ignored={"at_most": 0.02})
    assert judged(strict, look(strict, trial())).outcome is Outcome.NOT_MET


def test_workarounds_are_reported_and_limited_where_the_plan_limits_them() -> None:
    table = [{**r, "note": "own list"} if at % 4 == 0 else r for at, r in enumerate(rows())]
    seen = look(system(), trial(table))
    (found,) = (f for f in seen.findings if f.code == "workarounds")
    assert "own list (50)" in found.summary
    assert found.weight is Weight.NOTE
    strict = system(workarounds={"at_most": 0.05})
    assert judged(strict, look(strict, trial(table))).outcome is Outcome.NOT_MET


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ([r for r in rows() if r["team"] == "docks"], "nothing-recorded"),
        ([], "log-unreadable"),
        (list(rows(at=(NOW - timedelta(days=91)).isoformat())), "nothing-recorded"),
        ([*rows(), *rows(1, 0, 0, did="shrugged", id="x")], "unknown-response"),
        ([*rows(), *rows(0, 1, 0)], "contradicting-responses"),
        ([*rows(), *rows(1, 0, 0, at=None, id="y")], "rows-not-counted"),
        ([*rows(), *rows(1, 0, 0, team=None, id="z")], "rows-not-counted"),
        ([*rows(), {**next(rows()), "team": "night", "id": "n"}], "not-declared"),
        (list(rows(100, 0, 0)), "nobody-disagreed"),
        ([{k: v for k, v in r.items() if k != "note"} for r in rows()], "log-unreadable"),
    ],
)
def test_a_log_that_does_not_tell_everything_is_never_met(table: list[Mapping[str, Json]], code: str) -> None:
    seen = look(system(), trial(table))
    assert code in codes(seen)
    assert judged(system(), seen).outcome is not Outcome.MET


def test_a_table_that_is_not_there_is_not_determined() -> None:
    planted = trial()
    del planted.tables["change.log"]
    seen = look(system(), planted)
    assert codes(seen) == {"log-unreadable"}
    assert judged(system(), seen).outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"plan": None}, "no-plan"),
        ({"plan": "gone.md"}, "no-plan"),
        ({"who": None}, "nobody-named"),
        ({"who": "olga"}, "plan-of-another-owner"),
        ({"acted_on": {}}, "no-expectation"),
        ({"acted_on": {"at_least": 0}}, "no-expectation"),
        ({"acted_on": {"at_least": 0.4}}, "looser-than-plan"),
        ({"ignored": {"at_most": 0.4}}, "looser-than-plan"),
        ({"ignored": {}}, "looser-than-plan"),
        ({"log": None}, "no-log"),
    ],
)
def test_what_the_declaration_lacks_is_a_gap(change: dict[str, Any], code: str) -> None:
    declared = system(**change)
    seen = look(declared, trial())
    assert code in codes(seen)
    assert judged(declared, seen).outcome is Outcome.NOT_MET


@pytest.mark.parametrize("expects", [b"", b"expects: {ignored: 0.3}\n", b"expects: {acted_on: most}\n"])
def test_an_expectation_that_the_approved_plan_does_not_state_fits_nothing(expects: bytes) -> None:
    planted = PlantedTrial(
        files={"plan.md": PLAN.replace(b"expects: {acted_on: 0.6, ignored: 30 %}\n", expects)},
        parts={"change": "digest", "document.plan.md": "plan"},
    )
    planted.tables["change.log"] = PlantedTable(list(rows()))
    planted.accept("sven", "change", "change")
    planted.attest("carl", "change-plan", "plan.md", "document.plan.md")
    assert codes(look(system(), planted)) == {"expectation-not-in-plan"}


def test_a_plan_that_was_edited_after_its_approval_is_approved_by_nobody() -> None:
    planted = trial()
    planted.files.contents["plan.md"] += b"\nOne more line.\n"
    assert codes(look(system(), planted)) == {"plan-not-approved"}


def test_its_own_owner_does_not_approve_it_and_neither_does_who_left() -> None:
    planted = PlantedTrial(files={"plan.md": PLAN}, parts={"change": "digest", "document.plan.md": "plan"})
    planted.tables["change.log"] = PlantedTable(list(rows()))
    planted.accept("sven", "change", "change")
    planted.attest("sven", "change-plan", "plan.md", "document.plan.md")
    assert codes(look(system(), planted)) == {"plan-not-approved"}
    left = system(people={"carl": {"name": "Carl", "left_on": date(2026, 11, 1)}})
    assert codes(look(left, trial())) == {"plan-not-approved"}


def test_a_group_that_the_plan_forgets_is_named() -> None:
    declared = system(workflows={"docking": {"users": "docks"}, "staffing": {"users": "night"}})
    assert {"team-not-in-plan", "nothing-recorded", "not-declared"} <= codes(look(declared, trial()))


def test_an_owner_who_never_accepted_or_left_is_a_gap() -> None:
    planted = trial()
    planted.parts["change"] = "another"
    assert codes(look(system(), planted)) == {"not-accepted"}
    left = system(people={"sven": {"name": "Sven", "left_on": date(2026, 11, 1)}})
    assert codes(look(left, trial())) == {"left"}
