"""What two numbers tell together: their sum, difference, product or quotient can be the label that neither tells alone.

Net and tax make the gross amount, the hour of arrival less the planned one makes the delay. A search over all pairs
ranks what comes out on some rows; the best are judged on all of them, at a level that allows for every pair that was
looked at. A model of its own merit comes near to no such identity, so that the demand is higher than for one field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from seatrial.domains.model.leaks import explained, knowing
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature, Floats, Ints
from seatrial.stats.interval import Interval

CUT: Final[Mapping[str, float]] = {"binary": 0.97, "multiclass": 0.99, "regression": 0.99}
"""From here on two numbers tell the label: AUC, share of labels told, share of the variance explained."""
_MOST_FIELDS: Final = 24
_SEARCHED: Final = 2000
_JUDGED: Final = 3
_FEWEST: Final = 200
_WAYS: Final[Mapping[str, Callable[[Floats, Floats], Floats]]] = {
    "plus": np.add,
    "less": np.subtract,
    "times": np.multiply,
    "divided by": np.divide,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """How well two fields tell the label, put together as `name` says; `scale` says in which figure."""

    fields: tuple[str, str]
    name: str
    found: Interval
    scale: str


def together(
    features: Sequence[Feature], outcomes: Outcomes, *, alpha: float, seed: int, known: Collection[str] = ()
) -> list[Together]:
    """The pairs that tell most, strongest first; none for free answers and for fewer rows than tell anything.

    Pairs of two fields that are declared as `known` are judged beside the others, so that they never crowd one out.
    """
    numbers = [f for f in features if f.numbers is not None and f.name == f.source][:_MOST_FIELDS]
    if outcomes.task not in CUT or outcomes.n < _FEWEST or len(numbers) < 2:
        return []
    rng = np.random.default_rng(seed)
    some = np.sort(rng.permutation(outcomes.n)[:_SEARCHED])
    sample = outcomes.at(some)
    target = _targets(sample)
    ordered = np.sort(target, axis=0)
    looked: list[tuple[float, Feature, Feature, str]] = []
    for a, b in combinations(numbers, 2):
        for way in _WAYS:
            for first, second in ((a, b), (b, a)) if way == "divided by" else ((a, b),):
                looked.append((_told(_combined(first, second, way, sample.rows), target, ordered), first, second, way))
    looked.sort(key=lambda each: (-each[0], each[1].name, each[2].name, each[3]))
    level = alpha / len(looked)
    declared = [each for each in looked if each[1].source in known and each[2].source in known]
    others = [each for each in looked if not (each[1].source in known and each[2].source in known)]
    return [_judged(*each[1:], outcomes, level, seed) for each in (*others[:_JUDGED], *declared[:_JUDGED])]


def _combined(a: Feature, b: Feature, way: str, rows: Ints) -> Floats:
    with np.errstate(all="ignore"):
        found = _WAYS[way](np.asarray(a.numbers)[rows], np.asarray(b.numbers)[rows])
    return np.where(np.isfinite(found), found, np.nan)


def _targets(outcomes: Outcomes) -> Floats:
    """Columns of ranks, or of zeros and ones for each class, that a combination can go along with; centred."""
    if outcomes.task == "regression":
        wanted = _ranks(outcomes.truth)[:, None]
    else:
        classes = np.unique(outcomes.truth)
        wanted = (outcomes.truth[:, None] == classes[None, :]).astype(np.float64)
    centred: Floats = wanted - wanted.mean(axis=0)
    return centred


def _told(values: Floats, target: Floats, ordered: Floats) -> float:
    """The largest correlation of the values' ranks with a target, relative to what a perfect order would have.

    `ordered` is each target in its own order: of many classes to sort them for every pair would take minutes.
    """
    given = ~np.isnan(values)
    if given.sum() < _FEWEST:
        return 0.0
    ranks = _ranks(np.where(given, values, np.nanmedian(values)))
    ranks -= ranks.mean()
    best = ordered.T @ np.sort(ranks)
    reached = np.abs(target.T @ ranks)
    return float(np.max(reached / np.maximum(best, 1e-12)))


def _ranks(values: Floats) -> Floats:
    levels, place = np.unique(values, return_inverse=True)
    return np.asarray(place, dtype=np.float64) if levels.size > 1 else np.zeros(values.size)


def _judged(a: Feature, b: Feature, way: str, outcomes: Outcomes, alpha: float, seed: int) -> Together:
    name = f"{a.name} {way} {b.name}"
    whole = np.full(np.asarray(a.numbers).size, np.nan)
    whole[outcomes.rows] = _combined(a, b, way, outcomes.rows)
    if outcomes.task == "regression":
        found, scale = _line(whole[outcomes.rows], outcomes.truth, alpha, seed), "share of the variance explained"
    else:
        one = knowing([Feature(name=name, source=a.source, numbers=whole)], outcomes, alpha=alpha, seed=seed)[0]
        found, scale = one.found, one.scale
    return Together(fields=(a.source, b.source), name=name, found=found, scale=scale)


def _line(values: Floats, truth: Floats, alpha: float, seed: int) -> Interval:
    """The variance that a straight line through the values explains, learned on one half and judged on the other."""
    given = ~np.isnan(values)
    guess = np.full(truth.size, float(truth.mean()))
    half = np.random.default_rng(seed).integers(0, 2, truth.size)
    for part in (0, 1):
        learn, judge = given & (half != part), given & (half == part)
        spread = values[learn] - values[learn].mean() if learn.any() else np.zeros(0)
        if not judge.any() or not float(spread @ spread) > 0.0:
            continue
        slope = float(spread @ (truth[learn] - truth[learn].mean())) / float(spread @ spread)
        guess[judge] = truth[learn].mean() + slope * (values[judge] - values[learn].mean())
    return explained(guess, truth, alpha)
