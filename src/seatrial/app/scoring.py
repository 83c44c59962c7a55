"""Rows through the model, batch by batch, into a Parquet file with predictions, scores and problems beside each row.

Every row is answered once: what is asked again replaces nothing, because only the last answer of a row is written. A
batch that fails is halved until the row that fails is alone; that row keeps the problem, the others their predictions.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.ports import Model, Prediction, Reply, ReplyKind, Row, Say, Table
from seatrial.domains.sending import Held, as_sent, inputs_present
from seatrial.spec.system import InputField

_WAITS_S = (0.2, 0.8, 2.0)
"""Before each further attempt to reach a model that could not be reached."""
_MOST_IN_A_ROW = 100
"""So many rows without an answer one after the other: the model does not work, and the rest need not be tried."""
_TIME_OUT_WEIGHS = 10
"""A time-out counts like so many rows, since each one costs the whole declared time-out."""
_GROUP_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """How many rows there were, and how many of them have no prediction."""

    rows: int
    problems: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What is declared of a table, which messages name `name`: `leave_out` is no input, `filled` needs a value."""

    name: str
    inputs: Mapping[str, InputField] | None
    leave_out: Sequence[str] = ()
    filled: Sequence[str] = ()


def score(
    table: Table,
    model: Model,
    *,
    given: Given,
    batch: int,
    target: Path,
    say: Say,
) -> Scored:
    """Write `target`: the table's columns, and `seatrial.prediction`, `seatrial.score` and `seatrial.problem`.

    The model gets the declared inputs, or, where none are declared, all columns but those to leave out. Predictions
    have one type: that of all of them, or text (as JSON) when they are of several. Raises Unreachable or Malformed
    when the table cannot be read or does not hold what is declared, and when the model answers no row at all.
    """
    asking = _Asking(model)
    fields = _fields(table, given)
    expected = _rows_of(table, fields, given)
    draft = target.with_suffix(".draft.parquet")
    done = 0
    kinds: set[type] = set()
    problems = 0
    with _Writer(draft) as writer:
        for rows in table.batches():
            _refuse_own_names(rows.schema.names)
            answers: list[Prediction | str] = []
            for asked in _slices(rows, batch):
                answers += asking.answers(_rows(asked, fields, given.inputs))
                done += asked.num_rows
                say(f"{done:,} of {expected:,} rows", done / expected if expected else None)
            kinds |= {type(a.prediction) for a in answers if isinstance(a, Prediction)}
            problems += sum(isinstance(a, str) for a in answers)
            writer.write(_with_answers(rows, answers))
    _settle_type(draft, target, kinds)
    draft.unlink()
    return Scored(rows=done, problems=problems)


def _fields(table: Table, given: Given) -> list[str]:
    columns = table.columns()
    if given.inputs is None:
        chosen = [name for name in columns if name not in given.leave_out]
    else:
        chosen = inputs_present(given.name, columns, given.inputs)
    if not chosen:
        raise Malformed(
            f"the {given.name} data have no column that the model takes",
            remedy="Declare model.inputs, or other data.",
        )
    return chosen


def _rows_of(table: Table, fields: Sequence[str], given: Given) -> int:
    """How many rows there are, once it is known that they hold what is declared: only then the model is asked."""
    held = Held(table=given.name, inputs=given.inputs or {}, filled=given.filled)
    rows = 0
    for batch in table.batches(list(dict.fromkeys((*fields, *given.filled)))):
        held.update(batch)
        rows += batch.num_rows
    held.finish()
    return rows


def _refuse_own_names(names: Sequence[str]) -> None:
    own = sorted({PREDICTION, SCORE, PROBLEM} & set(names))
    if own:
        raise Malformed(f"the data have columns named {', '.join(own)}", remedy="Rename them: seatrial adds its own.")


def _slices(rows: Any, size: int) -> Iterator[Any]:
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def _rows(batch: Any, fields: Sequence[str], inputs: Mapping[str, InputField] | None) -> list[Row]:
    declared = inputs or {}
    return [
        {name: as_sent(value, declared.get(name)) for name, value in row.items()}
        for row in batch.select(fields).to_pylist()
    ]


