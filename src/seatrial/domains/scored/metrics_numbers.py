"""Metrics of predicted numbers. A row without an answer has an infinite error, which a declared cap cuts."""

from __future__ import annotations

import math
import re

import numpy as np

from seatrial.domains.scored.labelled import Outcomes
from seatrial.domains.scored.metric_rows import MetricProblem, MetricRows

SHARES = frozenset({"within", "beyond"})
_CAPPED = frozenset({"mae", "rmse", "wape"}) | SHARES
_PERCENTILE = re.compile(r"p(?P<percent>\d{1,2}(?:\.\d+)?)-error")


def percentile_of(base: str) -> float | None:
    """The share that a percentile metric names, None for another one.

    >>> percentile_of("p99.9-error"), percentile_of("mae")
    (0.999, None)
    """
    match = _PERCENTILE.fullmatch(base)
    return None if match is None else round(float(match["percent"]) / 100.0, 6)


def rows_of(name: str, base: str, at: float | None, outcomes: Outcomes) -> MetricRows:
    """The rows and values of a metric of numbers. Raises MetricProblem (`unknown-metric`, `no-cap`)."""
    with np.errstate(invalid="ignore"):
        error = np.abs(outcomes.predicted - outcomes.truth)
    error = np.where(outcomes.answered, error, np.inf)
    everything = np.ones(outcomes.n, dtype=bool)
    share = percentile_of(base)
    if share and at is None:
        return MetricRows(used=everything, values=error, scale="quantile", share=share)
    if base not in _CAPPED:
        raise MetricProblem("unknown-metric", f"{name} is no metric for numbers that is known here")
    if at is None or not at > 0.0 or not math.isfinite(at):
        raise MetricProblem("no-cap", f"{name} needs its limit on a single error, such as {base}@60")
    cut = np.minimum(error, at) / at
    if base == "mae":
        return MetricRows(used=everything, values=cut, scale="mean", cap=at)
    if base == "rmse":
        return MetricRows(used=everything, values=cut**2, scale="root", cap=at)
    if base == "wape":
        amounts = np.minimum(np.abs(outcomes.truth), at) / at
        if not amounts.any():
            raise MetricProblem("no-such-rows", f"every true value is 0, so {name} divides by nothing")
        return MetricRows(used=everything, values=cut, scale="ratio", amounts=amounts)
    inside = (error <= at).astype(np.float64)
    return MetricRows(used=everything, values=inside if base == "within" else 1.0 - inside, scale="share")
