"""A stream of values that detectors look at: its level now, and what is kept of it between two steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.stats import change
from seatrial.watch.batch import Batch, Values
from seatrial.watch.detectors import DAY_S, Detector, Level, change_point

OPEN_DAYS = 2
HISTORY = 100
NEWEST = 500
"""So many values are kept, where nothing else is said, to show the level of now and since when it changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is held, in words, how its values are taken from a batch, and the detectors that look at them.

    `base` is the mean that the gate established, None where it established none.
    """

    name: str
    words: str
    take: Callable[[Batch], Values]
    detectors: tuple[Detector, ...]
    base: float | None = None
    good: bool = False
    """Whether people speak of what is left: the values are losses of a metric that is good when it is high."""
    labelled: bool = False
    """Whether its values need outcomes."""
    by_day: bool = False
    """Whether the rows of one day depend on each other, so that days are judged by their means, not rows."""
    keeps: int = NEWEST
    """So many of its newest values are kept."""

    def start(self) -> dict[str, Any]:
        """What is known before the first value."""
        return {
            "rows": 0,
            "total": 0.0,
            "newest": [],
            "days": [],
            "history": [],
            "by_day": self.by_day,
            "detectors": {each.name: each.start() for each in self.detectors},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A detector's line was crossed for the first time since it was last put back."""

    stream: str
    detector: str
    level: Level
    says: str
    at: float
    """When the deciding value became known, in seconds."""
    since: float
    """When the change most likely began."""
    sequence: int
    rows: int
    now: float
    """The mean of the values since the change began."""
    mark: float
    evidence: float
    """Log evidence at the crossing."""
    newest: tuple[int, ...]
    """Sequences of the values since the change began."""
    counted: bool = False
    """Whether it was counted, so that no chance is in it."""


def step(stream: Stream, state: Mapping[str, Any], batch: Batch) -> tuple[dict[str, Any], list[Crossing]]:
    """The stream's state after the batch, and the lines that were crossed in it."""
    taken = stream.take(batch)
    # Everything below goes over the values many times: they may be a column among others.
    taken = replace(taken, values=np.ascontiguousarray(taken.values))
    state = _known(stream, state)
    if not taken.values.size:
        return state, []
    newest = _newest(state["newest"], taken, stream.keeps)
    days, closed = _days(state["days"], taken) if stream.by_day else (state["days"], [])
    values = change.Rows(np.array([day.mean for day in closed]) if stream.by_day else taken.values)
    found, detectors = [], {}
    for detector in stream.detectors:
        before = state["detectors"][detector.name]
        after, first = detector.take(before, values, None if stream.by_day else taken.made)
        if first is not None and stream.by_day:
            first = closed[first[0]].place, first[1]
        if first is not None:
            crossing = _crossing(stream, detector, state, taken, *first)
            after = {**after, "crossed": crossing.sequence}
            found.append(crossing)
        detectors[detector.name] = after
    total = _added(state["total"], taken.values)
    after_all = {
        "rows": state["rows"] + int(taken.values.size),
        "total": total,
        "newest": newest,
        "days": days,
        "history": _history(state["history"], taken),
        "by_day": stream.by_day,
        "detectors": detectors,
    }
    return after_all, found


def put_back(stream: Stream, state: Mapping[str, Any], detector: str) -> dict[str, Any]:
    """The state with one detector as at its start: whoever closed its alarm wants to hear of the next."""
    state = _known(stream, state)
    fresh = {each.name: each.start() for each in stream.detectors if each.name == detector}
    return {**state, "detectors": {**state["detectors"], **fresh}}


def begins_anew(stream: Stream, state: Mapping[str, Any]) -> bool:
    """Whether what is kept judged rows where days are judged now, or days where rows are: evidence of another kind.

    State of earlier versions does not say which it was; it has open days where days were judged.
    """
    if not state.get("rows"):
        return False
    return bool(state.get("by_day", bool(state.get("days")))) is not stream.by_day


def level_now(state: Mapping[str, Any]) -> float | None:
    """The mean of the newest values, None before the first."""
    values = [value for _, _, value in state["newest"]]
    return float(np.mean(values)) if values else None


def _known(stream: Stream, state: Mapping[str, Any]) -> dict[str, Any]:
    """The kept state, with a fresh start for whatever it does not know yet or judged in another way."""
    fresh = stream.start()
    kept = {**fresh, **state}
    if begins_anew(stream, state):
        kept = {**kept, **{part: fresh[part] for part in ("by_day", "days", "detectors")}}
    return {**kept, "detectors": {**fresh["detectors"], **_of(stream, kept["detectors"])}}


