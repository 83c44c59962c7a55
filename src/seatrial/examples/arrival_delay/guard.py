"""What the model server refuses: every field is checked against its declaration and against the others.

A wrong unit is seldom out of range. What gives it away is that the fields contradict each other: humidity follows from
temperature and dew point, the distance from the route, the clock time from the instant, and the station reports wind
in whole knots and visibility in fixed steps.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

MPH_PER_KNOT = 1.15078
VISIBILITY_MILES = frozenset(
    (0, 0.06, 0.12, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 4, 5, 6, 7, 8, 9, 10),
)
HUMIDITY_TOLERANCE = 6.0
"""Percentage points between the humidity reported and the one that follows from temperature and dew point."""
RANGES = {
    "distance": (50.0, 5100.0),
    "sched_dep": (0.0, 2359.0),
    "temp": (-10.0, 115.0),
    "dewp": (-30.0, 90.0),
    "humid": (5.0, 100.0),
    "wind_speed": (0.0, 75.0),
    "pressure": (950.0, 1060.0),
    "visib": (0.0, 10.0),
}
TEXTS = ("carrier", "origin", "dest")
WEATHER = ("temp", "dewp", "humid", "wind_speed", "pressure", "visib")
FIELDS = (*TEXTS, "distance", "scheduled_at", "sched_dep", *WEATHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a row is refused."""

    row: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Routes:
    """The schedule's routes: which carrier flies which leg, and how far it is in miles."""

    legs: Mapping[tuple[str, str, str], float]

    @classmethod
    def read(cls, path: Path) -> Routes:
        """From `routes.csv`."""
        with path.open(encoding="utf-8", newline="") as handle:
            return cls({(r["carrier"], r["origin"], r["dest"]): float(r["distance"]) for r in csv.DictReader(handle)})

    def values(self, field: str) -> list[str]:
        """The known carriers, origins or destinations."""
        return sorted({leg[TEXTS.index(field)] for leg in self.legs})


def problems(rows: Sequence[Mapping[str, Any]], routes: Routes) -> list[Problem]:
    """Everything that is wrong with these rows; empty when all may be scored."""
    return [
        Problem(row=number, field=field, message=message)
        for number, row in enumerate(rows)
        for field, message in _row_problems(row, routes)
    ]


def _row_problems(row: Mapping[str, Any], routes: Routes) -> list[tuple[str, str]]:
    found = [(field, "is missing") for field in FIELDS if field not in row]
    found += [(field, "must not be null") for field in FIELDS if field in row and row[field] is None]
    if found:
        return found
    found = [(f, "must be a text") for f in TEXTS if not isinstance(row[f], str)]
    found += [(f, message) for f, limits in RANGES.items() if (message := _range_problem(row[f], limits))]
    if found:
        return found
    return _contradictions(row, routes)


def _range_problem(value: object, limits: tuple[float, float]) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "must be a number"
    if not math.isfinite(value):
        return "must be finite"
    return None if limits[0] <= value <= limits[1] else f"must lie between {limits[0]:g} and {limits[1]:g}"


def _contradictions(row: Mapping[str, Any], routes: Routes) -> list[tuple[str, str]]:
    leg = (row["carrier"], row["origin"], row["dest"])
    miles = routes.legs.get(leg)
    found = []
    if miles is None:
        found.append(("carrier", "flies no such route in the schedule"))
    elif abs(row["distance"] - miles) > 0.5:
        found.append(("distance", f"is not the route's distance in miles, {miles:g}"))
    if wrong := _clock_problem(row["scheduled_at"], row["sched_dep"]):
        found.append(wrong)
    if message := contradiction(row["temp"], row["dewp"], row["humid"]):
        found.append(("temp", message))
    knots = row["wind_speed"] / MPH_PER_KNOT
    if abs(knots - round(knots)) > 0.01:
        found.append(("wind_speed", "is no whole number of knots in miles per hour"))
    if row["visib"] not in VISIBILITY_MILES:
        found.append(("visib", "is none of the station's steps in miles"))
    return found


def contradiction(temp: float, dewp: float, humid: float) -> str | None:
    """Why these cannot be one reading in °F, °F and %, or None.

    Magnus formula with the coefficients of Alduchov and Eskridge (1996).
    """
    if dewp > temp + 0.1:
        return "lies below the dew point: wrong unit or mixed readings"
    expected = 100.0 * _saturation(dewp) / _saturation(temp)
    if abs(expected - humid) > HUMIDITY_TOLERANCE:
        return f"contradicts dew point and humidity, which would be {expected:.0f} %: wrong unit or mixed readings"
    return None


def _saturation(fahrenheit: float) -> float:
    celsius = (fahrenheit - 32.0) / 1.8
    return math.exp(17.625 * celsius / (243.04 + celsius))


def _clock_problem(instant: object, sched_dep: float) -> tuple[str, str] | None:
    if not isinstance(instant, str):
        return ("scheduled_at", "must be an ISO 8601 time with its zone")
    try:
        when = datetime.fromisoformat(instant)
    except ValueError:
        return ("scheduled_at", "must be an ISO 8601 time with its zone")
    if when.tzinfo is None:
        return ("scheduled_at", "has no time zone")
    local = eastern(when)
    if local.hour * 100 + local.minute != sched_dep:
        return ("sched_dep", f"is not the local clock time of scheduled_at as HHMM, {local:%H%M}")
    return None


def eastern(when: datetime) -> datetime:
    """Local time in New York (rules since 2007), without a time zone database."""
    utc = when.astimezone(UTC)
    spring = _sunday(utc.year, 3, 2) + timedelta(hours=7)
    autumn = _sunday(utc.year, 11, 1) + timedelta(hours=6)
    hours = -4 if spring <= utc < autumn else -5
    return (utc + timedelta(hours=hours)).replace(tzinfo=None)


def _sunday(year: int, month: int, which: int) -> datetime:
    first = datetime(year, month, 1, tzinfo=UTC)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (which - 1))
