"""Several processes that drive one plan together: every n-th request each, all from the same start.

Their results are merged request by request, so a percentile over all is as exact as one over a single process. When one
of them dies or does not come back, there is no result at all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from threading import Timer
from typing import Final, TypeVar

from seatrial.adapters.load.driving import soon
from seatrial.adapters.load.exchange import Pace, Shot
from seatrial.adapters.load.worker import READY
from seatrial.core.errors import Unreachable
from seatrial.core.ports import LoadResult

_BOOT: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from seatrial.adapters.load.worker import main
main()
"""
_START_S: Final = 60.0
_GRACE_S: Final = 30.0
_Worker = subprocess.Popen[bytes]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One stream: how it is driven, what is sent in turn, and when, in ascending seconds since the start."""

    name: str
    pace: Pace
    shots: Sequence[Shot]
    scheduled: array[float]


def drive_together(plans: Sequence[Plan], *, processes: int) -> dict[str, LoadResult]:
    """Everything that came back, by stream. Raises Unreachable when one of the processes did not finish."""
    longest_s = max((plan.scheduled[-1] for plan in plans if plan.scheduled), default=0.0)
    allowed_s = longest_s + max(plan.pace.timeout_s for plan in plans) + _GRACE_S
    shares = [[_share(plan, first, processes) for plan in plans] for first in range(processes)]
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker()) for _ in shares]
        stack.enter_context(_ended_after(workers, _START_S + allowed_s))
        with ThreadPoolExecutor(max_workers=processes) as pool:
            _all(pool, workers, _prepare, shares)
            start = f"{soon()!r}\n".encode()
            for worker in workers:
                _tell(worker, start)
            parts = _all(pool, workers, _result, shares)
    return {plan.name: _merged(plan, [part[number] for part in parts]) for number, plan in enumerate(plans)}


def _all(
    pool: ThreadPoolExecutor,
    workers: Sequence[_Worker],
    do: Callable[[_Worker, Sequence[Plan]], T],
    shares: Sequence[Sequence[Plan]],
) -> list[T]:
    """What each gave, in order. When one fails the others are ended at once: their load would serve nobody."""
    pending = [pool.submit(do, worker, share) for worker, share in zip(workers, shares, strict=True)]
    wait(pending, return_when=FIRST_EXCEPTION)
    if any(one.done() and one.exception() for one in pending):
        for worker in workers:
            worker.kill()
    return [one.result() for one in pending]


def _share(plan: Plan, first: int, processes: int) -> Plan:
    """Every n-th request: whatever the arrivals are like, each process gets its part of every moment."""
    pace, failed = plan.pace, plan.pace.most_failed
    return replace(
        plan,
        pace=replace(
            pace,
            in_flight=max(1, pace.in_flight // processes + (first < pace.in_flight % processes)),
            most_failed=None if failed is None else failed // processes,
            first=first,
            step=processes,
        ),
        scheduled=plan.scheduled[first::processes],
    )


@contextmanager
def _worker() -> Iterator[_Worker]:
    command = [sys.executable, "-I", "-c", _BOOT, json.dumps(sys.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
            with suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()


@contextmanager
def _ended_after(workers: Sequence[_Worker], seconds: float) -> Iterator[None]:
    def end() -> None:
        for worker in workers:
            worker.kill()

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _prepare(worker: _Worker, share: Sequence[Plan]) -> None:
    order = [
        {
            "pace": asdict(plan.pace),
            "planned": len(plan.scheduled),
            "shots": [{"target": asdict(s.target), "method": s.method, "size": len(s.content)} for s in plan.shots],
        }
        for plan in share
    ]
    _tell(worker, json.dumps(order).encode() + b"\n")
    for plan in share:
        _tell(worker, b"".join(shot.content for shot in plan.shots))
        _tell(worker, plan.scheduled.tobytes())
    if worker.stdout is None or worker.stdout.readline() != READY:
        raise _died()


def _tell(worker: _Worker, content: bytes) -> None:
    try:
        if worker.stdin is not None:
            worker.stdin.write(content)
            worker.stdin.flush()
    except OSError:
        raise _died() from None


def _result(worker: _Worker, share: Sequence[Plan]) -> list[LoadResult]:
    found = []
    for plan in share:
        count = len(plan.scheduled)
        latency, lag, status = array("d"), array("d"), array("i")
        for column in (latency, lag, status):
            size = column.itemsize * count
            content = worker.stdout.read(size) if worker.stdout is not None else b""
            if len(content) != size:
                raise _died()
            column.frombytes(content)
        found.append(LoadResult(planned=count, scheduled_s=plan.scheduled, latency_s=latency, lag_s=lag, status=status))
    return found


def _merged(plan: Plan, parts: Sequence[LoadResult]) -> LoadResult:
    """In the order of the plan: of n parts, part k has the requests k, k + n, k + 2 n and so on."""
    count, step = len(plan.scheduled), len(parts)
    latency, lag = array("d", bytes(8 * count)), array("d", bytes(8 * count))
    status = array("i", bytes(array("i").itemsize * count))
    for first, part in enumerate(parts):
        latency[first::step] = array("d", part.latency_s)
        lag[first::step] = array("d", part.lag_s)
        status[first::step] = array("i", part.status)
    return LoadResult(planned=count, scheduled_s=plan.scheduled, latency_s=latency, lag_s=lag, status=status)


def _died() -> Unreachable:
    return Unreachable(
        "a process of the load generator ended before its work was done, so there is no result",
        remedy="See whether this machine has memory and a core to spare, and run the check again.",
        permanent=False,
    )
