"""What databases hold, as JSON has it; nothing is rounded, cut or given a zone that it does not have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any, Final

from seatrial.core.observation import Json

_MYSQL_TIMESTAMP: Final = 7
_MYSQL_TIME: Final = 11


def plain(value: object) -> Json:
    """A database value as JSON: times as ISO 8601, bytes as hex.

    A decimal is a number where a number holds it exactly, else text with all of its digits; so are NaN and infinities,
    which JSON has no numbers for.
    """
    match value:
        case None | bool() | int() | str():
            simple: Json = value
        case float():
            simple = value if math.isfinite(value) else str(Decimal(value))
        case Decimal():
            simple = _number(value)
        case datetime() | date() | time_of_day():
            simple = value.isoformat()
        case timedelta():
            simple = value.total_seconds()
        case bytes() | bytearray() | memoryview():
            simple = bytes(value).hex()
        case Mapping():
            simple = {str(key): plain(inner) for key, inner in value.items()}
        case Sequence():
            simple = [plain(inner) for inner in value]
        case _:
            simple = str(value)
    return simple


def _number(value: Decimal) -> Json:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    nearest = float(value)
    return nearest if Decimal(repr(nearest)) == value else format(value, "f")


def of_mysql(type_code: int | None) -> Callable[[Any], Any] | None:
    """What the driver leaves out of values of this type: a TIMESTAMP is UTC in our sessions, a TIME no duration."""
    if type_code == _MYSQL_TIMESTAMP:
        return _in_utc
    return _clock if type_code == _MYSQL_TIME else None


def instant_of(value: object) -> datetime | None:
    """The instant in UTC that a text with a zone tells, without the zone; None for everything else."""
    if not isinstance(value, str) or len(value) < len("2027-01-11T10:00Z"):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if when.tzinfo is None else when.astimezone(UTC).replace(tzinfo=None)


def _in_utc(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def _clock(value: Any) -> Any:
    if not isinstance(value, timedelta):
        return value
    sign = "-" if value < timedelta(0) else ""
    whole = abs(value)
    seconds = whole.days * 86_400 + whole.seconds
    parts = f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{parts}.{whole.microseconds:06d}" if whole.microseconds else parts
