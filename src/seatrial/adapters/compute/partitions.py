"""How a table is cut into parts that can be measured apart, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.adapters.tables.catalogue import open_table
from seatrial.adapters.tables.parquet import ParquetTable
from seatrial.core.ports import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Part of a table: row groups of a Parquet file, or a whole table of another kind. `id` is unique within it."""

    id: str
    source: str
    base_dir: str
    query: str | None = None
    row_groups: tuple[int, ...] | None = None

    def table(self) -> Table:
        """Its rows as a table."""
        if self.row_groups is None:
            return open_table(self.source, self.query, base_dir=Path(self.base_dir))
        return ParquetTable(Path(self.base_dir) / self.source, self.source, row_groups=self.row_groups)


def partitions_of(source: str, query: str | None = None, *, base_dir: Path, most: int) -> tuple[Partition, ...]:
    """At most `most` partitions of about equal size, covering every row once."""
    whole = Partition(id=f"{source}#", source=source, base_dir=str(base_dir), query=query)
    table = open_table(source, query, base_dir=base_dir)
    if not isinstance(table, ParquetTable):
        return (whole,)
    cuts = _dealt(table.row_groups(), most)
    return tuple(
        Partition(id=f"{source}#{groups[0]}-{groups[-1]}", source=source, base_dir=str(base_dir), row_groups=groups)
        for groups in cuts
    ) or (whole,)


def _dealt(rows: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """Neighbouring row groups together, cut where the next share of the rows begins."""
    total = sum(rows)
    shares: dict[int, list[int]] = {}
    before = 0
    for group, n in enumerate(rows):
        if n:
            shares.setdefault(before * most // total, []).append(group)
        before += n
    return [tuple(groups) for groups in shares.values()]
