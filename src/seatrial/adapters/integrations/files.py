"""An integration that is a folder of files, here or on an SFTP server: CSV, JSON, Parquet or fixed width."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from seatrial.adapters.integrations import file_records
from seatrial.adapters.integrations.file_text import whole
from seatrial.adapters.integrations.folders import Entry, Files, Folder, LocalFolder
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.integrations.types import SEEN, types_of
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import TEST_MARK, Part, Request, Row
from seatrial.spec.file_format import FileFormat
from seatrial.spec.integration import End

_MOST_VERSION: Final = 200


class FilesIntegration:
    """`url` is the folder; `read`, `write` and `observe` name folders within it, `version` a file whose text it is.

    Files count in the order of their last change. Values of CSV and of fixed width are text unless declared numbers.
    Half-written files are not read: names that begin with a dot or end in `.part` are left alone, and our own are moved
    into place when they are complete.
    """

    def __init__(self, place: Place, *, folder: Folder) -> None:
        self._place = place
        self._folder = folder
        self._form = place.end.format or FileFormat()

    def version(self) -> str:
        """The text of the declared file, else what the server says of itself. Raises Malformed when nothing tells."""
        declared = self._place.end.version
        with self._folder.opened() as files:
            told = _text_of(files, declared) if declared else files.version()
        if not told or len(told) > _MOST_VERSION:
            raise Malformed(
                f"integration {self._place.name!r}: {declared or 'its folder'} tells no version",
                remedy=f"Let integrations.{self._place.name}.{self._place.which}.version name a file with one line.",
            )
        return told

    def health(self) -> None:
        """Raises Unreachable unless the folder can be listed."""
        with self._folder.opened() as files:
            files.entries(self._place.end.health or ".")

    def schema(self) -> Mapping[str, str]:
        """The fields of the newest file with the types that it declares, else those of the newest records."""
        with self._folder.opened() as files:
            place = self._place.end.read or "."
            last = self._counted(files, place)[-1:]
            for entry in last:
                with files.open(place, entry.name) as content:
                    declared = file_records.types(content, name=entry.name, form=self._form)
                if declared is not None:
                    return declared
            return types_of(self._newest(files, SEEN))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records of the newest files, oldest first."""
        if most <= 0:
            return ()
        with self._folder.opened() as files:
            return self._newest(files, most)

    def parts(self, mark: Json, most: int) -> Iterator[Part]:
        """The records of files that are new or changed since `mark`, file by file.

        What cannot be read holds up no other file; its problem is raised behind the others, and it is tried again.
        """
        known = mark if isinstance(mark, Mapping) else {}
        problem: SeatrialError | None = None
        with self._folder.opened() as files:
            place = self._place.end.read or "."
            entries = self._counted(files, place)
            stands = {each.name: [each.changed, each.size] for each in entries}
            done: dict[str, Json] = {name: seen for name, seen in known.items() if stands.get(name) == seen}
            for entry in entries:
                if entry.name in done:
                    continue
                try:
                    with files.open(place, entry.name) as content:
                        rows = file_records.records(content, name=entry.name, size=entry.size, form=self._form)
                        while part := tuple(islice(rows, most)):
                            yield part, dict(done)
                except SeatrialError as error:
                    problem = problem or error
                    continue
                done[entry.name] = stands[entry.name]
                yield (), dict(done)
        if problem is not None:
            raise problem

    def _newest(self, files: Files, most: int) -> Sequence[Row]:
        place = self._place.end.read or "."
        found: deque[Sequence[Row]] = deque()
        count = 0
        for entry in reversed(self._counted(files, place)):
            with files.open(place, entry.name) as content:
                kept = file_records.newest(
                    content, name=entry.name, size=entry.size, form=self._form, most=most - count
                )
            found.appendleft(kept)
            count += len(kept)
            if count >= most:
                break
        return tuple(row for rows in found for row in rows)

    def write(self, record: Row) -> None:
        """A new file with one record, in the declared form. Raises Refused unless declared writable for tests."""
        self._place.refuse_write()
        content = file_records.written(record, self._form)
        with self._folder.opened() as files:
            name = file_records.name_of(f"{TEST_MARK}{secrets.token_hex(8)}", self._form)
            files.put(self._place.end.write or ".", name, content)

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def listen(self) -> None:
        """Nothing: a folder keeps what arrives."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        wanted = set(values)
        place = self._place.end.observe or "."
        found: list[Row] = []
        with self._folder.opened() as files:
            for entry in self._counted(files, place):
                with files.open(place, entry.name) as content:
                    rows = file_records.records(content, name=entry.name, size=entry.size, form=self._form)
                    found += [row for row in rows if str(row.get(key)) in wanted]
        return self._place.grouped(found, key, wanted)

    def remove(self, key: str, values: Sequence[str]) -> None:
        """Delete the files that hold these records and no other. Raises Refused unless declared writable."""
        self._place.refuse_remove()
        place, wanted = self._place.declared("remove"), set(values)
        with self._folder.opened() as files:
            for entry in self._counted(files, place):
                with files.open(place, entry.name) as content:
                    rows = file_records.records(content, name=entry.name, size=entry.size, form=self._form)
                    held = {str(row.get(key)) for row in rows}
                if held and held <= wanted:
                    files.delete(place, entry.name)

    def close(self) -> None:
        """Nothing is held."""

    def _counted(self, files: Files, place: str) -> list[Entry]:
        entries = files.entries(place)
        return sorted(
            each
            for each in entries
            if not each.name.endswith(".part") and file_records.kind_of(each.name, self._form) is not None
        )


def local_folder(place: Place, base_dir: Path) -> LocalFolder:
    """The folder that the end's url names. Raises Malformed for a url of another kind."""
    return LocalFolder(folder_of(place.name, place.end, base_dir), name=place.name)


def folder_of(name: str, end: End, base_dir: Path) -> Path:
    """Where that folder is. Raises Malformed for a url of another kind."""
    parts = urlsplit(end.url)
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
        raise Malformed(
            f"integration {name!r} is a folder, but its url is not",
            remedy=f"Write the url of integrations.{name} as a path or file:///path.",
        )
    return base_dir / (unquote(parts.path) if parts.scheme else end.url)


def _text_of(files: Files, declared: str) -> str:
    folder, _, name = declared.rpartition("/")
    with files.open(folder or ".", name) as content:
        return whole(content, name=name, encoding="utf-8")[: _MOST_VERSION + 1].strip()
