"""The one sentence that the part about failure modes opens with."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_verdict import assessment

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Domain, Outcome, Weight
from seatrial.gate.verdict import Assessment
from seatrial.present.failure_modes import opening

GAP, KNOWN, SMALL = "unanswered-failure-mode", "answered-failure-mode", "small-failure-mode"


def seen(*codes: str, outcome: Outcome = Outcome.NOT_MET, id_: str = "model.failure-modes") -> Assessment:
    told = tuple(
        Finding(
            code=code,
            weight=Weight.GAP if code == GAP else Weight.NOTE,
            summary="…",
            detail={"when": f"x > {n}", "words": f"wind is above {n}", "said": f"{30 - n} % against 10 %"},
        )
        for n, code in enumerate(codes)
    )
    return replace(assessment(id_, Domain.MODEL, outcome), findings=told)


@pytest.mark.parametrize(
    ("codes", "then"),
    [
        ([GAP], "nobody has said yet what happens then"),
        ([KNOWN], "what happens then, and who answers for it, is in the register for this"),
        (
            [KNOWN, KNOWN],
            "what happens then, and who answers for it, is in the register for all of them",
        ),
        (
            [KNOWN, SMALL],
            "what happens then, and who answers for it, is in the register for 1 of them",
        ),
        (
            [GAP, KNOWN],
            "what happens then is in the register for 1 of them, and nobody has said it for 1",
        ),
        ([GAP, SMALL], "nobody has said yet what happens then for 1 of them"),
        ([SMALL], "each is below the harm from which somebody must say what happens then"),
    ],
)
def test_it_says_under_what_conditions_it_will_be_wrong_and_what_happens_then(codes: list[str], then: str) -> None:
    said = opening(seen(*codes))
    assert said.startswith("It will be wrong more often than elsewhere when wind is above 0 (30 % against 10 %)")
    assert said.endswith(f"; {then}.")


def test_what_matters_comes_first_and_the_rest_is_counted() -> None:
    said = opening(seen(SMALL, GAP, GAP, KNOWN, GAP))
    assert "when wind is above 1 (29 % against 10 %), when wind is above 2 (28 % against 10 %), " in said
    assert "above 3 (27 % against 10 %) and under 2 further conditions" in said


def test_without_a_weak_condition_it_says_so_where_that_was_established_and_nothing_elsewhere() -> None:
    assert opening(seen(outcome=Outcome.MET)).startswith("No condition was confirmed")
    assert opening(seen(outcome=Outcome.NOT_DETERMINED)) == ""
    assert opening(seen(GAP, id_="model.trust")) == ""
