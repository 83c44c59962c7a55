"""Numbers, spans of time and sentences as people read them: one place, for the gate's reasons and every presenter."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime

_SPANS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))
_DIGITS, _MOST_DIGITS = 3, 7
_FIRST_WORD = re.compile(r"[a-z]+(?=[ ,:])")
_ENDS = (".", "!", "?", ":", "…")


def number(value: float | None, unit: str = "", *, digits: int = _DIGITS) -> str:
    """A figure with its unit: shares as percentages, seconds as spans of time, the rest with `digits` digits."""
    if value is None:
        return "not measured"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "unbounded"
    if unit == "s":
        return span(value, digits=digits)
    if unit == "share":
        return _share(value, digits)
    text = _digits(value, digits)
    return f"{text}{unit}" if unit.startswith("/") else f"{text} {unit}".strip()


def percent(share: float) -> str:
    """A share as a percentage: `31.6 %`."""
    return number(share, "share")


def told_apart(a: float, b: float, unit: str = "") -> tuple[str, str]:
    """Two figures with as many digits as it takes to see which is larger; nothing reads as equal that is not."""
    for digits in range(_DIGITS, _MOST_DIGITS):
        shown = number(a, unit, digits=digits), number(b, unit, digits=digits)
        if a == b or shown[0] != shown[1]:
            break
    return shown


def span(seconds: float, *, digits: int = _DIGITS) -> str:
    """A span of time in its largest fitting unit: `82 ms`, `4.2 s`, `15 min`, `2.5 h`, `90 d`."""
    if abs(seconds) < 0.9995:
        return f"{_digits(seconds * 1000, digits)} ms"
    size, unit = next((s, u) for s, u in _SPANS if abs(seconds) >= s or s == 1.0)
    return f"{_digits(seconds / size, digits)} {unit}"


def count(n: int, noun: str) -> str:
    """`1 gap`, `3 gaps`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def moment(when: datetime | None) -> str:
    """A time of day in UTC, to the minute."""
    return "" if when is None else when.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


def day(when: date | None) -> str:
    """A date without ambiguity: 11 Jan 2027."""
    return "" if when is None else when.strftime("%-d %b %Y")


def sentence(text: str, names: Iterable[str] = ()) -> str:
    """The text as a sentence: a capital first letter, a full stop. What `names` spell stays as it is written."""
    said = text.strip()
    first = _FIRST_WORD.match(said)
    if first is not None and first[0] not in {part for name in names for part in re.split(r"[.\[\]]", name)}:
        said = said[0].upper() + said[1:]
    return said if not said or said.endswith(_ENDS) else f"{said}."


def _share(value: float, digits: int) -> str:
    """A share as a percentage; only what is all reads 100 %, only what is none reads 0 %."""
    for wanted in range(digits, _MOST_DIGITS):
        text = _digits(value * 100, wanted)
        if text not in {"100", "0"} or value in {0.0, 1.0}:
            break
    return f"{text} %"


def _digits(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return "unbounded"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if abs(value) >= 1000:
        decimals = max(0, digits - _DIGITS)
        return f"{value:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return f"{value:.1e}" if abs(value) < 0.001 else f"{value:.{digits}g}"
