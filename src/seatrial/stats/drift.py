"""How far two samples lie apart, from counts in the same bins, in one unit.

Different distances have different scales; each is also given as its *d-equivalent*: the shift, in standard
deviations, of a normal distribution that would give the same distance. Assumption: independent rows, bins fixed
beforehand. Guarantee: the distances are exact for the bins; the bounds come from a multinomial bootstrap and are
approximate. Source: Lin, IEEE Trans. Inf. Theory 37 (1991) 145; Yurdakul and Naranjo, J. Risk Model Validation 14
(2020) for the null of the PSI.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from seatrial.stats.interval import Interval

Counts = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Distance = Literal["psi", "js"]
WARN_D, FAIL_D = 0.2, 0.5
"""Default cut-offs in d-equivalents."""
_GRID_D = 6.0


def psi(reference: Counts, current: Counts) -> float:
    """The population stability index, empty bins counting as half a row.

    >>> import numpy as np
    >>> psi(np.array([50, 50]), np.array([50, 50]))
    0.0
    """
    p, q = _smoothed(reference), _smoothed(current)
    return float(np.sum((p - q) * np.log(p / q)))


def psi_expected(bins: int, n: int, m: int) -> float:
    """What the PSI of two samples of n and m rows is on average when nothing moved.

    >>> round(psi_expected(10, 1000, 1000), 4)
    0.018
    """
    return (bins - 1) * (1.0 / n + 1.0 / m)


def psi_null_quantile(bins: int, n: int, m: int, confidence: float = 0.95) -> float:
    """What the PSI of two samples stays below with that probability when nothing moved.

    >>> round(psi_null_quantile(10, 1000, 1000), 4)
    0.0338
    """
    from scipy.stats import chi2

    return (1.0 / n + 1.0 / m) * float(chi2.ppf(confidence, bins - 1))


def js_distance(reference: Counts, current: Counts) -> float:
    """The Jensen-Shannon distance (square root of the divergence in bits): 0 for equal, 1 for disjoint.

    >>> import numpy as np
    >>> js_distance(np.array([10, 0]), np.array([0, 10]))
    1.0
    """
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2.0
    return math.sqrt(max(0.0, (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2.0))


def ks(reference: Counts, current: Counts) -> float:
    """The Kolmogorov-Smirnov distance at the bins' edges: a lower limit of that of the values.

    >>> import numpy as np
    >>> ks(np.array([1, 1, 2]), np.array([2, 1, 1]))
    0.25
    """
    return float(np.max(np.abs(np.cumsum(_shares(reference)) - np.cumsum(_shares(current)))))


def w1(reference: Counts, current: Counts, centres: npt.NDArray[np.float64]) -> float:
    """The Wasserstein-1 distance with every bin's mass at its centre, in the unit of `centres` (ascending).

    >>> import numpy as np
    >>> w1(np.array([1, 0]), np.array([0, 1]), np.array([0.0, 3.0]))
    3.0
    """
    gap = np.abs(np.cumsum(_shares(reference)) - np.cumsum(_shares(current)))[:-1]
    return float(np.sum(gap * np.diff(np.asarray(centres, dtype=np.float64))))


def ks_critical(n: int, m: int) -> float:
    """What the KS distance of two samples stays below in 95 % of cases when nothing moved.

    >>> round(ks_critical(1000, 1000), 4)
    0.0607
    """
    return math.sqrt(-math.log(0.05 / 2.0) / 2.0) * math.sqrt((n + m) / (n * m))


def normal_psi(d: float, bins: int = 10) -> float:
    """The PSI of N(0,1) against N(d,1) in equal-mass bins of the former.

    >>> round(normal_psi(0.323), 3)
    0.1
    """
    p, q = _normal_shares(d, bins)
    return float(np.sum((p - q) * np.log(p / q)))


def normal_js(d: float, bins: int = 200) -> float:
    """The Jensen-Shannon distance of N(0,1) against N(d,1); fine bins for the continuous figure.

    >>> round(normal_js(0.236), 3)
    0.1
    """
    p, q = _normal_shares(d, bins)
    middle = (p + q) / 2.0
    return math.sqrt(max(0.0, (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2.0))


def d_of_psi(value: float) -> float:
    """The d-equivalent of a PSI over ten equal-mass bins.

    >>> round(d_of_psi(0.25), 2)
    0.51
    """
    return _inverse("psi", value)


def d_of_js(value: float) -> float:
    """The d-equivalent of a Jensen-Shannon distance.

    >>> round(d_of_js(0.1), 3)
    0.236
    """
    return _inverse("js", value)


def d_of_ks(value: float) -> float:
    """The d-equivalent of a KS distance: KS = 2 Phi(d/2) - 1.

    >>> round(d_of_ks(0.202), 2)
    0.51
    """
    from scipy.special import ndtri

    return _GRID_D if value >= 1.0 else 2.0 * float(ndtri((1.0 + max(0.0, value)) / 2.0))


def d_of_auc(value: float) -> float:
    """The d-equivalent of a domain classifier's AUC: AUC = Phi(d/sqrt 2).

    >>> round(d_of_auc(0.642), 2)
    0.51
    """
    from scipy.special import ndtri

    return _GRID_D if value >= 1.0 else math.sqrt(2.0) * float(ndtri(max(0.5, value)))


def beside(share: float, d: float) -> float:
    """What a share of a normal distribution, cut off from above, becomes where all of it moves by d.

    >>> round(beside(0.5, 0.5), 3), beside(0.2, 0.0)
    (0.691, 0.2)
    """
    from scipy.special import ndtr, ndtri

    return share if d == 0.0 else float(ndtr(ndtri(share) + d))


def effective_share_of_d(d: float) -> float:
    """The share of rows that still counts after re-weighting over a shift of d: exp(-d^2).

    >>> round(effective_share_of_d(1.0), 3)
    0.368
    """
    return math.exp(-d * d)


def d_interval(
    reference: Counts,
    current: Counts,
    *,
    distance: Distance,
    alpha: float = 0.05,
    draws: int = 200,
    seed: int = 0,
) -> Interval:
    """The d-equivalent of the PSI or JS distance, its sampling bias removed, with multinomial bootstrap bounds.

    The ends are taken at half of `alpha`: at all of it the upper bound of a shift of exactly 0.5 lay below 0.5 in 7.3 %
    of 700 runs with 3,000 and 2,000 rows whose bins the reference decides, at half of it in 4.4 %.

    Raises ValueError when a side has no rows.

    >>> import numpy as np
    >>> found = d_interval(np.full(10, 1000), np.full(10, 1000), distance="psi", draws=50)
    >>> found.value < 0.05 and found.upper < 0.1
    True
    """
    ref, cur = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    n, m = float(ref.sum()), float(cur.sum())
    if n <= 0 or m <= 0:
        raise ValueError("a distance needs rows on both sides")
    kept = (ref + cur) > 0
    ref, cur = ref[kept], cur[kept]
    bias = (ref.size - 1) * (1.0 / n + 1.0 / m)
    rng = np.random.default_rng(seed)
    again_ref = rng.multinomial(round(n), ref / n, size=draws)
    again_cur = rng.multinomial(round(m), cur / m, size=draws)
    found = np.array([_raw(a, b, distance) for a, b in zip(again_ref, again_cur, strict=True)])
    # Resampling adds the sampling noise once more: twice the bias comes off.
    scale = 1.0 if distance == "psi" else 1.0 / (8.0 * math.log(2.0))
    centre = max(0.0, _raw(ref, cur, distance) - bias * scale)
    ends = np.sort(np.maximum(0.0, found - 2.0 * bias * scale))
    low = float(ends[max(0, math.floor(alpha / 2.0 * draws) - 1)])
    high = float(ends[min(draws - 1, math.ceil((1.0 - alpha / 2.0) * draws) - 1)])
    # Below the noise of two equal samples nothing can be told apart: the bound cannot be smaller than that.
    noise = float(np.sqrt(2.0 * (ref.size - 1)) * (1.0 / n + 1.0 / m) * 1.645 * scale)
    return Interval(
        value=_as_d(centre, distance),
        lower=_as_d(min(low, centre), distance),
        upper=_as_d(max(high, centre + noise), distance),
        n=round(n + m),
        n_effective=n * m / (n + m),
        method=f"{distance.upper()} less its expectation, multinomial bootstrap",
        approximate=True,
    )


def _raw(reference: Counts, current: Counts, distance: Distance) -> float:
    return psi(reference, current) if distance == "psi" else js_distance(reference, current) ** 2


def _as_d(raw: float, distance: Distance) -> float:
    return d_of_psi(raw) if distance == "psi" else d_of_js(math.sqrt(raw))


def _shares(counts: Counts) -> npt.NDArray[np.float64]:
    array = np.asarray(counts, dtype=np.float64)
    total = float(array.sum())
    if total <= 0.0:
        raise ValueError("a distance needs rows on both sides")
    return array / total


def _smoothed(counts: Counts) -> npt.NDArray[np.float64]:
    array = np.asarray(counts, dtype=np.float64)
    if float(array.sum()) <= 0.0:
        raise ValueError("a distance needs rows on both sides")
    return _shares(np.where(array > 0, array, 0.5))


def _relative_entropy(p: npt.NDArray[np.float64], q: npt.NDArray[np.float64]) -> float:
    held = p > 0
    return float(np.sum(p[held] * np.log2(p[held] / q[held])))


def _normal_shares(d: float, bins: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    from scipy.special import ndtr, ndtri

    edges = ndtri(np.arange(1, bins) / bins)
    p = np.full(bins, 1.0 / bins)
    q = np.diff(np.concatenate([[0.0], ndtr(edges - d), [1.0]]))
    return p, np.maximum(q, 1e-300)


@lru_cache(maxsize=2)
def _table(distance: Distance) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    grid = np.concatenate([np.linspace(0.0, 1.0, 101), np.linspace(1.05, _GRID_D, 100)])
    of = normal_psi if distance == "psi" else normal_js
    return np.array([of(float(d)) for d in grid]), grid


def _inverse(distance: Distance, value: float) -> float:
    if math.isnan(value):
        return math.nan
    figures, grid = _table(distance)
    return float(np.interp(value, figures, grid))
