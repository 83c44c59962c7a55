"""How the evaluation rows compare with the live sample: measures, findings, figures, or why there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import count, percent
from seatrial.domains.condition_words import called
from seatrial.domains.model import known_live, unseen
from seatrial.domains.model.bounding import Setting, live_measure
from seatrial.domains.model.field_drift import Drift, drifts
from seatrial.domains.model.live_mix import LiveMix, NoMix, evenly_drawn, live_mix
from seatrial.domains.model.repeated_rows import CODES as OF_REPEATED_ROWS
from seatrial.domains.model.repeated_rows import repeated_rows
from seatrial.domains.model.text_likeness import TextLikeness, text_likeness
from seatrial.domains.scored.drawing import drawing_of
from seatrial.domains.scored.metrics import Governed, MetricProblem, governed, rows_of
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Feature, Rows, numbers_of, read_rows
from seatrial.domains.scored.text_features import comparable, texts_of
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats.drift import FAIL_D, WARN_D

REQUIREMENT = "model.out-of-sample"
MOST_ROWS = 60_000
TOLD_APART = "how well live rows can be told from evaluation rows (AUC)"
SHARE_LEFT = "share of evaluation rows that still counts after re-weighting"
ROWS_LEFT = "evaluation rows that still count after re-weighting"
FARTHEST = "distance of the farthest field between evaluation and live rows"
CODES: Mapping[str, str] = {
    **known_live.CODES,
    **OF_REPEATED_ROWS,
    "no-live-sample": "No recent live sample is declared.",
    "live-mix-unknown": "Evaluation and live rows could not be compared.",
    "input-not-compared": "An input could not be compared between evaluation and live rows.",
    "field-drift": "A field lies far apart between evaluation and live rows.",
    "field-shifted": "A field lies noticeably apart between evaluation and live rows.",
    "texts-differ": "Live texts can be told from the evaluation texts by their wording.",
    "not-validated": "Part of the live traffic has no evaluation rows.",
}
_LIKENESS = (TOLD_APART, SHARE_LEFT, ROWS_LEFT)
_LIVE_WHY = "What was not evaluated on rows like these is not validated for them."
_SHOWN_REGIONS, _SHOWN_WORDS = 8, 3


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What the comparison with the live sample gave. `given` is the share of live rows that have each input.

    `mix` is None where there was nothing to compare.
    """

    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()
    figures: tuple[Figure, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)
    live_rows: int = 0
    given: Mapping[str, float] = field(default_factory=dict)
    mix: LiveMix | None = None


def likeness(system: System, trial: Trial, inputs: Mapping[str, InputField], rows: Rows, found: Outcomes) -> Likeness:
    """Compare evaluation and live rows. Raises what the tables raise."""
    if system.data.live is None:
        return Likeness(findings=(_no_live(),))
    live = read_rows(trial.table("live"), list(inputs), most=MOST_ROWS, seed=trial.seed)
    findings = [
        *unseen.recycled(inputs, rows, live),
        *repeated_rows(system, inputs, unseen.telling_of(inputs, rows, live), rows, live, seed=trial.seed),
    ]
    sides = comparable(rows, live, inputs)
    plain = sides.without_times()
    findings += known_live.unknown_live(plain.evaluation, plain.live, inputs, live)
    both = [n for n in inputs if n in rows.columns and n in live.columns]
    findings += _not_compared(sides.evaluation, sides.live, both, inputs)
    alpha = 1.0 - system.policy.confidence
    wording = _wording(rows, live, sorted(sides.prose), alpha / (1 + len(sides.prose)), trial.seed)
    drawing = drawing_of(system, rows, found)
    each = None if isinstance(drawing, Reason) else drawing.of_table(rows, found)
    try:
        told = sides.called(inputs)
        mix = live_mix(told.evaluation, told.live, alpha=alpha / (1 + len(wording)), seed=trial.seed, stands_for=each)
    except NoMix as error:
        return Likeness(findings=(*findings, _no_mix(str(error))), live_rows=live.total)
    told = plain.called(inputs)
    here = told.evaluation
    if each is not None:
        here = tuple(feature.at(evenly_drawn(each, trial.seed)) for feature in here)
    moved = drifts(here, told.live, alpha=alpha, seed=trial.seed)
    worst = max((t.unsupported for t in wording), default=0.0)
    # Words and fields may mark the same rows: the larger share is certain, the sum is not.
    mix = replace(mix, unsupported=max(mix.unsupported, worst))
    least = system.policy.smallest_slice
    findings += [*_drift_findings(moved), *_regions(mix, least)]
    for texts in wording:
        name = called(texts.field, inputs)
        findings += [*_text_findings(texts, name, system.policy.domain_auc), *_unknown_words(texts, name, least)]
    return Likeness(
        measures=(
            *_mix_measures(system, mix, wording, live.n),
            *_drift_measure(system, moved),
            *(m for texts in wording for m in _text_measures(texts)),
            *_metrics(system, found, mix, alpha),
        ),
        findings=tuple(findings),
        figures=(_drift_figure(moved),) if moved else (),
        facts={
            "live_rows": live.total,
            "unsupported_live_share": mix.unsupported,
            "told_apart_by": [name for name, _ in mix.separating[:5]],
        },
        live_rows=live.total,
        given={name: _given(live, name) for name in inputs if name in live.columns and live.n},
        mix=mix,
    )


