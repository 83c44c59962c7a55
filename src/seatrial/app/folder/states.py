"""What tells that files were not written to since they were read: which files they are, their sizes and their times."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

_TICK_S = 0.1
States = tuple[tuple[int, int, int, int] | None, ...]


def states(paths: Iterable[str | Path]) -> States | None:
    """The state of each file, None in it for one that is not there.

    None for all where one was written within the last tenth of a second: two writes within one tick leave the same
    times. Take it before the files are read, so that what is written meanwhile shows as another state the next time.
    """
    found: list[tuple[int, int, int, int] | None] = []
    lately = time.time() - _TICK_S
    for path in paths:
        try:
            there = os.stat(path)  # noqa: PTH116 - many times for each page
        except OSError:
            found.append(None)
            continue
        if there.st_ctime > lately or there.st_mtime > lately:
            return None
        found.append((there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns))
    return tuple(found)


def inside(folder: Path) -> tuple[str, ...]:
    """The folder itself and what stands directly in it, by name; nothing but the folder where it cannot be read."""
    try:
        return (str(folder), *sorted(each.path for each in os.scandir(folder)))
    except OSError:
        return (str(folder),)
