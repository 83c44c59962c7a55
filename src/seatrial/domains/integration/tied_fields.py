"""Fields that go together without exception where the model learned, and no longer do live.

An article belongs to one group, a day of the week to one day: each field by itself lies as it always lay when the
articles were numbered anew, or when the day before stands where the day itself should. What shows is the pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np

from seatrial.core.ports import Table
from seatrial.domains.scored.rows import (
    REST,
    Feature,
    Floats,
    Ints,
    Mask,
    Rows,
    aligned,
    features_of,
    read_rows,
    times_of,
)
from seatrial.measure.columns import Column, as_text
from seatrial.spec.model import InputField
from seatrial.stats import proportions

MOST_ROWS: Final = 50_000
_MOST_FIELDS: Final = 40
_MOST_LEVELS: Final = 100
"""A number with more different values than this is measured, and no code."""
_FEWEST: Final = 20
"""Rows of a value below which nothing is said of what goes with it."""
_WITHOUT_EXCEPTION: Final = 0.999
_SAME: Final = 0.9
"""A field of which nearly all rows have one value goes with every other one."""
_LEAST_LEVELS: Final = 2
_NOT_KNOWN: Final = -1
_SHOWN: Final = 3
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_S: Final = 86_400.0
_THURSDAY: Final = 3
"""1 January 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Untied:
    """`told` goes with `by` in the reference; in `broken` of `n` live rows it does not. `lower` bounds their share."""

    by: str
    told: str
    broken: int
    n: int
    lower: float
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tie:
    """For each level of one field the level of the other that goes with it, or -1; `known` levels of the other."""

    mates: Ints
    known: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A table, and the column with the time of its rows, where one is declared."""

    table: Table
    time: str | None


def untied(
    reference: Side, live: Side, inputs: Mapping[str, InputField], *, alpha: float, seed: int
) -> tuple[int, list[Untied]]:
    """How many pairs go together in the reference, and those that are broken in a live row, the most broken first.

    Each bound is at `alpha` over the number of pairs. Of two fields that tell each other only one direction is told.
    """
    before, now = (_rows(side, inputs, seed) for side in (reference, live))
    pairs = aligned(*(_codes(rows, inputs) for rows in (before, now)))
    pairs += _days(before, reference.time, now, live.time)
    ties = [
        (a, b, told)
        for a, b in permutations(pairs[:_MOST_FIELDS], 2)
        if a[0].source != b[0].source and (told := _tie(a[0], b[0])) is not None
    ]
    found = [each for a, b, told in ties if (each := _held(a[1], b[1], told, alpha / len(ties))) is not None]
    found.sort(key=lambda each: (-each.lower, -each.broken, each.by, each.told))
    once: dict[frozenset[str], Untied] = {}
    for each in found:
        once.setdefault(frozenset({each.by, each.told}), each)
    return len({frozenset({a[0].name, b[0].name}) for a, b, _ in ties}), list(once.values())


def _rows(side: Side, inputs: Mapping[str, InputField], seed: int) -> Rows:
    return read_rows(side.table, [*inputs, *([side.time] if side.time else [])], most=MOST_ROWS, seed=seed)


def _codes(rows: Rows, inputs: Mapping[str, InputField]) -> tuple[Feature, ...]:
    """The inputs as codes; numbers only where they are whole and few."""
    found = []
    for feature in features_of(rows, inputs):
        if feature.codes is not None:
            found.append(feature)
            continue
        numbers = np.asarray(feature.numbers)
        levels, codes = np.unique(numbers[~np.isnan(numbers)], return_inverse=True)
        if 1 < levels.size <= _MOST_LEVELS and np.all(levels == np.floor(levels)):
            whole = np.full(numbers.size, -1, dtype=np.int64)
            whole[~np.isnan(numbers)] = codes
            texts = tuple(f"{level:g}" for level in levels)
            found.append(Feature(name=feature.name, source=feature.source, codes=whole, levels=texts))
    return tuple(found)


def _days(before: Rows, first: str | None, now: Rows, second: str | None) -> list[tuple[Feature, Feature]]:
    """The weekday of the rows' own time, where both sides write it in the same way: else midnight is not midnight."""
    if first is None or second is None or first not in before.columns or second not in now.columns:
        return []
    sides = [(column, times_of(column)) for column in (before.columns[first], now.columns[second])]
    told = [(column, seconds) for column, seconds in sides if seconds is not None and np.isfinite(seconds).any()]
    if len(told) < len(sides) or len({_form(column, seconds) for column, seconds in told}) > 1:
        return []
    a, b = (
        Feature(name=f"weekday of {first}", source=f"weekday of {first}", codes=_weekdays(seconds), levels=_DAYS)
        for _, seconds in told
    )
    return [(a, b)]


