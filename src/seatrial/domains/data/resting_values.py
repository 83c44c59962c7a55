"""A source whose times go on while its values rest: a gateway that stamps the last ones anew looks fresh and is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

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


def resting(
    declared: Freshness, records: Sequence[Row], time_of: Callable[[Json], datetime | str], why: str
) -> Iterator[Finding]:
    """Where nothing has changed for longer than the limit in any part of the source, such as its stations.

    Parts are told by their texts; numbers are the values. Fewer than two of them, or than 20 times, tell nothing.
    """
    if declared.may_rest:
        return
    stamped = [(at, row) for row in records if isinstance(at := time_of(row.get(declared.at)), datetime)]
    parts: dict[tuple[tuple[str, str], ...], list[tuple[datetime, dict[str, float]]]] = {}
    for at, row in sorted(stamped, key=lambda pair: pair[0]):
        key = tuple((n, v) for n, v in row.items() if isinstance(v, str) and not isinstance(time_of(v), datetime))
        numbers = {
            n: float(v)
            for n, v in row.items()
            if isinstance(v, int | float) and not isinstance(v, bool) and n != declared.at
        }
        parts.setdefault(key, []).append((at, numbers))
    if not parts or not all(_rests(part) for part in parts.values()):
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


def _rests(part: Sequence[tuple[datetime, dict[str, float]]]) -> bool:
    """Whether the part has enough times and values, and all of the values are the same at all of them."""
    values = part[-1][1]
    enough = len({at for at, _ in part}) >= _FEWEST_TIMES and len(values) >= _FEWEST_FIELDS
    return enough and all(numbers == values for _, numbers in part)
