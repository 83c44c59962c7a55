"""Processes on this machine, by the numbers that they left in names of files."""

from __future__ import annotations

import os
from pathlib import Path


def alive(pid: str) -> bool:
    """Whether a process with this number is running, whoever started it; False for what is no number.

    One that has ended and that nobody asks for, as in a container without an init, runs no more.
    """
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return not _ended(pid)


def _ended(pid: str) -> bool:
    try:
        return Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2].split()[:1] == [b"Z"]
    except OSError:
        return False
