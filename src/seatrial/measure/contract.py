"""Violations of declared fields: type, range, allowed values, pattern and null, counted exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seatrial.measure.accumulator import Accumulator, MeasureError, Plain, plus
from seatrial.measure.columns import Column, Columns, plain_text

Mask = npt.NDArray[np.bool_]
KINDS = ("type", "range", "values", "pattern", "null", "missing")
TYPES = ("number", "integer", "string", "boolean", "time")

ISO_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?)?$"


class Contract(Accumulator):
    """`contract`. NaN is a null; an integral float is an integer; text is no number, however it reads.

    `fields` maps each column to `{type, minimum, maximum, values, pattern, nullable}`, all optional. A field that is
    not a column violates `missing` in every row. Each row counts once in `violating_rows`.
    """

    name: ClassVar[str] = "contract"

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        fields = options.get("fields")
        if not fields:
            raise MeasureError("contract: option fields is missing")
        for field, rule in fields.items():
            if rule.get("type") not in (None, *TYPES):
                raise MeasureError(f"contract: {field} has the unknown type {rule['type']!r}")
        self._counts: dict[str, dict[str, int]] = {field: dict.fromkeys(KINDS, 0) for field in fields}
        self._violating = 0

    def columns(self) -> tuple[str, ...] | None:
        """All: a declared column may be absent, and that is counted."""
        return None

    def violating(self, columns: Columns) -> Mask:
        """The rows in which any field breaks its rule; nothing is counted."""
        found = np.zeros(columns.rows, dtype=bool)
        for field, rule in self.options["fields"].items():
            for mask in _masks(columns, field, rule).values():
                found |= mask
        return found

    def _update(self, columns: Columns) -> None:
        violated = np.zeros(columns.rows, dtype=bool)
        for field, rule in self.options["fields"].items():
            masks = _masks(columns, field, rule)
            self._counts[field] = plus(self._counts[field], {kind: int(mask.sum()) for kind, mask in masks.items()})
            for mask in masks.values():
                violated |= mask
        self._violating += int(violated.sum())

    def _merge(self, other: Self) -> None:
        self._violating += other._violating
        self._counts = {field: plus(counts, other._counts[field]) for field, counts in self._counts.items()}

    def _finish(self) -> Plain:
        return {"violating_rows": self._violating, "fields": self._counts}

    def _state(self) -> Plain:
        return self._finish()

    def _load(self, body: Plain) -> None:
        self._violating = int(body["violating_rows"])
        self._counts = {field: {kind: int(n) for kind, n in counts.items()} for field, counts in body["fields"].items()}


def _masks(columns: Columns, field: str, rule: Mapping[str, Any]) -> dict[str, Mask]:
    if field not in columns:
        return {"missing": np.ones(columns.rows, dtype=bool)}
    column = columns[field]
    absent = ~column.valid
    if column.kind == "number":
        absent = np.isnan(column.rows_as_numbers) if column.split[1] else absent
    masks = {} if rule.get("nullable") else {"null": absent}
    if rule.get("type") is not None:
        masks["type"] = ~absent & ~_of_type(column, rule["type"])
    if rule.get("minimum") is not None or rule.get("maximum") is not None:
        masks["range"] = ~absent & _outside(column, rule)
    if rule.get("values") is not None:
        allowed = {plain_text(v) for v in rule["values"]}
        masks["values"] = _by_value(column, lambda text: text not in allowed)
    if rule.get("pattern") is not None:
        masks["pattern"] = _unmatched(column, str(rule["pattern"]))
    return masks


def _outside(column: Column, rule: Mapping[str, Any]) -> Mask:
    values = column.rows_as_numbers
    low, high = rule.get("minimum"), rule.get("maximum")
    with np.errstate(invalid="ignore"):
        below = values < low if low is not None else np.zeros(values.size, dtype=bool)
        above = values > high if high is not None else np.zeros(values.size, dtype=bool)
    return np.asarray(below | above)


def _of_type(column: Column, declared: str) -> Mask:
    everything = np.ones(column.rows, dtype=bool)
    if declared == "string":
        return everything if column.kind == "text" else ~everything
    if declared == "number":
        return np.isfinite(column.rows_as_numbers) if column.kind == "number" else ~everything
    if declared == "integer":
        values = column.rows_as_numbers
        return np.isfinite(values) & (np.rint(values) == values) if column.kind == "number" else ~everything
    if declared == "time":
        return everything if column.kind == "time" else ~_unmatched(column, ISO_TIME)
    if column.kind == "boolean":
        return everything
    return ~_by_value(column, lambda text: text not in {"0", "1", "true", "false"})


def _by_value(column: Column, violates: Callable[[str], bool]) -> Mask:
    texts, codes = column.names
    return np.append(np.array([violates(text) for text in texts], dtype=bool), False)[codes]


def _unmatched(column: Column, pattern: str) -> Mask:
    if column.kind != "text":
        return _by_value(column, lambda _: True)
    values, codes = column.codes
    try:
        matched = pc.match_substring_regex(values.cast(pa.string()), f"^(?:{pattern})$")
    except pa.ArrowInvalid as error:
        raise MeasureError(f"contract: {column.name}: {error}", remedy="Use RE2 syntax.") from None
    return np.append(~np.asarray(matched.to_numpy(zero_copy_only=False), dtype=bool), False)[codes]
