"""One run at a time loads or changes a system: two at once would measure each other, and undo each other's drills."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from seatrial.app.folder.workspace import Workspace
from seatrial.core.check import Check
from seatrial.core.errors import Refused, Unreachable
from seatrial.domains.governance.arming import ID as ARMED
from seatrial.spec.system import System

_FILE = "run.lock"
_HELD = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


def disturbs(check: Check[System]) -> bool:
    """Whether it loads the system, takes something away from it or rehearses on it; the daily probe does not."""
    return check.id != ARMED and (check.alone or check.alone_at_system)


@contextmanager
def one_at_a_time(workspace: Workspace, selected: Iterable[Check[System]]) -> Iterator[None]:
    """Alone among the runs in this system's folder that disturb it. Raises Refused while another one is under way.

    The lock ends with the process that holds it. Where the file system knows no locks nobody is kept out.
    """
    if not any(disturbs(check) for check in selected):
        yield
        return
    descriptor = _opened(workspace)
    try:
        if not _locked(descriptor):
            raise Refused(
                f"another run that loads or changes {workspace.system.system} is under way here"
                f"{_holder(descriptor)}: each would measure the other",
                remedy="Wait until it has ended, or stop it so that it restores what it changed; then run again.",
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {workspace.clock.now():%Y-%m-%d %H:%M} UTC".encode(), 0)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def under_way(workspace: Workspace) -> bool:
    """Whether a run that disturbs the system is under way here. Raises Unreachable."""
    descriptor = _opened(workspace)
    try:
        # Closing gives the lock back: nothing was started that could have the descriptor too.
        return not _locked(descriptor)
    finally:
        os.close(descriptor)


def _opened(workspace: Workspace) -> int:
    path = workspace.folder / _FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unreachable(
            f"{path} cannot be written: {error.strerror or error}", remedy="Give seatrial the right to write there."
        ) from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _HELD
    return True


def _holder(descriptor: int) -> str:
    number, _, since = os.pread(descriptor, 100, 0).decode(errors="replace").partition(" ")
    return f", process {number} since {since}" if since else ""
