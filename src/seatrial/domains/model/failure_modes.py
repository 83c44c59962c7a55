"""Under which conditions the model is wrong, and whether somebody has said what happens in the operation then."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import percent
from seatrial.domains.model import register
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.condition_words import spoken
from seatrial.domains.model.register import Entry
from seatrial.domains.model.search_power import Harm, rows_needed, search_power
from seatrial.domains.model.slices import Grid, Slice, confirmed_slices, grid_of, unexplained
from seatrial.domains.scored import outcomes
from seatrial.domains.scored.metrics import governed
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Mask, Rows, features_of, read_rows
from seatrial.domains.sending import inputs_of
from seatrial.spec.failure_modes import FailureMode
from seatrial.spec.system import System

REQUIREMENT = "model.failure-modes"
MOST_ROWS = 30_000
"""Rows that are searched: enough to find the policy's smallest harm, few enough to plant it thirty times."""
_SAMPLE_SEED = 20_261_123
"""The same rows in every run: who could draw again would find a sample that confirms nothing."""
_FEWEST = 100
_MOST_SHOWN = 12
_LARGE_ERROR = 0.8
_CANNOT_EXCLUDE_Z = 0.8416
POWER = "power of the search for weak slices"
_WHY = "When the system is wrong there, nobody knows what it costs or what to do."

