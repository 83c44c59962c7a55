"""When requests are due: drawn once from a seed, never changed by what the answers do."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seatrial.core.errors import Malformed, Refused
from seatrial.core.ports import Stream

MOST_PLANNED: Final = 20_000_000
_KINDS: Final = ("poisson", "constant", "trace")


def arrivals(stream: Stream, *, duration_s: float, seed: int) -> NDArray[np.float64]:
    """Ascending seconds from the start, all below `duration_s`.

    `poisson` draws independent exponential gaps, as many independent callers do; `constant` spaces them evenly; both
    follow the stream's shape. `trace` is the busiest stretch of what really came.
    Raises Malformed for a stream that cannot be scheduled, Refused for one that no memory holds.
    """
    if not (0 < stream.rate_per_s < np.inf and 0 < duration_s < np.inf):
        raise Malformed(f"stream {stream.name!r} needs a rate and a duration above zero")
    if stream.arrivals not in _KINDS:
        raise Malformed(f"stream {stream.name!r} has arrivals {stream.arrivals!r}; known: {', '.join(_KINDS)}")
    if stream.arrivals == "trace":
        return _within_memory(stream, _replayed(stream, duration_s, seed))
    at, rate, passed = _planned_by(stream, duration_s)
    total = float(passed[-1])
    if total > MOST_PLANNED:
        raise _too_many(stream)
    if stream.arrivals == "constant":
        due = np.arange(int(np.floor(total + 1e-9)), dtype=np.float64)
    else:
        random = _random(stream, seed)
        due = np.sort(random.uniform(0.0, total, random.poisson(total)))
    return _when(due, at, rate, passed)


def _random(stream: Stream, seed: int) -> np.random.Generator:
    # The name is part of the seed: streams of one run are independent, and keep their times whatever runs beside.
    return np.random.default_rng([seed & 0xFFFF_FFFF, zlib.crc32(stream.name.encode())])


_Corners = NDArray[np.float64]


def _planned_by(stream: Stream, duration_s: float) -> tuple[_Corners, _Corners, _Corners]:
    """The corners of the rate over time: when, the rate there, and how many requests are planned until then."""
    corners = np.asarray(stream.shape or ((0.0, 1.0), (1.0, 1.0)), dtype=np.float64).reshape(-1, 2)
    share, factor = corners[:, 0], corners[:, 1]
    if (
        not np.isfinite(corners).all()
        or share[0] != 0.0
        or share[-1] != 1.0
        or (np.diff(share) < 0).any()
        or (factor < 0).any()
        or not (factor > 0).any()
    ):
        raise Malformed(f"the shape of stream {stream.name!r} must rise from 0 to 1 with factors from 0 on")
    at = share * duration_s
    rate = factor * stream.rate_per_s
    return at, rate, np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2.0 * np.diff(at))])


def _when(due: NDArray[np.float64], at: _Corners, rate: _Corners, passed: _Corners) -> NDArray[np.float64]:
    """The times at which so many requests have been planned: within a stretch the rate is a straight line."""
    stretch = np.clip(np.searchsorted(passed, due, side="right") - 1, 0, at.size - 2)
    width, first = np.diff(at)[stretch], rate[:-1][stretch]
    slope = np.divide(np.diff(rate)[stretch], width, out=np.zeros_like(due), where=width > 0)
    left = due - passed[stretch]
    root = np.sqrt(np.maximum(first**2 + 2.0 * slope * left, 0.0))
    # The form of the quadratic's root that keeps its digits for a flat line.
    into = np.divide(2.0 * left, first + root, out=np.zeros_like(left), where=(first + root) > 0)
    made: NDArray[np.float64] = at[stretch] + np.minimum(into, width)
    return made


def _replayed(stream: Stream, duration_s: float, seed: int) -> NDArray[np.float64]:
    """The stretch of the trace in which the wanted number came soonest, pressed into the duration.

    A trace that was busier than that is replayed as it was: nothing is ever made slower. One that is too short is
    repeated. Whole seconds are spread within their second, or each second would begin with a burst that never was.
    """
    known = np.sort(np.asarray(stream.trace, dtype=np.float64))
    if known.size < 2 or not np.isfinite(known).all() or known[-1] <= known[0]:
        raise Malformed(f"the trace of stream {stream.name!r} needs two or more different times")
    if (known == np.floor(known)).all():
        known = np.sort(known + _random(stream, seed).uniform(0.0, 1.0, known.size))
    known = known - known[0]
    wanted = max(1, round(stream.rate_per_s * duration_s))
    if wanted > MOST_PLANNED:
        raise _too_many(stream)
    if known.size <= wanted:
        period = float(known[-1]) * known.size / (known.size - 1)
        times = -(-(wanted + 1) // known.size)
        known = (known[None, :] + period * np.arange(times)[:, None]).ravel()
    spans = known[wanted:] - known[: known.size - wanted]
    first = int(np.argmin(spans))
    if spans[first] > duration_s:
        pressed: NDArray[np.float64] = (known[first : first + wanted] - known[first]) * (
            duration_s / float(spans[first])
        )
        return pressed
    ends = np.searchsorted(known, known + duration_s)
    first = int(np.argmax(ends - np.arange(known.size)))
    kept: NDArray[np.float64] = known[first : int(ends[first])] - known[first]
    return kept


def _within_memory(stream: Stream, due: NDArray[np.float64]) -> NDArray[np.float64]:
    if due.size > MOST_PLANNED:
        raise _too_many(stream)
    return due


def _too_many(stream: Stream) -> Refused:
    return Refused(
        f"stream {stream.name!r} plans more than {MOST_PLANNED} requests",
        remedy="Shorten the duration of the load.",
    )
