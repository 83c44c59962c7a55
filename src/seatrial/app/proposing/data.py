"""What a data file holds, as far as a proposal needs it: one pass, memory bounded by the columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seatrial.app.proposing.nested import nested_in, nested_texts, written_as_columns
from seatrial.core.check import MeasureRequest
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row, Table

if TYPE_CHECKING:
    from seatrial.measure.columns import Columns

SAMPLE_ROWS = 200
"""Rows that are kept to be shown to the model."""
_CAP = 200
_SHARES = (0.001, 0.5, 0.999)
_KINDS = {"number": "number", "boolean": "boolean", "time": "time", "text": "string", "empty": "number"}
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?)?")
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column. `type` is that of `spec.model.InputField`; `values` are texts by frequency, None when too many.

    `low` and `high` are the 0.1 % and 99.9 % quantiles (relative error 1/256), `smallest` and `largest` the ends, all
    None for a column without numbers.
    """

    name: str
    type: str
    rows: int
    missing: int
    distinct: int
    values: Mapping[str, int] | None
    low: float | None = None
    high: float | None = None
    smallest: float | None = None
    largest: float | None = None

    @property
    def given(self) -> int:
        """Rows with a value."""
        return self.rows - self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """A table: its columns in order, some of its rows as JSON values, and what no model input can be declared of.

    `nested` has the columns whose cells hold records or lists, also as JSON text, with the paths of what is in them.
    """

    rows: int
    columns: Mapping[str, ColumnProfile]
    sample: tuple[Row, ...]
    left_out: tuple[str, ...]
    nested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def profile(table: Table) -> TableProfile:
    """Read a table once. Raises Unreachable or Malformed, naming file and place, also for a table without rows."""
    from seatrial.measure.one_pass import collect, key_of

    first = _first(table)
    kinds = {name: first[name].kind for name in first.names}
    nested = nested_in(first.batch.schema)
    usable = [name for name, kind in kinds.items() if kind in _KINDS]
    if not usable:
        inside = sorted(path for paths in nested.values() for path in paths)
        raise Malformed(
            "the data have no column of numbers, texts, times or true and false",
            remedy=written_as_columns(inside)
            if inside
            else "Give a table with one row a case and plain values in its columns.",
        )
    options: dict[str, Json] = {"columns": usable}
    asked: dict[str, Mapping[str, Json]] = {
        "counts": options,
        "range": options,
        "quantiles": {**options, "probabilities": list(_SHARES)},
        "categories": {**options, "cap": _CAP},
        "distinct": options,
        "sample": {**options, "rows": SAMPLE_ROWS},
    }
    requests = {name: MeasureRequest(table="data", measure=name, options=given) for name, given in asked.items()}
    found = collect(table.batches(usable), tuple(requests.values()))
    results = {name: found[key_of(request)] for name, request in requests.items()}
    raw = results["sample"]["sample"]
    columns = {name: _column(name, kinds[name], results, raw) for name in usable}
    return TableProfile(
        rows=int(results["counts"]["rows"]),
        columns=columns,
        sample=tuple(_row(row, columns) for row in raw),
        left_out=tuple(name for name in kinds if name not in columns),
        nested={**nested, **nested_texts([c.name for c in columns.values() if c.type == "string"], raw)},
    )


def _first(table: Table) -> Columns:
    from seatrial.measure.columns import Columns

    return Columns.of(next(iter(table.batches())))


def _column(name: str, kind: str, results: Mapping[str, Any], raw: list[dict[str, Any]]) -> ColumnProfile:
    counts, ends = results["counts"]["columns"][name], results["range"]["columns"][name]
    categories, distinct = results["categories"]["columns"][name], results["distinct"]["columns"][name]
    quantiles = results["quantiles"]["columns"][name]["quantiles"]
    rows = int(results["counts"]["rows"])
    numeric = kind == "number" and ends["n"] > 0
    return ColumnProfile(
        name=name,
        type=_type(kind, counts["types"], (row[name] for row in raw)),
        rows=rows,
        missing=int(counts["nulls"] + counts["nan"] + counts["infinite"]),
        distinct=len(categories["counts"]) if categories["exact"] else round(distinct["estimate"]),
        values=dict(categories["counts"]) if categories["exact"] else None,
        low=quantiles[f"{_SHARES[0]:g}"] if numeric else None,
        high=quantiles[f"{_SHARES[-1]:g}"] if numeric else None,
        smallest=ends["min"] if numeric else None,
        largest=ends["max"] if numeric else None,
    )


def _type(kind: str, types: Mapping[str, int], values: Iterator[Any]) -> str:
    if kind == "number" and all(name.startswith(("int", "uint")) for name in types):
        return "integer"
    if kind == "text":
        given = [value for value in values if value is not None]
        if given and all(_ISO_TIME.fullmatch(str(value)) for value in given):
            return "time"
    return _KINDS[kind]


def _row(row: Mapping[str, Any], columns: Mapping[str, ColumnProfile]) -> Row:
    return {name: _cell(row[name], column.type) for name, column in columns.items()}


def _cell(value: Any, kind: str) -> Any:
    if kind not in {"number", "integer"} or not isinstance(value, str):
        return value
    return None if value in _NO_NUMBERS else float(value)
