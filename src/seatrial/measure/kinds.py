"""What kind of field a fingerprint shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ALL = 0.95
_LEADING = 0.05


def kind_of(side: Mapping[str, Any]) -> str:
    """`number`, `boolean`, `time`, `text` or `empty`, by the type that most rows arrived as."""
    kind = max(side["types"], key=lambda name: side["types"][name], default="null")
    if kind.startswith(("timestamp", "date", "time")):
        return "time"
    if "string" in kind or kind.startswith(("binary", "large_binary")):
        return "text"
    if kind == "bool":
        return "boolean"
    return "empty" if kind == "null" else "number"


def has_leading_zeros(side: Mapping[str, Any]) -> bool:
    """Whether texts of digits are codes of a fixed width rather than numbers."""
    return int(side["forms"].get("leading-zero", 0)) > _LEADING * max(int(side["n"]), 1)


def reads_as_numbers(side: Mapping[str, Any]) -> bool:
    """Whether texts are numbers that were written out: nearly all read as such, some with decimals."""
    n = max(int(side["n"]), 1)
    decimals = sum(side["decimals"][1:])
    return side["numbers"] >= _ALL * n and decimals > 0.05 * n and not has_leading_zeros(side)


def reads_as_dates(side: Mapping[str, Any]) -> bool:
    """Whether texts are dates or times."""
    forms = side["forms"]
    dated = sum(forms.get(name, 0) for name in ("iso-date", "iso-time", "parted-date"))
    return bool(side["n"]) and dated >= _ALL * side["n"]
