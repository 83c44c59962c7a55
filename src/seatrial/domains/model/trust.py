"""Which outputs should not be trusted: calibration where they are acted on, and the declared rules run on every row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import count, percent
from seatrial.domains.condition_words import spoken_text
from seatrial.domains.model import confidence, few_entities, trust_export, trust_rules
from seatrial.domains.model.acted import acted_on
from seatrial.domains.model.bounding import Setting, clustered, plain_measure
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.confidence import Calibrated, calibrated
from seatrial.domains.model.trust_proposal import Candidate, Goal, Proposal, bands_of, proposal, texts_of
from seatrial.domains.model.trust_rules import Held, Rule, Seen
from seatrial.domains.scored import outcomes, vendor_form
from seatrial.domains.scored.drawing import CODES as DRAWING_CODES
from seatrial.domains.scored.drawing import Drawing, drawing_of
from seatrial.domains.scored.metrics import MetricProblem, governed, rows_of, unit_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Ints, Rows, features_of, read_rows
from seatrial.domains.sending import inputs_of
from seatrial.spec.conditions import parse_condition
from seatrial.spec.model import InputField
from seatrial.spec.system import System

REQUIREMENT = "model.trust"
TRUSTED = " where trusted"
"""Suffix of a governed metric's name on the rows that no rule holds back."""
HELD_BACK = "share of good outputs that the rules hold back"
CAUGHT = "share of errors that the rules catch"
_EVERY_ROW = 1 << 62
_PROPOSED_FROM = 20_000
"""Rows on which rules are sought: half to find, half to confirm."""
_LIVE_ROWS = 200_000
_SAMPLE_SEED = 20_261_123
"""The same rows in every run: who could draw again would find a sample that confirms what they like."""
_FEWEST = 100

CODES = {
    **outcomes.CODES,
    **DRAWING_CODES,
    **confidence.CODES,
    **trust_rules.CODES,
    **few_entities.CODES,
    "vendor-form": vendor_form.CODES["vendor-form"],
    "too-few-rows": "There are too few labelled rows to say which outputs are not to be trusted.",
    "nothing-trusted": "The rules hold back every row.",
    "metric-unknown-where-trusted": "A governed metric cannot be computed on the rows that the rules leave.",
    "proposed-rules": "A set of rules is proposed, found on one half of the rows and confirmed on the other.",
    "rules-miss-errors": "The declared rules catch hardly any error, and a condition is confirmed that does.",
    "no-rule-set": "No set of a few conditions brings what is left to its minimum.",
}


def limits(system: System) -> Sequence[Threshold]:
    """Over-confidence, good outputs held back, and the plan's own minima on what the rules leave."""
    level = _level(system)
    return (
        *confidence.limits(system, REQUIREMENT, level),
        Threshold(
            requirement=REQUIREMENT,
            measure=HELD_BACK,
            sense=Sense.AT_MOST,
            limit=system.policy.held_back,
            unit="share",
            confidence=level,
        ),
        *(
            Threshold(
                requirement=REQUIREMENT,
                measure=m.name + TRUSTED,
                sense=m.sense,
                limit=m.limit,
                unit=unit_of(m.name),
                confidence=level,
            )
            for m in governed(system)
            if m.limit is not None
        ),
    )


