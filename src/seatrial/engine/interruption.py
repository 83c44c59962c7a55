"""Ctrl-C and SIGTERM while a run works: noticed between two steps, never in the middle of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Counts the interruptions while it is entered.

    In a thread other than the main one signals do not arrive; there `count` stays as it is.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                self._before[number] = signal.signal(number, self._noticed)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before.clear()

    def _noticed(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
