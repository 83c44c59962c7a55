"""What happens inside the process of one check, from its start to its last byte.

It leads a session of its own, reads nothing, prints into a pipe, ignores Ctrl-C, and ends when whoever started it is
gone. Its one way out is a message with plain data.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import random
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from types import FrameType
from typing import Any, NoReturn

from seatrial.core import stopping
from seatrial.core.codec import CodecError, to_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Observation, Reason
from seatrial.engine import frames
from seatrial.engine.codes import reason_of

_BETWEEN_WORDS_S = 0.1
_TRACEBACK_CHARACTERS = 8_000


def live(sock: socket.socket, output: int) -> NoReturn:
    """Run the one piece of work that arrives on `sock`, answer there, and end this process."""
    _settle(output)
    try:
        work = frames.receive(sock)
    except (EOFError, OSError, frames.Unframed):
        os._exit(1)
    line = _Line(sock)
    threading.Thread(target=_end_with_the_parent, args=(sock, float(work["grace_s"])), daemon=True).start()
    answer = _answer(work, line)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    status = 0
    try:
        line.answer(answer)
    except OSError:
        status = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            status = status or 1
    os._exit(status)


def _settle(output: int) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (nothing, output):
        os.close(descriptor)
    faulthandler.enable(file=2)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    stopping.stop()


def _end_with_the_parent(sock: socket.socket, grace_s: float) -> None:
    """Nothing more is ever sent to a check: what arrives on its socket is the end of the one who started it."""
    try:
        while sock.recv(1):
            pass
    except OSError:
        pass
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        # Nobody reads the pipe any more, and a print must not break a restore.
        os.dup2(nowhere, descriptor)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os.killpg(0, signal.SIGKILL)


class _Line:
    """The way back, for one thread at a time. It is also the check's `Say`: at most ten words a second go out."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._last = 0.0

    def __call__(self, doing: str, share: float | None = None) -> None:
        now = time.monotonic()
        with self._lock:
            if now - self._last < _BETWEEN_WORDS_S:
                return
            self._last = now
            shown = min(max(float(share), 0.0), 1.0) if share is not None and share == share else None  # noqa: PLR0124 - NaN
            # A message that a stop cuts in two would spoil all that follow.
            with stopping.unstoppable(), contextlib.suppress(OSError):
                frames.send(self._sock, {"doing": str(doing)[:500], "share": shown})

    def answer(self, message: Mapping[str, object]) -> None:
        with self._lock:
            try:
                frames.send(self._sock, message)
            except ValueError as error:
                frames.send(self._sock, _reason(Reason(code="not-an-observation", summary=f"It returned {error}.")))


def _answer(work: Mapping[str, Any], line: _Line) -> Mapping[str, object]:
    random.seed(int(work["seed"]))
    try:
        signal.signal(signal.SIGTERM, _stop)
        module, _, name = str(work["entry"]).partition(":")
        entry = getattr(importlib.import_module(module), name)
        return _told(entry(work["arguments"], int(work["seed"]), line))
    except stopping.Stopped:
        return {"stopped": True}
    except SeatrialError as error:
        return _reason(reason_of(error))
    except (SystemExit, KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the one boundary: whatever a check does becomes a reason, never an end of the run
        return _reason(_crash(error))


def _crash(error: BaseException) -> Reason:
    if isinstance(error, MemoryError):
        return Reason(code="out-of-memory", summary="The check asked for more memory than there is.")
    if isinstance(error, SystemExit):
        return Reason(code="crashed", summary=f"The check ended its own process (exit {error.code}) without a result.")
    return Reason(
        code="crashed",
        summary=f"The check failed with {type(error).__name__}: {_first_line(error)}",
        remedy="This is a defect of the check, not of your system. Please report it with the detail of this record.",
        detail={"traceback": traceback.format_exc()[-_TRACEBACK_CHARACTERS:]},
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:300] if lines else "no message"


def _told(result: object) -> Mapping[str, object]:
    try:
        if isinstance(result, Observation):
            return {"observation": to_data(result)}
        if isinstance(result, Reason):
            return _reason(result)
        if isinstance(result, Mapping):
            return {"data": to_data(result)}
    except (CodecError, RecursionError) as error:
        return _reason(Reason(code="not-an-observation", summary=f"What the check returned cannot be kept: {error}."))
    return _reason(
        Reason(
            code="not-an-observation",
            summary=f"The check returned {type(result).__name__}, which is neither an observation nor a reason.",
        )
    )


def _reason(reason: Reason) -> Mapping[str, object]:
    return {"reason": to_data(reason)}
