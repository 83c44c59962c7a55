"""Before labels are bought: how many it takes, and which live rows to label next, as a file for whoever labels."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, ReplyKind
from seatrial.domains.model.label_plan import FLOOR, Plan, choose, choose_from_strata, plan_for
from seatrial.domains.scored.metrics import bearing_of, governed
from seatrial.domains.scored.rows import Floats, Ints, Rows, read_rows
from seatrial.domains.sending import as_sent
from seatrial.measure.columns import plain_text
from seatrial.spec.data import Strata
from seatrial.spec.loading import load_inputs
from seatrial.spec.model import InputField
from seatrial.spec.system import System

ORDER, CHANCE = "draw_order", "draw_probability"
_MOST_POOL = 20_000
_SEED = 1
_DEFAULT_LABELS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """`plans` for every governed metric, and the `chosen` rows of a `pool` of so many.

    `declare` is what the system file says of the file once the labels have come back.
    """

    plans: tuple[Plan, ...]
    pool: int
    chosen: tuple[Mapping[str, Json], ...]
    declare: str


def plan_labels(
    workspace: Workspace, *, labels: int | None = None, expected: float | None = None, file: str = "labels.csv"
) -> Labelling:
    """Plan the labels for the declared metrics, and draw rows from the live sample. The model is asked about its rows.

    Raises Unreachable or Malformed when there is no metric, no live sample, or no model that answers.
    """
    system = workspace.system
    metrics = governed(system)
    if not metrics:
        raise Malformed("no governed metric is declared", remedy="Declare governance.metric and governance.minimum.")
    with Outside(workspace) as outside:
        table = outside.table("live")
        rows = read_rows(table, table.columns(), most=_MOST_POOL, seed=_SEED)
        if not rows.n:
            raise Malformed("the live sample has no rows", remedy="Give a recent sample of what production sends.")
        answers = _answers(workspace, outside, rows)
    alpha = 1.0 - max(system.governance.confidence, system.policy.confidence)
    plans = tuple(
        plan_for(metric, bearing=_bearing(system, metric.name, answers), alpha=alpha, expected=expected)
        for metric in metrics
    )
    wanted = min(rows.n, labels or _wanted(plans))
    doubt = _doubt(system, answers)
    source = system.data.evaluation
    label = source.label if source and source.label else "label"
    if source is not None and source.strata is not None:
        chosen, declare = _from_strata(source.strata, rows, doubt, wanted, file=file, label=label)
    else:
        chosen, declare = _drawn(rows, doubt, wanted, file=file, label=label)
    return Labelling(plans=plans, pool=rows.n, chosen=chosen, declare=declare)


def write_labels(chosen: Sequence[Mapping[str, Json]], target: Path) -> None:
    """The rows to label as CSV, for their owner's eyes. Raises Refused for a file that exists, Unreachable."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(chosen[0]) if chosen else [])
    writer.writeheader()
    writer.writerows(chosen)
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", newline="") as opened:
            opened.write(text.getvalue())
    except FileExistsError:
        raise Refused(f"{target} exists already, and may hold labels", remedy="Name another file with -o.") from None
    except OSError as error:
        raise Unreachable(
            f"{target} cannot be written: {error.strerror or error}", remedy="Name another file with -o."
        ) from None


def _answers(workspace: Workspace, outside: Outside, rows: Rows) -> list[Prediction | None]:
    """What the model says of each row, None where it says nothing; the labels are chosen by it, not judged."""
    section = workspace.system.model
    declared = section.inputs
    inputs: Mapping[str, InputField] = (
        load_inputs((workspace.base / declared).read_bytes(), name=declared)
        if isinstance(declared, str)
        else declared or {}
    )
    names = [name for name in inputs if name in rows.columns] or list(rows.columns.names)
    answers: list[Prediction | None] = []
    for start in range(0, rows.n, section.batch):
        part = rows.columns.take(np.arange(start, min(rows.n, start + section.batch)))
        sent = [{name: as_sent(row[name], inputs.get(name)) for name in names} for row in part]
        reply = outside.model.predict(sent)
        if reply.kind is ReplyKind.UNREACHABLE or (start == 0 and reply.kind is not ReplyKind.OK):
            raise Unreachable(
                f"the model gives no answers: {reply.error or reply.kind.value}",
                remedy="Start it; which rows to label depends on what it says of them.",
            )
        answers += reply.predictions if reply.kind is ReplyKind.OK else [None] * len(part)
    return answers


