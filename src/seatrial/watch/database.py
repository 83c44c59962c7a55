"""The database of a watch, SQLite or PostgreSQL: what was written is durable, and there is one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from seatrial.core.errors import MissingExtra, SeatrialError, Unreachable
from seatrial.watch.tables import META
from seatrial.watch.turn import Turnstile

_LOCK = 0x5EA_7A7C
_WAIT_S = 30.0
_WRITE = {"seatrial_write": True}


class StoreError(SeatrialError):
    """The watch's store cannot be read or written."""


class Database:
    """One open database. Threads may share it; a forked process opens its own."""

    def __init__(self, engine: Engine, where: str, turnstile: Turnstile | None = None) -> None:
        self._engine = engine
        self._turnstile = turnstile
        self.where = where
        self.postgresql = engine.dialect.name == "postgresql"

    @staticmethod
    def open(url: str) -> Database:
        """Connect, creating the file and the tables where there are none. Raises Unreachable, StoreError."""
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise StoreError("the address of the watch's store is no database URL") from None
        sqlite = parsed.get_backend_name() == "sqlite"
        if sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        where = parsed.database or "" if sqlite else parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        try:
            engine = create_engine(
                parsed, connect_args={"timeout": _WAIT_S} if sqlite else {}, pool_pre_ping=not sqlite
            )
        except ModuleNotFoundError:
            raise MissingExtra(
                "this database needs a driver that is not installed", remedy="install `seatrial[postgres]`"
            ) from None
        if sqlite:
            event.listen(engine, "connect", _durable)
            event.listen(engine, "begin", _begin)
        # What lies in memory has no other writer, and in PostgreSQL locks are granted in the order of asking.
        turnstile = (
            Turnstile(Path(where), wait_s=_WAIT_S) if sqlite and parsed.database not in (None, "", ":memory:") else None
        )
        database = Database(engine, where, turnstile)
        try:
            database._create()
        except SeatrialError:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with. Raises Unreachable."""
        with self._spoken(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The only writer until it is left; durable then. Raises Unreachable."""
        with self._spoken(), self._engine.connect() as connection:
            with self._turn():
                writing = connection.execution_options(**_WRITE).begin()
            with writing:
                self._alone(connection)
                yield connection

    def _create(self) -> None:
        """The tables and indexes that are missing. Several that open one store at the same time do so one by one."""
        with self._spoken(), self._turn(), self._engine.connect() as connection:
            if _complete(connection):
                return
            connection.rollback()
            with connection.execution_options(**_WRITE).begin():
                self._alone(connection)
                META.create_all(connection)
                for table in META.tables.values():
                    for index in table.indexes:
                        # In a store of before the index came, its table is there already.
                        index.create(connection, checkfirst=True)

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._turnstile is None else self._turnstile.passing()

    def _alone(self, connection: Connection) -> None:
        """One writer at a time, so that what is read behind a cursor is never joined by something earlier."""
        if self.postgresql:
            connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", error)).splitlines()[0]
            raise Unreachable(
                f"the watch's store {self.where} cannot be used: {cause}",
                remedy="See whether the database is up, may be written to, and has room; senders keep what was not "
                "acknowledged.",
            ) from None


def _complete(connection: Connection) -> bool:
    there = inspect(connection)
    if not META.tables.keys() <= set(there.get_table_names()):
        return False
    return all(
        {index.name for index in table.indexes} <= {index["name"] for index in there.get_indexes(table.name)}
        for table in META.tables.values()
    )


def _durable(connection: Any, _: object) -> None:
    connection.isolation_level = None
    for setting in ("journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {setting}")


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("seatrial_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
