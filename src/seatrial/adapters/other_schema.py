"""The records of an answer's body with another schema; everything else in it stays as it was written."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from seatrial.core.schema_change import ChangeKind, SchemaChange, changed

_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._-]+)", re.IGNORECASE)
_SEPARATORS: Final = ",;\t|"
_BOM: Final = "\ufeff"
_LINES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
_NUMBER: Final = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*")


def rewritten(body: bytes, content_type: str, change: SchemaChange) -> bytes | None:
    """The body with every record changed; None where no record in it has the field, or it is none of these forms."""
    media = content_type.partition(";")[0].strip().lower()
    charset = _CHARSET.search(content_type)
    encoding = charset.group(1) if charset else "utf-8"
    try:
        text = body.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
    mark, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    if media in _LINES:
        made = _lines(text, change)
    elif "json" in media or text.lstrip()[:1] in ("{", "["):
        made = _document(text, change)
        if made is None and "\n" in text.strip():
            made = _lines(text, change)
    else:
        made = table(text, change)
    return None if made is None else (mark + made).encode(encoding, "replace")


def _document(text: str, change: SchemaChange) -> str | None:
    try:
        # Decimals keep every digit as it was sent.
        content = json.loads(text, parse_float=Decimal)
        found, made = _walked(content, change)
        return _written(made) if found else None
    except (ValueError, RecursionError):
        return None


def _lines(text: str, change: SchemaChange) -> str | None:
    made = [(_document(line, change), line) for line in text.split("\n")]
    return "\n".join(line if new is None else new for new, line in made) if any(new for new, _ in made) else None


def _walked(value: Any, change: SchemaChange) -> tuple[bool, Any]:
    """Whether an object anywhere in it had the field, and the value with all of these changed."""
    if isinstance(value, list):
        walked = [_walked(inner, change) for inner in value]
        return any(found for found, _ in walked), [made for _, made in walked]
    if not isinstance(value, dict):
        return False, value
    inside = {name: _walked(inner, change) for name, inner in value.items()}
    made = {name: inner for name, (_, inner) in inside.items()}
    if change.field in value:
        return True, changed(made, change)
    return any(found for found, _ in inside.values()), made


def _written(value: Any) -> str:
    match value:
        case dict():
            return "{" + ",".join(f"{json.dumps(name)}:{_written(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ",".join(_written(inner) for inner in value) + "]"
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value)


def table(
    text: str, change: SchemaChange, *, separator: str | None = None, quote: str = '"', decimal: str = "."
) -> str | None:
    """A table with a header, with every row changed; None where it has no such column.

    Without a `separator` the header tells it. `decimal` is the mark in numbers that the change holds.
    """
    first = text.partition("\n")[0].rstrip("\r")
    separator = separator or max(_SEPARATORS, key=first.count)
    try:
        header, *rows = list(csv.reader(io.StringIO(text), delimiter=separator, quotechar=quote)) or [[]]
    except csv.Error:
        return None
    if change.field not in header:
        return None
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=separator,
        quotechar=quote,
        lineterminator="\r\n" if "\r\n" in text else "\n",
        quoting=csv.QUOTE_ALL if first.startswith(quote) and first.endswith(quote) else csv.QUOTE_MINIMAL,
    )
    held = {n: str(v).replace(".", decimal) if isinstance(v, float) else v for n, v in change.held.items()}
    change = replace(change, held=held)
    # The header alone tells the new columns, also of a table without rows.
    plain = SchemaChange(kind=change.kind, field=change.field, name=change.name)
    writer.writerow(list(changed(dict.fromkeys(header, ""), plain)))
    for row in rows:
        writer.writerow(list(_row(dict(zip(header, row, strict=False)), change).values()))
    return out.getvalue()


def _row(record: dict[str, Any], change: SchemaChange) -> dict[str, Any]:
    """In a table every value is text: a column that held numbers is retyped by letters in it."""
    value = record.get(change.field)
    if change.kind is ChangeKind.RETYPED and isinstance(value, str) and _NUMBER.fullmatch(value):
        plain = SchemaChange(kind=ChangeKind.NONE, field=change.field, held=change.held)
        return {**changed(record, plain), change.field: f"A{value.strip()}"}
    return changed(record, change)