def _doubt(system: System, answers: Sequence[Prediction | None]) -> Floats:
    """How likely each answer is to be wrong, as far as the model knows; the same for all where it gives no score."""
    if system.model.task not in {"binary", "multiclass", "text"} or system.model.output.score is None:
        return np.full(len(answers), 0.5)
    positive = plain_text(system.model.output.positive)
    doubt = np.ones(len(answers))
    for i, answer in enumerate(answers):
        if answer is not None and answer.score is not None and 0.0 <= answer.score <= 1.0:
            said_positive = system.model.task != "binary" or _name(answer) == positive
            doubt[i] = 1.0 - answer.score if said_positive else answer.score
    return doubt


def _name(answer: Prediction) -> str:
    said = answer.prediction
    return str(int(said)) if isinstance(said, bool) else plain_text(said)


def _bearing(system: System, metric: str, answers: Sequence[Prediction | None]) -> float:
    """The share of live rows that count for the metric, as far as the model's answers tell."""
    side, cls = bearing_of(metric)
    if side == "all" or (cls is None and system.model.task != "binary"):
        return 1.0
    wanted = cls or plain_text(system.model.output.positive)
    given = [answer for answer in answers if answer is not None]
    said = float(np.mean([_name(answer) == wanted for answer in given])) if given else 0.0
    scores = [answer.score for answer in given if answer.score is not None]
    true = float(np.mean(scores)) if scores and cls is None else said
    return {"true": true, "said": said, "either": max(true, said), "not": 1.0 - true}[side]


def _wanted(plans: Sequence[Plan]) -> int:
    """Enough for every metric at the middle one of its assumed values."""
    sizes = [plan.sizes[len(plan.sizes) // 2].rows for plan in plans if plan.sizes]
    return max(sizes, default=_DEFAULT_LABELS)


def _drawn(
    rows: Rows, doubt: Floats, labels: int, *, file: str, label: str
) -> tuple[tuple[Mapping[str, Json], ...], str]:
    chosen, chances = choose(doubt, labels, seed=_SEED)
    extra: list[dict[str, Json]] = [
        {label: "", ORDER: place, CHANCE: f"{chance:.12g}"} for place, chance in enumerate(chances.tolist(), start=1)
    ]
    declare = (
        f"evaluation: {{source: {file}, label: {label}, drawn: {{order: {ORDER}, probability: {CHANCE}, "
        f"rows: {rows.n}, floor: {FLOOR:g}}}}}"
    )
    return _rows(rows, chosen, extra), declare


def _from_strata(
    declared: Strata, rows: Rows, doubt: Floats, labels: int, *, file: str, label: str
) -> tuple[tuple[Mapping[str, Json], ...], str]:
    if declared.column not in rows.columns:
        raise SeatrialError(
            f"the live sample has no column {declared.column}, which data.evaluation.strata.column names",
            remedy="Give the live sample with that column.",
        )
    texts, codes = rows.columns[declared.column].names
    names = list(declared.shares)
    place = np.array([names.index(text) if text in names else -1 for text in texts] + [-1], dtype=np.int64)
    shares = np.array([declared.shares[name] for name in names], dtype=np.float64)
    chosen = choose_from_strata(doubt, place[codes], shares, labels, seed=_SEED)
    listed = ", ".join(f"{name}: {share:g}" for name, share in declared.shares.items())
    declare = (
        f"evaluation: {{source: {file}, label: {label}, strata: {{column: {declared.column}, shares: {{{listed}}}}}}}"
    )
    return _rows(rows, chosen, [{label: ""}] * int(chosen.size)), declare


def _rows(rows: Rows, chosen: Ints, extra: Sequence[Mapping[str, Json]]) -> tuple[Mapping[str, Json], ...]:
    """The whole rows, without what the model says of them, which would sway whoever labels."""
    taken: Sequence[Mapping[str, Any]] = rows.columns.take(chosen)
    return tuple(
        {**{name: as_sent(value, None) for name, value in row.items()}, **more}
        for row, more in zip(taken, extra, strict=True)
    )
