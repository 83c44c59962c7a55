"""The power of a search: how likely it finds what is there.

A search that found nothing proves nothing unless it would have found the smallest harm that matters. Assumption:
trials hit at random. Guarantee: the closed forms are exact; simulated power is bounded by Clopper-Pearson over its
repetitions. Source: Cohen, Statistical Power Analysis (1988); the find-and-confirm design is that of Cox, Biometrika
62 (1975) 441.
"""

from __future__ import annotations

import math

import numpy as np

from seatrial.stats import contingency, proportions
from seatrial.stats.interval import Interval

_ALPHA = 0.05


def seen_at_least_once(share: float, n: int) -> float:
    """The probability that n random trials meet something of that share at least once: 1 - (1 - p)^n.

    >>> round(seen_at_least_once(0.01, 299), 3)
    0.95
    """
    return 1.0 if share >= 1.0 and n else -math.expm1(n * math.log1p(-share))


def trials_to_see(share: float, power: float = 0.8) -> int:
    """The trials that meet something of that share at least once with that probability.

    >>> trials_to_see(0.01, 0.95)
    299
    """
    if not 0.0 < share < 1.0 or not 0.0 < power < 1.0:
        raise ValueError("share and power must lie strictly between 0 and 1")
    return math.ceil(math.log1p(-power) / math.log1p(-share) - 1e-9)


def measured_power(found: int, planted: int, alpha: float = 0.05) -> Interval:
    """The share of planted defects that a search found, with exact bounds. Raises ValueError for none planted.

    >>> round(measured_power(59, 59).lower, 2)
    0.95
    """
    return proportions.interval(found, planted, alpha)


def find_confirm_power(
    n: int,
    *,
    share: float,
    base: float,
    harm: float,
    candidates: int,
    kept: int = 10,
    draws: int = 400,
    seed: int = 0,
) -> float:
    """The power to find a group of that share whose error is `base + harm` on one half and to confirm it on the other.

    On the first half the group must be among the `kept` smallest p-values of `candidates` groups, the others being
    null; on the second its Fisher p-value must stand against Holm's first step over the kept ones. Simulated, n rows
    in all.

    >>> find_confirm_power(20_000, share=0.05, base=0.1, harm=0.1, candidates=300, draws=50) > 0.95
    True
    """
    half = n // 2
    inside = round(share * half)
    if inside < 1 or half - inside < 1:
        return 0.0
    rng = np.random.default_rng(seed)
    rates = (min(1.0, base + harm), base)
    found = np.array([rng.binomial(inside, rates[0], draws) for _ in range(2)])
    rest = np.array([rng.binomial(half - inside, rates[1], draws) for _ in range(2)])
    tail = np.array(
        [
            [float(contingency.fisher_more(int(e), inside, int(e + r), half)) for e, r in zip(es, rs, strict=True)]
            for es, rs in zip(found, rest, strict=True)
        ]
    )
    others = np.sort(rng.random((draws, max(candidates - 1, kept))), axis=1)[:, kept - 1]
    return float(np.mean((tail[0] <= others) & (tail[1] <= _ALPHA / kept)))
