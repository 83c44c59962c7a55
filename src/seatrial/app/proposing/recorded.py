"""Past predictions in the place of a model that can be asked: what a proposal finds in a table of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from seatrial.adapters.models.recorded import RecordedModel, plain_value, row_key
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.tables.catalogue import open_table
from seatrial.app.proposing.model import Asking, Told
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row, Table
from seatrial.spec.model import ModelSection

SUFFIXES: Final = (".csv", ".parquet", ".jsonl", ".ndjson")
_SHOWN: Final = 8


class RecordedOnTrial:
    """A table of past predictions that nothing is known of yet; `label` is what was true, and no answer."""

    def __init__(self, path: str, label: str) -> None:
        self._path = path
        self._label = label

    def asked(self, rows: Sequence[Row], columns: Sequence[str], doubtful: Sequence[str]) -> Asking:
        """What was answered to these rows, found by the inputs that both have. Raises Malformed where there is nothing.

        Every column of the table that the data do not have may hold the answer.
        """
        table = open_table(self._path, None, base_dir=Path(), redact=Redactor())
        there = table.columns()
        inputs = tuple(sorted(name for name in columns if name in there))
        if not inputs:
            raise Malformed(
                f"{self._path} has none of the columns of the data, so its predictions cannot be found by them",
                remedy="Give past predictions with the inputs that they were made for, under the same names.",
            )
        known = {*columns, *doubtful, self._label}
        answers = [name for name in there if name not in known]
        if not answers:
            raise Malformed(
                f"{self._path} has no column beside those of the data: {', '.join(there[:_SHOWN])}",
                remedy="Give a table with the model's inputs and, in a column of its own, what it answered to them. "
                "Where the data have that column too, take it out of them: what was answered is no input.",
            )
        notes = []
        said, twice = _answered(table, rows, inputs, answers)
        if twice and (more := [name for name in doubtful if name in there]):
            apart = tuple(sorted({*inputs, *more}))
            told = _answered(table, rows, apart, answers)
            if told[1] < twice and told[0]:
                inputs, (said, twice) = apart, told
                notes.append(f"{', '.join(more)} stand among the inputs, so that each row finds its own prediction")
        if twice:
            notes.append(
                f"{twice} of {len(rows)} rows that were looked up have several past predictions that differ: a column "
                "that tells them apart is needed in both files"
            )
        found = tuple(said.get(row_key(row, inputs)) for row in rows)
        silent = sum(answer is None for answer in found)
        if silent == len(found):
            raise Malformed(
                f"{self._path} holds no prediction for any of the {len(found)} rows of the data that were looked up",
                remedy="Give the predictions that were made for the labelled rows.",
            )
        if silent:
            notes.append(f"{silent} of {len(found)} rows that were looked up have no past prediction")
        return Asking(way="recorded", url=self._path, columns=inputs, answers=found, notes=tuple(notes))

    def version(self, _: Asking) -> Told | None:
        """None: only the vendor can say which version made them."""
        return None

    def confirmed(self, asking: Asking, section: ModelSection, rows: Sequence[Row]) -> None:
        """Raises Malformed unless the predictions, declared like this, are found the way a run will look them up."""
        answered = [
            {name: row[name] for name in asking.columns}
            for row, answer in zip(rows, asking.answers, strict=True)
            if isinstance(answer, Mapping)
        ]
        reply = RecordedModel(section, base_dir=Path(), redact=Redactor()).predict(answered)
        if reply.error or not reply.predictions:
            raise Malformed(f"the past predictions cannot be read: {reply.error or reply.kind.value}")

    def close(self) -> None:
        """Nothing is held open."""


def _answered(
    table: Table, rows: Sequence[Row], inputs: Sequence[str], answers: Sequence[str]
) -> tuple[dict[bytes, dict[str, Json]], int]:
    """What was answered first to these rows, by their key, and how many of them were answered otherwise as well."""
    wanted = {row_key(row, inputs) for row in rows}
    said: dict[bytes, dict[str, Json]] = {}
    twice: set[bytes] = set()
    for batch in table.batches([*inputs, *answers]):
        for record in batch.to_pylist():
            key = row_key(record, inputs)
            if key in wanted:
                told = {name: plain_value(record[name]) for name in answers}
                # As text, since a missing number is no number and equals nothing.
                if str(said.setdefault(key, told)) != str(told):
                    twice.add(key)
    return said, sum(row_key(row, inputs) in twice for row in rows)
