"""Whose turn it is to write to a file next, over all threads and processes that write to it.

SQLite lets a writer that waits ask again and again with ever longer pauses, so one that writes without a pause keeps
the others out for as long as it likes. Here whoever wants to write passes a turnstile first, and stays in it until
SQLite has let them in: one that has just finished comes behind them, and cannot step in front.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seatrial.core.errors import Unreachable

_PAUSE_S = 0.002


class Turnstile:
    """The turnstile of one file: a lock on an empty file beside it, which ends with the process that holds it."""

    def __init__(self, file: Path, *, wait_s: float) -> None:
        self._file = file
        self._path = file.with_name(f"{file.name}-turn")
        self._wait_s = wait_s

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Alone in it until this is left. Raises Unreachable where it stays occupied, or cannot be made."""
        try:
            # A descriptor of its own each time: what shares one shares its lock, also among threads.
            descriptor = self._opened()
        except OSError as error:
            raise Unreachable(
                f"{self._path} cannot be opened: {error.strerror}",
                remedy="Give the user of the watch the right to write into the folder of its store.",
            ) from None
        try:
            end = time.monotonic() + self._wait_s
            while not self._entered(descriptor):
                if time.monotonic() > end:
                    raise Unreachable(
                        f"somebody has stood in the way of all writers for {self._wait_s:g} s: {self._path} is locked",
                        remedy="See whether a watch over this store hangs, and end it: its lock ends with it.",
                    )
                time.sleep(_PAUSE_S)
            try:
                yield
            finally:
                # Said, not left to closing: a child process may have the descriptor too.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _opened(self) -> int:
        """Like SQLite's own files beside it, it belongs to whom the file belongs, and is open to whom that is open."""
        flags = os.O_RDWR | os.O_CLOEXEC
        try:
            return os.open(self._path, flags)
        except FileNotFoundError:
            pass
        except PermissionError:
            # To lock it, it is enough to read it, except over NFS.
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            like = self._file.stat()
        except FileNotFoundError:
            return os.open(self._path, flags | os.O_CREAT, 0o644)
        descriptor = os.open(self._path, flags | os.O_CREAT, like.st_mode & 0o666)
        if os.geteuid() == 0:
            # In some containers root may not give files away; then it stays root's, as SQLite's own would.
            with suppress(OSError):
                os.fchown(descriptor, like.st_uid, like.st_gid)
        return descriptor

    def _entered(self, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise Unreachable(
                f"{self._path} cannot be locked: {error.strerror}",
                remedy="Keep the store on a file system with locks, or in PostgreSQL.",
            ) from None
        return True
