"""The process from which all checks of a run are forked, with what is heavy imported once.

Why not `multiprocessing`'s fork server: that one imports the caller's main module again, freezes the environment of
the first run for the whole life of the process, and leaves checks behind when its caller is killed. This one belongs
to one run, forks in a few milliseconds, starts no thread, ends what a check left behind in its process group, and
outlives a killed caller just long enough to see everybody gone.
"""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Sequence

from seatrial.engine import child, frames

COMMAND = struct.Struct("!cId")
"""What to do, with which piece of work, and its grace in seconds."""
START, START_ALONE, TERMINATE, KILL = b"s", b"a", b"t", b"k"
_POLL_S = 0.05


def main(descriptor: int, modules: Sequence[str], *, first: Sequence[str] = ()) -> None:
    """Serve until the caller closes its end; then let the checks restore, kill what is left, and return."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as line:
        _Zygote(line).serve(modules, first=first)


class _Zygote:
    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._pids: dict[int, int] = {}
        self._grace_s: dict[int, float] = {}
        self._alone: int | None = None
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)

    def serve(self, modules: Sequence[str], *, first: Sequence[str]) -> None:
        """Obey, and import the modules while there is nothing else to do: the first check waits for none of them.

        Next to work that runs alone nothing is imported. For those that come `first` every check waits: checks that
        start at the same time do not import the same beside one another.
        """
        frames.send(self._line, {"ready": True})
        for module in first:
            _imported(module)
        waiting, served = list(modules), True
        while served:
            may_import = waiting and self._alone not in self._pids
            readable, _, _ = select.select([self._line, self._wake], [], [], 0 if may_import else None)
            if not readable:
                _imported(waiting.pop(0))
            if self._wake in readable:
                self._wake.recv(4096)
                self._bury()
            if self._line in readable:
                served = self._obey()
        self._outlive()

    def _obey(self) -> bool:
        try:
            data, descriptors = _receive(self._line)
        except OSError:
            return False
        if len(data) < COMMAND.size:
            return False
        command, number, grace_s = COMMAND.unpack(data)
        if command in (START, START_ALONE):
            self._alone = number if command == START_ALONE else self._alone
            self._start(number, grace_s, descriptors)
        elif pid := self._pids.get(number):
            _signal_group(pid, only_leader=command == TERMINATE)
        return True

    def _start(self, number: int, grace_s: float, descriptors: Sequence[int]) -> None:
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            try:
                self._become_a_child()
                sock, output = descriptors
                child.live(socket.socket(fileno=sock), output)
            finally:
                os._exit(70)
        for descriptor in descriptors:
            os.close(descriptor)
        self._pids[number], self._grace_s[number] = pid, grace_s
        self._tell({"started": number, "pid": pid})

    def _become_a_child(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for sock in (self._line, self._wake, self._woken):
            sock.close()

    def _bury(self) -> None:
        """Report who ended, and kill what they left behind in their group."""
        for number, pid in list(self._pids.items()):
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if not ended:
                continue
            _signal_group(pid, only_leader=False)
            del self._pids[number]
            self._tell(
                {"ended": number, "status": os.waitstatus_to_exitcode(status), "cpu_s": usage.ru_utime + usage.ru_stime}
            )

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):
            frames.send(self._line, message)

    def _outlive(self) -> None:
        """The caller is gone. The checks have noticed by themselves; whoever is not gone in time is ended."""
        until = time.monotonic() + max((self._grace_s[number] for number in self._pids), default=0.0) + 1.0
        while self._pids and time.monotonic() < until:
            time.sleep(_POLL_S)
            self._bury()
        for pid in self._pids.values():
            _signal_group(pid, only_leader=False)


def _imported(module: str) -> None:
    # What is not installed, or not importable, fails inside the check that needs it, with its reason.
    with contextlib.suppress(ImportError):
        importlib.import_module(module)


def _receive(line: socket.socket) -> tuple[bytes, list[int]]:
    """One command with the descriptors that came along; short when the caller is gone."""
    descriptors = array.array("i")
    data, ancillary, _, _ = line.recvmsg(COMMAND.size, socket.CMSG_SPACE(2 * descriptors.itemsize))
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    while data and len(data) < COMMAND.size:
        more = line.recv(COMMAND.size - len(data))
        if not more:
            break
        data += more
    return data, list(descriptors)


def _signal_group(pid: int, *, only_leader: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if only_leader:
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)
