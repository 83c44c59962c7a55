"""Conditions over whole columns: which rows one is true of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from seatrial.domains.model.derived_fields import derived
from seatrial.domains.scored.rows import Floats, Mask, numbers_of, times_of
from seatrial.measure.columns import Column, Columns, plain_text
from seatrial.measure.hashing import mixed, row_hashes
from seatrial.spec.conditions import Comparison, Condition, Constant, Every, Membership, Missing, Node, Not

_ORDER = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
_TRUTH = {"true": "1", "false": "0"}


class RowConditions:
    """Evaluates conditions over the columns of one batch; what it decodes it keeps."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._numbers: dict[str, Floats] = {}
        self._derived: dict[str, Column | None] = {}

    def unknown_fields(self, condition: Condition) -> tuple[str, ...]:
        """The fields of the condition that there is no column for."""
        return tuple(name for name in condition.fields if self.column(name) is None)

    def column(self, name: str) -> Column | None:
        """The column of that name, or the field derived from one; None where there is neither."""
        if name in self._columns:
            return self._columns[name]
        if name not in self._derived:
            self._derived[name] = derived(self._columns, name)
        return self._derived[name]

    def hashes(self, names: Sequence[str]) -> npt.NDArray[np.uint64]:
        """One hash for each row over the columns of these names that there are."""
        total = np.zeros(self._columns.rows, dtype=np.uint64)
        for name in names:
            if name in self._columns:
                total = mixed(total * np.uint64(3) + row_hashes(self._columns.anew()[name]))
        return total

    def holds(self, condition: Condition) -> Mask:
        """True for every row of which the condition is true. A field without a column is missing everywhere."""
        true, known = self._truth(condition.root)
        return true & known

    def _truth(self, node: Node) -> tuple[Mask, Mask]:
        """For each row whether it is true, and whether that is known."""
        everywhere = np.ones(self._columns.rows, dtype=bool)
        if isinstance(node, Missing):
            return self._missing(node.field), everywhere
        if isinstance(node, Not):
            true, known = self._truth(node.inner)
            return ~true, known
        if isinstance(node, Comparison):
            return self._compared(node), ~self._missing(node.field)
        if isinstance(node, Membership):
            return self._among(node.field, node.values), ~self._missing(node.field)
        parts = [self._truth(inner) for inner in node.inner]
        decides = not isinstance(node, Every)
        settled = np.any([known & (true == decides) for true, known in parts], axis=0)
        known = settled | np.all([known for _, known in parts], axis=0)
        return settled if decides else ~settled, known

    def _missing(self, name: str) -> Mask:
        column = self.column(name)
        if column is None:
            return np.ones(self._columns.rows, dtype=bool)
        missing = ~column.valid
        return missing | np.isnan(column.rows_as_numbers) if column.kind == "number" else missing

    def _compared(self, node: Comparison) -> Mask:
        if node.operator in {"==", "!="}:
            same = self._among(node.field, (node.value,))
            return same if node.operator == "==" else ~same
        column = self.column(node.field)
        if column is None:
            return np.zeros(self._columns.rows, dtype=bool)
        compare = _ORDER[node.operator]
        if isinstance(node.value, str):
            return self._ordered_text(column, node, node.value)
        with np.errstate(invalid="ignore"):
            return np.asarray(compare(self._as_numbers(node.field, column), float(node.value)), dtype=bool)

    def _ordered_text(self, column: Column, node: Comparison, value: str) -> Mask:
        compare = _ORDER[node.operator]
        moment = _moment(value)
        seconds = times_of(column) if moment is not None else None
        if moment is not None and seconds is not None:
            with np.errstate(invalid="ignore"):
                return np.asarray(compare(seconds, moment), dtype=bool)
        texts, codes = column.names
        of_text = np.array([bool(compare(text, value)) for text in texts] + [False], dtype=bool)
        return of_text[codes]

    def _among(self, name: str, values: tuple[Constant, ...]) -> Mask:
        found = np.zeros(self._columns.rows, dtype=bool)
        column = self.column(name)
        if column is None:
            return found
        texts = [v for v in values if isinstance(v, str)]
        others = [v for v in values if not isinstance(v, str)]
        if texts or column.kind in {"text", "boolean"}:
            wanted = {*texts, *(plain_text(v) for v in others), *(_TRUTH.get(plain_text(v), "") for v in others)}
            names, codes = column.names
            found |= np.array([text in wanted for text in names] + [False], dtype=bool)[codes]
        if others and column.kind != "time":
            found |= np.isin(self._as_numbers(name, column), [float(v) for v in others])
        return found

    def _as_numbers(self, name: str, column: Column) -> Floats:
        if name not in self._numbers:
            self._numbers[name] = np.asarray(numbers_of(column), dtype=np.float64)
        return self._numbers[name]


def _moment(text: str) -> float | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
