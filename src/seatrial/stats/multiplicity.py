"""Many tests at once: which of them still stand.

Assumption: valid p-values; Benjamini-Hochberg also needs independence or positive dependence. Guarantee: Holm keeps
the probability of any false hit, Benjamini-Hochberg the expected share of false hits, at the chosen level. Source:
Holm, Scand. J. Statistics 6 (1979) 65; Benjamini and Hochberg, JRSS-B 57 (1995) 289; Simes, Biometrika 73 (1986) 751.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm-adjusted p-values in the order given.

    >>> [round(p, 4) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, p[order] * np.arange(p.size, 0, -1))
    return _back(np.maximum.accumulate(stepped), order)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Benjamini-Hochberg q-values in the order given.

    >>> [round(q, 4) for q in benjamini_hochberg([0.01, 0.04, 0.03])]
    [0.03, 0.04, 0.04]
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, p[order] * p.size / np.arange(1, p.size + 1))
    return _back(np.minimum.accumulate(stepped[::-1])[::-1], order)


def simes(p_values: Sequence[float]) -> float:
    """One p-value for "none of these is real"; 1.0 for no tests.

    >>> round(simes([0.01, 0.5, 0.9]), 3)
    0.03
    """
    p = np.sort(_checked(p_values))
    return float(np.min(p * p.size / np.arange(1, p.size + 1))) if p.size else 1.0


def _checked(p_values: Sequence[float]) -> np.ndarray:
    p = np.asarray(p_values, dtype=np.float64)
    if p.size and not (p.min() >= 0.0 and p.max() <= 1.0):
        raise ValueError("p-values must lie in [0, 1]")
    return p


def _back(stepped: np.ndarray, order: np.ndarray) -> tuple[float, ...]:
    adjusted = np.empty_like(stepped)
    adjusted[order] = stepped
    return tuple(float(v) for v in adjusted)
