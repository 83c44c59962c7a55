"""A change of a source's schema, as plain data, and what it makes of a record."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as filled
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

_CODES: Final = 1000
_SHORTEST_TIME: Final = len("2027-01-11")


class ChangeKind(StrEnum):
    """What a source's team does to a column."""

    ADDED = "added"
    DROPPED = "dropped"
    RENAMED = "renamed"
    RETYPED = "retyped"
    REORDERED = "reordered"
    CODED = "given a code that is not listed"
    NONE = "none"
    """The schema stays; only the `held` value differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """`field` is changed. Where all columns are concerned (added, reordered, none), it tells what a record is.

    `name` is the new column's name, the field's new one, or the code that it has now. `held` are fields and the value
    that each has in every record besides, so that an answer that was taken can be told from one that was thrown away.
    """

    kind: ChangeKind
    field: str
    name: str = ""
    held: Mapping[str, Any] = filled(default_factory=dict)

    @property
    def told(self) -> str:
        """For people."""
        match self.kind:
            case ChangeKind.ADDED:
                return f"a column {self.name} added"
            case ChangeKind.RENAMED:
                return f"{self.field} renamed to {self.name}"
            case ChangeKind.REORDERED:
                return "columns in another order"
            case _:
                return f"{self.field} {self.kind}"


def changed(record: Mapping[str, Any], change: SchemaChange) -> dict[str, Any]:
    """The record as the changed source gives it; one without the field is left as it is."""
    if change.field not in record:
        return dict(record)
    row = {name: change.held.get(name, value) for name, value in record.items()}
    match change.kind:
        case ChangeKind.ADDED:
            row[change.name] = "A1"
        case ChangeKind.DROPPED:
            del row[change.field]
        case ChangeKind.RENAMED:
            row = {change.name if name == change.field else name: value for name, value in row.items()}
        case ChangeKind.RETYPED:
            row[change.field] = retyped(row[change.field])
        case ChangeKind.REORDERED:
            row = dict(reversed(row.items()))
        case ChangeKind.CODED:
            row[change.field] = change.name
        case ChangeKind.NONE:
            pass
    return row


def retyped(value: Any) -> Any:
    """As the same value reads in a column of another type: numbers as text, times as seconds, other texts as codes."""
    match value:
        case None:
            new: Any = None
        case bool():
            new = "Y" if value else "N"
        case str():
            when = _time(value)
            new = zlib.crc32(value.encode()) % _CODES if when is None else int(when.timestamp())
        case Mapping():
            new = {name: retyped(inner) for name, inner in value.items()}
        case Sequence():
            new = [retyped(inner) for inner in value]
        case _:
            new = str(value)
    return new


def _time(text: str) -> datetime | None:
    if len(text) < _SHORTEST_TIME:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when
