"""Exact bounds on a rate of events per unit of exposure (per day, per thousand requests).

Assumption: a Poisson process. Guarantee: each one-sided bound is wrong with probability at most `alpha`. Source:
Garwood, Biometrika 28 (1936) 437.
"""

from __future__ import annotations

import math


def lower(events: int, exposure: float, alpha: float = 0.05) -> float:
    """The exact lower bound on events per unit of exposure; 0.0 for no exposure.

    >>> round(lower(10, 1.0), 4)
    5.4254
    """
    _check(events, exposure)
    if events == 0 or exposure == 0.0:
        return 0.0
    from scipy.special import gammaincinv

    return float(gammaincinv(events, alpha)) / exposure


def upper(events: int, exposure: float, alpha: float = 0.05) -> float:
    """The exact upper bound on events per unit of exposure; infinity for no exposure.

    >>> round(upper(0, 1.0), 4)
    2.9957
    """
    _check(events, exposure)
    if exposure == 0.0:
        return math.inf
    from scipy.special import gammaincinv

    return float(gammaincinv(events + 1, 1.0 - alpha)) / exposure


def clean_exposure(rate: float, alpha: float = 0.05) -> float:
    """How much exposure without one event establishes that the rate is at most `rate`.

    >>> round(clean_exposure(1.0), 4)
    2.9957
    """
    if not rate > 0.0:
        raise ValueError("a rate limit must be positive")
    return math.log(1.0 / alpha) / rate


def _check(events: int, exposure: float) -> None:
    if events < 0 or not exposure >= 0.0 or math.isinf(exposure):
        raise ValueError(f"{events} events in an exposure of {exposure}")
