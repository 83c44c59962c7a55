"""Words of a document that are no part of a value which is read out of it, so that a mistyped one changes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from seatrial.domains.scored.written_dates import undated

_FIGURE_BEFORE: Final = re.compile(r"\d[.)]?[ -]?$")
_FIGURE_AFTER: Final = re.compile(r"[.]?[ -]?\d")
_WORD: Final = re.compile(r"[^\W\d_]+")
_NEAR: Final = 3


def beside_values(text: str, places: Sequence[tuple[int, int]], kept: Sequence[str]) -> list[tuple[int, int]]:
    """Those of the places that hold no figure and no word of a value in `kept`, touch no figure and name no month.

    A value is not always written as it is read: 3 October 2026 is 2026-10-03, and 12 Euro are EUR.
    """
    spared = [match.span() for value in kept if value for match in re.finditer(re.escape(value), text, re.IGNORECASE)]
    words = {word.casefold() for value in kept for word in _WORD.findall(value)}
    return [
        (start, end)
        for start, end in places
        if all(end <= a or b <= start for a, b in spared)
        and undated(text[start:end]) == text[start:end]
        and words.isdisjoint(word.casefold() for word in _WORD.findall(text[start:end]))
        and not _FIGURE_BEFORE.search(text[max(0, start - _NEAR) : start])
        and not _FIGURE_AFTER.match(text[end : end + _NEAR])
    ]
