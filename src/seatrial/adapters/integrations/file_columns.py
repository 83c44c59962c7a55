"""Parquet files as records: in the types that they declare, from the end where only the newest are asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.adapters.database_values import plain
from seatrial.core.errors import Malformed
from seatrial.core.ports import Row

_ROWS: Final = 8192


def records(content: BinaryIO, *, name: str) -> Iterator[Row]:
    """Every record, a few thousand in memory."""
    opened = _opened(content, name)
    try:
        for batch in opened.iter_batches(batch_size=_ROWS):
            yield from _rows(batch)
    except pa.ArrowException as error:
        raise _broken(name, error) from None


def newest(content: BinaryIO, *, name: str, most: int) -> Sequence[Row]:
    """The last `most` records; only the groups of rows that hold them are read."""
    opened = _opened(content, name)
    found: list[Row] = []
    try:
        for group in reversed(range(opened.num_row_groups)):
            if len(found) >= most:
                break
            table = opened.read_row_group(group)
            rows = min(table.num_rows, most - len(found))
            found = [*_rows(table.slice(table.num_rows - rows)), *found]
    except pa.ArrowException as error:
        raise _broken(name, error) from None
    return tuple(found)


def types(content: BinaryIO, *, name: str) -> Mapping[str, str]:
    """The columns with the file's own types; `null` stands behind one that may be empty."""
    schema = _opened(content, name).schema_arrow
    return {field.name: f"{field.type}{'|null' if field.nullable else ''}".replace(", ", ",") for field in schema}


def written(record: Row) -> bytes:
    """A file with this one record. Raises Malformed for a value that has no type of its own."""
    sink = io.BytesIO()
    try:
        pq.write_table(pa.Table.from_pylist([dict(record)]), sink)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise Malformed(f"a record to write does not fit a Parquet file: {error}") from None
    return sink.getvalue()


def _opened(content: BinaryIO, name: str) -> Any:
    try:
        opened = pq.ParquetFile(content)
    except pa.ArrowException as error:
        raise _broken(name, error) from None
    names = opened.schema_arrow.names
    if len(set(names)) != len(names):
        raise Malformed(f"{name} names a column twice")
    return opened


def _broken(name: str, error: Exception) -> Malformed:
    return Malformed(f"{name} is no complete Parquet file: {str(error).splitlines()[0][:200]}")


def _rows(batch: Any) -> Iterator[Row]:
    columns = [[plain(value) for value in _exact(column).to_pylist()] for column in batch.columns]
    for values in zip(*columns, strict=True):
        yield dict(zip(batch.schema.names, values, strict=True))


def _exact(column: Any) -> Any:
    """Times of nanoseconds, which Python's own do not hold, in microseconds, or as text where that would cut them."""
    kind = column.type
    if not (pa.types.is_timestamp(kind) or pa.types.is_time(kind)) or kind.unit != "ns":
        return column
    shorter = pa.timestamp("us", tz=kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us")
    try:
        return column.cast(shorter, safe=True)
    except pa.ArrowInvalid:
        return column.cast(pa.string())
