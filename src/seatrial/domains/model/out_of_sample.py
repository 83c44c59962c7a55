"""Whether the evaluation data are unseen, and look like what the model will meet live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Measure, Observation, Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.model import (
    answers_live,
    class_leaks,
    expected_live,
    known_live,
    known_together,
    left_out,
    likeness,
    swapped,
    text_leaks,
    unseen,
)
from seatrial.domains.model.field_pairs import CUT, Together, together
from seatrial.domains.model.field_parts import parts_of
from seatrial.domains.model.leaks import Knowing, knowing, strongest_parts
from seatrial.domains.model.likeness import MOST_ROWS, REQUIREMENT, Likeness
from seatrial.domains.scored import outcomes, vendor_form
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Feature, Rows, features_of, read_rows
from seatrial.domains.scored.text_features import free_texts
from seatrial.domains.sending import inputs_of
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats import auc

LEAK_AUC, LEAK_SHARE, LEAK_VARIANCE = 0.90, 0.95, 0.95
"""What one field alone cannot tell of the label unless it knows the answer: AUC, share of labels, share of variance."""
_BEYOND_MODEL, _BEYOND_FLOOR = 0.05, 0.75
_ALWAYS_MISSING, _MOSTLY_GIVEN = 0.99, 0.5
_SHOWN_REGIONS = 8
CODES = {
    **outcomes.CODES,
    **unseen.CODES,
    **text_leaks.CODES,
    **known_together.CODES,
    **class_leaks.CODES,
    **swapped.CODES,
    **likeness.CODES,
    **vendor_form.CODES,
    **expected_live.CODES,
    **answers_live.CODES,
    **left_out.CODES,
    "inputs-undeclared": "The model's inputs are not declared, so features cannot be looked at.",
    "target-leak": "One field, one part of it such as its last digit, or two numbers together tell the label so well "
    "that they must know the answer.",
}


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
    trial.say("Looking for features that know the answer", 0.5)
    alpha = 1.0 - system.policy.confidence
    fields = _fields(system, inputs, rows, found, alpha=alpha, seed=trial.seed)
    words = text_leaks.telling_words(free_texts(rows, inputs), found, alpha=alpha, seed=trial.seed)
    trial.say("Asking with the names of other rows", 0.55)
    hanging = swapped.hanging_on_names(system, trial, inputs, rows, found, alpha=alpha)
    trial.say("Comparing with the live sample", 0.6)
    alike = likeness.likeness(system, trial, inputs, rows, found)
    answers = answers_live.answers_live(system, trial, rows, found, alpha=alpha)
    trial.say("Looking for wrong rows that are missing", 0.9)
    missing = tuple(left_out.wrong_rows_missing(system, trial, inputs, rows, found, alike.mix))
    expected = tuple(expected_live.expected_live(system, trial, found))
    findings = (
        *_inputs(inputs, rows),
        *vendor_form.vendor_form(system, "the accepted pilot data stand in for the training data"),
        *vendor_form.supplier_document(system, trial),
        *apart.findings,
        *fields.told,
        *_identities(system, fields.two, found, alpha, inputs=inputs, live=alike.given),
        *class_leaks.class_leaks(system, fields.silent, found, inputs, alike.given, alpha=alpha, seed=trial.seed),
        *words,
        *hanging,
        *known_live.only_with_label(fields.whole, found, rows),
        *(known_live.late_times(fields.times, fields.own) if fields.own else ()),
        *alike.findings,
        *answers,
        *missing,
        *(f for f in expected if isinstance(f, Finding)),
    )
    # What was found stands, however little a search for something else would have found.
    certain = any(each.weight is Weight.GAP for each in findings)
    return Observation(
        done=_done(system, rows, apart, alike),
        measures=(
            *alike.measures,
            *(_shown(m) if certain else m for m in apart.measures),
            *(m for m in expected if isinstance(m, Measure)),
        ),
        findings=findings,
        figures=alike.figures,
        proof=apart.proof,
        facts={
            "rows": rows.total,
            "training_rows": apart.training_rows,
            "strongest_fields": {k.field: round(k.found.value, 4) for k in fields.alone[:5]},
            **alike.facts,
            **apart.facts,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """What fields tell of the label. `whole`: the features of whole fields, of which `times` are times beside `own`.

    `alone` is what each of them knows, `told` those that know the answer, `silent` all others and their parts, `two`
    what pairs of others give together.
    """

    whole: Sequence[Feature]
    times: Sequence[Feature]
    own: str | None
    alone: Sequence[Knowing]
    told: Sequence[Finding]
    silent: Sequence[Feature]
    two: Sequence[Together]


def _fields(
    system: System, inputs: Mapping[str, InputField], rows: Rows, found: Outcomes, *, alpha: float, seed: int
) -> _Fields:
    own = system.data.evaluation.time if system.data.evaluation else None
    times = known_live.time_features(rows, inputs, own)
    whole, cut_up = (*features_of(rows, inputs), *times), parts_of(rows, inputs)
    alone = knowing(whole, found, alpha=alpha, seed=seed)
    told = tuple(_leaks(alone, strongest_parts(cut_up, found, alpha=alpha, seed=seed), found, alpha))
    leaking = {name for each in told for name in each.fields}
    known = [name for name, field in inputs.items() if (field.known or "").strip()]
    others = [f for f in whole if f.source not in leaking]
    return _Fields(
        whole=whole,
        times=times,
        own=own,
        alone=alone,
        told=told,
        silent=[*others, *(f for f in cut_up if f.source not in leaking)],
        two=together(others, found, alpha=alpha, seed=seed, known=known),
    )


def _shown(power: Measure) -> Measure:
    return replace(power, kind=MeasureKind.INFORMATIVE) if power.kind is MeasureKind.VALIDITY else power


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


def _leaks(whole: Sequence[Knowing], parts: Sequence[Knowing], found: Outcomes, alpha: float) -> Iterator[Finding]:
    """Fields that know the answer, and of the others the parts that do."""
    model, cut = _model_auc(found, alpha), _cut(found)
    named: set[str] = set()
    for each in (*whole, *parts):
        beats = model is not None and each.found.lower > max(_BEYOND_FLOOR, model + _BEYOND_MODEL)
        if each.field in named or (each.found.lower < cut and not beats):
            continue
        named.add(each.field)
        compared = f", the whole model {model:.3f} at most" if beats and model is not None else ""
        yield Finding(
            code="target-leak",
            summary=f"{each.name} alone tells the label: {each.scale} {each.found.value:.3f}, at least "
            f"{each.found.lower:.3f}{compared}",
            fields=(each.field,),
            remedy=f"Find out when {each.field} is known. If only after the outcome, drop it, train and evaluate anew."
            if each.name == each.field
            else f"Find out what writes {each.name}. If it follows from the outcome, drop {each.field}, train "
            "and evaluate anew; if it is known before, a rule does what the model does.",
            why="Live, the field is not known yet, and the model then guesses.",
            detail={"value": each.found.value, "lower": each.found.lower, "cut": cut},
        )


def _identities(
    system: System,
    pairs: Sequence[Together],
    found: Outcomes,
    alpha: float,
    *,
    inputs: Mapping[str, InputField],
    live: Mapping[str, float],
) -> Iterator[Finding]:
    """The strongest pair of fields that give the label together, and the strongest that is declared as known before."""
    model, cut = _model_auc(found, alpha), CUT.get(found.task, 1.0)
    told: set[bool] = set()
    for each in pairs:
        beats = model is not None and each.found.lower > max(_BEYOND_FLOOR, model + _BEYOND_MODEL)
        if each.found.lower < cut and not beats:
            continue
        told_by = f"{each.name} tells the label: {each.scale} {each.found.value:.3f}, at least {each.found.lower:.3f}"
        detail = {"value": each.found.value, "lower": each.found.lower}
        known = known_together.judgement(system, each.fields, told_by, detail, inputs, live)
        if (known is not None) not in told:
            yield known or _identity(each, cut)
            told.add(known is not None)


def _identity(each: Together, cut: float) -> Finding:
    a, b = each.fields
    return Finding(
        code="target-leak",
        summary=f"{each.name} tells the label: {each.scale} {each.found.value:.3f}, at least {each.found.lower:.3f}",
        fields=each.fields,
        remedy=f"Find out when {a} and {b} are known. If one follows from the outcome, drop it, train and evaluate "
        f"anew; if both are known before, a rule does what the model does: say when in model.inputs.{a}.known and "
        f"model.inputs.{b}.known.",
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


def _done(system: System, rows: Rows, apart: unseen.Unseen, alike: Likeness) -> str:
    kind = "rows of the accepted pilot data" if system.model.vendor else "training rows"
    training = (
        f"searched {apart.training_rows:,} {kind} for copies of them"
        if system.data.training
        else "no training data to compare them with"
    )
    live = f", and compared them with {alike.live_rows:,} live rows" if alike.live_rows else ""
    return f"Read {rows.total:,} evaluation rows, {training}{live}."


CHECK: Check[System] = Check(
    id="model.out-of-sample",
    requirement=REQUIREMENT,
    version=8,
    title="Unseen evaluation data that look like live traffic",
    run=run,
    codes=CODES,
    limits=likeness.limits,
    budget_s=lambda _: 180.0,
    tables=lambda system: (
        "scored.evaluation",
        *dict.fromkeys((*expected_live.table_of(system), *answers_live.table_of(system), *left_out.table_of(system))),
    ),
)
