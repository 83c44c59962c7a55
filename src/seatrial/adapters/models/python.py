"""A Python callable as a model: in its own process, spoken to over pipes, killed when it hangs."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from seatrial.adapters.http import read_json
from seatrial.adapters.identity import digest_of
from seatrial.adapters.models.answers import encode_rows, read_predictions
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Reply, ReplyKind, Request, Row
from seatrial.spec.system import ModelSection

_WORKER: Final = Path(__file__).with_name("python_worker.py")
_LOADING_S: Final = 120.0
_TAIL: Final = 500


class _Hung(Unreachable):
    """The callable did not return in time; its process was killed."""


class _Died(Unreachable):
    """The process ended; it is started again for the next call."""


class _Failed(SeatrialError):
    """The callable raised."""


class PythonModel:
    """`path/to/file.py:callable`, called with a list of dicts; returns one entry per row.

    The process is started with the first call, killed when a call exceeds its time, and started again afterwards.
    """

    def __init__(self, section: ModelSection, *, base_dir: Path, redact: Redactor) -> None:
        self._section = section
        self._base_dir = base_dir
        self._redact = redact
        self._processes: dict[str, _Process] = {}

    def identity(self) -> str:
        """The digest of what the callable `model.identity` returns. Raises Unreachable, Malformed."""
        if not self._section.identity:
            raise Malformed(
                "the model's identity is not declared, so a change of the model could not be noticed",
                remedy="Declare model.identity: file.py:callable that tells the version that is served.",
            )
        try:
            process = self._process(self._section.identity)
            answers = [process.call(b'{"rows":null}', self._section.timeout)[0] for _ in range(2)]
        except _Failed as error:
            raise Malformed(self._redact(f"model.identity failed: {error.what}")) from None
        if any(answer in (None, "", [], {}) for answer in answers):
            raise Malformed("model.identity tells no version")
        if digest_of(answers[0]) != digest_of(answers[1]):
            raise Malformed(
                "model.identity answers differently from one call to the next", remedy="It must tell the version alone."
            )
        return digest_of(answers[0])

    def predict(self, rows: Sequence[Row]) -> Reply:
        """The answer for these rows; never raises for what the callable does."""
        started = time.monotonic()
        try:
            answer, latency_s = self._process(self._section.python or "").call(
                encode_rows("rows", rows), self._section.timeout
            )
            predictions = read_predictions(answer, len(rows), self._section)
        except SeatrialError as error:
            kinds = {
                _Hung: ReplyKind.TIMED_OUT,
                _Died: ReplyKind.CRASHED,
                _Failed: ReplyKind.CRASHED,
                Malformed: ReplyKind.MALFORMED,
            }
            kind = kinds.get(type(error), ReplyKind.UNREACHABLE)
            return Reply(kind=kind, latency_s=time.monotonic() - started, error=self._redact(error.what))
        return Reply(kind=ReplyKind.OK, latency_s=latency_s, predictions=predictions)

    def request(self, rows: Sequence[Row]) -> Request | None:
        """None: it is not called over HTTP."""
        del rows
        return None

    def close(self) -> None:
        """End its processes."""
        for process in self._processes.values():
            process.stop()
        self._processes.clear()

    def _process(self, reference: str) -> _Process:
        if reference not in self._processes:
            path, colon, name = reference.rpartition(":")
            if not colon or not name.isidentifier():
                raise Malformed(f"{reference!r} names no callable", remedy="Write it as path/to/file.py:callable.")
            file = (self._base_dir / path).resolve()
            if not file.is_file():
                raise Unreachable(f"there is no file {path}", remedy="Correct the path in the system file.")
            self._processes[reference] = _Process(file, name)
        return self._processes[reference]


class _Process:
    """One worker and its pipes."""

    def __init__(self, file: Path, name: str) -> None:
        self._file = file
        self._name = name
        self._worker: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._rest = b""

    def call(self, message: bytes, timeout_s: float) -> tuple[Json, float]:
        """What the callable returned, and the seconds it took without loading its file."""
        if self._worker is None or self._worker.poll() is not None:
            self._start()
        started = time.monotonic()
        answer = self._exchange(message + b"\n", started + timeout_s, f"it did not return within {timeout_s:g} s")
        latency_s = time.monotonic() - started
        if "problem" in answer:
            raise _Failed(str(answer["problem"]))
        return answer.get("answer"), latency_s

    def _start(self) -> None:
        self.stop()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process, closed by stop()
        self._worker = subprocess.Popen(
            [sys.executable, str(_WORKER), str(self._file), self._name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._file.parent,
            start_new_session=True,
        )
        hung = f"{self._file.name} did not load within {_LOADING_S:g} s"
        answer = self._exchange(b"", time.monotonic() + _LOADING_S, hung)
        if "problem" in answer:
            self.stop()
            raise Unreachable(
                f"{self._file.name} cannot be loaded: {answer['problem']}", remedy="Run the file with Python by itself."
            )

    def _exchange(self, message: bytes, deadline: float, hung: str) -> dict[str, Json]:
        answered = False
        try:
            line = self._converse(message, deadline)
            answered = True
        except TimeoutError:
            raise _Hung(hung, permanent=False) from None
        except (BrokenPipeError, EOFError):
            said = self._last_words()
            raise _Died(f"the model's process ended{said}", remedy="Run the file with Python by itself.") from None
        finally:
            if not answered:
                # A late answer to this call must never be taken for the answer to the next.
                self.stop()
        answer = read_json(line)
        if not isinstance(answer, dict):
            raise Malformed("the model's process answered something else than its protocol")
        return answer

    def _converse(self, message: bytes, deadline: float) -> bytes:
        worker = self._worker
        if worker is None or worker.stdin is None or worker.stdout is None:
            raise EOFError
        to, back = worker.stdin.fileno(), worker.stdout.fileno()
        os.set_blocking(to, False)
        pieces = [self._rest]
        self._rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(back, selectors.EVENT_READ)
            if message:
                selector.register(to, selectors.EVENT_WRITE)
            while True:
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise TimeoutError
                ready = {key.fd for key, _ in selector.select(remaining)}
                if to in ready:
                    message = message[os.write(to, message[:65_536]) :]
                    if not message:
                        selector.unregister(to)
                if back in ready:
                    before, newline, after = _piece(back).partition(b"\n")
                    pieces.append(before)
                    if newline:
                        self._rest = after
                        return b"".join(pieces)

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _TAIL))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def stop(self) -> None:
        """Kill the process with everything it started."""
        worker, self._worker = self._worker, None
        self._rest = b""
        if worker is not None:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe is not None:
                    pipe.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _piece(source: int) -> bytes:
    piece = os.read(source, 65_536)
    if not piece:
        raise EOFError
    return piece
