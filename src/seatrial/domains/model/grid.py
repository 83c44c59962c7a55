"""The conditions that slices are made of, over all labelled rows, and the two halves that rows are split into.

Of one half the search learns which slices may be weak; the other confirms it. Rows are kept as small whole numbers
(one for each feature) and as bits (one for each condition), so that a million of them are counted in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.facets import Facet, facet_of
from seatrial.domains.scored.rows import Feature, Floats, Ints, Mask
from seatrial.spec.conditions import Condition, parse_condition
from seatrial.stats.tallies import Cells, Codes, counts, crossed, sums

Bits = npt.NDArray[np.uint64]
Members = tuple[int, ...]
FEWEST_ROWS = 20
SMALLEST_SHARE = 0.01
LARGEST_SHARE = 0.4
"""A group of more rows than this is no slice."""
_LEARNED_FROM = 100_000
_MOST_FEATURES = 120
_MOST_CONDITIONS = 1500
_MOST_LEVELS, _FEWEST_LEVELS = 40, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One half of the rows, in an order that is as good as random.

    `rows` are their places, `bits` has a row of bits for each condition.
    """

    rows: Ints
    bits: Bits

    @property
    def n(self) -> int:
        """How many rows."""
        return int(self.rows.size)

    def inside(self, members: Members) -> Bits:
        """The rows that all these conditions hold for, as bits."""
        return np.asarray(np.bitwise_and.reduce(self.bits[list(members)], axis=0))

    def places(self, bits: Bits) -> Ints:
        """The places, within this half, of the rows whose bits are set."""
        return np.flatnonzero(np.unpackbits(bits.view(np.uint8), count=self.n))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """All single conditions that hold for enough rows, in the order of their facets, which are over the first half.

    `together` says of how many rows of the first half two conditions are both true. `left_out` counts the features
    beyond those that a search can take in.
    """

    conditions: tuple[Condition, ...]
    sources: tuple[str, ...]
    facets: tuple[Facet, ...]
    facet_at: Ints
    find: Half
    confirm: Half
    together: Ints
    left_out: int = 0

    def rows(self, members: Members) -> Mask:
        """The rows, of both halves, that all these conditions hold for."""
        found = np.zeros(self.find.n + self.confirm.n, dtype=bool)
        for half in (self.find, self.confirm):
            found[half.rows[half.places(half.inside(members))]] = True
        return found

    def condition(self, members: Members) -> Condition:
        """The conditions as one."""
        return parse_condition(" and ".join(self.conditions[i].text for i in members))


def halves(conditions: RowConditions, rows: Ints, names: Sequence[str]) -> tuple[Ints, Ints]:
    """The places, among `rows`, of the rows to find on and of those to confirm on.

    Both follow from a hash of the columns `names`, so that neither the order of the rows nor another run draws them
    anew: who could draw again would find a split that confirms nothing. They stand in the order of their hashes, so
    that the first rows of a half are a sample of it.
    """
    order = np.argsort(conditions.hashes(names)[rows], kind="stable")
    return order[::2], order[1::2]


