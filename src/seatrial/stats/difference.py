"""Whether the mean of some rows is higher than that of the others: Welch's test, and one for rows that belong together.

Assumption: `welch_more` independent rows, `over_clusters` independent clusters inside which rows depend in any way, and
weights that are right up to a factor. Guarantee: both approximate (many rows, many clusters). Source: Welch, Biometrika
34 (1947) 28; for the linearised variance over clusters Cochran, Sampling Techniques (1977) ch. 9A, with one degree of
freedom less than clusters that have rows on the rarer side; Kish (1965) for how many those are worth with weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """How many values there are, their sum and the sum of their squares."""

    n: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """The mean; the sum of nothing has none."""
        return self.total / self.n if self.n else math.nan

    @property
    def variance(self) -> float:
        """The sample's variance, never below zero; NaN for fewer than two values."""
        if self.n < 2:
            return math.nan
        return max(0.0, (self.squares - self.total * self.total / self.n) / (self.n - 1))

    def without(self, part: Moments) -> Moments:
        """The moments of the values that are not in `part`."""
        return Moments(n=self.n - part.n, total=self.total - part.total, squares=self.squares - part.squares)


def moments(values: Sequence[float] | Floats) -> Moments:
    """The moments of these values.

    >>> moments([1.0, 2.0, 3.0]).variance
    1.0
    """
    array = np.asarray(values, dtype=np.float64)
    return Moments(n=int(array.size), total=float(array.sum()), squares=float(array @ array))


def welch_more(inside: Moments, others: Moments) -> float:
    """The one-sided p-value that the mean inside is not above the others'; 1 where that cannot be told.

    >>> round(welch_more(moments([3.0, 4.0, 5.0, 6.0]), moments([1.0, 2.0, 3.0, 4.0])), 4)
    0.0355
    """
    from scipy.special import stdtr

    if inside.n < 2 or others.n < 2:
        return 1.0
    a, b = inside.variance / inside.n, others.variance / others.n
    if not a + b > 0.0:
        return 1.0
    freedom = (a + b) ** 2 / (a * a / (inside.n - 1) + b * b / (others.n - 1))
    found = float(stdtr(freedom, -(inside.mean - others.mean) / math.sqrt(a + b)))
    return found if math.isfinite(found) else 1.0


def over_clusters(
    values: Floats,
    inside: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.int64] | None = None,
    *,
    weights: Floats | None = None,
) -> float:
    """The same where rows with one number in `groups` belong together, on either side or on both, or have `weights`.

    Each row is a cluster of its own where `groups` is None. 1 where that cannot be told: one side is empty, has no
    weight or comes from fewer than two clusters, or nothing varies.

    >>> values, inside = np.repeat([1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 5), np.repeat([True, False], 20)
    >>> round(over_clusters(values, inside, np.repeat(np.arange(8), 5)), 3)
    0.112
    """
    from scipy.special import stdtr

    w = np.ones(values.size) if weights is None else np.asarray(weights, dtype=np.float64)
    within, without = w * inside, w * ~inside
    if not (within.any() and without.any()):
        return 1.0
    mean, rest = float(np.average(values, weights=within)), float(np.average(values, weights=without))
    pull = within * (values - mean) / within.sum() - without * (values - rest) / without.sum()
    if groups is not None:
        pull, within, without = (_by_cluster(each, groups) for each in (pull, within, without))
    fewest = min(_worth(within, weights), _worth(without, weights))
    if fewest < 2:
        return 1.0
    clusters = int(((within > 0) | (without > 0)).sum())
    spread = math.sqrt(clusters / (clusters - 1) * float(pull @ pull))
    return float(stdtr(fewest - 1, -(mean - rest) / spread)) if spread > 0.0 else 1.0


def _by_cluster(values: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    return np.asarray(np.bincount(groups, weights=values), dtype=np.float64)


def _worth(of: Floats, weights: Floats | None) -> int:
    """Clusters on one side: all that have rows there; with weights no more than Kish's effective number of them."""
    there = int((of > 0).sum())
    return there if weights is None else min(there, int(of.sum() ** 2 / float(of @ of)))
