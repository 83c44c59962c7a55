"""A model in a process of its own: spoken to over pipes in frames, killed with all it started when it hangs."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from seatrial.adapters.http import read_json
from seatrial.core.errors import Malformed, MissingExtra, Refused, SeatrialError, Unreachable

_WORKER: Final = Path(__file__).with_name("worker.py")
_LOADING_S: Final = 120.0
_TAIL: Final = 500
_LONGEST_HEAD: Final = 1_000_000
_PASSED_ON: Final = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})


class Hung(Unreachable):
    """It did not answer in time; its process was killed."""


class Died(Unreachable):
    """The process ended; it is started again for the next call."""


class Failed(SeatrialError):
    """The model raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the process said: `head` as JSON, `body` in the form that the head names, and the seconds it took."""

    head: Mapping[str, Any]
    body: bytes
    latency_s: float


class ModelProcess:
    """One worker, started with the first call. Threads may share it: calls go one after the other.

    `what` names it in messages. With `environment` it sees all variables of ours, else only harmless ones: a model
    file needs no credentials.
    """

    def __init__(self, *arguments: str, what: str, cwd: Path, environment: bool = False) -> None:
        self._arguments = arguments
        self._what = what
        self._cwd = cwd
        self._environment = dict(os.environ) if environment else _harmless(os.environ)
        self._worker: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._rest = b""
        self._ready: Mapping[str, Any] = {}
        self._turn = threading.Lock()

    def ready(self) -> Mapping[str, Any]:
        """What the worker told of the model once it was loaded. Raises Unreachable, MissingExtra."""
        with self._turn:
            self._started()
            return self._ready

    def call(self, form: str, body: bytes, timeout_s: float) -> Frame:
        """What the model answered. Raises Hung, Died, Failed, Refused, Malformed, Unreachable, MissingExtra."""
        with self._turn:
            self._started()
            started = time.monotonic()
            hung = f"it did not return within {timeout_s:g} s; model.timeout says how long it may take"
            head, answer = self._exchange(_frame(form, body), started + timeout_s, hung)
            latency_s = time.monotonic() - started
        if "refused" in head:
            raise Refused(str(head["refused"]))
        if "problem" in head:
            raise Failed(str(head["problem"]))
        return Frame(head=head, body=answer, latency_s=latency_s)

    def _started(self) -> None:
        if self._worker is not None and self._worker.poll() is None:
            return
        self._stop()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process, closed by _stop()
        self._worker = subprocess.Popen(
            # Without -P the folder of the worker would stand first, and its modules pass for `http` and `mlflow`.
            [sys.executable, "-P", str(_WORKER), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._cwd,
            env=self._environment,
            start_new_session=True,
        )
        hung = f"{self._what} did not load within {_LOADING_S:g} s"
        head, _ = self._exchange(b"", time.monotonic() + _LOADING_S, hung)
        if "problem" in head or "extra" in head:
            self._stop()
            self._cannot_load(head)
        self._ready = head

    def _cannot_load(self, head: Mapping[str, Any]) -> None:
        if "extra" in head:
            extra = head["extra"]
            raise MissingExtra(
                f"{self._what} needs {head.get('module', extra)}, which is not installed",
                remedy=f"pip install 'seatrial[{extra}]'",
            )
        raise Unreachable(
            f"{self._what} cannot be loaded: {head['problem']}", remedy="Load it with Python by itself, and see why."
        )

    def _exchange(self, message: bytes, deadline: float, hung: str) -> tuple[Mapping[str, Any], bytes]:
        answered = False
        try:
            head, body = self._converse(message, deadline)
            answered = True
        except TimeoutError:
            raise Hung(hung, permanent=False) from None
        except (BrokenPipeError, EOFError):
            said = self._last_words()
            raise Died(
                f"the model's process ended{said}", remedy="Load it with Python by itself, and see why."
            ) from None
        finally:
            if not answered:
                # A late answer to this call must never be taken for the answer to the next.
                self._stop()
        return head, body

    def _converse(self, message: bytes, deadline: float) -> tuple[Mapping[str, Any], bytes]:
        worker = self._worker
        if worker is None or worker.stdin is None or worker.stdout is None:
            raise EOFError
        to, back = worker.stdin.fileno(), worker.stdout.fileno()
        os.set_blocking(to, False)
        left = memoryview(message)
        reading = _Reading(self._rest)
        self._rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(back, selectors.EVENT_READ)
            if left:
                selector.register(to, selectors.EVENT_WRITE)
            while not reading.complete():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise TimeoutError
                ready = {key.fd for key, _ in selector.select(remaining)}
                if to in ready:
                    left = left[os.write(to, left[:262_144]) :]
                    if not left:
                        selector.unregister(to)
                if back in ready:
                    reading.add(_piece(back))
        head, body, self._rest = reading.parts()
        return head, body

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _TAIL))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    def stop(self) -> None:
        """Kill the process with everything it started."""
        with self._turn:
            self._stop()

    def _stop(self) -> None:
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


class _Reading:
    """A frame as its bytes come in."""

    def __init__(self, begun: bytes) -> None:
        self._received = bytearray(begun)
        self._head: Mapping[str, Any] | None = None
        self._size = 0

    def add(self, piece: bytes) -> None:
        """The next bytes. Raises Malformed for a head without an end."""
        self._received += piece
        if self._head is None and len(self._received) > _LONGEST_HEAD and b"\n" not in self._received:
            raise Malformed("the model's process answered something else than its protocol")

    def complete(self) -> bool:
        """Whether all of it is there. Raises Malformed for a head that is none."""
        if self._head is None and (line := self._received.find(b"\n")) >= 0:
            self._head = _head(bytes(self._received[:line]))
            del self._received[: line + 1]
            self._size = int(self._head["bytes"])
        return self._head is not None and len(self._received) >= self._size

    def parts(self) -> tuple[Mapping[str, Any], bytes, bytes]:
        """Head, body, and what came after it."""
        return self._head or {}, bytes(self._received[: self._size]), bytes(self._received[self._size :])


def _harmless(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in _PASSED_ON or name.startswith("OMP_")}


def _frame(form: str, body: bytes) -> bytes:
    return b'{"form":"%b","bytes":%d}\n%b' % (form.encode(), len(body), body)


def _head(line: bytes) -> Mapping[str, Any]:
    head = read_json(line)
    if not isinstance(head, Mapping) or not isinstance(head.get("bytes"), int):
        raise Malformed("the model's process answered something else than its protocol")
    return head


def _piece(source: int) -> bytes:
    piece = os.read(source, 1 << 20)
    if not piece:
        raise EOFError
    return piece


def resolved(base_dir: Path, path: str, *, folder: bool = False) -> Path:
    """The declared file or folder. Raises Unreachable when there is none."""
    found = (base_dir / path).resolve()
    if not (found.is_dir() if folder else found.is_file()):
        kind = "folder" if folder else "file"
        raise Unreachable(f"there is no {kind} {path}", remedy="Correct the path in the system file.")
    return found
