"""One process that drives courses: what is due is sent, however long the answers take."""

from __future__ import annotations

import gc
import heapq
import resource
import select
import selectors
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from seatrial.adapters.load.connections import Pool
from seatrial.adapters.load.exchange import Course

_HEAD_START_S: Final = 0.05
_SWEEP_S: Final = 0.02
_BURST: Final = 8
_MOST_SOCKETS: Final = 65_536
_SELECTABLE: Final = 1024
"""Below this number a file can be waited for with `select`."""


def soon() -> float:
    """A start that everybody who was told can keep, on the clock that all processes of this machine share."""
    return time.monotonic() + _HEAD_START_S


def drive(courses: Sequence[Course], *, begin: Callable[[], float] = soon) -> None:
    """Drive them to the end. `begin` is called once all is prepared and tells the start, in `time.monotonic`."""
    with _without_pauses(), _enough_sockets(), selectors.DefaultSelector() as selector:
        targets = {shot.target.origin: shot.target for course in courses for shot in course.shots}
        pools = {origin: Pool(selector, target) for origin, target in targets.items()}
        try:
            for pool in pools.values():
                pool.prepare()
            _Round(courses, pools, selector).drive(begin)
        finally:
            for pool in pools.values():
                pool.close()


class _Round:
    """What is due is sent, what has come is read, and neither keeps the other waiting for more than a few of its kind.

    Behind the plan, answers must still be read, or our own silence would look like the target's.
    """

    def __init__(
        self, courses: Sequence[Course], pools: Mapping[str, Pool], selector: selectors.DefaultSelector
    ) -> None:
        self._courses = courses
        self._pools = pools
        self._selector = selector
        self._start = 0.0
        # Merged on the way: a plan of millions must neither be sorted after the start nor stand in memory twice.
        self._plan = heapq.merge(*map(_planned, range(len(courses)), courses))
        self._next = next(self._plan, None)

    def drive(self, begin: Callable[[], float]) -> None:
        """Until everything was sent and has ended."""
        self._start = begin()
        sweep_at = time.monotonic()
        while True:
            self._send_due()
            now = time.monotonic()
            if now >= sweep_at:
                sweep_at = now + _SWEEP_S
                for course in self._courses:
                    course.sweep(now)
                if self._next is None and not any(course.in_flight for course in self._courses):
                    return
            due = sweep_at if self._next is None else min(sweep_at, self._start + self._next[0])
            for count, (key, events) in enumerate(self._ready(due - now), start=1):
                key.data.ready(events)
                if not count % _BURST:
                    self._send_due()

    def _send_due(self) -> None:
        for _ in range(_BURST):
            if self._next is None:
                return
            due, number, at = self._next
            now = time.monotonic()
            if now < self._start + due:
                return
            self._next = next(self._plan, None)
            exchange = self._courses[number].begin(at, self._start, now)
            if exchange is not None:
                self._pools[exchange.shot.target.origin].start(exchange)

    def _ready(self, wait_s: float) -> list[tuple[selectors.SelectorKey, int]]:
        if wait_s > 0 and (own := self._selector.fileno()) < _SELECTABLE:
            # A selector counts in whole milliseconds and rounds up; `select` does not.
            select.select([own], [], [], wait_s)
            wait_s = 0.0
        return self._selector.select(max(0.0, wait_s))


def _planned(number: int, course: Course) -> Iterator[tuple[float, int, int]]:
    return ((due, number, at) for at, due in enumerate(course.scheduled))


@contextmanager
def _without_pauses() -> Iterator[None]:
    """No garbage collection while time is measured; everything that a run keeps is planned before it starts."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _enough_sockets() -> Iterator[None]:
    """As many open files as this user may have: what we cannot open would look like the target's failure."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_SOCKETS if hard == resource.RLIM_INFINITY else min(hard, _MOST_SOCKETS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
