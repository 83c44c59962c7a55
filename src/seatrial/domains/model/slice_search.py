"""The search for weak slices on the first half: which groups of rows may be worth confirming.

Groups of one, two and three conditions are ranked by how far their errors exceed what is expected, in standard
deviations, and what is expected follows from the groups taken before: otherwise one strong effect would hide every
other one behind its variations. Groups that are worse by a harm that matters come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from seatrial.domains.model.grid import Bits, Grid, Members, as_bits, count_bits, least_rows, most_rows, together
from seatrial.domains.scored.rows import Floats, Ints, Mask

LEAST_Z = 3.0
MOST_CANDIDATES = 24
_SIMPLER = 1.0
"""A group must say clearly more than each wider one: people understand one condition better than two."""
_PER_FACETS = 5
_MOST_PAIRS = 600
_CHOSEN_ON = 65_536
_FEW_WORDS = 0.6
"""Up to this share of all words it is faster to look at those that hold something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """What went wrong on the first half: as bits, in all, and for every two conditions together."""

    bits: Bits
    total: int
    together: Ints

    @property
    def none(self) -> bool:
        """True where nothing went wrong."""
        return self.total == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A group of the first half with its rows and its errors there."""

    members: Members
    n: int
    errors: int


def errors_of(grid: Grid, wrong: Mask) -> Errors:
    """The errors of the first half, counted. `wrong` has one entry for every labelled row."""
    mask = wrong[grid.find.rows]
    return Errors(bits=as_bits(mask), total=int(mask.sum()), together=together(grid.facets, np.flatnonzero(mask)))


def with_more(grid: Grid, errors: Errors, more: Ints) -> Errors:
    """The same with further rows gone wrong, given by their places in the first half, none of them wrong before."""
    mask = np.zeros(grid.find.n, dtype=bool)
    mask[more] = True
    return Errors(
        bits=errors.bits | as_bits(mask),
        total=errors.total + int(more.size),
        together=errors.together + together(grid.facets, more),
    )


def candidates(grid: Grid, errors: Errors, triples: Iterable[Candidate], *, rise: float) -> list[Members]:
    """At most 24 groups, each of which stands out most of what the ones before do not explain.

    Those that are worse than explained by half of `rise` come first. On large tables this choice, and only it, looks
    at a sample of the rows.
    """
    if errors.total in {0, grid.find.n}:
        return []
    pool = [each.members for each in (*_singles_and_pairs(grid, errors), *triples)]
    if not pool:
        return []
    words = min(_CHOSEN_ON // 64, errors.bits.size)
    sample = grid.find.bits[:, :words]
    bits = np.stack([np.bitwise_and.reduce(sample[list(members)], axis=0) for members in pool])
    explained = _Explained(bits, errors.bits[:words], rows=min(grid.find.n, words * 64))
    found: list[Members] = []
    while len(found) < MOST_CANDIDATES:
        best = explained.best(rise / 2.0)
        if best is None:
            break
        found.append(pool[best])
        explained.take(best)
    return found


def deviations(n: Any, errors: Any, share: Any) -> Floats:
    """How far the errors exceed that share of the rows, in standard deviations; minus infinity for no rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (errors - n * share) / np.sqrt(n * share * (1.0 - share))
    return np.where(np.isnan(z), -np.inf, z)


def _singles_and_pairs(grid: Grid, errors: Errors) -> Iterator[Candidate]:
    n, wrong = grid.together, errors.together
    z = deviations(n, wrong, errors.total / grid.find.n)
    z = np.where((n >= least_rows(grid)) & (n <= most_rows(grid)), z, -np.inf)
    for alone in np.flatnonzero(np.diag(z) >= LEAST_Z).tolist():
        yield Candidate(members=(alone,), n=int(n[alone, alone]), errors=int(wrong[alone, alone]))
    worth = np.triu(z >= LEAST_Z, 1) & _says_more(grid, errors, z)
    first, second = np.nonzero(worth)
    if first.size:
        of_facets = grid.facet_at[first] * len(grid.facets) + grid.facet_at[second]
        for at in best_of_groups(z[first, second], of_facets, per_group=_PER_FACETS, most=_MOST_PAIRS):
            i, j = int(first[at]), int(second[at])
            yield Candidate(members=(i, j), n=int(n[i, j]), errors=int(wrong[i, j]))


