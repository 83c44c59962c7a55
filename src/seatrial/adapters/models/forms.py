"""What a model's protocol puts into a request and reads from an answer: records, columns, pandas' split, CSV, lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from seatrial.adapters.http import Answer
from seatrial.adapters.models.answers import Told, checked, fast_json, told_of_json
from seatrial.adapters.models.columns import by_column, encoded, lists_of, rows_of
from seatrial.core.errors import Malformed, Refused
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.model import ModelSection

JSON: Final = "application/json"


class Form(Protocol):
    """One way to ask and to answer. Encoding raises Refused for rows that it cannot carry, reading Malformed."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Content type and what else goes along."""

    def of_rows(self, rows: Sequence[Row]) -> bytes:
        """The body that asks about these rows."""

    def of_batch(self, batch: Any) -> bytes:
        """The body that asks about an Arrow batch."""

    def read(self, answer: Answer, asked: int) -> Told:
        """What was answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsForm:
    """JSON: a list with one object per row under `key`."""

    section: ModelSection
    key: str = "rows"

    @property
    def headers(self) -> Mapping[str, str]:
        """JSON."""
        return {"Content-Type": JSON}

    def of_rows(self, rows: Sequence[Row]) -> bytes:
        """`{key: [{…}, {…}]}`."""
        return encoded({self.key: rows})

    def of_batch(self, batch: Any) -> bytes:
        """`{key: [{…}, {…}]}`."""
        return encoded({self.key: rows_of(batch)})

    def read(self, answer: Answer, asked: int) -> Told:
        """One entry per row."""
        return told_of_json(fast_json(answer.body), asked, self.section)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnsForm:
    """JSON: one list of values per column, as an object or, `split`, as pandas writes it; under `key` if it has one."""

    section: ModelSection
    key: str = ""
    split: bool = False

    @property
    def headers(self) -> Mapping[str, str]:
        """JSON."""
        return {"Content-Type": JSON}

    def of_rows(self, rows: Sequence[Row]) -> bytes:
        """The columns of these rows."""
        return self._encoded(by_column(rows))

    def of_batch(self, batch: Any) -> bytes:
        """The columns of this batch."""
        return self._encoded(lists_of(batch))

    def _encoded(self, columns: Mapping[str, list[Any]]) -> bytes:
        content: Any = columns
        if self.split:
            data = [list(values) for values in zip(*columns.values(), strict=True)]
            content = {"columns": list(columns), "data": data}
        return encoded({self.key: content} if self.key else content)

    def read(self, answer: Answer, asked: int) -> Told:
        """Entries or columns."""
        return told_of_json(fast_json(answer.body), asked, self.section)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesForm:
    """One JSON object per line, in both directions, as SageMaker's containers take them."""

    section: ModelSection

    @property
    def headers(self) -> Mapping[str, str]:
        """JSON lines."""
        return {"Content-Type": "application/jsonlines", "Accept": "application/jsonlines"}

    def of_rows(self, rows: Sequence[Row]) -> bytes:
        """A line per row."""
        return b"\n".join(encoded(row) for row in rows) + b"\n"

    def of_batch(self, batch: Any) -> bytes:
        """A line per row."""
        return self.of_rows(rows_of(batch))

    def read(self, answer: Answer, asked: int) -> Told:
        """A line per row, or one JSON document."""
        if _kind(answer) == JSON:
            return told_of_json(fast_json(answer.body), asked, self.section)
        lines = [line for line in answer.body.splitlines() if line.strip()]
        return told_of_json([fast_json(line) for line in lines], asked, self.section)


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvForm:
    """CSV without a header, columns in the order of `model.inputs`, as SageMaker's built-in algorithms take it.

    In the answer a column is named by its place: `output: {prediction: "0", score: "1"}`.
    """

    section: ModelSection

    @property
    def headers(self) -> Mapping[str, str]:
        """CSV in both directions."""
        return {"Content-Type": "text/csv", "Accept": "text/csv"}

    def of_rows(self, rows: Sequence[Row]) -> bytes:
        """A line per row."""
        return self._encoded(by_column(rows))

    def of_batch(self, batch: Any) -> bytes:
        """A line per row."""
        return self._encoded(lists_of(batch))

    def _encoded(self, columns: Mapping[str, list[Any]]) -> bytes:
        inputs = self.section.inputs
        names = list(inputs) if isinstance(inputs, Mapping) else list(columns)
        if unknown := [name for name in columns if name not in names]:
            raise Refused(f"CSV has no place for {', '.join(unknown)}, which model.inputs does not name")
        size = max((len(values) for values in columns.values()), default=0)
        texts = [[_cell(name, value) for value in columns.get(name, [None] * size)] for name in names]
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows(zip(*texts, strict=True))
        return written.getvalue().encode()

    def read(self, answer: Answer, asked: int) -> Told:
        """A line per row, or JSON where it says so."""
        if _kind(answer) == JSON:
            return told_of_json(fast_json(answer.body), asked, self.section)
        if answer.body.lstrip()[:1] == b"<":
            raise Malformed("the answer is not CSV: it looks like HTML")
        try:
            text = answer.body.decode()
        except UnicodeDecodeError:
            raise Malformed("the answer is not CSV: it is not UTF-8") from None
        lines = [line for line in csv.reader(io.StringIO(text)) if line]
        return checked(self._told(lines), asked, self.section)

    def _told(self, lines: Sequence[Sequence[str]]) -> Told:
        output = self.section.output
        predictions = _column(lines, output.prediction)
        scores = None if output.score is None else _column(lines, output.score)
        numbers = self.section.task == "regression" or not isinstance(output.positive, str)
        return Told(
            predictions=[(_number(text) if numbers else text) if text else None for text in predictions],
            scores=None if scores is None else [_number(text) if text else None for text in scores],
        )


def _cell(name: str, value: Json) -> str:
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return ""
    if isinstance(value, list | dict):
        raise Refused(f"{name} holds {type(value).__name__}, which a cell of CSV cannot hold")
    return str(int(value)) if isinstance(value, bool) else str(value)


def _column(lines: Sequence[Sequence[str]], place: str) -> list[Any]:
    if not place.isdecimal():
        raise Malformed(
            f"the answer is CSV, whose columns have no names, and {place!r} is declared",
            remedy='Name the columns by their place: model.output: {prediction: "0"}.',
        )
    at = int(place)
    for number, line in enumerate(lines, start=1):
        if len(line) <= at:
            raise Malformed(f"answer {number} has no column {at}")
    return [line[at].strip() for line in lines]


def _number(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _kind(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


Making = Callable[[ModelSection], Form]


def _arrow(section: ModelSection) -> Form:
    from seatrial.adapters.models.arrow import ArrowForm

    return ArrowForm(section=section)


FORMS: Final[Mapping[str, Making]] = {
    "records": lambda section: RecordsForm(section=section),
    "columns": lambda section: ColumnsForm(section=section),
    "split": lambda section: ColumnsForm(section=section, split=True),
    "json-lines": lambda section: LinesForm(section=section),
    "csv": lambda section: CsvForm(section=section),
    "arrow": _arrow,
}
"""Protocol to its form, of those that need to know nothing of the server."""
