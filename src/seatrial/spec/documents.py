"""What a Markdown document states: the values of its front matter, and the words under its headings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import Malformed
from seatrial.spec.reading import read_yaml

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document's front matter (empty where it has none) and its sections: heading to text below it."""

    front: Mapping[str, Any]
    sections: Mapping[str, str]

    def speaks_of(self, *words: str) -> bool:
        """True when a heading has one of the words and something is written below it."""
        pattern = re.compile("|".join(words), re.IGNORECASE)
        return any(pattern.search(heading) and text.strip() for heading, text in self.sections.items())


def read_document(content: bytes, *, name: str) -> Document:
    """Read a Markdown document. Raises Malformed where it is no UTF-8, SpecErrors where its front matter is no YAML."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"{name}: no UTF-8 text at byte {error.start}", remedy="Save the document as UTF-8.") from None
    front: object = {}
    if match := _FRONT.match(text):
        front = read_yaml(match[1].encode(), name=name).plain() if match[1].strip() else {}
        text = text[match.end() :]
    if not isinstance(front, dict):
        raise Malformed(f"{name}: its front matter is no mapping", remedy="Write `key: value` lines between ---.")
    return Document(front=front, sections=_sections(text))


def _sections(text: str) -> dict[str, str]:
    headings = list(_HEADING.finditer(text))
    ends = [*(h.start() for h in headings), len(text)][1:]
    return {h[1]: text[h.end() : end] for h, end in zip(headings, ends, strict=True)}
