"""One process that drives courses: what is due is sent, however long the answers take."""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from seatrial.adapters.load.exchange import Course, Pool

_HEAD_START_S: Final = 0.05
_SWEEP_S: Final = 0.02
_BURST: Final = 8
_MOST_SOCKETS: Final = 65_536


def soon() -> float:
    """A start that everybody who was told can keep, on the clock that all processes of this machine share."""
    return time.monotonic() + _HEAD_START_S


def drive(courses: Sequence[Course], *, begin: Callable[[], float] = soon) -> None:
    """Drive them to the end. `begin` is called once all is prepared and tells the start, in `time.monotonic`."""
    with _without_pauses(), _enough_sockets():
        asyncio.run(_drive(courses, begin))


async def _drive(courses: Sequence[Course], begin: Callable[[], float]) -> None:
    loop = asyncio.get_running_loop()
    targets = {shot.target.origin: shot.target for course in courses for shot in course.shots}
    pools = {origin: Pool(loop, target) for origin, target in targets.items()}
    dispatched = asyncio.Event()
    sweeper = loop.create_task(_sweep(courses, dispatched))
    try:
        await asyncio.gather(*(pool.prepare() for pool in pools.values()))
        await _dispatch(courses, pools, begin())
        dispatched.set()
        await sweeper
    finally:
        sweeper.cancel()
        await asyncio.gather(sweeper, *(pool.close() for pool in pools.values()), return_exceptions=True)


async def _dispatch(courses: Sequence[Course], pools: Mapping[str, Pool], start: float) -> None:
    loop = asyncio.get_running_loop()
    plan = sorted((due, number, at) for number, course in enumerate(courses) for at, due in enumerate(course.scheduled))
    sent = 0
    for due, number, at in plan:
        wait = start + due - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
            sent = 0
        elif sent >= _BURST:
            # Behind the plan, answers must still be read, or our own silence would look like the target's.
            await asyncio.sleep(0)
            sent = 0
        sent += 1
        exchange = courses[number].begin(at, start, loop.time())
        if exchange is not None:
            pools[exchange.shot.target.origin].start(exchange)


async def _sweep(courses: Sequence[Course], dispatched: asyncio.Event) -> None:
    """End what is over its time, until everything was sent and has ended."""
    loop = asyncio.get_running_loop()
    while not (dispatched.is_set() and not any(course.in_flight for course in courses)):
        await asyncio.sleep(_SWEEP_S)
        for course in courses:
            course.sweep(loop.time())


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
