"""Exact bounds on a proportion, and how many trials it takes to clear a limit.

Assumption: independent trials with one success probability. Guarantee: each one-sided bound is wrong with probability
at most `alpha`, for every sample size. Source: Clopper and Pearson, Biometrika 26 (1934) 404; Newcombe, Statistics in
Medicine 17 (1998) 857; Wilks, Annals of Mathematical Statistics 12 (1941) 91 for the zero-failure sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from seatrial.stats.interval import Interval

GUARD = 60
"""Sizes in a row that must all clear a limit: exact bounds move like a saw-tooth in n."""
_MOST = 50_000_000
_WINDOW = 400_000


def lower(successes: int, n: int, alpha: float = 0.05) -> float:
    """The exact lower bound at error rate `alpha`; 0.0 where there were no trials or no successes.

    Raises ValueError when the counts are impossible.

    >>> round(lower(700, 1000), 4)
    0.6752
    """
    _check(successes, n, alpha)
    if successes == 0:
        return 0.0
    from scipy.special import betaincinv

    return float(betaincinv(successes, n - successes + 1, alpha))


def upper(successes: int, n: int, alpha: float = 0.05) -> float:
    """The exact upper bound at error rate `alpha`; 1.0 where there were no trials or only successes.

    >>> round(upper(0, 299), 4)
    0.01
    """
    _check(successes, n, alpha)
    if successes == n:
        return 1.0
    from scipy.special import betaincinv

    return float(betaincinv(successes + 1, n - successes, 1.0 - alpha))


def interval(successes: int, n: int, alpha: float = 0.05) -> Interval:
    """The share with both one-sided bounds. Raises ValueError for no trials: a share of nothing has no value.

    >>> found = interval(950, 1000)
    >>> round(found.lower, 4), round(found.upper, 4)
    (0.9371, 0.9608)
    """
    if n < 1:
        raise ValueError("a share needs at least one trial")
    return Interval(
        value=successes / n,
        lower=lower(successes, n, alpha),
        upper=upper(successes, n, alpha),
        n=n,
        n_effective=float(n),
        method="Clopper-Pearson",
    )


def more_to_clear_floor(successes: float, n: int, floor: float, alpha: float = 0.05) -> int | None:
    """How many more trials at the observed rate bring the lower bound to `floor`, and keep it there for 60 sizes.

    0 where the bound is there already; None where the observed rate is not above the floor, so that no number of
    trials at that rate would do.

    >>> more_to_clear_floor(190, 203, 0.90)
    0
    >>> more_to_clear_floor(90, 100, 0.90) is None
    True
    """
    _check(math.floor(successes), n, alpha)
    if n == 0:
        return None
    rate = successes / n
    if lower(math.floor(successes), n, alpha) >= floor:
        return 0
    if rate <= floor or floor >= 1.0:
        return None
    wanted = _smallest_size(rate, floor, alpha)
    return None if wanted is None else max(1, wanted - n)


def more_to_clear_ceiling(successes: float, n: int, ceiling: float, alpha: float = 0.05) -> int | None:
    """How many more trials at the observed rate bring the upper bound down to `ceiling`.

    >>> more_to_clear_ceiling(0, 100, 0.01)
    199
    """
    return more_to_clear_floor(n - successes, n, 1.0 - ceiling, alpha)


def clean_trials(share: float, alpha: float = 0.05) -> int:
    """Trials without one failure that establish a success probability of at least `share`.

    >>> [clean_trials(p) for p in (0.90, 0.95, 0.99, 0.999)]
    [29, 59, 299, 2995]
    """
    _check_share(share)
    return math.ceil(math.log(alpha) / math.log(share) - 1e-9)


def trials_allowing(failures: int, share: float, alpha: float = 0.05) -> int:
    """Trials that establish a success probability of at least `share` when `failures` of them fail.

    >>> [trials_allowing(f, 0.95) for f in range(6)]
    [59, 93, 124, 153, 181, 208]
    """
    _check_share(share)
    from scipy.special import bdtr

    low, high = failures + 1, failures + 2
    while bdtr(failures, high, 1.0 - share) > alpha:
        high *= 2
    while low < high:
        middle = (low + high) // 2
        if bdtr(failures, middle, 1.0 - share) <= alpha:
            high = middle
        else:
            low = middle + 1
    return low


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A sample size: `n` trials, of which at least `successes` must succeed."""

    n: int
    successes: int


