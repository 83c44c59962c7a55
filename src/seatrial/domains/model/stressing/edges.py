"""The edges of what is declared: legal input as it hardly ever comes, made from the declaration and the data.

A legal edge may be answered in the task's form, or refused in words. A crash, a time-out and an answer of another shape
are none of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.domains.legality import time_of
from seatrial.domains.model.stressing.baseline import Baseline, decimals_of
from seatrial.spec.model import InputField

_MOST_CORNERS = 24
_MOST_VALUES = 50
_MOST_PAIRS = 24
_RARE = 0.001
"""A pair of values that fewer rows than this share have is a rare combination."""
_OVERSIZED = 200_000
_UNSEEN = "seatrial-unseen"
_TEXTS: Mapping[str, str] = {
    "empty text": "",
    "only white space": "  \t\n ",
    "one letter": "a",
    "other scripts": "Größe 大小 размер حجم 🚚🚛",
    "control characters": "a\u0007b\u001bc\u0085d\u202ee",
    "markup": "<b>\"'`;--</b> {{7*7}} ${x} %s \\n",
}
_MOMENTS: Sequence[tuple[str, Mapping[str, int]]] = (
    ("long ago", {"year": 1970, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}),
    ("far ahead", {"year": 2099, "month": 12, "day": 31, "hour": 23, "minute": 59, "second": 59}),
    ("a leap day", {"year": 2028, "month": 2, "day": 29}),
    ("the hour that summer time skips", {"year": 2027, "month": 3, "day": 28, "hour": 2, "minute": 30}),
    ("the hour that comes twice", {"year": 2027, "month": 10, "day": 31, "hour": 2, "minute": 30}),
    ("the last second of a year", {"month": 12, "day": 31, "hour": 23, "minute": 59, "second": 59}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One kind of edge; `make` gives the row at the edge, None where the row cannot stand there."""

    kind: str
    fields: tuple[str, ...]
    make: Callable[[Row], Row | None]
    told: str = ""

    @property
    def name(self) -> str:
        """For people."""
        return f"{', '.join(self.fields[:3])}{' …' if len(self.fields) > 3 else ''}: {self.told or self.kind}"


def edges_of(base: Baseline, *, seed: int) -> list[Edge]:
    """Every edge that the declaration and the data have; immutable fields stay as they are."""
    fixed = set(base.system.stress.immutable)
    free = {n: f for n, f in base.inputs.items() if n not in fixed and n in base.rows[0]}
    drawn = random.Random(seed)  # noqa: S311 - which corners, not a secret
    measured = [n for n, f in free.items() if f.type in ("number", "integer") and f.values is None]
    numbers = {n: r for n in measured if (r := _reach(base, n, free[n])) is not None}
    return [
        *_extremes(base, numbers),
        *_corners(numbers, drawn),
        *_values(base, free),
        *_rare(base, free, drawn),
        *_texts(base, free),
        *_nulls(free),
        *_times(free),
    ]


def _reach(base: Baseline, name: str, declared: InputField) -> tuple[float, float] | None:
    """The declared range; where it is open, as far as the data go. None where that is no range."""
    profile = base.profiles[name]
    low = declared.minimum if declared.minimum is not None else profile.low
    high = declared.maximum if declared.maximum is not None else profile.high
    if not low < high:
        return None
    return (math.ceil(low), math.floor(high)) if declared.type == "integer" else (low, high)


def _setting(values: Mapping[str, Json]) -> Callable[[Row], Row | None]:
    return lambda row: {**row, **values}


def _extremes(base: Baseline, numbers: Mapping[str, tuple[float, float]]) -> Iterator[Edge]:
    """Each number alone, a step of its source inside its range."""
    for name, (low, high) in numbers.items():
        whole = base.inputs[name].type == "integer"
        step = 1.0 if whole else 10.0 ** -max(1, decimals_of(base.rows, name))
        for side, value in (("smallest", low), ("just above the smallest", low + step)):
            yield _number(name, value, side, whole=whole)
        for side, value in (("just below the largest", high - step), ("largest", high)):
            yield _number(name, value, side, whole=whole)


def _number(name: str, value: float, side: str, *, whole: bool) -> Edge:
    given: Json = round(value) if whole else round(value, 9)
    return Edge(kind="extreme", fields=(name,), make=_setting({name: given}), told=f"{side}, {given:g}")


