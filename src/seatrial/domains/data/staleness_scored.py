"""The rows of a replay answered by the model with data of some age, and what each metric is then."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from seatrial.core.check import PREDICTION, PROBLEM, SCORE, Trial
from seatrial.core.observation import Json, Reason
from seatrial.core.ports import Prediction, ReplyKind
from seatrial.domains.data.earlier_values import earlier
from seatrial.domains.data.staleness_rows import HOUR_S, NotPossible, Replay
from seatrial.domains.scored.metric_rows import MetricProblem
from seatrial.domains.scored.metrics import governed, rows_of
from seatrial.domains.scored.outcomes import Outcomes, outcomes_of
from seatrial.domains.scored.rows import Rows
from seatrial.domains.sending import as_sent
from seatrial.measure.columns import Columns
from seatrial.spec.model import InputField
from seatrial.spec.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What the model says with data of that age, and what each metric that can be computed is then.

    `stand_in_h` is how old the rows' values really were, at the median, by source.
    """

    lag_h: float
    stand_in_h: Mapping[str, float]
    outcomes: Outcomes
    values: Mapping[str, float]


def scored_at(system: System, trial: Trial, inputs: Mapping[str, InputField], replay: Replay, lag_h: float) -> Scored:
    """The replayed rows with data of that age. Raises NotPossible where nothing can be told of it."""
    import pyarrow as pa

    rows, stand_in_h = _rows(inputs, replay, lag_h * HOUR_S)
    answers: list[Prediction] = []
    for start in range(0, len(rows), system.model.batch):
        reply = trial.model.predict(rows[start : start + system.model.batch])
        if reply.kind is not ReplyKind.OK or len(reply.predictions) != len(rows[start : start + system.model.batch]):
            raise NotPossible(f"the model did not answer all rows ({reply.kind.value})")
        answers += list(reply.predictions)
    label = str(system.data.evaluation.label) if system.data.evaluation else ""
    said = [json.dumps(a.prediction) if isinstance(a.prediction, list | dict) else a.prediction for a in answers]
    batch = pa.RecordBatch.from_pydict(
        {
            label: replay.table[label].combine_chunks().take(pa.array(replay.chosen)),
            PREDICTION: pa.array(said),
            SCORE: pa.array([a.score for a in answers], pa.float64()),
            PROBLEM: pa.array([None] * len(answers), pa.string()),
        }
    )
    outcomes = outcomes_of(system, Rows(columns=Columns(batch), total=batch.num_rows))
    if isinstance(outcomes, Reason):
        raise NotPossible(outcomes.summary.rstrip("."))
    return Scored(lag_h=lag_h, stand_in_h=stand_in_h, outcomes=outcomes, values=dict(_values(system, outcomes)))


def _values(system: System, outcomes: Outcomes) -> Iterator[tuple[str, float]]:
    """Area and recall of a binary task, and every governed metric."""
    usual = {}
    if system.model.task == "binary":
        at = system.model.output.act_at
        usual = {"AUC": "auc", "recall": "recall" if at is None else f"recall@{at:g}"}
    wanted = {m.name: m.name for m in governed(system)}
    named = {shown: name for shown, name in usual.items() if name not in wanted} | wanted
    for shown, name in named.items():
        try:
            value = rows_of(name, outcomes).value
        except MetricProblem:
            continue
        if math.isfinite(value):
            yield shown, value


def _rows(
    inputs: Mapping[str, InputField], replay: Replay, lag_s: float
) -> tuple[list[dict[str, Json]], dict[str, float]]:
    """The chosen rows with each source's values of that age, and the median of how many hours old these really were."""
    import pyarrow as pa

    names = [name for name in inputs if name in replay.table.column_names]
    rows = replay.table.select(names).take(pa.array(replay.chosen)).to_pylist()
    ages: dict[str, float] = {}
    for source in replay.sources if lag_s else ():
        found, older_s = earlier(source, replay.times, replay.chosen, lag_s)
        fed = replay.table.select(list(source.columns)).take(pa.array(found)).to_pylist()
        rows = [{**row, **old} for row, old in zip(rows, fed, strict=True)]
        ages[source.source] = float(np.median(older_s)) / HOUR_S
    return [{name: as_sent(row[name], inputs[name]) for name in names} for row in rows], ages
