"""How the files of an integration are written: what a suffix does not say."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seatrial.spec.section import Section

FileKind = Literal["csv", "json-lines", "json", "parquet", "fixed-width"]


class FileFormat(Section):
    """The form of an integration's files, both those that are read and those that are written for a test."""

    kind: FileKind | None = None
    """Without it the suffix tells: `.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.json`, `.parquet`, `.pq`."""
    names: str | None = Field(default=None, pattern=r"^[^*?/\[\]]*\*[^*?/\[\]]*$")
    """Which files count, with one `*` for any text, such as `ORD*.dat`. Without it the suffix decides."""
    encoding: Literal["utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"] = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """CSV: between values; of a `.tsv` it is the tab where nothing else is declared."""
    quote: str = Field(default='"', min_length=1, max_length=1)
    """CSV: around values that hold the delimiter."""
    decimal: Literal[".", ","] = "."
    """CSV and fixed width: the mark in the `numbers`."""
    numbers: tuple[str, ...] = ()
    """CSV and fixed width: columns that are numbers. What is no number there stays text, so that the contract sees it;
    what is empty is null. Every other column is text."""
    columns: dict[str, int] = Field(default_factory=dict)
    """Fixed width: every column with its width in characters, in order. Blanks around a value are no part of it."""
