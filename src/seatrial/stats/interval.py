"""A figure with its two one-sided bounds: what every estimate in this package returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """`lower` and `upper` each hold on their own with the error rate that was asked for.

    `n` is the number of observations behind it, `n_effective` what they are worth after clustering or weighting.
    `approximate` is True where the bounds rest on large samples and have no proof for finite ones.
    """

    value: float
    lower: float
    upper: float
    n: int
    n_effective: float
    method: str
    approximate: bool = False
