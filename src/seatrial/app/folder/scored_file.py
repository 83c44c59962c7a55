"""The Parquet file of scored rows: what was asked, and beside each row its prediction, its score, or its problem."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from seatrial.app.folder.asking import AnsweredBatch
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.errors import Malformed, SeatrialError

_GROUP_ROWS: Final = 65_536
_NONE: Final = "none"
_TEXT_OF_MANY: Final = "json"
_KINDS: Final[Mapping[type, str]] = {bool: "bool", int: "int64", float: "double", str: "string"}


class _Absent:
    """A row without a prediction, which is not the same as a prediction of null."""


_ABSENT: Final = _Absent()


class ScoredFile:
    """Rows go into one draft as long as predictions are of one type, into the next one when their type changes.

    `finish` leaves one file whose predictions have the one type that holds them all, or are text (as JSON) where
    there is none. Whatever goes wrong, no draft is left behind.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._drafts: list[tuple[Path, str]] = []
        self._writer: _Writer | None = None
        self._held: list[Any] = []
        self._held_rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        for draft, _kind in self._drafts:
            draft.unlink(missing_ok=True)

    def write(self, rows: Any, answers: AnsweredBatch) -> None:
        """These rows with their answers. Raises Malformed for numbers that no number type holds."""
        predictions, kind = _predictions(answers)
        if not self._drafts or kind != self._drafts[-1][1]:
            self._close()
            draft = self._target.with_suffix(f".draft-{len(self._drafts)}.parquet")
            self._drafts.append((draft, kind))
            self._writer = _Writer(draft)
        self._held.append(_beside(rows, predictions, answers))
        self._held_rows += rows.num_rows
        if self._held_rows >= _GROUP_ROWS:
            self._flush()

    def finish(self) -> None:
        """Make the file."""
        self._close()
        kinds = {kind for _, kind in self._drafts}
        if len(kinds) == 1 and len(self._drafts) == 1:
            self._drafts[0][0].replace(self._target)
            return
        self._unite(_common(kinds))

    def _unite(self, kind: str) -> None:
        """All drafts as one file, predictions of one kind."""
        from pyarrow import parquet

        writer = _Writer(self._target)
        try:
            for draft, had in self._drafts:
                with parquet.ParquetFile(draft) as source:
                    for batch in source.iter_batches(_GROUP_ROWS, use_threads=False):
                        place = batch.schema.get_field_index(PREDICTION)
                        column = _as_kind(batch.column(place), had, kind)
                        writer.write(batch.set_column(place, PREDICTION, column))
        finally:
            writer.close()

    def _flush(self) -> None:
        if self._held and self._writer is not None:
            import pyarrow as pa

            try:
                table = pa.Table.from_batches(self._held)
            except pa.ArrowException as error:
                raise Malformed(f"the data change their types on the way: {error}") from None
            self._writer.write(table)
        self._held = []
        self._held_rows = 0

    def _close(self) -> None:
        if self._writer is not None:
            try:
                self._flush()
            finally:
                self._writer.close()
                self._writer = None


def _beside(rows: Any, predictions: Any, answers: AnsweredBatch) -> Any:
    import pyarrow as pa

    arrays = [*rows.columns, predictions, _scores(answers), _problems(answers)]
    return pa.RecordBatch.from_arrays(arrays, names=[*rows.schema.names, PREDICTION, SCORE, PROBLEM])


def _predictions(answers: AnsweredBatch) -> tuple[Any, str]:
    """The column, and its kind: a plain type, `json` where values are of several, `none` where there are none."""
    import pyarrow as pa

    told = [part for part in answers.parts if not part.problem]
    if not told:
        return pa.nulls(sum(part.rows for part in answers.parts), pa.string()), _NONE
    if len(answers.parts) == 1 and not isinstance(told[0].predictions, list):
        return told[0].predictions, str(told[0].predictions.type)
    values: list[Any] = []
    for part in answers.parts:
        given = [_ABSENT] * part.rows if part.problem else part.predictions
        values += given if isinstance(given, list) else given.to_pylist()
    return _typed(values)


def _typed(values: Sequence[Any]) -> tuple[Any, str]:
    import pyarrow as pa

    kind = _common({_KINDS.get(kind, _TEXT_OF_MANY) for kind in set(map(type, values)) - {_Absent}})
    try:
        if kind == _TEXT_OF_MANY:
            return pa.array([None if v is _ABSENT else json.dumps(v) for v in values], pa.string()), kind
        return pa.array([None if v is _ABSENT else v for v in values], pa.type_for_alias(kind)), kind
    except (pa.ArrowException, OverflowError):
        raise Malformed("the model's predictions are numbers that no number type holds") from None


def _common(kinds: set[str]) -> str:
    kinds = kinds - {_NONE}
    if not kinds:
        return "string"
    if len(kinds) == 1:
        return next(iter(kinds))
    return "double" if kinds <= {"int64", "double"} else _TEXT_OF_MANY


def _as_kind(column: Any, had: str, kind: str) -> Any:
    import pyarrow as pa

    if kind == had:
        return column
    if kind == _TEXT_OF_MANY:
        return pa.array([None if value is None else json.dumps(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.type_for_alias(kind))


def _scores(answers: AnsweredBatch) -> Any:
    import pyarrow as pa

    parts = [
        pa.nulls(part.rows, pa.float64())
        if part.problem or part.scores is None
        else pa.array(part.scores, pa.float64())
        if isinstance(part.scores, list)
        else part.scores.cast(pa.float64())
        for part in answers.parts
    ]
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _problems(answers: AnsweredBatch) -> Any:
    import pyarrow as pa

    if not any(part.problem for part in answers.parts):
        return pa.nulls(sum(part.rows for part in answers.parts), pa.string())
    return pa.array([part.problem or None for part in answers.parts for _ in range(part.rows)], pa.string())


def _texts(schema: Any) -> list[str]:
    """The columns that are kept as dictionaries; looking for repeated numbers costs far more than writing them does."""
    import pyarrow as pa

    return [
        field.name
        for field in schema
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type) or pa.types.is_dictionary(field.type)
    ]


class _Writer:
    """A Parquet file, for its owner's eyes, that begins with the first batch."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()

    def write(self, batch: Any) -> None:
        """A batch or a table, of the types of the first one."""
        import pyarrow as pa
        from pyarrow import parquet

        try:
            if self._writer is None:
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
                self._writer = parquet.ParquetWriter(self._path, batch.schema, use_dictionary=_texts(batch.schema))
            table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
            self._writer.write_table(table.cast(self._writer.schema))
        except (pa.ArrowException, ValueError) as error:
            raise Malformed(f"the data change their types on the way: {error}") from None
        except OSError as error:
            raise SeatrialError(
                f"the scored rows cannot be kept: {error.strerror or error}", remedy="Free space on the disk."
            ) from None
