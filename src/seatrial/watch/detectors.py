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
        self, state: Mapping[str, Any], values: Floats, made: Floats | None = None
    ) -> tuple[dict[str, Any], tuple[int, float] | None]:
        """The state after these values; and, if the line was crossed for the first time, at which of them, how far.

        `made` is when each was made, in seconds, which only `counts` needs.
        """
        if self.asks == "counts":
            kept, path = _added(state["kept"], values, values * 0.0 if made is None else made)
            return self._crossed(state, kept, path)
        follow = _counted if self.asks == "exceeds" and self.counts else _STEPS[self.asks]
        kept, path = follow(state["kept"], values, self.mark)
        return self._crossed(state, kept, path if self.asks == "exceeds" else self._logs(path))

    def _logs(self, path: Floats) -> Floats:
        """The log of the evidence after each value; where it stays below the line throughout, only after the last."""
        if not path.size:
            return path
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(path if np.log(path.max()) >= self.line else path[-1:]), dtype=np.float64)

    def _crossed(
        self, state: Mapping[str, Any], kept: Any, path: Floats
    ) -> tuple[dict[str, Any], tuple[int, float] | None]:
        if not path.size:
            return dict(state), None
        crossed = np.flatnonzero(path >= self.line)
        new = crossed.size and state["crossed"] is None
        first = (int(crossed[0]), float(path[crossed[0]])) if new else None
        return {**state, "evidence": float(path[-1]), "kept": kept}, first


def _added(kept: Any, values: Floats, made: Floats) -> tuple[Any, Floats]:
    """The sums of the newest days, and after each value the sum of its own day."""
    days = {int(day): float(total) for day, total in kept or ()}
    path = np.empty(values.size)
    for place, (value, when) in enumerate(zip(values, made, strict=True)):
        day = int(when // DAY_S)
        if len(days) >= _DAYS and day < min(days):
            # So late that its day is no longer kept: it counts by itself.
            path[place] = value
            continue
        days[day] = days.get(day, 0.0) + float(value)
        path[place] = days[day]
        if len(days) > _DAYS:
            del days[min(days)]
    return sorted([day, total] for day, total in days.items()), path


def _plain(kept: change.Suspicion | exceedance.Capital | exceedance.Tally) -> dict[str, Any]:
    """Numbers and tuples of numbers, which nobody changes: nothing is copied."""
    return {each.name: getattr(kept, each.name) for each in fields(kept)}


def _exceeds(kept: Any, values: Floats, mark: float) -> tuple[Any, Floats]:
    before = exceedance.Capital() if kept is None else _capital(kept)
    after, path = exceedance.bet(before, values, mark)
    return _plain(after), path


def _counted(kept: Any, values: Floats, mark: float) -> tuple[Any, Floats]:
    after, path = exceedance.follow(exceedance.Tally(**(kept or {})), values, mark)
    return _plain(after), path


def _capital(kept: Any) -> exceedance.Capital:
    return exceedance.Capital(
        logs=tuple(kept["logs"]), rows=int(kept["rows"]), total=float(kept["total"]), most=float(kept["most"])
    )


def _rises(kept: Any, values: Floats, mark: float) -> tuple[Any, Floats]:
    before = change.Suspicion() if kept is None else _suspicion(kept)
    after, path = change.follow(before, values, mark)
    return _plain(after), path


def _falls(kept: Any, values: Floats, mark: float) -> tuple[Any, Floats]:
    return _rises(kept, 1.0 - values, 1.0 - mark)


def _suspicion(kept: Any) -> change.Suspicion:
    parts = ("processes", "anchor", "product", "inverse")
    sequences = {name: tuple(kept[name]) for name in parts if kept.get(name) is not None}
    return change.Suspicion(rows=int(kept["rows"]), most=float(kept["most"]), **sequences)


_STEPS = {"exceeds": _exceeds, "rises": _rises, "falls": _falls}


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
