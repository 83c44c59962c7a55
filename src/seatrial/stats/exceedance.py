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


@dataclass(frozen=True, slots=True)
class Tally:
    """All that is kept of a stream of zeros and ones: how many were one, how many there were, the most evidence yet."""

    ones: int = 0
    rows: int = 0
    most: float = 0.0
    """The largest log evidence so far: what has crossed the line once has crossed it."""


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
    after = Tally(ones=int(ones[-1]), rows=int(rows[-1]), most=max(tally.most, float(path.max())))
    return after, path


@dataclass(frozen=True, slots=True)
class Capital:
    """All that is kept of a stream of values in [0, 1]: the log capital of each bettor, and the most of their mean."""

    logs: tuple[float, ...] = (0.0,) * len(BETS)
    rows: int = 0
    total: float = 0.0
    most: float = 0.0


def bet(capital: Capital, values: Floats, limit: float) -> tuple[Capital, Floats]:
    """Take the next values in [0, 1] in their order: the capital after them, and its log after each.

    Raises ValueError for a value outside [0, 1] or none, and for a limit outside (0, 1).

    >>> capital, path = bet(Capital(), np.full(50, 0.9), 0.3)
    >>> bool(path[-1] > math.log(1 / 0.01)), capital.rows
    (True, 50)
    """
    if not 0.0 < limit < 1.0:
        raise ValueError("a limit on a mean of values in [0, 1] lies between 0 and 1")
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("values must be finite and lie in [0, 1]")
    if not values.size:
        return capital, np.empty(0)
    steps = np.log1p(np.outer(values - limit, np.array(BETS) / limit))
    # Summed one after the other, so that the state does not depend on how the stream was cut into batches.
    logs = np.cumsum(np.vstack([np.array(capital.logs), steps]), axis=0)[1:]
    path = np.logaddexp.reduce(logs, axis=1) - math.log(len(BETS))
    total = float(np.cumsum(np.concatenate([[capital.total], values]))[-1])
    after = Capital(
        logs=tuple(float(each) for each in logs[-1]),
        rows=capital.rows + values.size,
        total=total,
        most=max(capital.most, float(path.max())),
    )
    return after, path
