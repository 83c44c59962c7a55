"""Bounds where rows belong together: several rows of one customer, machine or flight say less than as many strangers.

Assumption: clusters are independent of each other; rows inside one may depend in any way. Guarantee: approximate
(large number of clusters); never tighter than the exact bound for independent rows. Source: Korn and Graubard, Survey
Methodology 24 (1998) 193 (Clopper-Pearson at the effective sample size); Kish, Survey Sampling (1965) for the design
effect; Cochran, Sampling Techniques (1977) ch. 9A for the ratio estimator's variance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seatrial.stats import means
from seatrial.stats.interval import Interval

FEWEST = 30
"""Clusters below which the approximation is not to be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How much the clustering costs: `n_effective = n / effect`, `effect` at least 1, over `clusters` clusters."""

    n: int
    clusters: int
    effect: float
    standard_error: float

    @property
    def n_effective(self) -> float:
        """The number of independent rows that the sample is worth."""
        return self.n / self.effect


def design(values: Sequence[float] | npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> Design:
    """The design effect of the mean of `values` when rows with the same number in `groups` belong together.

    Raises ValueError for fewer than two clusters.

    >>> import numpy as np
    >>> found = design(np.repeat([0.0, 1.0] * 50, 4), np.repeat(np.arange(100), 4))
    >>> round(found.n_effective)
    99
    """
    array = np.asarray(values, dtype=np.float64)
    _, codes = np.unique(np.asarray(groups), return_inverse=True)
    count = int(codes.max()) + 1 if codes.size else 0
    if count < 2:
        raise ValueError("a design effect needs at least two clusters")
    n = array.size
    residual = np.bincount(codes, weights=array - array.mean(), minlength=count)
    clustered = count / (count - 1) * float(np.sum(residual**2)) / n**2
    plain = float(array.var()) / n
    effect = max(1.0, clustered / plain) if plain > 0 else _worst_effect(codes, n)
    return Design(n=n, clusters=count, effect=effect, standard_error=math.sqrt(max(clustered, plain)))


def proportion_interval(hits: npt.NDArray[np.float64], groups: npt.NDArray[np.int64], alpha: float = 0.05) -> Interval:
    """A share with Korn-Graubard bounds: Clopper-Pearson at the effective size, widened for few clusters.

    >>> import numpy as np
    >>> found = proportion_interval(np.repeat([1.0] * 9 + [0.0], 40), np.repeat(np.arange(100), 4))
    >>> found.lower < 0.9 < found.upper
    True
    """
    from scipy.special import betaincinv
    from scipy.stats import t

    made = design(hits, groups)
    quantile = 1.0 - alpha
    shrink = (t.ppf(quantile, made.n - 1) / t.ppf(quantile, made.clusters - 1)) ** 2
    n = min(float(made.n), made.n_effective * float(shrink))
    value = float(np.mean(hits))
    good, bad = value * n, (1.0 - value) * n
    return Interval(
        value=value,
        lower=float(betaincinv(good, bad + 1.0, alpha)) if good > 0 else 0.0,
        upper=float(betaincinv(good + 1.0, bad, quantile)) if bad > 0 else 1.0,
        n=made.n,
        n_effective=n,
        method="Korn-Graubard over clusters",
        approximate=True,
    )


def mean_interval(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64], alpha: float = 0.05) -> Interval:
    """A mean of values in [0, 1] with t bounds over clusters, never tighter than the betting bounds over rows.

    >>> import numpy as np
    >>> mean_interval(np.repeat([0.2, 0.4] * 50, 4), np.repeat(np.arange(100), 4)).lower < 0.3
    True
    """
    from scipy.stats import t

    made = design(values, groups)
    plain = means.betting_interval(values, alpha)
    reach = float(t.ppf(1.0 - alpha, made.clusters - 1)) * made.standard_error
    return Interval(
        value=plain.value,
        lower=max(0.0, min(plain.lower, plain.value - reach)),
        upper=min(1.0, max(plain.upper, plain.value + reach)),
        n=made.n,
        n_effective=made.n_effective,
        method="t over clusters",
        approximate=True,
    )


def _worst_effect(codes: npt.NDArray[np.int64], n: int) -> float:
    """Where all values agree the data cannot tell; then every cluster counts as one row."""
    sizes = np.bincount(codes)
    return float(np.sum(sizes.astype(np.float64) ** 2) / n)


def between(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> float:
    """The variance that groups have of their own, beside what the number of their rows makes; 0 where none shows.

    By the analysis of variance (method of moments): approximate, and only as good as the groups are many.

    >>> independent = between(np.array([0.0, 1.0] * 50), np.repeat(np.arange(50), 2))
    >>> together = between(np.repeat([0.0, 1.0] * 25, 2), np.repeat(np.arange(50), 2))
    >>> independent, round(together, 2)
    (0.0, 0.26)
    """
    _, sizes = np.unique(groups, return_counts=True)
    number, rows = sizes.size, values.size
    if number < 2 or rows <= number:
        return 0.0
    spread, within = _squares(values, groups)
    typical = (rows - float((sizes.astype(np.float64) ** 2).sum()) / rows) / (number - 1)
    return max(0.0, float((spread - within) / typical))


def differ(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64], alpha: float = 0.05) -> bool:
    """Whether the groups' means differ by more than chance: the F test of the analysis of variance, approximate.

    >>> together = np.repeat([0.0, 1.0] * 25, 2)
    >>> differ(together, np.repeat(np.arange(50), 2)), differ(np.array([0.0, 1.0] * 50), np.repeat(np.arange(50), 2))
    (True, False)
    """
    from scipy.special import fdtrc

    number, rows = np.unique(groups).size, values.size
    if number < 2 or rows <= number:
        return False
    spread, within = _squares(values, groups)
    if within <= 0.0:
        return spread > 0.0
    return bool(fdtrc(number - 1, rows - number, spread / within) <= alpha)


def _squares(values: npt.NDArray[np.float64], groups: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The mean squares between and within groups, of which there are at least two, and fewer than rows."""
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    means = np.bincount(places, weights=values) / sizes
    within = float(((values - means[places]) ** 2).sum() / (values.size - sizes.size))
    spread = float((sizes * (means - values.mean()) ** 2).sum() / (sizes.size - 1))
    return spread, within
