"""A mean over strata whose shares of the target mix are known.

Assumption: within each stratum the rows are an independent random sample of it; the shares are exact. Guarantee: each
one-sided bound is wrong with probability at most `alpha`, for every sample size. Where the sample is drawn nearly in
proportion to the shares, the mean of the re-scaled values is bounded by betting; else each stratum is bounded at an
equal part of `alpha` and the bounds are added up, which is conservative. A stratum without rows counts as 0 for the
lower bound and as 1 for the upper one. Source: Cochran, Sampling Techniques (1977) ch. 5; Waudby-Smith and Ramdas,
JRSS-B 86 (2024) 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seatrial.stats import means, proportions
from seatrial.stats.interval import Interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_NEAR = 0.1


def interval(values: Floats, strata: Ints, shares: Floats, alpha: float = 0.05) -> Interval:
    """The mean of values in [0, 1] in the mix of `shares`; `strata` numbers each value's stratum.

    Raises ValueError for no values, values outside [0, 1], or shares that do not add up to 1.

    >>> import numpy as np
    >>> values, strata = np.repeat([1.0, 0.0, 1.0], [90, 10, 100]), np.repeat([0, 1], 100)
    >>> round(interval(values, strata, np.array([0.9, 0.1])).value, 2)
    0.91
    """
    x, of = np.asarray(values, dtype=np.float64), np.asarray(strata, dtype=np.int64)
    share = np.asarray(shares, dtype=np.float64)
    if not x.size or not (x.min() >= 0.0 and x.max() <= 1.0):
        raise ValueError("values must be there, finite, and lie in [0, 1]")
    if abs(float(share.sum()) - 1.0) > 1e-6 or share.min() < 0.0:
        raise ValueError("the shares of the strata must add up to 1")
    sizes = np.bincount(of, minlength=share.size)
    sums = np.bincount(of, weights=x, minlength=share.size)
    filled = sizes > 0
    value = float(np.sum(share[filled] * sums[filled] / sizes[filled]) / share[filled].sum())
    scale = np.where(filled, share * x.size / np.maximum(1, sizes), 0.0)
    if filled.all() and np.abs(scale - 1.0).max() <= _NEAR:
        low, high, method = *_in_proportion(x, scale[of], alpha), "betting over strata in proportion"
    else:
        low, high, method = *_each(x, of, share, alpha), "exact bound of each stratum, added up"
    return Interval(value=value, lower=low, upper=high, n=int(x.size), n_effective=float(x.size), method=method)


def neyman(shares: Floats, deviations: Floats, total: int) -> Ints:
    """How many of `total` further rows to draw from each stratum so that the mean is bounded most tightly.

    Every stratum with a share gets at least one where `total` allows it. Source: Neyman, JRSS 97 (1934) 558.

    >>> import numpy as np
    >>> neyman(np.array([0.5, 0.5]), np.array([0.1, 0.3]), 40).tolist()
    [10, 30]
    """
    pull = np.asarray(shares, dtype=np.float64) * np.asarray(deviations, dtype=np.float64)
    wanted = pull / pull.sum() if pull.sum() > 0.0 else np.asarray(shares) / np.sum(shares)
    given = np.floor(wanted * total + 1e-9).astype(np.int64)
    rest = np.argsort(-(wanted * total - given), kind="stable")
    given[rest[: total - int(given.sum())]] += 1
    for stratum in np.flatnonzero((given == 0) & (np.asarray(shares) > 0.0)):
        most = int(np.argmax(given))
        if given[most] > 1:
            given[most], given[stratum] = given[most] - 1, 1
    return given


def _in_proportion(x: Floats, scale: Floats, alpha: float) -> tuple[float, float]:
    """Each value times its scale is bounded by the largest scale, and its mean is the stratified one."""
    most = float(scale.max())
    low = most * means.betting_lower(x * scale / most, alpha)
    high = 1.0 - most * means.betting_lower((1.0 - x) * scale / most, alpha)
    return low, high


def _each(x: Floats, of: Ints, share: Floats, alpha: float) -> tuple[float, float]:
    low, high = 0.0, 0.0
    part = alpha / int(np.count_nonzero(share))
    for stratum in np.flatnonzero(share):
        inside = x[of == stratum]
        if not inside.size:
            high += float(share[stratum])
        else:
            found = _bounded(inside, part)
            low += float(share[stratum]) * found.lower
            high += float(share[stratum]) * found.upper
    return low, min(1.0, high)


def _bounded(x: Floats, alpha: float) -> Interval:
    if np.isin(x, (0.0, 1.0)).all():
        return proportions.interval(int(x.sum()), int(x.size), alpha)
    return means.betting_interval(x, alpha)
