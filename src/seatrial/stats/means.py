"""Bounds on the mean of bounded values, without any assumption on their distribution.

Assumption: independent values in [0, 1] (scale a loss by its declared cap first). Guarantee: each one-sided bound is
wrong with probability at most `alpha`, for every sample size. Source: Waudby-Smith and Ramdas, "Estimating means of
bounded random variables by betting", JRSS-B 86 (2024) 1; Maurer and Pontil, COLT 2009, theorem 4; Hoeffding,
JASA 58 (1963) 13.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

Values = npt.NDArray[np.float64]
_STEPS = 30
_ORDER_SEED = 20_240_101


def betting_lower(values: Sequence[float] | Values, alpha: float = 0.05) -> float:
    """The betting lower bound on the mean for a sample of fixed size.

    The values are put into a fixed random order first, so that neither the order of the file nor a sorted file matters.

    >>> round(betting_lower([1.0] * 300), 3)
    0.987
    """
    return _lower(ordered(values), alpha)


def betting_upper(values: Sequence[float] | Values, alpha: float = 0.05) -> float:
    """The betting upper bound on the mean for a sample of fixed size.

    >>> round(betting_upper([0.0] * 300), 3)
    0.013
    """
    return 1.0 - _lower(1.0 - ordered(values), alpha)


def betting_interval(values: Sequence[float] | Values, alpha: float = 0.05) -> Interval:
    """The mean with both one-sided betting bounds. Raises ValueError for no values.

    >>> betting_interval([0.5] * 50).value
    0.5
    """
    x = ordered(values)
    if not x.size:
        raise ValueError("a mean needs at least one value")
    return Interval(
        value=float(x.mean()),
        lower=_lower(x, alpha),
        upper=1.0 - _lower(1.0 - x, alpha),
        n=int(x.size),
        n_effective=float(x.size),
        method="betting (Waudby-Smith and Ramdas)",
    )


def hoeffding_lower(mean: float, n: int, alpha: float = 0.05) -> float:
    """Hoeffding's lower bound.

    >>> round(hoeffding_lower(0.95, 1000), 4)
    0.9113
    """
    return max(0.0, mean - math.sqrt(math.log(1.0 / alpha) / (2.0 * n))) if n else 0.0


def maurer_pontil_lower(mean: float, variance: float, n: int, alpha: float = 0.05) -> float:
    """The empirical Bernstein lower bound; `variance` is the unbiased sample variance. Needs two values, else 0.0.

    >>> round(maurer_pontil_lower(0.9, 0.0082, 1000), 4)
    0.8836
    """
    if n < 2:
        return 0.0
    log = math.log(2.0 / alpha)
    return max(0.0, mean - math.sqrt(2.0 * variance * log / n) - 7.0 * log / (3.0 * (n - 1)))


def more_values_to_clear(mean: float, deviation: float, n: int, *, distance: float, alpha: float = 0.05) -> int | None:
    """About how many more values bring a mean's bound within `distance` of the mean; None where `distance` <= 0.

    A planning figure from the normal approximation with a tenth added, not a guarantee.

    >>> more_values_to_clear(0.2, 0.1, 50, distance=0.02)
    25
    """
    if distance <= 0 or not math.isfinite(distance) or not math.isfinite(mean):
        return None
    from scipy.special import ndtri

    wanted = 1.1 * (float(ndtri(1.0 - alpha)) * deviation / distance) ** 2
    return max(1, math.ceil(wanted) - n)


def ordered(values: Sequence[float] | Values) -> Values:
    """The values in an order that depends on nothing but themselves. Raises ValueError for values outside [0, 1].

    >>> ordered([0.5, 0.0, 1.0]).tolist() == ordered([1.0, 0.5, 0.0]).tolist()
    True
    """
    array = np.sort(np.asarray(values, dtype=np.float64).ravel())
    if array.size and not (array[0] >= 0.0 and array[-1] <= 1.0):
        raise ValueError("values must be finite and lie in [0, 1]")
    return np.random.default_rng(_ORDER_SEED).permutation(array)


def fixed_size_bets(x: Values, alpha: float) -> Values:
    """The predictable bets that are best for a sample whose size is known beforehand.

    >>> import numpy as np
    >>> fixed_size_bets(np.ones(3), 0.05).round(2).tolist()
    [2.83, 3.58, 4.2]
    """
    n = x.size
    steps = np.arange(1, n + 1)
    mean = (0.5 + np.cumsum(x)) / (steps + 1)
    spread = (0.25 + np.cumsum((x - mean) ** 2)) / (steps + 1)
    before = np.concatenate([[0.25], spread[:-1]])
    return np.asarray(np.sqrt(2.0 * math.log(1.0 / alpha) / (n * before)), dtype=np.float64)


def rejects(x: Values, bets: Values, m: float, *, truncation: float, alpha: float) -> bool:
    """Whether betting `min(bets, truncation/m)` on `x` above m multiplies the stake by 1/alpha at some time.

    >>> import numpy as np
    >>> rejects(np.ones(100), np.ones(100), 0.5, truncation=0.75, alpha=0.05)
    True
    """
    stakes = np.minimum(bets, truncation / m)
    return bool(np.max(np.cumsum(np.log1p(stakes * (x - m)))) >= math.log(1.0 / alpha))


def _lower(x: Values, alpha: float) -> float:
    if x.size == 0:
        return 0.0
    return largest_rejected_mean(x, fixed_size_bets(x, alpha), truncation=0.75, alpha=alpha)


def largest_rejected_mean(x: Values, bets: Values, *, truncation: float, alpha: float) -> float:
    """The largest m up to which betting `min(bets, truncation/m)` on `x` above m multiplies the stake by 1/alpha.

    The capital falls as m grows, so bisection finds it; the running maximum counts (Ville's inequality). `bets` must be
    predictable: each may depend only on the values before it.

    >>> import numpy as np
    >>> largest_rejected_mean(np.zeros(10), np.ones(10), truncation=0.5, alpha=0.05)
    0.0
    """
    low, high = 0.0, float(np.mean(x))
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if middle <= 0.0:
            break
        if rejects(x, bets, middle, truncation=truncation, alpha=alpha):
            low = middle
        else:
            high = middle
    return low
