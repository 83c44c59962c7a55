"""Our own open-model load generator: what is due is sent, however long the answers take."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from seatrial.adapters.load.crew import Plan, drive_together
from seatrial.adapters.load.driving import drive
from seatrial.adapters.load.exchange import Course, Pace, Shot
from seatrial.adapters.wire import encode, target_of
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.ports import LoadResult, Request, Stream

_NULL_SERVER: Final = Path(__file__).with_name("null_server.py")
_HERE_PER_S: Final = 500.0
"""Up to this rate the caller's own process is good enough, in which others may watch meanwhile."""
_EACH_PER_S: Final = 5000.0
"""What one process of its own is given at most."""


class LoadClient:
    """Drives streams of prepared requests at their scheduled times over keep-alive HTTP/1.1.

    Latency counts from the scheduled start. What is dropped, cut, refused or late stands at its time-out, with status
    0 or -1. Redirects are not followed: they are answers. Only `origins` may be called. `processes` says how many
    processes share the plan, 0 for none but this one; None lets the rate decide.
    """

    def __init__(self, *, origins: Iterable[str], processes: int | None = None) -> None:
        self._origins = frozenset(origins)
        self._processes = processes

    def run(self, streams: Sequence[Stream], *, duration_s: float, seed: int) -> Mapping[str, LoadResult]:
        """Drive all streams at once.

        Raises Refused for an undeclared target, Malformed for a stream that is none, Unreachable when a process died.
        """
        for stream in streams:
            for origin in {target_of(request.url).origin for request in stream.requests}:
                if origin not in self._origins:
                    raise Refused(
                        f"stream {stream.name!r} goes to {origin}, which is not declared in the system file",
                        remedy="Declare it there if seatrial may put load on it.",
                    )
        return _driven(streams, duration_s, seed, self._needed(sum(stream.rate_per_s for stream in streams)))

    def calibrate(self, rate_per_s: float, *, seed: int) -> LoadResult:
        """One second of the same against null servers of our own: what the generator can hold on this machine."""
        processes = self._needed(rate_per_s)
        with ExitStack() as stack:
            urls = [stack.enter_context(_null_server()) for _ in range(max(1, processes))]
            headers = {"Content-Type": "application/json"}
            requests = [Request(method="POST", url=url, headers=headers, body=b"{}" * 128) for url in urls]
            stream = Stream(name="calibration", requests=requests, rate_per_s=rate_per_s)
            return _driven((stream,), 1.0, seed, processes)["calibration"]

    def _needed(self, rate_per_s: float) -> int:
        if self._processes is not None:
            return self._processes
        if not rate_per_s > _HERE_PER_S:
            return 0
        return max(1, min(math.ceil(min(rate_per_s, 1e9) / _EACH_PER_S), os.cpu_count() or 1))


def _driven(streams: Sequence[Stream], duration_s: float, seed: int, processes: int) -> dict[str, LoadResult]:
    plans = [_plan(stream, duration_s, seed) for stream in streams]
    if len({plan.name for plan in plans}) != len(plans):
        raise Malformed("two streams have the same name")
    if processes:
        return drive_together(plans, processes=processes)
    courses = {plan.name: Course(plan.pace, plan.shots, plan.scheduled) for plan in plans}
    drive(tuple(courses.values()))
    return {name: course.result() for name, course in courses.items()}


def _plan(stream: Stream, duration_s: float, seed: int) -> Plan:
    from seatrial.adapters.load.schedule import arrivals

    if not stream.requests:
        raise Malformed(f"stream {stream.name!r} has no requests to send")
    return Plan(
        name=stream.name,
        pace=Pace(timeout_s=stream.timeout_s, in_flight=stream.in_flight, most_failed=stream.most_failed),
        shots=_shots(stream.requests),
        scheduled=array("d", arrivals(stream, duration_s=duration_s, seed=seed).tobytes()),
    )


def _shots(requests: Sequence[Request]) -> tuple[Shot, ...]:
    shots = []
    for request in requests:
        target = target_of(request.url)
        shots.append(Shot(target=target, method=request.method, content=encode(request, target)))
    return tuple(shots)


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
