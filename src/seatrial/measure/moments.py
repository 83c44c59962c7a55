"""Mean, variance, skewness and kurtosis in one pass, merged pairwise.

Chan, Golub, LeVeque (1979) for the second moment, Pebay (SAND2008-6212) for the third and fourth. Exact up to float64
rounding, for any order of batches. Only finite numbers up to 1e75 count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from seatrial.measure.accumulator import Cell, PerColumn, Plain
from seatrial.measure.columns import Column

LARGEST = 1e75
Sums = tuple[int, float, float, float, float]


class MomentsCell(Cell):
    """n, mean and the sums of the second to fourth powers of the differences from it."""

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        super().__init__(options, column)
        self.sums: Sums = (0, 0.0, 0.0, 0.0, 0.0)
        self.beyond = 0

    def update(self, column: Column) -> None:
        """Add the values of one batch."""
        values = column.split[0].astype(np.float64)
        if column.ends is not None and max(-column.ends[0], column.ends[1]) > LARGEST:
            within = values[np.abs(values) <= LARGEST]
            self.beyond += int(values.size - within.size)
            values = within
        if values.size:
            mean = float(values.mean())
            away = values - mean
            square = away * away
            sums = (float(square.sum()), float((square * away).sum()), float((square * square).sum()))
            self.sums = _joined(self.sums, (int(values.size), mean, *sums))

    def merge(self, other: Self) -> None:
        """Add."""
        self.sums = _joined(self.sums, other.sums)
        self.beyond += other.beyond

    def finish(self) -> Plain:
        """`variance` is the sample's (n - 1); skewness and kurtosis the population's; None where undefined.

        `beyond` numbers are too large to raise to the fourth power and are left out.
        """
        n, mean, second, third, fourth = self.sums
        square = second * second
        return {
            "n": n,
            "beyond": self.beyond,
            "mean": mean if n else None,
            "variance": second / (n - 1) if n > 1 else None,
            "skewness": math.sqrt(n) * third / (second * math.sqrt(second)) if square > 0.0 else None,
            "kurtosis": n * fourth / square if square > 0.0 else None,
        }

    def state(self) -> Plain:
        """The sums."""
        return {"n": self.sums[0], "beyond": self.beyond, "sums": list(self.sums[1:])}

    def load(self, state: Plain) -> None:
        """From `state`."""
        mean, second, third, fourth = (float(v) for v in state["sums"])
        self.sums, self.beyond = (int(state["n"]), mean, second, third, fourth), int(state["beyond"])


def _joined(a: Sums, b: Sums) -> Sums:
    n = a[0] + b[0]
    if not a[0] or not b[0]:
        return a if a[0] else b
    delta = b[1] - a[1]
    step = delta / n
    product = a[0] * b[0]
    mean = a[1] + step * b[0]
    second = a[2] + b[2] + delta * step * product
    third = a[3] + b[3] + delta * step * step * product * (a[0] - b[0]) + 3.0 * step * (a[0] * b[2] - b[0] * a[2])
    fourth = (
        a[4]
        + b[4]
        + delta * step * step * step * product * (a[0] * a[0] - product + b[0] * b[0])
        + 6.0 * step * step * (a[0] * a[0] * b[2] + b[0] * b[0] * a[2])
        + 4.0 * step * (a[0] * b[3] - b[0] * a[3])
    )
    return n, mean, second, third, fourth


class Moments(PerColumn):
    """`moments`."""

    name: ClassVar[str] = "moments"
    cell: ClassVar[type[Cell]] = MomentsCell
