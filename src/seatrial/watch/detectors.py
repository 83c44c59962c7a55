"""What decides that a stream of values in [0, 1] is no longer what it must be; each keeps a state of fixed size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from seatrial.stats import change, exceedance

Floats = npt.NDArray[np.float64]


DAY_S = 86_400.0
_DAYS = 60
"""So many days' sums are kept: outcomes may be that late."""


class Level(StrEnum):
    """What an alarm asks for: to look when there is time, to be answered now, or to take the system offline."""

    LOOK = "look"
    PAGE = "page"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One question to a stream.

    `exceeds` asks whether the mean has been above `mark` from the start on: evidence accumulates over everything seen,
    and the chance of ever being wrong is at most exp(-line). `rises` and `falls` ask whether the mean has left `mark`
    at some time; with the threshold exp(line) the mean number of rows to a false alarm is at least that. `counts` adds
    the values up by the day on which they were made (UTC), and crosses where a day's sum is above `mark`: no chance is
    in it.
    """

    name: str
    asks: Literal["exceeds", "rises", "falls", "counts"]
    mark: float
    line: float
    """Log evidence at which it crosses; of what counts, the sum."""
    level: Level
    says: str
    """What it means when it crosses, in words."""
    counts: bool = True
    """Whether the values are zeros and ones: for them there is a sharper bettor."""

    def start(self) -> dict[str, Any]:
        """The state before the first row."""
        return {"evidence": 0.0, "crossed": None, "kept": None, "question": self.question}

    @property
    def question(self) -> str:
        """What the state answers: against another mark it answers nothing."""
        return f"{self.asks} {self.mark!r} {'counts' if self.counts else 'values'}"

    def take(
        self, state: Mapping[str, Any], taken: Floats | change.Rows, made: Floats | None = None
    ) -> tuple[dict[str, Any], tuple[int, float] | None]:
        """The state after these values; and, if the line was crossed for the first time, at which of them, how far.

        `made` is when each was made, in seconds, which only `counts` needs. Several detectors of the same values are
        given them as `change.Rows`.
        """
        values = taken.values if isinstance(taken, change.Rows) else taken
        if not values.size:
            return dict(state), None
        if self.asks == "counts":
            kept, last, crossed = _added(state["kept"], values, values * 0.0 if made is None else made, self.line)
        else:
            # What has crossed is not asked again until it is put back.
            line = self.line if state["crossed"] is None else math.inf
            if self.asks == "exceeds":
                follow = _counted if self.counts else _exceeds
                kept, last, crossed = follow(state["kept"], values, self.mark, line)
            else:
                rows = taken if isinstance(taken, change.Rows) else change.Rows(values)
                turn = _rises if self.asks == "rises" else _falls
                kept, last, crossed = turn(state["kept"], rows, self.mark, line)
        return {**state, "evidence": last, "kept": kept}, crossed if state["crossed"] is None else None


def _added(kept: Any, values: Floats, made: Floats, line: float) -> tuple[Any, float, tuple[int, float] | None]:
    """The sums of the newest days; the last value's day's; and the first value at which its day's was at the line."""
    days = {int(day): float(total) for day, total in kept or ()}
    crossed = None
    for place, (value, day) in enumerate(zip(values.tolist(), (made // DAY_S).astype(int).tolist(), strict=True)):
        if len(days) >= _DAYS and day < min(days):
            # So late that its day is no longer kept: it counts by itself.
            total = value
        else:
            total = days[day] = days.get(day, 0.0) + value
            if len(days) > _DAYS:
                del days[min(days)]
        if crossed is None and total >= line:
            crossed = place, total
    return sorted([day, total] for day, total in days.items()), total, crossed


Found = tuple[dict[str, Any], float, tuple[int, float] | None]
"""What is kept, the log evidence after the last value, and where it crossed."""


def _plain(kept: change.Suspicion | exceedance.Capital | exceedance.Tally) -> dict[str, Any]:
    """Numbers and tuples of numbers, which nobody changes: nothing is copied."""
    return {each.name: getattr(kept, each.name) for each in fields(kept)}


def _exceeds(kept: Any, values: Floats, mark: float, line: float) -> Found:
    after, last, crossed = exceedance.cross_by_bets(_capital(kept), values, mark, line)
    return _plain(after), last, crossed


def _counted(kept: Any, values: Floats, mark: float, line: float) -> Found:
    tally = exceedance.Tally() if kept is None else exceedance.Tally(ones=int(kept["ones"]), rows=int(kept["rows"]))
    after, last, crossed = exceedance.cross(tally, values, mark, line)
    return _plain(after), last, crossed


def _capital(kept: Any) -> exceedance.Capital:
    if kept is None:
        return exceedance.Capital()
    return exceedance.Capital(logs=tuple(kept["logs"]), rows=int(kept["rows"]), total=float(kept["total"]))


def _rises(kept: Any, values: change.Rows, mark: float, line: float) -> Found:
    after, last, crossed = change.cross(_suspicion(kept), values, mark, line)
    return _plain(after), last, crossed


def _falls(kept: Any, values: change.Rows, mark: float, line: float) -> Found:
    return _rises(kept, values.flipped, 1.0 - mark, line)


def _suspicion(kept: Any) -> change.Suspicion:
    if kept is None:
        return change.Suspicion()
    parts = ("anchor", "product", "added")
    if not all(part in kept for part in parts):
        # Kept by an earlier version: its processes are what the next rows go on from.
        return change.Suspicion(anchor=tuple(kept["processes"]), rows=int(kept["rows"]))
    return change.Suspicion(rows=int(kept["rows"]), **{part: tuple(kept[part]) for part in parts})


def change_point(values: Floats, mark: float, *, rising: bool) -> int:
    """Where in the newest values the change most likely began: the start of the stretch that speaks loudest for it.

    >>> change_point(np.array([0.0] * 50 + [1.0] * 10), 0.1, rising=True)
    50
    """
    if not values.size:
        return 0
    drift = (values - mark) if rising else (mark - values)
    spread = max(1e-9, mark * (1.0 - mark))
    tail = np.cumsum(drift[::-1])[::-1]
    sizes = np.arange(values.size, 0, -1)
    gain = np.where(tail > 0.0, tail**2 / (2.0 * sizes * spread), -math.inf)
    return int(np.argmax(gain))
