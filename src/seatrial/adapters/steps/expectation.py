"""Whether what a step saw is what its proof expects."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final

from seatrial.core.errors import Malformed
from seatrial.core.observation import Json

_PLACE: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_SHOWN: Final = 120


def at_path(value: Json, path: str) -> Json:
    """The value at `version`, `model.version` or `rows[0].id`; a key with dots is found as it is written.

    Raises Malformed when there is none.
    """
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for match in _PLACE.finditer(path.removeprefix("$.")):
        key, index = match[1], match[2]
        if key is not None and isinstance(value, Mapping) and key in value:
            value = value[key]
        elif index is not None and _is_list(value) and int(index) < len(value):  # type: ignore[arg-type]
            value = value[int(index)]  # type: ignore[index]
        else:
            raise Malformed(f"there is no {path!r} in what was answered")
    return value


def _is_list(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def mismatches(seen: Json, expected: Mapping[str, Json]) -> list[str]:
    """What differs from the expected values, path by path, in words; empty when everything holds."""
    wrong = []
    for path, wanted in expected.items():
        try:
            found = at_path(seen, path)
        except Malformed as error:
            wrong.append(error.what)
            continue
        if not same(found, wanted):
            wrong.append(f"{path} is {shown(found)}, expected {shown(wanted)}")
    return wrong


def same(found: Json, wanted: Json) -> bool:
    """Equality as JSON has it: 1 and 1.0 are the same number, 1 and true are not, NaN equals nothing."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return math.isfinite(found) and found == wanted
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return set(found) == set(wanted) and all(same(found[key], wanted[key]) for key in wanted)
    if _is_list(found) and _is_list(wanted):
        return len(found) == len(wanted) and all(map(same, found, wanted))  # type: ignore[arg-type]
    return type(found) is type(wanted) and found == wanted


def shown(value: Json) -> str:
    """A value, short enough for a message."""
    spelled = repr(value)
    return spelled if len(spelled) <= _SHOWN else f"{spelled[:_SHOWN]}…"


def pattern(expected: Json, where: str) -> re.Pattern[str]:
    """A regular expression from a procedure file. Raises Malformed."""
    if not isinstance(expected, str):
        raise Malformed(f"{where} must be a regular expression as text")
    try:
        return re.compile(expected, re.MULTILINE)
    except re.error as error:
        raise Malformed(f"{where} is no regular expression: {error}") from None