def _given(rows: Rows, name: str) -> float:
    """The share of rows that have a value; a number that is none is no value."""
    column = rows.columns[name]
    known = column.valid & np.isfinite(numbers_of(column)) if column.kind == "number" else column.valid
    return float(known.mean())


def _wording(rows: Rows, live: Rows, names: Sequence[str], alpha: float, seed: int) -> list[TextLikeness]:
    """The fields of free text that both sides have, compared by their wording."""
    found = []
    for name in names:
        if name in rows.columns and name in live.columns:
            here, there = texts_of(rows.columns[name]), texts_of(live.columns[name])
            compared = text_likeness(here, there, alpha=alpha, seed=seed) if here and there else None
            if compared is not None:
                found.append(compared)
    return found


def _no_live() -> Finding:
    return Finding(
        code="no-live-sample",
        summary="no recent live sample is declared, so nobody knows whether the evaluation data look like live "
        "traffic, or repeat each other more often than live rows do",
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


def _not_compared(
    here: Sequence[Feature], there: Sequence[Feature], names: Sequence[str], inputs: Mapping[str, InputField]
) -> Iterator[Finding]:
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
            summary=f"{called(name, inputs)} could not be compared: "
            + ("its values name single rows, or times that cannot be read" if neither else "the sides differ in kind"),
            fields=(name,),
            remedy="Correct its type in model.inputs, or what the live sample holds.",
        )


def _mix_measures(system: System, mix: LiveMix, wording: Sequence[TextLikeness], live_rows: int) -> Iterator[Measure]:
    policy = system.policy
    confidence = policy.confidence
    told = [mix.auc, *(texts.auc for texts in wording)]
    best = max(told, key=lambda found: found.value)
    n = mix.auc.n
    yield Measure(
        name=TOLD_APART,
        value=best.value,
        lower=max(found.lower for found in told),
        upper=max(found.upper for found in told),
        limit=policy.domain_auc,
        sense=Sense.AT_MOST,
        n=n,
        method=f"cross-fitted gradient boosting, {mix.auc.method}" if best is mix.auc else best.method,
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


def _text_findings(texts: TextLikeness, name: str, limit: float) -> Iterator[Finding]:
    """What live texts say that evaluation texts do not, and the other way round."""
    if not texts.separating or texts.auc.lower <= 0.5:
        return
    gap = texts.auc.lower > limit
    told = "; ".join(
        f"“{word.text}” stands in {percent(word.live)} of the live texts and {percent(word.evaluated)} of the "
        "evaluation's"
        for word in texts.separating[:_SHOWN_WORDS]
    )
    yield Finding(
        code="texts-differ",
        weight=Weight.GAP if gap else Weight.NOTE,
        summary=f"Live {name} can be told from evaluation {name} by its wording (AUC {texts.auc.value:.2f}): {told}.",
        fields=(texts.field,),
        explains=(TOLD_APART,) if gap else (),
        detail={"words": [word.text for word in texts.separating]},
        remedy="Evaluate on texts from the time and the sources that production has now.",
        why=_LIVE_WHY,
    )


def _unknown_words(texts: TextLikeness, name: str, most: float) -> Iterator[Finding]:
    gap = texts.unsupported >= most
    for word in texts.unknown[:_SHOWN_REGIONS]:
        yield Finding(
            code="not-validated",
            weight=Weight.GAP if gap else Weight.NOTE,
            summary=f"The model is not validated where {name} mentions “{word.text}”: {percent(word.live)} of "
            f"live traffic lies there, and {_rows_there(word.rows)}.",
            fields=(texts.field,),
            explains=_LIKENESS if gap else (),
            remedy="Label rows from this region, or declare it in do_not_trust.",
            why=_LIVE_WHY,
        )


def _text_measures(texts: TextLikeness) -> Iterator[Measure]:
    n = sum(texts.texts)
    for name, value, plain in (
        (f"distance of the letters of {texts.field} (Jensen-Shannon)", texts.distance, texts.by_chance),
        (f"share of words of live {texts.field} that no evaluation text has", texts.foreign, texts.foreign_at_home),
    ):
        yield Measure(
            name=name,
            value=value,
            unit="share" if name.startswith("share") else "",
            n=n,
            kind=MeasureKind.INFORMATIVE,
            method=f"{plain:.3f} between texts of the same kind, dealt out anew",
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
