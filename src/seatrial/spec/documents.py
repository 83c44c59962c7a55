"""What a document in Markdown or of Word states: the values of its front matter, and the words under its headings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.core.errors import Malformed
from seatrial.spec.reading import read_yaml
from seatrial.spec.word import word_markdown

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
    """Read a document, one of Word by the ending `.docx`, whose custom properties are its front matter.

    Raises Malformed where it is no UTF-8 or no honest Word document, SpecErrors where its front matter is no YAML.
    """
    text = word_markdown(content, name=name) if is_word_name(name) else _decoded(content, name)
    front: object = {}
    if match := _FRONT.match(text):
        front = read_yaml(match[1].encode(), name=name).plain() if match[1].strip() else {}
        text = text[match.end() :]
    if not isinstance(front, dict):
        raise Malformed(f"{name}: its front matter is no mapping", remedy="Write `key: value` lines between ---.")
    return Document(front=front, sections=_sections(text))


def is_word_name(name: str) -> bool:
    """Whether a document of that name is read as one of Word."""
    return name.lower().endswith(".docx")


def how_to_head(name: str) -> str:
    """How a section is told from text, for a remedy; nothing where a reader of Markdown knows it."""
    return " (a heading is one by its style, such as Heading 1)" if is_word_name(name) else ""


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed(f"{name}: no UTF-8 text at byte {error.start}", remedy="Save the document as UTF-8.") from None


def _sections(text: str) -> dict[str, str]:
    headings = list(_HEADING.finditer(text))
    ends = [*(h.start() for h in headings), len(text)][1:]
    return {h[1]: text[h.end() : end] for h, end in zip(headings, ends, strict=True)}
