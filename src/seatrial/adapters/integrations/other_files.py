"""The records of a file with another schema, in the form that its integration declares."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.adapters.integrations.file_records import delimiter_of, kind_of
from seatrial.adapters.other_schema import rewritten, table
from seatrial.core.errors import Malformed
from seatrial.core.schema_change import SchemaChange, changed
from seatrial.spec.file_format import FileFormat

_MEDIA = {"json": "application/json", "json-lines": "application/x-ndjson"}


def rewritten_file(body: bytes, name: str, form: FileFormat, change: SchemaChange) -> bytes | None:
    """The file with every record changed; None for a file that does not count, or in which no record has the field.

    Raises Malformed for a form that is not rewritten, and for bytes that the declared encoding does not have.
    """
    kind = kind_of(name, form)
    if kind is None:
        return None
    if kind == "parquet":
        raise Malformed(
            f"{name} is a Parquet file, whose schema is not changed for a test",
            remedy="Let the test end take the same records as CSV or JSON lines.",
        )
    if kind in _MEDIA:
        return rewritten(body, f"{_MEDIA[kind]}; charset={form.encoding}", change)
    try:
        text = body.decode(form.encoding)
    except UnicodeDecodeError:
        raise Malformed(f"{name} is not in {form.encoding}", remedy="Correct format.encoding.") from None
    if kind == "fixed-width":
        made = "".join(_lines(text, form, change)) if change.field in form.columns else None
    else:
        separator = delimiter_of(name, form) if "delimiter" in form.model_fields_set else None
        made = table(text, change, separator=separator, quote=form.quote, decimal=form.decimal)
    return None if made is None else made.encode(form.encoding, "replace")


def _lines(text: str, form: FileFormat, change: SchemaChange) -> Iterator[str]:
    """Each line with its columns changed; a new column is as wide as what it holds, another keeps its own width."""
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        values, start = {}, 0
        for column, width in form.columns.items():
            values[column] = bare[start : start + width].strip()
            start += width
        widths = {**form.columns, change.name: form.columns[change.field]}
        made = changed(values, change)
        yield "".join(str(v)[: widths[c]].ljust(widths[c]) for c, v in made.items()) + line[len(bare) :]
