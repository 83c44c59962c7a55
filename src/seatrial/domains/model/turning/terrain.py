"""What can be changed in a row, to which values, and what that costs: plausible moves within the declared limits."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.adversarial import Adversarial
from seatrial.spec.model import InputField
from seatrial.spec.relations import FieldRelation, parse_relation
from seatrial.spec.system import System

ANOTHER_TEXT = 0.25
"""What another text or flag costs where nothing is declared: two of them use up the default budget."""
_MOST_LEVELS = 40
_GRID = (6, 40)
_FREE_TEXT = 0.5
_SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of one input."""

    field: str
    value: Json
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One input that can be changed: its declaration and its values in the reference rows.

    `ordered` are the numbers, ascending; `levels` the texts or flags, the most frequent first. `unit_cost` is declared.
    """

    name: str
    declared: InputField
    ordered: tuple[float, ...] = ()
    levels: tuple[Json, ...] = ()
    unit_cost: float | None = None
    up: bool = True
    down: bool = True
    empties: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its values have an order and distances."""
        return bool(self.ordered)

    @property
    def whole(self) -> bool:
        """Whether only whole numbers occur."""
        return self.declared.type == "integer"

    def share_below(self, value: float) -> float:
        """The share of reference values below it, half of the equal ones included."""
        n = len(self.ordered)
        return (bisect_left(self.ordered, value) + bisect_right(self.ordered, value)) / (2 * n)

    def cost(self, old: Json, new: Json) -> float:
        """What the change costs."""
        was, now = as_number(old), as_number(new)
        if self.is_number and was is not None and now is not None:
            if self.unit_cost is not None:
                return abs(now - was) * self.unit_cost
            return abs(self.share_below(now) - self.share_below(was))
        return ANOTHER_TEXT if self.unit_cost is None else self.unit_cost

    def allows(self, old: Json, new: Json) -> bool:
        """Whether the value may stand there, and may be reached from the old one."""
        if new is None:
            return self.declared.nullable
        if self.declared.values is not None and new not in self.declared.values:
            return False
        was, now = as_number(old), as_number(new)
        if not self.is_number or now is None:
            return True
        low, high = self.declared.minimum, self.declared.maximum
        if (low is not None and now < low) or (high is not None and now > high):
            return False
        return was is None or ((self.up or now <= was) and (self.down or now >= was))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """Every input that can be changed, and what a changed row must still keep."""

    grounds: Mapping[str, Ground]
    relations: tuple[FieldRelation, ...] = ()
    budget: float = 0.5
    edits: int = 2
    followers: Mapping[str, FieldRelation] = field(default_factory=dict)

    def changed(self, row: Row, moves: Sequence[Move]) -> Row | None:
        """The row with these moves, and with what follows from them; None where it breaks a relation that it kept."""
        made = {**row, **{move.field: move.value for move in moves}}
        for name, relation in self.followers.items():
            follows = relation.followed(made)
            if follows is not None and relation.holds(row):
                made[name] = int(follows) if isinstance(row.get(name), int) and follows.is_integer() else follows
        broken = any(relation.holds(row) and relation.holds(made) is not True for relation in self.relations)
        return None if broken else made

    def moves(self, row: Row, most: int) -> list[Move]:
        """At most about `most` single moves from this row, the same number for every input.

        For numbers over a grid of the reference values, the nearest values on both sides, and the ends of the range.
        """
        if not self.grounds:
            return []
        each = max(_GRID[0], min(_GRID[1], most // len(self.grounds)))
        found: list[Move] = []
        for ground in self.grounds.values():
            old = row.get(ground.name)
            values = list(dict.fromkeys(_candidates(ground, old, each)))
            own = [
                Move(field=ground.name, value=value, cost=ground.cost(old, value))
                for value in values
                if value != old and ground.allows(old, value)
            ]
            affordable = [move for move in own if move.cost <= self.budget + _SLACK]
            found += _thinned(affordable, each)
        return found


def terrain_of(system: System, inputs: Mapping[str, InputField], reference: Sequence[Row]) -> Terrain:
    """The terrain that is declared, with the reference rows' own values as what is plausible."""
    section, policy = system.adversarial, system.policy
    relations = [parse_relation(text) for text in section.relations]
    followers = {r.follower: r for r in relations if r.follower is not None}
    fixed = {*section.immutable, *system.stress.immutable, *followers}
    chosen = [
        name
        for name, declared in inputs.items()
        if name not in fixed and (name in section.mutable if section.mutable else declared.type != "time")
    ]
    grounds = {}
    for name in chosen:
        ground = _ground(section, inputs[name], name, [row.get(name) for row in reference])
        if ground is not None:
            grounds[name] = ground
    return Terrain(
        grounds=grounds,
        relations=tuple(r for r in relations if r.follower is None),
        budget=max(policy.adversarial_cost, section.budget or 0.0),
        edits=max(policy.adversarial_edits, section.edits or 0),
        followers=followers,
    )


def _ground(section: Adversarial, declared: InputField, name: str, values: Sequence[Json]) -> Ground | None:
    """None for an input that has nothing to be changed to: a time, a free text, one value throughout."""
    given = [v for v in values if v is not None]
    ordered: tuple[float, ...] = ()
    levels: tuple[Json, ...] = ()
    if declared.type in {"number", "integer"}:
        ordered = tuple(sorted(n for v in given if (n := as_number(v)) is not None))
    elif declared.type in {"string", "boolean"}:
        counts = Counter(v for v in given if isinstance(v, str | bool))
        if declared.values is None and len(counts) > max(_MOST_LEVELS, _FREE_TEXT * len(given)):
            return None
        levels = tuple(value for value, _ in counts.most_common(_MOST_LEVELS))
    if len(set(ordered)) < 2 and len(levels) < 2 and not declared.nullable:
        return None
    if not ordered and not levels:
        return None
    return Ground(
        name=name,
        declared=declared,
        ordered=ordered,
        levels=levels,
        unit_cost=section.cost.get(name),
        up=name not in section.only_down,
        down=name not in section.only_up,
        empties=declared.nullable and len(given) < len(values),
    )


def _candidates(ground: Ground, old: Json, grid: int) -> Iterator[Json]:
    if ground.empties:
        yield None
    if not ground.is_number:
        yield from ground.levels
        return
    values: list[float] = []
    ordered = ground.ordered
    was = as_number(old)
    if was is not None:
        values += _neighbours(ordered, was)
    # Twice as fine as asked, since about half of it can be afforded from any place.
    places = (np.arange(2 * grid) + 0.5) / (2 * grid)
    values += [ordered[min(len(ordered) - 1, int(p * len(ordered)))] for p in places]
    values += [ordered[0], ordered[-1]]
    values += [float(end) for end in (ground.declared.minimum, ground.declared.maximum) if end is not None]
    for value in values:
        yield round(value) if ground.whole else value


def _neighbours(ordered: Sequence[float], old: float) -> Iterator[float]:
    """The nearest other values on both sides."""
    below, above = bisect_left(ordered, old), bisect_right(ordered, old)
    if below > 0:
        yield ordered[below - 1]
    if above < len(ordered):
        yield ordered[above]


def _thinned(moves: Sequence[Move], most: int) -> list[Move]:
    """At most so many, spread over their values: over costs, those of one side could all fall out."""
    if len(moves) <= most:
        return list(moves)
    ordered = sorted(moves, key=lambda move: as_number(move.value) or 0.0)
    places = np.unique(np.linspace(0, len(ordered) - 1, most).round().astype(int))
    return [ordered[i] for i in places]


def as_number(value: object) -> float | None:
    """The value as a finite number; None for anything else, flags included."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
