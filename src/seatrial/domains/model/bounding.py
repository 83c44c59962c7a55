"""A governed metric as a measure with bounds: on the rows as they are, and re-weighted to the live mix."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.observation import Measure
from seatrial.core.vocabulary import MeasureKind, Sense
from seatrial.domains.model.live_mix import LiveMix
from seatrial.domains.scored.metrics import Governed, MetricRows, unit_of
from seatrial.domains.scored.rows import Floats, Ints
from seatrial.stats import auc, clusters, means, proportions, sequential, weights
from seatrial.stats.interval import Interval

LIVE = " on the live mix"
"""Suffix of a metric's name when its rows are re-weighted to the live mix."""
_CLUSTERED = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """`alpha` is the error rate of this attempt; `anytime` asks for a bound that stays valid on a grown sample.

    `groups` number the entity of every labelled row, None where rows are independent.
    """

    alpha: float
    anytime: bool = False
    groups: Ints | None = None


def clustered(groups: Ints) -> bool:
    """Whether so many rows belong together that they are no longer independent rows."""
    return groups.size > _CLUSTERED * np.unique(groups).size


def plain_measure(metric: Governed, rows: MetricRows, setting: Setting) -> Measure:
    """The metric on the evaluation rows as they are, with its bound and what would settle it."""
    used = np.flatnonzero(rows.used)
    found = _interval(rows, used, setting)
    return _measure(metric, rows, found, setting.alpha, name=metric.name, needed=_needed(metric, rows, found, setting))


def live_measure(metric: Governed, rows: MetricRows, mix: LiveMix, labelled: Ints, setting: Setting) -> Measure:
    """The metric re-weighted to the live mix; live traffic without evaluation rows counts against it.

    `labelled` are the places of the labelled rows among the rows that `mix` was made from. Without enough effective
    rows the bound is left open: an estimate with estimated weights is not to be trusted then.
    """
    of_row = mix.weights[labelled]
    chosen = rows.used & (of_row > 0)
    name = metric.name + LIVE
    if not chosen.any():
        return _open(metric, name, setting.alpha)
    values = rows.values[chosen[rows.used]]
    if rows.scale == "auc":
        positive = np.asarray(rows.positive, dtype=bool)[chosen]
        if positive.all() or not positive.any():
            return _open(metric, name, setting.alpha)
        found = weights.auc_interval(values, positive, of_row[chosen], setting.alpha, unsupported=mix.unsupported)
    elif metric.sense is Sense.AT_LEAST:
        found = weights.interval(values, of_row[chosen], setting.alpha, unsupported=mix.unsupported)
    else:
        found = _turned(weights.interval(1.0 - values, of_row[chosen], setting.alpha, unsupported=mix.unsupported))
    if rows.scale != "auc" and (setting.groups is not None or setting.anytime):
        found = _widened(found, rows, np.flatnonzero(rows.used), setting)
    measure = _measure(metric, rows, found, setting.alpha, name=name, needed=None)
    inner = weights.spread(of_row[chosen])
    if not mix.usable or inner.largest > 0.1:
        share = mix.spread.share
        lacking = 500 - mix.spread.effective
        more = math.ceil(lacking / share) if lacking > 0 and share >= 0.2 else None
        return _without_bounds(measure, more)
    return _with_needed(measure, found, rows)


