"""What a source delivered, as a table: records of an integration, or the first rows of a declared data source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.core.errors import Malformed
from seatrial.core.ports import Row, Table
from seatrial.measure.columns import plain_text

if TYPE_CHECKING:
    import pyarrow as pa

MOST_RECORDS = 2_000
MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Rows in memory, behind the port of a table. `nested` fields hold records or lists and are left out."""

    rows: pa.Table
    nested: tuple[str, ...] = ()

    def columns(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(self.rows.column_names)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """All rows."""
        chosen = self.rows if columns is None else self.rows.select(list(columns))
        yield from chosen.combine_chunks().to_batches()

    def digest(self) -> str:
        """Not asked of rows that are only looked at."""
        raise Malformed("records in memory have no digest")


def of_integration(records: Sequence[Row]) -> Records:
    """Fields in the order of their first appearance; a field with values of several types becomes text."""
    import pyarrow as pa

    names = list(dict.fromkeys(name for record in records for name in record))
    columns: dict[str, pa.Array] = {}
    nested: list[str] = []
    for name in names:
        values = [record.get(name) for record in records]
        if any(isinstance(value, Mapping | list | tuple) for value in values):
            nested.append(name)
            continue
        columns[name] = _column(values)
    return Records(rows=pa.table(columns), nested=tuple(nested))


def _column(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else plain_text(value) for value in values], type=pa.string())


def of_table(table: Table) -> Records:
    """The first rows of a table, however long it is."""
    import pyarrow as pa

    batches: list[Any] = []
    left = MOST_ROWS
    for batch in table.batches():
        batches.append(batch.slice(0, left))
        left -= batches[-1].num_rows
        if left <= 0:
            break
    if not batches:
        raise Malformed("it has no rows")
    rows = pa.Table.from_batches(batches)
    nested = tuple(field.name for field in rows.schema if pa.types.is_nested(field.type))
    return Records(rows=rows.drop_columns(list(nested)), nested=nested)
