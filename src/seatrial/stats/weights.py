"""A mean re-weighted from the rows at hand to another mix, such as the live one.

Assumption: the weights are right up to a factor and every kind of live row occurs among the rows at hand (mass that
does not is handed in as `unsupported` and counts as wrong). Guarantee: approximate. The smaller of the
self-normalised t bound and Clopper-Pearson at the effective sample size, both at half the error rate: measured
coverage 95.5 % at a nominal 95 % (3,000 simulated runs, mean shift of 0.7 sd), not a proof; with estimated weights
and few rows less, hence the conclusiveness rules. Source: Hájek (1971); Kish (1965) for the effective sample size;
Owen, Monte Carlo theory (2013) ch. 9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far the weights can be trusted: effective rows, their share of all rows, and the largest single share."""

    n: int
    effective: float
    largest: float

    @property
    def share(self) -> float:
        """Effective rows over rows."""
        return self.effective / self.n if self.n else 0.0

    def problems(self, *, rows: float = 500, share: float = 0.2, largest: float = 0.1) -> tuple[str, ...]:
        """Why a re-weighted figure would be inconclusive; empty where it is not.

        >>> Spread(n=1000, effective=600.0, largest=0.01).problems()
        ()
        """
        found = []
        if not self.effective >= rows:
            found.append(f"the rows are worth only {self.effective:.0f} live-like rows, {rows:.0f} are needed")
        if not self.share >= share:
            found.append(f"only {self.share:.0%} of the rows count after re-weighting, {share:.0%} are needed")
        if not self.largest <= largest:
            found.append(f"a single row carries {self.largest:.0%} of the weight, {largest:.0%} is the most")
        return tuple(found)


def spread(weights: Floats) -> Spread:
    """Kish's effective sample size of the weights. Raises ValueError unless finite, not negative, with a positive sum.

    >>> import numpy as np
    >>> spread(np.array([1.0, 1.0, 1.0, 1.0])).effective
    4.0
    """
    array = np.asarray(weights, dtype=np.float64)
    total = float(array.sum()) if array.size else 0.0
    if not math.isfinite(total) or total <= 0.0 or float(array.min()) < 0.0:
        raise ValueError("weights must be finite, not negative, and not all zero")
    return Spread(
        n=int(array.size),
        effective=total**2 / float(np.sum(array**2)),
        largest=float(array.max()) / total,
    )


def hajek(values: Floats, weights: Floats) -> tuple[float, float]:
    """The self-normalised weighted mean and its standard error.

    >>> import numpy as np
    >>> hajek(np.array([0.0, 1.0]), np.array([1.0, 3.0]))[0]
    0.75
    """
    w = np.asarray(weights, dtype=np.float64)
    share = w / float(w.sum())
    value = float(np.sum(share * values))
    return value, math.sqrt(float(np.sum(share**2 * (values - value) ** 2)))


def interval(
    values: Floats,
    weights: Floats,
    alpha: float = 0.05,
    *,
    unsupported: float = 0.0,
    groups: npt.NDArray[np.int64] | None = None,
) -> Interval:
    """The re-weighted mean of values in [0, 1] with both one-sided bounds.

    Rows with the same number in `groups` may depend on each other. `unsupported` is the share of the target mix that no
    row stands for: for the lower bound it counts as 0, for the upper one as 1. Raises
    ValueError for values outside [0, 1] or impossible weights.

    >>> import numpy as np
    >>> found = interval(np.array([1.0] * 900 + [0.0] * 100), np.ones(1000))
    >>> round(found.value, 2), round(found.lower, 2)
    (0.9, 0.88)
    """
    from scipy.special import betaincinv
    from scipy.stats import t

    array = np.asarray(values, dtype=np.float64)
    if array.size and not (array.min() >= 0.0 and array.max() <= 1.0):
        raise ValueError("values must be finite and lie in [0, 1]")
    if not 0.0 <= unsupported <= 1.0:
        raise ValueError("the unsupported share must lie in [0, 1]")
    found = spread(weights)
    value, error = hajek(array, weights)
    worth, degrees = found.effective, math.inf
    if groups is not None:
        pull = np.bincount(
            np.unique(groups, return_inverse=True)[1], weights=weights / np.sum(weights) * (array - value)
        )
        together = math.sqrt(pull.size / max(1, pull.size - 1) * float(np.sum(pull**2)))
        worth = worth / max(1.0, (together / error) ** 2) if error > 0.0 else min(worth, float(pull.size))
        error, degrees = max(error, together), float(pull.size)
    n = max(1, math.floor(worth))
    reach = float(t.ppf(1.0 - alpha / 2.0, max(1.0, min(n, degrees) - 1.0))) * error
    good, bad = math.floor(value * n), math.ceil(value * n)
    exact_low = float(betaincinv(good, n - good + 1, alpha / 2.0)) if good > 0 else 0.0
    exact_high = float(betaincinv(bad + 1, n - bad, 1.0 - alpha / 2.0)) if bad < n else 1.0
    seen = 1.0 - unsupported
    return Interval(
        value=seen * value,
        lower=seen * max(0.0, min(value - reach, exact_low)),
        upper=min(1.0, seen * min(1.0, max(value + reach, exact_high)) + unsupported),
        n=int(array.size),
        n_effective=worth,
        method="smaller of Hájek t and Clopper-Pearson at the effective size",
        approximate=True,
    )
