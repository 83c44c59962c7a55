"""A declared SQL database, opened for one statement at a time: bounded in time, read-only unless told otherwise."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from seatrial.adapters.redaction import Redactor, secrets_in_url
from seatrial.core.errors import Malformed, MissingExtra, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Row

if TYPE_CHECKING:
    from sqlalchemy import URL, ColumnElement, Engine, Select, TextClause
    from sqlalchemy.engine import Connection, Dialect

_EXTRAS: Final = {"postgresql": "postgres"}
_DRIVERS: Final = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_SQLITE_STEPS: Final = 10_000
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")


def comparable(url: str) -> str:
    """A database URL in one spelling, to compare it with a declared one."""
    scheme, mark, rest = url.strip().partition("://")
    return f"{_DRIVERS.get(scheme, scheme)}{mark}{rest}"


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

    @classmethod
    def of(cls, entry: Any) -> Self:
        """From an entry of DB-API's `cursor.description`."""
        code = entry[1]
        return cls(str(entry[0]), code if isinstance(code, int) else None, entry[4], entry[5])


class Database:
    """Statements on one database. Raises Unreachable, Malformed, Refused and MissingExtra; messages are redacted.

    Not `writable`, it is opened read-only: a statement that writes fails in the database itself. `timeout_s` bounds the
    connection and, on PostgreSQL and SQLite, each statement.
    """

    def __init__(self, url: str, *, base_dir: Path, redact: Redactor, writable: bool, timeout_s: float) -> None:
        self._redactors = (redact, Redactor(secrets_in_url(url)))
        self._writable = writable
        self._timeout_s = timeout_s
        self._url = _url(comparable(url), base_dir)
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    @property
    def dialect(self) -> str:
        """The database's kind, such as `sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    def execute(
        self, statement: str, values: Mapping[str, object] | None = None, *, most: int, last: bool = False
    ) -> tuple[tuple[Row, ...] | None, int]:
        """The first (or the `last`) `most` rows, None for a statement without rows, and how many rows there were."""
        from sqlalchemy import bindparam, text

        with self._connected() as connection:
            clause: TextClause = text(statement)
            for name, value in (values or {}).items():
                if isinstance(value, Sequence) and not isinstance(value, str):
                    clause = clause.bindparams(bindparam(name, expanding=True))
            result = connection.execute(clause, dict(values or {}))
            if not result.returns_rows:
                return None, result.rowcount
            names = list(result.keys())
            if len(set(names)) != len(names):
                raise Malformed("the query gives two columns of the same name", remedy="Name every column once.")
            kept: deque[Row] = deque(maxlen=most if last else None)
            count = 0
            for record in result:
                count += 1
                if last or count <= most:
                    kept.append({name: plain(value) for name, value in zip(names, record, strict=True)})
                else:
                    break
            return tuple(kept), count

    def stream(self, query: str, *, rows: int) -> tuple[tuple[Described, ...], Generator[list[Any], None, None]]:
        """The columns of a query, and its rows in lists of at most `rows`, fetched from the server as they are needed.

        Close the generator when it is not read to its end.
        """
        chunks = self._chunks(query, rows)
        return cast("tuple[Described, ...]", next(chunks)), chunks

    def _chunks(self, query: str, rows: int) -> Generator[Any, None, None]:
        from sqlalchemy import text

        with self._connected() as connection:
            streaming = connection.execution_options(stream_results=True, max_row_buffer=rows)
            result = streaming.execute(text(query.replace(":", r"\:")))
            if not result.returns_rows:
                raise Malformed("the declared query gives no rows at all", remedy="Write a SELECT.")
            with closing(result):
                yield tuple(Described.of(entry) for entry in result.cursor.description)
                yield from (list(chunk) for chunk in result.partitions(rows))

    def insert(self, table: str, record: Row) -> None:
        """One record into a table; nested values as JSON text."""
        import sqlalchemy

        schema, _, name = table.strip().rpartition(".")
        target = sqlalchemy.table(name, *map(sqlalchemy.column, record), schema=schema or None)
        with self._connected() as connection:
            connection.execute(sqlalchemy.insert(target).values(dict(record)))

    def matching(self, table: str, key: str, values: Sequence[str]) -> tuple[Row, ...]:
        """The records of a table whose column `key`, as text, is one of `values`."""
        import sqlalchemy

        schema, _, name = table.strip().rpartition(".")
        column: ColumnElement[Any] = sqlalchemy.column(key)
        chosen: Select[Any] = (
            sqlalchemy.select(sqlalchemy.literal_column("*"))
            .select_from(sqlalchemy.table(name, schema=schema or None))
            .where(sqlalchemy.cast(column, sqlalchemy.String).in_(list(values)))
        )
        with self._connected() as connection:
            result = connection.execute(chosen)
            names = list(result.keys())
            return tuple({n: plain(v) for n, v in zip(names, record, strict=True)} for record in result)

    def server_version(self) -> str:
        """What the server reports of itself."""
        with self._connected() as connection:
            found = connection.dialect.server_version_info
        if not found:
            raise Malformed("the database reports no version")
        return f"{self.dialect} {'.'.join(map(str, found))}"

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        from sqlalchemy import exc

        try:
            with self._opened().connect() as connection:
                if self.dialect == "sqlite":
                    self._bound_sqlite(connection)
                with connection.begin():
                    yield connection
        except (exc.InterfaceError, exc.OperationalError) as error:
            said = self._said(error)
            if "readonly" in said or "read-only" in said:
                raise Refused(f"the database is opened read-only: {said}") from None
            raise Unreachable(
                f"the database did not do it: {said}",
                remedy="See whether it runs, and its own log.",
                permanent=False,
            ) from None
        except exc.SQLAlchemyError as error:
            said = self._said(error)
            if "read-only" in said:
                raise Refused(f"the database is opened read-only: {said}") from None
            raise Malformed(f"the database refused: {said}", remedy="Correct the declared statement.") from None
        except (ValueError, TypeError, OverflowError) as error:
            raise Malformed(f"a value does not fit the database: {self._said(error)}") from None

    def _said(self, error: Exception) -> str:
        told = " ".join(str(getattr(error, "orig", None) or error).split())
        for redact in self._redactors:
            told = redact(told)
        return told[:300]

    def _opened(self) -> Engine:
        if self._engine is None:
            from sqlalchemy import create_engine
            from sqlalchemy.pool import NullPool

            try:
                self._engine = create_engine(self._url, poolclass=NullPool, connect_args=self._arguments())
            except ModuleNotFoundError as error:
                extra = _EXTRAS.get(self.dialect)
                raise MissingExtra(
                    f"the driver {error.name} for {self.dialect} is not installed",
                    remedy=f"pip install 'seatrial[{extra}]'" if extra else f"pip install {error.name}",
                ) from None
        return self._engine

    def _arguments(self) -> dict[str, Any]:
        if self.dialect == "postgresql":
            options = f"-c statement_timeout={max(1, int(self._timeout_s * 1000))}"
            if not self._writable:
                options += " -c default_transaction_read_only=on"
            return {"connect_timeout": max(1, math.ceil(self._timeout_s)), "options": options}
        return {"timeout": self._timeout_s} if self.dialect == "sqlite" else {}

    def _bound_sqlite(self, connection: Connection) -> None:
        deadline = time.monotonic() + self._timeout_s
        driver: Any = connection.connection.driver_connection
        if driver is not None:
            driver.set_progress_handler(lambda: time.monotonic() > deadline, _SQLITE_STEPS)
            if not self._writable:
                driver.execute("PRAGMA query_only = ON")


def _url(url: str, base_dir: Path) -> URL:
    from sqlalchemy import exc, make_url

    try:
        made = make_url(url)
        dialect: type[Dialect] = made.get_dialect()
    except (exc.ArgumentError, exc.NoSuchModuleError, ValueError):
        scheme = url.partition("://")[0][:30]
        raise Malformed(
            f"a database URL of the kind {scheme!r} is not understood",
            remedy="Write it as sqlite:///file.db or postgresql://user:password@host/database.",
        ) from None
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"the driver {error.name} is not installed", remedy="pip install 'seatrial[postgres]'"
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


def plain(value: object) -> Json:
    """A database value as JSON has it: decimals as numbers, times as ISO 8601, bytes as hex."""
    match value:
        case None | bool() | int() | float() | str():
            simple: Json = value
        case Decimal() if value.is_finite():
            simple = int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date() | time_of_day():
            simple = value.isoformat()
        case timedelta():
            simple = value.total_seconds()
        case bytes() | bytearray() | memoryview():
            simple = bytes(value).hex()
        case Mapping():
            simple = {str(key): plain(inner) for key, inner in value.items()}
        case Sequence():
            simple = [plain(inner) for inner in value]
        case _:
            simple = str(value)
    return simple
