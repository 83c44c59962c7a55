"""A governed metric as a measure with bounds: on the rows as they are, and re-weighted to the live mix."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from seatrial.core.observation import Measure
from seatrial.core.vocabulary import MeasureKind, Sense
from seatrial.domains.model import bounds
from seatrial.domains.model.bounds import Setting
from seatrial.domains.model.few_entities import settled_by_entities
from seatrial.domains.model.live_mix import LiveMix
from seatrial.domains.scored.metric_rows import MetricRows
from seatrial.domains.scored.metrics import Governed, unit_of
from seatrial.domains.scored.rows import Floats, Ints
from seatrial.stats import means, proportions, quantiles, weights
from seatrial.stats.interval import Interval

__all__ = ["LIVE", "Setting", "clustered", "interval_measure", "live_measure", "plain_measure"]
LIVE = " on the live mix"
"""Suffix of a metric's name when its rows are re-weighted to the live mix."""
_CLUSTERED = 1.2
_FEWEST_EFFECTIVE = 500
_LEAST_EFFECTIVE = 0.2
_MOST_OF_ONE = 0.1
_RESERVE = 1.1
_MEANS = frozenset({"share", "f1", "mean", "root"})


def clustered(groups: Ints) -> bool:
    """Whether so many rows belong together that they are no longer independent rows.

    By the mean size of the cluster in which a row stands, as in Kish's design effect: one heavy cluster among single
    rows counts, however many single rows there are.
    """
    sizes = np.bincount(groups)
    return bool(groups.size) and float(np.square(sizes, dtype=np.float64).sum()) > _CLUSTERED * groups.size


def plain_measure(metric: Governed, rows: MetricRows, setting: Setting) -> Measure:
    """The metric on the evaluation rows as they are, with its bound and what would settle it."""
    found = bounds.plain(rows, metric.sense, setting)
    needed = _needed(metric, rows, found, setting)
    measure = _measure(metric, rows, found, setting.alpha, name=metric.name, needed=needed)
    return settled_by_entities(measure, setting.groups)


def interval_measure(metric: Governed, rows: MetricRows, found: Interval, setting: Setting, *, name: str) -> Measure:
    """The metric as an interval that was found elsewhere says, with what would settle it."""
    measure = _measure(metric, rows, found, setting.alpha, name=name, needed=None)
    return _with_needed(measure, found, rows)


def live_measure(metric: Governed, rows: MetricRows, mix: LiveMix, labelled: Ints, setting: Setting) -> Measure:
    """The metric re-weighted to the live mix; live traffic without evaluation rows counts against it.

    `labelled` are the places of the labelled rows among the rows that `mix` was made from. Without enough effective
    rows the bound is left open: an estimate with estimated weights is not to be trusted then.
    """
    of_row = mix.weights[labelled]
    chosen = of_row[rows.places]
    name = metric.name + LIVE
    if not _bears(rows, chosen):
        return _open(metric, name, setting.alpha)
    found = bounds.weighted(rows, of_row, metric.sense, setting, unsupported=mix.unsupported)
    measure = _measure(metric, rows, found, setting.alpha, name=name, needed=None)
    inner = weights.spread(chosen[chosen > 0.0])
    if not mix.usable or inner.largest > _MOST_OF_ONE:
        share = mix.spread.share
        lacking = _FEWEST_EFFECTIVE - mix.spread.effective
        more = math.ceil(lacking / share) if lacking > 0 and share >= _LEAST_EFFECTIVE else None
        return _without_bounds(measure, more)
    return _with_needed(measure, found, rows)


def _bears(rows: MetricRows, of_value: Floats) -> bool:
    """Whether there is weight on the rows that the metric looks at, for an AUC in both classes."""
    if rows.positive is None:
        return bool(of_value.any())
    return bool(of_value[rows.positive].any() and of_value[~rows.positive].any())


def _measure(
    metric: Governed, rows: MetricRows, found: Interval, alpha: float, *, name: str, needed: int | None
) -> Measure:
    return Measure(
        name=name,
        value=_finite(rows.shown(found.value)),
        lower=_finite(rows.shown(found.lower)),
        upper=_finite(rows.shown(found.upper)),
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


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


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
    if measure.limit is None or measure.value is None or _settled(measure):
        return measure
    if rows.scale not in _MEANS:
        more = _by_reach(measure, rows)
        return measure if more is None else _needing(measure, more)
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


def _by_reach(measure: Measure, rows: MetricRows) -> int | None:
    """Further rows from how a bound comes nearer with the root of n: a planning figure, with a tenth added."""
    if measure.limit is None or measure.value is None or not measure.n:
        return None
    if measure.bound is None:
        if rows.scale != "quantile" or measure.confidence is None:
            return None
        return max(1, quantiles.fewest(rows.share, measure.confidence) - measure.n)
    distance = (measure.value - measure.limit) * (1.0 if measure.sense is Sense.AT_LEAST else -1.0)
    if distance <= 0.0:
        return None
    reach = abs(measure.value - measure.bound)
    return max(1, math.ceil(measure.n * (_RESERVE * (reach / distance) ** 2 - 1.0)))


def _needing(measure: Measure, needed: int) -> Measure:
    return replace(measure, needed=needed, needed_unit="labelled rows")


def _settled(measure: Measure) -> bool:
    """True when either bound has decided already."""
    if measure.limit is None:
        return True
    low = -math.inf if measure.lower is None else measure.lower
    high = math.inf if measure.upper is None else measure.upper
    if measure.sense is Sense.AT_LEAST:
        return low >= measure.limit or high < measure.limit
    return high <= measure.limit or low > measure.limit


def _needed(metric: Governed, rows: MetricRows, found: Interval, setting: Setting) -> int | None:
    """Further labelled rows, of all kinds, that would settle an open bound at the observed rate."""
    if metric.limit is None:
        return None
    if rows.scale not in _MEANS:
        measure = _measure(metric, rows, found, setting.alpha, name=metric.name, needed=None)
        return None if _settled(measure) else _by_reach(measure, rows)
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
    if rows.scale in {"mean", "root"}:
        distance = found.value - limit if metric.sense is Sense.AT_LEAST else limit - found.value
        deviation = float(rows.values.std())
        return means.more_values_to_clear(found.value, deviation, found.n, distance=distance, alpha=setting.alpha)
    clear: Callable[[float, int, float, float], int | None] = (
        proportions.more_to_clear_floor if metric.sense is Sense.AT_LEAST else proportions.more_to_clear_ceiling
    )
    n = max(1, round(found.n_effective))
    return clear(found.value * n, n, limit, setting.alpha)
