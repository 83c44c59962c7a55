"""Markdown of the company's own, shown on a page: no HTML of its own, no pictures, no address that runs anything."""

from __future__ import annotations

from functools import cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

SUFFIXES = (".md", ".markdown")
_DEEPER = 3
"""The page's own headings reach down to h3, below which a document stands."""
_DEEPEST = 6


def rendered(text: str) -> SafeString:
    """The document as HTML. Everything in it is escaped but for the elements that CommonMark and tables make."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in _every(tokens):
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + _DEEPER, _DEEPEST)}"
        elif token.type == "link_open":
            token.attrSet("rel", "noreferrer noopener")
    # markdown-it escapes all text, and its `validateLink` leaves no address that a browser would run.
    shown: str = parser.renderer.render(tokens, parser.options, {})
    return mark_safe(shown)  # noqa: S308


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def _every(tokens: list[Token]) -> list[Token]:
    return [each for token in tokens for each in (token, *(token.children or ()))]
