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
