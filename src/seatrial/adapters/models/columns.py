"""Rows, columns and Arrow batches: one content in the three shapes in which models take it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.core.ports import Row


def encoded(value: Any) -> bytes:
    """JSON. NaN and infinities become null, the only way JSON has to say that there is no number."""
    try:
        return orjson.dumps(value)
    except TypeError:
        import json

        return json.dumps(_finite(value), allow_nan=False, separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(inner) for inner in value]
    return value


def lists_of(batch: Any) -> dict[str, list[Any]]:
    """Column name to its values; a missing number may come as NaN, which JSON sends as null."""
    return {name: _list(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _list(column: Any) -> list[Any]:
    import pyarrow as pa

    plain = pa.types.is_primitive(column.type) or pa.types.is_string(column.type)
    if not plain or (column.null_count and pa.types.is_integer(column.type)):
        return list(column.to_pylist())
    return list(column.to_numpy(zero_copy_only=False).tolist())


def rows_of(batch: Any) -> list[dict[str, Any]]:
    """One dictionary per row."""
    columns = lists_of(batch)
    names = tuple(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def by_column(rows: Sequence[Row]) -> dict[str, list[Json]]:
    """The same rows column by column, null where a row lacks a field that another one has."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def batch_of(rows: Sequence[Row]) -> Any:
    """The same rows as an Arrow batch. Raises Refused where one column would need two types."""
    import pyarrow as pa

    arrays = {}
    for name, values in by_column(rows).items():
        try:
            arrays[name] = pa.array(values, from_pandas=True)
        except (pa.ArrowException, OverflowError) as error:
            raise Refused(f"{name} cannot be sent as a column of one type: {str(error).splitlines()[0]}") from None
    if not arrays:
        raise Refused("a row without any field cannot be sent as columns")
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
