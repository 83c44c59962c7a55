"""Durations, rates and shares as people write them: `15m`, `40/s`, `45/h`, `40 per day`, `70 %`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "day": 86_400.0, "w": 604_800.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/|per)\s*(s|second|min|minute|m|h|hour|d|day)")
_LONG = {"second": "s", "minute": "min", "hour": "h"}


def duration_s(text: object) -> object:
    """Seconds of `300ms`, `15m`, `2h`, `90d`. A bare number has no unit and is refused."""
    if isinstance(text, str) and (match := _DURATION.fullmatch(text.strip())):
        return float(match[1]) * _SECONDS[match[2]]
    raise ValueError("expected a duration with its unit, such as 300ms, 90s, 15m, 4h or 30d")


def rate_per_s(text: object) -> object:
    """Events per second of `40/s`, `45/h`, `40 per day`."""
    if isinstance(text, str) and (match := _RATE.fullmatch(text.strip())):
        return float(match[1]) / _SECONDS[_LONG.get(match[2], match[2])]
    raise ValueError("expected a rate with its unit, such as 40/s, 45/h or 40 per day")


def share(value: object) -> object:
    """A number from 0 to 1, or a percentage such as `70 %`."""
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value.strip())):
        value = float(match[1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError("expected a share from 0 to 1, or a percentage such as 70 %")


Duration = Annotated[float, BeforeValidator(duration_s)]
"""Seconds."""
Rate = Annotated[float, BeforeValidator(rate_per_s)]
"""Events per second."""
Share = Annotated[float, BeforeValidator(share)]
"""0 to 1."""
