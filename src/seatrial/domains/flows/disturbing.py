"""Lines that are disturbed by a plan while flows run through them, and that always pass again afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Self

from seatrial.core.check import Trial
from seatrial.core.disturbing import Line, LineCounts, LineMode
from seatrial.core.errors import SeatrialError

_LEAD_S = 0.5
_MOST_STEP_S = 0.1
_PARTS = 3
"""A line is steadily used where something comes back over it in each of so many parts of the time before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A time in which a line is disturbed, in seconds since the flows began. `name` is what people call it."""

    name: str
    mode: LineMode
    starts_s: float
    ends_s: float


def planned(
    wanted: Sequence[tuple[str, LineMode, float]], *, rest_s: float, from_s: float = _LEAD_S
) -> tuple[Period, ...]:
    """One after the other, each with its own length and `rest_s` behind it; the first begins at `from_s`."""
    at, periods = from_s, []
    for name, mode, length_s in wanted:
        periods.append(Period(name=name, mode=mode, starts_s=at, ends_s=at + length_s))
        at += length_s + rest_s
    return tuple(periods)


class Disturbance:
    """Carries the plan out on a thread of its own, where `ahead` and `during` are called before and in each period.

    `problem` tells why a line could not be disturbed any more; `before`, `back` and `after` are the line's counts when
    it began, when the last period was over and at the end. `steady` says that it was asked all the time before.
    """

    def __init__(
        self,
        trial: Trial,
        line: Line,
        periods: Sequence[Period],
        *,
        slow_s: float,
        ahead: Callable[[Period], None] = lambda _: None,
        during: Callable[[Period], None] = lambda _: None,
    ) -> None:
        self._trial = trial
        self._line = line
        self._periods = periods
        self._slow_s = slow_s
        self._ahead = ahead
        self._during = during
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry_out, daemon=True)
        self.problem: SeatrialError | None = None
        self.before: LineCounts | None = None
        self.back: LineCounts | None = None
        self.after: LineCounts | None = None
        self.steady = False

    def __enter__(self) -> Self:
        self.before = self._line.counts()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        try:
            self._line.set(LineMode.PASS)
            self.after = self._line.counts()
        except SeatrialError as gone:
            self.problem = self.problem or gone

    @property
    def used(self) -> bool:
        """Whether the tested system really reached the integration through the line while it was disturbed.

        A line that refuses sees nobody who comes; where it does nothing else, being reached before and after tells.
        """
        if self.before is None or self.after is None:
            return False
        connected = self.after.connections > self.before.connections or self.after.bytes_back > self.before.bytes_back
        refuses = all(period.mode is LineMode.REFUSED for period in self._periods)
        return connected and (refuses or self.after.disturbed > self.before.disturbed)

    def asked_again(self) -> bool | None:
        """Whether anything came over the line since all was over; None where it was not asked steadily before.

        Raises SeatrialError when the line is gone.
        """
        if not self.steady or self.back is None:
            return None
        return self._line.counts().bytes_back > self.back.bytes_back

    def _carry_out(self) -> None:
        began = self._trial.clock.monotonic()
        try:
            self._lead(began)
            for period in self._periods:
                if not self._waited(began + period.starts_s):
                    return
                self._ahead(period)
                self._line.set(period.mode, delay_s=self._slow_s, after_bytes=1)
                self._during(period)
                if not self._waited(began + period.ends_s):
                    return
                self._line.set(LineMode.PASS)
            self.back = self._line.counts()
        except SeatrialError as error:
            self.problem = error
            with suppress(SeatrialError):
                self._line.set(LineMode.PASS)

    def _lead(self, began: float) -> None:
        """Look whether the line is used in each part of the time before the first period."""
        parts = [self._line.counts().bytes_back]
        for part in range(1, _PARTS + 1):
            if not self._waited(began + self._periods[0].starts_s * part / _PARTS):
                return
            parts.append(self._line.counts().bytes_back)
        self.steady = all(later > earlier for earlier, later in pairwise(parts))

    def _waited(self, until_s: float) -> bool:
        while (left_s := until_s - self._trial.clock.monotonic()) > 0:
            if self._stop.wait(min(left_s, _MOST_STEP_S)):
                return False
        return True
