"""Weak slices: groups of rows, described by one to three conditions, in which the model loses more than elsewhere.

Found on one half of the rows, confirmed on the other half with Holm's correction and a lower bound on the loss above
the overall one: errors that are counted by Fisher's exact test, means of errors and weighted rows by the t test of the
difference. On null data this declares a slice in at most about one run of twenty; a search that tests on the rows that
it searched declares one in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.domains.model.grid import FEWEST_ROWS, Bits, Grid, Half, Members, as_bits, count_bits
from seatrial.domains.model.loss import Loss
from seatrial.domains.model.mean_search import MeanSearch
from seatrial.domains.model.slice_search import Candidate, Errors, candidates, errors_of
from seatrial.domains.model.slice_triples import triples
from seatrial.domains.scored.rows import Ints, Mask
from seatrial.spec.conditions import Condition
from seatrial.stats import difference, proportions
from seatrial.stats.contingency import fisher_more
from seatrial.stats.multiplicity import holm

MOST_CONDITIONS = 3
"""More than people keep in mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A confirmed slice. Figures are of the confirming half; `rows` of all rows.

    `error` is the mean loss there, `rest` that of the other rows, `deviation` the standard error of the former.
    """

    members: Members
    condition: Condition
    rows: Mask
    n: int
    error: float
    rest: float
    deviation: float
    lower: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The first half as the search begins: its errors, and the groups of three conditions that stand out."""

    errors: Errors
    triples: Sequence[Candidate]


def searched(grid: Grid, loss: Loss) -> Searched | MeanSearch:
    """Count what the first half loses by up to three conditions."""
    if not loss.counted:
        return MeanSearch(grid, loss)
    errors = errors_of(grid, loss.wrong)
    return Searched(errors=errors, triples=() if errors.total in {0, grid.find.n} else triples(grid, errors))


def confirmed_slices(grid: Grid, loss: Loss, first: Searched | MeanSearch, *, alpha: float, rise: float) -> list[Slice]:
    """Every confirmed slice, also those that a larger one explains (see `unexplained`).

    `rise` is the harm that matters, on the scale of the losses.
    """
    half = loss.at(grid.confirm.rows)
    if isinstance(first, MeanSearch):
        kept = confirmed_means(grid, half, first.candidates(first.pulls, rise=rise), alpha)
    else:
        found = candidates(grid, first.errors, first.triples, rise=rise)
        kept = confirmed(grid, as_bits(half.wrong), found, alpha, groups=half.groups)
    return [_slice(grid, half, each, alpha) for each in kept]


def _slice(grid: Grid, half: Loss, each: Confirmed, alpha: float) -> Slice:
    inside = rows_of(grid.confirm, each.members)
    return Slice(
        members=each.members,
        condition=grid.condition(each.members),
        rows=grid.rows(each.members),
        n=each.n,
        error=half.mean(inside),
        rest=half.mean(~inside),
        deviation=half.standard_error(inside),
        lower=half.bounds(inside, alpha)[0],
        p=each.p,
    )


def rows_of(half: Half, members: Members) -> Mask:
    """The rows of the half that all these conditions hold for."""
    found = np.zeros(half.n, dtype=bool)
    found[half.places(half.inside(members))] = True
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """A group that holds on the other half, with its rows and p-value there, and how many of them are wrong."""

    members: Members
    n: int
    p: float
    errors: int = 0


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


def confirmed_means(grid: Grid, half: Loss, found: Sequence[Members], alpha: float) -> list[Confirmed]:
    """Those of the candidates that hold on the other half, which loses `half`, by the means of what is lost."""
    counted = []
    for members in found:
        inside = rows_of(grid.confirm, members)
        if inside.any() and not inside.all():
            counted.append((Confirmed(members=members, n=int(inside.sum()), p=half.more(inside)), inside))
    adjusted = holm([each.p for each, _ in counted])
    overall = half.mean(np.ones(grid.confirm.n, dtype=bool))
    return [
        each
        for (each, inside), p in zip(counted, adjusted, strict=True)
        if p <= alpha and half.bounds(inside, alpha)[0] > overall
    ]


def unexplained(
    grid: Grid, loss: Loss, confirmed: Iterable[Slice], *, known: Callable[[Slice], Mask], alpha: float
) -> list[Slice]:
    """Those that are worse than the rest even without the rows that are known of each, most excess losses first.

    Rows of the slices already kept are known of the others.
    """
    half = replace(loss, groups=None).at(grid.confirm.rows)
    overall = half.mean(np.ones(grid.confirm.n, dtype=bool))

    def excess(each: Slice) -> float:
        return half.weight(each.rows[grid.confirm.rows]) * (each.error - overall)

    ranked = sorted(confirmed, key=lambda s: (-excess(s), len(s.members), s.members))
    kept: list[Slice] = []
    covered = np.zeros(loss.values.size, dtype=bool)
    for each in ranked:
        apart = covered | known(each)
        if _still_weak(grid, half, each.rows & ~apart, apart, alpha=alpha):
            kept.append(each)
            covered |= each.rows
    return kept


def _still_weak(grid: Grid, half: Loss, rows: Mask, apart: Mask, *, alpha: float) -> bool:
    """Whether these rows are worse than the remaining ones, those `apart` left out, on the confirming half."""
    inside = rows[grid.confirm.rows]
    others = ~apart[grid.confirm.rows] & ~inside
    if int(inside.sum()) < FEWEST_ROWS or not others.any():
        return False
    return half.more(inside, others) <= alpha and half.mean(inside) > half.mean(others)
