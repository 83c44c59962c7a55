"""What every measure is: one pass, mergeable, with a state that is plain data.

`update` takes batches in any order, `merge` joins the states of disjoint partitions, `finish` gives plain JSON data
and may be called at any time. The state is bounded by the measure, never by the rows.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt

from seatrial.core.errors import SeatrialError
from seatrial.measure.columns import Column, Columns

Plain = dict[str, Any]
"""Plain JSON data: no object of ours, nothing foreign."""

STATE_VERSION = 1


class MeasureError(SeatrialError):
    """A measure was asked for something that it cannot do, or was given a state that is not its own."""


class Accumulator(ABC):
    """A measure over one table. `partitions` names the parts of the table whose rows it has seen."""

    name: ClassVar[str]

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        self.options = dict(options)
        self.partitions = frozenset(partitions)
        self.rows = 0

    def columns(self) -> tuple[str, ...] | None:
        """The columns that it reads; None for all of them."""
        return None

    def update(self, batch: object) -> None:
        """Add the rows of a `pyarrow.RecordBatch` or a `Columns` view of one. Raises Malformed for absent columns."""
        columns = Columns.of(batch)
        self.rows += columns.rows
        self._update(columns)

    def merge(self, other: Self) -> None:
        """Add what another one has seen. Raises MeasureError on another measure, other options or a partition twice."""
        if other.name != self.name or other.options != self.options:
            raise MeasureError(f"a state of {other.name} with other options cannot be merged into {self.name}")
        twice = sorted(self.partitions & other.partitions)
        if twice:
            raise MeasureError(f"{self.name}: partition {', '.join(twice)} would be counted twice")
        self._merge(other)
        self.partitions |= other.partitions
        self.rows += other.rows

    def finish(self) -> Plain:
        """The result as plain JSON data."""
        return {"rows": self.rows, **self._finish()}

    def state(self) -> Plain:
        """Everything that it knows, as plain JSON data."""
        return {
            "measure": self.name,
            "version": STATE_VERSION,
            "options": self.options,
            "partitions": sorted(self.partitions),
            "rows": self.rows,
            "body": self._state(),
        }

    def load(self, state: Plain) -> None:
        """Become what `state` describes. Raises MeasureError when it is not a state of this measure."""
        if state.get("measure") != self.name or state.get("version") != STATE_VERSION:
            raise MeasureError(f"{self.name}: cannot read a state of {state.get('measure')} v{state.get('version')}")
        self.options = dict(state["options"])
        self.partitions = frozenset(state["partitions"])
        self.rows = int(state["rows"])
        self._load(state["body"])

    @abstractmethod
    def _update(self, columns: Columns) -> None: ...

    @abstractmethod
    def _merge(self, other: Self) -> None: ...

    @abstractmethod
    def _finish(self) -> Plain: ...

    @abstractmethod
    def _state(self) -> Plain: ...

    @abstractmethod
    def _load(self, body: Plain) -> None: ...


class Cell(ABC):
    """The part of a per-column measure that belongs to one column."""

    def __init__(self, options: Mapping[str, Any], column: str) -> None:
        self.options = options
        self.column = column

    @abstractmethod
    def update(self, column: Column) -> None:
        """Add the values of one column of one batch."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Add what another cell of the same column has seen."""

    @abstractmethod
    def finish(self) -> Plain:
        """The result for this column."""

    @abstractmethod
    def state(self) -> Plain:
        """Everything that it knows, as plain JSON data."""

    @abstractmethod
    def load(self, state: Plain) -> None:
        """Become what `state` describes."""


class PerColumn(Accumulator):
    """A measure that keeps one cell for each column. `columns` among the options narrows it."""

    cell: ClassVar[type[Cell]]

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        self._cells: dict[str, Cell] = {}

    def columns(self) -> tuple[str, ...] | None:
        """The `columns` option."""
        chosen = self.options.get("columns")
        return None if chosen is None else tuple(cast("Sequence[str]", chosen))

    def _cell(self, name: str) -> Cell:
        if name not in self._cells:
            self._cells[name] = self.cell(self.options, name)
        return self._cells[name]

    def _update(self, columns: Columns) -> None:
        chosen = self.columns()
        for name in columns.names if chosen is None else chosen:
            self._cell(name).update(columns[name])

    def _merge(self, other: Self) -> None:
        for name, cell in other._cells.items():
            self._cell(name).merge(cell)

    def _finish(self) -> Plain:
        return {"columns": {name: self._cells[name].finish() for name in sorted(self._cells)}}

    def _state(self) -> Plain:
        return {name: self._cells[name].state() for name in sorted(self._cells)}

    def _load(self, body: Plain) -> None:
        self._cells = {}
        for name, state in body.items():
            self._cell(name).load(state)


def packed(array: npt.NDArray[Any]) -> Plain:
    """An array as plain data: its little-endian bytes in base64, with type and shape."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {
        "type": little.dtype.str,
        "shape": list(little.shape),
        "data": base64.b64encode(little.tobytes()).decode("ascii"),
    }


def unpacked(plain: Plain) -> npt.NDArray[Any]:
    """The array of `packed`. Raises MeasureError when it is damaged or holds anything but numbers."""
    kind = np.dtype(plain["type"])
    if kind.kind not in "iufb":
        raise MeasureError(f"a state holds an array of {kind}, not of numbers")
    try:
        flat = np.frombuffer(base64.b64decode(plain["data"], validate=True), dtype=kind)
        return flat.reshape(plain["shape"]).astype(kind.newbyteorder("="))
    except ValueError as error:
        raise MeasureError(f"a state holds a damaged array: {error}") from None


def lesser(a: float | None, b: float | None) -> float | None:
    """The smaller one; None means none seen yet."""
    if a is None or b is None:
        return b if a is None else a
    return min(a, b)


def greater(a: float | None, b: float | None) -> float | None:
    """The larger one; None means none seen yet."""
    if a is None or b is None:
        return b if a is None else a
    return max(a, b)


def plus(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    """Counts added by key."""
    total = dict(a)
    for key, n in b.items():
        total[key] = total.get(key, 0) + n
    return total
