"""How often the model's output is acted on, with no label needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from seatrial.measure.accumulator import Accumulator, Plain, plus
from seatrial.measure.columns import Columns
from seatrial.measure.outcomes import is_positive, required


class DecisionRate(Accumulator):
    """`decision-rate`: by `score` at or above `threshold`, or by `prediction` equal to `positive`.

    `sum_score` is the sum of the finite scores, None where only predictions are known.
    """

    name: ClassVar[str] = "decision-rate"

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        self._by_score = options.get("prediction") is None
        required(options, self.name, *(("score", "threshold") if self._by_score else ("prediction", "positive")))
        self._counts = {"answered": 0, "acted": 0, "unanswered": 0}
        self._sum = 0.0

    def columns(self) -> tuple[str, ...] | None:
        """The score or the prediction."""
        return (self.options["score" if self._by_score else "prediction"],)

    def _update(self, columns: Columns) -> None:
        if self._by_score:
            score = columns[self.options["score"]].rows_as_numbers
            given = np.isfinite(score)
            acted = given & (np.where(given, score, -np.inf) >= float(self.options["threshold"]))
            self._sum += float(score[given].sum())
        else:
            acted, given = is_positive(columns, self.options["prediction"], self.options["positive"])
        n, answered = int(given.size), int(given.sum())
        self._counts = plus(self._counts, {"answered": answered, "acted": int(acted.sum()), "unanswered": n - answered})

    def _merge(self, other: Self) -> None:
        self._counts = plus(self._counts, other._counts)
        self._sum += other._sum

    def _finish(self) -> Plain:
        return {**self._counts, "sum_score": self._sum if self._by_score else None}

    def _state(self) -> Plain:
        return {**self._counts, "sum": self._sum}

    def _load(self, body: Plain) -> None:
        self._counts = {name: int(body[name]) for name in self._counts}
        self._sum = float(body["sum"])
