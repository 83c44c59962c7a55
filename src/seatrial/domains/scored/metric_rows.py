"""What a metric looks at: its rows, a value for each, and the scale that turns them into the metric."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.stats import auc
from seatrial.stats.confusion import Named

Scale = Literal["share", "f1", "mean", "root", "auc", "table", "ratio", "quantile"]


class MetricProblem(ValueError):
    """The metric cannot be computed on these rows: `code` and the sentence say why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """The confusion matrix behind a metric: its shape, and the figure that is taken of it."""

    shape: tuple[int, int]
    figure: Named


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRows:
    """The labelled rows a metric looks at, and what it knows of each: `values`, one for each of `places`.

    | `scale` | `values` are | the metric is |
    |---|---|---|
    | `share`, `mean` | numbers in [0, 1] | their mean, times `cap` |
    | `f1` | 1 for TP, 0 for FP and FN | 2J/(1+J) of their mean J |
    | `root` | squares in [0, 1] | the root of their mean, times `cap` |
    | `auc` | scores | the AUC of the rows in `positive` |
    | `table` | places in the flattened `confusion` matrix | its figure |
    | `ratio` | numbers in [0, 1] | their sum over that of `amounts` |
    | `quantile` | numbers, infinite where there is no answer | their percentile `share` |

    `units` is given where a row brings several values, such as the fields of an extraction: for each value the
    labelled row that it belongs to.
    """

    used: Mask
    values: Floats
    scale: Scale
    cap: float = 1.0
    positive: Mask | None = None
    units: Ints | None = None
    confusion: Confusion | None = None
    amounts: Floats | None = None
    share: float = 0.5

    @property
    def places(self) -> Ints:
        """For each value the labelled row that it belongs to."""
        return np.flatnonzero(self.used) if self.units is None else self.units

    @property
    def value(self) -> float:
        """The metric on its own scale; not a number for an AUC of one class."""
        if self.positive is not None:
            whole = self.positive.any() and not self.positive.all()
            return auc.interval(self.values[self.positive], self.values[~self.positive]).value if whole else math.nan
        if self.scale == "quantile":
            at = min(self.values.size - 1, math.ceil(self.share * self.values.size) - 1)
            return float(np.partition(self.values, at)[at])
        if self.scale == "ratio":
            amounts = np.asarray(self.amounts, dtype=np.float64)
            return float(self.values.sum() / amounts.sum())
        if self.confusion is not None:
            shape = self.confusion.shape
            table = np.bincount(self.values.astype(np.int64), minlength=shape[0] * shape[1]).reshape(shape)
            return float(self.confusion.figure.of(table.astype(np.float64)))
        return self.shown(float(self.values.mean()))

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest that the metric can be."""
        if self.confusion is not None:
            return self.confusion.figure.least, self.confusion.figure.greatest
        return 0.0, math.inf if self.scale in {"ratio", "quantile"} else self.cap

    def shown(self, raw: float) -> float:
        """A bound on what `scale` is bounded by, a share or a mean of `values`, on the metric's own scale."""
        if self.scale == "f1":
            return 2.0 * raw / (1.0 + raw)
        if self.scale == "root":
            return self.cap * math.sqrt(max(0.0, raw))
        return raw * self.cap

    def raw(self, limit: float) -> float:
        """A limit on the metric's own scale as a share or mean of `values`."""
        if self.scale == "f1":
            return limit / (2.0 - limit)
        if self.scale == "root":
            return (limit / self.cap) ** 2
        return limit / self.cap