def _of(stream: Stream, detectors: Mapping[str, Any]) -> dict[str, Any]:
    questions = {each.name: each.question for each in stream.detectors}
    return {name: state for name, state in detectors.items() if questions.get(name) == state.get("question")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """A day whose rows are complete as far as is waited for; `place` is the value of this batch that closed it."""

    mean: float
    place: int


def _days(open_days: list[list[float]], taken: Values) -> tuple[list[list[float]], list[_Day]]:
    """The days that stay open, and those that rows of later days have closed, in order.

    A day is open until rows of `OPEN_DAYS` later ones have come; what comes still later counts with the oldest.
    """
    days = {int(day): (int(rows), float(total)) for day, rows, total in open_days}
    closed: list[_Day] = []
    made = np.floor(taken.made / DAY_S).astype(np.int64)
    place = 0
    while place < made.size:
        oldest = min(days, default=int(made[place]))
        mine = np.maximum(made[place:], oldest)
        if int(mine[0]) not in days:
            days[int(mine[0])] = 0, 0.0
            while len(days) > OPEN_DAYS:
                rows, total = days.pop(min(days))
                closed.append(_Day(mean=total / rows, place=place))
            continue
        # All rows up to the first of a day that is not open.
        new = np.flatnonzero(~np.isin(mine, list(days)))
        upto = int(new[0]) if new.size else mine.size
        for day, (rows, total) in days.items():
            of_day = taken.values[place : place + upto][mine[:upto] == day]
            days[day] = rows + int(of_day.size), _added(total, of_day)
        place += upto
    return [[day, rows, total] for day, (rows, total) in sorted(days.items())], closed


def _history(before: list[list[float]], taken: Values) -> list[list[float]]:
    """How many values became known on each day, and their sum: the newest `HISTORY` days in which there were any."""
    known = {int(day): (int(rows), float(total)) for day, rows, total in before}
    first, last = int(taken.at.min() // DAY_S), int(taken.at.max() // DAY_S)
    # Most batches are of one day.
    days = None if first == last else np.floor(taken.at / DAY_S).astype(np.int64)
    for day in (first,) if days is None else np.unique(days).tolist():
        values = taken.values if days is None else taken.values[days == day]
        rows, total = known.get(day, (0, 0.0))
        known[day] = rows + int(values.size), _added(total, values)
    return [[day, *known[day]] for day in sorted(known)[-HISTORY:]]


def _added(total: float, values: npt.NDArray[np.float64]) -> float:
    """Summed one after the other, so that the sum does not depend on how the stream was cut into batches."""
    if total.is_integer() and (whole := _ones(values)) is not None:
        # Whole numbers are exact in any order.
        return total + whole
    return float(np.cumsum(np.concatenate([[total], values]))[-1])


def _ones(values: npt.NDArray[np.float64]) -> int | None:
    """How many ones there are among zeros and ones, None for other values."""
    ones = int(np.count_nonzero(values == 1.0))
    return ones if ones == np.count_nonzero(values) else None


def _newest(before: Sequence[Sequence[float]], taken: Values, most: int) -> list[Sequence[float]]:
    columns = (taken.sequence, taken.at, taken.values)
    added: list[Sequence[float]] = list(zip(*(column[-most:].tolist() for column in columns), strict=True))
    return added if len(added) == most else [*before, *added][-most:]


def _crossing(
    stream: Stream, detector: Detector, state: Mapping[str, Any], taken: Values, first: int, evidence: float
) -> Crossing:
    upto = slice(first + 1)
    until = Values(values=taken.values[upto], at=taken.at[upto], sequence=taken.sequence[upto], made=taken.made[upto])
    shown = _newest(state["newest"], until, stream.keeps)
    values = np.array([value for _, _, value in shown])
    counted = detector.asks == "counts"
    day = float(taken.made[first] // DAY_S) * DAY_S
    began = 0 if counted else change_point(values, detector.mark, rising=detector.asks != "falls")
    return Crossing(
        stream=stream.name,
        detector=detector.name,
        level=detector.level,
        says=detector.says,
        at=float(taken.at[first]),
        since=day if counted else float(shown[began][1]),
        sequence=int(taken.sequence[first]),
        rows=state["rows"] + first + 1,
        now=evidence if counted else float(values[began:].mean()),
        mark=detector.mark,
        evidence=evidence,
        newest=tuple(int(sequence) for sequence, _, value in shown[began:] if not counted or value > 0.0),
        counted=counted,
    )
