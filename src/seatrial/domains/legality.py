"""What a guard can know of a value: that the declaration, or where it is silent the data's profile, excludes it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.model import InputField

_BAND = 0.005
_MOST_LEVELS = 200
_ROWS_A_LEVEL = 5
_GARBLED = re.compile("\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac|\x00")
"""A character that stands for what was lost, and UTF-8 that was read with a page of single bytes."""
_TOO_LONG, _LONG = 10, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a field looks like in the data.

    `low` and `high` are its smallest and largest number, `usual` the central 99 %. `levels` are its values where they
    are few and come again and again, else empty. `zoned` is True where every time names its zone.
    `longest` is the length of its longest text, `blank` is True where one is empty.
    """

    n: int
    low: float = math.nan
    high: float = math.nan
    usual: tuple[float, float] = (-math.inf, math.inf)
    levels: frozenset[str] = field(default_factory=frozenset)
    zoned: bool = False
    longest: int = 0
    blank: bool = False

    @property
    def span(self) -> float:
        """How far its numbers reach; never zero."""
        return (self.high - self.low or abs(self.high) or 1.0) if self.n and not math.isnan(self.low) else 1.0


def profile_of(rows: Sequence[Row], name: str) -> Profile:
    """The profile of one field over rows."""
    values = [row[name] for row in rows if row.get(name) is not None]
    numbers = sorted(float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool))
    texts = [v for v in values if isinstance(v, str)]
    if numbers and len(numbers) == len(values):
        cut = int(_BAND * (len(numbers) - 1))
        return Profile(n=len(values), low=numbers[0], high=numbers[-1], usual=(numbers[cut], numbers[-1 - cut]))
    levels = frozenset(texts)
    closed = 0 < len(levels) <= _MOST_LEVELS and len(texts) >= _ROWS_A_LEVEL * len(levels)
    zoned = bool(texts) and all((t := time_of(v)) is not None and t.tzinfo is not None for v in texts)
    return Profile(
        n=len(values),
        levels=levels if closed else frozenset(),
        zoned=zoned,
        longest=max(map(len, texts), default=0),
        blank=any(not text.strip() for text in texts),
    )


def time_of(value: Json) -> datetime | None:
    """The ISO 8601 time that a text is, else None."""
    if not isinstance(value, str) or len(value) < len("2027-01-11"):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def excluded(row: Row, name: str, declared: InputField, profile: Profile) -> bool:
    """True when a guard that knows declaration and profile could refuse this field of the row.

    The profile speaks only where the declaration is silent: for numbers without a range, only far outside everything
    that was seen; for texts without values, only where the data show a small closed set.
    """
    value = row.get(name)
    if value is None:
        return not declared.nullable
    if _of_wrong_type(value, declared, profile):
        return True
    if declared.values is not None:
        return _text(value) not in {_text(v) for v in declared.values}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return not _low(declared, profile) <= value <= _high(declared, profile)
    return isinstance(value, str) and declared.type == "string" and bool(profile.levels) and value not in profile.levels


def spoiled(row: Row, name: str, declared: InputField, profile: Profile) -> bool:
    """True when a guard could see of a free text that it is none: empty, decoded wrongly, or far too long.

    Empty where none of the data is; ten times as long as the longest of them. A cut-off text is a text like any other.
    """
    value = row.get(name)
    if not isinstance(value, str) or declared.type != "string" or declared.values is not None or not profile.n:
        return False
    if not value.strip():
        return not profile.blank
    return _GARBLED.search(value) is not None or len(value) > _TOO_LONG * max(profile.longest, _LONG)


def unusual(row: Row, name: str, declared: InputField, profile: Profile) -> bool:
    """True when it is excluded, or a number outside the central 99 % of the data: a whole feed of it would show."""
    value = row.get(name)
    if excluded(row, name, declared, profile):
        return True
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return not profile.usual[0] <= value <= profile.usual[1]


def reach(declared: InputField, profile: Profile) -> tuple[float, float]:
    """The range outside of which a number is excluded."""
    return _low(declared, profile), _high(declared, profile)


def _low(declared: InputField, profile: Profile) -> float:
    if declared.minimum is not None:
        return declared.minimum
    return profile.low - profile.span if math.isfinite(profile.low) else -math.inf


def _high(declared: InputField, profile: Profile) -> float:
    if declared.maximum is not None:
        return declared.maximum
    return profile.high + profile.span if math.isfinite(profile.high) else math.inf


def _of_wrong_type(value: Json, declared: InputField, profile: Profile) -> bool:
    match declared.type:
        case "number":
            return isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
        case "integer":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return isinstance(value, bool) or not whole
        case "boolean":
            return not isinstance(value, bool)
        case "time":
            when = time_of(value)
            return when is None or (profile.zoned and when.tzinfo is None)
    return not isinstance(value, str)


def _text(value: Json) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def undeclared(inputs: Mapping[str, InputField]) -> dict[str, list[str]]:
    """What the declarations leave open, to the fields: `range` of numbers, `values` of texts."""
    numbers = [n for n, f in inputs.items() if f.type in {"number", "integer"} and f.values is None]
    return {
        "range": [n for n in numbers if inputs[n].minimum is None or inputs[n].maximum is None],
        "values": [n for n, f in inputs.items() if f.type == "string" and f.values is None],
    }
