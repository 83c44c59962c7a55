"""The same entities through both paths: what the offline data says of a row against what arrived live for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from seatrial.core.ports import Table
from seatrial.measure.columns import plain_text
from seatrial.spec.data import Source

if TYPE_CHECKING:
    import pyarrow as pa

_Row = dict[str, Any]
_TOLERANCE = 1e-6
_EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """`matched` entities were found on both sides; `differing` counts by field those whose values differ.

    `examples` are pairs (offline, live) of a field. `repeated` keys name more than one row on a side and were left out.
    """

    matched: int
    differing: Mapping[str, int]
    examples: Mapping[str, tuple[tuple[str, str], ...]]
    repeated: int


def replay(offline: Table, source: Source, live: pa.Table, live_source: Source, fields: Sequence[str]) -> Replay | None:
    """Match rows by entity, and by time where both sides declare one. None where not both declare an entity."""
    keys = _keys(source, live_source)
    if keys is None:
        return None
    here, there = keys
    shared = [name for name in fields if name in live.column_names and name in offline.columns()]
    if not set(there) <= set(live.column_names) or not set(here) <= set(offline.columns()):
        return None
    wanted: dict[tuple[str, ...], _Row] = {}
    repeated: set[tuple[str, ...]] = set()
    for key, row in _keyed(live.to_batches(), there):
        repeated |= {key} & wanted.keys()
        wanted[key] = row
    known: dict[tuple[str, ...], _Row] = {}
    batches = offline.batches(list(dict.fromkeys([*here, *shared])))
    for key, row in _keyed(_narrowed(batches, here[0], live[there[0]]), here):
        if key in wanted:
            repeated |= {key} & known.keys()
            known[key] = row
    return _compared({k: (row, wanted[k]) for k, row in known.items() if k not in repeated}, shared, len(repeated))


def _keys(source: Source, live: Source) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    if source.entity is None or live.entity is None:
        return None
    if source.time is None or live.time is None:
        return (source.entity,), (live.entity,)
    return (source.entity, source.time), (live.entity, live.time)


def _narrowed(batches: Iterator[pa.RecordBatch], entity: str, wanted: pa.ChunkedArray) -> Iterator[pa.RecordBatch]:
    """Only rows whose entity is wanted, where both sides hold it as the same type: rows as Python values are dear."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = _plain(wanted.combine_chunks()).unique()
    for batch in batches:
        column = _plain(batch.column(entity))
        told = pa.types.is_nested(column.type) or column.type != values.type
        yield batch if told else batch.filter(pc.is_in(column, value_set=values))


def _plain(array: pa.Array) -> pa.Array:
    import pyarrow as pa

    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _keyed(batches: Any, names: Sequence[str]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for batch in batches:
        for row in batch.to_pylist():
            if all(row[name] is not None for name in names):
                yield tuple(_spelled(row[name]) for name in names), row


def _spelled(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    return plain_text(value)


def _compared(pairs: Mapping[Any, tuple[_Row, _Row]], fields: Sequence[str], repeated: int) -> Replay:
    differing = dict.fromkeys(fields, 0)
    examples: dict[str, list[tuple[str, str]]] = {name: [] for name in fields}
    for offline, live in pairs.values():
        for name in fields:
            if not same(offline[name], live[name]):
                differing[name] += 1
                if len(examples[name]) < _EXAMPLES:
                    examples[name].append((_shown(offline[name]), _shown(live[name])))
    return Replay(
        matched=len(pairs),
        differing=differing,
        examples={name: tuple(found) for name, found in examples.items() if found},
        repeated=repeated,
    )


def same(offline: object, live: object) -> bool:
    """Equal up to rounding; 1 is 1.0, no value is NaN, and a time is itself in any zone."""
    if _absent(offline) or _absent(live):
        return _absent(offline) and _absent(live)
    if isinstance(offline, int | float) and isinstance(live, int | float):
        return math.isclose(offline, live, rel_tol=_TOLERANCE, abs_tol=1e-9)
    if isinstance(offline, datetime | date) or isinstance(live, datetime | date):
        return _spelled(_timed(offline)) == _spelled(_timed(live))
    return plain_text(offline) == plain_text(live)


def _timed(value: object) -> object:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _shown(value: object) -> str:
    return "nothing" if _absent(value) else plain_text(value)[:40]
