"""Groups of three conditions with an excess of errors on the first half.

Every three features are counted once, over all rows of that half; of what stands out in one combination of features
only the strongest groups are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np

from seatrial.domains.model.grid import Grid, Members, count_bits, in_three, least_rows, most_rows
from seatrial.domains.model.slice_search import LEAST_Z, Candidate, Errors, deviations
from seatrial.domains.scored.rows import Floats, Ints
from seatrial.stats.tallies import crossed

MOST_FACETS = 30
_PER_FACETS = 3
_MOST = 300
_SIMPLER = 1.0


def triples(grid: Grid, errors: Errors) -> list[Candidate]:
    """At most 300 groups of three conditions that stand out more than each pair of them."""
    chosen = _facets(grid, errors)
    search = _Triples(grid, errors)
    wrong_rows = grid.find.places(errors.bits)
    bad = {i: grid.facets[i].cells.at(wrong_rows) for i in chosen}
    found: list[tuple[Floats, Ints, Ints, Ints]] = []
    for a, b in combinations(chosen, 2):
        third = [c for c in chosen if c > b and search.may_hold(a, b, c)]
        if not third:
            continue
        both, both_bad = crossed(grid.facets[a].cells, grid.facets[b].cells), crossed(bad[a], bad[b])
        for c in third:
            facets = [grid.facets[i] for i in (a, b, c)]
            places = [search.places[i] for i in (a, b, c)]
            rows = in_three(facets, crossed(both, grid.facets[c].cells))
            wrong = in_three(facets, crossed(both_bad, bad[c]))
            z, members = search.standing_out(places, rows, wrong)
            best = np.argsort(-z, kind="stable")[:_PER_FACETS]
            at = tuple((members[best] - [place.start for place in places]).T)
            found.append((z[best], members[best], rows[at], wrong[at]))
    if not found:
        return []
    z, members, rows, wrong = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(-z, kind="stable")[:_MOST]
    return [Candidate(members=tuple(members[i].tolist()), n=int(rows[i]), errors=int(wrong[i])) for i in order]


def recounted(grid: Grid, errors: Errors, found: Sequence[Candidate]) -> list[Candidate]:
    """The same groups with other errors."""
    return [
        Candidate(
            members=each.members,
            n=each.n,
            errors=int(count_bits(grid.find.inside(each.members) & errors.bits)),
        )
        for each in found
    ]


def around(grid: Grid, errors: Errors, members: Members) -> Iterator[Candidate]:
    """The groups of three that these two or three conditions are part of, the best first."""
    search = _Triples(grid, errors)
    for pair in combinations(members, 2):
        rows = grid.find.inside(pair)
        n = count_bits(grid.find.bits & rows)
        wrong = count_bits(grid.find.bits & (rows & errors.bits))
        z = search.alongside(pair, n, wrong)
        for i in np.argsort(-z, kind="stable")[:_PER_FACETS]:
            if z[i] > -np.inf:
                yield Candidate(members=tuple(sorted((*pair, int(i)))), n=int(n[i]), errors=int(wrong[i]))


def _facets(grid: Grid, errors: Errors) -> list[int]:
    """The facets that are combined in threes: all, or those whose conditions stand out most, alone or in pairs."""
    if len(grid.facets) <= MOST_FACETS:
        return list(range(len(grid.facets)))
    n = grid.together
    z = deviations(n, errors.together, errors.total / grid.find.n)
    z = np.where((n >= least_rows(grid)) & (n <= most_rows(grid)), z, -np.inf).max(axis=1)
    best = np.full(len(grid.facets), -np.inf)
    np.maximum.at(best, grid.facet_at, z)
    return sorted(np.argsort(-best, kind="stable")[:MOST_FACETS].tolist())


class _Triples:
    """What the pairs say of every group of three."""

    def __init__(self, grid: Grid, errors: Errors) -> None:
        ends = np.searchsorted(grid.facet_at, np.arange(len(grid.facets) + 1))
        self.places = [slice(int(a), int(b)) for a, b in pairwise(ends)]
        self.least, self.most = least_rows(grid), most_rows(grid)
        self.mean = errors.total / grid.find.n
        self.n = grid.together.astype(np.float64)
        z = deviations(grid.together, errors.together, self.mean)
        self.z = np.where((self.n >= self.least) & (self.n <= self.most), z, -np.inf)
        self.share = errors.together / np.maximum(1, grid.together)
        self.sources = np.unique(grid.sources, return_inverse=True)[1]
        starts = [place.start for place in self.places]
        self.largest = np.maximum.reduceat(np.maximum.reduceat(grid.together, starts, axis=0), starts, axis=1)

    def may_hold(self, *facets: int) -> bool:
        """Whether three conditions, one of each and of different sources, can be true of enough rows together."""
        if len({self.sources[self.places[i].start] for i in facets}) < 3:
            return False
        return all(self.largest[i, j] >= self.least for i, j in combinations(facets, 2))

    def standing_out(self, places: list[slice], rows: Ints, wrong: Ints) -> tuple[Floats, Ints]:
        """The groups of these facets that stand out more than their pairs: standard deviations, and members."""
        z = deviations(rows, wrong, self.mean)
        at = np.argwhere((z >= LEAST_Z) & (rows >= self.least) & (rows <= self.most))
        cell = tuple(at.T)
        members = at + [place.start for place in places]
        i, j, k = members.T
        z = z[cell]
        pairs = np.max([self.z[i, j], self.z[i, k], self.z[j, k]], axis=0)
        share = np.max([self.share[i, j], self.share[i, k], self.share[j, k]], axis=0)
        worth = (z > pairs + _SIMPLER) | (deviations(rows[cell], wrong[cell], share) >= LEAST_Z)
        return z[worth], members[worth]

    def alongside(self, pair: Members, rows: Ints, wrong: Ints) -> Floats:
        """The same for one pair with every further condition of a third source."""
        i, j = pair
        z = deviations(rows, wrong, self.mean)
        pairs_z = np.maximum(np.maximum(self.z[i], self.z[j]), self.z[i, j])
        share = np.maximum(np.maximum(self.share[i], self.share[j]), self.share[i, j])
        fits = (rows >= self.least) & (rows <= self.most) & ~np.isin(self.sources, self.sources[[i, j]])
        worth = (z >= LEAST_Z) & ((z > pairs_z + _SIMPLER) | (deviations(rows, wrong, share) >= LEAST_Z))
        return np.where(fits & worth, z, -np.inf)
