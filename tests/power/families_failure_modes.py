"""model.failure-modes: weak slices of one to three conditions and of texts, and worlds in which nothing is weak.

The search's own power is a measure of its own and tested apart; here it is taken as enough, so that a world that
comes out MET is one in which the search said that nothing was unanswered.
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
from seatrial.core.check import PREDICTION, PROBLEM, SCORE, Trial
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Outcome
from seatrial.domains.model import search_power
from seatrial.domains.model.failure_modes import CHECK
from seatrial.domains.model.searching import POWER
from seatrial.spec.system import System

_REQUIREMENT = "model.failure-modes"
_ROWS, _TEXTS = 12_000, 2_000
_BASE = 0.12
_WORLDS, _OF_TEXTS = 40, 12
_REGISTER = "failure_modes: []\n"
_ENTRY = (
    "failure_modes:\n  - id: rare\n    when: code == 'rare' and load > 0.7\n    consequence: the dock is blocked\n"
    "    handling: call the carrier\n    owner: olga\n"
)
_INPUTS = {
    "code": {"type": "string"},
    "load": {"type": "number"},
    "open": {"type": "boolean"},
    "temp": {"type": "number"},
    "carrier": {"type": "string"},
    "count": {"type": "integer"},
}
_SHARES: dict[tuple[int, float], tuple[float, float, float]] = {
    (1, 0.05): (0.05, 1.0, 1.0),
    (1, 0.02): (0.02, 1.0, 1.0),
    (1, 0.01): (0.011, 1.0, 1.0),
    (2, 0.05): (0.25, 0.2, 1.0),
    (2, 0.02): (0.2, 0.1, 1.0),
    (2, 0.01): (0.11, 0.1, 1.0),
    (3, 0.05): (0.3, 1.0 / 3.0, 0.5),
    (3, 0.02): (0.2, 0.2, 0.5),
    (3, 0.01): (0.22, 0.1, 0.5),
}
"""Conditions and share of the slice: the share of the code, of the upper loads, and of the open ones in it."""

Mask = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[Any]]


def _met(columns: Columns, wrong: Mask, inputs: dict[str, Any], *, task: str = "binary", register: str) -> bool:
    """Whether the gate would let the register stand for these rows."""
    n = wrong.size
    truth = np.where(np.arange(n) % 3 == 0, "late", "fine")
    said = np.where(wrong, np.where(truth == "late", "fine", "late"), truth)
    rng = np.random.default_rng(n)
    # A score that is noisier in some rows than in others is no more errors.
    score = np.clip(np.where(said == "late", 0.8, 0.2) + rng.normal(0, 0.02 + 0.1 * (np.arange(n) % 2), n), 0, 1)
    scored = {"truth": truth, PREDICTION: said, SCORE: score, PROBLEM: pa.nulls(n, pa.string())}
    system = System.model_validate(
        {
            "system": "demo",
            "version": "1",
            "people": {"olga": {"name": "Olga Brandt"}},
            "model": {
                "endpoint": "http://127.0.0.1:1/predict",
                "task": task,
                "inputs": inputs,
                "output": {"prediction": "truth", "score": "score", "positive": "late"},
            },
            "data": {"evaluation": {"source": "e.parquet", "label": "truth"}},
            "failure_modes": "failure-modes.yaml",
        }
    )
    trial = ScoredTrial(
        {"scored.evaluation": pa.table({**columns, **scored})}, files={"failure-modes.yaml": register.encode()}
    )
    trial.parts["failure-modes"] = "f1"
    trial.attest("olga", "failure-modes", "failure-modes.yaml", "failure-modes")
    return judged(CHECK, system, _observed(system, trial)) is Outcome.MET


def _observed(system: System, trial: Trial) -> Observation | Reason:
    """The check with one plant, and the power that it has elsewhere."""
    with patch.object(search_power, "PLANTS", (1,)):
        found = CHECK.run(system, trial)
    if isinstance(found, Reason):
        return found
    enough = tuple(replace(m, value=1.0, lower=1.0, upper=1.0) if m.name == POWER else m for m in found.measures)
    sure = tuple(f for f in found.findings if f.code != "search-too-weak")
    return replace(found, measures=enough, findings=sure)


def _rows(rng: np.random.Generator, rare: float = 0.2, is_open: float = 0.5) -> Columns:
    return {
        "code": np.where(rng.random(_ROWS) < rare, "rare", rng.choice(["a", "b", "c"], _ROWS)),
        "load": rng.random(_ROWS).round(3),
        "open": rng.random(_ROWS) < is_open,
        "temp": rng.normal(10, 8, _ROWS).round(1),
        "carrier": rng.choice(["blue", "green", "red", "grey"], _ROWS, p=[0.4, 0.3, 0.2, 0.1]),
        "count": rng.poisson(3, _ROWS),
    }


def _weak(conditions: int, harm: float, share: float) -> Callable[[int], bool]:
    rare, upper, is_open = _SHARES[conditions, share]

    def caught(seed: int) -> bool:
        rng = np.random.default_rng([seed, conditions])
        columns = _rows(rng, rare, is_open if conditions > 2 else 0.5)
        inside = columns["code"] == "rare"
        if conditions > 1:
            inside &= columns["load"] > 1.0 - upper
        if conditions > 2:
            inside &= columns["open"].astype(bool)
        wrong = rng.random(_ROWS) < _BASE + harm * inside
        return not _met(columns, wrong, _INPUTS, register=_REGISTER)

    return caught


def _nothing_weak(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    return not _met(_rows(rng), rng.random(_ROWS) < _BASE, _INPUTS, register=_REGISTER)


def _one_group_is_large(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    columns = _rows(rng, rare=0.38)
    columns["carrier"] = np.where(columns["code"] == "rare", "red", columns["carrier"])
    return not _met(columns, rng.random(_ROWS) < _BASE, _INPUTS, register=_REGISTER)


def _answered(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    columns = _rows(rng, rare=0.2)
    inside = (columns["code"] == "rare") & (columns["load"] > 0.7)
    return not _met(columns, rng.random(_ROWS) < _BASE + 0.3 * inside, _INPUTS, register=_ENTRY)


def _text_world(seed: int, weak: str, harm: float) -> bool:
    """Whether the gate raises a gap on mails of which those with `weak` in them are wrong more often."""
    rng = np.random.default_rng(seed)
    words = ["please", "send", "the", "order", "again", "today", "my", "parcel", "desk", "answer", "with", "number"]
    written = []
    for i in range(_TEXTS):
        mail = [*rng.choice(words, int(rng.integers(8, 30))), str(i)]
        if rng.random() < 0.12:
            mail.insert(int(rng.integers(0, 8)), "refund")
        if rng.random() < 0.12:
            mail = ["bitte", "schicken", "sie", "mir", "das", "nicht", "mit", "der", "und", *mail[:3]]
        written.append(" ".join(map(str, mail)))
    inside = np.array([weak in text.split() for text in written])
    wrong = rng.random(_TEXTS) < _BASE + harm * inside
    return not _met({"body": np.array(written)}, wrong, {"body": {"type": "string"}}, task="text", register=_REGISTER)


def _harmful(conditions: int, harm: float, share: float) -> Family:
    """What is claimed is the smallest harm of the policy; of weaker slices the rate is only shown."""
    words = f"{conditions} condition{'s' if conditions > 1 else ''}"
    return Family(
        requirement=_REQUIREMENT,
        name=f"a slice of {words} in {share:.0%} of {_ROWS:,} rows, {harm:.0%} more errors",
        harmful=True,
        caught=_weak(conditions, harm, share),
        worlds=_WORLDS,
        claimed=-1.0 if harm > 0.1 and share >= 0.05 else None,
    )


def _of_text(name: str, weak: str, harm: float) -> Family:
    return Family(
        requirement=_REQUIREMENT,
        name=name,
        harmful=harm > 0.0,
        caught=lambda seed: _text_world(seed, weak, harm),
        worlds=_OF_TEXTS,
    )


def _harmless(name: str, caught: Callable[[int], bool]) -> Family:
    return Family(requirement=_REQUIREMENT, name=name, harmful=False, caught=caught, worlds=_WORLDS)


FAMILIES = (
    *(
        _harmful(conditions, harm, share)
        for conditions in (1, 2, 3)
        for share in (0.05, 0.02, 0.01)
        for harm in (0.10, 0.15, 0.20)
    ),
    _of_text("texts that mention one word, 30 % more errors", "refund", 0.3),
    _of_text("texts in another language, 30 % more errors", "bitte", 0.3),
    _of_text("texts with errors everywhere alike", "refund", 0.0),
    _harmless("errors everywhere alike, with a score that is noisier in half of the rows", _nothing_weak),
    _harmless("a group that is large and no worse, known by two fields", _one_group_is_large),
    _harmless("a slice that the register answers in its own words", _answered),
)
