"""Smallest and largest finite number of each column, exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from seatrial.measure.accumulator import Cell, PerColumn, Plain, greater, lesser
from seatrial.measure.columns import Column


class RangeCell(Cell):
    """The ends of one column; None where no finite number was seen."""

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.n = 0
        self.low: float | None = None
        self.high: float | None = None

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        if column.ends is not None:
            self.n += int(column.split[0].size)
            self.low = lesser(self.low, column.ends[0] + 0.0)
            self.high = greater(self.high, column.ends[1] + 0.0)

    def merge(self, other: Self) -> None:
        """The wider of both."""
        self.n += other.n
        self.low = lesser(self.low, other.low)
        self.high = greater(self.high, other.high)

    def finish(self) -> Plain:
        """`n` finite numbers, `min`, `max`."""
        return {"n": self.n, "min": self.low, "max": self.high}

    def state(self) -> Plain:
        """The ends."""
        return self.finish()

    def load(self, state: Plain) -> None:
        """From `state`."""
        self.n, self.low, self.high = int(state["n"]), state["min"], state["max"]


class Range(PerColumn):
    """`range`."""

    name: ClassVar[str] = "range"
    cell: ClassVar[type[Cell]] = RangeCell
