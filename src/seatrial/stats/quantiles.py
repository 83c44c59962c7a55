"""Bounds on a percentile by order statistics, without any assumption on the distribution.

Assumption: independent values with one distribution; for autocorrelated ones (latencies) shrink n by `block_effect` or
use `block_bootstrap_upper`. Guarantee: exact coverage at least `confidence` for every n at or above `fewest`. Source:
David and Nagaraja, Order Statistics (2003) ch. 7; Massart, Annals of Probability 18 (1990) 1269 for the constant in the
DKW inequality; Künsch, Annals of Statistics 17 (1989) 1217 for the block bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

BLOCKS = 20
"""The fewest blocks with which dependence is judged."""


def fewest(share: float, confidence: float = 0.95) -> int:
    """The smallest n for which the largest value bounds the `share` percentile from above.

    >>> [fewest(q) for q in (0.90, 0.95, 0.99, 0.999)]
    [29, 59, 299, 2995]
    """
    _check(share, confidence)
    return math.ceil(math.log(1.0 - confidence) / math.log(share) - 1e-9)


def upper_rank(n: int, share: float, confidence: float = 0.95) -> int | None:
    """The rank (from 1) of the smallest order statistic that bounds the percentile from above; None for too few.

    >>> [upper_rank(n, 0.99) for n in (298, 299, 500, 1000, 10_000)]
    [None, 299, 499, 996, 9917]
    """
    _check(share, confidence)
    if n < 1:
        return None
    from scipy.stats import binom

    rank = int(binom.ppf(confidence, n, share)) + 1
    return rank if rank <= n else None


def lower_rank(n: int, share: float, confidence: float = 0.95) -> int | None:
    """The rank (from 1) of the largest order statistic that bounds the percentile from below; None for too few.

    >>> [lower_rank(n, 0.99) for n in (299, 500, 1000, 5000)]
    [293, 491, 985, 4938]
    """
    _check(share, confidence)
    if n < 1:
        return None
    from scipy.stats import binom

    rank = int(binom.ppf(1.0 - confidence, n, share))
    while rank >= 1 and binom.sf(rank - 1, n, share) < confidence:
        rank -= 1
    return rank if rank >= 1 else None


def upper(values: Sequence[float] | npt.NDArray[np.float64], share: float, confidence: float = 0.95) -> float | None:
    """The exact upper bound on the percentile; None where there are fewer values than `fewest`.

    A value that is not a number stands above all others. Infinite values are kept: a request that was never answered
    belongs into the tail.

    >>> upper(list(range(299)), 0.99)
    298.0
    """
    ordered = _sorted(values)
    rank = upper_rank(ordered.size, share, confidence)
    return None if rank is None else float(ordered[rank - 1])


def lower(values: Sequence[float] | npt.NDArray[np.float64], share: float, confidence: float = 0.95) -> float | None:
    """The exact lower bound on the percentile; None where there are too few values.

    >>> lower(list(range(299)), 0.99)
    292.0
    """
    ordered = _sorted(values)
    rank = lower_rank(ordered.size, share, confidence)
    return None if rank is None else float(ordered[rank - 1])


def by_share(
    values: Sequence[float] | npt.NDArray[np.float64],
    share: float,
    bounds: Callable[[npt.NDArray[np.float64]], Interval],
) -> tuple[float, float]:
    """Bounds on the percentile from bounds on the share of values up to a cut, for weighted or clustered values.

    `bounds` gets 1.0 where a value is up to the cut and 0.0 elsewhere. The upper bound is infinite where not even the
    largest value is enough, the lower one minus infinity. As good as `bounds` is, and approximate where that is.

    >>> import numpy as np
    >>> from seatrial.stats.proportions import interval
    >>> by_share(np.arange(299.0), 0.99, lambda up: interval(int(up.sum()), up.size))
    (292.0, 298.0)
    """
    array = np.asarray(values, dtype=np.float64)
    cuts = np.unique(np.where(np.isnan(array), np.inf, array))

    def at(i: int) -> Interval:
        return bounds((array <= cuts[i]).astype(np.float64))

    above = _first(cuts.size, lambda i: at(i).lower >= share)
    below = _first(cuts.size, lambda i: at(i).upper >= share)
    upper = float(cuts[above]) if above < cuts.size else math.inf
    lower = float(cuts[below]) if below < cuts.size else -math.inf
    return lower, upper


def _first(n: int, holds: Callable[[int], bool]) -> int:
    """The first index that holds, when all after it do; n where none does."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def block_effect(values: Sequence[float] | npt.NDArray[np.float64], share: float, *, blocks: int = BLOCKS) -> float:
    """How many dependent values are worth one independent one at this percentile, at least 1.0.

    `values` stand in order of time. Compares the variance over blocks of the share above the pooled percentile with
    that of independent values. Raises ValueError for fewer than two values a block.

    >>> import numpy as np
    >>> block_effect(np.repeat(np.arange(20.0), 50), 0.9) > 10
    True
    """
    array = np.asarray(values, dtype=np.float64)
    size = array.size // blocks
    if blocks < 2 or size < 2:
        raise ValueError("a block effect needs at least two values in each of at least two blocks")
    array = np.where(np.isnan(array), np.inf, array)
    cut = np.sort(array)[min(array.size - 1, math.ceil(share * array.size) - 1)]
    above = (array > cut).astype(np.float64)
    rate = float(above.mean())
    if rate in (0.0, 1.0):
        return 1.0
    each = above[: size * blocks].reshape(blocks, size).mean(axis=1)
    return max(1.0, float(each.var(ddof=1)) * size / (rate * (1.0 - rate)))


