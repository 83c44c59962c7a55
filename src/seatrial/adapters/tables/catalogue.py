"""Opens what the system file names as data: by the file's suffix, or by a database URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from seatrial.adapters.redaction import Redactor
from seatrial.adapters.tables.csv import CsvTable
from seatrial.adapters.tables.json_lines import JsonLinesTable
from seatrial.adapters.tables.parquet import ParquetTable
from seatrial.adapters.tables.sql import SqlTable
from seatrial.core.errors import Malformed
from seatrial.core.ports import Table

KINDS: dict[str, Callable[[Path, str], Table]] = {
    ".parquet": ParquetTable,
    ".pq": ParquetTable,
    ".csv": CsvTable,
    ".tsv": CsvTable,
    ".jsonl": JsonLinesTable,
    ".ndjson": JsonLinesTable,
}
"""File suffix to the table that reads it, from a path and the name that errors show."""


def open_table(source: str, query: str | None = None, *, base_dir: Path, redact: Redactor | None = None) -> Table:
    """The table behind `source`: a file relative to `base_dir`, or a database URL with its query.

    Nothing is read yet. Raises Malformed for an unknown kind or a missing query; its errors show no credentials.
    """
    if "://" in source:
        if not query:
            raise Malformed("a database is named as a source of data without a query", remedy="Add `query: SELECT …`.")
        return SqlTable(source, query, base_dir=base_dir, redact=redact or Redactor())
    kind = KINDS.get(Path(source).suffix.lower())
    if kind is None:
        raise Malformed(
            f"{source}: no table is read from a file of this kind",
            remedy=f"Use one of {', '.join(KINDS)}, or a database URL.",
        )
    return kind(base_dir / source, source)
