"""model.failure-modes by means: larger errors of predicted numbers, and rows that were labelled with unequal chances.

As in `families_failure_modes`, the power that the search measures of itself is tested apart and taken as enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from plants.scored_trial import ScoredTrial
from power.family import Family, judged
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Reason
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model import search_power
from seatrial.domains.model.failure_modes import CHECK
from seatrial.domains.model.searching import POWER, POWER_OF_MEANS
from seatrial.spec.system import System

_REQUIREMENT = "model.failure-modes"
_ROWS = 12_000
_WORLDS = 30
_INPUTS = {
    "pieces": {"type": "integer"},
    "month": {"type": "string"},
    "shop": {"type": "string"},
    "open": {"type": "boolean"},
    "temp": {"type": "number"},
}

Columns = dict[str, npt.NDArray[Any]]
Floats = npt.NDArray[np.float64]


def _met(columns: Columns, off: Floats, **declared: Any) -> bool:
    """Whether the gate would let an empty register stand for predictions that are `off` by so much."""
    n = off.size
    demand = np.random.default_rng(n).integers(50, 900, n).astype(float)
    scored = {"demand": demand, PREDICTION: demand + off, SCORE: pa.nulls(n), PROBLEM: pa.nulls(n, pa.string())}
    system = System.model_validate(
        {
            "system": "demo",
            "version": "1",
            "people": {"olga": {"name": "Olga Brandt"}},
            "model": {
                "endpoint": "http://127.0.0.1:1/predict",
                "task": "regression",
                "inputs": _INPUTS,
                "output": {"prediction": "demand", "unit": "pieces"},
            },
            "governance": {"metrics": declared.pop("metrics", [])},
            "data": {"evaluation": {"source": "e.parquet", "label": "demand", **declared}},
            "failure_modes": "failure-modes.yaml",
        }
    )
    trial = ScoredTrial(
        {"scored.evaluation": pa.table({**columns, **scored})}, files={"failure-modes.yaml": b"failure_modes: []\n"}
    )
    trial.parts["failure-modes"] = "f1"
    trial.attest("olga", "failure-modes", "failure-modes.yaml", "failure-modes")
    with patch.object(search_power, "PLANTS", (1,)):
        found = CHECK.run(system, trial)
    if not isinstance(found, Reason):
        sure = (POWER, POWER_OF_MEANS)
        found = replace(
            found,
            measures=tuple(
                replace(m, lower=1.0, value=1.0, upper=1.0) if m.name in sure else m for m in found.measures
            ),
            findings=tuple(f for f in found.findings if f.code != "search-too-weak"),
        )
    return judged(CHECK, system, found) is Outcome.MET


def _orders(rng: np.random.Generator, n: int = _ROWS) -> Columns:
    return {
        "pieces": rng.integers(1, 1000, n),
        "month": rng.choice(["October", "November", "December", "January"], n),
        "shop": rng.choice(["north", "south", "east"], n),
        "open": rng.random(n) < 0.5,
        "temp": rng.normal(10, 8, n).round(1),
    }


def _larger(times: float, noise: Callable[[np.random.Generator], Floats], **declared: Any) -> Callable[[int], bool]:
    """Errors that are so many times as large for large orders in December, an eighth of a half of all rows."""

    def caught(seed: int) -> bool:
        rng = np.random.default_rng([seed, 1])
        columns = _orders(rng)
        inside = (columns["month"] == "December") & (columns["pieces"] > 750)
        return not _met(columns, noise(rng) * np.where(inside, times, 1.0), **declared)

    return caught


def _even(rng: np.random.Generator) -> Floats:
    return rng.normal(0.0, 15.0, _ROWS)


def _skewed(rng: np.random.Generator) -> Floats:
    return rng.choice([-1.0, 1.0], _ROWS) * rng.lognormal(2.0, 1.0, _ROWS)


def _rarely_huge(seed: int) -> bool:
    """Of large orders in December one of twelve is off by forty times as much, and no more of them than a note."""
    rng = np.random.default_rng([seed, 2])
    columns = _orders(rng)
    inside = (columns["month"] == "December") & (columns["pieces"] > 750)
    off = _even(rng)
    off[inside & (rng.random(_ROWS) < 0.08)] = 600.0
    return not _met(columns, off, metrics=[{"metric": "within@45", "minimum": 0.5}])


def _unequal(harm: float) -> Callable[[int], bool]:
    """Rush orders are wrong more often, and of the north's rush orders four times as many were labelled as of others.

    As the rows are drawn the north is wrong more often; by their weights it is not, unless `harm` is planted.
    """

    def caught(seed: int) -> bool:
        rng = np.random.default_rng([seed, 3])
        columns = _orders(rng, 4 * _ROWS)
        rush = rng.random(4 * _ROWS) < 0.2
        north = columns["shop"] == "north"
        chance = np.where(rush & north, 1.0, 0.25)
        wrong = rng.random(4 * _ROWS) < np.where(rush, 0.6, 0.1) + harm * north
        kept = rng.random(4 * _ROWS) < chance
        taken = {name: values[kept] for name, values in columns.items()} | {"stands_for": 1.0 / chance[kept]}
        within = [{"metric": "within@50", "minimum": 0.5}]
        return not _met(taken, np.where(wrong[kept], 100.0, 0.0), metrics=within, weight="stands_for")

    return caught


def _family(name: str, caught: Callable[[int], bool], *, harmful: bool, shown: bool = False) -> Family:
    return Family(
        requirement=_REQUIREMENT,
        name=name,
        harmful=harmful,
        caught=caught,
        worlds=_WORLDS,
        claimed=None if shown else -1.0,
    )


FAMILIES = (
    *(
        _family(f"numbers off by {times:.0%} of the usual in 6% of {_ROWS:,} rows", _larger(times, _even), harmful=True)
        for times in (1.5, 2.0)
    ),
    _family(
        f"numbers off by 125% of the usual in 6% of {_ROWS:,} rows", _larger(1.25, _even), harmful=True, shown=True
    ),
    _family(
        f"skewed errors twice as large in 6% of {_ROWS:,} rows, counted up to a governed cap",
        _larger(2.0, _skewed, metrics=[{"metric": "mae@60", "maximum": 30.0}]),
        harmful=True,
    ),
    _family("numbers that are hardly more often off too far, and then hugely", _rarely_huge, harmful=True),
    _family("a group with 15% more errors among rows drawn with unequal chances", _unequal(0.15), harmful=True),
    _family("errors of numbers everywhere alike", _larger(1.0, _even), harmful=False),
    _family("skewed errors of numbers everywhere alike", _larger(1.0, _skewed), harmful=False),
    _family("a group that is worse only as its rows were drawn, with weights declared", _unequal(0.0), harmful=False),
)
