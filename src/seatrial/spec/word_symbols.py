"""Symbols in Word documents: a place in the font Symbol or Wingdings, told as the character that is seen there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_ASCII: Final = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_\N{OVERLINE}αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
)
_UPPER: Final = "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…│─↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊"
_SYMBOL: Final = MappingProxyType(
    dict(enumerate(_ASCII, 0x20)) | dict(enumerate(_UPPER, 0xA0)) | {0xE5: "∑", 0xF2: "∫"}
)
_WINGDINGS: Final = MappingProxyType(
    {
        0x6C: "●",
        0x6F: "☐",
        0x78: "☒",
        0xA7: "▪",
        0xA8: "☐",
        0xDF: "←",
        0xE0: "→",
        0xE1: "↑",
        0xE2: "↓",
        0xFB: "✗",
        0xFC: "✓",
        0xFD: "☒",
        0xFE: "☑",
    }
)
_FONTS: Final[Mapping[str, Mapping[int, str]]] = {"symbol": _SYMBOL, "wingdings": _WINGDINGS}
_PRIVATE: Final = range(0xF000, 0xF100)
"""Where Word keeps the places of fonts that are not laid out as Unicode is."""
_PICTURES: Final = ("wingdings", "webdings")


def symbol(font: str, code: str) -> str:
    """The character at the hexadecimal place in the font; a placeholder that tells the place where none is known."""
    try:
        place = int(code, 16)
    except ValueError:
        return "[symbol]"
    if found := _FONTS.get(font.lower(), {}).get(place - _PRIVATE.start if place in _PRIVATE else place):
        return found
    if not font.lower().startswith(_PICTURES) and 0 <= place <= 0x10FFFF and chr(place).isprintable():
        return chr(place)
    return f"[symbol {place:04X}]"
