"""A second opinion over all numbers at once: how near the boundary is when every number may move a little.

HopSkipJump needs decisions alone and keeps to no number of edits, so that what it finds is shown and not judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.search import Ask, Attacked
from seatrial.domains.model.turning.terrain import Ground, Move, Terrain, as_number
from seatrial.domains.scored.rows import Mask
from seatrial.stats.hop_skip_jump import Points, nearest_turned

_ROWS = 5
_QUERIES = 400
_STARTS = 20
_SEED = 20_261_127


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """`costs` of the nearest turned points that were found, for `tried` rows that were tried."""

    costs: tuple[float, ...]
    tried: int


def nearest_boundaries(attacked: Sequence[Attacked], terrain: Terrain, aim: Aim, ask: Ask) -> Boundary | None:
    """For the first few rows the cost of the nearest turned point; None where fewer than two numbers can move."""
    free = [g for g in terrain.grounds.values() if g.is_number and g.declared.type == "number" and g.up and g.down]
    if len(free) < 2 or aim.task == "regression":
        return None
    usable = [a for a in attacked if all(as_number(a.row.get(g.name)) is not None for g in free)][:_ROWS]
    found = [cost for each in usable if (cost := _nearest(each, free, terrain, aim, ask)) is not None]
    return Boundary(costs=tuple(found), tried=len(usable)) if usable else None


def _nearest(each: Attacked, free: Sequence[Ground], terrain: Terrain, aim: Aim, ask: Ask) -> float | None:
    scale = np.array([max(1e-12, float(np.subtract(*np.quantile(g.ordered, [0.75, 0.25])))) for g in free])
    origin = np.array([as_number(each.row.get(g.name)) or 0.0 for g in free])

    def moves_at(point: Points) -> list[Move]:
        values = [_inside(g, float(v)) for g, v in zip(free, origin + point * scale, strict=True)]
        return [
            Move(field=g.name, value=v, cost=g.cost(each.row.get(g.name), v)) for g, v in zip(free, values, strict=True)
        ]

    def decide(points: Points) -> Mask:
        changed = [terrain.changed(each.row, moves_at(point)) for point in points]
        answers = iter(ask([row for row in changed if row is not None]))
        told = [None if row is None else next(answers) for row in changed]
        return np.array([a is not None and aim.turned(each.answer, a) for a in told], dtype=bool)

    rng = np.random.default_rng(_SEED)
    starts = np.array([[g.ordered[int(rng.integers(len(g.ordered)))] for g in free] for _ in range(_STARTS)])
    points = (starts - origin) / scale
    turned = np.flatnonzero(decide(points))
    if not turned.size:
        return None
    start = points[turned[np.argmin(np.linalg.norm(points[turned], axis=1))]]
    found = nearest_turned(np.zeros(len(free)), start, decide, queries=_QUERIES, seed=_SEED)
    if found is None:
        return None
    return sum(move.cost for move in moves_at(found.point))


def _inside(ground: Ground, value: float) -> float:
    low, high = ground.declared.minimum, ground.declared.maximum
    return float(np.clip(value, -np.inf if low is None else low, np.inf if high is None else high))
