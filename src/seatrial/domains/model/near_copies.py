"""Rows that stand in the training data but for noise, rounding and a few changed fields.

Two rows are near when all fields but a few lie within a tolerance of each other. A copy with at most `few` changed
fields agrees in at least one of `few + 1` groups of fields, so looking in every group finds it. Data repeat themselves
by nature: what counts is the share of evaluation rows with a near row in training beyond the share of training rows
that have one themselves. Assumption: evaluation and training rows repeat by nature equally often. Guarantee: the bounds
on both shares are exact, at a part of the error rate for every way of looking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.domains.scored.rows import Feature, Floats, Ints, aligned
from seatrial.stats import proportions

MOST_PROBES = 3_000
"""Evaluation rows, and as many training rows, that are looked for in training."""
MOST_KNOWN = 300_000
"""Training rows that are held to be looked in."""
_MOST_PAIRS = 30_000_000
_CHUNK = 1_500_000
_TIGHT, _WIDE = 0.01, 0.05
"""Tolerances as shares of the distance between the quartiles."""
_NOISE = 2.0
_MOST_NATURAL = 0.2
_RARE = 0.02
"""So many fields may differ that at most this share of training rows has a near row by nature."""
_PLANTS = 200
_FEWEST_HELD = 4_000
_PRUNED = 0.7
_CELL = 8.0
"""Tolerances in one cell of a group's second number."""
_MOST_KEYS, _FINEST = 2.0**30, 2.0**-18


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way of being near, and how many of the looked-for rows have such a row in training.

    `changed` fields at most may differ, all others by no more than rounding, or by noise where `noisy`.
    """

    changed: int
    noisy: bool
    copies: int
    rows: int
    natural: int
    natural_rows: int

    @property
    def natural_share(self) -> float:
        """The share of training rows that have a near row in training themselves."""
        return self.natural / self.natural_rows if self.natural_rows else 1.0

    def excess(self, alpha: float, searched: float) -> float:
        """A lower bound on the share of near copies among the rows, where a share of the training was searched."""
        if not self.rows or not self.natural_rows or self.natural_share > _MOST_NATURAL:
            return 0.0
        below = proportions.lower(self.copies, self.rows, alpha / 2)
        above = proportions.upper(self.natural, self.natural_rows, alpha / 2)
        return float(min(1.0, max(0.0, below - above) / searched))


@dataclass(frozen=True, slots=True, kw_only=True)
class NearSearch:
    """What looking for near copies found, and `found` of `planted` copies that were planted to see whether it does.

    `searched` is the share of the training rows that was searched.
    """

    ways: tuple[Way, ...]
    fields: int
    searched: float
    planted: int
    found: int

    @property
    def telling(self) -> bool:
        """Whether rows differ enough that a near copy says something."""
        return any(way.natural_share <= _MOST_NATURAL for way in self.ways)

    def strongest(self, alpha: float) -> tuple[Way, float]:
        """The way that shows the largest excess, and that excess."""
        each = alpha / max(1, len(self.ways))
        ranked = [(way, way.excess(each, self.searched)) for way in self.ways]
        return max(ranked, key=lambda pair: (pair[1], pair[0].copies))

    def power(self, share: float, *, most: float, alpha: float) -> float:
        """How likely near copies in this share of the rows are to show an excess above `most`, by the best way."""
        if not self.planted:
            return 0.0
        caught = proportions.lower(self.found, self.planted, alpha)
        return max(self._power_of(way, share * caught, most, alpha / len(self.ways)) for way in self.ways)

    def _power_of(self, way: Way, share: float, most: float, alpha: float) -> float:
        from scipy.stats import binom

        if way.changed < max(w.changed for w in self.ways) or not way.rows or way.natural_share > _MOST_NATURAL:
            return 0.0
        low, high = 0, way.rows
        while low < high:
            middle = (low + high) // 2
            shown = replace(way, copies=middle).excess(alpha, self.searched) > most
            low, high = (low, middle) if shown else (middle + 1, high)
        rate = way.natural_share + (1.0 - way.natural_share) * share * self.searched
        return float(binom.sf(low - 1, way.rows, rate)) if low < way.rows else 0.0


def near_copies(
    training: Sequence[Feature],
    evaluation: Sequence[Feature],
    *,
    training_rows: int,
    noise: Mapping[str, float],
    seed: int,
    changed: int | None = None,
) -> NearSearch | None:
    """Look for each evaluation row in training. None where the two have no field in common or a side has no rows.

    `training` may be a sample of the `training_rows` rows that there are. `noise` is the declared noise of a field.
    `changed` fields may differ; where None, as many as leave near rows rare among training rows.
    """
    pairs = [(k, a) for k, a in aligned(training, evaluation) if (k.numbers is None) == (a.numbers is None)]
    if not pairs or not pairs[0][0].missing.size or not pairs[0][1].missing.size:
        return None
    rng = np.random.default_rng(seed)
    columns = [_column(k, a, noise.get(k.source, 0.0)) for k, a in pairs]
    few = _few(len(columns))
    groups = _groups(columns, few + 1)
    most_held, most_probes = _sizes(groups, columns)
    held = _some(columns[0].known.size, most_held, rng)
    columns = [c.holding(held) for c in columns]
    index = [_Index(group, columns) for group in groups]
    asked = _some(columns[0].asked.size, most_probes, rng)
    probes = _some(held.size, max(MOST_PROBES, most_probes), rng)
    met = _fewest_misses(columns, index, [c.asked[asked] for c in columns], few)
    own = _fewest_misses(columns, index, [c.known[probes] for c in columns], few, without=probes)
    rare = [f for f in range(few + 1) if (own[0] <= f).mean() <= _RARE]
    few = max(rare, default=0) if changed is None else min(changed, few)
    seen = _fewest_misses(columns, index, _planted(columns, few, rng), few)[0] <= few
    return NearSearch(
        ways=tuple(_ways(met, own, few)),
        fields=len(columns),
        searched=held.size / max(training_rows, held.size),
        planted=int(seen.size),
        found=int(seen.sum()),
    )


def _few(fields: int) -> int:
    """How many fields may differ altogether: one of four, two of ten, three of twenty."""
    return int(np.searchsorted([4, 10, 20], fields, side="right"))


def _ways(met: tuple[Ints, Ints], own: tuple[Ints, Ints], few: int) -> Iterator[Way]:
    for noisy in (False, True):
        for changed in sorted({0, few}):
            yield Way(
                changed=changed,
                noisy=noisy,
                copies=int((met[noisy] <= changed).sum()),
                rows=int(met[noisy].size),
                natural=int((own[noisy] <= changed).sum()),
                natural_rows=int(own[noisy].size),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One field of both sides as numbers; `tight` and `wide` are zero for categories. Missing lies far from all."""

    known: Floats
    asked: Floats
    tight: float
    wide: float
    spread: float
    """Chance that two rows agree within the wide tolerance."""

    def holding(self, rows: Ints) -> _Column:
        return _Column(known=self.known[rows], asked=self.asked, tight=self.tight, wide=self.wide, spread=self.spread)


