"""Whether the model meets the governance plan's minimum, not the pilot's.

Each governed metric is bounded twice, on the out-of-sample rows as they are and re-weighted to the live mix, and both
bounds must clear the limit that the governance plan states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.model import (
    acted_metric,
    attempts,
    constant_answer,
    few_entities,
    labels_alike,
    never_given,
    plan,
)
from seatrial.domains.model import compared as live
from seatrial.domains.model.acted_metric import class_not_evaluated, metric_elsewhere
from seatrial.domains.model.bounding import LIVE, Setting, plain_measure
from seatrial.domains.model.compared import Compared, groups_of
from seatrial.domains.model.silence import silences
from seatrial.domains.model.turning_labels import CODES as OF_LABELS
from seatrial.domains.model.turning_labels import turning_labels
from seatrial.domains.scored import drawing as drawn
from seatrial.domains.scored import outcomes
from seatrial.domains.scored.drawing import drawing_of
from seatrial.domains.scored.metrics import (
    KNOWN,
    Governed,
    MetricProblem,
    MetricRows,
    good_side,
    governed,
    rows_of,
    unit_of,
)
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.own_metric import is_own, own_rows
from seatrial.domains.scored.rows import Rows, read_rows
from seatrial.domains.sending import inputs_of
from seatrial.spec.system import System
from seatrial.stats.sequential import attempt_alpha

REQUIREMENT = "model.threshold"
MOST_ROWS = 5_000_000
"""Rows from which a bound is taken; of more, a random sample of as many."""
_REMEDIES = {
    "no-such-rows": "Label more rows.",
    "own-metric-failed": "Call the function by hand with a few rows; it gets a list of mappings with row, expected, "
    "prediction and score, and returns a number from 0 to 1 for each.",
}
_BINS = 10
_FEWEST_IN_BIN = 20

CODES = {
    **outcomes.CODES,
    **plan.CODES,
    **attempts.CODES,
    **drawn.CODES,
    **live.CODES,
    **acted_metric.CODES,
    **few_entities.CODES,
    **constant_answer.CODES,
    **never_given.CODES,
    **labels_alike.CODES,
    **OF_LABELS,
    "no-metric": "No governed metric is declared.",
    "no-minimum": "A governed metric has no limit.",
    "unknown-metric": "A governed metric has a name that the check cannot compute for this task.",
    "no-cap": "A metric of numbers needs the limit on a single error in its name, such as mae@60.",
    "no-score": "A metric needs a score, and the model gives none.",
    "no-such-rows": "No labelled row bears on a governed metric.",
    "own-metric-failed": "The function of a metric of one's own failed, or gave something else than a number a row.",
    "limit-impossible": "A limit lies outside what the metric can reach.",
    "limit-says-nothing": "A limit lies where the metric ends, so that every model meets it.",
    "limit-on-wrong-side": "An error has a minimum and no maximum, or a merit a maximum and no minimum.",
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
    table = trial.table("scored.evaluation")
    time = system.data.evaluation.time if system.data.evaluation else None
    counted = [name for name in columns_of(system) if name != time]
    rows = read_rows(table, counted, most=MOST_ROWS, seed=trial.seed)
    found = outcomes_of(system, rows)
    if isinstance(found, Reason):
        return found
    drawing = drawing_of(system, rows, found)
    if isinstance(drawing, Reason):
        return drawing
    content = attempts.content_of(system, trial)
    trial.say("Looking whether these rows were used before", 0.3)
    sketch = attempts.sketch_of(table, label, inputs_of(system, trial))
    past = attempts.history(trial, REQUIREMENT, metrics, content=content, rows=sketch)
    setting = Setting(
        alpha=attempt_alpha(past.most, 1.0 - _confidence(system)),
        look=past.look,
        groups=groups_of(system, rows, found.rows),
        drawing=drawing,
        seed=trial.seed,
    )
    trial.say("Re-weighting to the live mix", 0.4)
    compared = Compared.of(system, trial, setting, found, rows)
    trial.say("Bounding the metrics", 0.8)
    measures, problems = _measured(system, trial, metrics, found, compared, setting, past)
    findings = (
        *problems,
        *_without_limit(metrics),
        *_on_wrong_side(metrics),
        *metric_elsewhere(system, metrics, found),
        *class_not_evaluated(system, metrics, found),
        *plan.plan_findings(system, metrics, trial),
        *attempts.limit_findings(past, metrics, system.governance.plan.approved_on),
        *attempts.attempt_finding(past, metrics),
        *few_entities.few_entities(system, setting.groups),
        *constant_answer.constant_answer(metrics, found),
        *never_given.never_given(label, metrics, found),
        *labels_alike.labels_alike(found, label=label, confidence=_confidence(system)),
        *turning_labels(system, found, setting.groups),
        *found.findings,
        *compared.findings,
    )
    return Observation(
        done=_done(found, rows, compared),
        measures=(*measures, *silences(found, replace(setting, alpha=1.0 - _confidence(system)))),
        findings=findings,
        figures=tuple(_figures(measures, found)),
        facts={
            "rows": found.n,
            "rows_in_table": rows.total,
            "rows_compared": compared.rows.n,
            attempts.CONTENT: content,
            attempts.METRICS: sorted({metric.name for metric in metrics}),
            attempts.ROWS: attempts.spelled(sketch),
            "attempt": past.most,
            "look": past.look,
            "clustered": setting.groups is not None,
            "unsupported_live_share": None if compared.mix is None else compared.mix.unsupported,
        },
    )


def _confidence(system: System) -> float:
    return max(system.governance.confidence, system.policy.confidence)


def _measured(
    system: System,
    trial: Trial,
    metrics: Sequence[Governed],
    found: Outcomes,
    compared: Compared,
    setting: Setting,
    past: attempts.History,
) -> tuple[tuple[Measure, ...], list[Finding]]:
    measures: list[Measure] = []
    problems: list[Finding] = []
    for metric in metrics:
        try:
            rows, sampled = _rows(system, trial, metric, found, compared)
        except MetricProblem as problem:
            problems.append(_unmeasured(metric, problem))
            continue
        problems += _unusable(metric, rows.range)
        if rows.scale == "auc" and _one_sided(rows.positive):
            continue
        alpha = attempt_alpha(past.attempt(metric.name), 1.0 - _confidence(system))
        of_sample = replace(compared, setting=replace(compared.setting, alpha=alpha))
        where = replace(setting, alpha=alpha) if rows.used.size == found.n else of_sample.setting
        measures.append(plain_measure(metric, rows, where))
        if compared.mix is not None:
            measures.append(of_sample.measure(metric, sampled))
    return tuple(measures), problems


def _rows(
    system: System, trial: Trial, metric: Governed, found: Outcomes, compared: Compared
) -> tuple[MetricRows, MetricRows]:
    """The metric over all labelled rows, and over those that are compared with live ones.

    A function of the user's own sees only the latter, since it needs the whole row.
    """
    if is_own(metric.name):
        try:
            function = trial.function(metric.name)
            label = str(labelled_by(system))
            own = own_rows(metric.name, function, compared.rows, compared.outcomes, label)
        except SeatrialError as error:
            raise MetricProblem("own-metric-failed", f"{metric.name}: {error.what}") from None
        return own, own
    rows = rows_of(metric.name, found)
    return rows, rows if compared.outcomes is found else rows_of(metric.name, compared.outcomes)


def _one_sided(positive: object) -> bool:
    array = np.asarray(positive, dtype=bool)
    return bool(array.all() or not array.any())


def _unusable(metric: Governed, reach: tuple[float, float]) -> Iterator[Finding]:
    if metric.limit is None:
        return
    worst = reach[0] if metric.sense is Sense.AT_LEAST else reach[1]
    if not reach[0] <= metric.limit <= reach[1]:
        yield _impossible(metric)
    elif metric.limit == worst:
        yield Finding(
            code="limit-says-nothing",
            summary=f"every model meets the limit {metric.limit:g} of {metric.name}, also one that is always wrong",
            fields=(metric.name,),
            remedy="Declare the limit from which on the system is of use, as the governance plan states it.",
            why="Without a limit that can be missed any result is good enough.",
        )


def _on_wrong_side(metrics: Sequence[Governed]) -> Iterator[Finding]:
    """Metrics whose every limit lies on the side on which a worse model passes."""
    right = {m.name for m in metrics if m.limit is not None and good_side(m.name) in {m.sense, None}}
    for metric in metrics:
        if metric.limit is None or metric.name in right:
            continue
        low = metric.sense is Sense.AT_MOST
        declared, needed = ("maximum", "minimum") if low else ("minimum", "maximum")
        yield Finding(
            code="limit-on-wrong-side",
            summary=f"{metric.name} has the {declared} {metric.limit:g}, so a worse model meets it more easily",
            fields=(metric.name,),
            remedy=f"Declare it under governance.metrics with a {needed}: "
            f"{{metric: {metric.name}, {needed}: …}}, as the governance plan states it.",
            why=f"The {'higher' if low else 'lower'} {metric.name} is, the better the model.",
        )


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
        weight=Weight.OPEN if problem.code == "own-metric-failed" else Weight.GAP,
        summary=str(problem),
        fields=(metric.name,),
        remedy=_REMEDIES.get(problem.code, f"Known metrics: {KNOWN}."),
    )


def _done(found: Outcomes, rows: Rows, compared: Compared) -> str:
    taken = "" if rows.n == rows.total else f" (a random sample of {rows.total:,})"
    said = f"The governed metrics were bounded on {found.n:,} labelled rows{taken} as they are"
    if compared.mix is None:
        return f"{said}."
    some = "" if compared.rows.n == rows.n else f"a random sample of {compared.rows.n:,} of them "
    return f"{said}, and again {some}re-weighted to the live mix over {', '.join(compared.mix.features)}."


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
    version=8,
    title="Governed metrics against the plan's limits",
    run=run,
    codes=CODES,
    limits=limits,
    only_reads=True,
    budget_s=lambda _: 120.0,
    tables=live.tables,
)
