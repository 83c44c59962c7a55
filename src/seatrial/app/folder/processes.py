"""Processes on this machine, by the numbers that they left in names of files."""

from __future__ import annotations

import os


def alive(pid: str) -> bool:
    """Whether a process with this number is running, whoever started it; False for what is no number."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
