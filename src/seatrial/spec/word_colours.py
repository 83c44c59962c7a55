"""The colours of text in a Word document and of what is behind it: whether somebody sees the one before the other."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_PAPER: Final = "FFFFFF"
_NEAR: Final = 24
"""Two colours whose red, green and blue each differ by less than this (of 255) look the same."""
_AUTO: Final = "auto"
_LIGHT: Final = frozenset({"background1", "light1"})
"""The colours of a theme that are those of paper."""
_HIGHLIGHTS: Final = MappingProxyType(
    {
        "black": "000000",
        "blue": "0000FF",
        "cyan": "00FFFF",
        "darkBlue": "000080",
        "darkCyan": "008080",
        "darkGray": "808080",
        "darkGreen": "008000",
        "darkMagenta": "800080",
        "darkRed": "800000",
        "darkYellow": "808000",
        "green": "00FF00",
        "lightGray": "C0C0C0",
        "magenta": "FF00FF",
        "red": "FF0000",
        "white": _PAPER,
        "yellow": "FFFF00",
    }
)


def ink(attributes: Mapping[str, str]) -> str:
    """The colour of text that a `color` says, six hexadecimal digits or `auto`, which is seen on everything."""
    if attributes.get("themeColor") in _LIGHT and "themeShade" not in attributes:
        return _PAPER
    return attributes.get("val", _AUTO)


def shade(attributes: Mapping[str, str]) -> str:
    """The colour behind text that a `shd` says; `auto` for none."""
    if attributes.get("val") == "solid":
        return attributes.get("color", _AUTO)
    if attributes.get("themeFill") in _LIGHT and "themeFillShade" not in attributes:
        return _PAPER
    return attributes.get("fill", _AUTO)


def highlight(name: str) -> str:
    """The colour of a highlight; `auto` for none."""
    return _HIGHLIGHTS.get(name, _AUTO)


def seen(colour: str | None, *behind: str | None) -> bool:
    """Whether text of that colour is told apart from the nearest colour behind it, or from paper where there is none.

    None, and `auto`, say nothing: text without a colour is seen on everything.
    """
    text = _parts(colour)
    if text is None:
        return True
    ground = next((found for each in behind if (found := _parts(each)) is not None), _parts(_PAPER) or ())
    return any(abs(one - other) >= _NEAR for one, other in zip(text, ground, strict=True))


def _parts(colour: str | None) -> tuple[int, int, int] | None:
    """Red, green and blue; None for what is no colour."""
    if colour is None or len(colour) != len(_PAPER):
        return None
    try:
        return int(colour[:2], 16), int(colour[2:4], 16), int(colour[4:], 16)
    except ValueError:
        return None
