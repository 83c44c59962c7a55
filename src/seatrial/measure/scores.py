"""Scores of each class in fixed bins, from which the area under the ROC curve follows between hard limits.

With P_b positives and N_b negatives in bin b, the true pairs won lie between sum(P_b N_<b) and that plus sum(P_b N_b):
an interval without any assumption, here 4,096 bins over [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from seatrial.measure.accumulator import Accumulator, Plain, packed, unpacked
from seatrial.measure.columns import Columns
from seatrial.measure.outcomes import required, scored

BINS = 4096


class Scores(Accumulator):
    """`scores`. Rows without label or score, and scores outside [0, 1], are counted and left out."""

    name: ClassVar[str] = "scores"

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        required(options, self.name, "score", "label", "positive")
        bins = int(options.get("bins", BINS))
        self._positive: npt.NDArray[np.int64] = np.zeros(bins, dtype=np.int64)
        self._negative: npt.NDArray[np.int64] = np.zeros(bins, dtype=np.int64)
        self._left_out: npt.NDArray[np.int64] = np.zeros(3, dtype=np.int64)

    def columns(self) -> tuple[str, ...] | None:
        """Score and label."""
        return (self.options["score"], self.options["label"])

    def _update(self, columns: Columns) -> None:
        rows = scored(columns, self.options)
        bins = self._positive.size
        places = np.minimum((rows.score * bins).astype(np.int64), bins - 1)
        self._positive += np.bincount(places[rows.positive], minlength=bins)
        self._negative += np.bincount(places[~rows.positive], minlength=bins)
        self._left_out += (rows.unlabelled, rows.unanswered, rows.outside)

    def _merge(self, other: Self) -> None:
        self._positive = self._positive + other._positive
        self._negative = self._negative + other._negative
        self._left_out = self._left_out + other._left_out

    def _finish(self) -> Plain:
        pairs = int(self._positive.sum()) * int(self._negative.sum())
        below = np.concatenate([[0], np.cumsum(self._negative)[:-1]])
        low = sum(int(p) * int(n) for p, n in zip(self._positive, below, strict=True))
        ties = sum(int(p) * int(n) for p, n in zip(self._positive, self._negative, strict=True))
        return {
            "positive": self._positive.tolist(),
            "negative": self._negative.tolist(),
            "auc": (low + ties / 2) / pairs if pairs else None,
            "auc_low": low / pairs if pairs else None,
            "auc_high": (low + ties) / pairs if pairs else None,
            "unlabelled": int(self._left_out[0]),
            "unanswered": int(self._left_out[1]),
            "outside": int(self._left_out[2]),
        }

    def _state(self) -> Plain:
        return {"positive": packed(self._positive), "negative": packed(self._negative), "left": packed(self._left_out)}

    def _load(self, body: Plain) -> None:
        self._positive, self._negative = unpacked(body["positive"]), unpacked(body["negative"])
        self._left_out = unpacked(body["left"])
