"""How many arrivals must be expected, so that chance brings as few as would leave a bound open hardly ever.

Assumption: independent arrivals at a known rate (Poisson). Guarantee: exact, by the relation of Poisson and gamma
tails. Source: Johnson, Kemp and Kotz, Univariate Discrete Distributions (2005) section 4.5.
"""

from __future__ import annotations

MISSED = 0.001
"""How often chance may bring too few."""


def expected_for(fewest: int, *, missed: float = MISSED) -> float:
    """The least expected number of arrivals with which fewer than `fewest` come at most with chance `missed`.

    Raises ValueError for a chance that is none.

    >>> [round(expected_for(n), 1) for n in (0, 1, 59, 299)]
    [0.0, 6.9, 85.6, 355.3]
    """
    if not 0.0 < missed < 1.0:
        raise ValueError(f"missed must lie between 0 and 1, got {missed}")
    if fewest <= 0:
        return 0.0
    from scipy.special import gammainccinv

    return float(gammainccinv(fewest, missed))
