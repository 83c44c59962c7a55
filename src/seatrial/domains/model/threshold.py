"""Whether the model meets the governance plan's minimum, not the pilot's.

Each governed metric is bounded twice, on the out-of-sample rows as they are and re-weighted to the live mix, and both
bounds must clear the limit that the governance plan states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Weight
from seatrial.domains.model import attempts, plan
from seatrial.domains.model.bounding import LIVE, Setting, clustered, live_measure, plain_measure
from seatrial.domains.model.live_mix import LiveMix, NoMix, live_mix
from seatrial.domains.scored import outcomes
from seatrial.domains.scored.metrics import KNOWN, Governed, MetricProblem, governed, rows_of, unit_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Ints, Rows, features_of, read_rows
from seatrial.domains.sending import inputs_of
from seatrial.spec.system import System
from seatrial.stats.sequential import attempt_alpha

REQUIREMENT = "model.threshold"
MOST_ROWS = 200_000
"""Rows from which a bound is taken: more would move it by less than a third of a point."""
_BINS = 10
_FEWEST_IN_BIN = 20

CODES = {
    **outcomes.CODES,
    **plan.CODES,
    **attempts.CODES,
    "no-metric": "No governed metric is declared.",
    "no-minimum": "A governed metric has no limit.",
    "unknown-metric": "A governed metric has a name that the check cannot compute for this task.",
    "no-cap": "A metric of numbers needs the limit on a single error in its name, such as mae@60.",
    "no-score": "A metric needs a score, and the model gives none.",
    "no-such-rows": "No labelled row bears on a governed metric.",
    "no-live-sample": "No live sample is declared, so the metric cannot be re-weighted to the live mix.",
    "live-mix-unknown": "The live mix could not be compared with the evaluation rows.",
    "limit-impossible": "A limit lies outside what the metric can reach.",
}


def limits(system: System) -> Sequence[Threshold]:
    """The governed limits: each metric as measured, and re-weighted to the live mix where a live sample is declared."""
    confidence = _confidence(system)
    return [
        Threshold(
            requirement=REQUIREMENT,
            measure=name,
            sense=m.sense,
            limit=m.limit,
            unit=unit_of(m.name),
            confidence=confidence,
        )
        for m in governed(system)
        if m.limit is not None
        for name in ((m.name, m.name + LIVE) if system.data.live is not None else (m.name,))
    ]


def run(system: System, trial: Trial) -> Observation | Reason:
    """Measure every governed metric, and check that its limit comes from the approved plan."""
    metrics = governed(system)
    if not metrics:
        return Observation(
            done="No governed metric is declared, so nothing was measured.",
            findings=(_no_metric(), *plan.plan_findings(system, (), trial)),
        )
    label = labelled_by(system)
    if isinstance(label, Reason):
        return label
    trial.say("Reading the scored evaluation rows", 0.1)
    inputs = inputs_of(system, trial)
    rows = read_rows(trial.table("scored.evaluation"), [*columns_of(system), *inputs], most=MOST_ROWS, seed=trial.seed)
    found = outcomes_of(system, rows)
    if isinstance(found, Reason):
        return found
    past = attempts.history(trial, REQUIREMENT)
    setting = Setting(
        alpha=attempt_alpha(past.attempt, 1.0 - _confidence(system)),
        anytime=past.grown,
        groups=_groups(system, rows, found.rows),
    )
    trial.say("Re-weighting to the live mix", 0.4)
    mix, mixed = _mix(system, trial, rows, setting)
    trial.say("Bounding the metrics", 0.8)
    measures, problems = _measured(metrics, found, mix, setting)
    findings = (
        *problems,
        *_without_limit(metrics),
        *plan.plan_findings(system, metrics, trial),
        *attempts.limit_findings(past, metrics, system.governance.plan.approved_on),
        *attempts.attempt_finding(past),
        *found.findings,
        *mixed,
    )
    return Observation(
        done=_done(found, rows, mix),
        measures=measures,
        findings=findings,
        figures=tuple(_figures(measures, found)),
        facts={
            "rows": found.n,
            "rows_in_table": rows.total,
            "attempt": past.attempt,
            "clustered": setting.groups is not None,
            "unsupported_live_share": None if mix is None else mix.unsupported,
        },
    )


def _confidence(system: System) -> float:
    return max(system.governance.confidence, system.policy.confidence)


def _groups(system: System, rows: Rows, labelled: Ints) -> Ints | None:
    source = system.data.evaluation
    if source is None or source.entity is None or source.entity not in rows.columns:
        return None
    _, codes = rows.columns[source.entity].names
    alone = np.flatnonzero(codes < 0)
    groups = codes.copy()
    groups[alone] = codes.max(initial=0) + 1 + np.arange(alone.size)
    chosen = groups[labelled]
    return chosen if clustered(chosen) else None


def _mix(system: System, trial: Trial, rows: Rows, setting: Setting) -> tuple[LiveMix | None, list[Finding]]:
    if system.data.live is None:
        return None, [
            Finding(
                code="no-live-sample",
                weight=Weight.OPEN,
                summary="no recent live sample is declared, so the metric on the live mix is unknown",
                remedy="Declare data.live: a recent sample of what production sends; labels are not needed.",
                fields=("data.live",),
            )
        ]
    inputs = inputs_of(system, trial)
    try:
        live = read_rows(trial.table("live"), list(inputs), most=MOST_ROWS, seed=trial.seed)
        return (
            live_mix(
                features_of(rows, inputs, parts_of_time=True),
                features_of(live, inputs, parts_of_time=True),
                alpha=setting.alpha,
                seed=trial.seed,
            ),
            [],
        )
    except NoMix as error:
        what = str(error) if inputs else "the model's inputs are not declared, so rows cannot be compared"
    except SeatrialError as error:
        what = error.what
    return None, [
        Finding(
            code="live-mix-unknown",
            weight=Weight.OPEN,
            summary=f"the live mix is unknown: {what}",
            remedy="Declare model.inputs, and give a live sample with the same fields.",
            fields=("data.live",),
        )
    ]


def _measured(
    metrics: Sequence[Governed], found: Outcomes, mix: LiveMix | None, setting: Setting
) -> tuple[tuple[Measure, ...], list[Finding]]:
    measures: list[Measure] = []
    problems: list[Finding] = []
    for metric in metrics:
        try:
            rows = rows_of(metric.name, found)
        except MetricProblem as problem:
            problems.append(_unmeasured(metric, problem))
            continue
        if metric.limit is not None and not _reachable(metric, rows.cap):
            problems.append(_impossible(metric))
        if rows.scale == "auc" and _one_sided(rows.positive):
            continue
        measures.append(plain_measure(metric, rows, setting))
        if mix is not None:
            measures.append(live_measure(metric, rows, mix, found.rows, setting))
    return tuple(measures), problems


def _one_sided(positive: object) -> bool:
    array = np.asarray(positive, dtype=bool)
    return bool(array.all() or not array.any())


def _reachable(metric: Governed, cap: float) -> bool:
    return metric.limit is not None and 0.0 <= metric.limit <= cap


def _impossible(metric: Governed) -> Finding:
    return Finding(
        code="limit-impossible",
        summary=f"the limit {metric.limit:g} of {metric.name} lies outside what the metric can reach",
        fields=(metric.name,),
        remedy="Correct the limit: shares lie between 0 and 1.",
    )


def _no_metric() -> Finding:
    return Finding(
        code="no-metric",
        summary="no governed metric is declared",
        fields=("governance.metric",),
        remedy=f"Declare governance.metric and governance.minimum. Known: {KNOWN}.",
        why="Without a minimum any result is good enough.",
    )


def _without_limit(metrics: Sequence[Governed]) -> Iterator[Finding]:
    for metric in metrics:
        if metric.limit is None:
            yield Finding(
                code="no-minimum",
                summary=f"{metric.name} has no minimum",
                fields=(metric.name,),
                remedy="Take the minimum from the governance plan and declare it in governance.minimum.",
                why="Without a minimum any result is good enough.",
            )


def _unmeasured(metric: Governed, problem: MetricProblem) -> Finding:
    return Finding(
        code=problem.code,
        summary=str(problem),
        fields=(metric.name,),
        remedy="Label more rows." if problem.code == "no-such-rows" else f"Known metrics: {KNOWN}.",
    )


def _done(found: Outcomes, rows: Rows, mix: LiveMix | None) -> str:
    taken = "" if rows.n == rows.total else f" (a random sample of {rows.total:,})"
    live = "" if mix is None else f", and again re-weighted to the live mix over {', '.join(mix.features)}"
    return f"The governed metrics were bounded on {found.n:,} labelled rows{taken} as they are{live}."


def _figures(measures: Sequence[Measure], found: Outcomes) -> Iterator[Figure]:
    rows = tuple(
        {
            "name": m.name,
            "value": m.value,
            "lower": m.lower,
            "upper": m.upper,
            "limit": m.limit,
            "sense": None if m.sense is None else m.sense.value,
        }
        for m in measures
    )
    if rows:
        yield Figure(kind="metric", title="Governed metrics against their limits", rows=rows)
    if found.task == "binary" and not np.isnan(found.score).all():
        yield Figure(kind="reliability", title="How often a score comes true", rows=tuple(_reliability(found)))


def _reliability(found: Outcomes) -> Iterator[dict[str, float | int]]:
    given = ~np.isnan(found.score)
    score = found.score[given]
    true = (found.truth == found.positive)[given]
    edges = np.unique(np.quantile(score, np.arange(1, _BINS) / _BINS))
    place = np.searchsorted(edges, score, side="right")
    for i in range(edges.size + 1):
        inside = place == i
        n = int(inside.sum())
        if n >= _FEWEST_IN_BIN:
            yield {"score": float(score[inside].mean()), "observed": float(true[inside].mean()), "n": n}


CHECK: Check[System] = Check(
    id="model.threshold",
    requirement=REQUIREMENT,
    version=1,
    title="Governed metrics against the plan's limits",
    run=run,
    codes=CODES,
    limits=limits,
    budget_s=lambda _: 120.0,
    tables=lambda _: ("scored.evaluation",),
)
