"""Quantiles of each column from logarithmic bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from seatrial.measure.accumulator import Cell, PerColumn, Plain
from seatrial.measure.columns import Column
from seatrial.measure.log_bins import RELATIVE_ERROR, LogBins

PROBABILITIES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class QuantilesCell(Cell):
    """Log bins of one column."""

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.nulls = 0
        self.bins = LogBins()

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        self.nulls += column.nulls
        self.bins.update(column)

    def merge(self, other: Self) -> None:
        """Add."""
        self.nulls += other.nulls
        self.bins.merge(other.bins)

    def finish(self) -> Plain:
        """`quantiles` by probability (as text), each within `error` of a true one, relative to its value."""
        shares = [float(p) for p in self.options.get("probabilities", PROBABILITIES)]
        values = self.bins.quantiles(shares)
        return {
            "n": self.bins.n,
            "nulls": self.nulls,
            "quantiles": {f"{share:g}": value for share, value in zip(shares, values, strict=True)},
            "error": RELATIVE_ERROR,
            "bins": self.bins.plain(),
        }

    def state(self) -> Plain:
        """The bins."""
        return {"nulls": self.nulls, "bins": self.bins.plain()}

    def load(self, state: Plain) -> None:
        """From `state`."""
        self.nulls, self.bins = int(state["nulls"]), LogBins.of(state["bins"])


class Quantiles(PerColumn):
    """`quantiles`."""

    name: ClassVar[str] = "quantiles"
    cell: ClassVar[type[Cell]] = QuantilesCell
