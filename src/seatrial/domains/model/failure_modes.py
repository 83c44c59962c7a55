"""Under which conditions the model is wrong, and whether somebody has said what happens in the operation then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import number, percent
from seatrial.domains.declared_modes import declared_modes
from seatrial.domains.model import register
from seatrial.domains.model.acted import far_off
from seatrial.domains.model.compared import groups_of
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.derived_fields import source_of
from seatrial.domains.model.grid import Grid, grid_of, halves
from seatrial.domains.model.search_power import Harm, rows_needed, search_power
from seatrial.domains.model.sliced_by import features, kinds_of_row
from seatrial.domains.model.slices import Searched, confirmed_slices, searched
from seatrial.domains.model.told_slices import examples, figures, finding, judged, kind_of_error
from seatrial.domains.scored import outcomes
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Ints, Mask, Rows, read_rows
from seatrial.domains.scored.text_features import free_texts
from seatrial.domains.sending import inputs_of
from seatrial.spec.failure_modes import FailureMode
from seatrial.spec.model import InputField
from seatrial.spec.system import System

REQUIREMENT = "model.failure-modes"
MOST_ROWS = 4_000_000
"""Rows that are searched: as many as memory holds; of more a sample is drawn."""
MOST_TEXTS = 50_000
"""Rows that are searched where texts have to be read."""
_LIVE_ROWS = 30_000
_SAMPLE_SEED = 20_261_123
"""The same rows in every run: who could draw again would find a sample that confirms nothing."""
_FEWEST = 100
POWER = "power of the search for weak slices"
EXAMPLES = "wrong rows of each weak slice"

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
    "inputs-left-out": "There are more inputs than the search takes in; it did not look at the last ones.",
    "wrong-throughout": "The model is wrong nearly everywhere, so that no slice stands out.",
    "search-too-weak": "The search finds too few of the weak slices that are planted to see whether it would.",
    "power-unknown": "No slice of the declared smallest size can be described, so the search's power is unknown.",
}


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
    modes = declared_modes(system, trial)
    trial.say("Reading the scored evaluation rows", 0.05)
    rows, kinds = _rows(system, trial, inputs, modes)
    found = outcomes_of(system, rows)
    if isinstance(found, Reason):
        return found
    if found.n < _FEWEST:
        return Reason(
            code="too-few-rows",
            summary=f"{found.n} labelled rows are too few to look for weak slices",
            remedy=f"Label at least {_FEWEST - found.n} more rows; the search's power will say whether they suffice.",
        )
    return _searched(system, trial, _Read(rows=rows, inputs=inputs, kinds=kinds, found=found), modes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The rows with what the model said of them. `kinds` are columns that say of what kind a row is."""

    rows: Rows
    inputs: Mapping[str, InputField]
    kinds: Sequence[str]
    found: Outcomes


def _rows(
    system: System, trial: Trial, inputs: Mapping[str, InputField], modes: Sequence[FailureMode]
) -> tuple[Rows, list[str]]:
    table = trial.table("scored.evaluation")
    kinds = kinds_of_row(system, table.columns(), inputs)
    named = [name for mode in modes for field in mode.condition.fields for name in (field, source_of(field)) if name]
    wanted = [*columns_of(system), *inputs, *named, *kinds]
    rows = read_rows(table, wanted, most=MOST_ROWS, seed=_SAMPLE_SEED)
    if rows.n > MOST_TEXTS and free_texts(rows, inputs):
        rows = read_rows(table, wanted, most=MOST_TEXTS, seed=_SAMPLE_SEED)
    return rows, kinds


def _searched(system: System, trial: Trial, read: _Read, modes: Sequence[FailureMode]) -> Observation | Reason:
    from threadpoolctl import threadpool_limits

    alpha = 1.0 - system.policy.confidence
    rows, found = read.rows, read.found
    wrong, meaning = _wrong(system, found)
    conditions = RowConditions(rows.columns)
    label = str(system.data.evaluation.label) if system.data.evaluation else ""
    entries, problems = register.entries(system, trial, modes, conditions, found.rows)
    # On a busy machine two spinning threads take ten times as long as one.
    with threadpool_limits(limits=1):
        find, confirm = halves(conditions, found.rows, [label, *read.inputs])
        sliced_by = features(rows, conditions, read.inputs, read.kinds, wrong=wrong[find], find=found.rows[find])
        grid = grid_of(sliced_by, found.rows, find, confirm, many=len(read.inputs))
        if grid is None:
            return Reason(code="nothing-to-slice", summary="no condition over the inputs holds for enough rows")
        trial.say("Searching for weak slices", 0.2)
        first = searched(grid, wrong)
        groups = groups_of(system, rows, found.rows)
        weak = confirmed_slices(grid, wrong, first, alpha=alpha, rise=system.policy.smallest_harm, groups=groups)
        power = _power(system, trial, grid, wrong, first, meaning, groups)
    told = judged(system, grid, wrong, weak, entries, _live_conditions(system, trial, read))
    shown = [*read.inputs, *columns_of(system), *read.kinds]
    kept = examples(grid, rows, found, wrong, told, shown) if told else b""
    return Observation(
        done=f"{len(grid.conditions):,} conditions over {len(grid.facets)} properties of a row, alone and up to three "
        f"together, were searched on {grid.find.n:,} rows for where more answers are {meaning}; {len(weak)} were "
        f"confirmed on {grid.confirm.n:,} others and held against {len(modes)} entries of the register.",
        measures=(power,) if isinstance(power, Measure) else (),
        findings=(
            *(finding(each, meaning, kind_of_error(found, each.weak)) for each in told),
            *problems,
            *register.outdated(entries, wrong, alpha, harm=system.policy.smallest_harm),
            *_notes(wrong, found, grid),
            *(_too_weak(system, power, grid, wrong) if isinstance(power, Measure) else (power,)),
        ),
        figures=tuple(figures(told)),
        proof=1 + sum(each.answer is not None for each in told),
        artifacts={EXAMPLES: trial.artifacts.put(kept, media_type="application/json")} if kept else {},
        facts={
            "rows": found.n,
            "rows_in_table": rows.total,
            "error": float(wrong.mean()),
            "confirmed": len(weak),
            "answered": sum(e.answer is not None for e in told),
            "entries": len(modes),
        },
    )


