"""The Universal Scalability Law: how throughput grows with load, and where more load gives less of it.

    throughput(load) = gain * load / (1 + contention * (load - 1) + coherency * load * (load - 1))

Assumption: mean throughputs at several loads of one system, with errors of about equal size. Guarantee: none; least
squares that explain what was measured and warn before it is extrapolated, never a verdict. Intervals are approximate
(linearised, Student's t). Source: Gunther, Guerrilla Capacity Planning (2007) ch. 4-6; Möding, package usl for R.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FEWEST = 4
"""Points below which three parameters explain anything."""
_FLAT = 1e-9
"""A coherency below this is the edge of what was allowed, not something that was seen."""

_FARTHEST = 10.0
"""Times the largest measured load: what lies beyond that is nothing that was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalability:
    """A fitted law. `gain` is the throughput of one; `contention` and `coherency` are never negative."""

    gain: float
    contention: float
    coherency: float
    contention_interval: tuple[float, float]
    coherency_interval: tuple[float, float]
    largest: float
    """The largest load that was measured."""

    @property
    def peak_load(self) -> float:
        """The load beyond which throughput falls; infinite where no retrograde point was seen."""
        if self.coherency <= _FLAT:
            return math.inf
        return math.sqrt(max(0.0, 1.0 - self.contention) / self.coherency)

    @property
    def retrograde_seen(self) -> bool:
        """Whether the coherency is certainly above zero, and the load at which throughput falls not far off."""
        return self.coherency_interval[0] > 0.0 and self.peak_load <= _FARTHEST * self.largest

    @property
    def ceiling(self) -> float:
        """The throughput that is not exceeded; infinite where neither contention nor coherency was seen."""
        if math.isfinite(self.peak_load):
            return self.at(max(1.0, self.peak_load))
        return self.gain / self.contention if self.contention > _FLAT else math.inf

    def at(self, load: float) -> float:
        """The throughput that the law gives at a load."""
        return self.gain * load / (1.0 + self.contention * (load - 1.0) + self.coherency * load * (load - 1.0))

    @property
    def warning(self) -> str:
        """What must be said beside the fit."""
        if not self.retrograde_seen:
            return "no retrograde point seen: nothing is known beyond the largest load that was measured"
        if self.peak_load > self.largest:
            return "the retrograde point lies beyond the largest load that was measured: it is extrapolated"
        return "the retrograde point lies within what was measured"


def fit(load: Sequence[float], throughput: Sequence[float], *, confidence: float = 0.95) -> Scalability:
    """The law by least squares, with two-sided intervals. Raises ValueError for fewer than `FEWEST` different loads.

    >>> found = fit([1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557])
    >>> round(found.contention, 3), round(found.coherency, 3), round(found.gain, 3), round(found.peak_load, 1)
    (0.02, 0.02, 1.0, 7.0)
    """
    n, x = np.asarray(load, dtype=np.float64), np.asarray(throughput, dtype=np.float64)
    if n.shape != x.shape or not (np.isfinite(n).all() and np.isfinite(x).all()) or (n <= 0).any() or (x < 0).any():
        raise ValueError("loads must be above zero, throughputs not below it, and all of them finite")
    if np.unique(n).size < FEWEST or not (x > 0).any():
        raise ValueError(f"the law needs throughputs at {FEWEST} different loads or more")
    from scipy.optimize import least_squares

    scale = float(x.max())
    first = int(np.argmin(n))
    found = least_squares(
        lambda p: _law(p, n) - x / scale,
        [max(float(x[first] / n[first]) / scale, 1e-9), 0.01, 1e-4],
        bounds=([0.0, 0.0, 0.0], [np.inf, 1.0, np.inf]),
        x_scale="jac",
        xtol=1e-14,
        ftol=1e-14,
        gtol=1e-14,
        max_nfev=5000,
    )
    reach = _reach(found.jac, found.fun, confidence)
    gain, contention, coherency = (float(value) for value in found.x)
    return Scalability(
        gain=gain * scale,
        contention=contention,
        coherency=coherency if coherency > _FLAT else 0.0,
        contention_interval=(contention - reach[1], contention + reach[1]),
        coherency_interval=(coherency - reach[2], coherency + reach[2]),
        largest=float(n.max()),
    )


def _law(p: npt.NDArray[np.float64], n: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    made: npt.NDArray[np.float64] = p[0] * n / (1.0 + p[1] * (n - 1.0) + p[2] * n * (n - 1.0))
    return made


def _reach(jacobian: npt.NDArray[np.float64], residual: npt.NDArray[np.float64], confidence: float) -> list[float]:
    from scipy.stats import t

    free = residual.size - 3
    if free < 1:
        return [math.inf] * 3
    variance = float(residual @ residual) / free
    covariance = variance * np.linalg.pinv(jacobian.T @ jacobian)
    quantile = float(t.ppf(0.5 + confidence / 2.0, free))
    return [quantile * math.sqrt(max(0.0, float(v))) for v in np.diag(covariance)]