CODES = {
    **outcomes.CODES,
    **register.CODES,
    "inputs-undeclared": "The model's inputs are not declared, so no conditions can be formed.",
    "too-few-rows": "There are too few labelled rows to look for weak slices.",
    "nothing-to-slice": "No condition over the inputs holds for enough rows.",
    "no-errors": "The model is right on every row, so there is no weak slice to find.",
    "unanswered-failure-mode": "A confirmed weak slice has no entry in the register.",
    "answered-failure-mode": "A confirmed weak slice is answered by an entry of the register.",
    "small-failure-mode": "A confirmed weak slice lies below the declared smallest harm.",
    "power-unknown": "No slice of the declared smallest size can be described, so the search's power is unknown.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A confirmed slice with what the register and live traffic say about it."""

    weak: Slice
    answer: Entry | None
    material: bool
    live_share: float | None


def limits(system: System) -> Sequence[Threshold]:
    """The power that the search must have had."""
    return (
        Threshold(
            requirement=REQUIREMENT,
            measure=POWER,
            sense=Sense.AT_LEAST,
            limit=system.policy.search_power,
            unit="share",
            confidence=system.policy.confidence,
        ),
    )


def run(system: System, trial: Trial) -> Observation | Reason:
    """Search one half, confirm on the other, hold the result against the register, and measure the search itself."""
    label = labelled_by(system)
    if isinstance(label, Reason):
        return label
    inputs = inputs_of(system, trial)
    if not inputs:
        return Reason(
            code="inputs-undeclared",
            summary="the model's inputs are not declared, so no conditions can be formed",
            remedy="Declare model.inputs; `seatrial init` proposes them from the data.",
            fields=("model.inputs",),
        )
    modes = register.declared_modes(system, trial)
    named = [f for m in modes for f in m.condition.fields]
    trial.say("Reading the scored evaluation rows", 0.05)
    table = trial.table("scored.evaluation")
    rows = read_rows(table, [*columns_of(system), *inputs, *named], most=MOST_ROWS, seed=_SAMPLE_SEED)
    found = outcomes_of(system, rows)
    if isinstance(found, Reason):
        return found
    if found.n < _FEWEST:
        return Reason(
            code="too-few-rows",
            summary=f"{found.n} labelled rows are too few to look for weak slices",
            remedy=f"Label at least {_FEWEST - found.n} more rows; the search's power will say whether they suffice.",
        )
    return _searched(system, trial, rows, found, modes)


def _searched(
    system: System, trial: Trial, rows: Rows, found: Outcomes, modes: Sequence[FailureMode]
) -> Observation | Reason:
    from threadpoolctl import threadpool_limits

    alpha = 1.0 - system.policy.confidence
    wrong, meaning = _wrong(system, found)
    conditions = RowConditions(rows.columns)
    inputs = inputs_of(system, trial)
    features = features_of(rows, inputs)
    label = str(system.data.evaluation.label) if system.data.evaluation else ""
    entries, problems = register.entries(system, trial, modes, conditions, found.rows)
    # On a busy machine two spinning threads take ten times as long as one.
    with threadpool_limits(limits=1):
        grid = grid_of(features, conditions, found.rows, [label, *inputs])
        if grid is None:
            return Reason(code="nothing-to-slice", summary="no condition over the inputs holds for enough rows")
        trial.say("Searching for weak slices", 0.2)
        weak = confirmed_slices(grid, wrong, alpha=alpha)
        power = _power(system, trial, grid, wrong)
    live = _live_conditions(system, trial)
    judged = _judged(system, grid, wrong, weak, entries, live)
    return Observation(
        done=f"{len(grid.conditions):,} conditions over {len(features)} inputs and their pairs were searched on "
        f"{grid.find.size:,} rows for where more answers are {meaning}; {len(weak)} were confirmed on "
        f"{grid.confirm.size:,} others and held against {len(modes)} entries of the register.",
        measures=(power,) if isinstance(power, Measure) else (),
        findings=(
            *(_finding(each, meaning) for each in judged),
            *problems,
            *register.not_weak(entries, wrong, alpha),
            *_notes(wrong, found),
            *(() if isinstance(power, Measure) else (power,)),
        ),
        figures=tuple(_figures(judged)),
        proof=1 + sum(each.answer is not None for each in judged),
        facts={
            "rows": found.n,
            "error": float(wrong.mean()),
            "confirmed": len(weak),
            "answered": sum(e.answer is not None for e in judged),
            "entries": len(modes),
        },
    )


def _wrong(system: System, found: Outcomes) -> tuple[Mask, str]:
    """Which rows count as wrong, and what that means in words."""
    if found.task != "regression":
        return found.wrong, "wrong"
    error = np.where(found.answered, np.abs(found.predicted - found.truth), np.inf)
    for metric in governed(system):
        name, at, cap = metric.name.partition("@")
        if at and name in {"within", "beyond"} and _is_number(cap):
            return np.asarray(error > float(cap), dtype=bool), f"off by more than {cap}"
    cut = float(np.quantile(error[found.answered], _LARGE_ERROR))
    return np.asarray(error > cut, dtype=bool), f"among the fifth that is farthest off (by more than {cut:.4g})"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _power(system: System, trial: Trial, grid: Grid, wrong: Mask) -> Measure | Finding:
    policy = system.policy
    harm = Harm(rise=policy.smallest_harm, share=policy.smallest_slice)
    alpha = 1.0 - policy.confidence
    found = search_power(
        grid,
        wrong,
        harm,
        wanted=policy.search_power,
        alpha=alpha,
        say=lambda share: trial.say("Planting harm to see whether the search finds it", 0.3 + 0.6 * share),
    )
    if found is None:
        return Finding(
            code="power-unknown",
            weight=Weight.OPEN,
            summary=f"no slice of about {percent(harm.share)} of the rows can be described, so nobody knows what the "
            "search would have missed",
            remedy="Declare more inputs, or label more rows.",
        )
    needed = None
    if found.lower < policy.search_power:
        more = rows_needed(int(wrong.size), float(wrong.mean()), harm, len(grid.conditions), policy.search_power + 0.1)
        needed = more
    return Measure(
        name=POWER,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        limit=policy.search_power,
        sense=Sense.AT_LEAST,
        unit="share",
        n=found.n,
        method=f"{percent(harm.rise)} more errors planted into random slices of {percent(harm.share)} of the rows",
        confidence=policy.confidence,
        kind=MeasureKind.VALIDITY,
        needed=needed,
        needed_unit="labelled rows" if needed else "",
    )


def _live_conditions(system: System, trial: Trial) -> RowConditions | None:
    if system.data.live is None:
        return None
    try:
        inputs = inputs_of(system, trial)
        live = read_rows(trial.table("live"), list(inputs), most=MOST_ROWS, seed=trial.seed)
    except SeatrialError:
        return None
    return RowConditions(live.columns) if live.n else None


def _judged(
    system: System,
    grid: Grid,
    wrong: Mask,
    weak: Sequence[Slice],
    entries: Sequence[Entry],
    live: RowConditions | None,
) -> list[_Found]:
    """What to tell: the slices that no entry answers, reckoned over the rows that no entry covers; then the others."""
    alpha = 1.0 - system.policy.confidence
    answers = {each.members: register.answering(entries, each.rows) for each in weak}
    unanswered = unexplained(
        grid,
        wrong,
        [each for each in weak if answers[each.members] is None],
        known=register.covered(entries, wrong.size),
        alpha=alpha,
    )
    told = {each.members for each in unanswered}
    main = unexplained(grid, wrong, weak, known=np.zeros(wrong.size, dtype=bool), alpha=alpha)
    return [
        *(_told(system, each, None, live) for each in unanswered),
        *(
            _told(system, each, answers[each.members] or _closest(entries, each), live)
            for each in main
            if each.members not in told
        ),
    ]


def _closest(entries: Sequence[Entry], weak: Slice) -> Entry | None:
    """The entry that covers most of the slice: several entries together leave nothing of it that is weak."""
    best = max(entries, key=lambda e: int((e.rows & weak.rows).sum()), default=None)
    return best if best is not None and bool((best.rows & weak.rows).any()) else None


def _told(system: System, weak: Slice, answer: Entry | None, live: RowConditions | None) -> _Found:
    deviation = math.sqrt(weak.error * (1.0 - weak.error) / weak.n)
    return _Found(
        weak=weak,
        answer=answer,
        material=weak.harm + _CANNOT_EXCLUDE_Z * deviation >= system.policy.smallest_harm,
        live_share=None if live is None else float(live.holds(weak.condition).mean()),
    )


def _finding(found: _Found, meaning: str) -> Finding:
    weak = found.weak
    live = "" if found.live_share is None else f"; {percent(found.live_share)} of live traffic is like this"
    what = (
        f"When {spoken(weak.condition)}, {percent(weak.error)} of the answers are {meaning}, against "
        f"{percent(weak.rest)} elsewhere{live}."
    )
    if found.answer is not None:
        code, weight, remedy = "answered-failure-mode", Weight.NOTE, f"Answered by {found.answer.mode.id}."
    elif found.material:
        code, weight = "unanswered-failure-mode", Weight.GAP
        remedy = f"Complete this entry and add it to the register:\n{register.proposed(weak)}"
    else:
        code, weight, remedy = "small-failure-mode", Weight.NOTE, "Worth an entry in the register."
    return Finding(
        code=code,
        weight=weight,
        summary=what,
        fields=weak.condition.fields,
        remedy=remedy,
        why=_WHY if weight is Weight.GAP else "",
        detail={
            "when": weak.condition.text,
            "error": weak.error,
            "rest": weak.rest,
            "lower": weak.lower,
            "rows": weak.n,
            "p": weak.p,
            "live_share": found.live_share,
            "entry": None if found.answer is None else found.answer.mode.id,
        },
    )


def _notes(wrong: Mask, found: Outcomes) -> Iterator[Finding]:
    yield from found.findings
    if not wrong.any():
        yield Finding(
            code="no-errors",
            weight=Weight.NOTE,
            summary=f"the model is right on all {wrong.size} rows",
            remedy="Check that the label is not one of the inputs.",
        )


def _figures(judged: Sequence[_Found]) -> Iterator[Figure]:
    if not judged:
        return
    rows: tuple[dict[str, Json], ...] = tuple(
        {
            "label": f.weak.condition.text,
            "error": f.weak.error,
            "rest": f.weak.rest,
            "share": float(f.weak.rows.mean()) if f.live_share is None else f.live_share,
            "n": f.weak.n,
            "lower": f.weak.lower,
            "answered": f.answer is not None,
        }
        for f in judged[:_MOST_SHOWN]
    )
    yield Figure(kind="slices", title="Where the model is wrong more often", rows=rows)


CHECK: Check[System] = Check(
    id="model.failure-modes",
    requirement=REQUIREMENT,
    version=1,
    title="Weak slices against the failure-mode register",
    run=run,
    codes=CODES,
    limits=limits,
    budget_s=lambda _: 180.0,
    tables=lambda _: ("scored.evaluation",),
)
