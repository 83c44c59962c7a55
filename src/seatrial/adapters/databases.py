"""A declared SQL database, opened for one statement at a time: bounded in time, read-only unless told otherwise."""

from __future__ import annotations

import hashlib
import re
import time
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from seatrial.adapters.database_values import instant_of, of_mysql, plain
from seatrial.adapters.dialects import EXTRAS, arguments, comparable, mysql_session, mysql_type, refusal
from seatrial.adapters.redaction import Redactor, secrets_in_url
from seatrial.core.errors import Malformed, MissingExtra, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Part, Row

if TYPE_CHECKING:
    from sqlalchemy import URL, ColumnClause, ColumnElement, CursorResult, Engine, Select, TextClause
    from sqlalchemy.engine import Connection, Dialect

MOST_READ: Final = 1_000_000
"""Rows that are passed through in search of the newest ones."""
_CHUNK: Final = 5_000
_MYSQL: Final = ("mysql", "mariadb")
_WRITERS: Final = 8
"""Connections that stay open for writing."""
_SQLITE_STEPS: Final = 10_000
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")


def is_table(text: str) -> bool:
    """Whether this is a table's name, not a statement."""
    return _NAME.fullmatch(text.strip()) is not None


@dataclass(frozen=True, slots=True)
class Described:
    """A column of a result as the driver describes it; `precision` and `scale` only where the server declares them."""

    name: str
    type_code: int | None
    precision: int | None
    scale: int | None
    type_name: str = ""
    """The server's own name of the type, where the driver tells it."""

    @classmethod
    def of(cls, entry: Any, dialect: str = "") -> Self:
        """From an entry of DB-API's `cursor.description`."""
        code = entry[1]
        shown = str(getattr(entry, "type_display", "")).lower().replace(", ", ",")
        if dialect in _MYSQL:
            shown = mysql_type(code, entry[5])
        return cls(str(entry[0]), code if isinstance(code, int) else None, entry[4], entry[5], shown)


