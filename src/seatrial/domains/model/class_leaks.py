"""Fields that tell one of several classes from all others, so that they may know the answer for that class alone.

A field that gives away a rare class hardly moves the share of all labels that it tells. So each class is looked at by
itself: how well the field, cut into bins that are learned on one half of the rows, tells it on the other (AUC). A class
may rightly be told by one field, so nothing is held to be a leak here: it stays open until somebody says when the field
is known, and live rows show it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.domains.model import known_together
from seatrial.domains.model.leaks import MOST_ROWS_OF_PARTS, bins_of, told_by_bins
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats.interval import Interval

CODES: Final[Mapping[str, str]] = {
    "class-told": "One field tells one of the classes from all others, and nobody has said when it is known.",
}
CUT: Final = 0.98
"""The AUC from which a field tells a class so well that it may know it."""
CERTAIN: Final = 0.85
"""What that AUC must certainly be: few rows of a class prove little."""
_FEWEST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldClass:
    """How well one field, or the part of it that `name` tells, tells one class from all others (AUC)."""

    field: str
    name: str
    label: str
    found: Interval


def class_leaks(
    system: System,
    features: Sequence[Feature],
    outcomes: Outcomes,
    inputs: Mapping[str, InputField],
    live: Mapping[str, float],
    *,
    alpha: float,
    seed: int,
) -> Iterator[Finding]:
    """A finding for each field, with the class that it tells best. Only where there are three classes or more."""
    for each in told_classes(features, outcomes, alpha=alpha, seed=seed):
        told = (
            f"{each.name} alone tells the class {each.label} from all others: AUC {each.found.value:.3f}, at least "
            f"{each.found.lower:.3f}"
        )
        detail = {"value": each.found.value, "lower": each.found.lower, "cut": CUT}
        known = known_together.judgement(system, (each.field,), told, detail, inputs, live)
        yield known or Finding(
            code="class-told",
            weight=Weight.OPEN,
            summary=told,
            fields=(each.field,),
            remedy=f"Find out when {each.field} is known. If only after the outcome, drop it, train and evaluate anew; "
            f"if it is known before, say when in model.inputs.{each.field}.known, and name in its fed_by the "
            "integration that it comes from.",
            why="Live, a field that follows from the outcome is not known yet, and the model then misses that class.",
            detail=detail,
        )


def told_classes(features: Sequence[Feature], outcomes: Outcomes, *, alpha: float, seed: int) -> list[ToldClass]:
    """Of each field the class that it tells best, where it tells one. Looks at 12,000 rows, drawn at random."""
    if outcomes.task != "multiclass" or len(outcomes.classes) < 3:
        return []
    rng = np.random.default_rng(seed)
    if outcomes.n > MOST_ROWS_OF_PARTS:
        outcomes = outcomes.at(np.sort(rng.choice(outcomes.n, MOST_ROWS_OF_PARTS, replace=False)).astype(np.int64))
    truth = outcomes.truth.astype(np.int64)
    sizes = np.bincount(truth, minlength=len(outcomes.classes))
    fold = rng.integers(0, 2, outcomes.n)
    best: dict[str, ToldClass] = {}
    for feature in features:
        codes = bins_of(feature.at(outcomes.rows))
        cells = np.bincount(codes * sizes.size + truth, minlength=(int(codes.max()) + 1) * sizes.size)
        cells = cells.reshape(-1, sizes.size)
        for k in np.flatnonzero((sizes >= _FEWEST) & (sizes < outcomes.n)):
            # What is learned and judged on the same rows is no less: most classes need no closer look.
            if _flattered(cells[:, k], cells.sum(axis=1)) < CUT:
                continue
            found = told_by_bins(codes, truth == k, fold, alpha)
            known = best.get(feature.source)
            if found.value >= CUT and found.lower >= CERTAIN and (known is None or found.value > known.found.value):
                best[feature.source] = ToldClass(
                    field=feature.source, name=feature.name, label=outcomes.classes[int(k)], found=found
                )
    return sorted(best.values(), key=lambda told: (-told.found.lower, told.field))


def _flattered(positives: np.ndarray, rows: np.ndarray) -> float:
    """The AUC of the bins' own shares of positives, on the rows that they were taken from."""
    there = rows > 0
    one, zero = positives[there].astype(np.float64), (rows - positives)[there].astype(np.float64)
    order = np.argsort(one / (one + zero), kind="stable")
    below = np.cumsum(zero[order]) - zero[order]
    return float((one[order] * (below + zero[order] / 2.0)).sum() / (one.sum() * zero.sum()))
