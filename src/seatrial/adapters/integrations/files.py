"""An integration that is a folder of files: CSV with a header, or JSON lines."""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from seatrial.adapters.http import read_json
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.ports import Request, Row

_LINES: Final = (".jsonl", ".ndjson")
_MOST_LINE: Final = 1024 * 1024
_MOST_VERSION: Final = 200


class FilesIntegration:
    """`url` is the folder; `read`, `write` and `observe` name folders within it, `version` a file whose text it is.

    Files count in the order of their last change. Values of CSV are text. Half-written files are not read: names that
    begin with a dot or end in `.part` are left alone, and our own are moved into place when they are complete.
    """

    def __init__(self, place: Place, *, base_dir: Path) -> None:
        self._place = place
        parts = urlsplit(place.end.url)
        if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
            raise Malformed(
                f"integration {place.name!r} is a folder, but its url is not",
                remedy=f"Write integrations.{place.name}.{place.which}.url as a path or file:///path.",
            )
        self._folder = (base_dir / (unquote(parts.path) if parts.scheme else place.end.url)).resolve()

    def version(self) -> str:
        """The text of the declared file. Raises Malformed when it tells nothing."""
        file = self._within(self._place.declared("version"))
        try:
            with file.open(encoding="utf-8") as content:
                line = content.read(_MOST_VERSION + 1).strip()
        except (OSError, UnicodeDecodeError):
            raise Unreachable(f"integration {self._place.name!r}: {file.name} cannot be read") from None
        if not line or len(line) > _MOST_VERSION:
            raise Malformed(f"integration {self._place.name!r}: {file.name} tells no version")
        return line

    def health(self) -> None:
        """Raises Unreachable unless the folder can be listed."""
        self._files(self._within(self._place.end.health or "."))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records of the newest files, oldest first."""
        if most <= 0:
            return ()
        newest: deque[list[Row]] = deque()
        count = 0
        for file in reversed(self._files(self._within(self._place.end.read or "."))):
            kept = list(deque(self._records(file), maxlen=most - count))
            newest.appendleft(kept)
            count += len(kept)
            if count >= most:
                break
        return [row for rows in newest for row in rows]

    def write(self, record: Row) -> None:
        """A new file with one record. Raises Refused unless declared writable for tests."""
        self._place.refuse_write()
        folder = self._within(self._place.end.write or ".")
        name = f"seatrial-{secrets.token_hex(8)}.jsonl"
        try:
            line = json.dumps(record, allow_nan=False)
            hidden = folder / f".{name}.part"
            hidden.write_text(line + "\n", encoding="utf-8")
            hidden.replace(folder / name)
        except OSError as error:
            raise Unreachable(
                f"integration {self._place.name!r}: nothing can be written there: {error.strerror}",
                remedy="See whether the folder exists and may be written to.",
            ) from None
        except ValueError:
            raise Malformed(f"a record for integration {self._place.name!r} holds NaN or an infinity") from None

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        wanted = set(values)
        found = []
        for file in self._files(self._within(self._place.end.observe or ".")):
            found += [row for row in self._records(file) if str(row.get(key)) in wanted]
        return self._place.grouped(found, key, wanted)

    def close(self) -> None:
        """Nothing is held."""

    def _within(self, name: str) -> Path:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder):
            raise Malformed(
                f"integration {self._place.name!r}: {name!r} lies outside its folder",
                remedy=f"Name something within integrations.{self._place.name}.{self._place.which}.url.",
            )
        return path

    def _files(self, folder: Path) -> list[Path]:
        try:
            with os.scandir(folder) as entries:
                found = [
                    (entry.stat().st_mtime_ns, entry.name, Path(entry.path))
                    for entry in entries
                    if entry.is_file()
                    and not entry.name.startswith(".")
                    and entry.name.lower().endswith((*_LINES, ".csv"))
                ]
        except OSError as error:
            raise Unreachable(
                f"integration {self._place.name!r}: its folder cannot be listed: {error.strerror}",
                remedy="See whether the folder exists and may be read.",
            ) from None
        return [path for _, _, path in sorted(found)]

    def _records(self, file: Path) -> Iterator[Row]:
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                yield from _lines(lines, file) if file.suffix.lower() in _LINES else _table(lines, file)
        except UnicodeDecodeError:
            raise Malformed(f"{file.name} is not UTF-8") from None
        except OSError as error:
            raise Unreachable(f"{file.name} cannot be read: {error.strerror}") from None


def _lines(lines: Iterator[str], file: Path) -> Iterator[Row]:
    for at, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if len(line) > _MOST_LINE:
            raise Malformed(f"{file.name}, line {at}, is longer than {_MOST_LINE} characters")
        try:
            record = read_json(line.encode())
        except Malformed as error:
            raise Malformed(f"{file.name}, line {at}: {error.what}") from None
        if not isinstance(record, Mapping):
            raise Malformed(f"{file.name}, line {at}, is no record")
        yield record


def _table(lines: Iterator[str], file: Path) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) != len(header):
            raise Malformed(f"{file.name} names a column twice")
        for values in reader:
            if len(values) != len(header):
                raise Malformed(
                    f"{file.name}, line {reader.line_num}, has {len(values)} values for {len(header)} columns"
                )
            yield dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise Malformed(f"{file.name}, line {reader.line_num}: {error}") from None
