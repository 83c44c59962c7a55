"""How soon a drop would be noticed, told before launch, by simulation with the detectors of the watch itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seatrial.app.watched.budget import WINDOW_S, Budget
from seatrial.watch.detectors import Detector, Level
from seatrial.watch.stream import Stream

RUNS = 60
BEFORE = 500
"""Good rows before the drop."""
_MOST = 6_000
_ROWS = 250
_DROPS = (0.02, 0.05, 0.10, 0.20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """A rise of the mean loss from `base` to `to`, and after how many rows it is noticed.

    `half` in half of all cases, `most` in nine of ten; None where it takes more rows than were simulated. `days` is
    `half` at the declared rate of labels.
    """

    stream: str
    words: str
    base: float
    to: float
    half: int | None
    most: int | None
    days: float | None
    level: Level


def foresee(streams: list[Stream], budget: Budget, *, seed: int = 1) -> Iterator[Foreseen]:
    """For each stream that needs outcomes, how soon drops of several sizes are noticed."""
    rng = np.random.default_rng(seed)
    for stream in streams:
        if not stream.labelled:
            continue
        loud = [d for d in stream.detectors if d.level is not Level.LOOK and d.asks != "counts"]
        if not loud:
            continue
        base = stream.base if stream.base is not None else max(0.01, min(d.mark for d in loud) * 0.7)
        for drop in _DROPS:
            to = base + drop
            if to >= 1.0 or all(to <= each.mark for each in loud):
                continue
            per_day = budget.labels / (WINDOW_S / 86_400.0)
            delays = sorted(_delay(stream, loud, base, to, rng, per_day) for _ in range(RUNS))
            half, most = delays[RUNS // 2], delays[int(RUNS * 0.9)]
            yield Foreseen(
                stream=stream.name,
                words=stream.words,
                base=base,
                to=to,
                half=None if half > _MOST else half,
                most=None if most > _MOST else most,
                days=None if half > _MOST else half / per_day,
                level=loud[0].level,
            )


def _delay(
    stream: Stream, detectors: list[Detector], base: float, to: float, rng: np.random.Generator, per_day: float
) -> int:
    """Rows until the first detector crosses, `_MOST` and one more when none does."""
    size = max(1, round(per_day)) if stream.by_day else _ROWS
    states = {each.name: each.start() for each in detectors}
    taken = -BEFORE
    while taken < _MOST:
        rows = (rng.random(size) < (base if taken < 0 else to)).astype(np.float64)
        crossed = []
        for each in detectors:
            values = np.array([rows.mean()]) if stream.by_day else rows
            states[each.name], first = each.take(states[each.name], values)
            if first is not None:
                crossed.append(size if stream.by_day else first[0] + 1)
        if crossed and taken >= 0:
            return taken + min(crossed)
        taken += size
    return _MOST + 1
