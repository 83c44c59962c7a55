"""Whether a stated confidence comes true: by how much it is too high, and how far it lies from the truth in bins.

Assumption: rows are independent, or belong to independent clusters where groups are given. Guarantee: the bounds on the
excess are exact given the confidences (for fixed chances the tails of a sum of unequal trials are at most those of the
binomial with the same mean: Hoeffding, Annals of Mathematical Statistics 27 (1956) 713); over clusters approximate. The
binned errors have none. Source: Murphy, Journal of Applied Meteorology 12 (1973) 595 for the parts of the Brier score;
Ferro and Fricker, QJRMS 138 (2012) 1954 and Kumar, Liang and Ma, NeurIPS 2019, for taking the sampling term out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from seatrial.stats import clusters, proportions, weights
from seatrial.stats.interval import Interval

_Floats = npt.NDArray[np.float64]


def excess(
    confidence: _Floats,
    right: npt.NDArray[np.bool_],
    alpha: float = 0.05,
    *,
    groups: npt.NDArray[np.int64] | None = None,
    stands_for: _Floats | None = None,
) -> Interval:
    """The mean confidence above the share that was right, positive where it promises too much.

    `stands_for` tells how much of the traffic each row stands for, where some were likelier to be drawn than others.
    Raises ValueError for no rows, and for fewer than two clusters.

    >>> import numpy as np
    >>> found = excess(np.full(1000, 0.9), np.arange(1000) < 850)
    >>> round(found.value, 3), round(found.lower, 3), round(found.upper, 3)
    (0.05, 0.032, 0.07)
    """
    if stands_for is not None:
        found = weights.interval((confidence - right + 1.0) / 2.0, stands_for, alpha, groups=groups)
        lower, value, upper = (2.0 * each - 1.0 for each in (found.lower, found.value, found.upper))
        return replace(found, lower=lower, value=value, upper=upper)
    said = float(np.mean(confidence)) if confidence.size else math.nan
    if groups is None:
        share = proportions.interval(int(right.sum()), int(right.size), alpha)
        return Interval(
            value=said - share.value,
            lower=said - share.upper,
            upper=said - share.lower,
            n=share.n,
            n_effective=share.n_effective,
            method="Clopper-Pearson given the confidences",
        )
    scaled = (confidence - right + 1.0) / 2.0
    mean = clusters.mean_interval(scaled, groups, alpha)
    return Interval(
        value=said - float(np.mean(right)),
        lower=2.0 * mean.lower - 1.0,
        upper=2.0 * mean.upper - 1.0,
        n=mean.n,
        n_effective=mean.n_effective,
        method=mean.method,
        approximate=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Rows sorted by confidence in bins of equal mass: per bin how many, their mean confidence, how many were right."""

    n: npt.NDArray[np.int64]
    confidence: _Floats
    right: npt.NDArray[np.int64]
    low: _Floats
    high: _Floats


def binned(confidence: _Floats, right: npt.NDArray[np.bool_], bins: int = 10) -> Bins:
    """At most `bins` bins; equal confidences stay together.

    >>> import numpy as np
    >>> binned(np.array([0.1, 0.1, 0.9, 0.9]), np.array([False, True, True, True]), bins=2).right.tolist()
    [1, 2]
    """
    edges = np.unique(np.quantile(confidence, np.arange(1, bins) / bins))
    place = np.searchsorted(edges, confidence, side="right")
    count = np.bincount(place, minlength=edges.size + 1)
    kept = count > 0
    low, high = np.full(count.size, np.inf), np.full(count.size, -np.inf)
    np.minimum.at(low, place, confidence)
    np.maximum.at(high, place, confidence)
    sums = np.bincount(place, weights=confidence, minlength=count.size)
    return Bins(
        n=count[kept].astype(np.int64),
        confidence=sums[kept] / count[kept],
        right=np.bincount(place, weights=right, minlength=count.size)[kept].astype(np.int64),
        low=low[kept],
        high=high[kept],
    )


def debiased_error(bins: Bins) -> float:
    """The root mean square distance between confidence and truth over the bins, without what sampling adds.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> said = rng.random(20_000)
    >>> debiased_error(binned(said, rng.random(20_000) < said)) < 0.01
    True
    """
    several = bins.n > 1
    n, share = bins.n[several], bins.right[several] / bins.n[several]
    if not n.size:
        return math.nan
    squared = (bins.confidence[several] - share) ** 2 - share * (1.0 - share) / (n - 1)
    return math.sqrt(max(0.0, float(np.sum(n * squared) / np.sum(n))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Brier:
    """The Brier score of binned confidences: `reliability - resolution + uncertainty`, lower is better."""

    reliability: float
    resolution: float
    uncertainty: float


def brier(bins: Bins) -> Brier:
    """The parts of the Brier score.

    >>> import numpy as np
    >>> found = brier(binned(np.repeat([0.2, 0.8], 50), np.tile(np.arange(5) < 1, 20), bins=2))
    >>> round(found.reliability, 3), round(found.resolution, 3), round(found.uncertainty, 3)
    (0.18, 0.0, 0.16)
    """
    weight = bins.n / bins.n.sum()
    share = bins.right / bins.n
    overall = float(np.sum(weight * share))
    return Brier(
        reliability=float(np.sum(weight * (bins.confidence - share) ** 2)),
        resolution=float(np.sum(weight * (share - overall) ** 2)),
        uncertainty=overall * (1.0 - overall),
    )
