"""Which share of the wrong rows is missing among labelled rows, by where unlabelled rows of the same traffic lie.

Where wrong rows were left out with chance q, a row that is doubtful is rarer among the labelled ones than among all:
with w the error that is seen at a row, labelled rows are as frequent there as 1 / (1 - q + q w) lets expect. So the
mean doubt of all rows lies above that of labelled rows by q c / (1 - q + q m), c being the covariance of doubt and
error and m the error that is seen. Doubt is any function of a row that was learned on other labelled rows.

Assumption: both sides are the same traffic, up to the weights and to what strata take out; rows, or clusters where
groups are given, are independent. Guarantee: approximate (normal); traffic in which doubtful rows have become more
frequent looks the same. References: Heckman, Econometrica 47 (1979) 153; Storkey, in Dataset Shift in Machine Learning
(2009) 3, on sample selection; Deville and Särndal, JASA 87 (1992) 376, for means within strata.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
POWER = 0.8
"""With this chance a share of `detectable` would be told from none."""
_RIDGE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Doubt of the labelled rows at `places`, learned on the others, and that of all unlabelled rows."""

    places: Ints
    labelled: Floats
    unlabelled: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The share of all wrong rows that is missing: its estimate, its lower bound, and the least that would show.

    `error` is the share of wrong rows that is seen, `true_error` what it would be with the missing ones. All are shares
    from 0 to 1; `detectable` is 1 where doubt tells nothing of error.
    """

    share: float
    lower: float
    detectable: float
    error: float

    @property
    def true_error(self) -> float:
        """The share of wrong rows if the missing ones were there."""
        return self.error / (1.0 - self.share + self.share * self.error)


def left_out(
    folds: Sequence[Fold],
    wrong: npt.NDArray[np.bool_],
    *,
    weights: Floats,
    alpha: float,
    groups: Ints | None = None,
    other_groups: Ints | None = None,
) -> LeftOut:
    """The share of the wrong rows that was left out. `weights` and `groups` have one entry for each labelled row.

    Every labelled row is at a place of exactly one fold. Raises ValueError for weights of which none is positive.

    >>> rng = np.random.default_rng(1)
    >>> doubt = rng.random(8000)
    >>> wrong = rng.random(8000) < doubt
    >>> kept = np.flatnonzero(~(wrong & (rng.random(8000) < 0.5)))
    >>> folds = [Fold(places=np.arange(kept.size), labelled=doubt[kept], unlabelled=rng.random(4000))]
    >>> found = left_out(folds, wrong[kept], weights=np.ones(kept.size), alpha=0.001)
    >>> found.lower > 0.3, abs(found.share - 0.5) < 0.1, abs(found.true_error - 0.5) < 0.05
    (True, True, True)
    """
    from scipy.stats import norm

    total = float(weights.sum())
    if not total > 0.0:
        raise ValueError("at least one weight must be positive")
    share, error = weights / total, float(weights @ wrong / total)
    doubt, pull, apart = np.empty(wrong.size), np.zeros(wrong.size), 0.0
    others = np.mean([fold.unlabelled for fold in folds], axis=0)
    for fold in folds:
        part = share[fold.places] / share[fold.places].sum()
        mean = float(part @ fold.labelled)
        apart += (float(fold.unlabelled.mean()) - mean) / len(folds)
        pull[fold.places] = part * (fold.labelled - mean) / len(folds)
        doubt[fold.places] = fold.labelled - mean
    reach = np.sqrt(_spread(pull, groups) + _spread((others - others.mean()) / others.size, other_groups))
    together = float(share @ (doubt * (wrong - error)))
    certain = float(norm.ppf(1.0 - alpha))

    def of(distance: float) -> float:
        return min(1.0, distance / (together + distance * (1.0 - error))) if distance > 0.0 and together > 0.0 else 0.0

    return LeftOut(
        share=of(apart),
        lower=of(apart - certain * float(reach)),
        detectable=of((certain + float(norm.ppf(POWER))) * float(reach)) if together > 0.0 else 1.0,
        error=error,
    )


def within(fold: Fold, labelled: Floats, unlabelled: Floats, weights: Floats) -> Fold:
    """The fold with what strata explain of the doubt taken out of both sides.

    `labelled` has one row for each labelled row of all folds and `unlabelled` one for each other row, one column for
    each stratum with ones where the row belongs to it.

    >>> strata = np.array([[1.0], [0.0], [1.0], [0.0]])
    >>> fold = Fold(places=np.arange(4), labelled=np.array([0.4, 0.1, 0.4, 0.1]), unlabelled=np.full(4, 0.4))
    >>> [round(float(each), 3) + 0.0 for each in within(fold, strata, np.ones((4, 1)), np.ones(4)).unlabelled]
    [0.0, 0.0, 0.0, 0.0]
    """
    here = np.column_stack([np.ones(fold.places.size), labelled[fold.places]])
    there = np.column_stack([np.ones(fold.unlabelled.size), unlabelled])
    root = np.sqrt(weights[fold.places] / weights[fold.places].mean())
    size = here.shape[1]
    design = np.concatenate([here * root[:, None], _RIDGE * np.eye(size)])
    line = np.linalg.lstsq(design, np.concatenate([fold.labelled * root, np.zeros(size)]), rcond=None)[0]
    return Fold(places=fold.places, labelled=fold.labelled - here @ line, unlabelled=fold.unlabelled - there @ line)


def _spread(pull: Floats, groups: Ints | None) -> float:
    """The variance of a sum of contributions, of rows or of clusters."""
    if groups is None:
        return float(np.sum(pull**2))
    each = np.bincount(np.unique(groups, return_inverse=True)[1], weights=pull)
    return each.size / max(1, each.size - 1) * float(np.sum(each**2))
