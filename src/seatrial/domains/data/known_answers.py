"""Rows whose answers are known from before a load, and how often the same model gives another one at rest.

A model may answer otherwise by itself once in a hundred times: it draws its words, or adds up in another order. What it
does under load is held against that, not against an exactness that it does not have alone. What a load leaves behind,
such as a wrong answer in a cache, is not the model's own: it is the same wrong answer each time.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from seatrial.core.observation import Json
from seatrial.core.ports import Model, Prediction, ReplyKind, Row
from seatrial.domains.yardstick import ROUNDING, spread
from seatrial.stats.contingency import fisher_more

REST_S: Final = 60.0
"""Seconds of answering that the model is asked for at rest once something differed under load."""
_ROWS: Final = 20
_AT_REST, _MOST_AT_REST = 300, 1200
"""With 300 answers a model that varies in 1 % of them is seen to vary with probability 95 %."""
_AGAIN: Final = 3
_TELLING: Final = 10
"""Of fewer requests nothing is said of what one takes by itself."""
_ALPHA: Final = 0.05
_WORD: Final = re.compile(r"\w+")


@dataclass(slots=True)
class KnownAnswers:
    """`before` holds the two answers to each row from before the load, or nothing for one that was not answered."""

    model: Model
    rows: Sequence[Row]
    before: Sequence[tuple[Prediction, ...]]
    alone_s: float = math.nan
    """The p95 of what each request before the load took, one sent after the other; NaN where few were answered."""
    rested: int = 0
    rested_off: int = 0
    """Answers at rest after a load, and those of them that were other ones."""
    _rested_s: float = 0.0
    _room: float = field(init=False)
    _rows_with: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self._room = ROUNDING * spread([own[0] for own in self.before if own])
        self._rows_with = Counter(word for own in self.before for word in {w for each in own for w in _words(each)})

    @classmethod
    def asked(cls, model: Model, rows: Sequence[Row]) -> KnownAnswers:
        """The first rows, each asked twice."""
        before: list[tuple[Prediction, ...]] = []
        took_s: list[float] = []
        for row in rows[:_ROWS]:
            replies = (model.predict([row]), model.predict([row]))
            whole = all(reply.kind is ReplyKind.OK for reply in replies)
            before.append(tuple(reply.predictions[0] for reply in replies) if whole else ())
            took_s += [reply.latency_s for reply in replies if reply.kind is ReplyKind.OK]
        return cls(model, rows[:_ROWS], before, _p95(took_s))

    def off(self, at: int, answer: Prediction | None) -> bool:
        """Whether an answer to that row is another one than before; None is what is no answer at all.

        Of a row that had two answers before, only the label counts, and without one label whether it is liker to what
        another row was answered than to its own.
        """
        own = self.before[at]
        if answer is None or not own:
            return answer is None
        first, again = own
        if self._same(first, again):
            return not self._same(first, answer)
        if self._near(first.prediction, again.prediction):
            return not self._near(first.prediction, answer.prediction)
        others = (each for other, own in enumerate(self.before) if other != at for each in own)
        nearest = max((self._likeness(answer, each) for each in others), default=0.0)
        return nearest > max(self._likeness(answer, each) for each in own)

    def rest(self, wanted: int) -> None:
        """Ask at rest until so many answers are known, one at a time and for a minute of answering at most."""
        wanted = min(max(wanted, _AT_REST), _MOST_AT_REST)
        tries = 2 * (wanted - self.rested)
        while self.rows and self.rested < wanted and self._rested_s < REST_S and tries > 0:
            tries -= 1
            at = self.rested % len(self.rows)
            heard, answer = self._ask(at)
            self.rested += heard
            self.rested_off += heard and self.off(at, answer)

    def lasting(self, at: int) -> bool:
        """Whether that row has one other answer for good by now, each time the same."""
        heard = [answer for asked, answer in (self._ask(at) for _ in range(_AGAIN)) if asked]
        if len(heard) < _AGAIN or not all(self.off(at, answer) for answer in heard):
            return False
        first = heard[0]
        return all(answer == first or (answer and first and self._same(answer, first)) for answer in heard)

    def explains(self, off: int, compared: int) -> bool:
        """Whether so many other answers under load are no more than the model gives at rest."""
        if not self.rested_off:
            return off == 0
        every = off + self.rested_off, compared + self.rested
        return float(fisher_more(off, compared, *every)) >= _ALPHA

    def _ask(self, at: int) -> tuple[bool, Prediction | None]:
        reply = self.model.predict([self.rows[at]])
        self._rested_s += reply.latency_s
        return reply.kind in (ReplyKind.OK, ReplyKind.MALFORMED), answered(reply.kind, reply.predictions)

    def _likeness(self, one: Prediction, other: Prediction) -> float:
        """1 for the same prediction; for numbers falling with their distance, else the share of words in both.

        A word weighs the more, the fewer rows were answered with it.
        """
        if one.prediction == other.prediction:
            return 1.0
        values = [one.prediction, other.prediction]
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == len(values):
            return 1.0 / (1.0 + abs(numbers[0] - numbers[1]))
        first, second = _words(one), _words(other)
        whole = sum(1.0 / max(1, self._rows_with[word]) for word in first | second)
        return sum(1.0 / max(1, self._rows_with[word]) for word in first & second) / whole if whole else 0.0

    def _same(self, one: Prediction, other: Prediction) -> bool:
        """The same prediction, and the same score but for the order in which single precision adds it up."""
        return self._near(one.prediction, other.prediction) and (
            one.score == other.score
            or (one.score is not None and other.score is not None and abs(one.score - other.score) <= ROUNDING)
        )

    def _near(self, one: Json, other: Json) -> bool:
        if isinstance(one, int | float) and isinstance(other, int | float):
            return one == other or abs(one - other) <= self._room
        return one == other


def answered(kind: ReplyKind, predictions: Collection[Prediction]) -> Prediction | None:
    """The one prediction of a reply, None where it holds none."""
    return next(iter(predictions), None) if kind is ReplyKind.OK else None


def _p95(took_s: Sequence[float]) -> float:
    return sorted(took_s)[math.ceil(0.95 * len(took_s)) - 1] if len(took_s) >= _TELLING else math.nan


def _words(answer: Prediction) -> frozenset[str]:
    told = answer.prediction
    text = told if isinstance(told, str) else json.dumps(told, sort_keys=True, ensure_ascii=False)
    return frozenset(_WORD.findall(text.casefold()))