def block_bootstrap_upper(
    values: Sequence[float] | npt.NDArray[np.float64],
    share: float,
    *,
    confidence: float = 0.95,
    blocks: int = BLOCKS,
    draws: int = 1000,
    seed: int = 0,
) -> float:
    """An approximate upper bound on the percentile of dependent values in order of time, from resampled blocks.

    Raises ValueError for fewer than two values a block.

    >>> import numpy as np
    >>> block_bootstrap_upper(np.ones(400), 0.9, draws=50)
    1.0
    """
    array = np.asarray(values, dtype=np.float64)
    size = array.size // blocks
    if blocks < 2 or size < 2:
        raise ValueError("a block bootstrap needs at least two values in each of at least two blocks")
    array = np.where(np.isnan(array), np.inf, array)
    cut = np.unique(array)
    codes = np.searchsorted(cut, array)
    parts = np.array_split(codes, blocks)
    rng = np.random.default_rng(seed)
    ends = np.empty(draws)
    for i in range(draws):
        drawn = np.concatenate([parts[j] for j in rng.integers(0, blocks, blocks)])
        at = min(drawn.size - 1, math.ceil(share * drawn.size) - 1)
        ends[i] = cut[np.partition(drawn, at)[at]]
    return float(np.sort(ends)[min(draws - 1, math.ceil(confidence * draws) - 1)])


def dkw_epsilon(n: int, alpha: float = 0.05) -> float:
    """The distance that the empirical distribution function keeps everywhere at once, two-sided.

    >>> round(dkw_epsilon(18_445), 5)
    0.01
    """
    return math.sqrt(math.log(2.0 / alpha) / (2.0 * n)) if n else 1.0


def dkw_size(epsilon: float, alpha: float = 0.05) -> int:
    """The n for which the empirical distribution function is within `epsilon` everywhere.

    >>> dkw_size(0.01)
    18445
    """
    return math.ceil(math.log(2.0 / alpha) / (2.0 * epsilon**2))


def _sorted(values: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    return np.sort(np.where(np.isnan(array), np.inf, array))


def _check(share: float, confidence: float) -> None:
    if not 0.0 < share < 1.0 or not 0.0 < confidence < 1.0:
        raise ValueError("share and confidence must lie strictly between 0 and 1")
