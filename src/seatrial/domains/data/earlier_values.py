"""What a source told earlier: for rows of a table, the newest older row that is about the same part of the source.

A part is what has values of its own: a station, a site, a machine. It is the declared one (`data.freshness`, `per`),
else the column within which each value is most like the one before it, by the ratio of von Neumann (1941): the mean
square of successive differences over twice the variance; about 1 where neighbours have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seatrial.measure.columns import Column

if TYPE_CHECKING:
    import pyarrow as pa

UNRELATED = 0.5
"""At a ratio of more than that, neighbouring values are no longer taken for those of one part."""
OLDER = 2.0
"""A row that is more than so many times as old as it should be stands for older data."""
_CLEARLY = 0.5
_REPEATS = 5

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceParts:
    """A source's columns, and the part of it that each row is about; `by` is the column that tells it, or empty.

    `ratios` are von Neumann's over neighbouring rows of one part, by column, but for columns whose values never change.
    """

    source: str
    columns: tuple[str, ...]
    by: str
    codes: Places
    ratios: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """The mean over the columns, by which one way of telling parts apart is better than another."""
        return float(np.mean(list(self.ratios.values()))) if self.ratios else float("inf")

    @property
    def told(self) -> bool:
        """Whether neighbouring rows can be taken for successive values of one thing: in one column at least."""
        return bool(self.by) or min(self.ratios.values(), default=0.0) <= UNRELATED


def parts_of(
    table: pa.Table, source: str, columns: Sequence[str], *, declared: str | None, candidates: Sequence[str]
) -> SourceParts:
    """Find the parts of a source in a table that is sorted by time. `candidates` are columns that may tell them."""
    values = [Column(name, table[name].combine_chunks()) for name in columns]
    none: Places = np.zeros(table.num_rows, dtype=np.int64)

    def parted(by: str, codes: Places) -> SourceParts:
        all_ratios = {value.name: _ratio(value, codes) for value in values}
        ratios = {name: ratio for name, ratio in all_ratios.items() if np.isfinite(ratio)}
        return SourceParts(source=source, columns=tuple(columns), by=by, codes=codes, ratios=ratios)

    if declared is not None and declared in table.column_names:
        return parted(declared, _codes(table, declared))
    best = parted("", none)
    for name in candidates:
        found = parted(name, _codes(table, name))
        if found.ratio < _CLEARLY * best.ratio:
            best = found
    return best


def telling(batch: pa.RecordBatch, *, but: Sequence[str]) -> Iterator[str]:
    """Columns of text whose values come again and again, so that they may name the parts of a source."""
    import pyarrow as pa

    for field in batch.schema:
        text = pa.types.is_string(field.type) or pa.types.is_dictionary(field.type)
        if text and field.name not in but:
            names, codes = Column(field.name, batch[field.name]).names
            if 1 < len(names) <= len(codes) / _REPEATS:
                yield field.name


def earlier(parts: SourceParts, times: Floats, chosen: Places, lag_s: float) -> tuple[Places, Floats]:
    """For each chosen row the newest row of its part that is at least so much older, and by how much it is.

    A row that has none stands for itself, at an age of 0. `times` are seconds, and rise.
    """
    found = chosen.copy()
    for part in np.unique(parts.codes[chosen]):
        members = np.flatnonzero(parts.codes == part)
        mine = np.flatnonzero(parts.codes[chosen] == part)
        places = np.searchsorted(times[members], times[chosen[mine]] - lag_s, side="right") - 1
        found[mine[places >= 0]] = members[places[places >= 0]]
    return found, times[chosen] - times[found]


def _codes(table: pa.Table, name: str) -> Places:
    column = Column(name, table[name].combine_chunks())
    if column.kind == "number":
        return np.unique(column.rows_as_numbers, return_inverse=True)[1].astype(np.int64).ravel()
    return column.names[1].astype(np.int64)


def _ratio(column: Column, parts: Places) -> float:
    """Von Neumann's ratio within parts; of names, the share that changes over that of chance."""
    if column.kind == "number":
        values = column.rows_as_numbers
        known = np.isfinite(values)
        variance = 2.0 * float(np.var(values[known])) if known.any() else 0.0
    else:
        values = column.names[1].astype(np.float64)
        known = values >= 0
        shares = np.unique(values[known], return_counts=True)[1] / max(1, int(known.sum()))
        variance = 1.0 - float(np.sum(shares**2))
    order = np.argsort(parts[known], kind="stable")
    sorted_values, sorted_parts = values[known][order], parts[known][order]
    same = np.flatnonzero(np.diff(sorted_parts) == 0)
    if not same.size or not variance > 0.0:
        return float("nan")
    steps = np.diff(sorted_values)[same]
    moved = steps**2 if column.kind == "number" else (steps != 0.0).astype(np.float64)
    return float(np.mean(moved)) / variance
