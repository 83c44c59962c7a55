"""A source whose times go on while its values rest: a gateway that stamps the last ones anew looks fresh and is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import combinations

from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Row
from seatrial.core.wording import span
from seatrial.spec.data import Freshness

CODES = {
    "values-stand-still": "A source's times go on, and none of its values has changed for longer than it may be old.",
}
_FEWEST_TIMES = 20
_FEWEST_FIELDS = 2
"""One value may well rest; several that all do, to the last digit, are no measurements."""

_Stamped = tuple[datetime, dict[str, Json]]


def resting(
    declared: Freshness, records: Sequence[Row], time_of: Callable[[Json], datetime | str], why: str
) -> Iterator[Finding]:
    """Where nothing has changed for longer than the limit in any part of the source, such as its stations.

    Parts are told by their texts; all else but times are the values. Fewer than two numbers, or than 20 times, tell
    nothing, and neither do parts that never stand beside one another and have the same ones: there a text is the value.
    """
    if declared.may_rest:
        return
    stamped = [(at, row) for row in records if isinstance(at := time_of(row.get(declared.at)), datetime)]
    parts: dict[tuple[tuple[str, str], ...], list[_Stamped]] = {}
    for at, row in sorted(stamped, key=lambda pair: pair[0]):
        key = tuple((n, v) for n, v in row.items() if isinstance(v, str) and not isinstance(time_of(v), datetime))
        values = {n: v for n, v in row.items() if not isinstance(v, str) and n != declared.at}
        parts.setdefault(key, []).append((at, values))
    if not parts or not all(_rests(part) for part in parts.values()):
        return
    if any(_may_be_one(one, other) for one, other in combinations(parts.values(), 2)):
        return
    rested_s = min((part[-1][0] - part[0][0]).total_seconds() for part in parts.values())
    if rested_s > declared.at_most:
        fields = tuple(dict.fromkeys(name for part in parts.values() for name in part[-1][1]))
        yield Finding(
            code="values-stand-still",
            summary=f"{declared.source} brings new times, and none of {', '.join(fields[:6])} has changed in "
            f"{span(rested_s)}; data may be {span(declared.at_most)} old.",
            fields=fields,
            why=why,
            remedy="Find out whether something on the way stamps the last values anew; where they may really rest for "
            "so long, declare may_rest: true beside the limit.",
        )


def _rests(part: Sequence[_Stamped]) -> bool:
    """Whether the part has enough times and numbers, and all of its values are the same at all of them."""
    values = part[-1][1]
    numbers = sum(isinstance(v, int | float) and not isinstance(v, bool) for v in values.values())
    enough = len({at for at, _ in part}) >= _FEWEST_TIMES and numbers >= _FEWEST_FIELDS
    return enough and all(each == values for _, each in part)


def _may_be_one(part: Sequence[_Stamped], other: Sequence[_Stamped]) -> bool:
    """Whether it may be one thing whose text changes: the same values, and never both at one time."""
    return part[-1][1] == other[-1][1] and {at for at, _ in part}.isdisjoint(at for at, _ in other)
