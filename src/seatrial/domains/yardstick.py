"""How far an answer may move and still count as the same."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seatrial.core.observation import Json
from seatrial.core.ports import Prediction
from seatrial.spec.system import System

ROUNDING = 1e-4
"""Of a score, or of a regression's spread: what single precision makes of another order of addition."""
_WORD = re.compile(r"\w+", re.UNICODE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """`tolerance` is in units of the score, for a regression in those of the prediction.

    Free text (`chat`) has no decision: it moved when another number stands in it, or when more than `words` of all
    distinct words stand in one answer alone.
    """

    task: str
    tolerance: float
    act_at: float | None
    words: float = 0.5

    def moved(self, before: Prediction, after: Prediction) -> bool:
        """True when the decision changed, or the number by more than the tolerance."""
        if self.task == "chat":
            return self._reworded(_told(before.prediction), _told(after.prediction))
        if self.decision(before) != self.decision(after):
            return True
        distance = abs(self.number(after) - self.number(before))
        return not (math.isnan(distance) or distance <= self.tolerance)

    def within(self, tolerance: float) -> Yardstick:
        """The same with another tolerance."""
        return replace(self, tolerance=tolerance, words=tolerance)

    def decision(self, answer: Prediction) -> Json:
        """What people or machines act on; nothing for a regression, whose number is the answer."""
        if self.task == "regression":
            return None
        acts = None if self.act_at is None or answer.score is None else answer.score >= self.act_at
        return [_label(answer.prediction), acts]

    def number(self, answer: Prediction) -> float:
        """The number that moves; NaN where there is none."""
        value = answer.prediction if self.task == "regression" else answer.score
        return float(value) if isinstance(value, int | float) else math.nan

    def _reworded(self, before: str, after: str) -> bool:
        numbers = set(_NUMBER.findall(before)), set(_NUMBER.findall(after))
        if all(numbers) and numbers[0] != numbers[1]:
            return True
        first, second = set(_WORD.findall(before.casefold())), set(_WORD.findall(after.casefold()))
        every = first | second
        return bool(every) and len(first ^ second) > self.words * len(every)


def yardstick(system: System, clean: Sequence[Prediction]) -> Yardstick:
    """From the declared tolerance and, for a regression, the answers to clean rows."""
    tolerance = system.data.faults.tolerance
    if system.model.task == "regression":
        tolerance *= spread(clean)
    return Yardstick(task=system.model.task, tolerance=tolerance, act_at=system.model.output.act_at)


def spread(answers: Sequence[Prediction]) -> float:
    """The interquartile range of predicted numbers; never zero."""
    numbers = sorted(float(p.prediction) for p in answers if isinstance(p.prediction, int | float))
    quarter = len(numbers) // 4
    found = numbers[-1 - quarter] - numbers[quarter] if numbers else 0.0
    return found or max((abs(n) for n in numbers), default=0.0) or 1.0


def _told(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _label(value: Json) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return (
        str(int(value)) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else str(value)
    )
