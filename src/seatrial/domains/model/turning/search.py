"""The cheapest few changes that turn an answer: single moves first, then the combinations that promise most.

All changed rows of one step go to the model together, for all rows that are attacked. A step after the first asks about
the combinations that, were effects to add up, would turn the answer most cheaply, and about those that would come
farthest. On a score to which changes add up this finds what trying everything would find.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Row
from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.terrain import Move, Terrain, as_number
from seatrial.domains.scored.rows import Floats

Ask = Callable[[Sequence[Row]], Sequence[Prediction | None]]
"""One answer for each row, None where there is none (refused, failed, or not asked any more)."""
BEAM = 3
_HALVINGS = 6
_PROBED = 16
_NEARLY = 0.98
_NEAR = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Moves that turned an answer, and the answer that came."""

    moves: tuple[Move, ...]
    answer: Prediction

    @property
    def cost(self) -> float:
        """What the moves cost together."""
        return sum(move.cost for move in self.moves)


@dataclass(slots=True)
class Attacked:
    """One row under attack: its answer before, what was tried, and the cheapest turn found.

    `tried` holds combinations of moves (as places in `singles`) with how far each came.
    """

    row: Row
    answer: Prediction
    singles: list[Move] = field(default_factory=list)
    tried: dict[tuple[int, ...], float] = field(default_factory=dict)
    best: Turn | None = None
    asked: int = 0
    refused: int = 0

    def offer(self, turn: Turn) -> None:
        """Keep the turn if it is the cheapest so far."""
        if self.best is None or turn.cost < self.best.cost - _NEAR:
            self.best = turn