def run(system: System, trial: Trial) -> Observation | Reason:
    """Execute the rules on every evaluation row, hold confidence to the truth, and propose rules where needed."""
    label = labelled_by(system)
    if isinstance(label, Reason):
        return label
    rules, problems = trust_rules.declared_rules(system, inputs_of(system, trial))
    outputs = trust_rules.names_of(system)
    trial.say("Reading every scored evaluation row", 0.05)
    wanted = [*columns_of(system), *trust_rules.column_names(rules, outputs)]
    rows = read_rows(trial.table("scored.evaluation"), wanted, most=_EVERY_ROW, seed=_SAMPLE_SEED)
    found = outcomes_of(system, rows)
    if isinstance(found, Reason):
        return found
    if found.n < _FEWEST:
        return Reason(
            code="too-few-rows",
            summary=f"{found.n} labelled rows are too few to say which outputs are not to be trusted",
            remedy=f"Label at least {_FEWEST - found.n} more rows.",
        )
    acted = acted_on(system, found)
    groups = _groups(system, rows, found.rows)
    drawing = drawing_of(system, rows, found)
    if isinstance(drawing, Reason):
        return drawing
    each = drawing.of_row()
    trial.say("Running the do-not-trust rules", 0.3)
    seen = _executed(system, trial, rules, Seen(rows=rows, found=found, acted=acted, groups=groups, stands_for=each))
    seen = replace(seen, findings=(*problems, *seen.findings, *few_entities.few_entities(system, groups)))
    trial.say("Holding confidence to what came true", 0.5)
    said = calibrated(system, acted, groups, _level(system), stands_for=each, trusted=seen.trusted)
    measures, unmeasured = _measures(system, seen)
    trial.say("Looking for the smallest set of rules that suffices", 0.7)
    proposed, told = _proposed(system, trial, seen, measures)
    return _observation(system, trial, seen, said, (*measures, *said.measures), (*unmeasured, *told), proposed)


def _level(system: System) -> float:
    return max(system.governance.confidence, system.policy.confidence)


def _groups(system: System, rows: Rows, labelled: Ints) -> Ints | None:
    source = system.data.evaluation
    if source is None or source.entity is None or source.entity not in rows.columns:
        return None
    values, codes = rows.columns[source.entity].codes
    if len(values) + int((codes < 0).sum()) == rows.n:
        return None
    chosen = trust_rules.entities(codes)[labelled]
    return chosen if clustered(chosen) else None


def _executed(system: System, trial: Trial, rules: Sequence[Rule], seen: Seen) -> Seen:
    """The same rows with what each rule that can be run did on them, and what is wrong with the rules."""
    if not system.do_not_trust:
        return replace(seen, findings=(trust_rules.no_rules(),))
    outputs, names = trust_rules.names_of(system), seen.rows.columns.names
    conditions = RowConditions(seen.rows.columns)
    alpha = 1.0 - _level(system)
    live = _live_shares(system, trial, rules)
    held: list[Held] = []
    findings: list[Finding] = []
    for rule in rules:
        problem = trust_rules.unknown_fields(rule, conditions, outputs, names)
        if problem is not None:
            findings.append(problem)
            continue
        holds = trust_rules.executed(rule, conditions, outputs, names)[seen.found.rows]
        told = trust_rules.held(rule, holds, seen, alpha)
        held.append(replace(told, live_share=live.get(rule.number)))
    smallest = system.policy.smallest_slice
    findings += trust_rules.findings_of(held, seen.acted.meaning, smallest=smallest, alpha=alpha)
    ran = replace(seen, rules=tuple(held))
    findings += trust_rules.together_by_chance(ran, smallest=smallest, alpha=alpha)
    return replace(ran, findings=tuple(findings))


def _live_shares(system: System, trial: Trial, rules: Sequence[Rule]) -> dict[int, float]:
    """For each rule the share of live rows that it holds back; none where there is no live sample to see."""
    if system.data.live is None or not rules:
        return {}
    outputs = trust_rules.names_of(system)
    try:
        live = read_rows(
            trial.table("scored.live"), trust_rules.column_names(rules, outputs), most=_LIVE_ROWS, seed=_SAMPLE_SEED
        )
    except SeatrialError:
        return {}
    conditions = RowConditions(live.columns)
    return {
        rule.number: float(trust_rules.executed(rule, conditions, outputs, live.columns.names).mean())
        for rule in rules
        if live.n and trust_rules.unknown_fields(rule, conditions, outputs, live.columns.names) is None
    }