def size_for_power(floor: float, true: float, power: float = 0.8, alpha: float = 0.05) -> Plan:
    """The smallest n whose exact test of `floor` has the power for n and the 59 sizes after it.

    >>> size_for_power(0.90, 0.95)
    Plan(n=203, successes=190)
    """
    _check_share(floor)
    if not floor < true <= 1.0:
        raise ValueError("the true share must lie above the floor")
    from scipy.stats import binom

    start, width = 1, 4096
    while start < _MOST:
        sizes = np.arange(start, start + width + GUARD)
        needed = binom.isf(alpha, sizes, floor).astype(np.int64) + 1
        reaches = (needed <= sizes) & (binom.sf(needed - 1, sizes, true) >= power)
        at = _first_run(reaches, width)
        if at is not None:
            return Plan(n=int(sizes[at]), successes=int(needed[at]))
        start, width = start + width, min(width * 2, _WINDOW)
    raise ValueError("the floor and the true share are too close")


def f1_interval(true_positives: int, false_positives: int, false_negatives: int, alpha: float = 0.05) -> Interval:
    """F1 with exact bounds: F1 = 2J/(1+J), and of N = TP+FP+FN rows, TP is binomial with probability J.

    Raises ValueError where there is no such row.

    >>> round(f1_interval(80, 10, 10).lower, 3)
    0.839
    """
    n = true_positives + false_positives + false_negatives
    if n < 1:
        raise ValueError("F1 needs at least one true positive, false positive or false negative")
    jaccard = interval(true_positives, n, alpha)
    return Interval(
        value=_f1(jaccard.value),
        lower=_f1(jaccard.lower),
        upper=_f1(jaccard.upper),
        n=n,
        n_effective=float(n),
        method="exact, TP of TP+FP+FN",
    )


def jaccard_of_f1(f1: float) -> float:
    """J = F1/(2-F1): what a limit on F1 means for TP/(TP+FP+FN).

    >>> round(jaccard_of_f1(0.8), 4)
    0.6667
    """
    return f1 / (2.0 - f1)


def _f1(jaccard: float) -> float:
    return 2.0 * jaccard / (1.0 + jaccard)


def _smallest_size(rate: float, floor: float, alpha: float) -> int | None:
    from scipy.special import betainc, ndtri

    z = float(ndtri(1.0 - alpha))
    rough = z * z * max(rate * (1 - rate), floor * (1 - floor)) / (rate - floor) ** 2
    if rough > _MOST:
        return None
    if rough > _WINDOW:
        return math.ceil(rough * 1.05)
    start, width = 1, int(rough * 3) + 256
    sizes = np.arange(start, start + width + GUARD, dtype=np.float64)
    hits = np.floor(rate * sizes + 1e-9)
    tail = np.where(hits > 0, betainc(np.maximum(hits, 1), sizes - hits + 1, floor), 1.0)
    at = _first_run(tail <= alpha, width)
    return math.ceil(rough * 3) if at is None else int(sizes[at])


def _first_run(good: np.ndarray, most: int) -> int | None:
    """The first index below `most` from which GUARD entries in a row are good."""
    bad = np.concatenate([[0], np.cumsum(~good)])
    clear = np.flatnonzero(bad[GUARD:] == bad[:-GUARD])
    return int(clear[0]) if clear.size and clear[0] < most else None


def _check(successes: int, n: int, alpha: float) -> None:
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"an error rate of {alpha}")


def _check_share(share: float) -> None:
    if not 0.0 < share < 1.0:
        raise ValueError(f"a share of {share}; it must lie strictly between 0 and 1")
