"""Whether a row gets the answer of another one that was asked before and differs from it in one input.

A cache that goes by too few inputs answers so. What the row's own answer is, the same row says with its other inputs
off by no more than their sources may be, which such a cache does not know again. A pair tells where the exchanged input
moves that answer far more than being off does, and it is stale where nothing moved. Assumption: what the cache goes by
holds a measured number or a free text, as it is. Guarantee: none by number; a stale pair is asked anew, and its row
put off in several ways.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import count
from seatrial.domains.model.stressing import words
from seatrial.domains.model.stressing.asking import answer_of
from seatrial.domains.model.stressing.baseline import Baseline
from seatrial.domains.model.stressing.changes import changed
from seatrial.domains.model.stressing.noise import Noise, off
from seatrial.domains.yardstick import ROUNDING
from seatrial.spec.stress import Edit

CODES: Mapping[str, str] = {
    "answered-as-before": "A row that differs in one input from one asked before gets that one's answer, not its own.",
}
_EACH, _EACH_OF_LABELS = 12, 60
"""Pairs for each input; more where answers have no number, since a label moves seldom."""
_FEWEST = 2
_TIMES = 5.0
"""An exchanged input says something where it moves the answer so many times as far as being off does."""
_CONFIRMED = 3
_SPACED = Edit.model_validate({"text": ("whitespace",)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A row that is asked, and the same with `field` as another row has it."""

    field: str
    row: Row
    other: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """`other` of the pair got the answer `before` of its row; put off a little, it gets `own`."""

    pair: Pair
    before: Prediction
    own: Prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """`telling` pairs by field, and those of them that were answered as before, time after time."""

    telling: Mapping[str, int]
    stale: tuple[Stale, ...]

    @property
    def facts(self) -> Json:
        """Telling and stale pairs by field."""
        told = Counter(each.pair.field for each in self.stale)
        return {name: {"telling": n, "stale": told[name]} for name, n in sorted(self.telling.items())}


def remembered(base: Baseline, noise: Noise, *, most: int, seed: int) -> Remembered:
    """Ask each row and then the same with one input exchanged, field by field; up to `most` pairs."""
    drawn = random.Random(seed)  # noqa: S311 - which rows and how far off, not a secret
    pairs = list(_pairs(base, most, drawn))
    first, second = _both(base, pairs)
    telling: Counter[str] = Counter()
    suspected = []
    for pair, before, after, own in zip(pairs, first, second, _own(base, noise, pairs, first, drawn), strict=True):
        if before is not None and after is not None and own is not None:
            telling[pair.field] += 1
            if _alike(base, before, after):
                suspected.append(Stale(pair=pair, before=before, own=own))
    for _ in range(_CONFIRMED):
        suspected = _still(base, noise, suspected, drawn)
    return Remembered(telling=telling, stale=tuple(suspected))


def findings(base: Baseline, found: Remembered) -> Iterator[Finding]:
    """A gap for each input of which several rows were answered as before."""
    by_field = Counter(each.pair.field for each in found.stale)
    for name, stale in by_field.most_common():
        first = next(each for each in found.stale if each.pair.field == name)
        moved = words.outcome(base.system, base.exactly(), first.before, first.own)
        changed_words = words.change(first.pair.row, first.pair.other, base.inputs, base.profiles)
        yield Finding(
            code="answered-as-before",
            weight=Weight.GAP if stale >= _FEWEST else Weight.OPEN,
            summary=f"{stale} of {count(found.telling[name], 'row')} that differ in {name} alone from one asked just "
            f"before got that one's answer: {changed_words} changes nothing, and {moved} where the row's other inputs "
            "are off by next to nothing.",
            fields=(name,),
            why="A cache that goes by too little gives a case the answer to another one.",
            remedy=f"See what caches before the model go by: {name} and every other input belong to it.",
            detail={"field": name, "telling": found.telling[name], "stale": stale},
        )


def _pairs(base: Baseline, most: int, drawn: random.Random) -> Iterator[Pair]:
    numbers = any(math.isfinite(base.exactly().number(answer)) for answer in base.known.values())
    each = min(_EACH if numbers else _EACH_OF_LABELS, most // len(base.inputs))
    known = [base.rows[i] for i in base.known]
    for name in base.inputs:
        having = [row for row in known if row.get(name) is not None]
        for row in drawn.sample(having, min(each, len(having))):
            others = [other[name] for other in having if other[name] != row[name]]
            if others:
                yield Pair(field=name, row=row, other={**row, name: drawn.choice(others)})


def _own(
    base: Baseline,
    noise: Noise,
    pairs: Sequence[Pair],
    before: Sequence[Prediction | None],
    drawn: random.Random,
) -> list[Prediction | None]:
    """What each pair's other row is answered when it is off a little; None where that does not tell it from its row."""
    rows = [_off(base, pair.row, pair.field, noise, drawn) for pair in pairs]
    others = [_off(base, pair.other, pair.field, noise, drawn) for pair in pairs]
    fit = [i for i in range(len(pairs)) if rows[i] is not None and others[i] is not None and before[i] is not None]
    made = [row for i in fit for row in (rows[i], others[i]) if row is not None]
    told = _asked(base, made)
    found: list[Prediction | None] = [None] * len(pairs)
    for i, here, there in zip(fit, told[::2], told[1::2], strict=True):
        first = before[i]
        if first is not None and here is not None and there is not None:
            least = max(_rounding(base), _TIMES * _apart(base, first, here))
            found[i] = there if _apart(base, first, there) > least else None
    return found


def _still(base: Baseline, noise: Noise, suspected: Sequence[Stale], drawn: random.Random) -> list[Stale]:
    """Those that are answered as before once more, while their own answer shows once more."""
    pairs = [each.pair for each in suspected]
    again = _both(base, pairs)[1]
    own = _own(base, noise, pairs, [each.before for each in suspected], drawn)
    return [
        each
        for each, now, shown in zip(suspected, again, own, strict=True)
        if now is not None and shown is not None and _alike(base, each.before, now)
    ]


def _off(base: Baseline, row: Row, but: str, noise: Noise, drawn: random.Random) -> Row | None:
    """The row, `but` for one input, with its numbers off and other white space in its texts; None where as it was."""
    spaced = changed(_SPACED, row, inputs=base.inputs, prose=[n for n in base.prose if n != but], drawn=drawn)
    made = {**off(base, spaced or row, noise, drawn), but: row[but]}
    return made if made != row else None


def _both(base: Baseline, pairs: Sequence[Pair]) -> tuple[list[Prediction | None], list[Prediction | None]]:
    """What is answered to each pair's row, and to its other one, which is asked next to it."""
    told = _asked(base, [row for pair in pairs for row in (pair.row, pair.other)])
    return told[::2], told[1::2]


def _asked(base: Baseline, rows: Sequence[Row]) -> list[Prediction | None]:
    return [answer_of(reply) for reply in base.asker.together(rows)]


def _alike(base: Baseline, before: Prediction, after: Prediction) -> bool:
    return _apart(base, before, after) <= _rounding(base)


def _rounding(base: Baseline) -> float:
    return ROUNDING * base.scale


def _apart(base: Baseline, before: Prediction, after: Prediction) -> float:
    """How far two answers lie apart: by their numbers, or one where they have none and differ."""
    stick = base.exactly()
    distance = abs(stick.number(before) - stick.number(after))
    return float(stick.decision(before) != stick.decision(after)) if math.isnan(distance) else distance
