"""How far an answer may move and still count as the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.core.observation import Json
from seatrial.core.ports import Prediction
from seatrial.spec.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """`tolerance` is in units of the score; for a regression in units of the answers' interquartile range."""

    task: str
    tolerance: float
    act_at: float | None

    def moved(self, before: Prediction, after: Prediction) -> bool:
        """True when the decision changed, or the number by more than the tolerance."""
        if self.decision(before) != self.decision(after):
            return True
        distance = abs(self.number(after) - self.number(before))
        return not (math.isnan(distance) or distance <= self.tolerance)

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


def yardstick(system: System, clean: Sequence[Prediction]) -> Yardstick:
    """From the declared tolerance and, for a regression, the answers to clean rows."""
    tolerance = system.data.faults.tolerance
    if system.model.task == "regression":
        numbers = sorted(float(p.prediction) for p in clean if isinstance(p.prediction, int | float))
        quarter = len(numbers) // 4
        spread = numbers[-1 - quarter] - numbers[quarter] if numbers else 0.0
        tolerance *= spread or max((abs(n) for n in numbers), default=0.0) or 1.0
    return Yardstick(task=system.model.task, tolerance=tolerance, act_at=system.model.output.act_at)


def _label(value: Json) -> str:
    return (
        str(int(value)) if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()) else str(value)
    )
