"""Whether the search for weak slices would have found the smallest harm that matters, on these very rows.

Harm of the declared size is planted into random slices of the data at hand (in a copy of what went wrong), and the
search is run on each. A search that would not have found it has established nothing by finding nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from seatrial.domains.model.grid import Bits, Grid, Half, Members, as_bits, count_bits
from seatrial.domains.model.loss import Loss
from seatrial.domains.model.mean_search import MeanSearch
from seatrial.domains.model.slice_search import candidates, with_more
from seatrial.domains.model.slice_triples import around, recounted
from seatrial.domains.model.slices import MOST_CONDITIONS, Searched, confirmed, confirmed_means
from seatrial.domains.scored.rows import Floats, Ints
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
    """In a slice that holds `share` of the rows: `rise` more of the answers wrong, or a mean error larger by `part`."""

    rise: float
    part: float
    share: float


def search_power(
    grid: Grid,
    loss: Loss,
    first: Searched | MeanSearch,
    harm: Harm,
    *,
    wanted: float,
    alpha: float,
    say: Callable[[float], None],
) -> Interval | None:
    """How often the planted harm is found; None where no slice of that size can be described.

    Thirty plants, and seventy more where those leave open whether the power reaches `wanted`.
    """
    rng = np.random.default_rng(_SEED)
    bed: _Bed
    if isinstance(first, MeanSearch):
        bed = _MeanBed(grid=grid, first=first, loss=loss, half=loss.at(grid.confirm.rows), harm=harm)
    else:
        half = loss.at(grid.confirm.rows)
        find, confirm = as_bits(loss.wrong[grid.find.rows]), as_bits(half.wrong)
        bed = _CountedBed(grid=grid, first=first, find=find, confirm=confirm, groups=half.groups, harm=harm)
    found = planted = 0
    power: Interval | None = None
    for most in PLANTS:
        while planted < most:
            plant = _planting(grid, bed, harm, rng)
            if plant is None:
                return None
            planted += 1
            members, amount = plant
            found += any(_alike(grid, each, members) for each in bed.found(members, amount, alpha, rng))
            say(planted / PLANTS[-1])
        power = measured_power(found, planted)
        if power.lower >= wanted or power.upper < wanted:
            break
    return power


class _Bed(Protocol):
    """Where harm is planted."""

    def amount(self, members: Members) -> float | None:
        """How much has to be planted there; None where there is no room for the harm."""

    def found(self, members: Members, amount: float, alpha: float, rng: np.random.Generator) -> Sequence[Members]:
        """What the search confirms with so much harm there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _CountedBed:
    """The halves with what is wrong there without the harm. What is planted is a chance of right answers to be wrong.

    Only what the planted errors change is counted anew. Groups of three other features than the planted ones' keep
    their place in the search.
    """

    grid: Grid
    first: Searched
    find: Bits
    confirm: Bits
    groups: Ints | None
    harm: Harm

    def amount(self, members: Members) -> float | None:
        """The rise comes on top of the slice's error, or of the rest's where that is higher."""
        halves = ((self.grid.find, self.find), (self.grid.confirm, self.confirm))
        inside = [(half.inside(members), wrong) for half, wrong in halves]
        n, errors = _total(rows for rows, _ in inside), _total(rows & wrong for rows, wrong in inside)
        rest = _total(wrong for _, wrong in halves) - errors, self.grid.find.n + self.grid.confirm.n - n
        target = max(errors / n, rest[0] / max(1, rest[1])) + self.harm.rise
        return (target - errors / n) / (1.0 - errors / n) if target <= 1.0 else None

    def found(self, members: Members, amount: float, alpha: float, rng: np.random.Generator) -> Sequence[Members]:
        """What the search confirms with these chances of errors there."""
        grid = self.grid
        more = _struck(grid.find, members, self.find, amount, rng)
        errors = with_more(grid, self.first.errors, more)
        of_three = {each.members: each for each in recounted(grid, errors, self.first.triples)}
        of_three |= {each.members: each for each in around(grid, errors, members)}
        seen = candidates(grid, errors, of_three.values(), rise=self.harm.rise)
        mask = np.zeros(grid.confirm.n, dtype=bool)
        mask[_struck(grid.confirm, members, self.confirm, amount, rng)] = True
        return [each.members for each in confirmed(grid, self.confirm | as_bits(mask), seen, alpha, groups=self.groups)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _MeanBed:
    """The losses of all rows, and of the confirming half.

    Of answers that are right or wrong a chance to turn wrong is planted, of numbers a factor of their errors.
    """

    grid: Grid
    first: MeanSearch
    loss: Loss
    half: Loss
    harm: Harm

    def amount(self, members: Members) -> float | None:
        """The harm comes on top of the slice's loss, or of the rest's where that is higher."""
        inside = self.grid.rows(members)
        mean, rest = self.loss.mean(inside), self.loss.mean(~inside)
        target = self.loss.harmful(max(mean, rest), rise=self.harm.rise, part=self.harm.part)
        if not (np.isfinite(target) and mean >= 0.0):
            return None
        if self.loss.share:
            return (target - mean) / (1.0 - mean) if target <= 1.0 else None
        return target / mean - 1.0 if mean > 0.0 else None

    def found(self, members: Members, amount: float, alpha: float, rng: np.random.Generator) -> Sequence[Members]:
        """What the search confirms with so much more lost there."""
        grid = self.grid
        pulls = self.first.with_more(*self._more(grid.find, self.first.pulls.losses, members, amount, rng))
        rise = self.loss.harmful(pulls.mean, rise=self.harm.rise, part=self.harm.part) - pulls.mean
        seen = self.first.candidates(pulls, rise=rise)
        places, more = self._more(grid.confirm, self.half.values, members, amount, rng)
        values = self.half.values.copy()
        values[places] += more
        return [each.members for each in confirmed_means(grid, replace(self.half, values=values), seen, alpha)]

    def _more(
        self, half: Half, losses: Floats, members: Members, amount: float, rng: np.random.Generator
    ) -> tuple[Ints, Floats]:
        places = half.places(half.inside(members))
        if not self.loss.share:
            return places, losses[places] * amount
        struck = places[(losses[places] == 0.0) & (rng.random(places.size) < amount)]
        return struck, np.ones(struck.size)


def _total(bits: Iterable[Bits]) -> int:
    return sum(int(count_bits(each)) for each in bits)


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


def _planting(grid: Grid, bed: _Bed, harm: Harm, rng: np.random.Generator) -> tuple[Members, float] | None:
    """A random slice of about the declared size in which there is room for the harm, and how much to plant."""
    for _ in range(_TRIES):
        many = int(rng.integers(1, MOST_CONDITIONS + 1))
        if many > len(grid.conditions):
            continue
        members = tuple(sorted(rng.choice(len(grid.conditions), size=many, replace=False).tolist()))
        if len({grid.sources[i] for i in members}) < many:
            continue
        share = int(count_bits(grid.find.inside(members))) / grid.find.n
        amount = bed.amount(members) if harm.share <= share <= _WIDEST * harm.share else None
        if amount is not None:
            return members, amount
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