def grid_of(features: Iterable[Feature], rows: Ints, find: Ints, confirm: Ints, *, many: int) -> Grid | None:
    """Every condition over these features that holds for enough rows; None where there is none.

    `rows` are the rows to look at among those of the features, `many` says how many features there are about. Where to
    cut is learned from the first half only.
    """
    learn = rows[find[:_LEARNED_FROM]]
    ordered = rows[np.concatenate([find, confirm])]
    least = max(FEWEST_ROWS, int(SMALLEST_SHARE * find.size))
    levels = min(_MOST_LEVELS, max(_FEWEST_LEVELS, _MOST_CONDITIONS // max(1, min(many, _MOST_FEATURES))))
    facets, bits, left_out = [], [], 0
    for place, feature in enumerate(features):
        if place >= _MOST_FEATURES:
            left_out += 1
            continue
        facet = facet_of(feature, ordered, learn, most_levels=levels)
        first = facet.cells.at(slice(find.size))
        inside = facet.holds @ counts(first)
        able = (inside >= least) & (inside <= find.size - least)
        if able.any():
            facet = facet.only(able)
            facets.append(Facet(source=facet.source, texts=facet.texts, cells=first, holds=facet.holds))
            bits.append((_bits(facet, first.codes), _bits(facet, facet.cells.codes[find.size :])))
    if not facets:
        return None
    return Grid(
        conditions=tuple(parse_condition(text) for facet in facets for text in facet.texts),
        sources=tuple(facet.source for facet in facets for _ in facet.texts),
        facets=tuple(facets),
        facet_at=np.repeat(np.arange(len(facets)), [len(facet.texts) for facet in facets]),
        find=Half(rows=find, bits=np.concatenate([first for first, _ in bits])),
        confirm=Half(rows=confirm, bits=np.concatenate([second for _, second in bits])),
        together=together(facets),
        left_out=left_out,
    )


def least_rows(grid: Grid) -> int:
    """The smallest group that the search looks at, in rows of one half."""
    return max(FEWEST_ROWS, int(SMALLEST_SHARE * grid.find.n))


def most_rows(grid: Grid) -> float:
    """The largest group that is a slice, in rows of one half."""
    return LARGEST_SHARE * grid.find.n


def together(facets: Sequence[Facet], rows: Ints | None = None, values: Floats | None = None) -> npt.NDArray[Any]:
    """For every two conditions the rows of which both are true; of the given rows only, where some are given.

    Where `values` are given, one for each of those rows, they are added up instead of counted.
    """

    def added(cells: Cells) -> npt.NDArray[Any]:
        return counts(cells) if values is None else sums(cells, values)

    cells = [facet.cells if rows is None else facet.cells.at(rows) for facet in facets]
    ends = np.cumsum([0, *(len(facet.texts) for facet in facets)])
    found = np.zeros((int(ends[-1]), int(ends[-1])), dtype=np.int64 if values is None else np.float64)
    places = [slice(int(a), int(b)) for a, b in pairwise(ends)]
    holds = [facet.holds.astype(np.float64) for facet in facets]
    for i, at in enumerate(places):
        found[at, at] = (holds[i] * added(cells[i])) @ holds[i].T
        for j in range(i + 1, len(facets)):
            table = added(crossed(cells[i], cells[j])).reshape(cells[i].size, cells[j].size)
            block = holds[i] @ table @ holds[j].T
            found[at, places[j]] = block
            found[places[j], at] = block.T
    return found


def in_three(facets: Sequence[Facet], cells: Cells) -> Ints:
    """For every three conditions, one of each of three facets, the rows of which all are true.

    `cells` are those of the three facets, crossed.
    """
    table = counts(cells).reshape([facet.cells.size for facet in facets]).astype(np.float64)
    a, b, c = (facet.holds.astype(np.float64) for facet in facets)
    size = a.shape[0]
    first = (a @ table.reshape(table.shape[0], -1)).reshape(size, *table.shape[1:])
    return np.asarray(np.rint(np.matmul(np.matmul(b, first), c.T)), dtype=np.int64)


def as_bits(mask: Mask) -> Bits:
    """A mask as bits, eight bytes at a time, filled up with nothing."""
    packed = np.packbits(mask)
    full = np.zeros(-(-packed.size // 8) * 8, dtype=np.uint8)
    full[: packed.size] = packed
    return full.view(np.uint64)


def count_bits(bits: Bits) -> Ints:
    """How many are set, over the last axis."""
    return np.asarray(np.bitwise_count(bits).sum(axis=-1, dtype=np.int64))


def _bits(facet: Facet, codes: Codes) -> Bits:
    """For each condition the rows it holds for: the cells that it is made of, together."""
    cells = np.stack([as_bits(codes == cell) for cell in range(facet.cells.size)])
    return np.stack([np.bitwise_or.reduce(cells[holds], axis=0) for holds in facet.holds])
