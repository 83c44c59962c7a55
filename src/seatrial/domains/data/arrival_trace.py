"""A declared file of times at which requests really came, and whether production was busier than its declared peak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from seatrial.core.errors import Malformed
from seatrial.core.observation import Finding
from seatrial.spec.load import Load
from seatrial.stats import rates

_BUSY_S = 60.0
_MOST = 20_000_000
_TOLD = 40


def read_trace(content: bytes, *, name: str) -> tuple[float, ...]:
    """Seconds since the first, ascending. A first line that is no time is a heading.

    Raises Malformed with the line for anything else that is no time, and for fewer than two different times.
    """
    times = []
    for at, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        text = line.strip().strip('"')
        if not text:
            continue
        when = _seconds(text)
        if when is None and at == 1:
            continue
        if when is None:
            raise Malformed(
                f"{name}, line {at}: {text[:_TOLD]!r} is no time",
                remedy="Write one time a line: seconds, or ISO 8601 such as 2026-11-02T06:00:00.250Z.",
            )
        times.append(when)
    if len(times) > _MOST or len(set(times)) < 2:
        raise Malformed(f"{name} must hold two different times or more, and at most {_MOST}")
    times.sort()
    return tuple(when - times[0] for when in times)


def _seconds(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        return number if math.isfinite(number) else None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def busier_than_peak(load: Load, trace: Sequence[float], alpha: float) -> list[Finding]:
    """A gap where the busiest stretch of the trace is certainly above the declared peak: the test would be too light.

    Exact Poisson bound over the busiest minute; the error rate is shared by all the minutes that begin with an arrival.
    """
    known = np.asarray(trace, dtype=np.float64)
    length = min(_BUSY_S, float(known[-1]))
    counts = np.searchsorted(known, known + length, side="right") - np.arange(known.size)
    busiest = int(counts.max())
    if rates.lower(busiest, length, alpha / known.size) <= load.peak:
        return []
    return [
        Finding(
            code="busier-than-declared",
            summary=f"Within {length:g} s of the trace {busiest} requests came, {busiest / length:.3g} a second; "
            f"the declared peak is {load.peak:g} a second.",
            fields=("load.peak", "load.trace"),
            why="A load test below the real peak says nothing about the real peak.",
            remedy=f"Declare a peak of at least {busiest / length:.3g}/s.",
        )
    ]
