"""Rows through the model, batch by batch, into a Parquet file with predictions, scores and problems beside each row.

Every row is answered once: what is asked again replaces nothing, because only the last answer of a row is written. How
rows are asked about is `app.asking`, how they are kept is `app.scored_file`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.app.folder.asking import asker
from seatrial.app.folder.scored_file import ScoredFile
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.errors import Malformed
from seatrial.core.ports import Model, Say, Table
from seatrial.domains.sending import Held, inputs_present
from seatrial.spec.model import InputField


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
    fields = _fields(table, given)
    expected = _rows_of(table, fields, given)
    inputs = given.inputs or {}
    done = 0
    problems = 0

    def asked() -> Iterator[tuple[Any, Any]]:
        for rows in table.batches():
            _refuse_own_names(rows.schema.names)
            for part in _slices(rows, batch):
                yield part, part.select(fields)

    with ScoredFile(target) as file, asker(model, inputs) as asking:
        for part, answers in asking.answered(asked()):
            file.write(part, answers)
            done += part.num_rows
            problems += answers.problem_count
            say(f"{done:,} of {expected:,} rows", done / expected if expected else None)
        file.finish()
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
