"""Whether the search for weak slices would have found the smallest harm that matters, on these very rows.

Harm of the declared size is planted into random slices of the data at hand (in a copy of what went wrong), and the
search is run on each. A search that would not have found it has established nothing by finding nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from seatrial.domains.model.grid import Bits, Grid, Half, Members, as_bits, count_bits
from seatrial.domains.model.slice_search import candidates, with_more
from seatrial.domains.model.slice_triples import around, recounted
from seatrial.domains.model.slices import MOST_CONDITIONS, Searched, confirmed, of_half
from seatrial.domains.scored.rows import Ints, Mask
from seatrial.stats.detection import find_confirm_power, measured_power
from seatrial.stats.interval import Interval

PLANTS = (30, 100)
_SEED = 20_261_123
_TRIES = 400
_WIDEST = 2.5
_PART, _MOST, _ALMOST_ALL = 0.3, 0.5, 0.8
_MOST_ROWS = 2_000_000
_DRAWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """`rise` of the error above the rest, in a slice that holds `share` of the rows."""

    rise: float
    share: float


def search_power(
    grid: Grid,
    wrong: Mask,
    first: Searched,
    harm: Harm,
    *,
    wanted: float,
    alpha: float,
    say: Callable[[float], None],
    groups: Ints | None = None,
) -> Interval | None:
    """How often the planted harm is found; None where no slice of that size can be described.

    Thirty plants, and seventy more where those leave open whether the power reaches `wanted`.
    """
    rng = np.random.default_rng(_SEED)
    bed = _Bed(
        grid=grid,
        first=first,
        find=as_bits(wrong[grid.find.rows]),
        confirm=as_bits(wrong[grid.confirm.rows]),
        groups=of_half(grid.confirm, groups),
    )
    found = planted = 0
    power: Interval | None = None
    for most in PLANTS:
        while planted < most:
            plant = _planting(bed, harm, rng)
            if plant is None:
                return None
            planted += 1
            found += _finds(bed, *plant, harm.rise, alpha, rng)
            say(planted / PLANTS[-1])
        power = measured_power(found, planted)
        if power.lower >= wanted or power.upper < wanted:
            break
    return power


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bed:
    """Where harm is planted: the halves with what is wrong there without it."""

    grid: Grid
    first: Searched
    find: Bits
    confirm: Bits
    groups: Ints | None

    def chance(self, members: Members, rise: float) -> float | None:
        """The chance with which a right answer there has to turn wrong; None where there is no room for the harm.

        The rise comes on top of the slice's error, or of the rest's where that is higher.
        """
        halves = ((self.grid.find, self.find), (self.grid.confirm, self.confirm))
        inside = [(half.inside(members), wrong) for half, wrong in halves]
        n, errors = _total(rows for rows, _ in inside), _total(rows & wrong for rows, wrong in inside)
        rest = _total(wrong for _, wrong in halves) - errors, self.grid.find.n + self.grid.confirm.n - n
        target = max(errors / n, rest[0] / max(1, rest[1])) + rise
        return (target - errors / n) / (1.0 - errors / n) if target <= 1.0 else None


def _total(bits: Iterable[Bits]) -> int:
    return sum(int(count_bits(each)) for each in bits)


def _finds(bed: _Bed, members: Members, chance: float, rise: float, alpha: float, rng: np.random.Generator) -> bool:
    """Whether the search leads to harm planted there.

    Only what the planted errors change is counted anew. Groups of three other features than the planted ones' keep
    their place in the search.
    """
    grid = bed.grid
    more = _struck(grid.find, members, bed.find, chance, rng)
    errors = with_more(grid, bed.first.errors, more)
    of_three = {each.members: each for each in recounted(grid, errors, bed.first.triples)}
    of_three |= {each.members: each for each in around(grid, errors, members)}
    seen = candidates(grid, errors, of_three.values(), rise=rise)
    mask = np.zeros(grid.confirm.n, dtype=bool)
    mask[_struck(grid.confirm, members, bed.confirm, chance, rng)] = True
    found = confirmed(grid, bed.confirm | as_bits(mask), seen, alpha, groups=bed.groups)
    return any(_alike(grid, each.members, members) for each in found)


def _struck(half: Half, members: Members, wrong: Bits, chance: float, rng: np.random.Generator) -> Ints:
    """The rows of the half that turn wrong."""
    right = half.places(half.inside(members) & ~wrong)
    return right[rng.random(right.size) < chance]


def rows_needed(n: int, wrong_share: float, harm: Harm, candidates: int, wanted: float) -> int | None:
    """About how many more rows give the search that power; None where no feasible number does."""
    size = n
    while size <= _MOST_ROWS:
        size = int(size * 1.5)
        power = find_confirm_power(
            size, share=harm.share, base=wrong_share, harm=harm.rise, candidates=candidates, draws=_DRAWS
        )
        if power >= wanted:
            return size - n
    return None


def _planting(bed: _Bed, harm: Harm, rng: np.random.Generator) -> tuple[Members, float] | None:
    """A random slice of about the declared size whose error can still be raised, and how to raise it."""
    grid = bed.grid
    for _ in range(_TRIES):
        many = int(rng.integers(1, MOST_CONDITIONS + 1))
        if many > len(grid.conditions):
            continue
        members = tuple(sorted(rng.choice(len(grid.conditions), size=many, replace=False).tolist()))
        if len({grid.sources[i] for i in members}) < many:
            continue
        share = int(count_bits(grid.find.inside(members))) / grid.find.n
        chance = bed.chance(members, harm.rise) if harm.share <= share <= _WIDEST * harm.share else None
        if chance is not None:
            return members, chance
    return None


def _alike(grid: Grid, found: Members, planted: Members) -> bool:
    """Whether the slice found leads a reader to the one planted: most of it, or a good part of it and little else."""
    both = size = whole = 0
    for half in (grid.find, grid.confirm):
        of_found, of_planted = half.inside(found), half.inside(planted)
        both += int(count_bits(of_found & of_planted))
        size += int(count_bits(of_found))
        whole += int(count_bits(of_planted))
    holds, made_of = both / max(1, whole), both / max(1, size)
    return (holds >= _MOST and made_of >= _PART) or (holds >= _PART and made_of >= _ALMOST_ALL)
