"""A few rows to show as evidence: those with the smallest keyed hash, the same in any order and on any partition.

A reservoir would depend on the order of rows; the bottom k of a keyed hash are a uniform sample of the distinct rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from seatrial.measure.accumulator import Accumulator, Plain
from seatrial.measure.columns import Columns
from seatrial.measure.hashing import mixed, row_hashes

ROWS = 20


class Sample(Accumulator):
    """`sample`. `key` chooses another sample of the same size; `columns` are kept and hashed, all by default."""

    name: ClassVar[str] = "sample"

    def __init__(self, options: Mapping[str, Any], partitions: Iterable[str] = ()) -> None:
        super().__init__(options, partitions)
        self._most = int(options.get("rows", ROWS))
        self._kept: list[tuple[int, str]] = []

    def columns(self) -> tuple[str, ...] | None:
        """The `columns` option."""
        chosen = self.options.get("columns")
        return None if chosen is None else tuple(chosen)

    def _update(self, columns: Columns) -> None:
        names = sorted(self.columns() or columns.names)
        if not columns.rows or not self._most:
            return
        total = np.zeros(columns.rows, dtype=np.uint64)
        for name in names:
            total = mixed(total * np.uint64(3) + row_hashes(columns[name], f"{self.options.get('key', '')}:{name}"))
        most = min(self._most, columns.rows)
        # Rows with equal hashes are equal rows: which of them is chosen makes no difference.
        chosen = np.argpartition(total, most - 1)[:most]
        rows = columns.take(chosen)
        self._keep(
            (int(total[i]), json.dumps({n: _plain(row[n]) for n in names}, sort_keys=True))
            for i, row in zip(chosen, rows, strict=True)
        )

    def _keep(self, more: Iterable[tuple[int, str]]) -> None:
        self._kept = sorted([*self._kept, *more])[: self._most]

    def _merge(self, other: Self) -> None:
        self._keep(other._kept)

    def _finish(self) -> Plain:
        return {"sample": [json.loads(row) for _, row in self._kept]}

    def _state(self) -> Plain:
        return {"kept": [[f"{order:016x}", row] for order, row in self._kept]}

    def _load(self, body: Plain) -> None:
        self._kept = [(int(order, 16), str(row)) for order, row in body["kept"]]


def _plain(value: object) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
