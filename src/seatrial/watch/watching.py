"""The watch's one loop: read the next events, let the streams look at them, keep what they know and what they raise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seatrial.core.errors import SeatrialError
from seatrial.watch.alarms import alarm_of, noted, quiet_alarm
from seatrial.watch.batch import batch_of
from seatrial.watch.detectors import Level
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.states import ACKNOWLEDGED, CLOSED, OPEN
from seatrial.watch.store import Store, Stored, at_time
from seatrial.watch.stream import Stream, begins_anew, put_back, step

NAME = "streams"
MOST = 5_000
"""Events in one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """Something that must come again and again: predictions, outcomes, a source's sign of life, fresh records.

    `last` tells when it came last, in seconds, None while it never has. Raises SeatrialError where that cannot be told,
    which counts as not having come.
    """

    name: str
    words: str
    last: Callable[[], float | None]
    within_s: float
    level: Level = Level.PAGE
    by_arrival: bool = True
    """Whether `last` is when it arrived here, rather than a time that a record carries."""
    let_be_s: float | None = None
    """How long the alarm of one and the same silence stays away once somebody closed it; `within_s` without it."""
    lacks: str = "nothing"
    """What there has been for so long, in words."""


class Watching:
    """What is watched, over one store. Two of these over the same store take turns: each event counts once."""

    def __init__(
        self, store: Store, streams: Sequence[Stream], awaited: Sequence[Awaited] = (), *, begun: datetime
    ) -> None:
        self.store = store
        self.streams = streams
        self._awaited = awaited
        self._begun = begun.timestamp()
        self._heard: dict[str, tuple[float, float]] = {}

    def step(self) -> list[dict[str, Any]] | None:
        """Take the next events; the alarms that they raise, or None when there was nothing to take.

        State, place and alarms are durable together when this returns.
        """
        cursor, state = self.store.state(NAME)
        events = _until_closing(self.store.after(cursor, MOST))
        if not events:
            return None
        batch = batch_of(self.store, events)
        after: dict[str, Any] = {"alone": state.get("alone", 0) + batch.alone - batch.found}
        after["paired"] = state.get("paired", 0) + len(batch.pairs)
        alarms: list[dict[str, Any]] = []
        # What is not watched in this start, for want of what it needs, keeps what it knew.
        streams: dict[str, Any] = dict(state.get("streams", {}))
        closed = [each for each in events if each.kind is Kind.CLOSING]
        for stream in self.streams:
            kept, crossings = step(stream, state.get("streams", {}).get(stream.name, {}), batch)
            alarms += [alarm_of(stream, crossing) for crossing in crossings]
            for each in closed:
                if each.content["monitor"] == stream.name:
                    kept = put_back(stream, kept, each.content["detector"])
            streams[stream.name] = kept
        after["streams"] = streams
        moved = self.store.advance(NAME, before=cursor, cursor=events[-1].sequence, state=after, alarms=alarms)
        return alarms if moved else []

    def catch_up(self, *, for_s: float = math.inf) -> list[dict[str, Any]]:
        """Take the events that there are, all or as many as fit into a time; the alarms that they raise."""
        found: list[dict[str, Any]] = []
        end = time.monotonic() + for_s
        while (alarms := self.step()) is not None:
            found += alarms
            if time.monotonic() >= end:
                break
        return found

    def listen(self, now: datetime, *, monotonic: float | None = None) -> list[dict[str, Any]]:
        """Alarms about what has not come; those of what has come again are closed.

        `monotonic` are seconds that never jump; by default those of `now`.
        """
        stamp = now.timestamp()
        ticks = stamp if monotonic is None else monotonic
        standing = self.store.alarms(OPEN, ACKNOWLEDGED)
        raised = []
        for each in self._awaited:
            problem = ""
            try:
                last = each.last()
            except SeatrialError as error:
                last, problem = None, f" ({error.what})"
            since = self._begun if last is None else last
            age = self._age(each, since, stamp, ticks)
            mine = [alarm for alarm in standing if alarm["monitor"] == each.name]
            if age <= each.within_s:
                for over in mine:
                    self.store.change_alarm(over["id"], lambda current: _come_again(current, now))
            elif not mine and not self._let_be(each, since, stamp):
                longest = f", and {_span(each.within_s)} is the longest allowed" if each.within_s else ""
                says = f"{each.lacks} for {_span(age)}{longest}{problem}"
                alarm = quiet_alarm(each.name, words=each.words, says=says, at=stamp, since=since, level=each.level)
                if self.store.raise_alarm(alarm):
                    raised.append(alarm)
        return raised

    def _age(self, each: Awaited, since: float, stamp: float, ticks: float) -> float:
        """How long ago it came, in seconds, also where the clock of the day was put forward or back meanwhile."""
        if not each.by_arrival:
            return stamp - since
        known = self._heard.get(each.name)
        if known is None or known[0] != since:
            # What comes while we listen has come just now, whatever the clock says.
            age = max(0.0, stamp - since) if known is None else 0.0
            known = self._heard[each.name] = (since, ticks - age)
        return ticks - known[1]

    def _let_be(self, awaited: Awaited, since: float, stamp: float) -> bool:
        """Whether somebody closed the alarm of this very silence, so recently that they may still be at it."""
        for alarm in self.store.alarms(CLOSED):
            if alarm["monitor"] == awaited.name and alarm["since"] == at_time(since).isoformat():
                closed = datetime.fromisoformat(alarm["trail"][-1]["at"]).timestamp()
                if stamp - closed <= (awaited.within_s if awaited.let_be_s is None else awaited.let_be_s):
                    return True
        return False

    def close(self, alarm: Mapping[str, Any], *, by: str, now: datetime) -> dict[str, Any] | None:
        """A person has dealt with the alarm: its detector starts anew, from here on in the journal.

        None where somebody else has closed it meanwhile: what they did stands, and nothing is added.
        """
        content = {"monitor": alarm["monitor"], "detector": alarm["detector"], "by": by}
        self.store.append([WatchEvent(kind=Kind.CLOSING, id=alarm["id"], at=now, content=content)], now=now)
        text = f"closed by {by}"

        def change(current: dict[str, Any]) -> Mapping[str, Any] | None:
            if current["state"] == CLOSED:
                return None
            answered = current.get("acknowledged") or {"by": by, "at": now.isoformat()}
            return noted(current, at=now.isoformat(), text=text, state=CLOSED, acknowledged=answered)

        return self.store.change_alarm(alarm["id"], change)

    def anew(self) -> Iterator[Stream]:
        """The streams whose detectors begin anew with the next value, since they judged in another way until now."""
        _, state = self.store.state(NAME)
        known = state.get("streams", {})
        return (stream for stream in self.streams if begins_anew(stream, known.get(stream.name, {})))

    def standing(self) -> Iterator[tuple[Stream, Mapping[str, Any]]]:
        """Each stream with what it knows now."""
        _, state = self.store.state(NAME)
        for stream in self.streams:
            yield stream, {**stream.start(), **state.get("streams", {}).get(stream.name, {})}


def _until_closing(events: Sequence[Stored]) -> Sequence[Stored]:
    """The events up to the first closing: what came before it and what came after are two steps, also in a replay."""
    for place, each in enumerate(events, start=1):
        if each.kind is Kind.CLOSING:
            return events[:place]
    return events


def _come_again(alarm: dict[str, Any], now: datetime) -> Mapping[str, Any] | None:
    if alarm["state"] == CLOSED:
        return None
    return noted(alarm, at=now.isoformat(), text="it has come again", state=CLOSED)


def _span(seconds: float) -> str:
    for size, unit in ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
