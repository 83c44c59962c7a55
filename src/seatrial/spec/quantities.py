"""Durations, rates, shares, numbers and days as people write them: `15m`, `40/s`, `70 %`, `2027-01-11`."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "day": 86_400.0, "w": 604_800.0}
_NUMBER = r"(\d{1,15}(?:\.\d{1,15})?)"
_DURATION = re.compile(_NUMBER + r"\s*(ms|s|min|m|h|d|w)", re.ASCII)
_RATE = re.compile(_NUMBER + r"\s*(?:/|per)\s*(s|second|min|minute|m|h|hour|d|day)", re.ASCII)
_SIZE = re.compile(_NUMBER + r"\s*(kB|MB|GB|TB|KiB|MiB|GiB|TiB)", re.ASCII)
_PERCENTAGE = re.compile(_NUMBER + r"\s*%", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONG = {"second": "s", "minute": "min", "hour": "h"}


def duration_s(text: object) -> float:
    """Seconds of `300ms`, `15m`, `2h`, `90d`. A bare number has no unit and is refused, as is zero."""
    if isinstance(text, str) and (match := _DURATION.fullmatch(text.strip())) and float(match[1]) > 0:
        return float(match[1]) * _SECONDS[match[2]]
    raise ValueError("expected a duration above zero with its unit, such as 300ms, 90s, 15m, 4h or 30d")


def rate_per_s(text: object) -> float:
    """Events per second of `40/s`, `45/h`, `40 per day`. Zero is refused."""
    if isinstance(text, str) and (match := _RATE.fullmatch(text.strip())) and float(match[1]) > 0:
        return float(match[1]) / _SECONDS[_LONG.get(match[2], match[2])]
    raise ValueError("expected a rate above zero with its unit, such as 40/s, 45/h or 40 per day")


_BYTES = {f"{p}B": 1000.0**n for n, p in enumerate("kMGT", 1)} | {f"{p}iB": 1024.0**n for n, p in enumerate("KMGT", 1)}


def size_bytes(text: object) -> float:
    """Bytes of `512MB`, `2 GiB`. A bare number has no unit and is refused, as is zero."""
    if isinstance(text, str) and (match := _SIZE.fullmatch(text.strip())) and float(match[1]) > 0:
        return float(match[1]) * _BYTES[match[2]]
    raise ValueError("expected a size above zero with its unit, such as 512MB or 2GiB")


def share(value: object) -> float:
    """A number from 0 to 1, or a percentage such as `70 %`."""
    if isinstance(value, str) and (match := _PERCENTAGE.fullmatch(value.strip())):
        value = float(match[1]) / 100
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError("expected a share from 0 to 1, or a percentage such as 70 %")


def number(value: object) -> float:
    """A finite number."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            finite = float(value)
        except OverflowError:
            finite = math.inf
        if math.isfinite(finite):
            return finite
    raise ValueError("expected a number")


def _parsed(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def day(value: object) -> date:
    """A calendar day, `2027-01-11`."""
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("expected a day that exists, as year-month-day, such as 2027-01-11")


Duration = Annotated[
    float,
    BeforeValidator(duration_s),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["300ms", "15m", "4h"]}),
]
"""Seconds."""
Rate = Annotated[
    float,
    BeforeValidator(rate_per_s),
    WithJsonSchema({"type": "string", "pattern": f"^{_RATE.pattern}$", "examples": ["40/s", "45/h", "40 per day"]}),
]
"""Events per second."""
Size = Annotated[
    float,
    BeforeValidator(size_bytes),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["512MB", "2GiB"]}),
]
"""Bytes."""
Share = Annotated[
    float,
    BeforeValidator(share),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": f"^{_PERCENTAGE.pattern}$"},
            ]
        }
    ),
]
"""0 to 1."""
Number = Annotated[float, BeforeValidator(number)]
"""Finite."""
Day = Annotated[date, BeforeValidator(day), WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar day."""
