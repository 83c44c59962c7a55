"""What one column needs for quality and drift together: nulls, range, and its distribution in mergeable bins.

Reference and live are collected apart, each in its one pass, and compared afterwards (`measure.distance`): log bins
need no edges from the reference beforehand, so its whole file decides the bins, not a sample of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from seatrial.measure.accumulator import Cell, PerColumn, Plain, plus
from seatrial.measure.categories import CAP, Tally
from seatrial.measure.columns import Column, as_text
from seatrial.measure.log_bins import LogBins


class DriftCell(Cell):
    """Numbers, booleans and times in log bins; text by value."""

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.counts = {"n": 0, "nulls": 0, "nan": 0, "infinite": 0}
        self.bins = LogBins()
        self.tally = Tally(int(options.get("cap", CAP)))

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        _, nan, infinite = column.split
        self.counts = plus(self.counts, {"n": column.n, "nulls": column.nulls, "nan": nan, "infinite": infinite})
        if column.kind == "text":
            values, counts = column.uniques
            self.tally.add(as_text(values), counts.tolist())
        else:
            self.bins.update(column)

    def merge(self, other: Self) -> None:
        """Add."""
        self.counts = plus(self.counts, other.counts)
        self.bins.merge(other.bins)
        self.tally.merge(other.tally)

    def finish(self) -> Plain:
        """`n`, `nulls`, `nan`, `infinite`, `min`, `max`, `bins` (see `log_bins`), `categories` and their `error`."""
        tally = self.tally.plain()
        return {
            **self.counts,
            "min": self.bins.low,
            "max": self.bins.high,
            "bins": self.bins.plain(),
            "categories": tally["counts"],
            "error": tally["error"],
        }

    def state(self) -> Plain:
        """The counts."""
        return {"counts": self.counts, "bins": self.bins.plain(), "tally": self.tally.plain()}

    def load(self, state: Plain) -> None:
        """From `state`."""
        self.counts = {name: int(n) for name, n in state["counts"].items()}
        self.bins = LogBins.of(state["bins"])
        self.tally.load(state["tally"])


class Drift(PerColumn):
    """`drift`."""

    name: ClassVar[str] = "drift"
    cell: ClassVar[type[Cell]] = DriftCell
