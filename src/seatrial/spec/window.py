"""Approved times in which production may be touched: `Sun 02:00-04:00`, `Mon,Wed 22:00-01:30`, `daily …`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from typing import Self
from zoneinfo import ZoneInfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FORM = re.compile(
    r"(daily|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:,(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun))*) "
    r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)"
)
_WEEK = 7
_DAY = 24 * 60
_LONGEST_CLOSED = 2 * _WEEK + 2
"""Days to the next opening of a window of one day a week that a change of clocks left out once."""
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """On these weekdays (0 is Monday), from a minute of the day on, for so many minutes; it may pass midnight."""

    days: frozenset[int]
    starts: int
    minutes: int

    @classmethod
    def of(cls, text: str) -> Self:
        """The window that a text names. Raises ValueError."""
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError("expected days and times in UTC, such as 'Sun 02:00-04:00' or 'daily 03:00-03:30'")
        days = range(_WEEK) if match[1] == "daily" else [_DAYS.index(day) for day in match[1].split(",")]
        starts, ends = int(match[2]) * 60 + int(match[3]), int(match[4]) * 60 + int(match[5])
        if starts == ends:
            raise ValueError("expected a window that ends after it begins")
        return cls(days=frozenset(days), starts=starts, minutes=(ends - starts) % _DAY)

    def left_s(self, now: datetime) -> float:
        """Seconds until it closes; 0.0 where it is not open.

        >>> Window.of("Sun 23:00-01:00").left_s(datetime(2026, 11, 30, 0, 30, tzinfo=UTC))
        1800.0
        """
        now = now.astimezone(UTC)
        for back in (0, 1):
            begins = self._begins(now - timedelta(days=back))
            if begins is not None and begins <= now < begins + timedelta(minutes=self.minutes):
                return (begins + timedelta(minutes=self.minutes) - now).total_seconds()
        return 0.0

    def next_opening(self, now: datetime) -> datetime:
        """When it opens next, after now.

        >>> Window.of("Sun 02:00-04:00").next_opening(datetime(2026, 11, 27, 12, 0, tzinfo=UTC)).isoformat()
        '2026-11-29T02:00:00+00:00'
        """
        now = now.astimezone(UTC)
        openings = (self._begins(now + timedelta(days=ahead)) for ahead in range(_WEEK + 1))
        return min(opening for opening in openings if opening is not None and opening > now)

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether it is open in that minute of that weekday, as a clock on the wall shows them."""
        today = weekday in self.days and self.starts <= minute < self.starts + self.minutes
        late = minute + _DAY
        return today or ((weekday - 1) % _WEEK in self.days and self.starts <= late < self.starts + self.minutes)

    def _begins(self, day: datetime) -> datetime | None:
        if day.weekday() not in self.days:
            return None
        return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=self.starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Windows on the clock of a place: it is open while the clock on its wall stands within one of them.

    Where the clock is put forward, minutes that it never shows are in no window; where it is put back, those that it
    shows twice are in it twice. It is followed minute by minute, which makes that evident: zones shift by whole ones.
    """

    windows: tuple[Window, ...]
    zone: str

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at that moment.

        >>> berlin = Opening(windows=(Window.of("Sun 02:00-04:00"),), zone="Europe/Berlin")
        >>> [berlin.is_open(datetime(2026, 11, 29, hour, 30, tzinfo=UTC)) for hour in (0, 1, 2, 3)]
        [False, True, True, False]
        """
        return bool(_week(self.windows)[_minute_of_week(at.astimezone(ZoneInfo(self.zone)))])

    def left_s(self, now: datetime) -> float:
        """Seconds until it closes, a day at most; 0.0 where it is not open."""
        now = now.astimezone(UTC)
        if not self.is_open(now):
            return 0.0
        at = _next_minute(now)
        open_for = next((n for n, is_open in enumerate(islice(self._minutes(at), _DAY)) if not is_open), _DAY)
        return (at + open_for * _MINUTE - now).total_seconds()

    def next_opening(self, now: datetime) -> datetime:
        """When it opens next, after now: the first moment of an open minute after a closed one. Raises ValueError."""
        was_open, first = self.is_open(now), _next_minute(now.astimezone(UTC))
        for number, is_open in enumerate(islice(self._minutes(first), _LONGEST_CLOSED * _DAY)):
            if is_open and not was_open:
                return first + number * _MINUTE
            was_open = is_open
        raise ValueError("these windows leave no time closed, so they never open")

    def began(self, now: datetime) -> datetime:
        """When the opening began that is open now, a day back at most."""
        this = now.astimezone(UTC).replace(second=0, microsecond=0)
        before = list(islice(self._minutes(this - _DAY * _MINUTE), _DAY))
        open_for = next((n for n, is_open in enumerate(reversed(before)) if not is_open), _DAY)
        return this - open_for * _MINUTE

    def _minutes(self, first: datetime) -> Iterator[bool]:
        """Whether it is open, minute by minute from a whole minute in UTC on."""
        table, zone = _week(self.windows), ZoneInfo(self.zone)
        while True:
            wall, later = first.astimezone(zone), (first + _HOUR).astimezone(zone)
            if wall.utcoffset() == later.utcoffset():
                starts = _minute_of_week(wall)
                yield from (bool(table[(starts + n) % len(table)]) for n in range(60))
            else:
                yield from (self.is_open(first + n * _MINUTE) for n in range(60))
            first += _HOUR


@cache
def _week(windows: tuple[Window, ...]) -> bytes:
    """A week's minutes from Monday on: 1 where one of the windows is open."""
    return bytes(any(w.holds(m // _DAY, m % _DAY) for w in windows) for m in range(_WEEK * _DAY))


def _minute_of_week(wall: datetime) -> int:
    return wall.weekday() * _DAY + wall.hour * 60 + wall.minute


def _next_minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0) + _MINUTE