def _interval(rows: MetricRows, used: Ints, setting: Setting) -> Interval:
    if rows.scale == "auc":
        positive = np.asarray(rows.positive, dtype=bool)
        plain = auc.interval(rows.values[positive], rows.values[~positive], setting.alpha)
        return plain if setting.groups is None else _vacuous(plain)
    groups = None if setting.groups is None else setting.groups[used]
    if groups is not None and np.unique(groups).size >= 2:
        by = clusters.proportion_interval if rows.scale != "mean" else clusters.mean_interval
        found = by(rows.values, groups, setting.alpha)
        if np.unique(groups).size < clusters.FEWEST:
            return _vacuous(found)
        return _anytime_clusters(found, setting.alpha) if setting.anytime else found
    if groups is not None:
        return _vacuous(proportions.interval(0, int(used.size), setting.alpha), float(rows.values.mean()))
    if rows.scale == "mean":
        return (
            _anytime_mean(rows.values, setting)
            if setting.anytime
            else means.betting_interval(rows.values, setting.alpha)
        )
    hits, n = round(float(rows.values.sum())), int(used.size)
    return _anytime_share(hits, n, setting.alpha) if setting.anytime else proportions.interval(hits, n, setting.alpha)


def _vacuous(found: Interval, value: float | None = None) -> Interval:
    return Interval(
        value=found.value if value is None else value,
        lower=0.0,
        upper=1.0,
        n=found.n,
        n_effective=found.n_effective,
        method="too few clusters for a bound",
        approximate=True,
    )


def _anytime_share(hits: int, n: int, alpha: float) -> Interval:
    return Interval(
        value=hits / n,
        lower=sequential.anytime_lower(hits, n, alpha, tightest_at=float(n)),
        upper=sequential.anytime_upper(hits, n, alpha, tightest_at=float(n)),
        n=n,
        n_effective=float(n),
        method="beta mixture, valid at every sample size",
    )


def _anytime_clusters(found: Interval, alpha: float) -> Interval:
    """The bound at every sample size, at what the clustered rows are worth; a mean is bounded as a share would be."""
    n = max(1, math.floor(found.n_effective))
    low = sequential.anytime_lower(math.floor(found.value * n), n, alpha, tightest_at=float(n))
    high = sequential.anytime_upper(math.ceil(found.value * n), n, alpha, tightest_at=float(n))
    return Interval(
        value=found.value,
        lower=min(found.lower, low),
        upper=max(found.upper, high),
        n=found.n,
        n_effective=found.n_effective,
        method=f"{found.method}, beta mixture, valid at every sample size",
        approximate=True,
    )


def _anytime_mean(values: Floats, setting: Setting) -> Interval:
    return Interval(
        value=float(values.mean()),
        lower=sequential.betting_lower(values, setting.alpha),
        upper=1.0 - sequential.betting_lower(1.0 - values, setting.alpha),
        n=int(values.size),
        n_effective=float(values.size),
        method="betting, valid at every sample size",
    )


def _turned(found: Interval) -> Interval:
    return Interval(
        value=1.0 - found.value,
        lower=1.0 - found.upper,
        upper=1.0 - found.lower,
        n=found.n,
        n_effective=found.n_effective,
        method=found.method,
        approximate=True,
    )


def _widened(found: Interval, rows: MetricRows, used: Ints, setting: Setting) -> Interval:
    """Clusters, and looking again at a grown sample, widen this bound as much as they widen the plain one."""
    asked, plain = _interval(rows, used, setting), _interval(rows, used, Setting(alpha=setting.alpha))
    below = _ratio(asked.value - asked.lower, plain.value - plain.lower)
    above = _ratio(asked.upper - asked.value, plain.upper - plain.value)
    return Interval(
        value=found.value,
        lower=max(0.0, found.value - below * (found.value - found.lower)),
        upper=min(1.0, found.value + above * (found.upper - found.value)),
        n=found.n,
        n_effective=found.n_effective / max(below, above) ** 2,
        method=f"{found.method}, widened like the plain bound",
        approximate=True,
    )


def _ratio(asked: float, plain: float) -> float:
    return max(1.0, asked / plain) if plain > 0.0 else 1.0


