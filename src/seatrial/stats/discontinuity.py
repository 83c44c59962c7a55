"""Whether the share of hits jumps where a score passes a cut: a regression discontinuity.

On either side of the cut a line is fitted to the rows nearest to it, over their ranks by the score; what the two lines
say at the cut is compared. Cuts elsewhere, whose rows lie on one side of the one in question, tell how large a jump
looks by chance and by the shape of the curve. Assumption: rows are independent, and the share of hits is a smooth
function of the score's rank over as many rows as there are misses on the wrong side. Guarantee: approximate (normal).
References: Hahn, Todd and van der Klaauw, Econometrica 69 (2001) 201; McCrary, J. Econometrics 142 (2008) 698.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_WINDOW = 0.12
_PER_ERROR = 1.2
_FEWEST = 60
_FEWEST_VALUES = 5
_HOLE = 0.25
_MOST_ELSEWHERE = 60
_LEAST_VARIANCE = 1e-4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """The share of hits just below and just above the cut, by `rows` on either side.

    `z` is the difference over its standard error, `elsewhere` the largest such figure at other cuts.
    """

    below: float
    above: float
    z: float
    elsewhere: float
    rows: int


def jump(score: Floats, hit: npt.NDArray[np.bool_], cut: float) -> Jump | None:
    """The jump of `hit` where `score` reaches `cut`, one entry for each row, none of them NaN.

    None where too few rows, misses or different scores lie beside the cut, or no score lies near it on both sides.

    >>> score = np.linspace(0.0, 1.0, 2000)
    >>> hit = (np.arange(2000) * 7 % 20 < np.where(score < 0.5, 12, 18))
    >>> found = jump(score, hit, 0.5)
    >>> round(found.below, 1), round(found.above, 1), found.z > 4.0 > found.elsewhere
    (0.6, 0.9, True)
    """
    order = np.argsort(score, kind="stable")
    ordered, hits = score[order], hit[order].astype(np.float64)
    n, at = ordered.size, int(np.searchsorted(ordered, cut))
    errors = hits[:at].sum() + (1.0 - hits[at:]).sum()
    k = int(min(at, n - at, _WINDOW * n, _PER_ERROR * errors))
    if k < _FEWEST or ordered[at] - ordered[at - 1] > _HOLE * (ordered[at + k - 1] - ordered[at - k]):
        return None
    places = _places(ordered)
    here = _difference(ordered, places, hits, at, k)
    if here is None:
        return None
    step = max(1, k // 2)
    others = [*range(at - 2 * k, k - 1, -step), *range(at + 2 * k, n - k + 1, step)][:_MOST_ELSEWHERE]
    elsewhere = [there for each in others if (there := _difference(ordered, places, hits, each, k)) is not None]
    return Jump(
        below=here[0],
        above=here[1],
        z=(here[1] - here[0]) / here[2],
        elsewhere=max((abs(above - below) / error for below, above, error in elsewhere), default=0.0),
        rows=k,
    )


def _places(ordered: Floats) -> Floats:
    """The ranks of ordered scores, equal ones in the middle of their places."""
    _, inverse, counts = np.unique(ordered, return_inverse=True, return_counts=True)
    middle: Floats = (np.cumsum(counts) - counts / 2.0)[inverse]
    return middle


def _difference(ordered: Floats, places: Floats, hits: Floats, at: int, k: int) -> tuple[float, float, float] | None:
    """What the lines of either side say at the cut, and the standard error of their difference."""
    sides = (slice(at - k, at), slice(at, at + k))
    if any(np.unique(ordered[side]).size < _FEWEST_VALUES for side in sides):
        return None
    (below, first), (above, second) = (_at_cut(places[side] - at, hits[side]) for side in sides)
    return below, above, float(np.sqrt(max(first + second, _LEAST_VARIANCE)))


def _at_cut(away: Floats, hits: Floats) -> tuple[float, float]:
    """The value at 0 of a line through the hits, near ones counting most, and its variance."""
    weight = 1.0 - np.abs(away) / (np.abs(away).max() + 1.0)
    design = np.column_stack([np.ones_like(away), away])
    weighted = design * weight[:, None]
    inverse = np.linalg.pinv(weighted.T @ design)
    line = inverse @ (weighted.T @ hits)
    spread = inverse @ (weighted.T @ (weighted * ((hits - design @ line) ** 2)[:, None])) @ inverse
    return float(line[0]), float(spread[0, 0])
