"""Past predictions in the place of a model that can be asked: a table with the inputs and what was answered to them."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rfc8785

from seatrial.adapters.models.answers import checked, predictions_of, told_of_json
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.tables.catalogue import open_table
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.ports import Prediction, Reply, ReplyKind, Request, Row, Table
from seatrial.measure.columns import plain_text
from seatrial.spec.model import ModelSection

_SHOWN = 5


class RecordedModel:
    """Answers a row with what was answered to the same inputs in the past; nothing else can be asked.

    A row whose inputs occur several times with other answers is not answered: which of them is its own is not known.
    """

    def __init__(self, section: ModelSection, *, base_dir: Path, redact: Redactor) -> None:
        self._section = section
        self._path = section.recorded or ""
        self._base_dir = base_dir
        self._redact = redact
        self._fields: tuple[str, ...] | None = None
        self._answers: dict[bytes, Prediction] = {}
        self._doubtful: set[bytes] = set()
        self._others: tuple[str, ...] = ()

    def identity(self) -> str:
        """The vendor's declared name and version, and the digest of the predictions. Raises Unreachable, Malformed."""
        vendor = self._section.vendor
        if vendor is None:
            raise Malformed(
                "past predictions do not tell whose they are",
                remedy="Declare model.vendor with the name and the version of the model that made them.",
            )
        return hashlib.sha256(rfc8785.dumps([vendor.name, vendor.version, self._table().digest()])).hexdigest()

    def request(self, _: Sequence[Row]) -> Request | None:
        """There is nothing to send."""
        return None

    def predict(self, rows: Sequence[Row]) -> Reply:
        """What was answered to these inputs; unreachable where one was never asked, or was answered in several ways."""
        started = time.monotonic()
        try:
            found = [self._answer(row) for row in rows]
        except SeatrialError as error:
            return Reply(kind=ReplyKind.UNREACHABLE, latency_s=time.monotonic() - started, error=error.what)
        absent = sum(answer is None for answer in found)
        if absent:
            return Reply(
                kind=ReplyKind.UNREACHABLE, latency_s=time.monotonic() - started, error=self._unanswered(rows, absent)
            )
        answers = tuple(answer for answer in found if answer is not None)
        return Reply(kind=ReplyKind.OK, latency_s=time.monotonic() - started, predictions=answers)

    def close(self) -> None:
        """Nothing is held open."""

    def _answer(self, row: Row) -> Prediction | None:
        if self._fields is None:
            self._fields = self._read(row)
        key = row_key(row, self._fields)
        return None if key in self._doubtful else self._answers.get(key)

    def _unanswered(self, rows: Sequence[Row], absent: int) -> str:
        doubtful = sum(row_key(row, self._fields or ()) in self._doubtful for row in rows)
        if not doubtful:
            return (
                f"{absent} of {len(rows)} rows have no past prediction in {self._path}, and the model cannot be asked"
            )
        apart = f", such as {', '.join(self._others[:_SHOWN])}" if self._others else ""
        return (
            f"{doubtful} of {len(rows)} rows have several past predictions in {self._path} that differ, and nothing "
            f"tells which is theirs: add to model.inputs the columns that tell such rows apart{apart}"
        )

    def _table(self) -> Table:
        return open_table(self._path, None, base_dir=self._base_dir, redact=self._redact)

    def _read(self, row: Row) -> tuple[str, ...]:
        """Read the table; the fields of a row by which it is found again."""
        table = self._table()
        columns = set(table.columns())
        output = self._section.output
        if output.prediction not in columns:
            raise Malformed(
                f"{self._path} has no column {output.prediction}",
                remedy="Name in model.output.prediction the column that holds the past predictions.",
            )
        fields = tuple(sorted(set(row) & columns - {output.prediction, output.score or ""}))
        if not fields:
            raise Malformed(f"{self._path} has none of the model's inputs as columns")
        said = [output.prediction, *([output.score] if output.score in columns and output.score else [])]
        self._others = tuple(sorted(columns - {*fields, *said}))
        for batch in table.batches([*fields, *said]):
            records: list[dict[str, Any]] = [r for r in batch.to_pylist() if r[output.prediction] is not None]
            plain = [{name: plain_value(record[name]) for name in said} for record in records]
            told = checked(told_of_json(plain, len(plain), self._section), len(plain), self._section)
            answers = predictions_of(told)
            for record, answer in zip(records, answers, strict=True):
                key = row_key(record, fields)
                if self._answers.setdefault(key, answer) != answer:
                    self._doubtful.add(key)
        return fields


def row_key(row: Row, fields: Sequence[str]) -> bytes:
    """By what a row is found again: its values in these fields, numbers without their form."""
    texts = "\x1f".join(_text(row.get(name)) for name in fields)
    return hashlib.blake2b(texts.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _text(value: Any) -> str:
    """The same for a cell and for what is sent for it: numbers without their form, nothing for what is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str):
        try:
            return plain_text(float(value))
        except ValueError:
            return value
    return plain_text(value)


def plain_value(value: Any) -> Any:
    """A cell as JSON holds it: decimals as numbers, times as text."""
    if hasattr(value, "as_tuple"):
        return float(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
