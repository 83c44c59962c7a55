"""Predictions and outcomes of a watch as the columns that the checks work on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.measure.columns import Columns, plain_text
from seatrial.watch.store import Stored

LABEL = "seatrial.label"


def column(values: Sequence[Any]) -> pa.Array:
    """One column. Values of several kinds become text: a field that changed its type must not stop the watch."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if value is None else plain_text(value) for value in values], pa.string())


def inputs_of(predictions: Sequence[Stored], names: Sequence[str]) -> Mapping[str, pa.Array]:
    """The inputs of these names, null where a prediction came without."""
    inputs = [each.content.get("inputs") or {} for each in predictions]
    return {name: column([given.get(name) for given in inputs]) for name in names}


def answers_of(predictions: Sequence[Stored]) -> Mapping[str, pa.Array]:
    """What the model said, under the names that the checks use."""
    return {
        PREDICTION: column([_typed(each.content.get("prediction")) for each in predictions]),
        SCORE: pa.array([each.content.get("score") for each in predictions], pa.float64()),
        PROBLEM: pa.nulls(len(predictions), pa.string()),
    }


def _typed(value: Any) -> Any:
    """Values with parts as JSON, as the reference has them."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, list | dict) else value


def batch(columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """A record batch of these columns."""
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def behind(first: pa.RecordBatch, columns: Mapping[str, pa.Array]) -> Columns:
    """The rows of `first` and behind them those of `columns`, in the columns of the latter; text where types differ."""
    joined = {}
    for name, array in columns.items():
        before = first.column(name) if name in first.schema.names else pa.nulls(first.num_rows, array.type)
        if before.type == array.type:
            joined[name] = pa.concat_arrays([before, array])
        else:
            joined[name] = column([*before.to_pylist(), *array.to_pylist()])
    return Columns(batch(joined))
