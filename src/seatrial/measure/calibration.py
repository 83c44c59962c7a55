"""Reliability: in each bin of the score how many rows, the sum of their scores, and how many were positive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from seatrial.measure.accumulator import Accumulator, MeasureError, Plain, packed, unpacked
from seatrial.measure.columns import Columns
from seatrial.measure.outcomes import required, scored


class Calibration(Accumulator):
    """`calibration`. Bins are [e_i, e_i+1), the last one closed; rows that do not fit are counted apart."""

    name: ClassVar[str] = "calibration"

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        required(options, self.name, "score", "label", "positive")
        edges = options.get("edges") or np.linspace(0.0, 1.0, int(options.get("bins", 20)) + 1)
        self._edges = np.asarray(edges, dtype=np.float64)
        if self._edges.size < 2 or not (np.diff(self._edges) > 0).all():
            raise MeasureError("calibration: `edges` must ascend and make at least one bin")
        self._sums: npt.NDArray[np.float64] = np.zeros((3, self._edges.size - 1))
        self._left_out: npt.NDArray[np.int64] = np.zeros(3, dtype=np.int64)

    def columns(self) -> tuple[str, ...] | None:
        """Score and label."""
        return (self.options["score"], self.options["label"])

    def _update(self, columns: Columns) -> None:
        rows = scored(columns, self.options)
        bins = self._edges.size - 1
        places = np.searchsorted(self._edges, rows.score, side="right") - 1
        places[rows.score == self._edges[-1]] = bins - 1
        inside = (places >= 0) & (places < bins)
        places, score, positive = places[inside], rows.score[inside], rows.positive[inside]
        self._sums += (
            np.bincount(places, minlength=bins),
            np.bincount(places, weights=score, minlength=bins),
            np.bincount(places, weights=positive, minlength=bins),
        )
        self._left_out += (rows.unlabelled, rows.unanswered, rows.outside + int((~inside).sum()))

    def _merge(self, other: Self) -> None:
        self._sums = self._sums + other._sums
        self._left_out = self._left_out + other._left_out

    def _finish(self) -> Plain:
        return {
            "bins": [
                {
                    "low": float(self._edges[i]),
                    "high": float(self._edges[i + 1]),
                    "n": int(self._sums[0, i]),
                    "sum_score": float(self._sums[1, i]),
                    "sum_label": int(self._sums[2, i]),
                }
                for i in range(self._edges.size - 1)
            ],
            "unlabelled": int(self._left_out[0]),
            "unanswered": int(self._left_out[1]),
            "outside": int(self._left_out[2]),
        }

    def _state(self) -> Plain:
        return {"sums": packed(self._sums), "left": packed(self._left_out)}

    def _load(self, body: Plain) -> None:
        self._sums, self._left_out = unpacked(body["sums"]), unpacked(body["left"])
