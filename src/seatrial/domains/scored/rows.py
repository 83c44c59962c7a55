"""The rows that the model checks look at: a bounded, reproducible sample of a table, with its columns as arrays.

Every check reads a table once, keeps at most a fixed number of rows chosen by its seed, and works on arrays from
there on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import Malformed
from seatrial.core.ports import Table
from seatrial.measure.columns import Column, Columns
from seatrial.spec.model import InputField

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int64] | npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]

MOST_LEVELS = 200
"""A text column with more distinct values than this is kept as its most frequent ones and the rest."""
REST = "(any other)"
"""The level of the values that were not kept."""
_ID_SHARE = 0.5
_CODE_BITS = 32
_TIME_PARTS = (("hour", 3600.0, 24), ("weekday", 86_400.0, 7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """`columns` of the rows that were kept, of `total` in the table."""

    columns: Columns
    total: int

    @property
    def n(self) -> int:
        """Rows kept."""
        return self.columns.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input as an array over rows: `numbers` with NaN for missing, or `codes` into `levels` with -1 for missing.

    `source` is the declared field; `name` differs from it only for parts of a time, such as `hour of scheduled_at`.
    """

    name: str
    source: str
    numbers: Floats | None = None
    codes: Codes | None = None
    levels: tuple[str, ...] = ()

    @property
    def missing(self) -> Mask:
        """True where there is no value."""
        if self.numbers is not None:
            return np.isnan(self.numbers)
        return np.asarray(self.codes, dtype=np.int64) < 0

    def at(self, rows: Ints) -> Feature:
        """The same feature for some of the rows."""
        return Feature(
            name=self.name,
            source=self.source,
            numbers=None if self.numbers is None else self.numbers[rows],
            codes=None if self.codes is None else self.codes[rows],
            levels=self.levels,
        )


def read_rows(table: Table, columns: Sequence[str], *, most: int, seed: int) -> Rows:
    """At most `most` rows, chosen by `seed` with equal chances, with those of `columns` that the table has.

    Raises Malformed when parts of the table disagree on a column's type, or one holds more than fits into memory as one
    piece; and whatever the table raises.
    """
    import pyarrow as pa

    present = set(table.columns())
    wanted = [name for name in dict.fromkeys(columns) if name in present]
    rng = np.random.default_rng(seed)
    kept: list[Any] = []
    lots: list[Floats] = []
    total, limit = 0, 1.0
    for batch in table.batches(wanted):
        total += batch.num_rows
        lot = rng.random(batch.num_rows)
        chosen = lot < limit
        kept.append(batch if chosen.all() else batch.filter(pa.array(chosen)))
        lots.append(lot[chosen])
        if sum(part.size for part in lots) > 2 * most:
            limit = float(np.partition(np.concatenate(lots), most)[most])
            kept = [b.filter(pa.array(part < limit)) for b, part in zip(kept, lots, strict=True)]
            lots = [part[part < limit] for part in lots]
    if not kept:
        schema = pa.schema([(name, pa.null()) for name in wanted])
        return Rows(columns=Columns(pa.RecordBatch.from_pylist([], schema=schema)), total=0)
    whole = joined(kept)
    lot = np.concatenate(lots)
    schema, parts = whole.schema, whole.columns
    chosen = pa.array(np.sort(np.argsort(lot, kind="stable")[:most])) if lot.size > most else None
    # Column by column: the parts of one are given back before the next is put together.
    del kept, whole, batch
    together = [in_one_piece(name, parts.pop(0), chosen) for name in schema.names]
    pa.default_memory_pool().release_unused()
    return Rows(columns=Columns(pa.RecordBatch.from_arrays(together, schema=schema)), total=total)


