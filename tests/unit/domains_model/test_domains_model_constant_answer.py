"""A constant answer that meets every governed limit is told: the plan does not tell the model from none then."""

from __future__ import annotations

import numpy as np
import pytest

from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.model.constant_answer import constant_answer
from seatrial.domains.scored.metrics import Governed
from seatrial.domains.scored.outcomes import Outcomes


def at_least(name: str, limit: float) -> Governed:
    return Governed(name=name, sense=Sense.AT_LEAST, limit=limit)


def at_most(name: str, limit: float) -> Governed:
    return Governed(name=name, sense=Sense.AT_MOST, limit=limit)


def outcomes(task: str) -> Outcomes:
    """A hundred rows: of three classes with shares 73, 24 and 3 %, of two with 80 and 20 %, or numbers."""
    shares = {"multiclass": [73, 24, 3], "binary": [80, 20], "regression": [100]}[task]
    truth = np.repeat(np.arange(len(shares), dtype=float), shares)
    if task == "regression":
        truth = np.linspace(0.0, 100.0, 100)
    return Outcomes(
        task=task,
        rows=np.arange(100, dtype=np.int64),
        truth=truth,
        predicted=truth.copy(),
        answered=np.ones(100, dtype=bool),
        score=np.full(100, np.nan if task == "regression" else 0.9),
        classes={"multiclass": ("small", "standard", "injury"), "binary": ("0", "1"), "regression": ()}[task],
        positive=1 if task == "binary" else -1,
    )


@pytest.mark.parametrize(
    ("task", "metrics", "answer"),
    [
        ("multiclass", [at_least("accuracy", 0.7)], "small"),
        ("multiclass", [at_least("accuracy", 0.75)], None),
        ("multiclass", [at_least("accuracy", 0.7), at_least("recall:injury", 0.5)], None),
        ("binary", [at_least("recall@0.5", 0.7)], "1"),
        ("binary", [at_least("recall@0.5", 0.7), at_least("precision@0.5", 0.5)], None),
        ("binary", [at_most("false-alarm", 0.1)], "0"),
        ("binary", [at_least("auc", 0.7)], None),
        ("regression", [at_most("mae@0.5", 0.499)], "50"),
        ("regression", [at_most("mae@60", 10.0)], None),
        ("regression", [at_least("metrics/own.py:saved", 0.1), at_most("mae@60", 60.0)], None),
        ("binary", [Governed(name="accuracy", sense=Sense.AT_LEAST, limit=None)], None),
    ],
)
def test_limits_that_need_no_model_are_told_with_the_answer_that_meets_them(
    task: str, metrics: list[Governed], answer: str | None
) -> None:
    told = list(constant_answer(metrics, outcomes(task)))
    assert len(told) == (answer is not None)
    for each in told:
        assert each.weight is Weight.NOTE
        assert each.summary.startswith(f"whoever answers {answer} to every row")
