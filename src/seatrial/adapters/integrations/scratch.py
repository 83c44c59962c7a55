"""Copies of what a source holds, made beside it to have their schema altered. The source is only ever read.

A copy of ours has a mark beside it, so that what a killed run left behind is known again, and nothing that somebody
else keeps under the declared name is ever taken away.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from seatrial.adapters.databases import Database, is_table
from seatrial.adapters.integrations.file_records import kind_of
from seatrial.adapters.integrations.other_files import rewritten_file
from seatrial.adapters.redaction import Redactor
from seatrial.core.disturbing import Scratch
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.ports import Row
from seatrial.core.schema_change import ChangeKind, SchemaChange, changed
from seatrial.spec.file_format import FileFormat
from seatrial.spec.system import System

_TIMEOUT_S: Final = 60.0
_MARK: Final = "_seatrial"
_MARK_FILE: Final = ".seatrial-copy"
_FILES: Final = 20
_SQL: Final = frozenset({"sql", "sqlite", "postgresql", "mysql", "mariadb"})
_TEXTS: Final = ("char", "text", "clob", "string", "enum", "uuid")


def open_scratch(system: System, name: str, *, base_dir: Path, redact: Redactor) -> Scratch:
    """The declared copy of that integration's test end.

    Raises Refused where none is declared or nothing may be written there, Malformed for a declaration that cannot hold.
    """
    declared = system.data.schema_change.sources.get(name)
    section = system.integrations.get(name)
    place = f"data.schema_change.sources.{name}.scratch"
    if declared is None or declared.scratch is None or section is None or section.test is None:
        raise Refused(f"no copy of {name} is declared", remedy=f"Declare {place} and integrations.{name}.test.")
    if not section.test.writable or section.test.read_only:
        raise Refused(
            f"nothing may be written beside {name}",
            remedy=f"Set integrations.{name}.test.writable: true at a test end.",
        )
    source, copy = declared.scratch.of or section.test.read or "", declared.scratch.copy_
    if section.kind in _SQL:
        if not is_table(source) or not is_table(copy) or source.strip().lower() == copy.strip().lower():
            raise Malformed(
                f"a copy of {name} needs the names of two different tables",
                remedy=f"Write a table's name, or schema.table, under {place}.of and {place}.copy.",
            )
        database = Database(section.test.url, base_dir=base_dir, redact=redact, writable=True, timeout_s=_TIMEOUT_S)
        return SqlScratch(database, source, copy)
    if section.kind == "files":
        parts = urlsplit(section.test.url)
        root = (base_dir / (unquote(parts.path) if parts.scheme else section.test.url)).resolve()
        here, there = (root / (source or ".")).resolve(), (root / copy).resolve()
        if not there.is_relative_to(root) or here.is_relative_to(there):
            raise Malformed(
                f"a copy of {name} must be a folder of its own within {section.test.url}",
                remedy=f"Name one under {place}.copy.",
            )
        return FilesScratch(here, there, section.test.format or FileFormat())
    raise Malformed(
        f"of an integration of kind {section.kind} no copy can be made",
        remedy=f"Give integrations.{name}.test a `via`, so that the schema is changed on the line.",
    )


class SqlScratch:
    """A table beside the source's, on the same server, altered by ALTER TABLE."""

    def __init__(self, database: Database, source: str, copy: str) -> None:
        self._database = database
        self._source = source
        self._copy = copy
        self._mark = f"{copy}{_MARK}"
        self._change: SchemaChange | None = None
        self._types: dict[str, str] = {}

    def make(self, change: SchemaChange) -> None:
        """A fresh copy with its schema altered."""
        if self._database.exists(self._copy) and not self.left_over():
            raise Refused(
                f"a table {self._copy} stands where the copy of {self._source} goes, and it is none of ours",
                remedy="Declare another name, or take that table away.",
            )
        types = self._database.columns(self._source)
        if change.field not in types:
            raise Malformed(f"the table {self._source} has no column {change.field}")
        self.drop()
        self._do(f"CREATE TABLE {self._q(self._mark)} (made INTEGER)")
        names = list(types)
        if change.kind is ChangeKind.REORDERED:
            chosen = ", ".join(map(self._q, reversed(names)))
            self._do(f"CREATE TABLE {self._q(self._copy)} AS SELECT {chosen} FROM {self._q(self._source)}")  # noqa: S608 - quoted
        else:
            self._same(types)
        for name in (name for name in change.held if name in types):
            self._do(f"UPDATE {self._q(self._copy)} SET {self._q(name)} = :held", held=change.held[name])  # noqa: S608 - quoted
        for statement in self._alterations(change, types[change.field]):
            self._do(statement)
        self._change, self._types = change, types

    def put(self, record: Row) -> None:
        """A record of the source, as its column reads now. Raises Refused where the copy does not take it."""
        change = self._change
        if change is None:
            raise Refused("no copy was made into which a record could be put")
        row = changed(record, change)
        value = record.get(change.field)
        if change.kind is ChangeKind.RETYPED and value is not None:
            row[change.field] = len(str(value)) if _is_text(self._types[change.field]) else str(value)
        try:
            self._database.insert(self._copy, row)
        except SeatrialError as error:
            raise Refused(f"a record cannot be put into the copy of {self._source}: {error.what}") from None

    def left_over(self) -> bool:
        """Whether the mark stands there."""
        return self._database.exists(self._mark)

    def drop(self) -> None:
        """The copy, then its mark."""
        if self.left_over():
            self._do(f"DROP TABLE IF EXISTS {self._q(self._copy)}")
            self._do(f"DROP TABLE {self._q(self._mark)}")

    def _same(self, types: dict[str, str]) -> None:
        copy, source = self._q(self._copy), self._q(self._source)
        match self._database.dialect:
            case "postgresql":
                self._do(f"CREATE TABLE {copy} (LIKE {source} INCLUDING DEFAULTS INCLUDING IDENTITY)")
            case "mysql" | "mariadb":
                self._do(f"CREATE TABLE {copy} LIKE {source}")
            case _:
                columns = ", ".join(f"{self._q(name)} {told.removesuffix('|null')}" for name, told in types.items())
                self._do(f"CREATE TABLE {copy} ({columns})")
        chosen = ", ".join(map(self._q, types))
        self._do(f"INSERT INTO {copy} ({chosen}) SELECT {chosen} FROM {source}")  # noqa: S608 - quoted

    def _alterations(self, change: SchemaChange, told: str) -> Sequence[str]:
        copy, field, name = self._q(self._copy), self._q(change.field), self._q(change.name or "seatrial_new")
        words = "CHAR" if self._database.dialect in ("mysql", "mariadb") else "TEXT"
        match change.kind:
            case ChangeKind.ADDED:
                return (
                    f"ALTER TABLE {copy} ADD COLUMN {name} VARCHAR(8)",
                    f"UPDATE {copy} SET {name} = 'A1'",  # noqa: S608 - quoted
                )
            case ChangeKind.DROPPED:
                return (f"ALTER TABLE {copy} DROP COLUMN {field}",)
            case ChangeKind.RENAMED:
                return (f"ALTER TABLE {copy} RENAME COLUMN {field} TO {name}",)
            case ChangeKind.RETYPED:
                text = _is_text(told)
                new, value = ("INTEGER", f"LENGTH({field})") if text else ("VARCHAR(80)", f"CAST({field} AS {words})")
                # In place is spelled differently by every server; this is the same everywhere.
                return (
                    f"ALTER TABLE {copy} ADD COLUMN {name} {new}",
                    f"UPDATE {copy} SET {name} = {value}",  # noqa: S608 - quoted
                    f"ALTER TABLE {copy} DROP COLUMN {field}",
                    f"ALTER TABLE {copy} RENAME COLUMN {name} TO {field}",
                )
            case _:
                return ()

    def _q(self, name: str) -> str:
        return self._database.quoted(name)

    def _do(self, statement: str, **values: object) -> None:
        self._database.execute(statement, values, most=0)


