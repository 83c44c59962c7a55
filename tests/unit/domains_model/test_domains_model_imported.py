"""Results of other tools count only for this model, whole and recent, and are bounded anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from plants.imported_trial import AFTER, BEFORE, CHECK, NOW, body, filed, observed, served, system
from power.family import judged
from seatrial.core.record import Record
from seatrial.core.vocabulary import Assurance, Outcome, Weight


def outcome(*held: Record, **declared: Any) -> Outcome:
    about = system(**declared)
    return judged(CHECK, about, observed(about, *held))


def codes(*held: Record, **declared: Any) -> set[str]:
    return {f.code for f in observed(system(**declared), *held).findings if f.weight is not Weight.NOTE}


def test_enough_that_passed_is_met_as_observed_evidence() -> None:
    found = observed(system(), BEFORE, filed(body(60)), AFTER)
    assert found.assurance is Assurance.OBSERVED
    assert found.findings == ()
    assert found.measures[0].n == 60
    assert outcome(BEFORE, filed(body(60)), AFTER) is Outcome.MET


def test_the_bound_decides_and_not_the_share() -> None:
    assert outcome(BEFORE, filed(body(20)), AFTER) is Outcome.NOT_DETERMINED
    assert outcome(BEFORE, filed(body(60, 20)), AFTER) is Outcome.NOT_MET


@pytest.mark.parametrize("ending", ["failed", "inconclusive", "errored"])
def test_whatever_did_not_pass_counts_against(ending: str) -> None:
    counts: dict[str, Any] = {ending: 20}
    assert outcome(BEFORE, filed(body(60, **counts)), AFTER) is Outcome.NOT_MET


@pytest.mark.parametrize(
    ("held", "code"),
    [
        ((BEFORE, AFTER), "import-missing"),
        ((BEFORE, filed(body(60, target="rest:other")), AFTER), "import-of-another-target"),
        ((BEFORE, filed(body(60), model="m0")), "import-changed"),
        ((filed(body(60)), AFTER), "import-before-identity"),
        ((served("v0", NOW - timedelta(hours=4)), filed(body(60)), AFTER), "import-of-another-model"),
        (
            (BEFORE, served("v0", NOW - timedelta(hours=2, minutes=30)), filed(body(60)), AFTER),
            "import-of-another-model",
        ),
        ((BEFORE, filed(body(60, problems=("the run did not end",))), AFTER), "import-incomplete"),
        ((BEFORE, filed(body(60, ended_at=NOW)), AFTER), "import-from-the-future"),
        ((BEFORE, filed(body(60, started_at=NOW)), AFTER), "import-from-the-future"),
    ],
)
def test_a_result_that_may_be_about_something_else_establishes_nothing(held: tuple[Record, ...], code: str) -> None:
    assert code in codes(*held)
    assert outcome(*held) is Outcome.NOT_DETERMINED


def test_an_old_result_no_longer_counts() -> None:
    held = (BEFORE, filed(body(60)), AFTER)
    assert codes(*held, at_most="90m") == {"import-too-old"}
    assert outcome(*held, at_most="90m") is Outcome.NOT_DETERMINED


def test_a_result_without_a_unit_establishes_nothing() -> None:
    assert outcome(BEFORE, filed(body(0)), AFTER) is Outcome.NOT_DETERMINED


def test_the_newest_result_counts_and_the_others_are_told() -> None:
    earlier = filed(body(30, 30), at=NOW - timedelta(hours=1, minutes=30))
    found = observed(system(), BEFORE, filed(body(60)), earlier, AFTER)
    told = next(f for f in found.findings if f.code == "import-several")
    assert "30 of 60, 60 of 60" in told.summary
    assert outcome(BEFORE, earlier, filed(body(60)), AFTER) is Outcome.MET


def test_what_did_not_pass_is_named_by_the_tool_s_own_groups() -> None:
    found = observed(system(), BEFORE, filed(body(60, 3)), AFTER)
    assert "dan.Dan 3 of 63" in next(f for f in found.findings if f.code == "import-failed-units").summary


def test_every_code_is_documented_and_the_check_applies_only_where_something_is_declared() -> None:
    held = (BEFORE, filed(body(60, 3, target="x", problems=("cut",)), model="m0"), filed(body(60), at=NOW))
    assert {f.code for f in observed(system(), *held).findings} <= set(CHECK.codes)
    assert CHECK.applies(system())
    assert not CHECK.applies(system(requirement="model.stress"))
    assert CHECK.supplements
