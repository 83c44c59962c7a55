"""A class that the model never answers is a gap, though the accuracy clears its limit; a rare or judged one is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.model.never_given import never_given
from seatrial.domains.scored.metrics import Governed
from seatrial.domains.scored.outcomes import Outcomes

ACCURACY = Governed(name="accuracy", sense=Sense.AT_LEAST, limit=0.8)
RECALL = Governed(name="recall:stop", sense=Sense.AT_LEAST, limit=0.7)


def outcomes(*, stops: int = 100, task: str = "multiclass", **more: object) -> Outcomes:
    """A thousand rows of ok and inspect, and these stops, all of them taken for inspect."""
    truth = np.repeat([0.0, 1.0, 2.0], [800, 200, stops])
    made = Outcomes(
        task=task,
        rows=np.arange(truth.size, dtype=np.int64),
        truth=truth,
        predicted=np.minimum(truth, 1.0),
        answered=np.ones(truth.size, dtype=bool),
        score=np.full(truth.size, 0.9),
        classes=("ok", "inspect", "stop"),
        positive=-1,
    )
    return replace(made, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("stops", [59, 100])
def test_a_class_that_is_never_answered_is_a_gap_under_a_plan_of_accuracy(stops: int) -> None:
    (finding,) = never_given("condition", [ACCURACY], outcomes(stops=stops))
    assert finding.weight is Weight.GAP
    assert finding.code == "label-never-given"
    assert f"never answers stop, though {stops} of {1000 + stops} rows" in finding.summary
    assert "recall:stop" in finding.remedy


def test_answers_that_do_not_count_give_no_class() -> None:
    answered = np.ones(1100, dtype=bool)
    answered[-1] = False
    predicted = np.minimum(outcomes().truth, 1.0)
    predicted[-1] = 2.0
    assert list(never_given("condition", [ACCURACY], outcomes(predicted=predicted, answered=answered)))


def test_where_it_is_answered_once_too_rare_or_judged_by_its_own_limit_nothing_is_said() -> None:
    once = np.minimum(outcomes().truth, 1.0)
    once[-1] = 2.0
    assert not list(never_given("condition", [ACCURACY], outcomes(predicted=once)))
    assert not list(never_given("condition", [ACCURACY], outcomes(stops=58)))
    assert not list(never_given("condition", [ACCURACY, RECALL], outcomes()))
    assert list(never_given("condition", [ACCURACY, replace(RECALL, limit=None)], outcomes()))


def test_what_is_acted_on_by_score_or_answered_as_a_list_is_left_alone() -> None:
    assert not list(never_given("condition", [ACCURACY], outcomes(task="binary")))
    assert not list(never_given("condition", [ACCURACY], outcomes(ranks=np.zeros(1100, dtype=np.int64))))
