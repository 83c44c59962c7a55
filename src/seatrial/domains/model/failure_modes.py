"""Under which conditions the model is wrong, and whether somebody has said what happens in the operation then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import percent
from seatrial.domains.condition_words import source_of
from seatrial.domains.declared_modes import declared_modes
from seatrial.domains.model import register, searching
from seatrial.domains.model.compared import groups_of
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.grid import Grid, grid_of, halves
from seatrial.domains.model.loss import Loss
from seatrial.domains.model.searching import (
    MOST_ROWS,
    POWER,
    POWER_OF_MEANS,
    Kind,
    Looked,
    kinds_of_loss,
    look,
    too_weak,
)
from seatrial.domains.model.sliced_by import features, kinds_of_row
from seatrial.domains.model.told_slices import Told, examples, figures, finding, judged, kind_of_error
from seatrial.domains.scored import drawing as drawn
from seatrial.domains.scored import outcomes
from seatrial.domains.scored.drawing import drawing_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, labelled_by, outcomes_of
from seatrial.domains.scored.rows import Mask, Rows, read_rows
from seatrial.domains.scored.text_features import free_texts
from seatrial.domains.sending import inputs_of
from seatrial.spec.failure_modes import FailureMode
from seatrial.spec.model import InputField
from seatrial.spec.system import System

REQUIREMENT = "model.failure-modes"
MOST_TEXTS = 50_000
"""Rows that are searched where texts have to be read."""
_LIVE_ROWS = 30_000
_SAMPLE_SEED = 20_261_123
"""The same rows in every run: who could draw again would find a sample that confirms nothing."""
_FEWEST = 100
EXAMPLES = "wrong rows of each weak slice"

CODES = {
    **outcomes.CODES,
    **register.CODES,
    **drawn.CODES,
    **searching.CODES,
    "inputs-undeclared": "The model's inputs are not declared, so no conditions can be formed.",
    "too-few-rows": "There are too few labelled rows to look for weak slices.",
    "nothing-to-slice": "No condition over the inputs holds for enough rows.",
    "no-errors": "The model is right on every row, so there is no weak slice to find.",
    "unanswered-failure-mode": "A confirmed weak slice has no entry in the register.",
    "answered-failure-mode": "A confirmed weak slice is answered by an entry of the register.",
    "small-failure-mode": "A confirmed weak slice lies below the declared smallest harm.",
    "inputs-left-out": "There are more inputs than the search takes in; it did not look at the last ones.",
}


def limits(system: System) -> Sequence[Threshold]:
    """The power that each search must have had."""
    return tuple(
        Threshold(
            requirement=REQUIREMENT,
            measure=name,
            sense=Sense.AT_LEAST,
            limit=system.policy.search_power,
            unit="share",
            confidence=system.policy.confidence,
        )
        for name in ((POWER, POWER_OF_MEANS) if system.model.task == "regression" else (POWER,))
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

    rows, found, policy = read.rows, read.found, system.policy
    drawing = drawing_of(system, rows, found)
    if isinstance(drawing, Reason):
        return drawing
    kinds = kinds_of_loss(system, found, drawing.of_row(), groups_of(system, rows, found.rows))
    errors = next(kind.loss for kind in kinds if kind.loss.share)
    off = next((kind.loss for kind in kinds if not kind.loss.share), None)
    conditions = RowConditions(rows.columns)
    label = str(system.data.evaluation.label) if system.data.evaluation else ""
    entries, problems = register.entries(system, trial, modes, conditions, found.rows)
    # On a busy machine two spinning threads take ten times as long as one.
    with threadpool_limits(limits=1):
        find, confirm = halves(conditions, found.rows, [label, *read.inputs])
        if not all(errors.at(half).weight(np.ones(half.size, dtype=bool)) > 0.0 for half in (find, confirm)):
            return Reason(code="nothing-to-slice", summary="by their weights the rows of one half count for nothing")
        wrong = errors.wrong[find]
        sliced_by = features(rows, conditions, read.inputs, read.kinds, wrong=wrong, find=found.rows[find])
        grid = grid_of(sliced_by, found.rows, find, confirm, many=len(read.inputs))
        if grid is None:
            return Reason(code="nothing-to-slice", summary="no condition over the inputs holds for enough rows")
        part = 1.0 / len(kinds)
        looked = [look(system, trial, grid, kind, done=i * part, part=part) for i, kind in enumerate(kinds)]
    told: list[tuple[Kind, list[Told]]] = []
    known = np.zeros(found.n, dtype=bool)
    live = _live_conditions(system, trial, read)
    for each in looked:
        said = judged(system, grid, each.kind.loss, each.weak, entries, live, told_before=known)
        told.append((each.kind, said))
        # What is only noted of a slice stands in the way of nothing that is worse in another way.
        for slice_ in said:
            if slice_.material or slice_.answer is not None:
                known = known | slice_.weak.rows
    every = [(slice_, kind) for kind, said in told for slice_ in said]
    shown = [*read.inputs, *columns_of(system), *read.kinds]
    kept = (
        examples(grid, rows, found, [(slice_, kind.bad) for slice_, kind in every], shown, read.inputs)
        if every
        else b""
    )
    return Observation(
        done=_done(grid, looked, len(modes)),
        measures=tuple(each.power for each in looked if isinstance(each.power, Measure)),
        findings=(
            *(
                finding(s, kind.loss, kind.meaning, _more(kind, s, found, (errors, off), kinds), read.inputs)
                for s, kind in every
            ),
            *problems,
            *register.outdated(
                entries, errors, 1.0 - policy.confidence, rise=policy.smallest_harm, part=policy.smallest_rise
            ),
            *_notes(errors.wrong, found, grid),
            *(finding_ for each in looked for finding_ in too_weak(system, each, grid)),
        ),
        figures=tuple(figure for kind, said in told for figure in figures(said, kind.loss, kind.meaning, read.inputs)),
        proof=1 + sum(slice_.answer is not None for slice_, _ in every),
        artifacts={EXAMPLES: trial.artifacts.put(kept, media_type="application/json")} if kept else {},
        facts={
            "rows": found.n,
            "rows_in_table": rows.total,
            "error": errors.mean(np.ones(found.n, dtype=bool)),
            "confirmed": sum(len(each.weak) for each in looked),
            "answered": sum(slice_.answer is not None for slice_, _ in every),
            "entries": len(modes),
            "weighted": errors.weights is not None,
        },
    )


def _more(kind: Kind, told: Told, found: Outcomes, losses: tuple[Loss, Loss | None], kinds: Sequence[Kind]) -> str:
    """A further sentence about a slice: which errors they are, or how many rows are off too far there."""
    errors, off = losses
    rows = told.weak.rows
    if kind.loss.share:
        return kind_of_error(found, told.weak, errors, off)
    meaning = next(each.meaning for each in kinds if each.loss.share)
    if not (errors.weight(rows) > 0.0 and errors.weight(~rows) > 0.0):
        return ""
    here, elsewhere = percent(errors.mean(rows)), percent(errors.mean(~rows))
    return f" There {here} of the answers are {meaning}, against {elsewhere}."


def _done(grid: Grid, looked: Sequence[Looked], entries: int) -> str:
    sought = " and ".join(
        f"more answers are {each.kind.meaning}" if each.kind.loss.share else f"the {each.kind.meaning} is larger"
        for each in looked
    )
    weighted = ", each counted as often as it stands for live rows," if looked[0].kind.loss.weights is not None else ""
    return (
        f"{len(grid.conditions):,} conditions over {len(grid.facets)} properties of a row, alone and up to three "
        f"together, were searched on {grid.find.n:,} rows{weighted} for where {sought}; "
        f"{sum(len(each.weak) for each in looked)} were confirmed on {grid.confirm.n:,} others and held against "
        f"{entries} entries of the register."
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
    version=4,
    title="Weak slices against the failure-mode register",
    run=run,
    codes=CODES,
    limits=limits,
    only_reads=True,
    budget_s=lambda _: 600.0,
    tables=lambda _: ("scored.evaluation",),
)
