"""Master data: sources that are a whole table or folder, and by which fields of a flow's records they are looked up.

Nobody declares how the pipeline joins them. A field of the entry's records is a lookup where a column of the source
holds nearly all its values, one row for each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.integration import End, IntegrationSection
from seatrial.spec.system import System

MOST = 10_000
"""A source with so many records or more is not read to its end."""
_TABLES = frozenset({"sql", "postgresql", "mysql", "mariadb", "sqlite"})
_FOLDERS = frozenset({"files", "sftp"})
_FEWEST = 5
"""So many different values of a field must be found in the source before it counts as looked up there."""
_NEARLY_ALL = 0.9
_DIGITS, _CAPITALS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The entry field whose values stand in a column of the source, and the one row for each of them, by its text."""

    source: str
    field: str
    column: str
    rows: Mapping[str, Row]
    taken: frozenset[str] = frozenset()
    """Every text that stands in the column."""

    def unknown(self, value: str) -> str | None:
        """A value of the same form that names no row; None where none is found."""
        turns = [_turned(_DIGITS, step) for step in range(1, 10)]
        for table in (*turns, *({**turn, **_turned(_CAPITALS, at)} for at, turn in enumerate(turns, start=1))):
            made = value.translate(table)
            if made != value and made not in self.taken:
                return made
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Masters:
    """The records of each source of master data, by its name; of `unread` ones why there are none."""

    rows: Mapping[str, Sequence[Row]]
    unread: Mapping[str, str]


def keeps_all(section: IntegrationSection, end: End) -> bool:
    """Whether what is read there is all that a source has, and not the newest of what passed."""
    if section.direction != "in":
        return False
    return section.kind in _FOLDERS or (section.kind in _TABLES and len((end.read or "").split()) == 1)


def masters(system: System, trial: Trial) -> Masters:
    """All records of each source of master data, or why they cannot be read to their end now."""
    passed = {name for flow in system.flows for name in (flow.from_, flow.to)}
    rows: dict[str, Sequence[Row]] = {}
    unread: dict[str, str] = {}
    for name, section in system.integrations.items():
        end = section.test
        if name in passed or end is None or not keeps_all(section, end):
            continue
        try:
            found = trial.integration(name).read(MOST)
        except SeatrialError as error:
            unread[name] = error.what
            continue
        if 0 < len(found) < MOST:
            rows[name] = found
        else:
            unread[name] = f"it has {MOST:,} rows or more" if found else "it has no rows"
    return Masters(rows=rows, unread=unread)


def lookups(source: str, rows: Sequence[Row], sent: Sequence[Row], *, key: str) -> Iterator[Lookup]:
    """Every field but the flow's key nearly all of whose values stand in a column of the source, each in one row."""
    for column in dict.fromkeys(name for row in rows for name in row):
        counted = Counter(str(row[column]) for row in rows if row.get(column) is not None)
        by_value = {str(row[column]): row for row in rows if row.get(column) is not None}
        single = {value: row for value, row in by_value.items() if counted[value] == 1}
        for field in sent[0] if sent else ():
            values = [row.get(field) for row in sent]
            if field == key or not all(_names(value) for value in values):
                continue
            told = {str(value) for value in values}
            known = len(told & single.keys())
            if known >= max(_FEWEST, _NEARLY_ALL * len(told)):
                yield Lookup(source=source, field=field, column=column, rows=single, taken=frozenset(counted))


def _names(value: Json) -> bool:
    """Whether a value can name a row: a text or a whole number."""
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _turned(characters: str, step: int) -> dict[int, str]:
    return {ord(c): characters[(at + step) % len(characters)] for at, c in enumerate(characters)}
