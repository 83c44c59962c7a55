"""The text of a Word document (.docx), written down as Markdown: headings by their styles, lists, rows of tables.

Only what somebody sees who opens it counts: text that is deleted under tracked changes, hidden, or of the colour of
what is behind it, is left out.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from seatrial.core.errors import Malformed
from seatrial.spec.word_colours import highlight, ink, seen, shade
from seatrial.spec.word_package import unpacked
from seatrial.spec.word_part import Part, UnreadPart, is_on
from seatrial.spec.word_styles import Styles, heading_level
from seatrial.spec.word_symbols import symbol

_DOCUMENT = "word/document.xml"
_UNSEEN: Final = frozenset({"del", "moveFrom", "Fallback", "m:phant"})
"""Elements whose text nobody sees: deleted, moved elsewhere, said a second time for older programs, or mere room."""
_AROUND: Final = MappingProxyType(
    {
        "m:num": ("(", ")"),
        "m:den": ("/(", ")"),
        "m:sup": ("^(", ")"),
        "m:sub": ("_(", ")"),
        "m:rad": ("√(", ")"),
        "m:d": ("(", ")"),
    }
)
"""The parts of an equation by what is written around them on one line."""
_HIDING: Final = re.compile(r"visibility\s*:\s*hidden|display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_CHARACTERS: Final = MappingProxyType({"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"})
_SAVE_AGAIN: Final = "Open it in the program that wrote it, and save it again as .docx."


def is_word(content: bytes) -> bool:
    """Whether the content is an archive that holds a Word document."""
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _DOCUMENT in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError):
        return False


def word_markdown(content: bytes, *, name: str) -> str:
    """The document as Markdown, its custom properties as front matter.

    Raises Malformed for what is no such document, is damaged, declares entities, or unpacks to more than is read.
    """
    try:
        package = unpacked(content)
        body = _Body(package.document, Styles(package.styles))
        properties = _Properties(package.properties).found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise Malformed(f"{name}: it is no Word document, or it is damaged: {error}", remedy=_SAVE_AGAIN) from None
    except UnreadPart as error:
        raise Malformed(f"{name}: {error}", remedy=_SAVE_AGAIN) from None
    if not body.is_document:
        raise Malformed(f"{name}: it is another kind of archive than a Word document", remedy=_SAVE_AGAIN)
    front = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in properties.items()]
    return "\n".join([*(["---", *front, "---"] if front else []), *body.lines, ""])


class _Properties(Part):
    """The custom properties that are texts."""

    def __init__(self, content: bytes) -> None:
        self.found: dict[str, str] = {}
        self._name = ""
        self._inside = False
        super().__init__(content)

    def start(self, element: str, value: str, attributes: Mapping[str, str]) -> None:
        del value
        if element == "property":
            self._name = attributes.get("name", "")
        self._inside = element == "lpwstr"

    def end(self, element: str) -> None:
        self._inside = False
        del element

    def text(self, said: str) -> None:
        if self._inside and self._name:
            self.found[self._name] = self.found.get(self._name, "") + said


class _Paragraph:
    """One paragraph as it is read."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.style = ""
        self.outline: int | None = None
        self.listed = False
        self.shade: str | None = None
        self._opened: list[tuple[int, int]] = []
        self._pieces = 0

    def say(self, text: str) -> None:
        """One more piece that somebody sees."""
        self.said.append(text)
        self._pieces += bool(text)

    def begin(self) -> None:
        """A part of an equation begins."""
        self._opened.append((len(self.said), self._pieces))
        self.said.append("")

    def close(self, before: str, after: str) -> None:
        """It ends: with what is written around it, where something of it is seen."""
        at, pieces = self._opened.pop()
        if self._pieces > pieces:
            self.said[at] = before
            self.said.append(after)

    def line(self, styles: Styles, *, in_cell: bool) -> str:
        """As Markdown: a text that only looks like a heading is none."""
        lines = ["\\" + line if line.startswith("#") else line for line in "".join(self.said).splitlines()]
        text = "\n".join(lines).strip()
        if in_cell or not text:
            return text
        if level := styles.level(self.style) if self.outline is None else self.outline:
            return f"{'#' * level} {text.replace(chr(10), ' ')}"
        return f"- {text}" if self.listed else text


class _Run:
    """A run of text; `within_hidden` is whether it stands in a run or a drawing, as that of a text box, that is hidden.

    `behind` is the colour of the cell in which it stands, by the cell itself.
    """

    def __init__(self, paragraph: _Paragraph, *, table: str | None, within_hidden: bool, behind: str | None) -> None:
        self.paragraph = paragraph
        self.table = table
        self.within_hidden = within_hidden
        self.behind = behind
        self.style = ""
        self.vanish: bool | None = None
        self.ink: str | None = None
        self.shade: str | None = None
        self.highlight: str | None = None

    def hidden(self, styles: Styles) -> bool:
        """Whether nobody sees its text: by itself, by its styles, or by what it stands in."""
        if self.within_hidden or self.vanish:
            return True
        named = {"character": self.style, "paragraph": self.paragraph.style}
        named |= {} if self.table is None else {"table": self.table}
        if self.vanish is None and styles.hide(**named):
            return True
        own = styles.shade("character", self.style) if self.shade is None else self.shade
        around = self.paragraph.shade
        around = styles.shade("paragraph", self.paragraph.style) if around is None else around
        cell = styles.shade("table", self.table) if self.behind is None and self.table is not None else self.behind
        colour = styles.ink(**named) if self.ink is None else self.ink
        return not seen(colour, self.highlight, own, around, cell)