def attack(
    rows: Sequence[tuple[Row, Prediction]], terrain: Terrain, aim: Aim, ask: Ask, *, queries: int
) -> list[Attacked]:
    """Every row attacked with at most `queries` changed rows each."""
    attacked = [Attacked(row=row, answer=answer) for row, answer in rows]
    share = queries // 2 if terrain.edits > 1 else queries - _HALVINGS
    for each in attacked:
        each.singles = terrain.moves(each.row, share)
    _step(attacked, [[(i,) for i in range(len(a.singles))] for a in attacked], terrain, aim, ask)
    for size in range(2, terrain.edits + 1):
        room = [(queries - _HALVINGS - a.asked) // (terrain.edits + 1 - size) for a in attacked]
        _step(
            attacked,
            [_promising(a, size, terrain, most) for a, most in zip(attacked, room, strict=True)],
            terrain,
            aim,
            ask,
        )
    _shortened(attacked, terrain, aim, ask)
    return attacked


def answered_inputs(rows: Sequence[Row], terrain: Terrain, ask: Ask) -> frozenset[str]:
    """The inputs of which a changed row is answered at all; a guard that refuses every change of one hides nothing."""
    found = set()
    for name, ground in terrain.grounds.items():
        alone = replace(terrain, grounds={name: ground})
        moved = [(row, alone.moves(row, _PROBED)) for row in rows[:_PROBED]]
        changed = [
            made for row, moves in moved for move in moves[:1] if (made := alone.changed(row, [move])) is not None
        ]
        if any(answer is not None for answer in (ask(changed) if changed else ())):
            found.add(name)
    return frozenset(found)


def _step(
    attacked: Sequence[Attacked],
    combinations: Sequence[Sequence[tuple[int, ...]]],
    terrain: Terrain,
    aim: Aim,
    ask: Ask,
) -> None:
    sent: list[tuple[Attacked, tuple[int, ...], Row]] = []
    for each, wanted in zip(attacked, combinations, strict=True):
        for places in wanted:
            changed = terrain.changed(each.row, [each.singles[i] for i in places])
            if changed is not None:
                sent.append((each, places, changed))
    answers = ask([row for _, _, row in sent]) if sent else ()
    for (each, places, _), answer in zip(sent, answers, strict=True):
        each.asked += 1
        if answer is None:
            each.refused += 1
            continue
        each.tried[places] = aim.progress(each.answer, answer)
        if aim.turned(each.answer, answer):
            each.offer(Turn(moves=tuple(each.singles[i] for i in places), answer=answer))


def _promising(each: Attacked, size: int, terrain: Terrain, most: int) -> list[tuple[int, ...]]:
    """Combinations of `size` moves, half of them the cheapest that should turn it, the others those that come farthest.

    Singles are paired with singles; larger combinations grow from the best few found so far.
    """
    if most <= 0 or not each.singles:
        return []
    gains = np.array([each.tried.get((i,), np.nan) for i in range(len(each.singles))])
    costs = np.array([move.cost for move in each.singles])
    names = {name: at for at, name in enumerate(terrain.grounds)}
    fields = np.array([names[move.field] for move in each.singles])
    if size == 2:
        starts: list[tuple[int, ...]] = [(i,) for i in range(len(each.singles))]
    else:
        known = [(places, far) for places, far in each.tried.items() if len(places) == size - 1]
        starts = [places for places, _ in sorted(known, key=lambda item: -abs(item[1]))[:BEAM]]
    if not starts:
        return []
    ceiling = min(terrain.budget, each.best.cost if each.best is not None else np.inf)
    far = np.abs(np.array([each.tried.get(s, np.nan) for s in starts])[:, None] + gains[None, :])
    price = np.array([costs[list(s)].sum() for s in starts])[:, None] + costs[None, :]
    fits = np.isfinite(far) & (price <= ceiling + _NEAR)
    for at, places in enumerate(starts):
        fits[at] &= ~np.isin(fields, fields[list(places)]) if size > 2 else fields > fields[places[0]]
    return _picked(starts, far, np.where(fits, price, np.inf), most)


def _picked(starts: Sequence[tuple[int, ...]], far: Floats, price: Floats, most: int) -> list[tuple[int, ...]]:
    """The places of at most so many combinations; what does not fit has an infinite price."""
    able = np.flatnonzero(np.isfinite(price))
    if able.size > most:
        farness, cost = far.ravel()[able], price.ravel()[able]
        turning = np.flatnonzero(farness >= _NEARLY)
        cheap = turning[np.argsort(cost[turning], kind="stable")[: most // 2]]
        rest = np.setdiff1d(np.arange(able.size), cheap)
        # Labels alone say nothing of how far a change came: then the largest changes are the likeliest.
        second = cost[rest] if farness.any() else -cost[rest]
        farthest = rest[np.lexsort((second, -farness[rest]))[: most - cheap.size]]
        able = able[np.concatenate([cheap, farthest])]
    columns = price.shape[1]
    return list(dict.fromkeys(tuple(sorted((*starts[at // columns], int(at % columns)))) for at in able.tolist()))


def _shortened(attacked: Sequence[Attacked], terrain: Terrain, aim: Aim, ask: Ask) -> None:
    """The moves of numbers brought as near to the old value as the answer stays turned, by halving."""
    short: dict[tuple[int, str], float] = {}
    for halving in range(_HALVINGS):
        sent: list[tuple[Attacked, Move, Turn, Row]] = []
        for number, each in enumerate(attacked):
            nearer = None if each.best is None else _nearer(number, each, each.best, halving, terrain, short)
            if nearer is not None:
                sent.append((each, *nearer))
        answers = ask([row for *_, row in sent]) if sent else ()
        places = {id(each): number for number, each in enumerate(attacked)}
        for (each, move, turn, _), answer in zip(sent, answers, strict=True):
            each.asked += 1
            value = as_number(move.value)
            if answer is not None and aim.turned(each.answer, answer):
                each.best = Turn(moves=turn.moves, answer=answer)
            elif value is not None:
                short[places[id(each)], move.field] = value


def _nearer(
    number: int, each: Attacked, best: Turn, halving: int, terrain: Terrain, short: dict[tuple[int, str], float]
) -> tuple[Move, Turn, Row] | None:
    """The turn with one of its moves half as far from the nearest value that is known not to turn it."""
    place = halving % len(best.moves)
    move = best.moves[place]
    ground = terrain.grounds[move.field]
    old, new = as_number(each.row.get(move.field)), as_number(move.value)
    if not ground.is_number or old is None or new is None:
        return None
    middle = (short.get((number, move.field), old) + new) / 2.0
    value: Json = round(middle) if ground.whole else middle
    if value in (move.value, old) or not ground.allows(old, value):
        return None
    shorter = Move(field=move.field, value=value, cost=ground.cost(old, value))
    moves = (*best.moves[:place], shorter, *best.moves[place + 1 :])
    changed = terrain.changed(each.row, moves)
    return None if changed is None else (shorter, Turn(moves=moves, answer=best.answer), changed)