def joined(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Some batches of one table, one or more, as a table. Raises Malformed where they disagree on a column's type."""
    import pyarrow as pa

    try:
        return _widened(pa.Table.from_batches(batches))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise Malformed(
            f"the columns change their type within the table: {error}", remedy="Give every column one type."
        ) from None


def _widened(table: pa.Table) -> pa.Table:
    """The same with codes of categories wide enough for those of all parts together."""
    import pyarrow as pa

    fields = [
        field.with_type(pa.dictionary(pa.int32(), field.type.value_type, field.type.ordered))
        if pa.types.is_dictionary(field.type) and field.type.index_type.bit_width < _CODE_BITS
        else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def in_one_piece(name: str, column: pa.ChunkedArray, chosen: pa.Array | None = None) -> pa.Array:
    """The `chosen` rows of a column, or all, as one array. Raises Malformed where it holds too much for that."""
    import pyarrow as pa

    try:
        return (column if chosen is None else column.take(chosen)).combine_chunks()
    except pa.ArrowInvalid as error:
        raise Malformed(
            f"the column {name} cannot be held in one piece: {error}",
            remedy=f"Give fewer rows, or shorter texts in {name}: all that is read of a column must stay below 2 GB.",
        ) from None


def numbers_of(column: Column) -> Floats:
    """One float for every row, NaN where there is no value; text is read as a number where it is one."""
    if column.kind != "text":
        return column.rows_as_numbers
    texts, codes = column.names
    values = np.array([_as_number(text) for text in texts] + [np.nan])
    return np.asarray(values[codes], dtype=np.float64)


def features_of(rows: Rows, inputs: Mapping[str, InputField], *, parts_of_time: bool = False) -> tuple[Feature, ...]:
    """The declared inputs that the rows have, as features. Times only as hour and weekday, where asked for.

    Texts that name single rows (more than half of them distinct) tell nothing in general and are left out.
    """
    found: list[Feature] = []
    for name, declared in inputs.items():
        if name not in rows.columns:
            continue
        column = rows.columns[name]
        if declared.type == "time" or column.kind == "time":
            found += _time_parts(name, column) if parts_of_time else []
        elif declared.type in {"number", "integer"} or (declared.type == "boolean" and column.kind != "text"):
            found.append(Feature(name=name, source=name, numbers=numbers_of(column)))
        else:
            feature = category(name, column)
            if feature is not None:
                found.append(feature)
    return tuple(found)


def aligned(first: Sequence[Feature], second: Sequence[Feature]) -> list[tuple[Feature, Feature]]:
    """The features that both sides have, in pairs, with codes into the same levels."""
    others = {f.name: f for f in second}
    return [_same_levels(f, others[f.name]) for f in first if f.name in others]


def _same_levels(a: Feature, b: Feature) -> tuple[Feature, Feature]:
    if a.numbers is not None or b.numbers is not None:
        return a, b
    levels = tuple(dict.fromkeys((*a.levels, *b.levels)))
    place = {level: i for i, level in enumerate(levels)}
    return _recoded(a, levels, place), _recoded(b, levels, place)


def _recoded(feature: Feature, levels: tuple[str, ...], place: Mapping[str, int]) -> Feature:
    moved = np.array([place[level] for level in feature.levels] + [-1], dtype=np.int64)
    codes = moved[np.asarray(feature.codes, dtype=np.int64)]
    return Feature(name=feature.name, source=feature.source, codes=codes, levels=levels)


def category(name: str, column: Column) -> Feature | None:
    """A text column as a category of its most frequent values; None where it names single rows."""
    texts, codes = column.names
    given = codes[codes >= 0]
    counts = np.bincount(given, minlength=len(texts)) if given.size else np.zeros(len(texts), dtype=np.int64)
    occurring = int((counts > 0).sum())
    if occurring > MOST_LEVELS and occurring > _ID_SHARE * given.size:
        return None
    order = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    order = order[counts[order] > 0]
    place = np.full(len(texts) + 1, order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    place[-1] = -1
    levels = tuple(texts[i] for i in order)
    if occurring > order.size:
        levels = (*levels, REST)
    return Feature(name=name, source=name, codes=place[codes], levels=levels)


def _time_parts(name: str, column: Column) -> list[Feature]:
    seconds = times_of(column)
    if seconds is None or np.isnan(seconds).all():
        return []
    return [
        Feature(name=f"{part} of {name}", source=name, numbers=np.floor(seconds / unit) % period)
        for part, unit, period in _TIME_PARTS
    ]


def times_of(column: Column) -> Floats | None:
    """Seconds since 1970 for every row, NaN where there is no time; None when the column holds no times."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.kind == "time":
        return column.rows_as_numbers
    if column.kind != "text":
        return None
    values, codes = column.codes
    try:
        parsed = pc.cast(values.cast(pa.string()), pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        try:
            parsed = pc.cast(values.cast(pa.string()), pa.timestamp("us"))
        except pa.ArrowInvalid:
            return None
    seconds = np.append(parsed.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.float64) / 1e6, np.nan)
    return np.asarray(seconds[codes], dtype=np.float64)


def _as_number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
