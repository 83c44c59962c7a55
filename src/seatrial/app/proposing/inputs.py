"""What a proposal says of each model input and of the label, from the profile of the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from seatrial.app.proposing.data import ColumnProfile, TableProfile
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.domains.scored.extraction import is_record, record_of

Task = Literal["binary", "multiclass", "regression", "text", "chat", "extraction"]

EXPECTED = ("expected", "expected_answer", "expected_output", "reference_answer", "gold_answer", "ideal", "answer")
"""Names under which the right answer to a question usually stands."""
LABELS = (
    *("label", "target", "y", "y_true", "truth", "outcome", "class", "actual", "ground_truth"),
    *(name for name in EXPECTED if name != "answer"),
)
"""Names that a label column usually has."""
_POSITIVE = (
    "1",
    "true",
    "yes",
    "y",
    "positive",
    "bad",
    "default",
    "fraud",
    "late",
    "churn",
    "failure",
    "fail",
    "failed",
)
_SLACK = 0.25
_FAR = 3.0
_MOST_VALUES = 50
_ROWS_PER_VALUE = 20
_FEW = 20
_MOST_CLASSES = 1000
_WORDS = 4
"""A column of texts with so many words each, on average, holds sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """What the label says of the task. `classes` are texts; `positive` is the value that is acted on (binary)."""

    column: str
    task: Task
    classes: tuple[str, ...] = ()
    positive: Json = None


def guessed_label(columns: Sequence[str]) -> str | None:
    """The one column whose name says that it is the label, or None."""
    found = [name for name in columns if name.strip().lower() in LABELS]
    return found[0] if len(found) == 1 else None


def known_column(name: str, columns: Iterable[str], *, option: str) -> str:
    """The name. Raises Malformed for a column that is not there, naming the nearest ones."""
    there = list(columns)
    if name in there:
        return name
    near = get_close_matches(name, there, n=3, cutoff=0.5)
    meant = f"Did you mean {', '.join(near)}?" if near else f"There are {_some(there)}."
    raise Malformed(f"the data have no column {name!r}, which {option} names", remedy=meant)


