"""How many values there are, and how many are missing, not numbers, infinite or empty text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow.compute as pc

from seatrial.measure.accumulator import Cell, PerColumn, Plain, plus
from seatrial.measure.columns import Column


class CountsCell(Cell):
    """Exact counts of one column. `types` counts rows by Arrow type: more than one means that the type changed."""

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.types: dict[str, int] = {}
        self.counts = {"n": 0, "nulls": 0, "nan": 0, "infinite": 0, "empty": 0}

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        _, nan, infinite = column.split
        seen = {"n": column.n, "nulls": column.nulls, "nan": nan, "infinite": infinite, "empty": _empty(column)}
        self.counts = plus(self.counts, seen)
        self.types = plus(self.types, {column.type: column.rows})

    def merge(self, other: Self) -> None:
        """Add."""
        self.counts = plus(self.counts, other.counts)
        self.types = plus(self.types, other.types)

    def finish(self) -> Plain:
        """`types`, `n` (not null), `nulls`, `nan`, `infinite`, `empty` (text of no or only blank characters)."""
        return {"types": dict(sorted(self.types.items())), **self.counts}

    def state(self) -> Plain:
        """The counts."""
        return self.finish()

    def load(self, state: Plain) -> None:
        """From `state`."""
        self.types = {str(k): int(v) for k, v in state["types"].items()}
        self.counts = {name: int(state[name]) for name in self.counts}


def _empty(column: Column) -> int:
    if column.kind != "text":
        return 0
    values, counts = column.uniques
    if not len(values):
        return 0
    blank = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(values.cast("string"))), 0)
    return int(counts[np.asarray(blank.to_numpy(zero_copy_only=False), dtype=bool)].sum())


class Counts(PerColumn):
    """`counts`."""

    name: ClassVar[str] = "counts"
    cell: ClassVar[type[Cell]] = CountsCell
