"""A change made as small as it can be while it still breaks what it broke: field by field, word by word, by halves."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from difflib import SequenceMatcher

from seatrial.core.observation import Json
from seatrial.core.ports import Row

_TOKENS = re.compile(r"\s+|\S+")
_HALVINGS = 12
_FINEST = 64
"""No step is finer than this part of the whole change, or than the source's own."""
_MOST_TOKENS = 2000
MOST_ASKED = 40
"""Questions that one example may cost."""

Breaks = Callable[[Row], bool]
_Tries = Callable[[Json], bool]


def shrunk(before: Row, after: Row, breaks: Breaks, *, decimals: Callable[[str], int]) -> Row:
    """The smallest change from `before` that was found to break still; `after` itself where nothing smaller does.

    `breaks` asks the model. `decimals` tells how finely the source gives a field, and so where halving ends.
    """
    left = MOST_ASKED

    def still(row: Row) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and row != before and breaks(row)

    smallest = after
    for field in _changed(before, after):
        kept = {n: v for n, v in {**smallest, field: before.get(field)}.items() if n != field or field in before}
        if still(kept):
            smallest = kept
    for field in _changed(before, smallest):
        was, now, rest = before.get(field), smallest[field], smallest

        def tries(value: Json, field: str = field, rest: Row = rest) -> bool:
            return still({**rest, field: value})

        if isinstance(was, str) and isinstance(now, str):
            smallest = {**smallest, field: _fewest_words(was, now, tries)}
        elif _numeric(was) and _numeric(now):
            smallest = {**smallest, field: _nearest(was, now, tries, decimals(field))}
    return smallest


def _changed(before: Row, after: Row) -> list[str]:
    return [name for name in after if name not in before or before[name] != after[name]]


def _numeric(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nearest(before: Json, after: Json, tries: _Tries, decimals: int) -> Json:
    """The number nearest to `before` that still breaks, by halves."""
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return after
    whole = isinstance(after, int)
    finest = math.ceil(-math.log10(abs(after - before) / _FINEST)) if after != before else 0
    kept, broke = before, after
    for _ in range(_HALVINGS):
        middle = (kept + broke) / 2
        middle = round(middle) if whole else round(middle, max(decimals, finest))
        if middle in (kept, broke):
            break
        if tries(middle):
            broke = middle
        else:
            kept = middle
    return broke


def _fewest_words(before: str, after: str, tries: _Tries) -> str:
    """The text with as many of its edits taken back as can be."""
    was, now = _TOKENS.findall(before), _TOKENS.findall(after)
    if len(was) + len(now) > _MOST_TOKENS:
        return after
    edits = [op for op in SequenceMatcher(None, was, now, autojunk=False).get_opcodes() if op[0] != "equal"]

    def built(without: set[int]) -> str:
        made, place = "", 0
        for number, (_, first, last, start, end) in enumerate(edits):
            made += "".join(now[place:start])
            made += "".join(was[first:last] if number in without else now[start:end])
            place = end
        return made + "".join(now[place:])

    taken_back: set[int] = set()
    for number in range(len(edits)):
        if tries(built(taken_back | {number})):
            taken_back.add(number)
    return built(taken_back)