class _Asking:
    """Asks the model, and knows how long it has not answered."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._silent = 0

    def answers(self, rows: Sequence[Row]) -> list[Prediction | str]:
        """One answer per row, in order: a prediction, or the problem as text."""
        reply = self._reply(rows)
        if reply.kind is ReplyKind.OK and len(reply.predictions) == len(rows):
            self._silent = 0
            return list(reply.predictions)
        if reply.kind is ReplyKind.TIMED_OUT:
            self._count(_TIME_OUT_WEIGHS, reply)
        if len(rows) == 1:
            return [self._problem(reply)]
        half = len(rows) // 2
        return [*self.answers(rows[:half]), *self.answers(rows[half:])]

    def _reply(self, rows: Sequence[Row]) -> Reply:
        reply = self._model.predict(rows)
        for wait_s in _WAITS_S:
            if reply.kind is not ReplyKind.UNREACHABLE:
                return reply
            time.sleep(wait_s)
            reply = self._model.predict(rows)
        if reply.kind is ReplyKind.UNREACHABLE:
            raise Unreachable(
                f"the model could not be reached: {reply.error}",
                remedy="Start it, and see that it answers under the declared address.",
                permanent=False,
            )
        return reply

    def _problem(self, reply: Reply) -> str:
        if reply.kind is ReplyKind.REFUSED:
            # A guard that refuses is an answer, however often it does.
            self._silent = 0
        else:
            self._count(1, reply)
        return _spelled(reply)

    def _count(self, rows: int, reply: Reply) -> None:
        self._silent += rows
        if self._silent < _MOST_IN_A_ROW:
            return
        said = f"the model gave no usable answer time after time; the last problem: {_spelled(reply)}"
        if reply.kind is ReplyKind.TIMED_OUT:
            raise Unreachable(
                said,
                remedy="Find out why it is so slow; where it may be, declare a longer model.timeout or a smaller "
                "model.batch.",
                permanent=False,
            )
        if reply.kind is ReplyKind.CRASHED:
            raise Unreachable(
                said, remedy="Send it one of your rows by hand, and look into its log for what failed.", permanent=False
            )
        raise Malformed(
            said,
            remedy="Send it one of your rows by hand; compare where it is answered and how with model.endpoint and "
            "model.output.",
        )


def _spelled(reply: Reply) -> str:
    return f"{reply.kind.value}: {reply.error}" if reply.error else reply.kind.value


def _with_answers(rows: Any, answers: Sequence[Prediction | str]) -> Any:
    import pyarrow as pa

    given = [a if isinstance(a, Prediction) else None for a in answers]
    columns = {
        PREDICTION: pa.array([None if a is None else json.dumps(a.prediction) for a in given], pa.string()),
        SCORE: pa.array([None if a is None else a.score for a in given], pa.float64()),
        PROBLEM: pa.array([a if isinstance(a, str) else None for a in answers], pa.string()),
    }
    arrays = [*rows.columns, *columns.values()]
    return pa.RecordBatch.from_arrays(arrays, names=[*rows.schema.names, *columns])


class _Writer:
    """A Parquet file, for its owner's eyes, that begins with the first batch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, batch: Any) -> None:
        from pyarrow import ArrowException, parquet

        try:
            if self._writer is None:
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
                self._writer = parquet.ParquetWriter(self._path, batch.schema)
            self._writer.write_batch(batch.cast(self._writer.schema))
        except (ArrowException, ValueError) as error:
            raise Malformed(f"the data change their types on the way: {error}") from None
        except OSError as error:
            raise SeatrialError(
                f"the scored rows cannot be kept: {error.strerror or error}", remedy="Free space on the disk."
            ) from None


def _settle_type(draft: Path, target: Path, kinds: set[type]) -> None:
    """Write the file again with predictions of the one type that holds them all."""
    from pyarrow import parquet

    read = _reading(kinds)
    with parquet.ParquetFile(draft) as source, _Writer(target) as writer:
        for batch in source.iter_batches(_GROUP_ROWS, use_threads=False):
            place = batch.schema.get_field_index(PREDICTION)
            writer.write(batch.set_column(place, PREDICTION, read(batch.column(place))))


def _reading(kinds: set[type]) -> Callable[[Any], Any]:
    import pyarrow as pa

    kind = None
    if kinds == {bool}:
        kind = pa.bool_()
    elif kinds == {int}:
        kind = pa.int64()
    elif kinds and kinds <= {int, float}:
        kind = pa.float64()
    elif kinds == {str}:
        kind = pa.string()

    def read(column: Any) -> Any:
        if kind is None:
            return column
        values = [None if text is None else json.loads(text) for text in column.to_pylist()]
        try:
            return pa.array(values, kind)
        except (pa.ArrowException, OverflowError):
            raise Malformed("the model's predictions are numbers that no number type holds") from None

    return read
