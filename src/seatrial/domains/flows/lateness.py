"""Whether this machine is too busy to tell times: how late a timer of our own goes off while the flows run."""

from __future__ import annotations

import math
import threading
from types import TracebackType
from typing import Final, Self

from seatrial.core.check import Trial

_EVERY_S = 0.02
SHARE: Final = 0.1
"""A timer may be late by this share of the shortest time that is judged, in one of a hundred looks."""


class Lateness:
    """Looks at a timer on a thread of its own until the block ends. The time that the system takes is nothing to it."""

    def __init__(self, trial: Trial) -> None:
        self._clock = trial.clock
        self._stop = threading.Event()
        self._late: list[float] = []
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def p99_s(self) -> float:
        """By how much it was late at most in 99 of 100 looks; infinite where it never went off."""
        late = sorted(self._late)
        return late[math.ceil(0.99 * len(late)) - 1] if late else math.inf

    def _look(self) -> None:
        due = self._clock.monotonic()
        while True:
            # Looks that were missed altogether are as late as they are long ago.
            due += _EVERY_S
            if self._stop.wait(max(0.0, due - self._clock.monotonic())):
                return
            self._late.append(max(0.0, self._clock.monotonic() - due))
