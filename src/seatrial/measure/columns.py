"""A record batch as the measures see it: each column decoded once, whatever number of measures look at it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.core.errors import Malformed

Numbers = npt.NDArray[Any]

_UNIT_PER_S = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


class Columns:
    """A view of one `pyarrow.RecordBatch` that decodes columns on demand and keeps them while the batch lives."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        self.rows: int = batch.num_rows
        self.names: list[str] = list(batch.schema.names)
        self._columns: dict[str, Column] = {}
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise Malformed(f"column {', '.join(twice)} occurs twice", remedy="Give every column its own name.")

    @staticmethod
    def of(batch: object) -> Columns:
        """The view itself, or a new one of a record batch. Raises TypeError for anything else."""
        if isinstance(batch, Columns):
            return batch
        if isinstance(batch, pa.RecordBatch):
            return Columns(batch)
        raise TypeError(f"expected a pyarrow.RecordBatch, found {type(batch).__name__}")

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Column:
        """The column of that name. Raises Malformed when there is none."""
        if name not in self._columns:
            if name not in self.names:
                raise Malformed(
                    f"column {name!r} is missing; there are {', '.join(self.names) or 'no columns'}",
                    remedy="Check the name, or the file.",
                )
            self._columns[name] = Column(name, self._batch.column(self.names.index(name)))
        return self._columns[name]

    def anew(self) -> Columns:
        """The same batch with nothing decoded yet: what is decoded in this view goes with it."""
        return Columns(self._batch)

    @property
    def batch(self) -> pa.RecordBatch:
        """The batch itself."""
        return self._batch

    def take(self, rows: Numbers) -> list[dict[str, Any]]:
        """Those rows as plain Python values."""
        return list(self._batch.take(pa.array(rows, type=pa.int64())).to_pylist())