def _measures(system: System, seen: Seen) -> tuple[tuple[Measure, ...], list[Finding]]:
    """What the rules catch and hold back, and the governed metrics on what they leave."""
    level = _level(system)
    wrong, alpha = seen.acted.wrong, 1.0 - level
    caught, good = trust_rules.union(seen, alpha)
    measures: list[Measure] = []
    if good is not None:
        held_back = Measure(
            name=HELD_BACK,
            value=good.value,
            lower=good.lower,
            upper=good.upper,
            limit=system.policy.held_back,
            sense=Sense.AT_MOST,
            unit="share",
            n=good.n,
            method=good.method,
            confidence=level,
            approximate=good.approximate,
        )
        measures.append(few_entities.settled_by_entities(held_back, seen.groups))
    if caught is not None:
        measures.append(_shown(CAUGHT, caught.value, caught.lower, caught.upper, caught.n, caught.method, level))
    trusted = np.flatnonzero(seen.trusted)
    if not trusted.size:
        return tuple(measures), [
            Finding(
                code="nothing-trusted",
                summary="the rules hold back every row, so there is nothing left to act on",
                fields=("do_not_trust",),
                remedy="Say more narrowly when an output is not to be trusted.",
            )
        ]
    error = trust_rules.share(wrong[trusted], *seen.among(trusted, alpha))
    if error is not None:
        name = f"share of outputs that are wrong{TRUSTED}"
        measures.append(_shown(name, error.value, error.lower, error.upper, error.n, error.method, level))
    governed_there, problems = _governed(system, seen, trusted)
    return (*measures, *governed_there), problems


def _shown(name: str, value: float, lower: float, upper: float, n: int, method: str, level: float) -> Measure:
    return Measure(
        name=name,
        value=value,
        lower=lower,
        upper=upper,
        unit="share",
        n=n,
        method=method,
        confidence=level,
        kind=MeasureKind.INFORMATIVE,
    )


def _governed(system: System, seen: Seen, trusted: Ints) -> tuple[list[Measure], list[Finding]]:
    left = seen.found.at(trusted)
    groups, alpha, each = seen.among(trusted, 1.0 - _level(system))
    setting = Setting(alpha=alpha, groups=groups, drawing=Drawing(weights=each))
    measures: list[Measure] = []
    problems: list[Finding] = []
    for metric in governed(system):
        try:
            rows = rows_of(metric.name, left)
            measure = plain_measure(metric, rows, setting)
        except (MetricProblem, ValueError) as problem:
            problems.append(
                Finding(
                    code="metric-unknown-where-trusted",
                    weight=Weight.OPEN,
                    summary=f"{metric.name} cannot be computed on the rows that the rules leave: {problem}",
                    fields=(metric.name,),
                    remedy="Correct the metric, or narrow the rules so that labelled rows of each kind remain.",
                )
            )
            continue
        kind = MeasureKind.GATE if metric.limit is not None else MeasureKind.INFORMATIVE
        measures.append(replace(measure, name=metric.name + TRUSTED, kind=kind))
    return measures, problems


