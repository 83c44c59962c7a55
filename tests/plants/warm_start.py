"""Runs that begin at once: the process from which checks are forked comes from one that has imported what they want.

A run starts an interpreter of its own for that, which imports for about three seconds of processor time. Here it is a
fork of one that did so before; all else is as in every run: own session, own environment, own line, one per run. What
starts the real command, or imports other things than runs do, starts as it always does.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import IO, Any, NoReturn

import pytest

from seatrial.engine import nursery
from seatrial.engine.nursery import Process

_MOST = 1 << 20
_BOOT = "import sys; sys.path[:] = {path!r}; from plants.warm_start import serve; serve({descriptor}, {modules!r})"


def serve(descriptor: int, modules: list[str]) -> None:
    """In a process of its own: import the modules, then fork a zygote for every message, until the line is closed."""
    for module in modules:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: _bury())
    with socket.socket(fileno=descriptor) as line:
        while True:
            message, given, _, _ = socket.recv_fds(line, _MOST, 2)
            if not message:
                return
            pid = os.fork()
            if pid == 0:
                line.close()
                _zygote(json.loads(message), *given)
            for taken in given:
                os.close(taken)
            line.send(str(pid).encode())


def _bury() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _zygote(asked: Mapping[str, Any], line: int, errors: int) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor, stream in ((nothing, 0), (nothing, 1), (errors, 2)):
            os.dup2(descriptor, stream)
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.path[:] = asked["path"]
        from seatrial.engine.zygote import main

        main(line, asked["modules"])
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


class _Forked:
    """A process that is no child of ours, as `subprocess` would show it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        try:
            self._descriptor: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = None

    def poll(self) -> int | None:
        return 0 if self._ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired("zygote", timeout or 0.0)
        return 0

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def _ended(self, timeout: float | None) -> bool:
        if self._descriptor is not None and select.select([self._descriptor], [], [], timeout)[0]:
            os.close(self._descriptor)
            self._descriptor = None
        return self._descriptor is None


@pytest.fixture(scope="session", autouse=True)
def warm_start() -> Iterator[None]:
    """No run that a test starts in its own process waits for the imports of its checks."""
    with contextlib.ExitStack() as ends, pytest.MonkeyPatch.context() as patched:
        line = cache(partial(_begun, ends))

        def interpreter(boot: str, descriptor: int, errors: IO[bytes], environment: Mapping[str, str]) -> Process:
            _, path, modules, _ = json.loads(boot)
            if "seatrial.app.running.worker" not in modules:
                return started(boot, descriptor, errors, environment)
            message = json.dumps({"environment": dict(environment), "path": path, "modules": modules})
            with lock:
                socket.send_fds(line(), [message.encode()], [descriptor, errors.fileno()])
                return _Forked(int(line().recv(_MOST)))

        lock = threading.Lock()
        started = nursery.interpreter
        patched.setattr(nursery, "interpreter", interpreter)
        yield


def _begun(ends: contextlib.ExitStack) -> socket.socket:
    """The line to the one process from which zygotes are forked."""
    from seatrial.app.running.run import PRELOADED, PRELOADED_FIRST

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        boot = _BOOT.format(path=sys.path, descriptor=theirs.fileno(), modules=[*PRELOADED_FIRST, *PRELOADED])
        environment = nursery.surroundings(os.environ)
        process = subprocess.Popen([sys.executable, "-c", boot], pass_fds=[theirs.fileno()], env=environment)
    # It ends with the line; a process that a test left behind may still hold that.
    ends.callback(process.wait)
    ends.callback(process.kill)
    ends.callback(ours.close)
    return ours
