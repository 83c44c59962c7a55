"""Whether the evaluation data are unseen, and look like what the model will meet live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import count, percent
from seatrial.domains.model import unseen
from seatrial.domains.model.bounding import Setting, live_measure
from seatrial.domains.model.field_drift import Drift, drifts
from seatrial.domains.model.leaks import Knowing, knowing, missing_shares
from seatrial.domains.model.live_mix import LiveMix, NoMix, live_mix
from seatrial.domains.scored import outcomes
from seatrial.domains.scored.metrics import Governed, MetricProblem, governed, rows_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Feature, Rows, features_of, read_rows
from seatrial.domains.sending import inputs_of
from seatrial.spec.system import InputField, System
from seatrial.stats import auc
from seatrial.stats.drift import FAIL_D, WARN_D

REQUIREMENT = "model.out-of-sample"
MOST_ROWS = 60_000
LEAK_AUC, LEAK_SHARE, LEAK_VARIANCE = 0.90, 0.95, 0.95
"""What one field alone cannot tell of the label unless it knows the answer: AUC, share of labels, share of variance."""
_BEYOND_MODEL, _BEYOND_FLOOR = 0.05, 0.75
_ALWAYS_MISSING, _MOSTLY_GIVEN = 0.99, 0.5
_SHOWN_REGIONS = 8
TOLD_APART = "how well live rows can be told from evaluation rows (AUC)"
SHARE_LEFT = "share of evaluation rows that still counts after re-weighting"
ROWS_LEFT = "evaluation rows that still count after re-weighting"
FARTHEST = "distance of the farthest field between evaluation and live rows"
_LIKENESS = (TOLD_APART, SHARE_LEFT, ROWS_LEFT)
_LIVE_WHY = "What was not evaluated on rows like these is not validated for them."

CODES = {
    **outcomes.CODES,
    **unseen.CODES,
    "inputs-undeclared": "The model's inputs are not declared, so features cannot be looked at.",
    "target-leak": "One field alone tells the label so well that it must know the answer.",
    "not-known-live": "A field has values in the evaluation data and none live: it is not known when predicting.",
    "input-missing": "A declared input is no column of the evaluation data.",
    "no-live-sample": "No recent live sample is declared.",
    "live-mix-unknown": "Evaluation and live rows could not be compared.",
    "input-not-compared": "An input could not be compared between evaluation and live rows.",
    "field-drift": "A field lies far apart between evaluation and live rows.",
    "field-shifted": "A field lies noticeably apart between evaluation and live rows.",
    "not-validated": "Part of the live traffic has no evaluation rows.",
}


def limits(system: System) -> Sequence[Threshold]:
    """How alike evaluation and live rows must be, where a live sample is declared."""
    if system.data.live is None:
        return ()
    policy = system.policy
    rows: list[tuple[str, Sense, float, str]] = [
        (TOLD_APART, Sense.AT_MOST, policy.domain_auc, ""),
        (SHARE_LEFT, Sense.AT_LEAST, policy.effective_share, "share"),
        (ROWS_LEFT, Sense.AT_LEAST, float(policy.effective_rows), "rows"),
        (FARTHEST, Sense.AT_MOST, FAIL_D, "standard deviations"),
    ]
    return [
        Threshold(
            requirement=REQUIREMENT, measure=name, sense=sense, limit=limit, unit=unit, confidence=policy.confidence
        )
        for name, sense, limit, unit in rows
    ]


def run(system: System, trial: Trial) -> Observation | Reason:
    """Look for what evaluation shares with training, for features that know the answer, and compare with live rows."""
    label = labelled_by(system)
    if isinstance(label, Reason):
        return label
    inputs = inputs_of(system, trial)
    trial.say("Reading the scored evaluation rows", 0.05)
    rows = read_rows(trial.table("scored.evaluation"), [*columns_of(system), *inputs], most=MOST_ROWS, seed=trial.seed)
    found = outcomes_of(system, rows)
    if isinstance(found, Reason):
        return found
    trial.say("Looking for evaluation rows in the training data", 0.2)
    apart = unseen.unseen(system, trial, inputs, rows, found)
    features = features_of(rows, inputs)
    trial.say("Looking for features that know the answer", 0.5)
    alone = knowing(features, found, alpha=_alpha(system), seed=trial.seed)
    trial.say("Comparing with the live sample", 0.6)
    likeness = _Likeness(system, trial, inputs, rows, found)
    return Observation(
        done=_done(system, rows, apart, likeness),
        measures=likeness.measures,
        findings=(
            *_inputs(inputs, rows),
            *apart.findings,
            *_leaks(alone, found, _alpha(system)),
            *likeness.findings,
        ),
        figures=likeness.figures,
        proof=apart.proof,
        facts={
            "rows": rows.total,
            "training_rows": apart.training_rows,
            "strongest_fields": {k.field: round(k.found.value, 4) for k in alone[:5]},
            **likeness.facts,
        },
    )


def _alpha(system: System) -> float:
    return 1.0 - system.policy.confidence


def _inputs(inputs: Mapping[str, InputField], rows: Rows) -> Iterator[Finding]:
    if not inputs:
        yield Finding(
            code="inputs-undeclared",
            weight=Weight.OPEN,
            summary="the model's inputs are not declared, so no field could be looked at",
            remedy="Declare model.inputs; `seatrial init` proposes them from the data.",
            fields=("model.inputs",),
        )
    for name in inputs:
        if name not in rows.columns:
            yield Finding(
                code="input-missing",
                weight=Weight.OPEN,
                summary=f"the input {name} is no column of the evaluation data",
                remedy="Give evaluation rows with all inputs, or correct model.inputs.",
                fields=(name,),
            )


def _leaks(alone: Sequence[Knowing], found: Outcomes, alpha: float) -> Iterator[Finding]:
    model = _model_auc(found, alpha)
    for each in alone:
        cut = _cut(found)
        beats = model is not None and each.found.lower > max(_BEYOND_FLOOR, model + _BEYOND_MODEL)
        if each.found.lower < cut and not beats:
            continue
        compared = f", the whole model {model:.3f} at most" if beats and model is not None else ""
        yield Finding(
            code="target-leak",
            summary=f"{each.field} alone tells the label: {each.scale} {each.found.value:.3f}, at least "
            f"{each.found.lower:.3f}{compared}",
            fields=(each.field,),
            remedy=f"Find out when {each.field} is known. If only after the outcome, drop it, train and evaluate anew.",
            why="Live, the field is not known yet, and the model then guesses.",
            detail={"value": each.found.value, "lower": each.found.lower, "cut": cut},
        )


def _cut(found: Outcomes) -> float:
    """What a field alone may tell; more than half of what always naming the commonest class leaves untold, at least."""
    if found.task == "binary":
        return LEAK_AUC
    if found.task == "regression":
        return LEAK_VARIANCE
    most = float(np.bincount(found.truth.astype(np.int64)).max()) / found.n
    return max(LEAK_SHARE, min(0.999, most + 0.5 * (1.0 - most)))


def _model_auc(found: Outcomes, alpha: float) -> float | None:
    if found.task != "binary" or np.isnan(found.score).all():
        return None
    given = ~np.isnan(found.score)
    positive = (found.truth == found.positive) & given
    negative = (found.truth != found.positive) & given
    if not positive.any() or not negative.any():
        return None
    return auc.interval(found.score[positive], found.score[negative], alpha).upper


class _Likeness:
    """The comparison with the live sample: measures, findings, figures and facts, or why there are none."""

    def __init__(
        self, system: System, trial: Trial, inputs: Mapping[str, InputField], rows: Rows, found: Outcomes
    ) -> None:
        self.measures: tuple[Measure, ...] = ()
        self.findings: list[Finding] = []
        self.figures: tuple[Figure, ...] = ()
        self.facts: dict[str, float | int | list[str]] = {}
        self.live_rows = 0
        if system.data.live is None:
            self.findings.append(_no_live())
            return
        live = read_rows(trial.table("live"), list(inputs), most=MOST_ROWS, seed=trial.seed)
        self.live_rows = live.total
        self.findings += unseen.recycled(trial, inputs, rows)
        here, there = features_of(rows, inputs), features_of(live, inputs)
        self.findings += _unknown_live(here, there, inputs, live)
        alpha = _alpha(system)
        seen, met = (features_of(side, inputs, parts_of_time=True) for side in (rows, live))
        self.findings += _not_compared(seen, met, [n for n in inputs if n in rows.columns and n in live.columns])
        try:
            mix = live_mix(seen, met, alpha=alpha, seed=trial.seed)
        except NoMix as error:
            self.findings.append(_no_mix(str(error)))
            return
        moved = drifts(here, there, alpha=alpha, seed=trial.seed)
        self.findings += [*_drift_findings(moved), *_regions(mix, system.policy.smallest_slice)]
        self.measures = (
            *_mix_measures(system, mix, live.n),
            *_drift_measure(system, moved),
            *_metrics(system, found, mix, alpha),
        )
        self.figures = (_drift_figure(moved),) if moved else ()
        self.facts = {
            "live_rows": live.total,
            "unsupported_live_share": mix.unsupported,
            "told_apart_by": [name for name, _ in mix.separating[:5]],
        }


def _no_live() -> Finding:
    return Finding(
        code="no-live-sample",
        summary="no recent live sample is declared, so nobody knows whether the evaluation data look like live traffic",
        remedy="Declare data.live: a recent sample of what production sends; labels are not needed.",
        fields=("data.live",),
        why=_LIVE_WHY,
    )


def _no_mix(what: str) -> Finding:
    return Finding(
        code="live-mix-unknown",
        weight=Weight.OPEN,
        summary=f"evaluation and live rows could not be compared: {what}",
        remedy="Give a live sample of at least some hundred rows with the model's inputs.",
        fields=("data.live",),
        why=_LIVE_WHY,
    )


def _unknown_live(
    here: Sequence[Feature], there: Sequence[Feature], inputs: Mapping[str, InputField], live: Rows
) -> Iterator[Finding]:
    if not live.total:
        return
    given, met = missing_shares(here), missing_shares(there)
    for name in inputs:
        absent = name not in live.columns
        if not absent and not (met.get(name, 0.0) > _ALWAYS_MISSING and given.get(name, 1.0) < _MOSTLY_GIVEN):
            continue
        how = "is no column of the live sample" if absent else f"is missing in {percent(met[name])} of the live rows"
        yield Finding(
            code="not-known-live",
            summary=f"{name} {how}, though the evaluation data have it: it is not known at prediction time",
            fields=(name,),
            remedy=f"Feed {name} live, or drop it, train and evaluate anew.",
            why="The model was evaluated with knowledge that it does not have live.",
        )


def _not_compared(here: Sequence[Feature], there: Sequence[Feature], names: Sequence[str]) -> Iterator[Finding]:
    """Inputs that only one side, or neither, can be compared by."""
    seen = {f.source: f.numbers is None for f in here}
    met = {f.source: f.numbers is None for f in there}
    for name in names:
        if name in seen and seen[name] == met.get(name):
            continue
        neither = name not in seen and name not in met
        yield Finding(
            code="input-not-compared",
            weight=Weight.NOTE if neither else Weight.OPEN,
            summary=f"{name} could not be compared: "
            + ("its values name single rows, or times that cannot be read" if neither else "the sides differ in kind"),
            fields=(name,),
            remedy="Correct its type in model.inputs, or what the live sample holds.",
        )


def _mix_measures(system: System, mix: LiveMix, live_rows: int) -> Iterator[Measure]:
    policy = system.policy
    confidence = policy.confidence
    n = mix.auc.n
    yield Measure(
        name=TOLD_APART,
        value=mix.auc.value,
        lower=mix.auc.lower,
        upper=mix.auc.upper,
        limit=policy.domain_auc,
        sense=Sense.AT_MOST,
        n=n,
        method=f"cross-fitted gradient boosting, {mix.auc.method}",
        confidence=confidence,
        approximate=True,
    )
    share, effective = mix.spread.share, mix.spread.effective
    lacking = policy.effective_rows - effective
    for name, value, limit, unit, needed in (
        (SHARE_LEFT, share, policy.effective_share, "share", None),
        (
            ROWS_LEFT,
            effective,
            float(policy.effective_rows),
            "rows",
            int(lacking / max(share, 0.01)) + 1 if lacking > 0 else None,
        ),
    ):
        yield Measure(
            name=name,
            value=value,
            lower=value,
            upper=value,
            limit=limit,
            sense=Sense.AT_LEAST,
            unit=unit,
            n=mix.spread.n,
            method="Kish's effective sample size of the weights to the live mix",
            confidence=confidence,
            needed=needed,
            needed_unit="labelled rows like the live ones" if needed else "",
            approximate=True,
        )
    yield Measure(
        name="share of live rows without evaluation rows like them",
        value=mix.unsupported,
        unit="share",
        n=min(live_rows, n),
        kind=MeasureKind.INFORMATIVE,
        method="live rows in regions of one or two inputs with fewer than five evaluation rows",
    )


def _drift_measure(system: System, moved: Sequence[Drift]) -> Iterator[Measure]:
    if not moved:
        return
    yield Measure(
        name=FARTHEST,
        value=moved[0].found.value,
        lower=max(d.found.lower for d in moved),
        upper=max(d.found.upper for d in moved),
        limit=FAIL_D,
        sense=Sense.AT_MOST,
        unit="standard deviations",
        n=moved[0].found.n,
        method="the farthest field: PSI or JS as the shift of a normal distribution, multinomial bootstrap",
        confidence=system.policy.confidence,
        approximate=True,
    )


def _metrics(system: System, found: Outcomes, mix: LiveMix, alpha: float) -> Iterator[Measure]:
    for metric in governed(system):
        try:
            rows = rows_of(metric.name, found)
        except MetricProblem:
            continue
        shown = Governed(name=metric.name, sense=metric.sense, limit=None)
        yield live_measure(shown, rows, mix, found.rows, Setting(alpha=alpha))


def _drift_findings(moved: Sequence[Drift]) -> Iterator[Finding]:
    for drift in moved:
        if drift.found.lower <= WARN_D:
            continue
        gap = drift.found.lower > FAIL_D
        gone = (
            f", and is missing in {percent(drift.missing[0])} and {percent(drift.missing[1])} of them"
            if max(drift.missing) > 0.01
            else ""
        )
        yield Finding(
            code="field-drift" if gap else "field-shifted",
            weight=Weight.GAP if gap else Weight.NOTE,
            summary=f"{drift.name} lies {drift.found.value:.2f} standard deviations apart between evaluation and live "
            f"rows{gone}: the evaluation says little about live traffic.",
            fields=(drift.field,),
            explains=(FARTHEST, *_LIKENESS) if gap else (),
            detail={"distance": drift.found.value, "lower": drift.found.lower, "upper": drift.found.upper},
            remedy="Evaluate on rows from the time and the sources that production has now.",
            why=_LIVE_WHY,
        )


def _regions(mix: LiveMix, most: float) -> Iterator[Finding]:
    gap = mix.unsupported >= most
    for region in mix.regions[:_SHOWN_REGIONS]:
        yield Finding(
            code="not-validated",
            weight=Weight.GAP if gap else Weight.NOTE,
            summary=f"The model is not validated where {region.words}: {percent(region.live_share)} of live traffic "
            f"lies there, and {_rows_there(region.evaluated)}.",
            fields=region.fields,
            explains=_LIKENESS if gap else (),
            remedy="Label rows from this region, or declare it in do_not_trust.",
            why=_LIVE_WHY,
        )


def _rows_there(evaluated: int) -> str:
    return f"only {count(evaluated, 'evaluation row')}" if evaluated else "no evaluation row"


def _drift_figure(moved: Sequence[Drift]) -> Figure:
    rows: tuple[dict[str, Json], ...] = tuple(
        {
            "field": d.name,
            "distance": d.found.value,
            "lower": d.found.lower,
            "upper": d.found.upper,
            "warn": WARN_D,
            "cutoff": FAIL_D,
        }
        for d in moved[:30]
    )
    return Figure(kind="drift", title="How far each field lies from live", rows=rows)


def _done(system: System, rows: Rows, apart: unseen.Unseen, likeness: _Likeness) -> str:
    training = (
        f"searched {apart.training_rows:,} training rows for copies of them"
        if system.data.training
        else "no training data to compare them with"
    )
    live = f", and compared them with {likeness.live_rows:,} live rows" if likeness.live_rows else ""
    return f"Read {rows.total:,} evaluation rows, {training}{live}."


CHECK: Check[System] = Check(
    id="model.out-of-sample",
    requirement=REQUIREMENT,
    version=1,
    title="Unseen evaluation data that look like live traffic",
    run=run,
    codes=CODES,
    limits=limits,
    budget_s=lambda _: 180.0,
    tables=lambda _: ("scored.evaluation",),
)
