"""Which bound a metric gets: by its scale, and by how its rows were drawn.

Independent rows get the bound that is exact for the scale. Rows that belong together, have weights, or come from strata
get the one that is made for that. All bounds are on the scale that `MetricRows` bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from seatrial.core.vocabulary import Sense
from seatrial.domains.scored.drawing import Drawing, Draws, Parts
from seatrial.domains.scored.metric_rows import MetricRows
from seatrial.domains.scored.rows import Floats, Ints
from seatrial.stats import (
    active,
    auc,
    clusters,
    confusion,
    means,
    proportions,
    quantiles,
    ratios,
    sequential,
    strata,
    weights,
)
from seatrial.stats.interval import Interval

_MEANS = frozenset({"share", "f1", "mean", "root"})
_COUNTS = frozenset({"share", "f1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How the rows of this attempt are to be bounded.

    `alpha` is the error rate of this attempt; `look` is 1 unless this model was measured on other samples before, which
    may have grown because of what was seen. `groups` number the entity of every labelled row, None where rows are
    independent. `drawing` tells how they were drawn. `seed` is that of resampling.
    """

    alpha: float
    look: int = 1
    groups: Ints | None = None
    drawing: Drawing = field(default_factory=Drawing)
    seed: int = 0

    @property
    def spent(self) -> float:
        """The error rate for a bound that does not hold at every sample size by itself."""
        return sequential.attempt_alpha(self.look, self.alpha)


def plain(rows: MetricRows, sense: Sense, setting: Setting) -> Interval:
    """The metric on the rows as they were drawn, with both bounds."""
    drawing = setting.drawing
    groups = _groups(rows, setting)
    few = groups is not None and np.unique(groups).size < clusters.FEWEST
    if drawing.draws is not None and _whole(rows) and setting.groups is None:
        found = _active(rows, sense, drawing.draws, setting)
    elif drawing.weights is not None:
        found = weighted(rows, drawing.weights, sense, setting)
    elif drawing.parts is not None:
        found = _stratified(rows, sense, drawing.parts, setting)
    elif groups is None or np.unique(groups).size < 2:
        found = _independent(rows, setting)
    else:
        found = _clustered(rows, groups, setting)
    return _vacuous(rows, found) if few else found


def weighted(rows: MetricRows, of_row: Floats, sense: Sense, setting: Setting, *, unsupported: float = 0.0) -> Interval:
    """The metric re-weighted by `of_row`, one weight a labelled row; `unsupported` mass counts against it.

    Raises ValueError where no row has any weight, or none of one class of an AUC.
    """
    of_value = of_row[rows.places]
    kept = of_value > 0.0
    w, values = of_value[kept], rows.values[kept]
    groups = _groups(rows, setting)
    together = None if groups is None else groups[kept]
    alpha = setting.spent
    if rows.scale in _MEANS:
        if sense is Sense.AT_LEAST:
            return weights.interval(values, w, alpha, unsupported=unsupported, groups=together)
        return _turned(weights.interval(1.0 - values, w, alpha, unsupported=unsupported, groups=together))
    if rows.scale == "auc":
        positive = np.asarray(rows.positive, dtype=bool)[kept]
        return auc.weighted_interval(values, positive, alpha / 2.0, weights=w, groups=together, unsupported=unsupported)
    if rows.confusion is not None:
        return confusion.linear_interval(
            values.astype(np.int64),
            rows.confusion.shape,
            rows.confusion.figure,
            alpha / 2.0,
            weights=w,
            groups=together,
            unsupported=unsupported,
        )
    if rows.scale == "ratio":
        amounts = np.asarray(rows.amounts, dtype=np.float64)[kept]
        found = ratios.linear_interval(values, amounts, alpha / 2.0, weights=w, groups=together)
        return _with_unsupported(found, float(np.sum(w * amounts) / np.sum(w)), unsupported)
    return _percentile(rows, values, w, together, alpha, unsupported)


def _independent(rows: MetricRows, setting: Setting) -> Interval:
    values, n = rows.values, int(rows.values.size)
    if rows.scale in _COUNTS:
        hits = round(float(values.sum()))
        return (
            _anytime_share(hits, n, setting.alpha) if setting.look > 1 else proportions.interval(hits, n, setting.alpha)
        )
    if rows.scale in _MEANS:
        return (
            _anytime_mean(values, setting.alpha) if setting.look > 1 else means.betting_interval(values, setting.alpha)
        )
    alpha = setting.spent
    if rows.scale == "auc":
        positive = np.asarray(rows.positive, dtype=bool)
        return auc.interval(values[positive], values[~positive], alpha)
    if rows.confusion is not None:
        shape = rows.confusion.shape
        table = np.bincount(values.astype(np.int64), minlength=shape[0] * shape[1]).reshape(shape)
        return confusion.interval(table.astype(np.float64), rows.confusion.figure, alpha, seed=setting.seed)
    if rows.scale == "ratio":
        return ratios.interval(values, np.asarray(rows.amounts, dtype=np.float64), alpha)
    low = quantiles.lower(values, rows.share, 1.0 - alpha)
    high = quantiles.upper(values, rows.share, 1.0 - alpha)
    return Interval(
        value=rows.value,
        lower=-math.inf if low is None else low,
        upper=math.inf if high is None else high,
        n=n,
        n_effective=float(n),
        method="order statistics",
    )


