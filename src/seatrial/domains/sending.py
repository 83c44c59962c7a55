"""Rows of a table as production would send them to the model: a bounded sample, of the types that inputs declare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from seatrial.core.check import Trial
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Model, ReplyKind, Row
from seatrial.spec.loading import load_inputs
from seatrial.spec.model import InputField, ModelSection
from seatrial.spec.system import System

_NUMBERS = ("number", "integer")


def inputs_of(system: System, trial: Trial) -> Mapping[str, InputField]:
    """The model's declared inputs; empty when none are declared. Raises SeatrialError for an unreadable file."""
    inputs = system.model.inputs
    if inputs is None:
        return {}
    if isinstance(inputs, str):
        return load_inputs(trial.files.read(inputs), name=inputs)
    return inputs


def rows_to_send(trial: Trial, inputs: Mapping[str, InputField], *, table: str, most: int, seed: int) -> list[Row]:
    """At most `most` rows of the table, each with the same chance, in an order drawn by `seed`.

    A nullable input that the table lacks is left out. Raises Malformed when it lacks another one or holds nothing of
    its declared type, and whatever the table raises.
    """
    return [row for row, _ in rows_with_rest(trial, inputs, table=table, most=most, seed=seed, rest=())]


def rows_with_rest(
    trial: Trial, inputs: Mapping[str, InputField], *, table: str, most: int, seed: int, rest: Sequence[str]
) -> list[tuple[Row, Row]]:
    """The same rows, each with those columns of `rest` that the table has and the model does not take."""
    import numpy as np

    source = trial.table(table)
    columns = source.columns()
    names = inputs_present(table, columns, inputs)
    beside = [name for name in dict.fromkeys(rest) if name in columns and name not in inputs]
    held = Held(table=table, inputs=inputs)
    random = np.random.default_rng(seed)
    drawn = _Drawn(most)
    for batch in source.batches([*names, *beside]):
        held.update(batch)
        drawn.add(random.random(batch.num_rows), batch)
    held.finish()
    return [
        (
            {name: as_sent(row[name], inputs[name]) for name in names},
            {name: as_sent(row[name], None) for name in beside},
        )
        for row in drawn.rows()
    ]