def _column(k: Feature, a: Feature, noise: float) -> _Column:
    if k.numbers is None or a.numbers is None:
        known, asked = (np.asarray(f.codes, dtype=np.float64) for f in (k, a))
        shares = np.unique(known, return_counts=True)[1] / known.size
        return _Column(known=known, asked=asked, tight=0.0, wide=0.0, spread=float((shares**2).sum()))
    given = k.numbers[np.isfinite(k.numbers)]
    low, high = np.quantile(given, [0.25, 0.75]) if given.size else (0.0, 0.0)
    width = float(high - low)
    if width == 0.0 and given.size:
        width = float(given.std()) / 4.0
    tight, wide = max(_TIGHT * width, noise), max(_WIDE * width, _NOISE * noise)
    far = float(np.abs(given).max()) * 4.0 + 10.0 * (wide + 1.0) if given.size else 1.0
    known, asked = (np.where(np.isfinite(side), side, far) for side in (k.numbers, a.numbers))
    some = np.sort(known[:: max(1, known.size // 2000)])
    near = np.searchsorted(some, some + wide, side="right") - np.searchsorted(some, some - wide)
    return _Column(known=known, asked=asked, tight=tight, wide=wide, spread=float(near.mean() / some.size))


def _groups(columns: Sequence[_Column], wanted: int) -> list[list[int]]:
    """The fields in groups that tell rows apart about equally well; the first field of a group is its best number."""
    order = sorted(range(len(columns)), key=lambda i: columns[i].spread)
    groups: list[list[int]] = [[] for _ in range(wanted)]
    for i in order:
        # The group that tells least apart gets the next best field.
        least = max(range(wanted), key=lambda g: float(np.prod([columns[j].spread for j in groups[g]])))
        groups[least].append(i)
    return [_usable(group, columns) for group in groups]


def _usable(group: Sequence[int], columns: Sequence[_Column]) -> list[int]:
    """At most two numbers of the group, best first, and all of its categories."""
    numbers = [i for i in group if columns[i].wide > 0.0]
    categories = [i for i in group if columns[i].wide == 0.0]
    return [*numbers[:2], *categories]


def _chance(group: Sequence[int], columns: Sequence[_Column]) -> float:
    """How likely two rows are to agree in the group; a second number counts by its cells."""
    chance = float(np.prod([columns[i].spread for i in group]))
    numbers = sum(columns[i].wide > 0.0 for i in group)
    return min(1.0, chance * _CELL if numbers > 1 else chance)


def _sizes(groups: Sequence[Sequence[int]], columns: Sequence[_Column]) -> tuple[int, int]:
    """How many training rows are held and how many rows are looked for, within the number of pairs."""
    n, m = columns[0].known.size, columns[0].asked.size
    chance = sum(_chance(group, columns) for group in groups)
    held = min(n, MOST_KNOWN)
    probes = min(m, max(MOST_PROBES, int(MOST_PROBES * 0.3 * n / held)))
    while held > _FEWEST_HELD and 2.0 * chance * held * probes > _MOST_PAIRS:
        held = max(_FEWEST_HELD, held // 2)
    return held, probes


def _some(n: int, most: int, rng: np.random.Generator) -> Ints:
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.sort(rng.choice(n, most, replace=False)).astype(np.int64)


class _Index:
    """Training rows in the order of one group of fields: rows that agree in the group stand beside each other.

    Categories and the cells of a second number make the key's whole part, the first number its fraction.
    """

    def __init__(self, group: Sequence[int], columns: Sequence[_Column]) -> None:
        numbers = [i for i in group if columns[i].wide > 0.0]
        self._values = {i: np.unique(columns[i].known) for i in group if columns[i].wide == 0.0}
        self._first = numbers[0] if numbers else None
        self._second = numbers[1] if len(numbers) > 1 else None
        self._low, self._span, self._reach = 0.0, 1.0, 0.25
        if self._first is not None:
            column = columns[self._first]
            self._low, self._span = float(column.known.min()), float(np.ptp(column.known)) or 1.0
            self._reach = max(column.wide / self._span * (1.0 + 1e-9), _FINEST)
        self._wide = columns[self._second].wide if self._second is not None else 0.0
        keys = self._keys([c.known for c in columns], 0.0)
        self._order = np.argsort(keys, kind="stable")
        self._keys_in_order = keys[self._order]

    def _keys(self, sides: Sequence[Floats], aside: float) -> Floats:
        """`aside` shifts the second number by so many of its tolerances."""
        key = np.zeros(sides[0].size)
        for i, values in self._values.items():
            place = np.minimum(np.searchsorted(values, sides[i]), values.size - 1)
            place = np.where(values[place] == sides[i], place, values.size)
            key = np.mod(key * (values.size + 1) + place, _MOST_KEYS)
        if self._second is not None:
            cell = np.floor((sides[self._second] + aside * self._wide) / (self._wide * _CELL))
            key = np.mod(key * 1009.0 + np.mod(cell, 2.0**20), _MOST_KEYS)
        key *= 4.0
        if self._first is not None:
            key += np.clip((sides[self._first] - self._low) / self._span, -1.0, 2.0)
        return key

    def pairs(self, asked: Sequence[Floats]) -> Iterator[tuple[Ints, Ints]]:
        """Pairs of a looked-for row and a training row that agree in the group, in bounded portions."""
        keys = self._keys(asked, 0.0)
        yield from self._near(np.arange(keys.size, dtype=np.int64), keys)
        if self._second is None:
            return
        for aside in (-1.0, 1.0):
            beside = self._keys(asked, aside)
            moved = np.flatnonzero(beside != keys)
            yield from self._near(moved, beside[moved])

    def _near(self, rows: Ints, keys: Floats) -> Iterator[tuple[Ints, Ints]]:
        low = np.searchsorted(self._keys_in_order, keys - self._reach, side="left")
        high = np.searchsorted(self._keys_in_order, keys + self._reach, side="right")
        widths = high - low
        ends = np.cumsum(widths)
        start = 0
        while start < keys.size:
            before = int(ends[start - 1]) if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
            width = widths[start:stop]
            if width.any():
                offset = np.arange(int(width.sum()), dtype=np.int64) - np.repeat(np.cumsum(width) - width, width)
                yield np.repeat(rows[start:stop], width), self._order[np.repeat(low[start:stop], width) + offset]
            start = stop


def _fewest_misses(
    columns: Sequence[_Column],
    index: Sequence[_Index],
    asked: Sequence[Floats],
    few: int,
    *,
    without: Ints | None = None,
) -> tuple[Ints, Ints]:
    """For each looked-for row in how many fields the nearest training row differs: beyond rounding, and beyond noise.

    Counts above `few` are all the same. Row `i` is not compared with training row `without[i]`, which is itself.
    """
    best_tight, best_wide = (np.full(asked[0].size, few + 1, dtype=np.int64) for _ in range(2))
    order = sorted(range(len(columns)), key=lambda i: columns[i].spread)
    for each in index:
        for row, known in each.pairs(asked):
            kept = np.ones(row.size, dtype=bool) if without is None else known != without[row]
            at, there = row[kept], known[kept]
            tight, wide = (np.zeros(at.size, dtype=np.uint8) for _ in range(2))
            for i in order:
                column = columns[i]
                apart = np.abs(column.known[there] - asked[i][at])
                tight += apart > column.tight * (1.0 + 1e-9)
                wide += apart > column.wide * (1.0 + 1e-9)
                near = wide <= few
                if near.sum() < _PRUNED * near.size:
                    at, there, tight, wide = at[near], there[near], tight[near], wide[near]
            np.minimum.at(best_tight, at, tight)
            np.minimum.at(best_wide, at, wide)
    return best_tight, best_wide


def _planted(columns: Sequence[_Column], few: int, rng: np.random.Generator) -> list[Floats]:
    """Training rows within their tolerances, with the values of another row in `few` of their fields."""
    n = columns[0].known.size
    rows = rng.choice(n, min(n, _PLANTS), replace=False)
    others = rng.choice(n, rows.size)
    lots = rng.random((rows.size, len(columns))).argsort(axis=1)
    planted = []
    for i, column in enumerate(columns):
        moved = column.known[rows] + rng.uniform(-1.0, 1.0, rows.size) * column.tight
        planted.append(np.where(lots[:, i] < few, column.known[others], moved))
    return planted