def _clustered(rows: MetricRows, groups: Ints, setting: Setting) -> Interval:
    if rows.scale in _MEANS:
        by = clusters.proportion_interval if rows.scale in _COUNTS else clusters.mean_interval
        found = by(rows.values, groups, setting.alpha)
        return _anytime_clusters(found, setting.alpha) if setting.look > 1 else found
    alpha = setting.spent
    if rows.scale == "auc":
        return auc.weighted_interval(rows.values, np.asarray(rows.positive, dtype=bool), alpha, groups=groups)
    if rows.confusion is not None:
        cells = rows.values.astype(np.int64)
        return confusion.linear_interval(cells, rows.confusion.shape, rows.confusion.figure, alpha, groups=groups)
    if rows.scale == "ratio":
        return ratios.linear_interval(rows.values, np.asarray(rows.amounts, dtype=np.float64), alpha, groups=groups)
    low, high = quantiles.by_share(rows.values, rows.share, lambda up: clusters.proportion_interval(up, groups, alpha))
    return _between(rows, low, high, "order statistics over clusters")


def _whole(rows: MetricRows) -> bool:
    """Whether the metric is a plain mean over every labelled row."""
    return rows.scale in {"share", "mean", "root"} and rows.units is None and bool(rows.used.all())


def _active(rows: MetricRows, sense: Sense, draws: Draws, setting: Setting) -> Interval:
    """Over rows that were drawn for labelling: the losses are bounded, which are the rarer side of what is wanted."""
    values = rows.values[draws.order]
    losses = 1.0 - values if sense is Sense.AT_LEAST else values
    found = active.interval(losses, draws.chances, draws.pool, setting.spent, floor=draws.floor)
    return _turned(found, approximate=found.approximate) if sense is Sense.AT_LEAST else found


def _stratified(rows: MetricRows, sense: Sense, known: Parts, setting: Setting) -> Interval:
    """Exact over strata where every row bears on the metric; else the strata's shares become weights of the rows."""
    sizes = np.bincount(known.codes, minlength=known.shares.size)
    empty = float(known.shares[sizes == 0].sum())
    if _whole(rows) and setting.groups is None:
        return strata.interval(rows.values, known.codes, known.shares, setting.spent)
    return weighted(rows, known.of_row(), sense, setting, unsupported=empty)


def _percentile(
    rows: MetricRows, values: Floats, w: Floats, groups: Ints | None, alpha: float, unsupported: float
) -> Interval:
    """Unsupported mass lies above every value for the upper bound, below every value for the lower one."""
    seen = 1.0 - unsupported
    if seen <= 0.0:
        return _between(rows, -math.inf, math.inf, "no row of the live mix")

    def share(up: Floats) -> Interval:
        return weights.interval(up, w, alpha, unsupported=unsupported, groups=groups)

    low, high = quantiles.by_share(values, rows.share, share)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(w[order]) / w.sum() * seen
    at = int(np.searchsorted(reached, rows.share))
    value = float(values[order][at]) if at < values.size else math.inf
    effective = weights.spread(w).effective
    found = _between(rows, low, high, "order statistics over weights")
    return replace(found, value=value, n=int(values.size), n_effective=effective)


def _between(rows: MetricRows, low: float, high: float, method: str) -> Interval:
    n = int(rows.values.size)
    return Interval(value=rows.value, lower=low, upper=high, n=n, n_effective=float(n), method=method, approximate=True)


def _with_unsupported(found: Interval, amount: float, unsupported: float) -> Interval:
    """Live mass that no row stands for has the largest error, over nothing for the upper bound, the other way round."""
    seen = (1.0 - unsupported) * amount
    if unsupported == 0.0:
        return found
    if seen <= 0.0:
        return replace(found, lower=0.0, upper=math.inf)
    return replace(
        found,
        value=found.value + unsupported / seen,
        lower=found.lower * seen / (seen + unsupported),
        upper=found.upper + unsupported / seen,
    )


def _groups(rows: MetricRows, setting: Setting) -> Ints | None:
    """The cluster of each value: its row's entity, or, where rows bring several values, the row itself."""
    if setting.groups is not None:
        return setting.groups[rows.places]
    return rows.units


def _vacuous(rows: MetricRows, found: Interval) -> Interval:
    least, most = rows.range
    return replace(
        found,
        lower=least if rows.confusion is not None else 0.0,
        upper=most if math.isinf(most) else 1.0,
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
    return replace(
        found,
        lower=min(found.lower, low),
        upper=max(found.upper, high),
        method=f"{found.method}, beta mixture, valid at every sample size",
        approximate=True,
    )


def _anytime_mean(values: Floats, alpha: float) -> Interval:
    x = means.ordered(values)
    return Interval(
        value=float(values.mean()),
        lower=sequential.betting_lower(x, alpha),
        upper=1.0 - sequential.betting_lower(1.0 - x, alpha),
        n=int(values.size),
        n_effective=float(values.size),
        method="betting, valid at every sample size",
    )


def _turned(found: Interval, *, approximate: bool = True) -> Interval:
    return replace(
        found,
        value=1.0 - found.value,
        lower=1.0 - found.upper,
        upper=1.0 - found.lower,
        approximate=approximate,
    )
