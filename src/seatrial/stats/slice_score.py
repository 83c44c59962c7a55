"""SliceLine's score: how bad a slice of the rows is, and the most that any part of it can reach.

For comparison with SliceLine only. With its usual `alpha` of 0.95 a slice of 1/36 of the rows with twice the average
error scores below zero and is never shown, so the gate ranks by excess errors instead. Assumption: errors are not
negative. Guarantee: the bound is never below the score of a slice of those parents (tested by brute force). Source:
Sagadeeva and Boehm, "SliceLine: Fast, Linear-Algebra-based Slice Finding for ML Model Debugging", SIGMOD 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceScore:
    """`alpha` weighs the error against the size. `rows` and `errors` are those of the whole table."""

    alpha: float
    rows: int
    errors: float
    least_rows: int

    def of(self, rows: Numbers, errors: Numbers) -> npt.NDArray[np.float64]:
        """Scores by size and sum of errors; minus infinity where there are too few rows or no errors.

        >>> SliceScore(alpha=0.95, rows=100, errors=10.0, least_rows=5).of(np.array([10]), np.array([5.0])).round(4)
        array([3.35])
        """
        scores = np.full(np.shape(rows), -np.inf)
        able = (rows >= self.least_rows) & (errors > 0)
        scores[able] = self._score(rows[able], errors[able])
        return scores

    def bound(self, rows: Numbers, errors: Numbers, largest: Numbers) -> npt.NDArray[np.float64]:
        """The most that a slice can score with at most so many rows, errors, and error of a single row.

        Minus infinity where no part can have enough rows.
        """
        bounds = np.full(np.shape(rows), -np.inf)
        able = (rows >= self.least_rows) & (errors > 0)
        most, total, single = rows[able].astype(np.float64), errors[able], largest[able]
        least = float(self.least_rows)
        sizes = (np.full(most.shape, least), np.clip(total / single, least, most), most)
        bounds[able] = np.max([self._score(size, np.minimum(size * single, total)) for size in sizes], axis=0)
        return bounds

    def _score(self, rows: Numbers, errors: Numbers) -> npt.NDArray[np.float64]:
        worse = (errors / rows) / (self.errors / self.rows) - 1.0
        found: npt.NDArray[np.float64] = self.alpha * worse - (1.0 - self.alpha) * (self.rows / rows - 1.0)
        return found
