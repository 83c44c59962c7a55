"""The caller's side of the zygote: starts it, has work started by it, and hears who ended."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, Protocol, Self

from seatrial.core.errors import SeatrialError
from seatrial.engine import frames, zygote

_START_S = 120.0
_END_S = 5.0
_BOOT = """
import json, sys
descriptor, path, modules, first = json.loads(sys.argv[1])
sys.path[:] = path
from seatrial.engine.zygote import main
main(descriptor, modules, first=first)
"""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class NurseryLost(SeatrialError):
    """The process from which checks are started could not start, or died."""


class Nursery:
    """Starts processes that are ready within milliseconds. Close it: everything that it started ends with it.

    Every check waits until the modules of `preload_first` are imported; those of `preload` are while nothing else is
    to do. `environment` is what the checks see.
    """

    def __init__(
        self,
        *,
        preload: Sequence[str] = (),
        preload_first: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.line, theirs = socket.socketpair()
        self._reader = frames.Reader()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._begun = time.monotonic()
        self._ready = False
        self._longest_grace_s = 0.0
        with theirs:
            boot = json.dumps([theirs.fileno(), sys.path, list(preload), list(preload_first)])
            try:
                seen = surroundings(os.environ if environment is None else environment)
                self._process: Process = interpreter(boot, theirs.fileno(), self._errors, seen)
            except OSError as error:
                raise self._lost(f"could not be started ({error})") from error
        self.line.setblocking(False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, number: int, *, grace_s: float, sock: socket.socket, output: int, alone: bool = False) -> None:
        """Have a process started that will talk on `sock` and print into `output`. Raises NurseryLost."""
        self._longest_grace_s = max(self._longest_grace_s, grace_s)
        command = zygote.START_ALONE if alone else zygote.START
        self._command(command, number, grace_s, [sock.fileno(), output])

    def terminate(self, number: int) -> None:
        """Ask that piece of work to end: its `finally` blocks run."""
        self._command(zygote.TERMINATE, number)

    def kill(self, number: int) -> None:
        """End it and everything in its process group at once."""
        self._command(zygote.KILL, number)

    def news(self) -> Iterator[dict[str, Any]]:
        """What has happened: `started` with its pid, `ended` with its exit status. Raises NurseryLost."""
        while True:
            try:
                data = self.line.recv(65_536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                raise self._lost("died")
            for message in self._reader.feed(data):
                if "ready" in message:
                    self._ready = True
                else:
                    yield message
        if not self._ready and time.monotonic() - self._begun > _START_S:
            raise self._lost(f"did not start within {_START_S:.0f} s")

    def close(self) -> None:
        """Close the line, and wait until what still runs has restored and ended, and the process itself with it."""
        self.line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=self._longest_grace_s + _END_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def _command(self, command: bytes, number: int, grace_s: float = 0.0, descriptors: Sequence[int] = ()) -> None:
        message = zygote.COMMAND.pack(command, number, grace_s)
        try:
            socket.send_fds(self.line, [message], list(descriptors))
        except OSError as error:
            raise self._lost("died") from error

    def _lost(self, how: str) -> NurseryLost:
        self._errors.seek(0)
        told = self._errors.read()[-2_000:].decode(errors="replace").strip()
        return NurseryLost(
            f"The process that starts the checks {how}.",
            remedy=told or "Look for a lack of memory on this machine, then run again.",
        )


class Process(Protocol):
    """What a nursery needs of the process that serves it."""

    def poll(self) -> int | None:
        """None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended. Raises subprocess.TimeoutExpired after so many seconds."""

    def kill(self) -> None:
        """End it at once."""


def interpreter(boot: str, descriptor: int, errors: IO[bytes], environment: Mapping[str, str]) -> Process:
    """A new interpreter that runs the zygote, which talks on the descriptor."""
    return subprocess.Popen(
        [sys.executable, "-c", _BOOT, boot],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        pass_fds=[descriptor],
        env=environment,
    )


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """One thread per check and library, so that parallel checks share the cores; sets in the same order every time."""
    return {**dict.fromkeys(_THREADS, "1"), **environment, "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}