def _proposed(
    system: System, trial: Trial, seen: Seen, measures: Sequence[Measure]
) -> tuple[Proposal | None, list[Finding]]:
    """A better set of rules, where what the declared ones leave is not certain to be good enough."""
    weak = any(f.weight is not Weight.NOTE for f in seen.findings)
    short = [m.name.removesuffix(TRUSTED) for m in measures if m.name.endswith(TRUSTED) and not _clears(m)]
    alpha = 1.0 - _level(system)
    caught, _ = trust_rules.union(seen, alpha)
    unproven = bool(seen.rules) and all(each.p > alpha for each in seen.rules)
    unproven = unproven and caught is not None and caught.upper < system.policy.smallest_harm
    if not weak and not short and not unproven:
        return None, []
    inputs = inputs_of(system, trial)
    names = [*columns_of(system), *inputs]
    rows = read_rows(trial.table("scored.evaluation"), names, most=_PROPOSED_FROM, seed=_SAMPLE_SEED)
    found = outcomes_of(system, rows)
    if isinstance(found, Reason):
        return None, []
    acted = acted_on(system, found)
    conditions = RowConditions(rows.columns)
    order = np.argsort(conditions.hashes(names)[found.rows], kind="stable")
    halves = (np.sort(order[::2]), np.sort(order[1::2]))
    candidates = _candidates(system, rows, found, conditions, halves[0], inputs)
    goals = list(_goals(system, found, short))
    # What no mean over rows stands for is not sought, and nobody may take the set for one that brings it back.
    unsought = [name for name in short if name not in {goal.metric.name for goal in goals}]
    result = None if unsought else proposal(candidates, acted.wrong, goals, halves, alpha=alpha)
    reached = result is not None and result.reached
    if not reached:
        # A set that does not suffice may hold back nearly everything; the strongest condition alone is a start.
        result = proposal(candidates, acted.wrong, (), halves, alpha=alpha)
    missed = (
        [_missed(result, acted.meaning, inputs)] if unproven and _matters(result, system.policy.smallest_harm) else []
    )
    return result, [*missed, *_about(result, short, unsought, reached=reached)]


def _matters(found: Proposal | None, harm: float) -> TypeGuard[Proposal]:
    """Whether the proposed rules catch so many more errors than good outputs that going without them does harm."""
    return found is not None and found.caught - found.good >= harm


def _missed(found: Proposal, meaning: str, inputs: Mapping[str, InputField]) -> Finding:
    where = " or ".join(spoken_text(text, inputs) for text in found.conditions)
    return Finding(
        code="rules-miss-errors",
        summary=f"the declared rules catch hardly any error, and {percent(found.caught)} of the answers that are "
        f"{meaning} are given when {where}, against {percent(found.good)} of the others",
        fields=("do_not_trust",),
        remedy=f"Say what is done with such a case, and declare it beside your rules:\n{found.yaml()}",
        why="Rules that name everything but the cases in which it is wrong give people a false sense of safety.",
    )


def _clears(measure: Measure) -> bool:
    if measure.limit is None or measure.sense is None:
        return True
    bound = measure.bound
    if bound is None or not np.isfinite(bound):
        return False
    return bound >= measure.limit if measure.sense is Sense.AT_LEAST else bound <= measure.limit


def _candidates(
    system: System, rows: Rows, found: Outcomes, conditions: RowConditions, find: Ints, inputs: object
) -> list[Candidate]:
    outputs = trust_rules.names_of(system)
    texts: list[tuple[str, str]] = []
    if isinstance(inputs, dict):
        features = features_of(rows, inputs)
        texts = [(text, f.source) for f in features for text in texts_of(f.at(found.rows[find]))]
    score = system.model.output.score
    if score is not None and score not in rows.columns:
        texts += [(text, score) for text in bands_of(score, found.score[find])]
    made = []
    for text, source in dict.fromkeys(texts):
        condition = trust_rules.over_columns(parse_condition(text), outputs, rows.columns.names)
        made.append(Candidate(text=text, source=frozenset({source}), rows=conditions.holds(condition)[found.rows]))
    return made


def _goals(system: System, found: Outcomes, short: Sequence[str]) -> Iterator[Goal]:
    """The governed metrics that the rules are to bring to their limits; the others must keep theirs."""
    if not short:
        return
    for metric in governed(system):
        try:
            goal = Goal.of(metric, rows_of(metric.name, found))
        except MetricProblem:
            continue
        if goal is not None:
            yield goal


