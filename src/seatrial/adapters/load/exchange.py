"""Requests in flight: one stream's results as they come in."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from seatrial.adapters.wire import Target
from seatrial.core.ports import LoadResult

NO_ANSWER: Final = 0
DROPPED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A request, ready to be sent."""

    target: Target
    method: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one stream is driven. Of the whole plan it has the requests `first`, `first + step` and so on."""

    timeout_s: float
    in_flight: int
    most_failed: int | None = None
    first: int = 0
    step: int = 1


class Carrier(Protocol):
    """What an exchange is on its way with."""

    def abort(self) -> None:
        """Drop it at once."""


class Course:
    """One stream: its plan, and what became of each planned request.

    Until an answer arrives a request counts as unanswered at its time-out, so that nothing that is lost looks fast.
    """

    def __init__(self, pace: Pace, shots: Sequence[Shot], scheduled: array[float]) -> None:
        count = len(scheduled)
        self.shots = shots
        self.scheduled = scheduled
        self.timeout_s = pace.timeout_s
        self.in_flight = 0
        self._pace = pace
        self._failed = 0
        self.open: deque[Exchange] = deque()
        self._latency = array("d", [pace.timeout_s]) * count
        self._lag = array("d", [0.0]) * count
        self._status = array("i", [NO_ANSWER]) * count

    def begin(self, at: int, start: float, now: float) -> Exchange | None:
        """The exchange of planned request `at`, or None when it is dropped: too many in flight, or too many failed."""
        due = start + self.scheduled[at]
        self._lag[at] = max(0.0, now - due)
        pace = self._pace
        if self.in_flight >= pace.in_flight or (pace.most_failed is not None and self._failed > pace.most_failed):
            self._status[at] = DROPPED
            return None
        self.in_flight += 1
        exchange = Exchange(self, at, due)
        self.open.append(exchange)
        return exchange

    def end(self, at: int, status: int, latency_s: float) -> None:
        """Record what became of it."""
        self.in_flight -= 1
        self._failed += not 200 <= status < 300
        if status != NO_ANSWER:
            self._status[at] = status
            self._latency[at] = latency_s

    def sweep(self, now: float) -> None:
        """End every exchange whose time is over; they began in the order of their deadlines."""
        while self.open and (self.open[0].ended or self.open[0].deadline <= now):
            self.open.popleft().time_out()

    def result(self) -> LoadResult:
        """Everything, in the order of the plan."""
        return LoadResult(
            planned=len(self.scheduled),
            scheduled_s=self.scheduled,
            latency_s=self._latency,
            lag_s=self._lag,
            status=self._status,
        )

    def shot(self, at: int) -> Shot:
        """What planned request `at` sends: the requests take turns over the whole plan."""
        return self.shots[(self._pace.first + at * self._pace.step) % len(self.shots)]


class Exchange:
    """One request on its way."""

    __slots__ = ("_at", "_course", "_due", "connection", "deadline", "ended", "retried", "shot")

    def __init__(self, course: Course, at: int, due: float) -> None:
        self._course = course
        self._at = at
        self._due = due
        self.connection: Carrier | None = None
        self.deadline = due + course.timeout_s
        self.ended = False
        self.retried = False
        self.shot = course.shot(at)

    def finish(self, status: int, now: float) -> None:
        """The last byte is here; too late is as bad as never."""
        if not self.ended:
            self.ended = True
            self._course.end(self._at, status if now <= self.deadline else NO_ANSWER, now - self._due)

    def fail(self) -> None:
        """No answer will come."""
        if not self.ended:
            self.ended = True
            self._course.end(self._at, NO_ANSWER, 0.0)

    def time_out(self) -> None:
        """Its time is over; whatever still arrives on its connection belongs to nobody."""
        if not self.ended:
            self.fail()
            if self.connection is not None:
                self.connection.abort()
