"""The rows of a query, streamed from the server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from seatrial.adapters.databases import Database, Described
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.tables.files import BATCH_ROWS, filled, known, unique
from seatrial.core.errors import Malformed

_TIMEOUT_S: Final = 600.0
_POSTGRESQL: Final = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1083: pa.time64("us"),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
_NUMERIC: Final = 1700
_MYSQL: Final = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), pa.int64()),
    4: pa.float32(),
    5: pa.float64(),
    7: pa.timestamp("us", tz="UTC"),
    10: pa.date32(),
    12: pa.timestamp("us"),
}
_MYSQL_DECIMALS: Final = (0, 246)
_MOST_DIGITS: Final = 38
_ROWS: Final = 8192


class SqlTable:
    """Rows of one query, read-only, at most 8,192 of them in memory.

    On PostgreSQL, MariaDB and MySQL types are the server's: `numeric(p, s)` is a decimal, `numeric` without digits a
    float; a TIMESTAMP has its zone, and a date of zeros fits no date. SQLite knows types of values only, so every value
    is asked for its own first. Raises Malformed where one column mixes text with
    numbers. The order of the rows has no part in the digest.
    """

    def __init__(self, url: str, query: str, *, base_dir: Path, redact: Redactor) -> None:
        self._database = Database(url, base_dir=base_dir, redact=redact, writable=False, timeout_s=_TIMEOUT_S)
        self._query = query.strip().rstrip(";")
        self._types: dict[str, pa.DataType] | None = None

    def columns(self) -> tuple[str, ...]:
        """The query's column names. Raises Malformed on duplicates."""
        return tuple(self._agreed())

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Record batches of at most 8,192 rows."""
        types = self._agreed()
        chosen = known(columns, list(types), "the query")
        yield from filled(self._read(types, chosen), "the query")

    def digest(self) -> str:
        """SHA-256 over the query, the schema, and the sum of the rows' own digests."""
        types = self._agreed()
        total, rows = 0, 0
        for batch in self._read(types, list(types)):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                spelled = json.dumps([None if v is None else str(v) for v in row]).encode()
                total += int.from_bytes(hashlib.sha256(spelled).digest(), "big")
                rows += 1
        schema = [[name, str(kind)] for name, kind in types.items()]
        content = [" ".join(self._query.split()), schema, rows, f"{total % (1 << 256):064x}"]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def _agreed(self) -> dict[str, pa.DataType]:
        if self._types is None:
            described = self._database.described(self._query)
            names = unique([d.name for d in described], "the query")
            if self._database.dialect == "sqlite":
                self._types = self._asked(names)
            elif self._database.dialect == "postgresql":
                self._types = {d.name: _declared(d) for d in described}
            elif self._database.dialect in {"mysql", "mariadb"}:
                self._types = {d.name: _of_mysql(d) for d in described}
            else:
                self._types = self._inferred(names)
        return self._types

    def _asked(self, names: Sequence[str]) -> dict[str, pa.DataType]:
        quoted = ['"' + name.replace('"', '""') + '"' for name in names]
        kinds = ", ".join(f"group_concat(DISTINCT typeof({name}))" for name in quoted)
        _, chunks = self._database.stream(f"SELECT {kinds} FROM ({self._query})", rows=1)  # noqa: S608 - the declared query
        with closing(chunks):
            found = next(chunks)[0]
        return {name: _stored(name, set(str(kinds or "").split(","))) for name, kinds in zip(names, found, strict=True)}

    def _inferred(self, names: Sequence[str]) -> dict[str, pa.DataType]:
        _, chunks = self._database.stream(self._query, rows=BATCH_ROWS, limit=BATCH_ROWS)
        with closing(chunks):
            first = next(chunks, [])
        columns = list(zip(*first, strict=True)) or [()] * len(names)
        return {name: _of_values(values) for name, values in zip(names, columns, strict=True)}

    def _read(self, types: dict[str, pa.DataType], columns: Sequence[str]) -> Generator[Any, None, None]:
        order = list(types)
        places = [order.index(name) for name in columns]
        _, chunks = self._database.stream(self._query, rows=_ROWS)
        seen = 0
        with closing(chunks):
            for chunk in chunks:
                arrays = [self._column(chunk, i, order[i], types[order[i]], seen) for i in places]
                seen += len(chunk)
                yield pa.record_batch(arrays, names=list(columns))

    def _column(self, chunk: list[Any], place: int, name: str, kind: pa.DataType, before: int) -> pa.Array:
        values = [row[place] for row in chunk]
        if pa.types.is_string(kind):
            values = [None if v is None else _text(v) for v in values]
        elif pa.types.is_float64(kind):
            values = [float(v) if isinstance(v, Decimal | int) else v for v in values]
        try:
            return pa.array(values, type=kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            bad = next((i for i, v in enumerate(values) if not _fits(v, kind)), 0)
            raise Malformed(
                f"the query: column {name!r}, row {before + bad + 1}: a value does not fit {kind}",
                remedy="Cast the column in the query, so that all of it has one type.",
            ) from None


def _declared(column: Described) -> pa.DataType:
    if column.type_code == _NUMERIC:
        digits, scale = column.precision, column.scale
        fits = digits is not None and scale is not None and 0 < digits <= _MOST_DIGITS and 0 <= scale <= digits
        return pa.decimal128(digits, scale) if fits else pa.float64()
    return _POSTGRESQL.get(column.type_code or 0, pa.string())


def _of_mysql(column: Described) -> pa.DataType:
    if column.type_code in _MYSQL_DECIMALS:
        # The server tells the width on a screen: sign and point are in it.
        digits, scale = column.precision or 0, column.scale or 0
        return pa.decimal128(digits, scale) if 0 < digits <= _MOST_DIGITS else pa.float64()
    return _MYSQL.get(column.type_code or 0, pa.string())


def _stored(name: str, kinds: set[str]) -> pa.DataType:
    kinds -= {"null", ""}
    if kinds <= {"integer"} and kinds:
        return pa.int64()
    if kinds <= {"integer", "real"}:
        return pa.float64()
    if kinds <= {"text"} or kinds <= {"blob"}:
        return pa.string()
    raise Malformed(
        f"the query: column {name!r} mixes {' and '.join(sorted(kinds))} values",
        remedy="Cast the column in the query, so that all of it has one type.",
    )


def _of_values(values: Sequence[Any]) -> pa.DataType:
    kinds = {type(v) for v in values if v is not None}
    if kinds and kinds <= {int, float, Decimal}:
        return pa.int64() if kinds == {int} else pa.float64()
    try:
        found = pa.array(values).type if kinds else pa.float64()
    except pa.ArrowException:
        return pa.string()
    return found if pa.types.is_temporal(found) or pa.types.is_boolean(found) or not kinds else pa.string()


def _fits(value: object, kind: pa.DataType) -> bool:
    try:
        pa.scalar(value, type=kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False
    return True


def _text(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)
