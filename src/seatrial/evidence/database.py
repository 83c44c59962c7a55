"""The ledger's tables in SQLite or PostgreSQL: appended to, read in order, and nothing else.

Acknowledged means durable: SQLite commits through a synced rollback journal (one plain file, readable from read-only
media), PostgreSQL with `synchronous_commit`. Triggers refuse to change or delete; they stop mistakes, not the owner of
the database, whom verification finds out.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    NullPool,
    Row,
    Table,
    Text,
    cast,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from seatrial.core.errors import MissingExtra
from seatrial.evidence.entry import Checkpoint, Entry
from seatrial.evidence.failures import LedgerError, spoken

SCHEMA_VERSION = 1
_PAGE = 1000
_LOCK = 0x5EA_721A1
_TICK_S = 0.1
_ENGINES = 512
Mark = tuple[tuple[int, ...], ...]
"""The files of a database with their sizes and times."""
_METADATA = MetaData()
_FORMAT = Table("seatrial_format", _METADATA, Column("version", Integer, primary_key=True, autoincrement=False))
_ENTRIES = Table(
    "seatrial_entries",
    _METADATA,
    Column("system", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("previous", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Index("seatrial_entries_record", "system", "record", unique=True),
)
_SQLITE_TRIGGERS = (
    """CREATE TRIGGER seatrial_no_update BEFORE UPDATE ON seatrial_entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER seatrial_no_delete BEFORE DELETE ON seatrial_entries
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    # INSERT OR REPLACE deletes without asking the trigger above.
    """CREATE TRIGGER seatrial_no_replace BEFORE INSERT ON seatrial_entries WHEN EXISTS (
        SELECT 1 FROM seatrial_entries
        WHERE system = NEW.system AND (sequence = NEW.sequence OR record = NEW.record))
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
)
_POSTGRES_TRIGGERS = (
    """CREATE FUNCTION seatrial_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$""",
    """CREATE TRIGGER seatrial_no_change BEFORE UPDATE OR DELETE ON seatrial_entries
    FOR EACH ROW EXECUTE FUNCTION seatrial_append_only()""",
    """CREATE TRIGGER seatrial_no_truncate BEFORE TRUNCATE ON seatrial_entries
    FOR EACH STATEMENT EXECUTE FUNCTION seatrial_append_only()""",
)


class Database:
    """One open ledger database. Safe to share between threads; a forked process opens its own."""

    def __init__(self, engine: Engine, where: str, file: Path | None = None) -> None:
        self._engine = engine
        self._file = file
        self.where = where

    @staticmethod
    def open(url: str, *, create: bool, wait_s: float) -> Database:
        """Connect, creating file and tables where wanted. Raises LedgerError, MissingExtra."""
        parsed = _parse(url)
        where = _shown(parsed)
        sqlite = parsed.get_backend_name() == "sqlite"
        file = _file_of(parsed)
        if file is not None:
            where = str(file)
            _prepare(file, create=create)
        database = Database(_sqlite(parsed, wait_s) if sqlite else _postgres(parsed, wait_s), where, file)
        try:
            database._check(create=create)
        except LedgerError:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for one short read."""
        with spoken(self.where), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer of this database runs beside. Committed and durable when it ends."""
        with spoken(self.where), self._engine.connect() as connection:
            writer = connection.execution_options(seatrial_write=True)
            with writer.begin():
                if self._engine.dialect.name == "postgresql":
                    writer.exec_driver_sql("SET LOCAL synchronous_commit = on")
                    writer.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                yield writer

    def head(self, connection: Connection, system: str) -> Entry | None:
        """The newest entry of a system."""
        rows = connection.execute(
            self._select().where(_ENTRIES.c.system == system).order_by(_ENTRIES.c.sequence.desc()).limit(1)
        ).all()
        return _entry(rows[0]) if rows else None

    def find(self, connection: Connection, system: str, record: str) -> Entry | None:
        """The entry that holds the record of that digest."""
        rows = connection.execute(
            self._select().where(_ENTRIES.c.system == system, _ENTRIES.c.record == record).limit(1)
        ).all()
        return _entry(rows[0]) if rows else None

    def insert(self, connection: Connection, entry: Entry) -> None:
        """Add an entry."""
        connection.execute(
            insert(_ENTRIES),
            {
                "system": entry.system,
                "sequence": entry.sequence,
                "previous": entry.previous,
                "record": entry.record,
                "received_at": entry.received_at,
                "digest": entry.digest,
                "envelope": entry.envelope,
            },
        )

    def mark(self) -> Mark | None:
        """The state on disk: while it is the same, nothing was written. None where that cannot be told."""
        return None if self._file is None else _mark(self._file)

    def entries(self, system: str, since: int | None = None) -> Iterator[Entry]:
        """The entries of a system as they stand, in order of sequence, in short reads that keep no writer waiting.

        With `since`, only the entry at that place and those after it.
        """
        # Beside the place as it is read: the place as it stands, to go on behind it whatever was put there.
        columns = self._select().add_columns(_ENTRIES.c.sequence.label("place"))
        query = columns.where(_ENTRIES.c.system == system).order_by(_ENTRIES.c.sequence).limit(_PAGE)
        if since is not None:
            query = query.where(_ENTRIES.c.sequence >= since)
        last: object = None
        while True:
            with self.reading() as connection:
                page = query if last is None else query.where(_ENTRIES.c.sequence > last)
                rows = connection.execute(page).all()
            yield from map(_entry, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1].place

    def heads(self) -> dict[str, Checkpoint]:
        """The newest entry of every system, in one read that goes from system to system and not through all entries."""
        each = _ENTRIES.alias("each")
        first = select(func.min(each.c.system).label("system")).cte("named", recursive=True)
        after = select(func.min(each.c.system)).where(each.c.system > first.c.system).scalar_subquery()
        named = first.union_all(select(after).where(first.c.system.is_not(None)))
        newest = select(func.max(each.c.sequence)).where(each.c.system == named.c.system).scalar_subquery()
        query = self._select().join(named, (_ENTRIES.c.system == named.c.system) & (_ENTRIES.c.sequence == newest))
        with self.reading() as connection:
            found = map(_entry, connection.execute(query).all())
            return {e.system: Checkpoint(system=e.system, sequence=e.sequence, digest=e.digest) for e in found}

    def systems(self) -> tuple[str, ...]:
        """The systems that have entries."""
        with self.reading() as connection:
            return tuple(connection.scalars(select(_ENTRIES.c.system).distinct().order_by(_ENTRIES.c.system)))

    def _select(self) -> Any:
        if self._engine.dialect.name == "postgresql":
            return select(_ENTRIES)
        # SQLite keeps whatever was put into a column, and a tampered value must arrive as one that fails verification.
        return select(*(cast(column, column.type).label(column.name) for column in _ENTRIES.c))

    def _check(self, *, create: bool) -> None:
        with self.reading() as connection:
            tables = set(inspect(connection).get_table_names())
            if {_FORMAT.name, _ENTRIES.name} <= tables:
                versions = list(connection.scalars(select(_FORMAT.c.version)))
                if versions != [SCHEMA_VERSION]:
                    found = ", ".join(map(str, versions)) or "none"
                    raise LedgerError("other-version", self.where, detail=f"found {found}, expected {SCHEMA_VERSION}")
                return
        begun = tables & {_FORMAT.name, _ENTRIES.name}
        if begun or not create or (tables and self._engine.dialect.name == "sqlite"):
            raise LedgerError("not-a-ledger", self.where)
        self._create()
        self._check(create=False)

    def _create(self) -> None:
        with self.writing() as connection:
            if inspect(connection).has_table(_FORMAT.name):
                return
            _METADATA.create_all(connection)
            triggers = _POSTGRES_TRIGGERS if self._engine.dialect.name == "postgresql" else _SQLITE_TRIGGERS
            for statement in triggers:
                connection.exec_driver_sql(statement)
            connection.execute(insert(_FORMAT), {"version": SCHEMA_VERSION})


def mark_of(url: str) -> Mark | None:
    """The same as `Database.mark`, without opening it. Raises LedgerError for what is no database URL."""
    file = _file_at(url)
    return None if file is None else _mark(file)


@lru_cache(maxsize=_ENGINES)
def _file_at(url: str) -> Path | None:
    return _file_of(_parse(url))


def _mark(file: Path) -> Mark | None:
    """None for a file that is gone, or was written just now: a second write in the same tick leaves the same times."""
    found = []
    # SQLite keeps its journals beside the file itself, whatever link led there.
    there, lately = os.path.realpath(file), time.time() - _TICK_S
    for each in (there, f"{there}-wal", f"{there}-journal"):
        try:
            state = os.stat(each)  # noqa: PTH116 - for each system of a list
        except FileNotFoundError:
            continue
        except OSError:
            return None
        if state.st_mtime > lately:
            return None
        found.append((state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    return tuple(found) or None


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        system=str(row.system),
        sequence=int(row.sequence or 0),
        previous=str(row.previous),
        record=str(row.record),
        received_at=str(row.received_at),
        digest=str(row.digest),
        envelope=bytes(row.envelope or b""),
    )


def _file_of(parsed: URL) -> Path | None:
    plain = parsed.get_backend_name() == "sqlite" and "uri" not in parsed.query
    return Path(parsed.database or "") if plain else None


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError:
        raise LedgerError("unreachable", "(not a database URL)") from None
    if backend not in {"sqlite", "postgresql"}:
        raise LedgerError(
            "unreachable", parsed.render_as_string(hide_password=True), detail="neither SQLite nor PostgreSQL"
        )
    if backend == "sqlite" and not parsed.database:
        raise LedgerError("unreachable", "(memory)", detail="a ledger in memory would not last")
    return parsed.set(drivername="postgresql+psycopg") if backend == "postgresql" else parsed


def _shown(url: URL) -> str:
    """The URL without account and options, where secrets travel."""
    return url.set(drivername=url.get_backend_name(), username=None, password=None, query={}).render_as_string()


def _prepare(file: Path, *, create: bool) -> None:
    if file.is_dir():
        raise LedgerError("not-a-ledger", str(file))
    if not create and not file.exists():
        raise LedgerError("absent", str(file))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError("read-only", str(file), detail=error.strerror or "") from None


@lru_cache(maxsize=_ENGINES)
def _sqlite(url: URL, wait_s: float) -> Engine:
    """An engine that holds nothing but the statements that it has spelled, so that all who open that file share it."""
    # A connection of its own for each use: shared between no threads, carried over no fork.
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": wait_s})

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA trusted_schema = OFF")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("seatrial_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres(url: URL, wait_s: float) -> Engine:
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            # A writer that waited for its turn must see what the one before it wrote, whatever the server's default.
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": max(1, int(min(wait_s, 10)))},
        )
    except ModuleNotFoundError:
        raise MissingExtra(
            "PostgreSQL needs a driver that is not installed", remedy="install `seatrial[postgres]`"
        ) from None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(wait_s * 1000)}")

    return engine