def _corners(numbers: Mapping[str, tuple[float, float]], drawn: random.Random) -> Iterator[Edge]:
    """All at their smallest, all at their largest, and for every pair all four corners."""
    names = tuple(numbers)
    if len(names) < 2:
        return
    for side, told in ((0, "all at their smallest"), (1, "all at their largest")):
        yield _corner(names, {n: numbers[n][side] for n in names}, told)
    wanted = {(a, b, x, y) for a, b in combinations(range(len(names)), 2) for x in (0, 1) for y in (0, 1)}
    wanted -= {(a, b, s, s) for a, b in combinations(range(len(names)), 2) for s in (0, 1)}
    for number in range(_MOST_CORNERS):
        if not wanted:
            return
        sides = [drawn.randrange(2) for _ in names]
        met = {(a, b, sides[a], sides[b]) for a, b in combinations(range(len(names)), 2)}
        if not met & wanted:
            continue
        wanted -= met
        yield _corner(names, {n: numbers[n][s] for n, s in zip(names, sides, strict=True)}, f"corner {number + 1}")


def _corner(names: tuple[str, ...], values: Mapping[str, Json], told: str) -> Edge:
    return Edge(kind="corner", fields=names, make=_setting(values), told=told)


def _values(base: Baseline, free: Mapping[str, InputField]) -> Iterator[Edge]:
    """Declared values that the data never show, and where any text is legal one that nobody has seen."""
    for name, declared in free.items():
        seen = {str(row.get(name)) for row in base.rows}
        if declared.type == "boolean":
            declared_values: Sequence[Json] = (True, False)
        else:
            declared_values = declared.values or ()
        for value in [v for v in declared_values if str(v) not in seen][:_MOST_VALUES]:
            told = f"{value!r}, which is legal and which the data never show"
            yield Edge(kind="unseen value", fields=(name,), make=_setting({name: value}), told=told)
        if declared.type == "string" and declared.values is None and name not in base.prose:
            told = "a value that nobody has seen"
            yield Edge(kind="unseen value", fields=(name,), make=_setting({name: _UNSEEN}), told=told)


def _rare(base: Baseline, free: Mapping[str, InputField], drawn: random.Random) -> Iterator[Edge]:
    """Pairs of values that are each known and hardly ever come together."""
    known: dict[str, list[Json]] = {}
    for name, declared in free.items():
        levels = base.profiles[name].levels
        seen = [v for v in declared.values if str(v) in levels] if declared.values is not None else sorted(levels)
        if declared.type in ("string", "boolean") and len(seen) > 1:
            known[name] = seen
    found: list[tuple[str, Json, str, Json]] = []
    for first, second in combinations(known, 2):
        counts: dict[tuple[Json, Json], int] = {}
        for row in base.rows:
            pair = (row.get(first), row.get(second))
            counts[pair] = counts.get(pair, 0) + 1
        found += [
            (first, a, second, b)
            for a in known[first]
            for b in known[second]
            if counts.get((a, b), 0) < _RARE * len(base.rows)
        ]
    for first, a, second, b in drawn.sample(found, min(len(found), _MOST_PAIRS)):
        told = f"{a!r} with {b!r}, which hardly ever come together"
        yield Edge(kind="rare combination", fields=(first, second), make=_setting({first: a, second: b}), told=told)


def _texts(base: Baseline, free: Mapping[str, InputField]) -> Iterator[Edge]:
    for name in base.prose:
        if name not in free:
            continue
        for told, text in _TEXTS.items():
            yield Edge(kind=told, fields=(name,), make=_setting({name: text}), told=told)
        yield Edge(
            kind="oversized text", fields=(name,), make=_oversized(base, name), told=f"{_OVERSIZED:,} characters"
        )


def _oversized(base: Baseline, name: str) -> Callable[[Row], Row | None]:
    """The same long text for every row: one text of the data again and again."""
    text = next((value for row in base.rows if isinstance(value := row.get(name), str) and value), "a") + " "
    return _setting({name: (text * (_OVERSIZED // len(text) + 1))[:_OVERSIZED]})


def _nulls(free: Mapping[str, InputField]) -> Iterator[Edge]:
    names = [n for n, f in free.items() if f.nullable]
    for name in names:
        yield Edge(kind="null", fields=(name,), make=_setting({name: None}), told="null, which is legal")
    if len(names) > 1:
        nothing = dict.fromkeys(names)
        yield Edge(kind="null", fields=tuple(names), make=_setting(nothing), told="all null at once")


def _times(free: Mapping[str, InputField]) -> Iterator[Edge]:
    for name, declared in free.items():
        if declared.type == "time":
            for told, parts in _MOMENTS:
                yield Edge(kind="extreme time", fields=(name,), make=_moment(name, parts), told=told)


def _moment(name: str, parts: Mapping[str, int]) -> Callable[[Row], Row | None]:
    def make(row: Row) -> Row | None:
        value = row.get(name)
        when = time_of(value)
        if when is None:
            return None
        moved = datetime(**{"year": when.year, "hour": when.hour, "minute": when.minute, **parts}, tzinfo=when.tzinfo)
        return {**row, name: (moved.date() if len(str(value)) == len("2027-01-11") else moved).isoformat()}

    return make