def _wrong(system: System, found: Outcomes) -> tuple[Mask, str]:
    """Which rows count as wrong, and what that means in words."""
    return far_off(system, found) if found.task == "regression" else (found.wrong, "wrong")


def _power(
    system: System, trial: Trial, grid: Grid, wrong: Mask, first: Searched, meaning: str, groups: Ints | None
) -> Measure | Finding:
    policy = system.policy
    harm = Harm(rise=policy.smallest_harm, share=policy.smallest_slice)
    alpha = 1.0 - policy.confidence
    found = search_power(
        grid,
        wrong,
        first,
        harm,
        wanted=policy.search_power,
        alpha=alpha,
        groups=groups,
        say=lambda share: trial.say("Planting harm to see whether the search finds it", 0.3 + 0.6 * share),
    )
    if found is None and wrong.mean() > 1.0 - harm.rise:
        return Finding(
            code="wrong-throughout",
            weight=Weight.OPEN,
            summary=f"{percent(float(wrong.mean()))} of all answers are {meaning}: where everything is weak, no "
            "condition stands out, and a register of conditions says nothing",
            remedy="Improve the model; or, where the prediction is read from the wrong field or the labels mean "
            "something else, correct model.output or data.evaluation.",
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


def _too_weak(system: System, power: Measure, grid: Grid, wrong: Mask) -> Iterator[Finding]:
    """Where the search is not certain to have seen the smallest harm: what would make it so."""
    policy = system.policy
    if power.lower is None or power.value is None or power.lower >= policy.search_power:
        return
    if power.needed:
        remedy = f"Label about {number(power.needed)} more rows."
    elif int(wrong.size) >= MOST_ROWS:
        remedy = "Make the model wrong less often, or declare in model.inputs only what it really uses."
    else:
        remedy = (
            f"No feasible number of rows is enough with {percent(float(wrong.mean()))} wrong throughout and "
            f"{len(grid.conditions):,} conditions: improve the model, or declare in model.inputs only what it uses."
        )
    yield Finding(
        code="search-too-weak",
        weight=Weight.OPEN,
        summary=f"of weak slices planted with {percent(policy.smallest_harm)} more errors in "
        f"{percent(policy.smallest_slice)} of the rows the search finds {percent(power.value)} (certainly "
        f"{percent(power.lower)}), so finding none says little",
        fields=("data.evaluation",),
        explains=(POWER,),
        remedy=remedy,
        why="A weak slice that the search would have missed is met for the first time in operation.",
    )


def _live_conditions(system: System, trial: Trial, read: _Read) -> RowConditions | None:
    if system.data.live is None:
        return None
    try:
        live = read_rows(trial.table("live"), [*read.inputs, *read.kinds], most=_LIVE_ROWS, seed=trial.seed)
    except SeatrialError:
        return None
    return RowConditions(live.columns) if live.n else None


def _notes(wrong: Mask, found: Outcomes, grid: Grid) -> Iterator[Finding]:
    yield from found.findings
    if grid.left_out:
        yield Finding(
            code="inputs-left-out",
            weight=Weight.OPEN,
            summary=f"{grid.left_out} inputs were not searched, because there are more than a search can take in",
            remedy="Declare in model.inputs what the model really uses.",
            why="Where nobody looked, nobody knows.",
        )
    if not wrong.any():
        yield Finding(
            code="no-errors",
            weight=Weight.NOTE,
            summary=f"the model is right on all {wrong.size} rows",
            remedy="Check that the label is not one of the inputs.",
        )


CHECK: Check[System] = Check(
    id="model.failure-modes",
    requirement=REQUIREMENT,
    version=1,
    title="Weak slices against the failure-mode register",
    run=run,
    codes=CODES,
    limits=limits,
    budget_s=lambda _: 600.0,
    tables=lambda _: ("scored.evaluation",),
)
