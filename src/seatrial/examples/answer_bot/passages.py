"""The manual in passages: each short enough to be an answer, and each saying what it is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

LONGEST = 420
"""Characters of a piece: a row, a point, a few sentences."""
LONGEST_SECTION = 1_500
"""Characters of a passage: the most that a person reads as one answer."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)+|`([^`]+)`", re.IGNORECASE)
_FRONT = re.compile(r"^---\n.*?\n---\n", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a page. `about` is where it stands: the page's title and the heading above it."""

    page: str
    about: str
    text: str

    @property
    def whole(self) -> str:
        """What is searched: where it stands, and what it says."""
        return f"{self.about}: {self.text}"


def passages_of(folder: Path) -> list[Passage]:
    """The passages of every page in a folder, in the order of the pages' names."""
    return [passage for page in sorted(folder.glob("*.md")) for passage in _merged(_of_page(page))]


def pieces_of(folder: Path) -> list[Passage]:
    """The same text in its smallest pieces: single rows, points and paragraphs."""
    return [piece for page in sorted(folder.glob("*.md")) for piece, _ in _of_page(page)]


def _merged(pieces: Iterable[tuple[Passage, bool]]) -> Iterator[Passage]:
    """Neighbours of one heading together, as long as they stay short; the rows of a table that stand alone do so."""
    waiting: Passage | None = None
    for piece, alone in pieces:
        if waiting is not None and not alone and waiting.about == piece.about:
            together = f"{waiting.text} / {piece.text}"
            if len(together) <= LONGEST_SECTION:
                waiting = replace(waiting, text=together)
                continue
        if waiting is not None:
            yield waiting
            waiting = None
        if alone:
            yield piece
        else:
            waiting = piece
    if waiting is not None:
        yield waiting


def names_in(text: str) -> frozenset[str]:
    """Words that name one thing: with a dot, a dash or an underscore inside, or between backticks."""
    found = (word for match in _NAME.finditer(text) for word in (match[1] or match[0]).lower().split())
    return frozenset(word.strip("-") for word in found) - {""}


def _of_page(page: Path) -> Iterator[tuple[Passage, bool]]:
    """The pieces of a page, and whether each is a row that stands alone: of a table whose columns have names."""
    title, heading = page.stem, ""
    text = _COMMENT.sub("", _FRONT.sub("", page.read_text(encoding="utf-8")))
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.strip().splitlines() if line.strip() not in {"```", "```text", "```markdown"}]
        while lines and lines[0].startswith("#"):
            told = _plain(lines.pop(0).lstrip("# "))
            title, heading = (told, "") if not heading and title == page.stem else (title, told)
        about = f"{title}, {heading}" if heading else title
        table = bool(lines) and lines[0].startswith("|")
        alone = table and bool(set(lines[0]) - {"|", " "})
        for piece in _rows(lines) if table else _pieces(lines):
            yield Passage(page=page.stem, about=about, text=piece), alone


def _rows(lines: Sequence[str]) -> Iterator[str]:
    """A table row by row, each cell after the name of its column."""
    table = [[_plain(cell) for cell in line.strip().strip("|").split("|")] for line in lines]
    header = table[0]
    for cells in table[1:]:
        if all(set(cell) <= {"-", ":", " "} for cell in cells):
            continue
        if not any(header):
            yield ": ".join(cell for cell in cells if cell)[:LONGEST_SECTION]
            continue
        first, *others = zip(header, cells, strict=False)
        told = "; ".join(f"{name} {cell}" if name else cell for name, cell in others if cell)
        yield f"{first[0]} {first[1]}: {told}"[:LONGEST_SECTION]


def _pieces(lines: Sequence[str]) -> Iterator[str]:
    """Prose, and lists point by point, cut at the ends of sentences where they are long."""
    joined = "\n".join(line.strip() for line in lines)
    for point in re.split(r"\n(?=(?:[-*]|\d+\.) )", joined):
        whole = _plain(" ".join(point.split()))
        while whole:
            cut = whole[:LONGEST]
            if len(whole) > LONGEST and ". " in cut:
                cut = cut[: cut.rindex(". ") + 1]
            yield cut.strip()
            whole = whole[len(cut) :].strip()


def _plain(text: str) -> str:
    return _LINK.sub(r"\1", text).replace("**", "").replace("`", "").strip()