def labelled(column: ColumnProfile, sample: Sequence[Row]) -> Labelled:
    """The task that a label column stands for. Raises Malformed for one that tells nothing apart."""
    if not column.given:
        raise Malformed(
            f"no row has a value in the label column {column.name!r}", remedy="Give rows with their labels."
        )
    if column.distinct < 2:
        raise Malformed(
            f"all {column.given} labels in {column.name!r} are the same, so nothing can be told apart",
            remedy="Give rows of every class, or name another column with --label.",
        )
    if _holds_records(column, sample):
        return Labelled(column=column.name, task="extraction")
    if column.distinct == 2 and column.values is not None:
        classes = tuple(sorted(column.values))
        return Labelled(column=column.name, task="binary", classes=classes, positive=_positive(column, classes))
    if column.type == "time":
        raise Malformed(f"the label column {column.name!r} holds times", remedy="Name another column with --label.")
    if column.type in {"number", "integer"} and not _few_whole_numbers(column):
        return Labelled(column=column.name, task="regression")
    if column.values is None or column.distinct > min(_MOST_CLASSES, max(2, column.given // 2)):
        raise Malformed(
            f"the label column {column.name!r} holds {column.distinct} different texts in {column.given} rows",
            remedy="Name another column with --label. Where these are right answers to questions, name the column of "
            "the questions with --question; where they are records, write each as JSON.",
        )
    return Labelled(column=column.name, task="multiclass", classes=tuple(sorted(column.values)))


def as_text_task(label: Labelled, inputs: Sequence[ColumnProfile], sample: Sequence[Row]) -> Labelled:
    """The task as one of texts, where there are several classes and an input holds sentences."""
    if label.task != "multiclass" or not any(_holds_sentences(column, sample) for column in inputs):
        return label
    return replace(label, task="text")


def _holds_records(column: ColumnProfile, sample: Sequence[Row]) -> bool:
    given = [row[column.name] for row in sample if row[column.name] is not None]
    return column.type == "string" and bool(given) and all(is_record(record_of(value)) for value in given)


def _holds_sentences(column: ColumnProfile, sample: Sequence[Row]) -> bool:
    if column.type != "string" or column.values is not None:
        return False
    given = [str(row[column.name]) for row in sample if row[column.name] is not None]
    return bool(given) and sum(len(text.split()) for text in given) >= _WORDS * len(given)


def _few_whole_numbers(column: ColumnProfile) -> bool:
    values = column.values or {}
    return 0 < len(values) <= _FEW and all(value.removeprefix("-").isdigit() for value in values)


def _positive(column: ColumnProfile, classes: Sequence[str]) -> Json:
    """The label that is acted on: the one that says so by its name, else the rarer one."""
    named = [c for c in classes if c.lower() in _POSITIVE]
    counts = column.values or {}
    chosen = named[0] if len(named) == 1 else min(classes, key=lambda c: (counts.get(c, 0), c))
    if column.type == "boolean":
        return chosen in {"true", "1"}
    if column.type in {"number", "integer"}:
        value = float(chosen)
        return int(value) if value.is_integer() else value
    return chosen


def declared(column: ColumnProfile) -> tuple[dict[str, Json], list[str]]:
    """The declaration of an input, as the inputs file holds it, and what a person should look at."""
    found: dict[str, Json] = {"type": column.type}
    notes: list[str] = []
    if not column.given:
        notes.append(f"{column.name} has no value in any row: its type is a guess")
    elif column.type in {"number", "integer"}:
        low, high, suspect = _range(column)
        if low is not None and high is not None:
            found |= {"minimum": low, "maximum": high}
        notes += suspect
    elif column.type == "string" and column.values is not None and _is_category(column):
        found["values"] = sorted(column.values)
    if column.missing:
        found["nullable"] = True
        notes.append(f"{column.name} is missing in {column.missing / column.rows:.1%} of the rows")
    return found, notes


def _is_category(column: ColumnProfile) -> bool:
    return column.distinct <= _MOST_VALUES and column.given >= _ROWS_PER_VALUE * column.distinct


def _range(column: ColumnProfile) -> tuple[Json, Json, list[str]]:
    """A plausible range: the middle 99.8 % with a quarter of its width on either side, and ends that are near it."""
    low, high, smallest, largest = column.low, column.high, column.smallest, column.largest
    if low is None or high is None or smallest is None or largest is None:
        return None, None, []
    if smallest == largest:
        return None, None, [f"{column.name} is always {smallest:g}: no range can be proposed"]
    if column.type == "integer" and column.distinct <= _FEW:
        return int(smallest), int(largest), []
    width = max(high - low, (largest - smallest) * 1e-9)
    step = 10.0 ** (math.floor(math.log10(width)) - 1)
    bottom, top = low - _SLACK * width, high + _SLACK * width
    notes = []
    if bottom - smallest > _FAR * width:
        notes.append(_far(column.name, smallest))
    else:
        bottom = min(bottom, smallest)
    if largest - top > _FAR * width:
        notes.append(_far(column.name, largest))
    else:
        top = max(top, largest)
    if smallest >= 0:
        bottom = max(bottom, 0.0)
    if smallest >= 0 and largest <= 1 and column.type == "number":
        top = min(top, 1.0)
    return _rounded(bottom, step, column, up=False), _rounded(top, step, column, up=True), notes


def _far(name: str, value: float) -> str:
    return f"{name} reaches {value:g}, far outside the rest: a stand-in for a missing value, or a wrong unit?"


def _rounded(value: float, step: float, column: ColumnProfile, *, up: bool) -> Json:
    if column.type == "integer":
        step = max(1.0, step)
    steps = math.ceil(value / step - 1e-9) if up else math.floor(value / step + 1e-9)
    places = max(0, -math.floor(math.log10(step)))
    rounded = round(steps * step, places)
    return int(rounded) if column.type == "integer" or rounded.is_integer() else rounded


def times_and_entities(table: TableProfile, *, label: str) -> tuple[list[str], list[str]]:
    """Columns that may tell when a row happened, and columns that may tell whom or what it is about."""
    columns = [c for c in table.columns.values() if c.name != label]
    times = [c.name for c in columns if c.type == "time"]
    return times, [c.name for c in columns if _is_entity(c)]


def _is_entity(column: ColumnProfile) -> bool:
    name = column.name.lower()
    spoken = name in {"id", "uuid", "key"} or name.endswith(("_id", "_uuid", "_key", "_no", "_number"))
    many = column.given >= 2 and column.distinct > 1 and column.values is None
    return column.type in {"string", "integer"} and many and (spoken or column.name.endswith("Id"))


def unseen_values(inputs: Mapping[str, Mapping[str, Json]], live: TableProfile) -> list[str]:
    """What the live sample holds that the declarations do not allow."""
    notes = []
    for name, field in inputs.items():
        column = live.columns.get(name)
        if column is None:
            continue
        allowed = field.get("values")
        if isinstance(allowed, Sequence) and column.values is not None:
            new = sorted(set(column.values) - {str(value) for value in allowed})
            if new:
                notes.append(f"{name} has values in the live sample that the data never had: {_some(new)}")
        low, high = field.get("minimum"), field.get("maximum")
        ends = column.smallest, column.largest
        if isinstance(low, int | float) and ends[0] is not None and ends[0] < low:
            notes.append(f"{name} reaches {ends[0]:g} in the live sample, below the proposed {low:g}")
        if isinstance(high, int | float) and ends[1] is not None and ends[1] > high:
            notes.append(f"{name} reaches {ends[1]:g} in the live sample, above the proposed {high:g}")
        if column.missing and not field.get("nullable"):
            notes.append(
                f"{name} is missing in {column.missing / column.rows:.1%} of the live sample, never in the data"
            )
    return notes


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
