"""Counts by value: exact while there are few distinct values, then heavy hitters with a stated error.

Beyond `cap` distinct values this is the mergeable summary of Misra and Gries as given by Agarwal et al. ("Mergeable
Summaries", PODS 2012): every count is too low by at most `error`, and `error` is at most n / (cap + 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from seatrial.measure.accumulator import Cell, PerColumn, Plain, plus
from seatrial.measure.columns import Column, as_text

CAP = 10_000


class Tally:
    """Counts by text."""

    def __init__(self, cap: int = CAP) -> None:
        self.cap = cap
        self.counts: dict[str, int] = {}
        self.error = 0

    def add(self, values: Iterable[str], counts: Iterable[int]) -> None:
        """Count each value so many times more."""
        held = self.counts
        for value, n in zip(values, counts, strict=True):
            held[value] = held.get(value, 0) + n
        self._prune()

    def merge(self, other: Tally) -> None:
        """Add the other's counts."""
        self.counts = plus(self.counts, other.counts)
        self.error += other.error
        self._prune()

    def _prune(self) -> None:
        if len(self.counts) > self.cap:
            cut = sorted(self.counts.values(), reverse=True)[self.cap]
            self.counts = {value: n - cut for value, n in self.counts.items() if n > cut}
            self.error += cut

    def ordered(self) -> dict[str, int]:
        """Most frequent first, then by value."""
        return dict(sorted(self.counts.items(), key=lambda item: (-item[1], item[0])))

    def plain(self) -> Plain:
        """Everything, as plain data."""
        return {"counts": self.ordered(), "error": self.error}

    def load(self, plain: Plain) -> None:
        """From `plain`."""
        self.counts = {str(k): int(v) for k, v in plain["counts"].items()}
        self.error = int(plain["error"])


class CategoriesCell(Cell):
    """The values of one column as text."""

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.n = 0
        self.nulls = 0
        self.tally = Tally(int(options.get("cap", CAP)))

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        self.n += column.n
        self.nulls += column.nulls
        values, counts = column.uniques
        self.tally.add(as_text(values), counts.tolist())

    def merge(self, other: Self) -> None:
        """Add."""
        self.n += other.n
        self.nulls += other.nulls
        self.tally.merge(other.tally)

    def finish(self) -> Plain:
        """`counts` most frequent first; `exact`, or each too low by at most `error`."""
        return {"n": self.n, "nulls": self.nulls, "exact": self.tally.error == 0, **self.tally.plain()}

    def state(self) -> Plain:
        """The counts."""
        return {"n": self.n, "nulls": self.nulls, **self.tally.plain()}

    def load(self, state: Plain) -> None:
        """From `state`."""
        self.n, self.nulls = int(state["n"]), int(state["nulls"])
        self.tally.load(state)


class Categories(PerColumn):
    """`categories`."""

    name: ClassVar[str] = "categories"
    cell: ClassVar[type[Cell]] = CategoriesCell
