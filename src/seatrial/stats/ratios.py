"""Bounds on the ratio of two means, such as the error over the amount (WAPE).

Assumption: independent pairs of values in [0, 1] (scale both by a declared cap first). Guarantee of `interval`: each
one-sided bound is wrong with probability at most `alpha`, for every sample size, because the ratio is above w exactly
where the mean of `top - w·bottom` is above 0, which is tested by betting. `linear_interval` is approximate. Source:
Waudby-Smith and Ramdas, JRSS-B 86 (2024) 1; Cochran, Sampling Techniques (1977) ch. 6 for the linear approximation.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from seatrial.stats import means
from seatrial.stats.interval import Interval

Floats = npt.NDArray[np.float64]
_STEPS = 30
_ORDER_SEED = 20_240_101


def interval(tops: Floats, bottoms: Floats, alpha: float = 0.05) -> Interval:
    """The ratio of the means with betting bounds. Raises ValueError for values outside [0, 1] or all-zero bottoms.

    >>> import numpy as np
    >>> found = interval(np.tile([0.1, 0.2], 200), np.tile([0.4, 0.6], 200))
    >>> round(found.value, 3), found.lower < 0.3 < found.upper
    (0.3, True)
    """
    top, bottom = np.asarray(tops, dtype=np.float64), np.asarray(bottoms, dtype=np.float64)
    for values in (top, bottom):
        if values.size and not (values.min() >= 0.0 and values.max() <= 1.0):
            raise ValueError("values must be finite and lie in [0, 1]")
    if not bottom.any():
        raise ValueError("a ratio needs something to divide by")
    order = np.random.default_rng(_ORDER_SEED).permutation(np.lexsort((bottom, top)))
    top, bottom = top[order], bottom[order]
    value = float(top.sum() / bottom.sum())
    return Interval(
        value=value,
        lower=_farthest(top, bottom, value, alpha, above=True),
        upper=_farthest(top, bottom, value, alpha, above=False),
        n=int(top.size),
        n_effective=float(top.size),
        method="betting on the ratio",
    )


def linear_interval(
    tops: Floats,
    bottoms: Floats,
    alpha: float = 0.05,
    *,
    weights: Floats | None = None,
    groups: npt.NDArray[np.int64] | None = None,
) -> Interval:
    """The ratio over weighted or clustered pairs, with t bounds, never tighter than betting on as many rows alone.

    >>> import numpy as np
    >>> linear_interval(np.tile([0.1, 0.2], 200), np.tile([0.4, 0.6], 200)).upper > 0.3
    True
    """
    from scipy.stats import t

    top, bottom = np.asarray(tops, dtype=np.float64), np.asarray(bottoms, dtype=np.float64)
    w = np.ones(top.size) if weights is None else np.asarray(weights, dtype=np.float64)
    below = float(np.sum(w * bottom))
    value = float(np.sum(w * top)) / below
    pull = w * (top - value * bottom) / below
    parts = pull if groups is None else np.bincount(np.unique(groups, return_inverse=True)[1], weights=pull)
    count = int(parts.size)
    error = math.sqrt(count / max(1, count - 1) * float(np.sum(parts**2)))
    effective = float(w.sum()) ** 2 / float(np.sum(w**2))
    plain = interval(top, bottom, alpha)
    reach = float(t.ppf(1.0 - alpha, max(1, min(count, math.floor(effective)) - 1))) * error
    return Interval(
        value=value,
        lower=max(0.0, value - max(reach, plain.value - plain.lower)),
        upper=value + max(reach, plain.upper - plain.value),
        n=int(top.size),
        n_effective=min(effective, float(count)),
        method="t on the linear approximation of the ratio",
        approximate=True,
    )


def _farthest(top: Floats, bottom: Floats, value: float, alpha: float, *, above: bool) -> float:
    """The ratio farthest out that betting still rejects, seen from 0 (`above`) or from infinity."""

    def rejected(ratio: float) -> bool:
        gain = (top - ratio * bottom) if above else (ratio * bottom - top)
        x = (gain + (ratio if above else 1.0)) / (1.0 + ratio)
        m = (ratio if above else 1.0) / (1.0 + ratio)
        return means.rejects(x, means.fixed_size_bets(x, alpha), m, truncation=0.75, alpha=alpha)

    if above:
        low, high = 0.0, value
        for _ in range(_STEPS):
            middle = (low + high) / 2.0
            if middle <= 0.0:
                break
            low, high = (middle, high) if rejected(middle) else (low, middle)
        return low
    low, high = value, max(1.0, 2.0 * value)
    while not rejected(high):
        low, high = high, high * 2.0
        if high > 1e9:
            return math.inf
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (low, middle) if rejected(middle) else (middle, high)
    return high