def _about(
    found: Proposal | None, short: Sequence[str], unsought: Sequence[str], *, reached: bool
) -> Iterator[Finding]:
    if unsought:
        yield Finding(
            code="no-rule-set",
            weight=Weight.NOTE,
            summary=f"no set of conditions is sought that brings {', '.join(unsought)} to its minimum: single rows do "
            "not add up to it",
            remedy="Improve the model; or govern a share beside it, such as accuracy, recall or within@5, for which a "
            "set is sought.",
        )
    elif not reached:
        yield Finding(
            code="no-rule-set",
            weight=Weight.NOTE,
            summary="no set of a few conditions was confirmed that brings what is left to its minimum"
            if short
            else "no condition was confirmed under which the outputs are wrong more often than elsewhere",
            remedy="Improve the model, or label more rows so that a weaker condition can be confirmed.",
        )
    if found is None:
        return
    left = ", ".join(f"{name} {value:.3g} (bound {bound:.3g})" for name, value, bound in found.goals)
    yield Finding(
        code="proposed-rules",
        weight=Weight.NOTE,
        summary=f"{len(found.conditions)} confirmed condition{'s' if len(found.conditions) > 1 else ''} would catch "
        f"{percent(found.caught)} of the errors and hold back {percent(found.good)} of the good outputs"
        + (f"; what is left has {left}" if left else ""),
        remedy=f"Say what is done with such a case, and declare:\n{found.yaml()}",
        detail={"when": list(found.conditions), "reached": reached},
    )


def _observation(
    system: System,
    trial: Trial,
    seen: Seen,
    said: Calibrated,
    measures: Sequence[Measure],
    findings: Sequence[Finding],
    proposed: Proposal | None,
) -> Observation:
    content = trust_export.document(system, seen, said, measures, proposed, model=trial.part("model"))
    kept = trust_export.encoded(content)
    acted = int(seen.acted.region.sum())
    return Observation(
        done=f"Ran {count(len(seen.rules), 'do-not-trust rule')} on all {seen.found.n:,} labelled rows; "
        f"{percent(float(seen.trusted.mean()))} of the outputs remain trusted. "
        + (
            f"Confidence was held to what came true on {acted:,} rows that are acted on."
            if said.bands
            else "The model's confidence could not be held to what came true."
            if confidence.expected(system)
            else "The model gives no confidence that could be held to what came true."
        ),
        measures=tuple(measures),
        findings=(
            *vendor_form.vendor_form(system, "its confidence is known only where it gives scores"),
            *seen.findings,
            *said.findings,
            *findings,
            *seen.found.findings,
        ),
        figures=(*said.figures(), *_rules_figure(seen)),
        proof=len(seen.rules),
        artifacts={trust_export.ARTIFACT: trial.artifacts.put(kept, media_type="application/json")},
        facts={
            "rows": seen.found.n,
            "wrong": float(seen.acted.wrong.mean()),
            "trusted": float(seen.trusted.mean()),
            "rules": [_fact(each) for each in seen.rules],
        },
    )


def _fact(each: Held) -> Json:
    return {
        "when": each.rule.when,
        "rows": int(each.rows.sum()),
        "wrong": None if each.error is None else each.error.value,
        "errors_caught": None if each.caught is None else each.caught.value,
        "good_held_back": None if each.good is None else each.good.value,
        "live_share": each.live_share,
    }


def _rules_figure(seen: Seen) -> Iterator[Figure]:
    rows: tuple[dict[str, Json], ...] = tuple(
        {
            "label": each.rule.words,
            "error": each.error.value,
            "rest": each.rest,
            "share": float(each.rows.mean()) if each.live_share is None else each.live_share,
            "n": int(each.rows.sum()),
            "lower": each.error.lower,
        }
        for each in seen.rules
        if each.error is not None and not np.isnan(each.rest)
    )
    if rows:
        yield Figure(kind="slices", title="How often outputs are wrong where a rule holds them back", rows=rows)


CHECK: Check[System] = Check(
    id=REQUIREMENT,
    requirement=REQUIREMENT,
    version=8,
    title="Outputs not to be trusted",
    run=run,
    codes=CODES,
    limits=limits,
    only_reads=True,
    budget_s=lambda _: 180.0,
    tables=lambda system: ("scored.evaluation", "scored.live") if system.data.live else ("scored.evaluation",),
)
