"""The list of the people who use the system: a CSV with the columns `id`, `group` and, if wanted, `name`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.spec.problem import Problem, SpecErrors, one_problem
from seatrial.spec.reading import decode

_REQUIRED = ("id", "group")
_MOST_USERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who uses the system. `id` is opaque and may enter evidence; `name` stays out of it."""

    id: str
    group: str
    name: str | None = None


def load_users(text: bytes, *, name: str) -> tuple[User, ...]:
    """The users in the order of the file, which separates its columns with commas or semicolons.

    Raises SpecErrors with all problems: no users, columns missing or named twice, empty or repeated ids, ragged lines.
    """
    decoded = decode(text, name=name)
    heading = decoded.split("\n", 1)[0]
    delimiter = ";" if ";" in heading and "," not in heading else ","
    reader = csv.reader(io.StringIO(decoded, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [c.strip() for c in next(reader, [])]
        _check_columns(columns, name)
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise one_problem(file=name, line=reader.line_num or 1, found=f"no CSV ({error})", expected="CSV") from None
    if not rows or len(rows) > _MOST_USERS:
        raise one_problem(file=name, found=f"{len(rows)} users", expected=f"from 1 to {_MOST_USERS}")
    if problems := list(_problems(columns, rows, name)):
        raise SpecErrors(problems)
    return tuple(_user(dict(zip(columns, (cell.strip() for cell in row), strict=True))) for _, row in rows)


def _check_columns(columns: list[str], name: str) -> None:
    problems = [
        _problem(name, 1, column, found=f"no column '{column}'", expected="the columns id, group and, if wanted, name")
        for column in _REQUIRED
        if column not in columns
    ]
    problems += [
        _problem(name, 1, column, found=f"the column '{column[:60]}' {columns.count(column)} times", expected="it once")
        for column in sorted({c for c in columns if columns.count(c) > 1})
    ]
    if problems:
        raise SpecErrors(problems)


def _problems(columns: list[str], rows: list[tuple[int, list[str]]], name: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for line, row in rows:
        if len(row) != len(columns):
            yield _problem(name, line, "", found=f"{len(row)} values", expected=f"{len(columns)}, one for each column")
            continue
        cells = dict(zip(columns, (cell.strip() for cell in row), strict=True))
        for column in _REQUIRED:
            if not cells[column]:
                yield _problem(name, line, column, found="nothing", expected=f"the user's {column}")
        user = cells["id"]
        if user and user in seen:
            yield _problem(
                name, line, "id", found=f"'{user[:60]}' again, after line {seen[user]}", expected="each user once"
            )
        seen.setdefault(user, line)


def _problem(name: str, line: int, path: str, *, found: str, expected: str) -> Problem:
    return Problem(file=name, line=line, column=1, path=path, found=found, expected=expected)


def _user(cells: dict[str, str]) -> User:
    return User(id=cells["id"], group=cells["group"], name=cells.get("name") or None)
