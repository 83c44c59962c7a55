"""The parts of a Word document (.docx): their XML passed over once, with nothing declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.parsers import expat

_WORD: Final = frozenset(
    {
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    }
)
_MATH: Final = frozenset(
    {
        "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "http://purl.oclc.org/ooxml/officeDocument/math",
    }
)
_OTHERS: Final = frozenset({"Fallback", "property", "lpwstr", "Relationship", "docPr", "cNvPr"})
"""Elements that matter in whatever space of names they stand."""
_OFF: Final = frozenset({"0", "false", "off"})
_CHANGE: Final = "Change"
"""How the names of the elements end that keep what a format was before a tracked change."""


class UnreadPart(Exception):
    """A part that is not read."""


def is_on(value: str) -> bool:
    """Whether an element that is on by being there says nothing else by its value."""
    return value not in _OFF


class Part:
    """One pass over a part, element by element, so that no nesting costs more than its length.

    What a format was before a tracked change is passed over. Raises UnreadPart for what is no honest XML.
    """

    def __init__(self, content: bytes) -> None:
        self._around: list[str] = []
        self._former = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._started
        parser.EndElementHandler = self._ended
        parser.CharacterDataHandler = self.text
        # Entities, of which bombs and reads of other files are made, are declared here and nowhere else.
        parser.StartDoctypeDeclHandler = self._declared
        if not content:
            return
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise UnreadPart(f"its XML is damaged: {error}") from None

    def start(self, element: str, value: str, attributes: Mapping[str, str]) -> None:
        """An element by its name; `value` is its `val`."""

    def end(self, element: str) -> None:
        """The end of one."""

    def text(self, said: str) -> None:
        """Text between elements."""

    def path(self, element: str) -> tuple[str, str, str]:
        """The element that starts, after the two in which it stands, the outer one first."""
        outer, inner = ["", "", *self._around[-2:]][-2:]
        return outer, inner, element

    def _started(self, named: str, attributes: dict[str, str]) -> None:
        element = _known(named)
        if self._former or element.endswith(_CHANGE):
            self._former += 1
            return
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        self.start(element, plain.get("val", ""), plain)
        self._around.append(element)

    def _ended(self, named: str) -> None:
        if self._former:
            self._former -= 1
            return
        self._around.pop()
        self.end(_known(named))

    def _declared(self, *_: object) -> None:
        raise UnreadPart("it declares a document type, which no Word document does")


def _known(named: str) -> str:
    """The name of an element of Word's, or of the few others that matter; nothing for any other.

    Those of equations begin with `m:`, but for a run and its text, which are as Word's own.
    """
    space, _, name = named.rpartition(" ")
    if space in _MATH and name not in ("r", "t"):
        return f"m:{name}"
    return name if space in _WORD or space in _MATH or name in _OTHERS else ""
