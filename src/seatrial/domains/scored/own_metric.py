"""A metric of the user's own: a Python function, run in its own process, that gives one number from 0 to 1 a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from seatrial.core.check import PREDICTION
from seatrial.core.observation import Json
from seatrial.core.ports import Model, ReplyKind, Row
from seatrial.domains.scored.labelled import Outcomes
from seatrial.domains.scored.metric_rows import MetricProblem, MetricRows
from seatrial.domains.scored.rows import Rows
from seatrial.domains.sending import as_sent

_NAME = re.compile(r"[^:]+\.py:[^\W\d]\w*")
_AT_ONCE = 2000
_SHOWN = 200


def is_own(name: str) -> bool:
    """Whether the metric is one of the user's own.

    >>> is_own("metrics.py:saved"), is_own("recall:late")
    (True, False)
    """
    return _NAME.fullmatch(name) is not None


def own_rows(name: str, function: Model, rows: Rows, outcomes: Outcomes, label: str) -> MetricRows:
    """The function's number for every labelled row; a row that the model did not answer is handed in with None.

    It is called with a list of `{"row": {...}, "expected": ..., "prediction": ..., "score": ...}` and returns as many
    numbers. Raises MetricProblem (`own-metric-failed`) for anything else.
    """
    values = np.empty(outcomes.n)
    for start in range(0, outcomes.n, _AT_ONCE):
        part = np.arange(start, min(outcomes.n, start + _AT_ONCE))
        reply = function.predict(_handed(rows, outcomes, part, label))
        if reply.kind is not ReplyKind.OK:
            said = (reply.error or reply.kind.value)[:_SHOWN]
            raise MetricProblem("own-metric-failed", f"{name} gave no result: {said}")
        values[part] = [_number(name, each.prediction) for each in reply.predictions]
    return MetricRows(used=np.ones(outcomes.n, dtype=bool), values=values, scale="mean")


def _handed(rows: Rows, outcomes: Outcomes, part: np.ndarray, label: str) -> list[Row]:
    given = rows.columns.take(outcomes.rows[part])
    score = outcomes.score[part]
    handed: list[Row] = []
    for i, row in enumerate(given):
        plain = {name: _plain(value) for name, value in row.items()}
        handed.append(
            {
                "row": {name: value for name, value in plain.items() if not name.startswith("seatrial.")},
                "expected": plain.get(label),
                "prediction": plain.get(PREDICTION),
                "score": None if np.isnan(score[i]) else float(score[i]),
            }
        )
    return handed


def _plain(value: Any) -> Json:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return as_sent(value, None)


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise MetricProblem("own-metric-failed", f"{name} gave {str(value)[:40]} for a row, not a number from 0 to 1")
    return float(value)