def _form(column: Column, seconds: Floats) -> tuple[bool, bool]:
    """Whether its times are days alone, and whether they have a zone."""
    given = seconds[np.isfinite(seconds)]
    if column.kind == "text":
        first = next((text for text in as_text(column.codes[0][:1])), "")
        zoned = first.endswith("Z") or "+" in first or first[10:].count("-") > 0
    else:
        zoned = column.zone is not None
    return bool(np.all(given % _DAY_S == 0.0)), zoned


def _weekdays(seconds: Floats) -> Ints:
    days = np.full(seconds.size, -1, dtype=np.int64)
    known = np.isfinite(seconds)
    days[known] = (np.floor(seconds[known] / _DAY_S).astype(np.int64) + _THURSDAY) % len(_DAYS)
    return days


def _tie(by: Feature, told: Feature) -> _Tie | None:
    counts = _together(by, told)
    of_told = counts.sum(axis=0)
    total = int(counts.sum())
    enough = counts.sum(axis=1) >= _FEWEST
    if not total or enough.sum() < _LEAST_LEVELS or of_told.max() > _SAME * total:
        return None
    seen = counts[enough]
    if seen.max(axis=1).sum() < _WITHOUT_EXCEPTION * seen.sum() or seen.sum() < _SAME * total:
        return None
    mates = np.where(enough, counts.argmax(axis=1), _NOT_KNOWN)
    known = of_told > 0
    if REST in by.levels:
        mates[by.levels.index(REST)] = _NOT_KNOWN
    if REST in told.levels:
        rest = told.levels.index(REST)
        mates[mates == rest] = _NOT_KNOWN
        known[rest] = False
    return _Tie(mates=mates, known=known)


def _together(by: Feature, told: Feature) -> Ints:
    a, b = np.asarray(by.codes, dtype=np.int64), np.asarray(told.codes, dtype=np.int64)
    given = (a >= 0) & (b >= 0)
    width = len(told.levels)
    cells = np.bincount(a[given] * width + b[given], minlength=len(by.levels) * width)
    return np.asarray(cells, dtype=np.int64).reshape(len(by.levels), width)


def _held(by: Feature, told: Feature, tie: _Tie, alpha: float) -> Untied | None:
    """The tie held against live rows."""
    counts = _together(by, told)
    counts[tie.mates < 0] = 0
    counts[:, ~tie.known] = 0
    others = counts.copy()
    others[np.arange(tie.mates.size), np.maximum(tie.mates, 0)] = 0
    n, broken = int(counts.sum()), int(others.sum())
    if not broken:
        return None
    return Untied(
        by=by.name,
        told=told.name,
        broken=broken,
        n=n,
        lower=proportions.lower(broken, n, alpha),
        examples=tuple(_examples(by, told, tie, others)),
    )


def _examples(by: Feature, told: Feature, tie: _Tie, others: Ints) -> Iterator[str]:
    """The commonest exceptions, in words."""
    for place in np.argsort(-others, axis=None, kind="stable")[:_SHOWN].tolist():
        level, other = divmod(place, others.shape[1])
        if others[level, other]:
            mate = told.levels[int(tie.mates[level])]
            yield f"{by.levels[level]} went with {mate}, and comes with {told.levels[other]}"