class Column:
    """One column of one batch. `kind` is `number`, `boolean`, `time`, `text`, `empty` (null type) or `other`."""

    def __init__(self, name: str, array: pa.Array) -> None:
        self.name = name
        self.type: str = str(array.type)
        self._encoded = array if pa.types.is_dictionary(array.type) else None
        value_type = array.type.value_type if self._encoded is not None else array.type
        self.kind = _kind(value_type)
        self.zone: str | None = value_type.tz if pa.types.is_timestamp(value_type) else None
        if self._encoded is not None and self.kind != "text":
            array = array.dictionary_decode()
            self._encoded = None
        self.array = array
        self.rows: int = len(array)

    @cached_property
    def nulls(self) -> int:
        """Null values. NaN is not null."""
        if self.kind == "empty":
            return self.rows
        if self._encoded is not None and self._encoded.dictionary.null_count:
            return int(self._encoded.is_null().to_numpy(zero_copy_only=False).sum())
        return int(self.array.null_count)

    @property
    def n(self) -> int:
        """Values that are not null."""
        return self.rows - self.nulls

    @cached_property
    def valid(self) -> npt.NDArray[np.bool_]:
        """True where there is a value."""
        if not self.nulls:
            return np.ones(self.rows, dtype=bool)
        if self.kind == "empty":
            return np.zeros(self.rows, dtype=bool)
        return np.asarray(self.array.is_valid().to_numpy(zero_copy_only=False), dtype=bool)

    @cached_property
    def numbers(self) -> Numbers:
        """The values that are not null as float32 or float64; times in seconds since 1970, UTC or as written."""
        if self.kind not in {"number", "boolean", "time"}:
            return np.empty(0)
        array = self.array.drop_null() if self.nulls else self.array
        return _as_floats(array)

    @cached_property
    def rows_as_numbers(self) -> Numbers:
        """One float64 for every row, NaN where there is no value."""
        if self.kind in {"number", "boolean", "time"} and not self.nulls:
            return np.asarray(self.numbers, dtype=np.float64)
        full = np.full(self.rows, np.nan)
        if self.kind in {"number", "boolean", "time"}:
            full[self.valid] = self.numbers
        return full

    @cached_property
    def split(self) -> tuple[Numbers, int, int]:
        """The finite numbers, and how many are NaN and infinite."""
        values = self.numbers
        if not values.size:
            return values, 0, 0
        with np.errstate(invalid="ignore", over="ignore"):
            ends = np.min(values) + np.max(values)
        if np.isfinite(ends):
            return values, 0, 0
        nan = int(np.isnan(values).sum())
        finite = values[np.isfinite(values)]
        return finite, nan, int(values.size - nan - finite.size)

    @cached_property
    def ends(self) -> tuple[float, float] | None:
        """Smallest and largest finite number, None when there is none."""
        values = self.split[0]
        return (float(values.min()), float(values.max())) if values.size else None

    @cached_property
    def codes(self) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        """The distinct values (an Arrow array without null) and for every row its index there, -1 for null."""
        encoded = self._encoded
        if encoded is None:
            source = pa.nulls(self.rows, pa.string()) if self.kind in {"empty", "other"} else self.array
            encoded = source.dictionary_encode()
        indices = encoded.indices
        codes = np.asarray(
            (pc.fill_null(indices, -1) if indices.null_count else indices).to_numpy(zero_copy_only=False),
            dtype=np.int64,
        )
        uniques = encoded.dictionary
        if uniques.null_count:
            is_null = np.asarray(uniques.is_null().to_numpy(zero_copy_only=False), dtype=bool)
            place = np.append(np.where(is_null, -1, np.cumsum(~is_null) - 1), -1)
            codes, uniques = place[codes], uniques.drop_null()
        return uniques, codes

    @cached_property
    def uniques(self) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        """The distinct values that occur in this batch, and how often each does."""
        values, codes = self.codes
        counts = np.bincount(codes[codes >= 0] if self.nulls else codes, minlength=len(values))
        if not counts.all():
            present = np.flatnonzero(counts)
            return values.take(pa.array(present)), counts[present]
        return values, counts.astype(np.int64)

    @cached_property
    def names(self) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The distinct values as text (see `as_text`), and for every row its index there, -1 for null."""
        values, codes = self.codes
        texts = as_text(values)
        known = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        if len(known) == len(texts):
            return texts, codes
        place = np.array([known[t] for t in texts] + [-1], dtype=np.int64)
        return list(known), place[codes]


def as_text(values: pa.Array) -> list[str]:
    """Each value as text: integral numbers without their point, booleans `true` and `false`, times as ISO 8601."""
    if _kind(values.type) == "text":
        strings: list[str] = (
            values.cast(pa.string()).to_pylist()
            if not pa.types.is_binary(values.type)
            else [v.decode("utf-8", "replace") for v in values.to_pylist()]
        )
        return strings
    if pa.types.is_float32(values.type) or pa.types.is_float16(values.type):
        return [plain_text(float(str(v))) for v in values.to_numpy(zero_copy_only=False)]
    return [plain_text(v) for v in values.to_pylist()]


def plain_text(value: object) -> str:
    """One value as text, by the same rules as `as_text`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    as_float = float(value) if hasattr(value, "as_tuple") else None  # type: ignore[arg-type]
    return plain_text(as_float) if as_float is not None else str(value)


def _kind(kind: pa.DataType) -> str:
    is_ = pa.types
    if is_.is_null(kind):
        return "empty"
    if is_.is_boolean(kind):
        return "boolean"
    if is_.is_integer(kind) or is_.is_floating(kind) or is_.is_decimal(kind):
        return "number"
    if is_.is_temporal(kind) and not is_.is_interval(kind):
        return "time"
    if is_.is_string(kind) or is_.is_large_string(kind) or is_.is_string_view(kind) or is_.is_binary(kind):
        return "text"
    return "other"


def _as_floats(array: pa.Array) -> Numbers:
    kind = array.type
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        return np.asarray(array.to_numpy(zero_copy_only=False))
    if pa.types.is_temporal(kind):
        return _as_seconds(array)
    if pa.types.is_decimal(kind):
        return np.asarray(array.cast(pa.float64()).to_numpy(zero_copy_only=False))
    return np.asarray(array.to_numpy(zero_copy_only=False)).astype(np.float64)


def _as_seconds(array: pa.Array) -> Numbers:
    kind = array.type
    if pa.types.is_date32(kind):
        return np.asarray(array.cast(pa.int32()).to_numpy(zero_copy_only=False)) * 86_400.0
    if pa.types.is_date64(kind):
        return np.asarray(array.cast(pa.int64()).to_numpy(zero_copy_only=False)) / 1e3
    width = pa.int32() if pa.types.is_time32(kind) else pa.int64()
    return np.asarray(array.cast(width).to_numpy(zero_copy_only=False)) / _UNIT_PER_S[kind.unit]
