"""What is lost on each labelled row, and how much rows count: an error of one kind, or how far a number is off.

Where every row counts the same and is right or wrong, shares are compared exactly. Everything else, errors in the unit
of what is predicted and rows that were drawn with unequal chances, is compared by means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.wording import percent
from seatrial.domains.model.acted import is_number
from seatrial.domains.scored.metrics import governed
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Floats, Ints, Mask
from seatrial.spec.system import System
from seatrial.stats import clusters, difference, proportions, weights
from seatrial.stats.contingency import fisher_more


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One loss and one weight for each labelled row, none negative; `weights` is None where all count the same.

    `share`: a loss is 1 where the answer is wrong and 0 elsewhere. `squared`: losses are squares, and people are told
    the root of their mean. `unit` is that of the number that is predicted. `groups` number the entity of every row,
    None where rows are independent.
    """

    values: Floats
    weights: Floats | None = None
    groups: Ints | None = None
    share: bool = True
    squared: bool = False
    unit: str = ""

    @property
    def counted(self) -> bool:
        """Whether it suffices to count rows and errors."""
        return self.share and self.weights is None

    @property
    def wrong(self) -> Mask:
        """The rows with a loss."""
        return np.asarray(self.values > 0.0, dtype=bool)

    def at(self, places: Ints) -> Loss:
        """Some of the rows; their entities are numbered without gaps."""
        return replace(
            self,
            values=self.values[places],
            weights=None if self.weights is None else self.weights[places],
            groups=None if self.groups is None else np.unique(self.groups[places], return_inverse=True)[1],
        )

    def weight(self, rows: Mask) -> float:
        """How much these rows count together."""
        return float(rows.sum()) if self.weights is None else float(self.weights[rows].sum())

    def total(self, rows: Mask) -> float:
        """What is lost on these rows together, by their weights."""
        kept = self.values[rows]
        return float(kept.sum()) if self.weights is None else float(kept @ self.weights[rows])

    def mean(self, rows: Mask) -> float:
        """The mean loss of these rows; NaN where they count for nothing."""
        weight = self.weight(rows)
        return self.total(rows) / weight if weight > 0.0 else math.nan

    def shown(self, mean: float) -> float:
        """A mean loss as people are told it."""
        return math.sqrt(max(0.0, mean)) if self.squared else mean

    def worded(self, mean: float) -> str:
        """The same in words, with its unit."""
        if self.share:
            return percent(mean)
        return f"{self.shown(mean):.3g} {self.unit}".rstrip()

    def harmful(self, rest: float, *, rise: float, part: float) -> float:
        """The mean loss from which on a slice matters where the rest loses `rest`.

        For a share `rise` comes on top of it; what has a unit is worse by `part` of what people are told.
        """
        if self.share:
            return rest + rise
        return rest * ((1.0 + part) ** 2 if self.squared else 1.0 + part)

    def more(self, inside: Mask, others: Mask | None = None) -> float:
        """The one-sided p-value that rows `inside` lose no more than `others`, which are all others by default."""
        apart = ~inside if others is None else others & ~inside
        if not (inside.any() and apart.any()):
            return 1.0
        both = inside | apart
        if self.counted:
            n, size = int(both.sum()), int(inside.sum())
            p = float(fisher_more(int(self.values[inside].sum()), size, int(self.values[both].sum()), n))
            if self.groups is None:
                return p
            return max(p, difference.over_clusters(self.values[both], inside[both], self._groups(both)))
        kept = None if self.weights is None else self.weights[both]
        return difference.over_clusters(self.values[both], inside[both], self._groups(both), weights=kept)

    def bounds(self, rows: Mask, alpha: float) -> tuple[float, float]:
        """The one-sided bounds of the mean loss of these rows; the widest where they count for nothing."""
        most = 1.0 if self.share else math.inf
        if not self.weight(rows) > 0.0:
            return 0.0, most
        groups = self._groups(rows)
        if self.counted:
            if groups is not None and np.unique(groups).size > 1:
                found = clusters.proportion_interval(self.values[rows], groups, alpha)
                return found.lower, found.upper
            errors, n = int(self.values[rows].sum()), int(rows.sum())
            return float(proportions.lower(errors, n, alpha)), float(proportions.upper(errors, n, alpha))
        kept = np.ones(int(rows.sum())) if self.weights is None else self.weights[rows]
        if self.share:
            found = weights.interval(self.values[rows], kept, alpha, groups=groups)
            return found.lower, found.upper
        reach = self._reach(rows, kept, groups, alpha)
        mean = self.mean(rows)
        return max(0.0, mean - reach), mean + reach

    def standard_error(self, rows: Mask) -> float:
        """Of the mean loss of these rows, as if they were independent."""
        kept = np.ones(int(rows.sum())) if self.weights is None else self.weights[rows]
        if kept.size < 2 or not kept.any():
            return math.inf
        return weights.hajek(self.values[rows], kept)[1]

    def _reach(self, rows: Mask, kept: Floats, groups: Ints | None, alpha: float) -> float:
        from scipy.stats import t

        places = np.arange(kept.size) if groups is None else np.unique(groups, return_inverse=True)[1]
        pull = np.bincount(places, weights=kept * (self.values[rows] - self.mean(rows)) / kept.sum())
        size = np.bincount(places, weights=kept)
        worth = int(size.sum() ** 2 / float(size @ size))
        if worth < 2:
            return math.inf
        error = math.sqrt(pull.size / (pull.size - 1) * float(pull @ pull))
        return float(t.ppf(1.0 - alpha, worth - 1)) * error

    def _groups(self, rows: Mask) -> Ints | None:
        return None if self.groups is None else self.groups[rows]


def number_loss(system: System, found: Outcomes, *, weights: Floats | None, groups: Ints | None) -> tuple[Loss, str]:
    """How far a predicted number is off, and what its mean is called.

    Up to the cap of the governed mean error where there is one, squared where its root is governed. A row without an
    answer is off by as much as the farthest one, or by the cap.
    """
    error = np.where(found.answered, np.abs(found.predicted - found.truth), np.nan)
    cap, squared = _cap(system)
    farthest = float(np.nanmax(error)) if found.answered.any() else 0.0
    off = np.minimum(np.where(found.answered, error, max(farthest, cap or 0.0)), math.inf if cap is None else cap)
    loss = Loss(
        values=off**2 if squared else off,
        weights=weights,
        groups=groups,
        share=False,
        squared=squared,
        unit=system.model.output.unit or "",
    )
    of = "root mean square error" if squared else "mean error"
    return loss, of if cap is None else f"{of} (an error counts up to {cap:g})"


def _cap(system: System) -> tuple[float | None, bool]:
    """The cap of the first governed mean error, and whether it is squared."""
    for metric in governed(system):
        name, _, cap = metric.name.partition("@")
        if name in {"mae", "rmse"} and is_number(cap):
            return float(cap), name == "rmse"
    return None, False
