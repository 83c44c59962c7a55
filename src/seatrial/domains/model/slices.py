"""Weak slices: groups of rows, described by one to three conditions, in which the model is wrong more often.

Found on one half of the rows, confirmed on the other half by Fisher's exact test with Holm's correction and a lower
bound on the error above the overall error. On null data this declares a slice in at most about one run of twenty; a
search that tests on the rows that it searched declares one in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.domains.model.grid import FEWEST_ROWS, Bits, Grid, Half, Members, as_bits, count_bits
from seatrial.domains.model.slice_search import Candidate, Errors, candidates, errors_of
from seatrial.domains.model.slice_triples import triples
from seatrial.domains.scored.rows import Ints, Mask
from seatrial.spec.conditions import Condition
from seatrial.stats import clusters, difference, proportions
from seatrial.stats.contingency import fisher_more
from seatrial.stats.multiplicity import holm

MOST_CONDITIONS = 3
"""More than people keep in mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A confirmed slice. Figures are of the confirming half; `rows` of all rows."""

    members: Members
    condition: Condition
    rows: Mask
    n: int
    error: float
    rest: float
    lower: float
    p: float

    @property
    def harm(self) -> float:
        """How much more often the model is wrong here than elsewhere."""
        return self.error - self.rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The first half as the search begins: its errors, and the groups of three conditions that stand out."""

    errors: Errors
    triples: Sequence[Candidate]


def searched(grid: Grid, wrong: Mask) -> Searched:
    """Count the errors of the first half by up to three conditions. `wrong` has one entry for every labelled row."""
    errors = errors_of(grid, wrong)
    return Searched(errors=errors, triples=() if errors.total in {0, grid.find.n} else triples(grid, errors))


def confirmed_slices(
    grid: Grid, wrong: Mask, first: Searched, *, alpha: float, rise: float, groups: Ints | None = None
) -> list[Slice]:
    """Every confirmed slice, also those that a larger one explains (see `unexplained`).

    `rise` is the harm that matters. `groups` number the entity of every labelled row, None where rows are independent.
    """
    found = candidates(grid, first.errors, first.triples, rise=rise)
    half = wrong[grid.confirm.rows]
    n, total = grid.confirm.n, int(half.sum())
    together = of_half(grid.confirm, groups)
    return [
        Slice(
            members=each.members,
            condition=grid.condition(each.members),
            rows=grid.rows(each.members),
            n=each.n,
            error=each.errors / each.n,
            rest=(total - each.errors) / (n - each.n),
            lower=_lower(grid, half, each, together, alpha),
            p=each.p,
        )
        for each in confirmed(grid, as_bits(half), found, alpha, groups=together)
    ]


def of_half(half: Half, groups: Ints | None) -> Ints | None:
    """The entities of the rows of a half, numbered without gaps."""
    return None if groups is None else np.unique(groups[half.rows], return_inverse=True)[1].astype(np.int64)


def _lower(grid: Grid, wrong: Mask, each: Confirmed, groups: Ints | None, alpha: float) -> float:
    """The lower bound of the error there."""
    if groups is None:
        return float(proportions.lower(each.errors, each.n, alpha))
    places = grid.confirm.places(grid.confirm.inside(each.members))
    return clusters.proportion_interval(wrong[places].astype(np.float64), groups[places], alpha).lower


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A group that holds on the other half, with its rows, errors and p-value there."""

    members: Members
    n: int
    errors: int
    p: float


def confirmed(
    grid: Grid, wrong: Bits, found: Sequence[Members], alpha: float, *, groups: Ints | None = None
) -> list[Confirmed]:
    """Those of the candidates that hold on the other half, whose errors are `wrong`.

    Where rows belong together, `groups` number the entities of that half: what a few of them do is no condition.
    """
    half = grid.confirm
    n, total = half.n, int(count_bits(wrong))
    counted = []
    for members in found:
        rows = half.inside(members)
        size, errors = int(count_bits(rows)), int(count_bits(rows & wrong))
        if 0 < size < n:
            p = float(fisher_more(errors, size, total, n))
            if groups is not None and p <= alpha:
                p = max(p, _over_entities(half, rows, wrong, groups))
            counted.append(Confirmed(members=members, n=size, errors=errors, p=p))
    adjusted = holm([each.p for each in counted])
    return [
        each
        for each, p in zip(counted, adjusted, strict=True)
        if p <= alpha and proportions.lower(each.errors, each.n, alpha) > total / n
    ]


def _over_entities(half: Half, rows: Bits, wrong: Bits, groups: Ints) -> float:
    inside, errors = np.zeros(half.n, dtype=bool), np.zeros(half.n)
    inside[half.places(rows)] = True
    errors[half.places(wrong)] = 1.0
    return difference.over_clusters(errors, inside, groups)


def unexplained(
    grid: Grid, wrong: Mask, confirmed: Iterable[Slice], *, known: Callable[[Slice], Mask], alpha: float
) -> list[Slice]:
    """Those that are worse than the rest even without the rows that are known of each, most excess errors first.

    Rows of the slices already kept are known of the others.
    """
    overall = float(wrong[grid.confirm.rows].mean())
    ranked = sorted(confirmed, key=lambda s: (-s.n * (s.error - overall), len(s.members), s.members))
    kept: list[Slice] = []
    covered = np.zeros(wrong.size, dtype=bool)
    for each in ranked:
        apart = covered | known(each)
        if _still_weak(grid, wrong, each.rows & ~apart, apart, alpha=alpha):
            kept.append(each)
            covered |= each.rows
    return kept


def _still_weak(grid: Grid, wrong: Mask, rows: Mask, apart: Mask, *, alpha: float) -> bool:
    """Whether these rows are worse than the remaining ones, those `apart` left out, on the confirming half."""
    judged = wrong[grid.confirm.rows]
    inside = rows[grid.confirm.rows]
    others = ~apart[grid.confirm.rows] & ~inside
    size, errors = int(inside.sum()), int(judged[inside].sum())
    if size < FEWEST_ROWS or not others.any():
        return False
    total, n = errors + int(judged[others].sum()), size + int(others.sum())
    return float(fisher_more(errors, size, total, n)) <= alpha and errors / size > total / n
