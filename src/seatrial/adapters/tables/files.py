"""What all files of rows have in common: that they are there, what they are, and that they hold something."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from seatrial.core.errors import Malformed, NoRows, Unreachable

BATCH_ROWS = 65_536
_CHUNK = 1 << 20
_ISO_TIME = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
_ZONED = r"(Z|[+-]\d\d(:?\d\d)?)\s*$"


def present(path: Path, name: str) -> Path:
    """The path of a file that is there and not empty. Raises Unreachable or Malformed, by the name that is shown."""
    if not path.is_file():
        raise Unreachable(
            f"{name}: there is no such file", remedy="Correct the path; it is relative to the system file."
        )
    if not path.stat().st_size:
        raise Malformed(f"{name}: the file is empty", remedy="Write the data again.")
    return path


def sha256(path: Path, name: str) -> str:
    """The digest of a file's content, read in chunks."""
    digest = hashlib.sha256()
    with present(path, name).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def unique(names: Sequence[str], source: str) -> tuple[str, ...]:
    """The column names. Raises Malformed naming all that occur twice."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise Malformed(
            f"{source}: column {', '.join(map(repr, twice))} occurs more than once",
            remedy="Give every column its own name.",
        )
    return tuple(names)


def known(wanted: Sequence[str] | None, columns: Sequence[str], source: str) -> list[str]:
    """The wanted columns, or all. Raises Malformed naming all that are not there."""
    if wanted is None:
        return list(columns)
    absent = [name for name in wanted if name not in columns]
    if absent:
        raise Malformed(
            f"{source}: column {', '.join(map(repr, absent))} is not there; there are {', '.join(columns)}",
            remedy="Correct the column's name, or the file.",
        )
    return list(wanted)


def filled(batches: Generator[Any, None, None], source: str) -> Iterator[Any]:
    """The batches that hold rows. Raises Malformed when there is none, and where one time column mixes zones."""
    seen = 0
    zones: dict[str, bool] = {}
    with closing(batches):
        for batch in batches:
            if batch.num_rows:
                _refuse_mixed_zones(batch, zones, seen, source)
                seen += batch.num_rows
                yield batch
    if not seen:
        raise NoRows(f"{source}: there are no rows", remedy="Write the data again, or correct the query.")


def _refuse_mixed_zones(batch: Any, zones: dict[str, bool], before: int, source: str) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        encoded = pa.types.is_dictionary(column.type)
        if not pa.types.is_string(column.type.value_type if encoded else column.type):
            continue
        first = next((value.as_py() for value in column[:100] if value.as_py() is not None), "")
        if name not in zones and not pc.match_substring_regex(pa.scalar(first), _ISO_TIME).as_py():
            continue
        column = column.dictionary_decode() if encoded else column  # noqa: PLW2901 - the same column, readable
        times = pc.match_substring_regex(column, _ISO_TIME)
        zoned = pc.match_substring_regex(column, _ZONED)
        expected = zones.setdefault(name, bool(pc.match_substring_regex(pa.scalar(first), _ZONED).as_py()))
        other = pc.and_(times, pc.not_equal(zoned, expected))
        place = pc.index(pc.fill_null(other, fill_value=False), value=True).as_py()
        if place >= 0:
            raise Malformed(
                f"{source}: column {name!r} mixes times with and without a zone; row {before + place + 1} is the first "
                f"that is {'without' if expected else 'with'} one",
                remedy="Write all times with their zone, best in UTC.",
            )
