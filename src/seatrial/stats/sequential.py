"""Bounds that stay valid however often one looks: a growing sample, a renewed run, a stream.

Assumption: the conditional mean given the past is the same (or on the same side of the limit) at every step.
Guarantee: the probability that the bound is *ever* wrong is at most `alpha` (Ville's inequality). Source: Howard,
Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics
49 (2021) 1055; Waudby-Smith and Ramdas, JRSS-B 86 (2024) 1. Reference values: the unit tests of `confseq`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from seatrial.stats.means import largest_rejected_mean

_STEPS = 60
_GRID = 128
_ZOOMS = 5
Floats = npt.NDArray[np.float64]


def attempt_alpha(attempt: int, alpha: float = 0.05) -> float:
    """The error rate of attempt j: the full rate for the first, alpha/(j(j+1)) for each further one.

    The further ones spend less than half of `alpha` together, however many follow.

    >>> [round(attempt_alpha(j), 4) for j in (1, 2, 3)]
    [0.05, 0.0083, 0.0042]
    """
    if attempt < 1:
        raise ValueError("attempts count from 1")
    return alpha if attempt == 1 else alpha / (attempt * (attempt + 1))


def best_rho(time: float, alpha: float = 0.05) -> float:
    """The mixture parameter that makes a two-sided normal mixture tightest at intrinsic time `time`.

    >>> round(best_rho(100, 0.05), 5)
    12.60056
    """
    log = 2.0 * math.log(1.0 / alpha)
    return time / (log + math.log1p(log))


def normal_mixture_bound(time: float, alpha: float = 0.05, *, tightest_at: float) -> float:
    """The two-sided normal mixture bound on a sub-Gaussian sum at intrinsic time `time`.

    >>> round(normal_mixture_bound(100, 0.05, tightest_at=100), 5)
    30.35209
    """
    rho = best_rho(tightest_at, alpha)
    return math.sqrt((time + rho) * (2.0 * math.log(1.0 / alpha) + math.log((time + rho) / rho)))


def one_sided_normal_mixture_bound(time: float, alpha: float = 0.05, *, tightest_at: float) -> float:
    """The one-sided normal mixture bound on a sub-Gaussian sum at intrinsic time `time`.

    >>> round(one_sided_normal_mixture_bound(100, 0.05, tightest_at=100), 5)
    27.66071
    """
    from scipy.optimize import brentq
    from scipy.special import log_ndtr

    rho = best_rho(tightest_at, 2.0 * alpha)
    total = time + rho

    def excess(s: float) -> float:
        return (
            0.5 * math.log(4.0 * rho / total)
            + s * s / (2.0 * total)
            + float(log_ndtr(s / math.sqrt(total)))
            - math.log(1.0 / alpha)
        )

    return float(brentq(excess, 0.0, 20.0 * math.sqrt(total)))


def beta_binomial_interval(successes: int, n: int, alpha: float = 0.05, *, tightest_at: float) -> tuple[float, float]:
    """The two-sided beta-binomial confidence sequence at n trials, tightest near `tightest_at` of them.

    >>> [round(p, 5) for p in beta_binomial_interval(700, 1000, 0.05, tightest_at=100)]
    [0.65163, 0.74595]
    """
    goal = math.log(1.0 / alpha)

    def outside(p: float) -> bool:
        return bool(_log_mixture(successes, n, np.array([p]), tightest_at)[0] >= goal)

    share = successes / n if n else 0.5
    low = 0.0 if successes == 0 else _bisect(outside, share, 0.0)
    high = 1.0 if successes == n else _bisect(outside, share, 1.0)
    return low, high


def anytime_lower(successes: int, n: int, alpha: float = 0.05, *, tightest_at: float) -> float:
    """A one-sided lower bound on a success probability that holds at every n at once.

    For each candidate m the stake is spread over success probabilities above m only (a truncated beta mixture), so the
    capital is a supermartingale for every true probability up to m.

    >>> round(anytime_lower(700, 1000, 0.05, tightest_at=1000), 2)
    0.66
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials")
    if successes == 0:
        return 0.0
    goal = math.log(1.0 / alpha)
    grid = np.minimum(np.linspace(0.0, successes / n, _GRID + 1), 1.0 - 1e-9)
    for _ in range(_ZOOMS):
        kept = _log_truncated(successes, n, grid[1:], tightest_at) < goal
        first = int(np.argmax(kept)) if kept.any() else grid.size - 2
        grid = np.linspace(grid[first], grid[first + 1], _GRID + 1)
    return float(grid[0])


def anytime_upper(successes: int, n: int, alpha: float = 0.05, *, tightest_at: float) -> float:
    """A one-sided upper bound on a success probability that holds at every n at once.

    >>> round(anytime_upper(300, 1000, 0.05, tightest_at=1000), 2)
    0.34
    """
    return 1.0 - anytime_lower(n - successes, n, alpha, tightest_at=tightest_at)


def betting_lower(values: Sequence[float] | npt.NDArray[np.float64], alpha: float = 0.05) -> float:
    """An anytime-valid lower bound on the mean of values in [0, 1], in their order of arrival.

    Raises ValueError for values outside.

    >>> round(betting_lower([1.0] * 300), 2)
    0.98
    """
    x = np.asarray(values, dtype=np.float64)
    if not x.size:
        return 0.0
    if not (np.min(x) >= 0.0 and np.max(x) <= 1.0):
        raise ValueError("values must be finite and lie in [0, 1]")
    steps = np.arange(1, x.size + 1)
    mean = (0.5 + np.cumsum(x)) / (steps + 1)
    spread = (0.25 + np.cumsum((x - mean) ** 2)) / (steps + 1)
    before = np.concatenate([[0.25], spread[:-1]])
    bets = np.sqrt(2.0 * math.log(1.0 / alpha) / (before * steps * np.log1p(steps)))
    return largest_rejected_mean(x, bets, truncation=0.5, alpha=alpha)


def _shape(p: Floats, tightest_at: float) -> tuple[Floats, Floats]:
    variance = p * (1.0 - p)
    r = np.maximum(best_rho(tightest_at) * variance - variance, 1e-3 * variance)
    return r / (1.0 - p), r / p


def _log_mixture(successes: int, n: int, p: Floats, tightest_at: float) -> Floats:
    from scipy.special import betaln

    a, b = _shape(p, tightest_at)
    failures = n - successes
    mixed = betaln(a + successes, b + failures) - betaln(a, b)
    return np.asarray(mixed - successes * np.log(p) - failures * np.log1p(-p), dtype=np.float64)


def _log_truncated(successes: int, n: int, m: Floats, tightest_at: float) -> Floats:
    from scipy.special import betainc

    a, b = _shape(m, tightest_at)
    # The share above m of a Beta(a, b) is the share below 1-m of a Beta(b, a).
    after = np.log(betainc(b + n - successes, a + successes, 1.0 - m))
    before = np.log(betainc(b, a, 1.0 - m))
    return _log_mixture(successes, n, m, tightest_at) + np.asarray(after - before, dtype=np.float64)


def _bisect(outside: Callable[[float], bool], inner: float, outer: float) -> float:
    for _ in range(_STEPS):
        middle = (inner + outer) / 2.0
        if 0.0 < middle < 1.0 and not outside(middle):
            inner = middle
        else:
            outer = middle
    return inner