class Database:
    """Statements on one database. Raises Unreachable, Malformed, Refused and MissingExtra; messages are redacted.

    Not `writable`, it is opened read-only: a statement that writes fails in the database itself. `timeout_s` bounds the
    connection and, on PostgreSQL, MariaDB, MySQL and SQLite, each statement. Other databases are reached through
    SQLAlchemy's own dialects, which neither bound a statement nor keep it from writing.
    """

    def __init__(self, url: str, *, base_dir: Path, redact: Redactor, writable: bool, timeout_s: float) -> None:
        self._redactors = (redact, Redactor(secrets_in_url(url)))
        self._writable = writable
        self._timeout_s = timeout_s
        self._url = _url(comparable(url), base_dir)
        self._engine: Engine | None = None
        self._kept: Engine | None = None
        self._opening = Lock()
        self._instants: dict[str, frozenset[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        for engine in (self._engine, self._kept):
            if engine is not None:
                engine.dispose()
        self._engine = self._kept = None

    @property
    def dialect(self) -> str:
        """The database's kind, such as `sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    def execute(
        self, statement: str, values: Mapping[str, object] | None = None, *, most: int, query: bool = False
    ) -> tuple[tuple[Row, ...] | None, int]:
        """The first `most` rows, None for a statement without rows, and how many rows there were (at most one more).

        Of a `query` no more than these leave the server.
        """
        from sqlalchemy import bindparam, text

        with self._connected(keep=not query and most == 0) as connection:
            if query and self.dialect in _MYSQL:
                self._tell_mysql(connection, (f"SET SESSION sql_select_limit = {most + 1}",))
            if query:
                connection = connection.execution_options(stream_results=True, max_row_buffer=_CHUNK)  # noqa: PLW2901
            clause: TextClause = text(statement)
            for name, value in (values or {}).items():
                if isinstance(value, Sequence) and not isinstance(value, str):
                    clause = clause.bindparams(bindparam(name, expanding=True))
            result = connection.execute(clause, dict(values or {}))
            if not result.returns_rows:
                return None, result.rowcount
            found = list(islice(self._rows(result), most + 1))
            result.close()
            return tuple(found[:most]), len(found)

    def newest(self, query: str, *, most: int) -> tuple[Row, ...]:
        """The last `most` rows of a query, or of a table that is named, in its order; no more than these are held.

        Raises Malformed for more than `MOST_READ` rows: to search them all would be a load of its own.
        """
        kept: deque[list[Any]] = deque(maxlen=max(most, 0))
        described, chunks = self.stream(query, rows=_CHUNK, limit=MOST_READ + 1)
        deadline = time.monotonic() + self._timeout_s
        seen = 0
        try:
            for chunk in chunks:
                seen += len(chunk)
                kept.extend(chunk)
                if seen > MOST_READ:
                    raise Malformed(
                        f"what is declared to read gives more than {MOST_READ:,} rows",
                        remedy="Let it ask for the newest ones only, oldest of them first, such as: SELECT * FROM "
                        "(SELECT * FROM orders ORDER BY id DESC LIMIT 1000) AS newest ORDER BY id.",
                    )
                if time.monotonic() > deadline:
                    raise Unreachable(
                        f"the database gave {seen:,} rows in {self._timeout_s:g} s and was not at the end",
                        remedy="Let the query ask for the newest rows only.",
                        permanent=False,
                    )
        finally:
            chunks.close()
        names = _names(described)
        return tuple({name: plain(value) for name, value in zip(names, row, strict=True)} for row in kept)

    def parts(self, query: str, mark: Json, *, most: int) -> Iterator[Part]:
        """The rows of a query or table behind `mark`, in its order: how many rows there were, and the last of them.

        Where that row no longer stands at its place, rows went or came before it, and all are given again.
        """
        before = mark if isinstance(mark, Mapping) else {}
        place, last = int(str(before.get("rows", 0))), before.get("last")
        try:
            yield from self._behind(query, place, last, most)
        except _Moved:
            yield from self._behind(query, 0, None, most)

    def _behind(self, query: str, place: int, last: Json, most: int) -> Iterator[Part]:
        described, chunks = self.stream(query, rows=min(most, _CHUNK))
        names = _names(described)
        seen = 0
        try:
            for chunk in chunks:
                if seen < place <= seen + len(chunk) and _digest(chunk[place - seen - 1]) != last:
                    raise _Moved
                new = chunk[max(0, place - seen) :]
                seen += len(chunk)
                if new:
                    rows = [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in new]
                    yield rows, {"rows": seen, "last": _digest(new[-1])}
        finally:
            chunks.close()
        if seen < place:
            raise _Moved

    def described(self, query: str) -> tuple[Described, ...]:
        """The columns of a query, without its rows."""
        described, chunks = self.stream(query, rows=1, limit=1)
        chunks.close()
        return described

    def stream(
        self, query: str, *, rows: int, limit: int | None = None
    ) -> tuple[tuple[Described, ...], Generator[list[Any], None, None]]:
        """The columns of a query, and its rows in lists of at most `rows`, fetched from the server as they are needed.

        Close the generator when it is not read to its end. More than `limit` rows are not asked for where the database
        can be told so.
        """
        chunks = self._chunks(query, rows, limit)
        return cast("tuple[Described, ...]", next(chunks)), chunks

    def _chunks(self, query: str, rows: int, limit: int | None) -> Generator[Any, None, None]:
        import sqlalchemy

        named = is_table(query)
        chosen: Any = (
            self._everything(query) if named else sqlalchemy.text(query.strip().rstrip(";").replace(":", r"\:"))
        )
        if named and limit is not None:
            chosen = chosen.limit(limit)
        with self._connected() as connection:
            if limit is not None and self.dialect in _MYSQL:
                self._tell_mysql(connection, (f"SET SESSION sql_select_limit = {limit}",))
            streaming = connection.execution_options(stream_results=True, max_row_buffer=rows)
            result = streaming.execute(chosen)
            if not result.returns_rows:
                raise Malformed("the declared query gives no rows at all", remedy="Write a SELECT.")
            try:
                yield tuple(Described.of(entry, self.dialect) for entry in result.cursor.description)
                readers = self._readers(result)
                for chunk in result.partitions(rows):
                    yield [_read(readers, row) for row in chunk] if readers else list(chunk)
            except GeneratorExit:
                self._abandon(connection, result)
                raise
            finally:
                result.close()

    def _abandon(self, connection: Connection, result: CursorResult[Any]) -> None:
        """Stop a query that MySQL still answers: its driver would fetch all the rest before it closes."""
        if self.dialect not in _MYSQL:
            return
        import pymysql
        from sqlalchemy import exc

        driver: Any = connection.connection.driver_connection
        with suppress(exc.DBAPIError), self._opened().connect() as other:
            other.exec_driver_sql(f"KILL QUERY {int(driver.thread_id())}")
        with suppress(pymysql.Error):
            while result.cursor is not None and result.cursor.fetchmany(_CHUNK):
                pass

    def _everything(self, table: str) -> Select[Any]:
        import sqlalchemy

        schema, _, name = table.strip().rpartition(".")
        return sqlalchemy.select(sqlalchemy.literal_column("*")).select_from(
            sqlalchemy.table(name, schema=schema or None)
        )

    def _readers(self, result: CursorResult[Any]) -> Sequence[Callable[[Any], Any] | None]:
        if self.dialect not in _MYSQL:
            return ()
        readers = [of_mysql(Described.of(entry).type_code) for entry in result.cursor.description]
        return readers if any(readers) else ()

    def _rows(self, result: CursorResult[Any]) -> Iterator[Row]:
        names = _names(tuple(Described.of(entry) for entry in result.cursor.description))
        readers = self._readers(result)
        for record in result:
            row = _read(readers, record) if readers else record
            yield {name: plain(value) for name, value in zip(names, row, strict=True)}

    def alive(self) -> None:
        """Raises Unreachable unless it answers the smallest query that its dialect has."""
        import sqlalchemy

        with self._connected() as connection:
            connection.execute(sqlalchemy.select(sqlalchemy.literal(1))).fetchall()

    def insert(self, table: str, record: Row) -> None:
        """One record into a table; nested values as JSON text."""
        import sqlalchemy

        schema, _, name = table.strip().rpartition(".")
        target = sqlalchemy.table(name, *map(sqlalchemy.column, record), schema=schema or None)
        values = {field: self._spelled(table, field, value) for field, value in record.items()}
        with self._connected(keep=True) as connection:
            connection.execute(sqlalchemy.insert(target).values(values))

    def _spelled(self, table: str, field: str, value: Json) -> object:
        """The value as the server takes it: MariaDB has no literal of a time with its zone, and our sessions are UTC.

        Only for a column that is an instant. One without a zone (DATETIME) would lose it, and is left to refuse it.
        """
        instant = instant_of(value) if self.dialect in _MYSQL else None
        if instant is None:
            return value
        if table not in self._instants:
            types = self.columns(table)
            self._instants[table] = frozenset(name for name, kind in types.items() if kind.startswith("timestamp"))
        return f"{instant:%Y-%m-%d %H:%M:%S.%f}" if field in self._instants[table] else value

    def delete(self, table: str, key: str, values: Sequence[str]) -> None:
        """Delete the records of a table whose column `key`, as text, is exactly one of `values`."""
        import sqlalchemy

        schema, _, name = table.strip().rpartition(".")
        column: ColumnClause[Any] = sqlalchemy.column(key)
        target = sqlalchemy.table(name, column, schema=schema or None)
        chosen = sqlalchemy.cast(column, sqlalchemy.String(255)).in_(list(values))
        with self._connected() as connection:
            connection.execute(sqlalchemy.delete(target).where(chosen))

    def matching(self, table: str, key: str, values: Sequence[str], *, most: int) -> tuple[Row, ...]:
        """The records of a table whose column `key`, as text, is one of `values`. Raises Malformed for over `most`.

        A database that compares without regard to case gives more than were asked for; whoever asks compares again.
        """
        import sqlalchemy

        column: ColumnElement[Any] = sqlalchemy.column(key)
        chosen = (
            self._everything(table)
            .where(sqlalchemy.cast(column, sqlalchemy.String(255)).in_(list(values)))
            .limit(most + 1)
        )
        with self._connected() as connection:
            found = tuple(self._rows(connection.execute(chosen)))
        if len(found) > most:
            raise Malformed(f"more than {most:,} records have the keys that were asked for in {table}")
        return found

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a table in their order, with their types as the database names them.

        `null` stands behind a type whose column may be empty.
        """
        import sqlalchemy

        schema, _, name = table.strip().rpartition(".")
        with self._connected() as connection:
            found = sqlalchemy.inspect(connection).get_columns(name, schema=schema or None)
            return {
                column["name"]: " ".join(str(column["type"].compile(connection.dialect)).lower().split()).replace(
                    ", ", ","
                )
                + ("|null" if column.get("nullable", True) else "")
                for column in found
            }

    def exists(self, table: str) -> bool:
        """Whether there is a table or a view of that name."""
        import sqlalchemy

        schema, _, name = table.strip().rpartition(".")
        with self._connected() as connection:
            inspector = sqlalchemy.inspect(connection)
            return bool(
                inspector.has_table(name, schema=schema or None)
                or name in inspector.get_view_names(schema=schema or None)
            )

    def quoted(self, name: str) -> str:
        """A name as this database wants it in a statement; each part of `schema.table` for itself."""
        quote = self._url.get_dialect()().identifier_preparer.quote_identifier
        return ".".join(quote(part) for part in name.strip().split("."))

    def server_version(self) -> str:
        """What the server reports of itself."""
        with self._connected() as connection:
            found = connection.dialect.server_version_info
            name = "mariadb" if getattr(connection.dialect, "is_mariadb", False) else self.dialect
        if not found:
            raise Malformed("the database reports no version")
        return f"{name} {'.'.join(map(str, found))}"

    @contextmanager
    def _connected(self, *, keep: bool = False) -> Iterator[Connection]:
        """`keep`: over a connection that stays open for the next write, since opening one takes longer than writing."""
        from sqlalchemy import exc

        try:
            with self._opened(keep=keep).connect() as connection:
                self._bound(connection)
                with connection.begin():
                    yield connection
        except exc.SQLAlchemyError as error:
            down = isinstance(error, exc.InterfaceError | exc.OperationalError)
            raise refusal(getattr(error, "orig", None), self._said(error), down=down) from None
        except (ValueError, TypeError, OverflowError) as error:
            raise Malformed(f"a value does not fit the database: {self._said(error)}") from None

    def _said(self, error: Exception) -> str:
        told = " ".join(str(getattr(error, "orig", None) or error).split())
        for redact in self._redactors:
            told = redact(told)
        return told[:300]

    def _opened(self, *, keep: bool = False) -> Engine:
        from sqlalchemy.pool import NullPool

        with self._opening:
            # What a read sets for its session must not meet a write, and SQLite's file is not held.
            if not keep or self.dialect == "sqlite":
                self._engine = self._engine or self._made(poolclass=NullPool)
                return self._engine
            if self._kept is None:
                self._kept = self._made(pool_size=_WRITERS, max_overflow=0, pool_pre_ping=True)
                weakref.finalize(self, self._kept.dispose)
            return self._kept

    def _made(self, **pool: Any) -> Engine:
        from sqlalchemy import create_engine

        told = arguments(self.dialect, timeout_s=self._timeout_s, writable=self._writable)
        try:
            return create_engine(self._url, connect_args=told, **pool)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get(self.dialect)
            raise MissingExtra(
                f"the driver {error.name} for {self.dialect} is not installed",
                remedy=f"pip install 'seatrial[{extra}]'" if extra else f"pip install {error.name}",
            ) from None

    def _bound(self, connection: Connection) -> None:
        if self.dialect == "sqlite":
            self._bound_sqlite(connection)
        elif self.dialect in _MYSQL:
            mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
            told = mysql_session(mariadb=mariadb, timeout_s=self._timeout_s, writable=self._writable)
            self._tell_mysql(connection, told)

    def _tell_mysql(self, connection: Connection, statements: Sequence[str]) -> None:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _bound_sqlite(self, connection: Connection) -> None:
        deadline = time.monotonic() + self._timeout_s
        driver: Any = connection.connection.driver_connection
        if driver is not None:
            driver.set_progress_handler(lambda: time.monotonic() > deadline, _SQLITE_STEPS)
            if not self._writable:
                driver.execute("PRAGMA query_only = ON")


class _Moved(Exception):
    """The row that was last does not stand where it stood."""


def _digest(row: Sequence[Any]) -> str:
    return hashlib.blake2b(repr([plain(value) for value in row]).encode(), digest_size=16).hexdigest()


def _names(described: Sequence[Described]) -> tuple[str, ...]:
    names = tuple(each.name for each in described)
    if len(set(names)) != len(names):
        raise Malformed("the query gives two columns of the same name", remedy="Name every column once.")
    return names


def _read(readers: Sequence[Callable[[Any], Any] | None], row: Sequence[Any]) -> list[Any]:
    return [value if reader is None else reader(value) for reader, value in zip(readers, row, strict=True)]


def _url(url: str, base_dir: Path) -> URL:
    from sqlalchemy import exc, make_url

    try:
        made = make_url(url)
        dialect: type[Dialect] = made.get_dialect()
    except (exc.ArgumentError, exc.NoSuchModuleError, ValueError):
        scheme = url.partition("://")[0][:30]
        raise Malformed(
            f"a database URL of the kind {scheme!r} is not understood",
            remedy="Write it as sqlite:///file.db, postgresql://… or mariadb://user:password@host/database.",
        ) from None
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(url.partition("://")[0].partition("+")[0])
        raise MissingExtra(
            f"the driver {error.name} is not installed",
            remedy=f"pip install 'seatrial[{extra}]'" if extra else f"pip install {error.name}",
        ) from None
    if dialect.name != "sqlite":
        return made
    if made.database in (None, "", ":memory:"):
        raise Malformed("a database in memory holds nothing to read", remedy="Name a file: sqlite:///file.db.")
    file = base_dir / str(made.database)
    if not file.is_file():
        # SQLite would create an empty one, and an empty answer would look like an answer.
        raise Unreachable(f"there is no database file {made.database}", remedy="Correct the path in the system file.")
    return made.set(database=str(file))