class _Drawn:
    """The rows with the `most` smallest lots so far; none becomes a Python object before all are drawn."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: list[tuple[Any, Any]] = []
        self._limit = 1.0

    def add(self, lots: Any, batch: Any) -> None:
        """A record batch, with a lot in [0, 1) for each of its rows."""
        self._parts.append(_below(self._limit, lots, batch))
        if sum(len(each) for each, _ in self._parts) > 2 * self._most:
            self._thin()

    def rows(self) -> list[Row]:
        """Them, in the order of their lots."""
        self._thin()
        rows = [row for lots, batch in self._parts for row in zip(lots.tolist(), batch.to_pylist(), strict=True)]
        return [row for _, row in sorted(rows, key=lambda pair: pair[0])[: self._most]]

    def _thin(self) -> None:
        import numpy as np

        lots = np.sort(np.concatenate([each for each, _ in self._parts])) if self._parts else np.empty(0)
        if 0 < self._most < lots.size:
            self._limit = float(lots[self._most])
            self._parts = [_below(self._limit, *part) for part in self._parts]


def _below(limit: float, lots: Any, batch: Any) -> tuple[Any, Any]:
    import numpy as np

    chosen = np.flatnonzero(lots < limit)
    return lots[chosen], batch.take(chosen)


def answered(model: Model, rows: Sequence[Row], *, batch: int) -> list[Row]:
    """Those of these rows that the model answers: asked together where it takes so many at once, else one by one."""
    if 0 < len(rows) <= batch and model.predict(rows).kind is ReplyKind.OK:
        return list(rows)
    return [row for row in rows if model.predict([row]).kind is ReplyKind.OK]


def may_be_tried(model: ModelSection) -> bool:
    """Whether faulty, extreme and heavy input may be sent: declared so, or a process of our own."""
    return model.test_endpoint or model.ours


def inputs_present(table: str, columns: Sequence[str], inputs: Mapping[str, InputField]) -> list[str]:
    """The declared inputs that the columns have. Raises Malformed when one is absent that is not nullable."""
    absent = [name for name, declared in inputs.items() if name not in columns and not declared.nullable]
    if absent:
        raise Malformed(
            f"the {table} data have no column {', '.join(absent)}, which the model takes",
            remedy="Add the columns to the data, or declare these inputs as nullable.",
        )
    return [name for name in inputs if name in columns]


@dataclass(slots=True, kw_only=True)
class Held:
    """Whether a table's columns hold what is declared of them, batch by batch.

    A column without a single value shows nothing of how the model treats that input, and numbers that are read as text
    would be sent as text: neither is the system that is declared. `filled` are further columns that need a value.
    """

    table: str
    inputs: Mapping[str, InputField]
    filled: Sequence[str] = ()
    _seen: set[str] = field(default_factory=set)
    _rows: int = 0

    def update(self, batch: Any) -> None:
        """Look at one record batch. Raises Malformed for text in a column of numbers."""
        import pyarrow.compute as pc

        before = self._rows
        self._rows += batch.num_rows
        for name in batch.schema.names:
            if name in self._seen:
                continue
            column = batch.column(name)
            if pc.all(pc.is_null(column, nan_is_null=True), min_count=0).as_py():
                continue
            self._seen.add(name)
            declared = self.inputs.get(name)
            if declared is not None and declared.type in _NUMBERS and _is_text(column.type):
                raise Malformed(
                    f"the {self.table} data hold text in column {name}, which is declared as {declared.type}"
                    f"{_where(column, before)}",
                    remedy="Write numbers in every row and leave missing ones empty, or correct model.inputs.",
                )

    def finish(self) -> None:
        """Raises Malformed when a column that needs a value has none in any row."""
        needed = [name for name, declared in self.inputs.items() if not declared.nullable]
        empty = [name for name in (*needed, *self.filled) if name not in self._seen]
        if self._rows and empty:
            raise Malformed(
                f"the {self.table} data have no value in column {', '.join(empty)} in any of {self._rows:,} rows",
                remedy="Fill the columns, or correct the declaration; an input that may be missing is nullable.",
            )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _where(column: Any, before: int) -> str:
    """The first value that is no number, as its place among the rows; the value itself may be confidential."""
    for at, value in enumerate(column.to_pylist(), before + 1):
        try:
            float(value or 0)
        except ValueError:
            return f"; the first that is no number stands in row {at}"
    return ""


def as_sent(value: Any, declared: InputField | None) -> Json:
    """A cell as JSON, of the declared type where it can be of it; no number in it is null, times are ISO 8601."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    plain: Json = value
    if hasattr(value, "isoformat"):
        plain = str(value.isoformat())
    elif not isinstance(value, bool | int | float | str):
        plain = float(value) if hasattr(value, "as_tuple") else str(value)
    kind = None if declared is None else declared.type
    if kind == "string" and not isinstance(plain, str):
        return str(plain)
    if kind == "integer" and isinstance(plain, float) and plain.is_integer():
        return int(plain)
    if kind == "boolean" and plain in (0, 1):
        return bool(plain)
    return plain


def batch_as_sent(batch: Any, inputs: Mapping[str, InputField]) -> Any:
    """An Arrow batch with every cell as `as_sent` makes it, column by column.

    A column of whole numbers that is declared as integer becomes one of integers; where only some of them are whole,
    all stay as they are, because a column has one type.
    """
    import pyarrow as pa

    columns = [
        _column_as_sent(column, inputs.get(name))
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _column_as_sent(column: Any, declared: InputField | None) -> Any:
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = None if declared is None else declared.type
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type) or (pa.types.is_boolean(column.type) and kind != "string"):
        return column
    if kind not in ("string", "boolean"):
        if pa.types.is_floating(column.type):
            return _numbers(column, whole=kind == "integer")
        if pa.types.is_integer(column.type):
            return column
    values = [as_sent(value, declared) for value in column.to_pylist()]
    try:
        return pa.array(values)
    except pa.ArrowException:
        # Some cells could become what is declared and others not: one type can only hold them all as they are.
        return pa.array([as_sent(value, None) for value in column.to_pylist()])


def _numbers(column: Any, *, whole: bool) -> Any:
    """Floats without NaN and infinities; integers where `whole` numbers are declared and all of them are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    finite = pc.is_finite(column)
    if pc.any(pc.invert(finite), min_count=0).as_py():
        column = pc.if_else(finite, column, pa.scalar(None, column.type))
    if whole and pc.all(pc.equal(pc.floor(column), column), min_count=0).as_py():
        with suppress(pa.ArrowInvalid):
            return column.cast(pa.int64())
    return column
