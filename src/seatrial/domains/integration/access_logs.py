"""Who called, and what was reached, as others wrote it down: web server logs, CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seatrial.core.check import Trial
from seatrial.core.errors import Malformed
from seatrial.spec.inventory import AccessLog

_COMMON = re.compile(r'(?P<host>\S+) \S+ (?P<user>\S+) \[(?P<at>[^\]]+)\] "')
NAMELESS = "(nobody named)"
"""An entry that does not say who it was."""
_NOBODY = frozenset({"", "-", "null", "None"})
"""What logs hold where there was no name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Name to its number of entries in the time that counts; `older` are the entries before it."""

    names: Mapping[str, int]
    older: int


def read_log(trial: Trial, log: AccessLog, *, looked_back_s: float) -> Read:
    """The log's names. Raises Unreachable without the file, Malformed naming the first line that is none.

    A last line without its end is still being written, and left out.
    """
    text = trial.files.read(log.file).decode("utf-8", "replace")
    whole = text[: text.rfind("\n") + 1]
    since = trial.clock.now() - timedelta(seconds=looked_back_s)
    names: dict[str, int] = {}
    older = 0
    for name, at in _entries(whole, log):
        if at < since:
            older += 1
        else:
            names[name] = names.get(name, 0) + 1
    return Read(names=names, older=older)


def _entries(text: str, log: AccessLog) -> Iterator[tuple[str, datetime]]:
    if log.format == "common":
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield _common(line, log, number)
        return
    if log.format == "csv":
        reader = csv.DictReader(io.StringIO(text, newline=""))
        if missing := [f for f in (log.name, log.at) if f not in (reader.fieldnames or ())]:
            raise _wrong(log, 1, f"has no column {', '.join(missing)}")
        for row in reader:
            yield _fields(row, log, reader.line_num)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _fields(_record(line, log, number), log, number)


def _common(line: str, log: AccessLog, number: int) -> tuple[str, datetime]:
    found = _COMMON.match(line)
    if found is None:
        raise _wrong(log, number, "is no line of a web server's log")
    name = found["user"] if found["user"] != "-" else found["host"]
    try:
        return _named(name), datetime.strptime(found["at"], "%d/%b/%Y:%H:%M:%S %z")
    except ValueError:
        raise _wrong(log, number, "has no time in brackets") from None


def _record(line: str, log: AccessLog, number: int) -> Mapping[str, object]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise _wrong(log, number, "is no JSON record")
    return content


def _fields(row: Mapping[str, object], log: AccessLog, number: int) -> tuple[str, datetime]:
    name = row.get(log.name)
    at = _time(row.get(log.at))
    if at is None:
        raise _wrong(log, number, f"has no time in {log.at}")
    return _named("" if name is None else str(name)), at


def _named(told: str) -> str:
    name = told.strip()
    return NAMELESS if name in _NOBODY else name


def _time(value: object) -> datetime | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        value = repr(value)
    if not isinstance(value, str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _wrong(log: AccessLog, number: int, what: str) -> Malformed:
    return Malformed(
        f"{log.file}, line {number}, {what}",
        remedy=f"Correct the format or the fields that inventory.logs declares for {log.file}.",
    )
