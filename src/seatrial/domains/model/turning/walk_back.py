"""For models that tell a label alone: from the nearest rows with another answer back towards the row itself.

The row takes over what can be changed from a real row that is answered otherwise; then change after change is taken
back, the dearest first, for as long as the answer stays turned. What is left is a turn if it keeps to the limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.core.ports import Prediction, Row
from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.search import Ask, Attacked, Turn
from seatrial.domains.model.turning.terrain import Move, Terrain

DONORS = 3
_SLACK = 1e-9


@dataclass(slots=True)
class _Walk:
    """One row on its way back. `moves` turn its answer."""

    each: Attacked
    moves: tuple[Move, ...]
    answer: Prediction
    over: bool = False


def walk_back(
    attacked: Sequence[Attacked],
    donors: Sequence[tuple[Row, Prediction]],
    terrain: Terrain,
    aim: Aim,
    ask: Ask,
    *,
    queries: int,
) -> None:
    """Try it for rows without a turn, with at most `queries` changed rows each; what is found is kept in them."""
    started: list[tuple[Attacked, tuple[Move, ...], Row]] = []
    for each in attacked:
        if each.best is not None:
            continue
        for moves in _nearest(each, donors, terrain, aim):
            changed = terrain.changed(each.row, moves)
            if changed is not None:
                started.append((each, moves, changed))
    answers = ask([row for _, _, row in started]) if started else ()
    walks: list[_Walk] = []
    for (each, moves, _), answer in zip(started, answers, strict=True):
        each.asked += 1
        if answer is not None and aim.turned(each.answer, answer):
            walks.append(_Walk(each=each, moves=moves, answer=answer))
    left = {id(walk.each): queries for walk in walks}
    while any(not walk.over for walk in walks):
        _one_step_back([walk for walk in walks if not walk.over], left, terrain, aim, ask)
    for walk in walks:
        cost = sum(move.cost for move in walk.moves)
        if len(walk.moves) <= terrain.edits and cost <= terrain.budget + _SLACK:
            walk.each.offer(Turn(moves=walk.moves, answer=walk.answer))


def _nearest(
    each: Attacked, donors: Sequence[tuple[Row, Prediction]], terrain: Terrain, aim: Aim
) -> list[tuple[Move, ...]]:
    """What it takes to become like the nearest rows that are answered otherwise, in what can be changed."""
    ways: list[tuple[float, tuple[Move, ...]]] = []
    for row, answer in donors:
        if not aim.turned(each.answer, answer):
            continue
        moves = tuple(
            Move(field=name, value=row.get(name), cost=ground.cost(each.row.get(name), row.get(name)))
            for name, ground in terrain.grounds.items()
            if row.get(name) != each.row.get(name) and ground.allows(each.row.get(name), row.get(name))
        )
        if moves:
            ways.append((sum(move.cost for move in moves), moves))
    ways.sort(key=lambda way: way[0])
    return [moves for _, moves in ways[:DONORS]]


def _one_step_back(walks: Sequence[_Walk], left: dict[int, int], terrain: Terrain, aim: Aim, ask: Ask) -> None:
    """Of each walk every single move taken back, in one call; the dearest that is not needed goes."""
    sent = _shorter(walks, left, terrain)
    answers = ask([row for _, _, row in sent]) if sent else ()
    kept: dict[int, tuple[float, tuple[Move, ...], Prediction]] = {}
    for (walk, moves, _), answer in zip(sent, answers, strict=True):
        walk.each.asked += 1
        if answer is None or not aim.turned(walk.each.answer, answer):
            continue
        cost = sum(move.cost for move in moves)
        if id(walk) not in kept or cost < kept[id(walk)][0]:
            kept[id(walk)] = (cost, moves, answer)
    for walk in walks:
        walk.over = walk.over or id(walk) not in kept
        if not walk.over:
            _, walk.moves, walk.answer = kept[id(walk)]


def _shorter(
    walks: Sequence[_Walk], left: dict[int, int], terrain: Terrain
) -> list[tuple[_Walk, tuple[Move, ...], Row]]:
    """Of each walk every way with one move less; a walk that has no room for them is over."""
    sent: list[tuple[_Walk, tuple[Move, ...], Row]] = []
    for walk in walks:
        shorter = [walk.moves[:i] + walk.moves[i + 1 :] for i in range(len(walk.moves))]
        if len(walk.moves) <= 1 or left[id(walk.each)] < len(shorter):
            walk.over = True
            continue
        for moves in shorter:
            changed = terrain.changed(walk.each.row, moves)
            if changed is not None:
                sent.append((walk, moves, changed))
                left[id(walk.each)] -= 1
    return sent
