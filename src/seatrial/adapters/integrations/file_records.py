"""The records of one file, in each of the forms that files have; written in the same form for a test."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from seatrial.adapters.database_values import plain
from seatrial.adapters.http import read_json
from seatrial.adapters.integrations import file_columns
from seatrial.adapters.integrations.file_text import lines, whole
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.file_format import FileFormat, FileKind

SUFFIXES: Final[Mapping[str, FileKind]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json-lines",
    ".ndjson": "json-lines",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_WRITTEN: Final[Mapping[FileKind, str]] = {
    "csv": ".csv",
    "json-lines": ".jsonl",
    "json": ".json",
    "parquet": ".parquet",
    "fixed-width": ".txt",
}
_ALSO: Final[Mapping[FileKind, tuple[str, ...]]] = {"csv": (".txt", ".dat"), "fixed-width": (".txt", ".dat")}
MOST_BYTES: Final = 1 << 30
"""Of a text file: what is larger is not read through."""
_MOST_JSON: Final = 64 << 20
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def kind_of(name: str, form: FileFormat) -> FileKind | None:
    """The form of the file of this name, None for one that does not count."""
    suffix = PurePosixPath(name).suffix.lower()
    if form.names is not None:
        before, _, after = form.names.partition("*")
        named = name.startswith(before) and name.endswith(after) and len(name) >= len(before) + len(after)
        return (form.kind or SUFFIXES.get(suffix)) if named else None
    if form.kind is None or SUFFIXES.get(suffix) == form.kind:
        return SUFFIXES.get(suffix)
    return form.kind if suffix in _ALSO.get(form.kind, ()) else None


def name_of(token: str, form: FileFormat) -> str:
    """The name of a file that is written for a test, so that it counts among the others."""
    return form.names.replace("*", token) if form.names is not None else f"{token}{_WRITTEN[form.kind or 'json-lines']}"


def records(content: BinaryIO, *, name: str, size: int, form: FileFormat) -> Iterator[Row]:
    """Every record of the file. Raises Malformed, naming the file and where in it."""
    kind = kind_of(name, form)
    if kind is None:
        raise Malformed(f"{name}: nothing says in which form it is", remedy="Declare format.kind.")
    if kind == "parquet":
        return file_columns.records(content, name=name)
    most = _MOST_JSON if kind == "json" else MOST_BYTES
    if size > most:
        raise Malformed(
            f"{name} has {size:,} bytes, more than the {most:,} that are read",
            remedy="Let the records come in smaller files, or as Parquet.",
        )
    return _READERS[kind](content, name, form)


def newest(content: BinaryIO, *, name: str, size: int, form: FileFormat, most: int) -> Sequence[Row]:
    """The last `most` records of the file."""
    if kind_of(name, form) == "parquet":
        return file_columns.newest(content, name=name, most=most)
    return tuple(deque(records(content, name=name, size=size, form=form), maxlen=most))


def types(content: BinaryIO, *, name: str, form: FileFormat) -> Mapping[str, str] | None:
    """The types that the file itself declares, None where its form declares none."""
    return file_columns.types(content, name=name) if kind_of(name, form) == "parquet" else None


def _csv(content: BinaryIO, name: str, form: FileFormat) -> Iterator[Row]:
    delimiter = delimiter_of(name, form)
    reader = csv.reader(
        lines(content, name=name, encoding=form.encoding), delimiter=delimiter, quotechar=form.quote, strict=True
    )
    try:
        header = next(reader, [])
        _expect_header(header, name, delimiter, form)
        for values in reader:
            if values and len(values) != len(header):
                raise Malformed(f"{name}, line {reader.line_num}, has {len(values)} values for {len(header)} columns")
            if values:
                yield _typed(dict(zip(header, values, strict=True)), form)
    except csv.Error as error:
        raise Malformed(f"{name}, line {reader.line_num}: {error}") from None


def delimiter_of(name: str, form: FileFormat) -> str:
    """What stands between the values of a CSV file of this name."""
    tabbed = name.lower().endswith(".tsv") and "delimiter" not in form.model_fields_set
    return "\t" if tabbed else form.delimiter


def _expect_header(header: Sequence[str], name: str, delimiter: str, form: FileFormat) -> None:
    if len(set(header)) != len(header):
        raise Malformed(f"{name} names a column twice")
    other = next((mark for mark in ";,\t|" if mark != delimiter and len(header) == 1 and mark in header[0]), None)
    if other is not None:
        raise Malformed(
            f"{name} has one column, {header[0][:80]!r}: its values seem to be apart by {other!r}",
            remedy=f'Declare format: {{delimiter: "{other}"}}.',
        )
    absent = [column for column in form.numbers if header and column not in header]
    if absent:
        raise Malformed(
            f"{name} has no column {absent[0]!r}, which is declared a number", remedy="Correct format.numbers."
        )


def _fixed_width(content: BinaryIO, name: str, form: FileFormat) -> Iterator[Row]:
    length = sum(form.columns.values())
    for at, line in enumerate(lines(content, name=name, encoding=form.encoding), start=1):
        text = line.rstrip("\r\n")
        if not text.strip():
            continue
        if len(text) != length:
            raise Malformed(
                f"{name}, line {at}, has {len(text)} characters where the declared columns have {length}",
                remedy="Correct format.columns, or have the line written in full.",
            )
        row, start = {}, 0
        for column, width in form.columns.items():
            row[column] = text[start : start + width].strip()
            start += width
        yield _typed(row, form)


def _json_lines(content: BinaryIO, name: str, form: FileFormat) -> Iterator[Row]:
    for at, line in enumerate(lines(content, name=name, encoding=form.encoding), start=1):
        if line.strip():
            yield _record(_parsed(line, f"{name}, line {at}"), f"{name}, line {at},")


def _json(content: BinaryIO, name: str, form: FileFormat) -> Iterator[Row]:
    found = _parsed(whole(content, name=name, encoding=form.encoding), name)
    if isinstance(found, Mapping) and isinstance(found.get("records"), Sequence):
        found = found["records"]
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise Malformed(f"{name} is no list of records", remedy='It must be [{…}, …] or {"records": [{…}, …]}.')
    for at, entry in enumerate(found, start=1):
        yield _record(entry, f"{name}, entry {at},")


def _parsed(text: str, where: str) -> Json:
    try:
        return read_json(text.encode())
    except Malformed as error:
        raise Malformed(f"{where}: {error.what}") from None


def _record(found: Json, where: str) -> Row:
    if not isinstance(found, Mapping):
        raise Malformed(f"{where} is no record")
    return found


def _typed(row: dict[str, str], form: FileFormat) -> Row:
    return {name: _number(value, form.decimal) if name in form.numbers else value for name, value in row.items()}


def _number(text: str, mark: str) -> Json:
    """The number that the text is, null for none; any other text stays what it is, so that its contract refuses it."""
    bare = text.strip()
    if not bare:
        return None
    spelled = bare.replace(mark, ".") if mark == "," and "." not in bare else bare
    if not _NUMBER.fullmatch(spelled) or (mark == "," and "." in bare):
        return text
    return plain(Decimal(spelled))


_READERS: Final[Mapping[FileKind, Callable[[BinaryIO, str, FileFormat], Iterator[Row]]]] = {
    "csv": _csv,
    "json-lines": _json_lines,
    "json": _json,
    "fixed-width": _fixed_width,
}


def written(record: Row, form: FileFormat) -> bytes:
    """A file with this one record. Raises Malformed for what the form cannot hold."""
    kind = form.kind or (SUFFIXES.get(PurePosixPath(form.names).suffix.lower()) if form.names else None) or "json-lines"
    if kind == "parquet":
        return file_columns.written(record)
    if kind == "csv":
        text = _as_csv(record, form)
    elif kind == "fixed-width":
        text = "".join(_padded(_text(record.get(c), c, form), c, width) for c, width in form.columns.items()) + "\n"
        if lost := [name for name in record if name not in form.columns]:
            raise Malformed(f"a record to write has {lost[0]!r}, which is no declared column of its fixed width")
    else:
        text = _as_json([dict(record)] if kind == "json" else dict(record)) + "\n"
    try:
        return text.encode(form.encoding)
    except UnicodeEncodeError as error:
        bad = text[error.start : error.end]
        raise Malformed(f"a record to write holds {bad!r}, which {form.encoding} does not have") from None


def _as_csv(record: Row, form: FileFormat) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=form.delimiter, quotechar=form.quote, lineterminator="\n")
    writer.writerow(record)
    writer.writerow(_text(value, name, form) for name, value in record.items())
    return text.getvalue()


def _as_json(content: Json) -> str:
    try:
        return json.dumps(content, allow_nan=False)
    except ValueError:
        raise Malformed("a record to write holds NaN or an infinity") from None


def _text(value: Json, name: str, form: FileFormat) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise Malformed(f"a record to write holds NaN or an infinity in {name!r}")
    spelled = _as_json(value)
    return spelled.replace(".", form.decimal) if isinstance(value, int | float) and name in form.numbers else spelled


def _padded(text: str, name: str, width: int) -> str:
    if len(text) > width:
        raise Malformed(f"a record to write holds {len(text)} characters in {name!r}, which is {width} wide")
    return text.ljust(width)
