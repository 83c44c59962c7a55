"""What an observation told, by the names of its measures and the codes of its findings."""

from __future__ import annotations

from seatrial.core.observation import Finding, Measure, Observation
from seatrial.core.vocabulary import Sense, Weight


def measure(found: Observation, name: str) -> Measure:
    return next(m for m in found.measures if m.name == name)


def finding(found: Observation, code: str) -> Finding:
    return next(f for f in found.findings if f.code == code)


def codes(found: Observation, *weights: Weight) -> set[str]:
    return {f.code for f in found.findings if not weights or f.weight in weights}


def clears(m: Measure) -> bool:
    return (
        m.bound is not None
        and m.limit is not None
        and (m.bound >= m.limit if m.sense is Sense.AT_LEAST else m.bound <= m.limit)
    )
