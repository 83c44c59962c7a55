"""The age of data at which a governed metric loses its limit, held against the age that is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seatrial.core.observation import Finding, Measure
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.domains.data.earlier_values import OLDER
from seatrial.domains.data.staleness_rows import HOUR_S, Replay
from seatrial.domains.data.staleness_scored import Scored
from seatrial.domains.scored.metric_rows import MetricProblem
from seatrial.domains.scored.metrics import Governed, rows_of
from seatrial.domains.scored.outcomes import Outcomes

_HALVINGS = 4
_DRAWS = 400
_SURE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The age at which a governed metric loses its limit, as words, measure and findings."""

    told: str
    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()


def loss_of(metric: Governed, at: Callable[[float], Scored], replay: Replay) -> Loss | None:
    """Between which ages the metric goes over its limit, halved until it is known closely; None without a limit."""
    limit, name, late = metric.limit, metric.name, replay.late
    if limit is None or name not in at(0.0).values:
        return None

    def kept(lag: float) -> bool:
        value = at(lag).values.get(name, math.nan)
        return value >= limit if metric.sense is Sense.AT_LEAST else value <= limit

    if not kept(0.0):
        return Loss(told=f"{name} misses its limit on these rows even with {late} that are not old at all")
    allowed = replay.allowed
    lags = [lag for lag in replay.lags if lag]
    first = next((lag for lag in lags if not kept(lag)), None)
    if first is None:
        return Loss(told=f"{name} keeps its limit with {late} {lags[-1]:g} h old")
    low, high = max([0.0, *(lag for lag in lags if lag < first)]), first
    for _ in range(_HALVINGS):
        middle = round((low + high) / 2.0, 3)
        if not kept(middle) and _not_that_age(at(middle), replay):
            break
        low, high = (middle, high) if kept(middle) else (low, middle)
    measure = Measure(
        name=f"age of the {late} at which {name} loses its limit",
        value=high * HOUR_S,
        unit="s",
        n=at(0.0).outcomes.n,
        method=f"lagged values replayed; it still holds at {low:g} h",
        kind=MeasureKind.INFORMATIVE,
    )
    told = f"{name} loses its limit with {late} {high:g} h old"
    if high > allowed:
        return Loss(told=told, measures=(measure,))
    certain = _certain(metric, at(0.0).outcomes, at(allowed).outcomes, replay.seed)
    if certain and (why := _not_that_age(at(allowed), replay)):
        finding = _not_told(metric, at(0.0), at(allowed), replay, why)
        return Loss(told=f"{name} loses its limit with the older values that there are", findings=(finding,))
    finding = _too_loose(metric, at(0.0), at(allowed), replay, high, certain=certain)
    return Loss(told=told, measures=(measure,), findings=(finding,))


def _not_that_age(scored: Scored, replay: Replay) -> str:
    """Why the values that stood in say nothing of that age, as a clause; empty where they do."""
    coarse = [name for name, age in scored.stand_in_h.items() if age > OLDER * scored.lag_h]
    if coarse:
        worst = max(coarse, key=lambda name: scored.stand_in_h[name])
        return f"the nearest earlier values of {worst} in these rows are mostly {scored.stand_in_h[worst]:.3g} h older"
    apart = [each.source for each in replay.sources if not each.told]
    if apart:
        return f"nothing tells whether neighbouring rows are about the same part of {', '.join(apart)}"
    return ""


def _not_told(metric: Governed, fresh: Scored, old: Scored, replay: Replay, why: str) -> Finding:
    """That the rows lose the metric with values that need not be what a source of the allowed age would have told."""
    was, is_ = fresh.values[metric.name], old.values[metric.name]
    return Finding(
        code="staleness-cost-unknown",
        summary=f"Whether {metric.name} keeps its limit with {replay.late} {replay.allowed:g} h old cannot be told: "
        f"{why}. With these it goes from {was:.3g} to {is_:.3g}, and {metric.limit:g} is the limit.",
        weight=Weight.OPEN,
        fields=("data.evaluation", "data.freshness"),
        why="A limit on age that nobody held against the answers may allow data on which they are wrong.",
        remedy=f"Add to data.evaluation the rows up to {OLDER * replay.allowed:g} h before the labelled ones, without "
        "labels. Keep there the column that tells the source's parts apart, such as the machine, and name it as `per` "
        "in data.freshness.",
    )


def _too_loose(
    metric: Governed, fresh: Scored, old: Scored, replay: Replay, lost_h: float, *, certain: bool
) -> Finding:
    """That data may be older than the governed minimum bears: a gap where the loss is certain, else a note."""
    named = "" if replay.late == "data" else f" of {', '.join(each.source for each in replay.sources)}"
    return Finding(
        code="limit-too-loose",
        summary=f"D{replay.late[1:]} may be {replay.allowed:g} h old, but {metric.name} loses its limit at "
        f"{lost_h:g} h: it goes from {fresh.values[metric.name]:.3g} to {old.values[metric.name]:.3g}, and "
        f"{metric.limit:g} is the limit" + ("." if certain else "; so small a loss may be chance on these rows."),
        weight=Weight.GAP if certain else Weight.NOTE,
        fields=("data.freshness",),
        why="A source may be within its limit and the answers no longer within the plan's.",
        remedy=f"Declare data.freshness{named} below {lost_h:g} h, and see that it is kept.",
    )


def _certain(metric: Governed, fresh: Outcomes, old: Outcomes, seed: int) -> bool:
    """Whether the same rows are worse with old data in 95 % of draws of them."""
    draws = np.random.default_rng(seed)
    sign = 1.0 if metric.sense is Sense.AT_LEAST else -1.0
    worse = []
    for _ in range(_DRAWS):
        chosen = draws.integers(0, fresh.n, fresh.n)
        try:
            drop = rows_of(metric.name, fresh.at(chosen)).value - rows_of(metric.name, old.at(chosen)).value
        except MetricProblem:
            continue
        worse.append(sign * drop > 0.0)
    return len(worse) > _DRAWS / 2 and float(np.mean(worse)) >= _SURE