class _Row:
    """A row of a table. What is `gone`, and the open cell where `cell_gone`, nobody sees."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.gone = self.cell_gone = False


class _Body(Part):
    """The lines of the document."""

    def __init__(self, content: bytes, styles: Styles) -> None:
        self._styles = styles
        self._sinks: list[list[str]] = [[]]
        self._tables: list[str | None] = []
        self._rows: list[_Row] = []
        self._open: list[_Paragraph] = []
        self._runs: list[_Run] = []
        self._behind: list[str | None] = [None]
        self._drawings: list[bool] = []
        self.is_document = False
        self._unseen = 0
        self._said = False
        super().__init__(content)

    @property
    def lines(self) -> list[str]:
        """Every paragraph and every row of a table."""
        return self._sinks[0]

    def start(self, element: str, value: str, attributes: Mapping[str, str]) -> None:
        self._unseen += element in _UNSEEN
        path = self.path(element)
        self.is_document = self.is_document or path == ("", "", "document")
        if element == "t":
            self._said = True
        elif element in _CHARACTERS and path[1] != "tabs":
            self._add(_CHARACTERS[element])
        elif element == "sym":
            self._add(symbol(attributes.get("font", ""), attributes.get("char", "")))
        else:
            self._begun(element)
            self._formatted(path, value)
            self._coloured(path, attributes)
            self._drawn(element, attributes)

    def _begun(self, element: str) -> None:
        match element:
            case "p":
                self._open.append(_Paragraph())
            case "r":
                paragraph = self._open[-1] if self._open else _Paragraph()
                table = self._tables[-1] if self._tables else None
                hidden = self._hidden() or (bool(self._drawings) and self._drawings[-1])
                self._runs.append(_Run(paragraph, table=table, within_hidden=hidden, behind=self._behind[-1]))
            case "tbl":
                self._tables.append("")
                self._behind.append(self._behind[-1])
            case "txbxContent":
                self._tables.append(None)
                self._behind.append(None)
            case "tr":
                self._rows.append(_Row())
            case "tc":
                self._sinks.append([])
                self._behind.append(self._behind[-1])
            case "drawing" | "pict" | "object":
                self._drawings.append(False)
            case _ if element in _AROUND and self._open:
                self._open[-1].begin()

    def _formatted(self, path: tuple[str, str, str], value: str) -> None:
        match path:
            case ("p", "pPr", "pStyle"):
                self._open[-1].style = value
            case ("p", "pPr", "outlineLvl"):
                self._open[-1].outline = heading_level(value)
            case ("p", "pPr", "numPr"):
                self._open[-1].listed = True
            case ("pPr", "numPr", "numId") if self._open:
                self._open[-1].listed = value != "0"
            case ("r", "rPr", "rStyle"):
                self._runs[-1].style = value
            case ("r", "rPr", "vanish"):
                self._runs[-1].vanish = is_on(value)
            case ("tbl", "tblPr", "tblStyle"):
                self._tables[-1] = value
            case ("tr", "trPr", "hidden" | "del"):
                self._rows[-1].gone = self._rows[-1].gone or is_on(value)
            case ("tc", "tcPr", "cellDel") if self._rows:
                self._rows[-1].cell_gone = True

    def _coloured(self, path: tuple[str, str, str], attributes: Mapping[str, str]) -> None:
        match path:
            case ("p", "pPr", "shd"):
                self._open[-1].shade = shade(attributes)
            case ("r", "rPr", "color"):
                self._runs[-1].ink = ink(attributes)
            case ("r", "rPr", "shd"):
                self._runs[-1].shade = shade(attributes)
            case ("r", "rPr", "highlight"):
                self._runs[-1].highlight = highlight(attributes.get("val", ""))
            case ("tbl", "tblPr", "shd") | ("tc", "tcPr", "shd"):
                self._behind[-1] = shade(attributes)

    def _drawn(self, element: str, attributes: Mapping[str, str]) -> None:
        """A drawing is hidden by its properties, or by the style of a shape of older programs."""
        if self._drawings:
            by_property = element in ("docPr", "cNvPr") and is_on(attributes.get("hidden", "0"))
            if by_property or _HIDING.search(attributes.get("style", "")):
                self._drawings[-1] = True

    def end(self, element: str) -> None:
        self._unseen -= element in _UNSEEN
        match element:
            case "t":
                self._said = False
            case "p":
                self._add_line(self._open.pop().line(self._styles, in_cell=len(self._sinks) > 1))
            case "r":
                self._runs.pop()
            case "tbl" | "txbxContent":
                self._tables.pop()
                self._behind.pop()
            case "drawing" | "pict" | "object":
                self._drawings.pop()
            case _ if element in _AROUND and self._open:
                self._open[-1].close(*_AROUND[element])
            case "tr":
                row = self._rows.pop()
                self._add_line(" | ".join(row.cells) if any(row.cells) and not row.gone else "")
            case "tc":
                self._behind.pop()
                self._end_cell(" ".join(self._sinks.pop()))

    def _end_cell(self, said: str) -> None:
        if self._rows:
            row = self._rows[-1]
            row.cells += [] if row.cell_gone else [said]
            row.cell_gone = False

    def text(self, said: str) -> None:
        if self._said:
            self._add(said)

    def _add(self, said: str) -> None:
        """Text of the paragraph that is open, where somebody sees it."""
        if self._open and self._runs and not self._unseen and not self._hidden():
            self._open[-1].say(said)

    def _add_line(self, line: str) -> None:
        if line:
            self._sinks[-1].append(line)

    def _hidden(self) -> bool:
        """Whether the text of the run that is open is hidden."""
        return bool(self._runs) and self._runs[-1].hidden(self._styles)
