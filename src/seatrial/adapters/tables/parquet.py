"""A Parquet file."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from seatrial.adapters.tables.files import BATCH_ROWS, filled, known, present, sha256, unique
from seatrial.core.errors import Malformed


class ParquetTable:
    """Rows of a Parquet file, or of some of its row groups."""

    def __init__(self, path: Path, name: str, *, row_groups: Sequence[int] | None = None) -> None:
        self._path = path
        self._name = name
        self._row_groups = None if row_groups is None else list(row_groups)

    def columns(self) -> tuple[str, ...]:
        """Column names in order. Raises Malformed on duplicates and damage, Unreachable for no file."""
        with self._opened() as file:
            return unique(file.schema_arrow.names, self._name)

    def row_groups(self) -> tuple[int, ...]:
        """Rows of each row group, the natural partitions."""
        with self._opened() as file:
            return tuple(file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Record batches of at most 65,536 rows; a text column that the file keeps as a dictionary stays one."""
        with self._opened() as file:
            unique(file.schema_arrow.names, self._name)
            chosen = known(columns, file.schema_arrow.names, self._name)
            yield from filled(self._read(file, chosen), self._name)

    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256(self._path, self._name)

    def _read(self, file: Any, columns: Sequence[str]) -> Generator[Any, None, None]:
        seen = 0
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=columns, row_groups=self._row_groups, use_threads=False):
                seen += batch.num_rows
                yield _plain(batch)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error, f"after row {seen}") from None

    def _opened(self) -> Any:
        from pyarrow import parquet

        path = present(self._path, self._name)
        try:
            plain = parquet.ParquetFile(path)
            dictionaries = _dictionaries(plain)
            if not dictionaries:
                return plain
            with plain:
                return parquet.ParquetFile(path, read_dictionary=dictionaries, metadata=plain.metadata)
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error, "in its footer") from None

    def _damaged(self, error: Exception, where: str) -> Malformed:
        said = " ".join(str(error).split())[:200]
        return Malformed(
            f"{self._name}: the file is cut short or damaged {where}: {said}", remedy="Write or copy the file again."
        )


def _plain(batch: Any) -> Any:
    """Texts and bytes in one type each, whichever of Arrow's the file was written from."""
    fields = [field.with_type(_plain_type(field.type)) for field in batch.schema]
    return (
        batch.cast(pa.schema(fields))
        if any(f.type != s.type for f, s in zip(fields, batch.schema, strict=True))
        else batch
    )


def _plain_type(kind: Any) -> Any:
    if pa.types.is_dictionary(kind):
        return pa.dictionary(kind.index_type, _plain_type(kind.value_type), kind.ordered)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    return kind


def _dictionaries(file: Any) -> list[str]:
    """Text columns whose every chunk is dictionary-encoded throughout: read as dictionaries they cost a fraction."""
    found = []
    for i, name in enumerate(file.schema_arrow.names):
        kind = file.schema_arrow.field(i).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)) or file.metadata.num_columns <= i:
            continue
        chunks = [file.metadata.row_group(g).column(i) for g in range(file.metadata.num_row_groups)]
        plain_pages = any("PLAIN" in c.encodings and "RLE_DICTIONARY" not in c.encodings for c in chunks)
        few = all(c.total_uncompressed_size < 4 * c.num_values for c in chunks)
        if chunks and few and not plain_pages and all(c.path_in_schema == name for c in chunks):
            found.append(name)
    return found
