"""The area under the ROC curve: the chance that a random positive scores above a random negative.

Assumption: independent rows. Guarantee: DeLong's bound on the logit scale is approximate (large samples); with fewer
than 50 rows in a class, or a perfect separation, Hoeffding's bound for two-sample U-statistics is used, which holds
for every n. The interval from histograms is certain, it has no sampling in it. Source: DeLong, DeLong and
Clarke-Pearson, Biometrics 44 (1988) 837; Hoeffding, JASA 58 (1963) 13, section 5.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

FEWEST = 50
"""Rows of the smaller class from which DeLong's approximation is used."""
Floats = npt.NDArray[np.float64]


def interval(positives: Floats, negatives: Floats, alpha: float = 0.05) -> Interval:
    """The AUC of the positives' scores against the negatives', ties counting half, with both one-sided bounds.

    Raises ValueError when a class is empty or a score is not a number.

    >>> import numpy as np
    >>> interval(np.array([2.0, 3.0]), np.array([1.0, 2.0])).value
    0.875
    """
    one, zero = np.asarray(positives, dtype=np.float64), np.asarray(negatives, dtype=np.float64)
    if not one.size or not zero.size:
        raise ValueError("an AUC needs rows of both classes")
    if np.isnan(one).any() or np.isnan(zero).any():
        raise ValueError("a score is not a number")
    value, variance = _delong(one, zero)
    fewest = min(one.size, zero.size)
    n = int(one.size + zero.size)
    if fewest < FEWEST or variance <= 0.0 or value in (0.0, 1.0):
        reach = math.sqrt(math.log(1.0 / alpha) / (2.0 * fewest))
        low, high = max(0.0, value - reach), min(1.0, value + reach)
        return Interval(value=value, lower=low, upper=high, n=n, n_effective=float(fewest), method="Hoeffding")
    from scipy.special import expit, logit, ndtri

    reach = float(ndtri(1.0 - alpha)) * math.sqrt(variance) / (value * (1.0 - value))
    centre = float(logit(value))
    return Interval(
        value=value,
        lower=float(expit(centre - reach)),
        upper=float(expit(centre + reach)),
        n=n,
        n_effective=float(n),
        method="DeLong on the logit scale",
        approximate=True,
    )


def weighted_interval(
    scores: Floats,
    positive: npt.NDArray[np.bool_],
    alpha: float = 0.05,
    *,
    weights: Floats | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    unsupported: float = 0.0,
) -> Interval:
    """The AUC over weighted or clustered rows, from the weighted placement values of each row.

    Approximate: t bounds on the logit scale, over clusters as in Obuchowski, Biometrics 53 (1997) 567. With fewer than
    `FEWEST` effective rows in a class, or a perfect separation, Hoeffding's bound at that size, or at the number of
    clusters. `unsupported` counts as 0 for the lower bound and as 1 for the upper one. Raises ValueError for an empty
    class.

    >>> import numpy as np
    >>> weighted_interval(np.array([0.1, 0.9]), np.array([False, True]), weights=np.ones(2)).value
    1.0
    """
    from scipy.special import expit, logit
    from scipy.stats import t

    score, is_one = np.asarray(scores, dtype=np.float64), np.asarray(positive, dtype=bool)
    w = np.ones(score.size) if weights is None else np.asarray(weights, dtype=np.float64)
    of_one, of_zero = w * is_one, w * ~is_one
    if not of_one.any() or not of_zero.any():
        raise ValueError("an AUC needs rows of both classes")
    one, zero = of_one / of_one.sum(), of_zero / of_zero.sum()
    levels, place = np.unique(score, return_inverse=True)
    below = _below(zero, place, levels.size)
    above = 1.0 - _below(one, place, levels.size)
    value = float(np.sum(one * below[place]))
    pull = one * (below[place] - value) + zero * (above[place] - value)
    parts = pull if groups is None else np.bincount(np.unique(groups, return_inverse=True)[1], weights=pull)
    count = int(parts.size)
    variance = count / max(1, count - 1) * float(np.sum(parts**2))
    effective = min(1.0 / float(np.sum(one**2)), 1.0 / float(np.sum(zero**2)), float(count))
    if effective < FEWEST or variance <= 0.0 or not 1e-9 < value < 1.0 - 1e-9:
        reach = math.sqrt(math.log(1.0 / alpha) / (2.0 * effective))
        low, high, method = max(0.0, value - reach), min(1.0, value + reach), "Hoeffding at the effective size"
    else:
        degrees = max(1, math.floor(min(effective, count)) - 1)
        reach = float(t.ppf(1.0 - alpha, degrees)) * math.sqrt(variance) / (value * (1.0 - value))
        low, high = float(expit(logit(value) - reach)), float(expit(logit(value) + reach))
        method = "DeLong over clusters or weights"
    seen = 1.0 - unsupported
    return Interval(
        value=seen * value,
        lower=seen * low,
        upper=min(1.0, seen * high + unsupported),
        n=int(score.size),
        n_effective=effective,
        method=method,
        approximate=True,
    )


def histogram_interval(positives: npt.NDArray[np.int64], negatives: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Between which two figures the AUC lies for certain, from counts of both classes in the same score bins.

    >>> import numpy as np
    >>> histogram_interval(np.array([0, 1, 1]), np.array([1, 1, 0]))
    (0.75, 1.0)
    """
    one, zero = np.asarray(positives, dtype=np.float64), np.asarray(negatives, dtype=np.float64)
    pairs = float(one.sum() * zero.sum())
    if pairs == 0.0:
        raise ValueError("an AUC needs rows of both classes")
    below = np.concatenate([[0.0], np.cumsum(zero)[:-1]])
    certain = float(np.sum(one * below))
    return certain / pairs, (certain + float(np.sum(one * zero))) / pairs


def null_deviation(positives: int, negatives: int) -> float:
    """The standard deviation of the AUC of scores that know nothing.

    >>> round(null_deviation(100, 100), 4)
    0.0409
    """
    return math.sqrt((positives + negatives + 1) / (12.0 * positives * negatives))


def _delong(one: Floats, zero: Floats) -> tuple[float, float]:
    """The AUC and its variance from placement values, in O(n log n)."""
    from scipy.stats import rankdata

    m, n = one.size, zero.size
    ranks = rankdata(np.concatenate([one, zero]))
    of_one = (ranks[:m] - rankdata(one)) / n
    of_zero = 1.0 - (ranks[m:] - rankdata(zero)) / m
    value = float(of_one.mean())
    if min(m, n) < 2:
        return value, 0.0
    return value, float(of_one.var(ddof=1) / m + of_zero.var(ddof=1) / n)


def _below(shares: Floats, place: npt.NDArray[np.intp], levels: int) -> Floats:
    """For each level of the score the share that lies below it, ties counting half."""
    of_level = np.bincount(place, weights=shares, minlength=levels)
    return np.asarray(np.cumsum(of_level) - of_level / 2.0, dtype=np.float64)
