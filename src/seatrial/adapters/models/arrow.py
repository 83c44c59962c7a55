"""Arrow IPC streams: the fastest way to a model, over HTTP and to a process of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seatrial.adapters.http import Answer
from seatrial.adapters.models.answers import Told, checked, fast_json, told_of_json
from seatrial.adapters.models.columns import batch_of
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.model import ModelSection

STREAM: Final = "application/vnd.apache.arrow.stream"
_PREDICTION: Final = "prediction"
_SCORE: Final = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowForm:
    """An IPC stream with one record batch, answered by another whose columns are named as `output` declares."""

    section: ModelSection

    @property
    def headers(self) -> Mapping[str, str]:
        """Arrow in both directions."""
        return {"Content-Type": STREAM, "Accept": STREAM}

    def of_rows(self, rows: Sequence[Row]) -> bytes:
        """One batch. Raises Refused for a column of several types."""
        return stream_of(batch_of(rows))

    def of_batch(self, batch: Any) -> bytes:
        """The batch as it is."""
        return stream_of(batch)

    def read(self, answer: Answer, asked: int) -> Told:
        """The columns of the answer, or JSON where it says so."""
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return told_of_json(fast_json(answer.body), asked, self.section)
        return told_of_table(table_of(answer.body), asked, self.section)


def stream_of(batch: Any) -> bytes:
    """An IPC stream with this one batch."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def table_of(body: bytes) -> Any:
    """The table in an IPC stream. Raises Malformed."""
    import pyarrow as pa

    if body.lstrip()[:1] == b"<":
        raise Malformed("the answer is no Arrow stream: it looks like HTML")
    try:
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise Malformed(f"the answer is no Arrow stream: {str(error).splitlines()[0]}") from None
    return table


def records_of(table: Any) -> list[Json]:
    """One record for each row; scores in the order of classes that the table tells become a mapping."""
    classes = json.loads((table.schema.metadata or {}).get(b"classes", b"null"))
    records: list[Any] = table.to_pylist()
    if classes is None:
        return records
    names = [str(name) for name in classes]
    return [
        {
            k: dict(zip(names, v, strict=True)) if isinstance(v, list) and len(v) == len(names) else v
            for k, v in r.items()
        }
        for r in records
    ]


def told_of_table(table: Any, asked: int, section: ModelSection, *, own_names: bool = True) -> Told:
    """Prediction and score from the columns that `output` names, else from `prediction` and `score`.

    A table whose only column is `prediction` needs no declaration of that name. Raises Malformed.
    """
    output = section.output
    prediction, score = (output.prediction, output.score) if own_names else (_PREDICTION, output.score and _SCORE)
    names = table.schema.names
    if names == [_PREDICTION]:
        prediction = _PREDICTION
    for name in (prediction, score):
        if name is not None and names.count(name) != 1:
            raise Malformed(f"the answer has not one column {name!r}; it has {', '.join(names) or 'none'}")
    if table.num_rows != asked:
        raise Malformed(f"{asked} rows were asked for, {table.num_rows} were answered")
    scores = None if score is None else _column(table, score)
    classes = json.loads((table.schema.metadata or {}).get(b"classes", b"null"))
    return checked(Told(predictions=_column(table, prediction), scores=scores, classes=classes), asked, section)


def _column(table: Any, name: str) -> Any:
    """The column as one array of a plain type, as a list where its values have parts."""
    import pyarrow as pa

    column = table.column(name).combine_chunks()
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind) and not pa.types.is_uint64(kind):
        return column.cast(pa.int64())
    if pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return column
    return column.to_pylist()
