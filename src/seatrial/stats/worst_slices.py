"""The worst slices of a table by SliceLine's score, over one, two, three and more columns.

Assumption: errors are not negative. Guarantee: exactly the slices that going through all of them would give (tested
by brute force); parts that cannot reach the score of the last slice held are not counted. A slice is named by its
columns and values as whole numbers, so that no two can be confounded however many columns there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.stats.slice_score import SliceScore
from seatrial.stats.tallies import Cells, counts, crossed, sums

Numbers = npt.NDArray[Any]
Members = tuple[tuple[int, int], ...]
_MOST_CELLS = 1 << 22
_ABOVE_ZERO = 1e-12
"""The least score worth showing: the whole table scores zero, and rounding must not lift it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSlice:
    """Rows whose columns have these values: `members` are pairs of a column's place and the value's code there."""

    members: Members
    score: float
    rows: int
    errors: float
    largest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """Of one combination of columns: per cell the rows, the errors, and the most error of a row that it can have."""

    rows: Numbers
    errors: Numbers
    largest: Numbers


@dataclass(slots=True, kw_only=True)
class _Best:
    """The best `k` so far; of equal scores the one with the smaller name."""

    k: int
    found: list[tuple[float, Members, int, float]] = field(default_factory=list)

    @property
    def least(self) -> float:
        """What a further slice has to reach."""
        return self.found[-1][0] if len(self.found) == self.k else _ABOVE_ZERO

    def offer(self, scores: Numbers, level: _Level, places: tuple[int, ...], values: Sequence[Numbers]) -> None:
        """Take in the cells that are good enough."""
        enough = np.argwhere(scores >= self.least)
        if enough.shape[0] > self.k:
            of_each = scores[tuple(enough.T)]
            enough = enough[of_each >= np.partition(of_each, -self.k)[-self.k]]
        for cell in map(tuple, enough):
            members = tuple((p, int(v[c])) for p, v, c in zip(places, values, cell, strict=True))
            self.found.append((float(scores[cell]), members, int(level.rows[cell]), float(level.errors[cell])))
        self.found.sort(key=lambda s: (-s[0], len(s[1]), s[1]))
        del self.found[self.k :]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column reduced to its values that can be part of a slice, the rest in one last cell."""

    place: int
    cells: Cells
    bad: Cells
    """The rows with an error only."""
    values: Numbers
    alone: _Level


def worst_slices(
    columns: Sequence[Cells],
    errors: npt.NDArray[Any],
    *,
    k: int = 10,
    alpha: float = 0.95,
    least_rows: int | None = None,
    conditions: int = 3,
) -> list[ScoredSlice]:
    """The `k` slices of up to `conditions` columns that score highest, above zero, the highest first.

    `least_rows` defaults to SliceLine's: a hundredth of the rows, 32 at least. Empty where there is no error. Raises
    ValueError for errors that are negative or not finite.

    >>> import numpy as np
    >>> column = Cells(codes=np.repeat([0, 1], 50), size=2)
    >>> [worst] = worst_slices([column], np.repeat([0.0, 1.0], 50), k=1)
    >>> worst.members, worst.rows, round(worst.score, 2)
    (((0, 1),), 50, 0.9)
    """
    errors = np.asarray(errors, dtype=np.float64)
    if not (np.isfinite(errors).all() and (errors >= 0.0).all()):
        raise ValueError("errors must be finite and not negative")
    if not errors.any():
        return []
    score = SliceScore(
        alpha=alpha,
        rows=errors.size,
        errors=float(errors.sum()),
        least_rows=max(32, -(-errors.size // 100)) if least_rows is None else max(1, least_rows),
    )
    bad = np.flatnonzero(errors)
    search = _Search(errors=errors, bad=bad, weights=_weights(errors[bad]), score=score, best=_Best(k=k))
    kept = [c for c in map(search.column, range(len(columns)), columns) if c is not None]
    levels: Mapping[tuple[int, ...], _Level] = {(i,): column.alone for i, column in enumerate(kept)}
    for many in range(2, min(conditions, len(kept)) + 1):
        levels = search.deeper(kept, levels, many)
    return [search.shown(found, columns) for found in search.best.found]


def _weights(errors: Numbers) -> Numbers | None:
    """What each row with an error adds; None where it is one for all of them, which is counted faster."""
    return None if bool((errors == 1.0).all()) else errors


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """`bad` are the rows with an error; errors are summed over them alone."""

    errors: Numbers
    bad: Numbers
    weights: Numbers | None
    score: SliceScore
    best: _Best

    def column(self, place: int, cells: Cells) -> _Column | None:
        rows, errors = counts(cells), self._summed(cells.at(self.bad))
        largest = np.zeros(cells.size)
        np.maximum.at(largest, cells.codes[self.bad], self.errors[self.bad])
        values = np.flatnonzero((rows >= self.score.least_rows) & (errors > 0.0))
        if not values.size:
            return None
        level = _Level(rows=rows[values], errors=errors[values], largest=largest[values])
        self.best.offer(self.score.of(level.rows, level.errors), level, (place,), (values,))
        codes = np.full(cells.size, values.size, dtype=np.min_scalar_type(values.size))
        codes[values] = np.arange(values.size)
        reduced = Cells(codes=codes[cells.codes], size=values.size + 1)
        return _Column(place=place, cells=reduced, bad=reduced.at(self.bad), values=values, alone=level)

    def _summed(self, bad: Cells) -> Numbers:
        """The errors in each cell, from the rows that have one."""
        return counts(bad).astype(np.float64) if self.weights is None else sums(bad, self.weights)

    def deeper(
        self, columns: Sequence[_Column], parents: Mapping[tuple[int, ...], _Level], many: int
    ) -> dict[tuple[int, ...], _Level]:
        """Count the slices over `many` columns that could be good enough, by the levels over one column fewer.

        The most promising columns come first, so that soon most others cannot reach what is held.
        """
        able = {at: self._able(level) for at, level in parents.items()}
        ranked = []
        for at in combinations(range(len(columns)), many):
            if all(at[:i] + at[i + 1 :] in able for i in range(many)):
                parts = self._parts(able, at)
                ranked.append((-float(self._bound(parts).max(initial=-np.inf)), at))
        found = {}
        for most, at in sorted(ranked):
            if -most >= self.best.least:
                level = self._counted([columns[i] for i in at], self._parts(able, at))
                if level is not None:
                    found[at] = level
        return found

    def _able(self, level: _Level) -> _Level:
        """The level with nothing in those cells whose parts cannot reach what is held."""
        out = self._bound(level) < self.best.least
        return _Level(rows=np.where(out, 0, level.rows), errors=np.where(out, 0.0, level.errors), largest=level.largest)

    def _bound(self, level: _Level) -> Numbers:
        return self.score.bound(level.rows, level.errors, level.largest)

    def _parts(self, able: Mapping[tuple[int, ...], _Level], at: tuple[int, ...]) -> _Level:
        """What each slice over these columns can have at most: it is a part of each of its parents."""
        parents = [able[at[:i] + at[i + 1 :]] for i in range(len(at))]

        def least(of: str) -> Numbers:
            return reduce(np.minimum, [np.expand_dims(getattr(p, of), i) for i, p in enumerate(parents)])

        return _Level(rows=least("rows"), errors=least("errors"), largest=least("largest"))

    def _counted(self, columns: Sequence[_Column], parts: _Level) -> _Level | None:
        """The level over these columns, the good slices offered; None where its errors alone say that none is."""
        if math.prod(c.cells.size for c in columns) > _MOST_CELLS:
            return self._counted_by_value(columns, parts)
        shape, kept = [c.cells.size for c in columns], tuple(slice(-1) for _ in columns)
        errors = self._summed(reduce(crossed, [c.bad for c in columns])).reshape(shape)[kept]
        # Only the errors are counted yet: no slice has fewer rows than they say, and none more than its parents.
        if self._bound(replace(parts, errors=errors)).max(initial=-np.inf) < self.best.least:
            return None
        rows = counts(reduce(crossed, [c.cells for c in columns])).reshape(shape)[kept]
        return self._offered(columns, replace(parts, rows=rows, errors=errors), columns[0].values)

    def _counted_by_value(self, columns: Sequence[_Column], parts: _Level) -> _Level:
        """The same in parts, one for each value of the first column, where one table would be too large."""
        first, *others = columns
        levels = []
        for i in range(first.values.size):
            inside, bad = first.cells.codes == i, first.bad.codes == i
            shape, kept = [1, *(c.cells.size for c in others)], (slice(None), *(slice(-1) for _ in others))
            weighed = reduce(crossed, [c.bad.at(bad) for c in others])
            errors = counts(weighed) if self.weights is None else sums(weighed, self.weights[bad])
            rows = counts(reduce(crossed, [c.cells.at(inside) for c in others]))
            level = _Level(
                rows=rows.reshape(shape)[kept],
                errors=errors.astype(np.float64).reshape(shape)[kept],
                largest=parts.largest[i : i + 1],
            )
            levels.append(self._offered(columns, level, first.values[i : i + 1]))
        return _Level(
            rows=np.concatenate([level.rows for level in levels]),
            errors=np.concatenate([level.errors for level in levels]),
            largest=parts.largest,
        )

    def _offered(self, columns: Sequence[_Column], level: _Level, first: Numbers) -> _Level:
        scores = self.score.of(level.rows, level.errors)
        self.best.offer(scores, level, tuple(c.place for c in columns), (first, *(c.values for c in columns[1:])))
        return level

    def shown(self, found: tuple[float, Members, int, float], columns: Sequence[Cells]) -> ScoredSlice:
        """A slice that was held, with its largest error."""
        score, members, rows, errors = found
        inside = np.logical_and.reduce([columns[place].codes == value for place, value in members])
        return ScoredSlice(
            members=members, score=score, rows=rows, errors=errors, largest=float(self.errors[inside].max())
        )
