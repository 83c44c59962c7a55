"""The types of records whose source declares none, read off the records themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.core.observation import Json
from seatrial.core.ports import Row

SEEN: Final = 200
"""Newest records that are looked at."""
_NAMES: Final[Sequence[tuple[type | tuple[type, ...], str]]] = (
    (type(None), "null"),
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "text"),
    (Mapping, "record"),
)


def types_of(rows: Sequence[Row]) -> dict[str, str]:
    """Field to the types that its values have, joined by `|`, `null` last; fields in the order of first appearance."""
    seen: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            seen.setdefault(name, set()).add(_type(value))
    for name, types in seen.items():
        if any(name not in row for row in rows):
            types.add("null")
    return {name: "|".join(sorted(types, key=lambda each: (each == "null", each))) for name, types in seen.items()}


def _type(value: Json) -> str:
    return next((name for kinds, name in _NAMES if isinstance(value, kinds)), "list")
