"""What counts as a turned answer, and how far a changed row has come on the way there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seatrial.core.observation import Json
from seatrial.core.ports import Prediction
from seatrial.domains.scored.extraction import canonical, record_of
from seatrial.measure.columns import plain_text
from seatrial.spec.system import System

_CLIP = 1e-6
_LEAST_WAY = 1e-3
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """`act_at` decides a binary answer where it has a score; `moved_by` is the move that turns a regression's."""

    task: str
    act_at: float | None = None
    moved_by: float = math.nan
    sources: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()

    def anyhow(self) -> Aim:
        """The same where any other answer counts, whoever wants it: chance and noise gain nothing."""
        return replace(self, targets=frozenset())

    def decision(self, answer: Prediction) -> str:
        """The answer as it is acted on; empty for a regression, whose number is the answer."""
        if self.task == "regression":
            return ""
        if self.task == "extraction":
            return repr(canonical(record_of(answer.prediction)))
        if self.task == "binary" and self.act_at is not None and answer.score is not None:
            return "1" if answer.score >= self.act_at else "0"
        return label(answer.prediction)

    def wanted(self, answer: Prediction) -> bool:
        """Whether somebody would turn away from this answer."""
        return not self.sources or self.decision(answer) in self.sources

    def turned(self, before: Prediction, after: Prediction) -> bool:
        """Whether the answer is another one now, and one that somebody wants."""
        if self.task == "regression":
            return abs(self._moved(before, after)) >= 1.0
        now = self.decision(after)
        return now != self.decision(before) and (not self.targets or now in self.targets)

    def progress(self, before: Prediction, after: Prediction) -> float:
        """How far it has come: 0 is the answer before, 1 turned. Signed for a regression; 0 without a score.

        On the logit scale, on which the effects of several changes add up for most models.
        """
        if self.task == "regression":
            return self._moved(before, after)
        if self.turned(before, after):
            return 1.0
        if before.score is None or after.score is None:
            return 0.0
        start, now = _logit(before.score), _logit(after.score)
        end = _logit(_HALF if self.act_at is None or self.task != "binary" else self.act_at)
        if self.task != "binary":
            return min(_ALMOST, (start - now) / max(start - end, _HALF))
        way = end - start
        if abs(way) < _LEAST_WAY:
            way = math.copysign(_LEAST_WAY, way) if way else -_LEAST_WAY
        return min(_ALMOST, (now - start) / way)

    def _moved(self, before: Prediction, after: Prediction) -> float:
        a, b = before.prediction, after.prediction
        if isinstance(a, int | float) and isinstance(b, int | float):
            return (float(b) - float(a)) / self.moved_by
        return 0.0


_ALMOST = 0.999


def aim_of(system: System, answers: Sequence[Prediction]) -> Aim:
    """What counts as turned for this system; for a regression without a declared move half of the answers' spread."""
    section, output = system.adversarial, system.model.output
    threat = section.threat
    binary = system.model.task == "binary"
    acted = {label(output.positive): "1"} if binary and output.act_at is not None else {}

    def labels(values: Sequence[Json]) -> frozenset[str]:
        texts = [label(v) for v in values]
        return frozenset(acted.get(text, "0") if acted else text for text in texts)

    moved_by = section.moved_by
    if system.model.task == "regression" and moved_by is None:
        moved_by = _half_spread([float(a.prediction) for a in answers if isinstance(a.prediction, int | float)])
    return Aim(
        task=system.model.task,
        act_at=output.act_at if binary else None,
        moved_by=math.nan if moved_by is None else moved_by,
        # Of a record somebody wants any field to say something else: no list of labels tells it.
        sources=labels(threat.from_) if threat and system.model.task != "extraction" else frozenset(),
        targets=labels(threat.to) if threat and system.model.task != "extraction" else frozenset(),
    )


def label(value: Json) -> str:
    """A label as text: true is 1, 2.0 is 2."""
    text = plain_text(value)
    return {"true": "1", "false": "0", "True": "1", "False": "0"}.get(text, text)


def _half_spread(numbers: Sequence[float]) -> float:
    ordered = sorted(numbers)
    quarter = len(ordered) // 4
    spread = ordered[-1 - quarter] - ordered[quarter] if ordered else 0.0
    return (spread or max((abs(n) for n in ordered), default=0.0) or 1.0) / 2.0


def _logit(score: float) -> float:
    inside = min(1.0 - _CLIP, max(_CLIP, score))
    return math.log(inside / (1.0 - inside))
