"""Counts in bins with fixed edges, exact and mergeable: for a live window against edges that the reference fixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from seatrial.measure.accumulator import Cell, MeasureError, PerColumn, Plain, packed, unpacked
from seatrial.measure.columns import Column


class HistogramCell(Cell):
    """`edges` e0 < e1 < …: one bin below e0, one for each [e_i, e_i+1), one from the last edge up; missing apart.

    NaN counts as missing, infinities fall into the outer bins.
    """

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.edges = np.asarray(options["edges"][column], dtype=np.float64)
        if not self.edges.size or not np.isfinite(self.edges).all() or not (np.diff(self.edges) > 0).all():
            raise MeasureError(f"histogram: the edges of {column} must be finite and ascend")
        self.counts: npt.NDArray[np.int64] = np.zeros(self.edges.size + 1, dtype=np.int64)
        self.missing = 0

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        values = column.numbers
        nan = column.split[1]
        self.missing += column.rows - int(values.size) + nan
        if nan:
            values = values[~np.isnan(values)]
        places = np.searchsorted(self.edges, values, side="right")
        self.counts += np.bincount(places, minlength=self.counts.size)

    def merge(self, other: Self) -> None:
        """Add."""
        self.counts = self.counts + other.counts
        self.missing += other.missing

    def finish(self) -> Plain:
        """`edges`, `counts` (one more than edges), `missing`."""
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist(), "missing": self.missing}

    def state(self) -> Plain:
        """The counts."""
        return {"counts": packed(self.counts), "missing": self.missing}

    def load(self, state: Plain) -> None:
        """From `state`."""
        self.counts, self.missing = unpacked(state["counts"]), int(state["missing"])


class Histogram(PerColumn):
    """`histogram`."""

    name: ClassVar[str] = "histogram"
    cell: ClassVar[type[Cell]] = HistogramCell

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        if not options.get("edges"):
            raise MeasureError("histogram: `edges` must name at least one column")
        for column in self.columns() or ():
            self._cell(column)

    def columns(self) -> tuple[str, ...] | None:
        """Those that have edges."""
        return tuple(self.options["edges"])
