"""Our own open-model load generator: what is due is sent, however long the answers take."""

from __future__ import annotations

import asyncio
import gc
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seatrial.adapters.load.exchange import Course, Pool, Shot
from seatrial.adapters.wire import encode, target_of
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.ports import LoadResult, Request, Stream

_NULL_SERVER: Final = Path(__file__).with_name("null_server.py")
_HEAD_START_S: Final = 0.05
_SWEEP_S: Final = 0.02
_BURST: Final = 8
_MOST_SOCKETS: Final = 65_536


class LoadClient:
    """Drives streams of prepared requests at their scheduled times over keep-alive HTTP/1.1, from one process.

    Latency counts from the scheduled start. What is dropped, cut, refused or late stands at its time-out, with status
    0 or -1. Redirects are not followed: they are answers. Only `origins` may be called.
    """

    def __init__(self, *, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def run(self, streams: Sequence[Stream], *, duration_s: float, seed: int) -> Mapping[str, LoadResult]:
        """Drive all streams at once. Raises Refused for an undeclared target, Malformed for a stream that is none."""
        for stream in streams:
            for origin in {target_of(request.url).origin for request in stream.requests}:
                if origin not in self._origins:
                    raise Refused(
                        f"stream {stream.name!r} goes to {origin}, which is not declared in the system file",
                        remedy="Declare it there if seatrial may put load on it.",
                    )
        return _driven(streams, duration_s, seed)

    def calibrate(self, rate_per_s: float, *, seed: int) -> LoadResult:
        """One second of the same against a null server of our own: what the generator can hold on this machine."""
        with _null_server() as url:
            request = Request(method="POST", url=url, headers={"Content-Type": "application/json"}, body=b"{}" * 128)
            stream = Stream(name="calibration", requests=(request,), rate_per_s=rate_per_s)
            return _driven((stream,), 1.0, seed)["calibration"]


def _driven(streams: Sequence[Stream], duration_s: float, seed: int) -> dict[str, LoadResult]:
    from seatrial.adapters.load.schedule import arrivals

    names = [stream.name for stream in streams]
    if len(set(names)) != len(names):
        raise Malformed("two streams have the same name")
    courses = {}
    for stream in streams:
        if not stream.requests:
            raise Malformed(f"stream {stream.name!r} has no requests to send")
        scheduled = arrivals(stream, duration_s=duration_s, seed=seed)
        courses[stream.name] = Course(stream, _shots(stream.requests), scheduled.tolist())
    with _without_pauses(), _enough_sockets():
        asyncio.run(_drive(tuple(courses.values())))
    return {name: course.result() for name, course in courses.items()}


def _shots(requests: Sequence[Request]) -> tuple[Shot, ...]:
    shots = []
    for request in requests:
        target = target_of(request.url)
        shots.append(Shot(target=target, method=request.method, content=encode(request, target)))
    return tuple(shots)


async def _drive(courses: Sequence[Course]) -> None:
    loop = asyncio.get_running_loop()
    targets = {shot.target.origin: shot.target for course in courses for shot in course.shots}
    pools = {origin: Pool(loop, target) for origin, target in targets.items()}
    dispatched = asyncio.Event()
    sweeper = loop.create_task(_sweep(courses, dispatched))
    try:
        await asyncio.gather(*(pool.prepare() for pool in pools.values()))
        await _dispatch(courses, pools, loop)
        dispatched.set()
        await sweeper
    finally:
        sweeper.cancel()
        await asyncio.gather(sweeper, *(pool.close() for pool in pools.values()), return_exceptions=True)


async def _dispatch(courses: Sequence[Course], pools: Mapping[str, Pool], loop: asyncio.AbstractEventLoop) -> None:
    plan = sorted((due, number, at) for number, course in enumerate(courses) for at, due in enumerate(course.scheduled))
    start = loop.time() + _HEAD_START_S
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


@contextmanager
def _null_server() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-I", str(_NULL_SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            port = server.stdout.readline().strip() if server.stdout is not None else ""
            if not port.isdecimal():
                raise Unreachable(
                    "the load generator could not be calibrated: its null server did not start",
                    remedy="See whether this machine lets a process listen on 127.0.0.1.",
                )
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.kill()