def _says_more(grid: Grid, errors: Errors, z: Floats) -> Mask:
    """Which pairs, of different sources, stand out more than either condition alone, or are worse than it."""
    alone = np.diag(z)
    sources = np.unique(grid.sources, return_inverse=True)[1]
    share = errors.together.diagonal() / np.maximum(1, grid.together.diagonal())
    worse = deviations(grid.together, errors.together, np.maximum(share[:, None], share[None, :])) >= LEAST_Z
    more = z > np.maximum(alone[:, None], alone[None, :]) + _SIMPLER
    return np.asarray((sources[:, None] != sources[None, :]) & (more | worse), dtype=bool)


def best_of_groups(z: Floats, groups: Ints, *, per_group: int, most: int) -> Ints:
    """The places of the largest values, at most so many of one group and in all: first the best of every group."""
    order = np.lexsort((np.arange(z.size), -z, groups))
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    within = np.arange(z.size) - np.repeat(starts, np.diff([*starts, z.size]))
    chosen, rank = order[within < per_group], within[within < per_group]
    return chosen[np.lexsort((chosen, -z[chosen], rank))][:most]


class _Explained:
    """What the groups taken so far explain of the errors of every other group.

    Each group taken is a part of the rows with an error rate of its own, without the rows of the groups taken after
    it; the last part is the rest of the rows. A row is expected to be wrong as often as its part is.
    """

    def __init__(self, groups: Bits, wrong: Bits, *, rows: int) -> None:
        self._groups, self._wrong = groups, wrong
        self._n, self._errors = count_bits(groups), count_bits(groups & wrong)
        self._parts = np.zeros((0, wrong.size), dtype=np.uint64)
        self._rows, self._total = rows, int(count_bits(wrong))
        self._shared = np.zeros((groups.shape[0], 0), dtype=np.int64)
        self._open = np.ones(groups.shape[0], dtype=bool)

    def best(self, rise: float) -> int | None:
        """The group whose errors exceed the expected ones most, those by at least `rise` of its rows first."""
        n, wrong = count_bits(self._parts), count_bits(self._parts & self._wrong)
        share = np.append(wrong, self._total - wrong.sum()) / np.maximum(1, np.append(n, self._rows - n.sum()))
        shared = np.column_stack([self._shared, self._n - self._shared.sum(axis=1)])
        excess = self._errors - shared @ share
        with np.errstate(divide="ignore", invalid="ignore"):
            z = excess / np.sqrt(shared @ (share * (1.0 - share)))
        z = np.where(self._open & (excess > 0.0) & ~np.isnan(z), z, -np.inf)
        large = np.where(excess >= rise * self._n, z, -np.inf)
        best = int(np.argmax(large if large.max() >= LEAST_Z else z))
        return best if z[best] >= LEAST_Z else None

    def take(self, group: int) -> None:
        """Count the group among what is explained."""
        rows = self._groups[group]
        for i, moved in enumerate(self._parts & rows):
            if moved.any():
                self._shared[:, i] -= self._counted(moved)
        self._parts = np.concatenate([self._parts & ~rows, rows[None, :]])
        self._shared = np.column_stack([self._shared, self._counted(rows)])
        self._open[group] = False

    def _counted(self, rows: Bits) -> Ints:
        """Of each group the rows among these; where they are few, only the words that hold any are looked at."""
        words = np.flatnonzero(rows)
        if words.size > _FEW_WORDS * rows.size:
            return count_bits(self._groups & rows)
        return count_bits(np.take(self._groups, words, axis=1) & rows[words])