def _measure(
    metric: Governed, rows: MetricRows, found: Interval, alpha: float, *, name: str, needed: int | None
) -> Measure:
    return Measure(
        name=name,
        value=rows.shown(found.value),
        lower=rows.shown(found.lower),
        upper=rows.shown(found.upper),
        limit=metric.limit,
        sense=metric.sense,
        unit=unit_of(metric.name),
        n=found.n,
        method=found.method,
        confidence=1.0 - alpha,
        kind=MeasureKind.GATE if metric.limit is not None else MeasureKind.INFORMATIVE,
        needed=needed,
        needed_unit="labelled rows" if needed else "",
        approximate=found.approximate,
    )


def _open(metric: Governed, name: str, alpha: float) -> Measure:
    return Measure(
        name=name,
        value=None,
        limit=metric.limit,
        sense=metric.sense,
        unit=unit_of(metric.name),
        confidence=1.0 - alpha,
        kind=MeasureKind.GATE if metric.limit is not None else MeasureKind.INFORMATIVE,
        method="not measurable on the live mix",
    )


def _without_bounds(measure: Measure, needed: int | None) -> Measure:
    return Measure(
        name=measure.name,
        value=measure.value,
        limit=measure.limit,
        sense=measure.sense,
        unit=measure.unit,
        n=measure.n,
        method="re-weighting with too few effective rows bounds nothing",
        confidence=measure.confidence,
        kind=measure.kind,
        needed=needed,
        needed_unit="labelled rows like the live ones" if needed else "",
        approximate=True,
    )


def _with_needed(measure: Measure, found: Interval, rows: MetricRows) -> Measure:
    if measure.limit is None or measure.value is None or rows.scale == "auc" or _settled(measure):
        return measure
    limit = rows.raw(measure.limit)
    reach = abs(found.value - limit)
    deviation = math.sqrt(max(found.value * (1.0 - found.value), 1e-4))
    right = found.value > limit if measure.sense is Sense.AT_LEAST else found.value < limit
    more = means.more_values_to_clear(found.value, deviation, 0, distance=reach, alpha=0.025) if right else None
    if more is None:
        return measure
    wanted = max(1, math.ceil((more - found.n_effective) * found.n / max(found.n_effective, 1.0)))
    scale = rows.used.size / max(1, int(rows.used.sum()))
    return _needing(measure, math.ceil(wanted * scale))


def _needing(measure: Measure, needed: int) -> Measure:
    return replace(measure, needed=needed, needed_unit="labelled rows")


def _settled(measure: Measure) -> bool:
    """True when either bound has decided already."""
    if measure.limit is None or measure.lower is None or measure.upper is None:
        return False
    if measure.sense is Sense.AT_LEAST:
        return measure.lower >= measure.limit or measure.upper < measure.limit
    return measure.upper <= measure.limit or measure.lower > measure.limit


def _needed(metric: Governed, rows: MetricRows, found: Interval, setting: Setting) -> int | None:
    """Further labelled rows, of all kinds, that would settle an open bound at the observed rate."""
    if metric.limit is None or rows.scale == "auc":
        return None
    limit = rows.raw(metric.limit)
    good = found.lower >= limit if metric.sense is Sense.AT_LEAST else found.upper <= limit
    if good:
        return None
    more = _more(metric, rows, found, limit, setting)
    if not more:
        return None
    share = float(rows.used.mean())
    effect = found.n / max(found.n_effective, 1.0)
    return math.ceil(more * effect / share)


def _more(metric: Governed, rows: MetricRows, found: Interval, limit: float, setting: Setting) -> int | None:
    if rows.scale == "mean":
        distance = found.value - limit if metric.sense is Sense.AT_LEAST else limit - found.value
        deviation = float(rows.values.std())
        return means.more_values_to_clear(found.value, deviation, found.n, distance=distance, alpha=setting.alpha)
    clear: Callable[[float, int, float, float], int | None] = (
        proportions.more_to_clear_floor if metric.sense is Sense.AT_LEAST else proportions.more_to_clear_ceiling
    )
    n = max(1, round(found.n_effective))
    return clear(found.value * n, n, limit, setting.alpha)
