"""Whether the search would have found a weakness: planted ones, on the same rows, within the same limits.

A stand-in answers in the model's place. Half of the weaknesses turn the answer in a small region of one input (a share
`smallest` of its values), wherever else the row stands; half need two inputs moved together. Each lies within reach of
its row, so that a search that misses it has missed something.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.core.ports import Prediction, Row
from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.search import attack
from seatrial.domains.model.turning.terrain import Ground, Terrain, as_number
from seatrial.domains.model.turning.walk_back import walk_back
from seatrial.stats.detection import measured_power
from seatrial.stats.interval import Interval

PLANTS = 60
_SEED = 20_261_127
_TRIES = 40
_PUSH = 0.9
_STEEP = 4.0

_Weakness = Callable[[Row], float]
"""How far a row has come: from 1 on it is turned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planting:
    """What is planted into: rows, what can be changed, whether the model tells a score, and the search's own bounds."""

    rows: Sequence[Row]
    terrain: Terrain
    scores: bool
    queries: int
    smallest: float


def planted_power(planting: Planting) -> Interval | None:
    """How often a planted weakness is found, with exact bounds; None where none can be planted."""
    if not planting.terrain.grounds:
        return None
    rng = np.random.default_rng(_SEED)
    found = planted = 0
    for number in range(PLANTS):
        row = planting.rows[int(rng.integers(len(planting.rows)))]
        weakness = next(
            (w for _ in range(_TRIES) if (w := _weakness(planting, row, number, rng)) is not None),
            None,
        )
        if weakness is None:
            continue
        planted += 1
        found += _is_found(planting, row, weakness)
    return measured_power(found, planted) if planted >= PLANTS // 2 else None


def _is_found(planting: Planting, row: Row, weakness: _Weakness) -> bool:
    aim = Aim(task="binary", act_at=0.5 if planting.scores else None)

    def answer(asked: Row) -> Prediction:
        far = weakness(asked)
        score = 1.0 / (1.0 + math.exp(-_STEEP * (far - 1.0))) if planting.scores else None
        return Prediction(prediction=int(far >= 1.0), score=score)

    def ask(rows: Sequence[Row]) -> list[Prediction]:
        return [answer(asked) for asked in rows]

    (attacked,) = attack([(row, answer(row))], planting.terrain, aim, ask, queries=planting.queries)
    if attacked.best is None and not planting.scores:
        donors = [(other, answer(other)) for other in planting.rows]
        walk_back([attacked], donors, planting.terrain, aim, ask, queries=planting.queries)
    return attacked.best is not None


def _weakness(planting: Planting, row: Row, number: int, rng: np.random.Generator) -> _Weakness | None:
    grounds = list(planting.terrain.grounds.values())
    chosen = [grounds[int(i)] for i in rng.permutation(len(grounds))]
    if number % 2 == 0 or len(chosen) < 2 or planting.terrain.edits < 2:
        return _region(planting, row, chosen[0], rng)
    return _together(planting, row, chosen[0], chosen[1], rng)


def _region(planting: Planting, row: Row, ground: Ground, rng: np.random.Generator) -> _Weakness | None:
    """Turned where one input lies in a small region, or is another text."""
    old = row.get(ground.name)
    if not ground.is_number:
        others = [level for level in ground.levels if level != old]
        if not others:
            return None
        level = others[int(rng.integers(len(others)))]
        return lambda asked: float(asked.get(ground.name) == level)
    start = float(rng.uniform(0.0, 1.0 - planting.smallest))
    low, high = (float(np.quantile(ground.ordered, q)) for q in (start, start + planting.smallest))
    reach = [v for v in ground.ordered if low <= v <= high and v != old and ground.allows(old, v)]
    within = planting.terrain.budget * (1.0 - planting.smallest)
    inside = as_number(old)
    if not reach or min(ground.cost(old, v) for v in reach) > within or (inside is not None and low <= inside <= high):
        return None

    def far(asked: Row) -> float:
        value = as_number(asked.get(ground.name))
        return float(value is not None and low <= value <= high)

    return far


def _together(
    planting: Planting, row: Row, first: Ground, second: Ground, rng: np.random.Generator
) -> _Weakness | None:
    """Turned where two inputs are moved, each by most of what half of the budget pays."""
    parts = [_push(planting.terrain, row, ground, rng) for ground in (first, second)]
    if any(part is None for part in parts):
        return None
    given = [part for part in parts if part is not None]

    def far(asked: Row) -> float:
        return sum(part(asked) for part in given) / (2.0 * _PUSH)

    return None if far(row) >= 1.0 else far


def _push(terrain: Terrain, row: Row, ground: Ground, rng: np.random.Generator) -> _Weakness | None:
    """From 0 to 1 by how much of half the budget went into this input, in one direction; for a text by another one."""
    old = row.get(ground.name)
    half = terrain.budget / 2.0
    if not ground.is_number:
        others = [level for level in ground.levels if level != old]
        if not others or ground.cost(old, others[0]) > half:
            return None
        level = others[int(rng.integers(len(others)))]
        return lambda asked: float(asked.get(ground.name) == level)
    up = bool(rng.integers(2))
    start = as_number(old)
    ahead = [v for v in ground.ordered if start is not None and (v > start if up else v < start)]
    most = max((c for v in ahead if (c := ground.cost(old, v)) <= half and ground.allows(old, v)), default=0.0)
    if start is None or most < _PUSH * half:
        return None
    origin = start

    def far(asked: Row) -> float:
        value = as_number(asked.get(ground.name))
        if value is None or (value < origin if up else value > origin):
            return 0.0
        return min(1.0, ground.cost(origin, value) / half)

    return far
