"""Predictions and outcomes of a watch as the columns that the checks work on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.measure.columns import Columns, plain_text
from seatrial.watch.batch import Batch, Values
from seatrial.watch.store import Stored

LABEL = "seatrial.label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Some predictions as columns, with when each was made and arrived (seconds) and its sequence."""

    columns: Columns
    at: npt.NDArray[np.float64]
    sequence: npt.NDArray[np.int64]
    made: npt.NDArray[np.float64]

    @staticmethod
    def of(chosen: Sequence[Stored], names: Sequence[str]) -> Decoded:
        """The predictions with the inputs of these names."""
        return Decoded(
            columns=Columns(batch({**inputs_of(chosen, names), **answers_of(chosen)})),
            at=np.array([each.arrived for each in chosen]),
            sequence=np.array([each.sequence for each in chosen], dtype=np.int64),
            made=np.array([each.at for each in chosen]),
        )

    def values(self, values: npt.NDArray[np.float64], kept: npt.NDArray[np.bool_] | None = None) -> Values:
        """A value for each prediction, or for each that is `kept`."""
        if kept is None or kept.all():
            return Values(values=values, at=self.at, sequence=self.sequence, made=self.made)
        return Values(values=values[kept], at=self.at[kept], sequence=self.sequence[kept], made=self.made[kept])


class Decodes(Protocol):
    """Gives the predictions of a batch as columns."""

    def __call__(self, seen: Batch, *, needs_inputs: bool) -> Decoded | None:
        """All predictions, or those that came with inputs; None where there are none."""


class Decoding(Decodes):
    """Decodes the predictions of a batch once for all streams that look at them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._newest: tuple[Batch, dict[bool, Decoded | None]] | None = None

    def __call__(self, seen: Batch, *, needs_inputs: bool) -> Decoded | None:
        """As `Decodes` says, the newest batch from memory."""
        newest = self._newest
        if newest is None or newest[0] is not seen:
            newest = self._newest = seen, {}
        known = newest[1]
        if needs_inputs not in known:
            chosen = [p for p in seen.predictions if not needs_inputs or p.content.get("inputs")]
            known[needs_inputs] = Decoded.of(chosen, self._names) if chosen else None
        return known[needs_inputs]


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
