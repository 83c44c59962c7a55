"""A source whose times go on while its values rest: a gateway that stamps the last ones anew looks fresh and is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations, takewhile

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
    declared: Freshness,
    records: Sequence[Row],
    time_of: Callable[[Json], datetime | str],
    why: str,
    *,
    keys: frozenset[str] = frozenset(),
    events: bool = False,
) -> Iterator[Finding]:
    """Where nothing has changed for longer than the limit in any part of the source, such as its stations.

    Where `per` tells the parts, one that rests is enough; the `keys`, which tell records apart, are no values then.

    Parts are told by their texts; all else but times are the values. Fewer than two numbers, or than 20 times, tell
    nothing, and neither do parts that never stand beside one another and have the same ones: there a text is the value.

    Of a source of `events` each record has a key of its own, which is no part. Whole numbers such as a count of pieces
    may well be the same in many events; a measured one, with decimals, is not.
    """
    if declared.may_rest:
        return
    if declared.per is not None:
        yield from _part_rests(declared, declared.per, records, time_of, why, keys)
        return
    stamped = [(at, row) for row in records if isinstance(at := time_of(row.get(declared.at)), datetime)]
    parts: dict[tuple[tuple[str, str], ...], list[_Stamped]] = {}
    for at, row in sorted(stamped, key=lambda pair: pair[0]):
        told = {n: v for n, v in row.items() if n != declared.at and not (events and n in keys)}
        key = tuple((n, v) for n, v in told.items() if isinstance(v, str) and not isinstance(time_of(v), datetime))
        values = {n: v for n, v in told.items() if not isinstance(v, str)}
        parts.setdefault(key, []).append((at, values))
    if not parts or not all(_rests(part) for part in parts.values()):
        return
    if events and not any(_measured(part[-1][1]) for part in parts.values()):
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


def _part_rests(
    declared: Freshness,
    per: str,
    records: Sequence[Row],
    time_of: Callable[[Json], datetime | str],
    why: str,
    keys: frozenset[str],
) -> Iterator[Finding]:
    parts: dict[str, list[_Stamped]] = {}
    for row in records:
        at = time_of(row.get(declared.at))
        if isinstance(at, datetime):
            values = {n: v for n, v in row.items() if not isinstance(v, str) and n not in (declared.at, per, *keys)}
            parts.setdefault(str(row.get(per)), []).append((at, values))
    spans = {name: _rested_s(sorted(part, key=lambda pair: pair[0])) for name, part in parts.items()}
    still = sorted(name for name, rested_s in spans.items() if rested_s > declared.at_most)
    if still:
        yield Finding(
            code="values-stand-still",
            summary=f"{declared.source} brings new times, and for {len(still)} of {len(parts)} values of {per} no "
            f"number has changed in {span(min(spans[name] for name in still))}: {', '.join(still[:5])}; data may be "
            f"{span(declared.at_most)} old.",
            fields=(f"{declared.source}.{per}",),
            why=why,
            remedy="Find out whether something on the way stamps the last values anew; where they may really rest for "
            "so long, declare may_rest: true beside the limit.",
        )


def _rested_s(part: Sequence[_Stamped]) -> float:
    """For how long up to its newest record a part's values have been the same, 0 where it tells too little."""
    last = part[-1][1]
    same = list(takewhile(lambda pair: pair[1] == last, reversed(part)))
    return (same[0][0] - same[-1][0]).total_seconds() if _rests(same) else 0.0


def _rests(part: Sequence[_Stamped]) -> bool:
    """Whether the part has enough times and numbers, and all of its values are the same at all of them."""
    values = part[-1][1]
    numbers = sum(isinstance(v, int | float) and not isinstance(v, bool) for v in values.values())
    enough = len({at for at, _ in part}) >= _FEWEST_TIMES and numbers >= _FEWEST_FIELDS
    return enough and all(each == values for _, each in part)


def _measured(values: Mapping[str, Json]) -> bool:
    """Whether a number has decimals."""
    return any(isinstance(v, float) and not v.is_integer() for v in values.values())


def _may_be_one(part: Sequence[_Stamped], other: Sequence[_Stamped]) -> bool:
    """Whether it may be one thing whose text changes: the same values, and never both at one time."""
    return part[-1][1] == other[-1][1] and {at for at, _ in part}.isdisjoint(at for at, _ in other)
