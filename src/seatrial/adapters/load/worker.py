"""A process that drives its part of a plan: told over its standard input, told back over its standard output.

In: one JSON line, then the bytes that it announces; after `ready` comes back, one line with the start. Out: `ready`,
and at the end per stream latency, lag and status, each as packed numbers. When its input ends, so does it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from array import array
from collections.abc import Mapping
from typing import IO, Any, Final

from seatrial.adapters.load.driving import drive
from seatrial.adapters.load.exchange import Course, Pace, Shot
from seatrial.adapters.wire import Target

READY: Final = b"ready\n"
_GONE: Final = 3


def serve(orders: IO[bytes], answers: IO[bytes]) -> None:
    """Carry out one order."""
    order = json.loads(orders.readline())
    courses = [_course(entry, orders) for entry in order]

    def begin() -> float:
        answers.write(READY)
        answers.flush()
        start = float(orders.readline())
        threading.Thread(target=_end_with, args=(orders.fileno(),), daemon=True).start()
        return start

    drive(courses, begin=begin)
    for course in courses:
        result = course.result()
        for column in (result.latency_s, result.lag_s, result.status):
            answers.write(memoryview(column))  # type: ignore[arg-type]  # packed numbers all three
    answers.flush()


def _course(entry: Mapping[str, Any], orders: IO[bytes]) -> Course:
    shots = [
        Shot(target=Target(**shot["target"]), method=shot["method"], content=_exactly(orders, shot["size"]))
        for shot in entry["shots"]
    ]
    scheduled = array("d", _exactly(orders, 8 * entry["planned"]))
    return Course(Pace(**entry["pace"]), shots, scheduled)


def _exactly(orders: IO[bytes], size: int) -> bytes:
    content = orders.read(size)
    if len(content) != size:
        raise EOFError("the order broke off")
    return content


def _end_with(orders: int) -> None:
    """A generator whose master is gone must not go on putting load on anything."""
    # Past the buffer, whose lock would be held for ever.
    os.read(orders, 1)
    os._exit(_GONE)


def main() -> None:
    """Serve whoever started this process."""
    serve(sys.stdin.buffer, sys.stdout.buffer)