def _is_text(told: str) -> bool:
    return any(word in told for word in _TEXTS)


class FilesScratch:
    """A folder beside the source's, with its newest files, whose records have the other schema."""

    def __init__(self, source: Path, copy: Path, form: FileFormat) -> None:
        self._source = source
        self._copy = copy
        self._form = form

    def make(self, change: SchemaChange) -> None:
        """Fresh files with another schema."""
        if self._copy.exists() and not self.left_over():
            raise Refused(
                f"a folder {self._copy.name} stands where the copy goes, and it is none of ours",
                remedy="Declare another name, or take that folder away.",
            )
        self.drop()
        try:
            self._copy.mkdir(parents=True)
            (self._copy / _MARK_FILE).touch()
            found = self._source.iterdir()
            files = [f for f in found if f.is_file() and f.name[0] != "." and kind_of(f.name, self._form)]
            made = 0
            for file in sorted(files, key=lambda f: f.stat().st_mtime_ns)[-_FILES:]:
                new = rewritten_file(file.read_bytes(), file.name, self._form, change)
                if new is not None:
                    hidden = self._copy / f".{file.name}.part"
                    hidden.write_bytes(new)
                    hidden.replace(self._copy / file.name)
                    made += 1
        except OSError as error:
            raise Unreachable(f"no copy could be made in {self._copy.name}: {error.strerror}") from None
        if not made:
            raise Malformed(
                f"no file in {self._source.name} has records with a field {change.field}",
                remedy="See which files the integration's format counts, and what their columns are called.",
            )

    def put(self, record: Row) -> None:
        """Raises Refused: what flows begin with is put into the source's own folder, in another form."""
        del record
        raise Refused(
            f"records are not put into the copy of {self._source.name}",
            remedy="Let the folder be of CSV or JSON, and declare no scratch: its files are written in the other form.",
        )

    def left_over(self) -> bool:
        """Whether the mark lies in it."""
        return (self._copy / _MARK_FILE).is_file()

    def drop(self) -> None:
        """The files and the folder."""
        if self.left_over():
            shutil.rmtree(self._copy, ignore_errors=True)
