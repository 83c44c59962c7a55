"""Files that stand while something of ours is not as it was, each named after the process that will bring it back.

One whose process is gone tells what is left to do. Every line is durable before what it tells is begun.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

from seatrial.app.folder.processes import alive
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json


class Trace:
    """The trace of this process: a file that exists from its first line on until it is `over`."""

    def __init__(self, folder: Path, head: Mapping[str, Json], *, remedy: str) -> None:
        self._folder = folder
        self._file = folder / f"{uuid4().hex}.{_host()}.{os.getpid()}"
        self._head = head
        self._remedy = remedy

    def append(self, line: Mapping[str, Json]) -> None:
        """Durable when this returns. Raises Unreachable, with the remedy, where it cannot be kept."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = not self._file.exists()
            with self._file.open("a", encoding="utf-8") as file:
                if new:
                    file.write(json.dumps(self._head) + "\n")
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unreachable(f"{self._folder} cannot be written: {error.strerror}", remedy=self._remedy) from None

    def over(self) -> None:
        """All is as it was."""
        self._file.unlink(missing_ok=True)


def broken_off(folder: Path, *, everywhere: bool = False) -> list[Path]:
    """The traces there whose process is gone.

    Of processes on other hosts one cannot see from here whether they still run: `everywhere` takes them for gone.
    """
    found = []
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        _, host, pid = file.name.split(".")
        if (host == _host() and not alive(pid)) or (host != _host() and everywhere):
            found.append(file)
    return found


def lines(file: Path, *, look: str) -> Iterator[Mapping[str, Json]]:
    """The lines of a trace. A last one that was cut off tells of nothing that had begun: it is written first.

    Raises Malformed for one that cannot be read; `look` says where to look before it is deleted.
    """
    found = file.read_text(encoding="utf-8").splitlines()
    if not found:
        raise Malformed(f"{file} is empty", remedy=f"{look}, then delete it.")
    for number, line in enumerate(found):
        try:
            yield json.loads(line)
        except ValueError:
            if number == 0 or number < len(found) - 1:
                raise Malformed(f"{file} cannot be read", remedy=f"{look}, then delete it.") from None


def _host() -> str:
    """This host's name, as a part of a file's."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]
