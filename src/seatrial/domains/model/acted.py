"""What people act on: which answers are wrong for them, which are acted on, and how sure the model says it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seatrial.domains.scored.metrics import governed
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.spec.system import System

_LARGE_ERROR = 0.8
_MOSTLY = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """One entry for each labelled row.

    `wrong`: the answer as people act on it is wrong, which `meaning` says in words. `region`: it is acted on.
    `confidence`: from 0 to 1 how sure the model is of what came true where `right`; NaN where it says nothing usable.
    `answer`: which of the `classes` it gave, -1 where none, or where there are no classes to tell apart.
    """

    wrong: Mask
    meaning: str
    region: Mask
    confidence: Floats
    right: Mask
    answer: Ints
    classes: tuple[str, ...] = ()


def acted_on(system: System, found: Outcomes) -> Acted:
    """The labelled rows as people meet them.

    A binary answer is acted on where its score reaches `act_at`, or where it is the positive label; another
    classification's where its score reaches `act_at`, or always; a chat's likewise, but never where it says that it
    does not know or says nothing, since nobody has anything to act on there; a number always.
    """
    act_at = system.model.output.act_at
    scored = ~np.isnan(found.score)
    everything, none = np.ones(found.n, dtype=bool), np.full(found.n, -1, dtype=np.int64)
    if found.task == "regression":
        wrong, meaning = far_off(system, found)
        return Acted(wrong=wrong, meaning=meaning, region=everything, confidence=found.score, right=~wrong, answer=none)
    with np.errstate(invalid="ignore"):
        reaches = everything if act_at is None else np.asarray(found.score >= act_at, dtype=bool)
    if found.task != "binary":
        answer = found.predicted.astype(np.int64) if found.task == "multiclass" else none
        if found.task == "chat":
            reaches = reaches & found.answered & ~found.marks["abstained"]
        return Acted(
            wrong=found.wrong,
            meaning="wrong",
            region=reaches,
            confidence=found.score,
            right=~found.wrong,
            answer=answer,
            classes=found.classes,
        )
    positive = np.asarray(found.truth == found.positive, dtype=bool)
    if act_at is None or not scored.any():
        region = np.asarray(found.answered & (found.predicted == found.positive), dtype=bool)
        wrong = found.wrong
    else:
        region = reaches
        wrong = np.asarray(~scored | (reaches != positive), dtype=bool)
    return Acted(wrong=wrong, meaning="wrong", region=region, confidence=found.score, right=positive, answer=none)


def far_off(system: System, found: Outcomes) -> tuple[Mask, str]:
    """Which numbers count as wrong, and what that means in words.

    Off by more than the governed tolerance; without one the fifth that is farthest off. Where many rows are off by
    the same amount that fifth may end among equals, and all of them count.
    """
    error = np.where(found.answered, np.abs(found.predicted - found.truth), np.inf)
    for metric in governed(system):
        name, at, cap = metric.name.partition("@")
        if at and name in {"within", "beyond"} and is_number(cap):
            return np.asarray(error > float(cap), dtype=bool), f"off by more than {cap}"
    cut = float(np.quantile(error[found.answered], _LARGE_ERROR))
    beyond = np.asarray(error > cut, dtype=bool)
    if cut > 0.0 and beyond.mean() < (1.0 - _LARGE_ERROR) * _MOSTLY:
        return np.asarray(error >= cut, dtype=bool), f"off by {cut:.4g} or more"
    return beyond, f"among the fifth that is farthest off (by more than {cut:.4g})"


def is_number(text: str) -> bool:
    """Whether the text is a finite number, as the limit in the name of a metric must be."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
