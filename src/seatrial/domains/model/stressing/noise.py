"""Whether the decision stays when each number is off by as much as its source may be off."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Row
from seatrial.domains.model.stressing.asking import answer_of, told
from seatrial.domains.model.stressing.baseline import Baseline, decimals_of
from seatrial.domains.model.stressing.changes import legal
from seatrial.domains.model.stressing.consistency import entity_groups
from seatrial.domains.model.stressing.rates import Tried

_FEWEST_LEVELS = 30
"""A field with fewer distinct values is a scale of steps or a code: between two of them there is nothing to be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Field to how far it may be off; `inferred` where nothing is declared and the data's decimals had to tell.

    `raised` are the fields whose declared noise is smaller than what their data can show, and was not taken.
    """

    reach: Mapping[str, float]
    inferred: bool
    raised: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flipped:
    """What noise did. `flips` are base row, variant and answer; `shifts` how far each number moved."""

    tried: Tried
    flips: tuple[tuple[int, Row, Prediction], ...]
    shifts: tuple[float, ...]
    refused: str = ""


def noise_of(base: Baseline) -> Noise:
    """As declared, and at least half a unit of the last decimal for every measured number.

    Who writes 20.1 does not tell 20.06 from 20.14: no source is off by less than what its data leave open.
    """
    declared = base.system.stress.noise
    fixed = set(base.system.stress.immutable)
    least = {name: reach for name, reach in _resolutions(base) if name not in fixed}
    least |= {name: _resolution(base, name) for name in declared}
    return Noise(
        reach={name: max(reach, declared.get(name, 0.0)) for name, reach in least.items()},
        inferred=not declared,
        raised={name: value for name, value in declared.items() if value < least[name]},
    )


def _resolution(base: Baseline, name: str) -> float:
    """Half a unit of the last decimal; of whole numbers one, since by less none can be off."""
    if base.inputs[name].type == "integer":
        return 1.0
    return float(0.5 * 10.0 ** -decimals_of(base.rows, name))


def _resolutions(base: Baseline) -> Iterator[tuple[str, float]]:
    for name, declared in base.inputs.items():
        if declared.type != "number" or declared.values is not None:
            continue
        values = {row[name] for row in base.rows if isinstance(row.get(name), int | float)}
        if len(values) >= _FEWEST_LEVELS:
            yield name, _resolution(base, name)


def flipped(base: Baseline, noise: Noise, at: Sequence[int], *, noisy: bool, seed: int) -> Flipped:
    """Each row once, every field off at random within its reach. `noisy` says that the model differs by itself.

    A row without a number that could be off is one that noise cannot flip.
    """
    known = base.answers(at)
    rows = [i for i in at if i in known]
    drawn = random.Random(seed)  # noqa: S311 - noise, not a secret
    variants = {i: off(base, base.rows[i], noise, drawn) for i in rows}
    moved = [i for i in rows if variants[i] != base.rows[i]]
    replies = dict(zip(moved, base.asker.together([variants[i] for i in moved]), strict=True))
    stick, exactly = base.decided(), base.exactly()
    tried = [i for i in rows if i not in replies or replies[i] is not None]
    answers = {i: answer_of(replies[i]) if i in replies else known[i] for i in tried}
    broke = tuple(None if (now := answers[i]) is None else stick.moved(known[i], now) for i in tried)
    again = base.again(tried) if noisy else {}
    own = tuple((now := again[i]) is None or stick.moved(known[i], now) for i in tried) if noisy else ()
    return Flipped(
        tried=Tried(broke=broke, by_itself=own, groups=entity_groups(base, tried), rows=tuple(tried)),
        flips=tuple((i, variants[i], now) for i, b in zip(tried, broke, strict=True) if b and (now := answers[i])),
        shifts=tuple(abs(exactly.number(now) - exactly.number(known[i])) for i in tried if (now := answers[i])),
        refused=next((told(replies[i]) for i in moved if i in answers and answers[i] is None), ""),
    )


def off(base: Baseline, row: Row, noise: Noise, drawn: random.Random) -> Row:
    """The row with every measured number off at random within its reach, as far as that is legal."""
    made: dict[str, Json] = dict(row)
    for name, reach in noise.reach.items():
        value, declared = row.get(name), base.inputs.get(name)
        if declared is None or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        step = drawn.uniform(-reach, reach)
        digits = decimals_of([row], name) if not noise.inferred else None
        new: float = value + step
        if declared.type == "integer":
            new = round(new)
        elif digits is not None and reach >= 10.0**-digits:
            new = round(new, digits)
        if legal(new, declared):
            made[name] = new
    return made
