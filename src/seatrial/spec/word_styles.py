"""The styles of a Word document: which are headings, and which hide what is written in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from seatrial.spec.word_colours import ink, shade
from seatrial.spec.word_part import Part, is_on

_HEADING: Final = re.compile(r"heading ([1-9])")
_DEEPEST: Final = 6
"""Markdown has no deeper headings."""
_Value = TypeVar("_Value")


def heading_level(outline: str) -> int | None:
    """The level (1 to 6) of an outline level as Word counts it (from "0"), 0 for body text; None for what is none."""
    if outline not in tuple("0123456789"):
        return None
    return int(outline) + 1 if int(outline) < _DEEPEST else 0


class Styles(Part):
    """The styles by their ids, each with what it inherits from the one on which it is based (ISO/IEC 29500-1, 17.7)."""

    def __init__(self, content: bytes) -> None:
        self._kind: dict[str, str] = {}
        self._based: dict[str, str] = {}
        self._default: dict[str, str] = {}
        self._level: dict[str, int] = {}
        self._hides: dict[str, bool] = {}
        self._everything = False
        self._ink: dict[str, str] = {}
        self._shade: dict[str, str] = {}
        self._plain_ink: str | None = None
        self._style = ""
        super().__init__(content)
        based = {style: on for style, on in self._based.items() if self._kind.get(on) == self._kind[style]}
        self._level = _inherited(self._level, based, absent=0)
        self._hides = _inherited(self._hides, based, absent=False)
        self._ink = _inherited(self._ink, based, absent="")
        self._shade = _inherited(self._shade, based, absent="")

    def start(self, element: str, value: str, attributes: Mapping[str, str]) -> None:
        """Read an element; styles may be based on what stands further on."""
        match self.path(element):
            case (_, _, "style"):
                self._begun(attributes)
            case ("rPrDefault", "rPr", "vanish"):
                self._everything = is_on(value)
            case ("style", "rPr", "vanish"):
                self._hides[self._style] = is_on(value)
            case ("rPrDefault", "rPr", "color"):
                self._plain_ink = ink(attributes)
            case ("style", "rPr", "color"):
                self._ink[self._style] = ink(attributes)
            case ("style", "rPr" | "pPr" | "tcPr" | "tblPr", "shd"):
                self._shade[self._style] = shade(attributes)
            case ("style", "pPr", "outlineLvl"):
                self._outlined(heading_level(value))
            case (_, "style", "basedOn"):
                self._based[self._style] = value
            case (_, "style", "name"):
                self._named(value.lower())

    def _begun(self, attributes: Mapping[str, str]) -> None:
        self._style = attributes.get("styleId", "")
        kind = self._kind[self._style] = attributes.get("type", "paragraph")
        if is_on(attributes.get("default", "0")):
            self._default[kind] = self._style

    def _named(self, name: str) -> None:
        if found := _HEADING.fullmatch(name):
            self._level[self._style] = heading_level(str(int(found[1]) - 1)) or 0
        elif name == "title":
            self._level[self._style] = 1

    def _outlined(self, level: int | None) -> None:
        """What the outline says counts where the name says nothing."""
        if level is not None:
            self._level.setdefault(self._style, level)

    def level(self, style: str) -> int:
        """The level (1 to 6) of the headings in this style of paragraphs; 0 where it is none of headings."""
        return self._level.get(self._of("paragraph", style), 0)

    def hide(self, **style_of: str) -> bool:
        """Whether text is hidden by its styles, each by its kind (`paragraph`, `character`, `table`).

        Styles of two kinds that both hide undo each other, as the standard has it (17.7.3).
        """
        return self._everything or sum(self._hides.get(self._of(*each), False) for each in style_of.items()) % 2 == 1

    def ink(self, **style_of: str) -> str | None:
        """The colour of text by its styles, each by its kind, the nearest one first; None where none says."""
        named = (self._ink.get(self._of(*each)) for each in style_of.items())
        return next((found for found in named if found), self._plain_ink)

    def shade(self, kind: str, style: str) -> str | None:
        """The colour behind text by a style; None where it says none."""
        return self._shade.get(self._of(kind, style)) or None

    def _of(self, kind: str, style: str) -> str:
        """The style that holds: the default of its kind where none of that kind is named."""
        return style if self._kind.get(style) == kind else self._default.get(kind, "")


def _inherited(own: Mapping[str, _Value], based: Mapping[str, str], *, absent: _Value) -> dict[str, _Value]:
    """Each style's own value, or that of the nearest on which it is based; every style is walked over once."""
    found = dict(own)
    for style in based:
        way: dict[str, None] = {}
        at = style
        while at not in found and at not in way and at in based:
            way[at] = None
            at = based[at]
        found.update(dict.fromkeys(way, found.get(at, absent)))
    return found
