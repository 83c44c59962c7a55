"""Whether something grows with time, and how fast: the Mann-Kendall test and the Theil-Sen slope.

Assumption: one trend in one direction, errors of any distribution, each of which may resemble the one before. The
variance is widened for that, never narrowed. Guarantee: approximate (normal, from `FEWEST` values on); up to 29 % of
the values may be anything. Source: Mann, Econometrica 13 (1945) 245; Kendall, Rank Correlation Methods (1975); Sen,
JASA 63 (1968) 1379; Yue and Wang, Water Resources Management 18 (2004) 201 for the variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

FEWEST = 10
"""Values below which the normal approximation is not to be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Kendall's `s` (pairs that rise less pairs that fall), and the one-sided p value of "it does not rise"."""

    s: int
    p_rising: float
    widened: float
    """By how much serial correlation widens the variance, at least 1.0."""


def mann_kendall(values: Sequence[float] | npt.NDArray[np.float64]) -> Trend:
    """The test, for values in order of time. Raises ValueError for fewer than `FEWEST`, or one that is not finite.

    >>> mann_kendall(range(10)).s
    45
    >>> mann_kendall([1.0, 2.0] * 10).p_rising > 0.3
    True
    """
    array = _checked(values)
    s = _score(array)
    widened = _widening(np.arange(array.size, dtype=np.float64), array)
    deviation = math.sqrt(_variance(array) * widened)
    from scipy.special import ndtr

    z = (s - math.copysign(1.0, s)) / deviation if s and deviation else 0.0
    return Trend(s=s, p_rising=float(ndtr(-z)) if deviation else 1.0, widened=widened)


def theil_sen(
    at: Sequence[float] | npt.NDArray[np.float64],
    values: Sequence[float] | npt.NDArray[np.float64],
    alpha: float = 0.05,
) -> Interval:
    """The median slope with one-sided bounds, in units of `values` per unit of `at`, which must rise.

    Raises ValueError for fewer than `FEWEST` values, one that is not finite, or times that do not rise.

    >>> found = theil_sen(range(20), [2.0 * at for at in range(20)])
    >>> found.value, found.lower, found.upper
    (2.0, 2.0, 2.0)
    """
    array, time = _checked(values), np.asarray(at, dtype=np.float64)
    if time.shape != array.shape or not (np.diff(time) > 0).all():
        raise ValueError("the times of a trend must rise, one for each value")
    first, second = np.triu_indices(array.size, k=1)
    slopes = np.sort((array[second] - array[first]) / (time[second] - time[first]))
    widened = _widening(time, array)
    from scipy.special import ndtri

    reach = float(-ndtri(alpha)) * math.sqrt(_variance(array) * widened)
    low = math.floor((slopes.size - reach) / 2.0) - 1
    high = math.ceil((slopes.size + reach) / 2.0)
    return Interval(
        value=float(np.median(slopes)),
        lower=float(slopes[low]) if low >= 0 else -math.inf,
        upper=float(slopes[high]) if high < slopes.size else math.inf,
        n=array.size,
        n_effective=array.size / widened,
        method="Theil-Sen slope, Sen's bounds",
        approximate=True,
    )


def _checked(values: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.size < FEWEST or not np.isfinite(array).all():
        raise ValueError(f"a trend needs at least {FEWEST} finite values")
    return array


def _score(array: npt.NDArray[np.float64]) -> int:
    first, second = np.triu_indices(array.size, k=1)
    return int(np.sign(array[second] - array[first]).sum())


def _variance(array: npt.NDArray[np.float64]) -> float:
    n = array.size
    _, ties = np.unique(array, return_counts=True)
    tied = float(np.sum(ties * (ties - 1.0) * (2.0 * ties + 5.0)))
    return max(0.0, (n * (n - 1.0) * (2.0 * n + 5.0) - tied) / 18.0)


def _widening(time: npt.NDArray[np.float64], array: npt.NDArray[np.float64]) -> float:
    """(1 + r) / (1 - r) for the ranks' correlation r with the next one, without the trend and r's own bias."""
    from scipy.stats import rankdata

    n = array.size
    first, second = np.triu_indices(n, k=1)
    slope = float(np.median((array[second] - array[first]) / (time[second] - time[first])))
    rank = rankdata(array - slope * time)
    rank = rank - rank.mean()
    total = float(rank @ rank)
    if total <= 0.0:
        return 1.0
    r = (n * float(rank[:-1] @ rank[1:]) / total + 2.0) / (n - 4.0)
    r = min(max(r, 0.0), 1.0 - 2.0 / n)
    return (1.0 + r) / (1.0 - r)
