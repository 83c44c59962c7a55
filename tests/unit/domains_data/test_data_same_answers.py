"""Whether answers given during an outage are held against those before and afterwards, or it is said why not."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

import pytest

from seatrial.core.ports import Row
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.same_answers import Otherwise, otherwise
from seatrial.domains.flows.undisturbed import Undisturbed
from seatrial.spec.integration import Flow

FLOW = Flow.model_validate(
    {
        "name": "warn",
        "in": "deliveries",
        "out": "planner",
        "key": "id",
        "within": "1s",
        "peak": "1/s",
        "answers": {"risk": "score"},
    }
)


def _passage(answers: Sequence[tuple[str, float]]) -> Passage:
    sent: list[Row] = [{"id": f"k{at}", "dock": dock} for at, (dock, _) in enumerate(answers)]
    return Passage(
        flow=FLOW,
        sent=sent,
        accepted=[True] * len(sent),
        scheduled_s=[float(at) for at in range(len(sent))],
        after_s=[0.1] * len(sent),
        copies={f"k{at}": [{"id": f"k{at}", "risk": risk}] for at, (_, risk) in enumerate(answers)},
        lag_s=[0.0] * len(sent),
        planned=len(sent),
        step_s=0.1,
    )


def _told(before: Sequence[tuple[str, float]], meanwhile: Sequence[tuple[str, float]]) -> Otherwise:
    undisturbed = cast("Undisturbed", SimpleNamespace(flow=FLOW, passage=_passage(before)))
    return otherwise(undisturbed, [(100.0, _passage(meanwhile))])


STEADY = [("A", 0.2), ("B", 0.7), ("A", 0.2), ("B", 0.7)]


@pytest.mark.parametrize(
    ("before", "meanwhile", "other", "moved", "varied"),
    [
        (STEADY, [*STEADY], 0, 0, False),
        (STEADY, [("A", 0.5), ("B", 0.5), ("A", 0.2), ("B", 0.7)], 2, 0, False),
        (STEADY, [("A", 0.5), ("B", 0.7), ("A", 0.5), ("B", 0.7)], 0, 2, False),
        ([*STEADY, ("A", 0.4)], [("A", 0.5), ("B", 0.5), ("A", 0.2), ("B", 0.7)], 0, 0, True),
    ],
    ids=["the same", "made up and back", "made up for good, or the source moved on", "one of the contents varies"],
)
def test_answers_that_went_away_are_counted_as_what_they_are(
    before: Sequence[tuple[str, float]], meanwhile: Sequence[tuple[str, float]], other: int, moved: int, varied: bool
) -> None:
    told = _told(before, meanwhile)
    assert (told.other, told.moved, told.varied) == (other, moved, varied)


def test_what_comes_back_once_a_flow_is_driven_on_was_made_up() -> None:
    undisturbed = cast("Undisturbed", SimpleNamespace(flow=FLOW, passage=_passage(STEADY)))
    away, later = _passage([("A", 0.5), ("B", 0.5)]), _passage([("A", 0.2)])
    told = otherwise(undisturbed, [(100.0, away), (110.0, later)])
    assert (told.other, told.moved) == (1, 1)
    # Which of them was first goes by their times, not by their places.
    told = otherwise(undisturbed, [(110.0, away), (100.0, later)])
    assert (told.other, told.moved) == (0, 2)
