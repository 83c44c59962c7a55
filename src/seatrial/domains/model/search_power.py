"""Whether the search for weak slices would have found the smallest harm that matters, on these very rows.

Harm of the declared size is planted into random slices of the data at hand (in a copy of what went wrong), and the
search is run on each. A search that would not have found it has established nothing by finding nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from seatrial.domains.model.slices import Grid, confirmed_slices
from seatrial.domains.scored.rows import Mask
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
    grid: Grid, wrong: Mask, harm: Harm, *, wanted: float, alpha: float, say: Callable[[float], None]
) -> Interval | None:
    """How often the planted harm is found; None where no slice of that size can be described.

    Thirty plants, and seventy more where those leave open whether the power reaches `wanted`.
    """
    rng = np.random.default_rng(_SEED)
    found = planted = 0
    power: Interval | None = None
    for most in PLANTS:
        while planted < most:
            rows = _planting(grid, wrong, harm, rng)
            if rows is None:
                return None
            planted += 1
            spoiled = _spoiled(wrong, rows, harm.rise, rng)
            found += any(_alike(s.rows, rows) for s in confirmed_slices(grid, spoiled, alpha=alpha))
            say(planted / PLANTS[-1])
        power = measured_power(found, planted)
        if power.lower >= wanted or power.upper < wanted:
            break
    return power


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


def _planting(grid: Grid, wrong: Mask, harm: Harm, rng: np.random.Generator) -> Mask | None:
    """A random slice of about the declared size whose error can still be raised."""
    for _ in range(_TRIES):
        members = tuple(sorted(rng.choice(len(grid.conditions), size=rng.integers(1, 3), replace=False).tolist()))
        if len(members) == 2 and grid.sources[members[0]] == grid.sources[members[1]]:
            continue
        rows = grid.rows(members)
        share = float(rows.mean())
        if not harm.share <= share <= _WIDEST * harm.share:
            continue
        if _target(wrong, rows, harm.rise) <= 1.0:
            return rows
    return None


def _target(wrong: Mask, rows: Mask, rise: float) -> float:
    """The error after planting: the rise comes on top of the slice's error, or of the rest's where that is higher."""
    return max(float(wrong[rows].mean()), float(wrong[~rows].mean())) + rise


def _spoiled(wrong: Mask, rows: Mask, rise: float, rng: np.random.Generator) -> Mask:
    now = float(wrong[rows].mean())
    chance = (_target(wrong, rows, rise) - now) / (1.0 - now)
    return np.asarray(wrong | (rows & (rng.random(wrong.size) < chance)), dtype=bool)


def _alike(found: Mask, planted: Mask) -> bool:
    """Whether the slice found leads a reader to the one planted: most of it, or a good part of it and little else."""
    both = int((found & planted).sum())
    holds, made_of = both / max(1, int(planted.sum())), both / max(1, int(found.sum()))
    return (holds >= _MOST and made_of >= _PART) or (holds >= _PART and made_of >= _ALMOST_ALL)
