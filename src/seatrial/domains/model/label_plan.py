"""How many labels a governed metric takes, and which rows of the live sample to label next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.vocabulary import Sense
from seatrial.domains.scored.metrics import Governed, planned_as
from seatrial.domains.scored.rows import Floats, Ints
from seatrial.stats import active, means, proportions, quantiles, strata

FLOOR = 0.5
"""What `active.draw` keeps: no row is drawn with less than half of an equal chance."""
POWER = 0.8
_AHEAD = (0.02, 0.03, 0.05)
_MOST = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """`rows` labelled rows of all kinds settle the metric with 80 % chance if its true value is `true`.

    `bearing` of the rows count for the metric (such as the positives for recall). `allowed` errors among those that
    count still pass. `exact` is False for a planning figure.
    """

    true: float
    rows: int
    bearing: int
    allowed: int | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The sizes for one metric, from the hardest true value to the easiest; `why_not` where none can be computed."""

    metric: Governed
    sizes: tuple[Size, ...] = ()
    why_not: str = ""


def plan_for(metric: Governed, *, bearing: float, alpha: float, expected: float | None = None) -> Plan:
    """How many rows to label for a metric; `bearing` is the share of rows that count for it.

    >>> accuracy = Governed(name="accuracy", sense=Sense.AT_LEAST, limit=0.9)
    >>> plan = plan_for(accuracy, bearing=1.0, alpha=0.05, expected=0.95)
    >>> plan.sizes[0].rows, plan.sizes[0].allowed
    (203, 13)
    """
    if metric.limit is None:
        return Plan(metric=metric, why_not="it has no limit")
    kind, size = planned_as(metric.name)
    if kind == "percentile":
        fewest = quantiles.fewest(size, 1.0 - alpha)
        return Plan(metric=metric, sizes=(Size(true=metric.limit, rows=fewest, bearing=fewest, exact=False),))
    if kind == "other":
        return Plan(metric=metric, why_not="label 300 rows, run the check, and it says how many more it takes")
    if not bearing > 0.0:
        return Plan(metric=metric, why_not="no row of the live sample seems to count for it")
    assumed = _assumed(metric, size, expected)
    if not assumed:
        return Plan(metric=metric, why_not="no better value than the limit is possible")
    found = [_size(metric, kind, size, true, bearing, alpha) for true in assumed]
    sizes = tuple(each for each in found if each is not None and each.rows <= _MOST)
    return Plan(metric=metric, sizes=sizes, why_not="" if sizes else f"it takes more than {_MOST:,} rows")


def choose(doubt: Floats, labels: int, *, seed: int) -> tuple[Ints, Floats]:
    """The rows to label next, in order, and the probability of each when it was drawn.

    `doubt` is how likely each row's answer is to be wrong, as far as the model knows; the same for all is a plain
    random sample.

    >>> rows, chances = choose(np.full(10, 0.5), 3, seed=1)
    >>> rows.size, [round(1 / q) for q in chances]
    (3, [10, 9, 8])
    """
    return active.draw(np.sqrt(np.clip(doubt, 0.0, 1.0)), labels, seed=seed)


def choose_from_strata(doubt: Floats, codes: Ints, shares: Floats, labels: int, *, seed: int) -> Ints:
    """Rows to label next: as many of each stratum as bound the mean most tightly (Neyman), drawn at random in it."""
    rng = np.random.default_rng(seed)
    inside = [np.flatnonzero(codes == stratum) for stratum in range(shares.size)]
    likely = np.array([float(doubt[rows].mean()) if rows.size else 0.0 for rows in inside])
    deviations = np.sqrt(np.clip(likely * (1.0 - likely), 1e-4, None))
    wanted = strata.neyman(shares, np.where([rows.size > 0 for rows in inside], deviations, 0.0), labels)
    drawn = [rng.permutation(rows)[:count] for rows, count in zip(inside, wanted, strict=True)]
    return np.concatenate(drawn).astype(np.int64)


def _assumed(metric: Governed, cap: float, expected: float | None) -> Sequence[float]:
    """True values on the good side of the limit, nearest first."""
    limit = 0.0 if metric.limit is None else metric.limit
    better = 1.0 if metric.sense is Sense.AT_LEAST else -1.0
    values = [expected] if expected is not None else [limit + better * step * cap for step in _AHEAD]
    return [value for value in values if (value - limit) * better > 0.0 and 0.0 < value < cap]


def _size(metric: Governed, kind: str, cap: float, true: float, bearing: float, alpha: float) -> Size | None:
    limit, value = (0.0 if metric.limit is None else metric.limit) / cap, true / cap
    if kind == "f1":
        limit, value = proportions.jaccard_of_f1(limit), proportions.jaccard_of_f1(value)
    if kind == "root":
        limit, value = limit**2, value**2
    if metric.sense is Sense.AT_MOST:
        limit, value = 1.0 - limit, 1.0 - value
    if kind in {"mean", "root"}:
        deviation = math.sqrt(max(value * (1.0 - value), 1e-6))
        z = 1.0 + _quantile(POWER) / _quantile(1.0 - alpha)
        count = means.more_values_to_clear(value, deviation * z, 0, distance=value - limit, alpha=alpha)
        return None if count is None else Size(true=true, rows=math.ceil(count / bearing), bearing=count, exact=False)
    if not 0.0 < limit < 1.0:
        return None
    try:
        found = proportions.size_for_power(limit, value, POWER, alpha)
    except ValueError:
        return None
    return Size(
        true=true,
        rows=math.ceil(found.n / bearing),
        bearing=found.n,
        allowed=found.n - found.successes,
        exact=bearing == 1.0,
    )


def _quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))
