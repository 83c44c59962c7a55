"""A CSV file from another tool, whose columns have names of their own: read with its lines, and mapped by people."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.errors import Refused

_MOST_LINES = 200_000
_MOST_TOLD = 20
_DELIMITERS = (";", "\t", ",")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Something that a column must tell; `known` are names that such columns often have, in lower case."""

    key: str
    title: str
    known: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the file by column, with its number in the file."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """What is wrong in one line."""

    line: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedCsv:
    """The file: its columns, its lines, and those that cannot be read as lines of it."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    bad: tuple[Bad, ...]


def read_csv(content: bytes) -> MappedCsv:
    """Read UTF-8 with commas, semicolons or tabs between. Raises Refused for no usable heading and for no line."""
    text = content.decode("utf-8-sig")
    heading = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=heading.count), strict=True)
    lines: list[Line] = []
    bad: list[Bad] = []
    try:
        columns = tuple(cell.strip() for cell in next(reader, []))
        _usable(columns)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(columns):
                bad.append(Bad(line=reader.line_num, what=f"{len(row)} values where there are {len(columns)} columns"))
                continue
            cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
            lines.append(Line(number=reader.line_num, cells=cells))
            if len(lines) > _MOST_LINES:
                raise Refused(f"it has more than {_MOST_LINES:,} lines", remedy="Leave out what is not needed.")
    except csv.Error as error:
        bad.append(Bad(line=reader.line_num, what=f"this is no CSV: {error}"))
    if not lines and not bad:
        raise Refused("it has no line below its heading", remedy="Export it again, with its rows.")
    return MappedCsv(columns=columns, lines=tuple(lines), bad=tuple(bad))


def guessed(columns: Sequence[str], wanted: Sequence[Wanted]) -> dict[str, str]:
    """What is wanted to the column that seems to tell it, as far as names go.

    >>> guessed(["User ID", "Dept"], [Wanted(key="id", title="", known=("user id",))])
    {'id': 'User ID'}
    """
    plain = {column.lower().replace("_", " ").replace("-", " "): column for column in columns}
    found = {each.key: next((plain[name] for name in each.known if name in plain), "") for each in wanted}
    return {key: column for key, column in found.items() if column}


def mapping_problems(mapping: Mapping[str, str], columns: Sequence[str], wanted: Sequence[Wanted]) -> dict[str, str]:
    """What is wrong with a mapping, by what is wanted."""
    problems = {}
    for each in wanted:
        column = mapping.get(each.key, "")
        if column and column not in columns:
            problems[each.key] = "Choose one of the file's columns."
        elif each.required and not column:
            problems[each.key] = "Choose the column that tells it."
    return problems


def mapped(columns: Sequence[str], wanted: Sequence[Wanted], told: Mapping[str, str]) -> dict[str, str]:
    """What is wanted to its column: as `told`, else by the names that such columns often have. Raises Refused."""
    if strange := sorted(told.keys() - {each.key for each in wanted}):
        listed = ", ".join(each.key for each in wanted)
        raise Refused(f"{', '.join(strange)} is nothing that is asked for", remedy=f"What is asked for: {listed}.")
    found = guessed(columns, wanted) | dict(told)
    if wrong := mapping_problems(found, columns, wanted):
        titles = {each.key: each.title for each in wanted}
        raise Refused(
            "no column tells " + "; ".join(f"{key} ({titles[key].lower()})" for key in wrong),
            remedy=f"Name it, such as --column {next(iter(wrong))}=NAME. Its columns: {', '.join(columns)}.",
        )
    return found


def taken_whole(bad: Sequence[Bad]) -> None:
    """Raises Refused with the lines where any cannot be taken."""
    if bad:
        told = "; ".join(f"line {each.line}: {each.what}" for each in bad[:_MOST_TOLD])
        more = f"; and {len(bad) - _MOST_TOLD} more" if len(bad) > _MOST_TOLD else ""
        raise Refused(f"nothing was taken over: {told}{more}", remedy="Correct these lines, then bring the file again.")


def _usable(columns: Sequence[str]) -> None:
    if not any(columns):
        raise Refused("it has no heading", remedy="Let its first line name the columns.")
    if twice := sorted({c for c in columns if columns.count(c) > 1}):
        named = ", ".join(repr(c[:40]) for c in twice)
        raise Refused(f"its heading names {named} more than once", remedy="Give each column a name of its own.")
