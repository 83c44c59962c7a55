"""What is read beside the pages of a process, so that none of them waits for a long chain."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import GateName

AGAIN_S = 2
"""After so many seconds it is worth asking again."""


class NotReadYet(SeatrialError):
    """Nothing is said of a system before its record was read: somebody is reading it."""

    def __init__(self, system: str) -> None:
        super().__init__(
            f"the record of {system} is being read and verified",
            remedy="Until that is done nothing is said of it. Try again in a moment; nothing was lost.",
            permanent=False,
        )


class Keeping:
    """Whether somebody reads beside the pages, and the systems that pages asked for. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked: dict[tuple[Path, GateName], bool] = {}
        self._some = threading.Event()
        self._going_on = 0

    @property
    def goes_on(self) -> bool:
        """Whether somebody reads what is asked for."""
        return self._going_on > 0

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Within it somebody does."""
        with self._lock:
            self._going_on += 1
        try:
            yield
        finally:
            with self._lock:
                self._going_on -= 1

    def ask(self, file: Path, gate: GateName, *, compared: bool) -> None:
        """Have that system's record read, and `compared` where that is what is missing, and decided at that gate."""
        place = file, gate
        with self._lock:
            self._asked[place] = self._asked.get(place, False) or compared
            self._some.set()

    def take(self) -> tuple[Path, GateName, bool] | None:
        """What was asked for first and is not done yet: system file, gate, and whether to compare; None for nothing."""
        with self._lock:
            place = next(iter(self._asked), None)
            if place is None:
                self._some.clear()
                return None
            return *place, self._asked.pop(place)

    def wait(self, longest_s: float) -> None:
        """Until something is asked for, at most so long."""
        self._some.wait(longest_s)
