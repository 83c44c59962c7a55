"""Whether a mean that must stay at or below a limit has risen above it, asked after every row of a stream.

Assumption: values lie in [0, 1]; under the null hypothesis the mean of each row, given the rows before it, is at most
the limit. Rows are taken in the order in which they become known; that order may not depend on their values.
Guarantee: `log_evidence` exceeds ln(1/alpha) at *any* time with probability at most alpha (Ville's inequality).
Source: Howard, Ramdas, McAuliffe and Sekhon, Annals of Statistics 49 (2021) 1055, the beta-binomial mixture, truncated
to means above the limit (untruncated it alarms on a stream that is better than its limit); Waudby-Smith and Ramdas,
JRSS-B 86 (2024) 1, for bets on bounded values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.stats.sequential import best_rho

Floats = npt.NDArray[np.float64]
TIGHTEST_AT = 100
"""The number of rows at which the mixture is tightest. A rise is to be noticed early, so not many."""
BETS = (0.05, 0.1, 0.2, 0.4, 0.7, 0.95)
"""The stakes on a rise, each as a part of the largest that cannot go bankrupt."""
_TOGETHER = 64
"""Rows whose evidence is bounded together."""
_LOG_ROUNDING = 1e-6
"""More than rounding can move a log of evidence."""


@dataclass(frozen=True, slots=True)
class Tally:
    """All that is kept of a stream of zeros and ones: how many were one, and how many there were."""

    ones: int = 0
    rows: int = 0


def log_evidence(ones: Floats, rows: Floats, limit: float) -> Floats:
    """The log of the capital of a bettor against "the mean is at most `limit`", at each of the given points.

    Raises ValueError for a limit outside (0, 1).

    >>> float(log_evidence(np.array([30.0]), np.array([100.0]), 0.1)[0]) > math.log(1 / 0.01)
    True
    >>> float(log_evidence(np.array([5.0]), np.array([100.0]), 0.1)[0]) < 0
    True
    """
    if not 0.0 < limit < 1.0:
        raise ValueError("a limit on a share lies between 0 and 1")
    from scipy.special import betaln

    rho = max(best_rho(TIGHTEST_AT) - 1.0, 1e-3)
    a, b = rho * limit, rho * (1.0 - limit)
    failures = rows - ones
    mixed = betaln(a + ones, b + failures) - betaln(a, b) - ones * math.log(limit) - failures * math.log1p(-limit)
    # The share of Beta(a, b) above the limit is that of Beta(b, a) below 1 - limit.
    truncated = _log_below(b + failures, a + ones, 1.0 - limit) - _log_below(np.array([b]), np.array([a]), 1.0 - limit)
    return np.asarray(mixed + truncated, dtype=np.float64)


def _log_below(a: Floats, b: Floats, x: float) -> Floats:
    from scipy.special import betainc

    with np.errstate(divide="ignore"):
        return np.asarray(np.log(betainc(a, b, x)), dtype=np.float64)


def follow(tally: Tally, values: Floats, limit: float) -> tuple[Tally, Floats]:
    """Take the next zeros and ones in their order: the tally after them, and the log evidence after each.

    Raises ValueError for anything but zeros and ones.

    >>> tally, path = follow(Tally(), np.ones(3), 0.1)
    >>> tally.ones, tally.rows, bool((np.diff(path) > 0).all())
    (3, 3, True)
    """
    if not np.isin(values, (0.0, 1.0)).all():
        raise ValueError("a tally takes zeros and ones")
    if not values.size:
        return tally, np.empty(0)
    ones = tally.ones + np.cumsum(values)
    rows = tally.rows + np.arange(1.0, values.size + 1.0)
    path = log_evidence(ones, rows, limit)
    return Tally(ones=int(ones[-1]), rows=int(rows[-1])), path


def cross(tally: Tally, values: Floats, limit: float, line: float) -> tuple[Tally, float, tuple[int, float] | None]:
    """What `follow` tells where only a crossing matters.

    The tally; the log evidence after the last value; and at which value that was first at least `line`, with its size
    there, None where it never was. Evidence grows with every one and shrinks with every zero: within some rows it is at
    most that of all their ones and none of their zeros, and only where that reaches the line it is worked out row by
    row. Raises ValueError for no values, and as `follow` does.

    >>> at, height = cross(Tally(), np.ones(9), 0.1, 3.0)[2]
    >>> path = follow(Tally(), np.ones(9), 0.1)[1]
    >>> bool(path[at - 1] < 3.0 <= path[at] == height)
    True
    """
    if not values.size:
        raise ValueError("no values")
    if not ((values == 0.0) | (values == 1.0)).all():
        raise ValueError("a tally takes zeros and ones")
    ones = tally.ones + np.cumsum(values)
    after = Tally(ones=int(ones[-1]), rows=tally.rows + values.size)
    last = float(log_evidence(ones[-1:], np.array([float(after.rows)]), limit)[0])
    starts = np.arange(0, values.size, _TOGETHER)
    most_ones = ones[np.minimum(starts + _TOGETHER, values.size) - 1]
    zeros = tally.rows + starts - np.concatenate([[float(tally.ones)], ones[starts[1:] - 1]])
    near = log_evidence(most_ones, most_ones + zeros, limit) >= line - _LOG_ROUNDING
    for start in starts[near].tolist():
        until = min(start + _TOGETHER, values.size)
        path = log_evidence(ones[start:until], tally.rows + np.arange(start + 1.0, until + 1.0), limit)
        over = np.flatnonzero(path >= line)
        if over.size:
            return after, last, (start + int(over[0]), float(path[over[0]]))
    return after, last, None


@dataclass(frozen=True, slots=True)
class Capital:
    """All that is kept of a stream of values in [0, 1]: the log capital of each bettor."""

    logs: tuple[float, ...] = (0.0,) * len(BETS)
    rows: int = 0
    total: float = 0.0


def bet(capital: Capital, values: Floats, limit: float) -> tuple[Capital, Floats]:
    """Take the next values in [0, 1] in their order: the capital after them, and its log after each.

    Raises ValueError for a value outside [0, 1] or none, and for a limit outside (0, 1).

    >>> capital, path = bet(Capital(), np.full(50, 0.9), 0.3)
    >>> bool(path[-1] > math.log(1 / 0.01)), capital.rows
    (True, 50)
    """
    after, logs = _bettors(capital, values, limit)
    return after, _together(logs)


def cross_by_bets(
    capital: Capital, values: Floats, limit: float, line: float
) -> tuple[Capital, float, tuple[int, float] | None]:
    """What `bet` tells where only a crossing matters, as `cross` does for zeros and ones.

    The mean of the bettors is at most the richest of them: where none reaches the line, it does not.

    >>> values = np.full(50, 0.9)
    >>> at, height = cross_by_bets(Capital(), values, 0.3, 3.0)[2]
    >>> path = bet(Capital(), values, 0.3)[1]
    >>> bool(path[at - 1] < 3.0 <= path[at] == height)
    True
    """
    if not values.size:
        raise ValueError("no values")
    after, logs = _bettors(capital, values, limit)
    near = np.flatnonzero(logs.max(axis=1) >= line - _LOG_ROUNDING)
    heights = _together(logs[near])
    over = np.flatnonzero(heights >= line)
    crossed = (int(near[over[0]]), float(heights[over[0]])) if over.size else None
    return after, float(_together(logs[-1:])[0]), crossed


def _bettors(capital: Capital, values: Floats, limit: float) -> tuple[Capital, Floats]:
    """The capital after the values, and the log of each bettor's after every value: (rows, bettors)."""
    if not 0.0 < limit < 1.0:
        raise ValueError("a limit on a mean of values in [0, 1] lies between 0 and 1")
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("values must be finite and lie in [0, 1]")
    if not values.size:
        return capital, np.empty((0, len(BETS)))
    steps = np.log1p(np.outer(values - limit, np.array(BETS) / limit))
    # Summed one after the other, so that the state does not depend on how the stream was cut into batches.
    logs = np.cumsum(np.vstack([np.array(capital.logs), steps]), axis=0)[1:]
    total = float(np.cumsum(np.concatenate([[capital.total], values]))[-1])
    return Capital(logs=tuple(logs[-1].tolist()), rows=capital.rows + values.size, total=total), logs


def _together(logs: Floats) -> Floats:
    """The log of the mean of the bettors."""
    return np.asarray(np.logaddexp.reduce(logs, axis=1) - math.log(len(BETS)), dtype=np.float64)
