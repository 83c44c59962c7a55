"""A system's way through the three gates, as the decisions on record tell it. Nothing here counts for a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from seatrial.core.bodies import DecisionBody
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Answer, GateName, RecordType
from seatrial.gate.gates import GATES, Gate
from seatrial.gate.inputs import Inputs
from seatrial.gate.verdict import Stage

_ANSWERS: Final = frozenset(answer.value for answer in Answer)


def way(inputs: Inputs) -> tuple[Stage, ...]:
    """Each gate with its newest decision up to now that verifies and that a worker signed."""
    return tuple(_stage(inputs, gate) for gate in GATES.values())


def _stage(inputs: Inputs, gate: Gate) -> Stage:
    stage = Stage(gate=gate.name, title=gate.title, question=gate.question)
    decided = inputs.evidence.by(_decided, _in_order).get((inputs.system.system, gate.name.value), ())
    newest = next(_counting(inputs, reversed(decided)), None)
    if newest is None:
        return stage
    evidence, body = newest
    go = inputs.evidence.by(_said_go, _in_order).get((inputs.system.system, gate.name.value), ())
    first, _ = next(_counting(inputs, go), (None, None))
    return replace(
        stage,
        answer=Answer(body.answer),
        decided_at=evidence.record.at,
        open=len(body.gaps),
        same_subject=body.subject == inputs.subject.digest,
        since=None if first is None else first.record.at,
    )


def _counting(inputs: Inputs, decided: Iterable[Evidence]) -> Iterator[tuple[Evidence, DecisionBody]]:
    """Of these the decisions up to now that can be read."""
    for evidence in decided:
        body = None if evidence.record.at > inputs.now else inputs.evidence.body(evidence, DecisionBody)
        if body is not None:
            yield evidence, body


def _decided(evidence: Evidence) -> tuple[str, str] | None:
    """The system and the gate of a worker's decision that verifies."""
    record = evidence.record
    if evidence.problem or record.type is not RecordType.DECISION or not record.by.startswith("worker:"):
        return None
    named = str(record.body.get("gate", GateName.PRODUCTION_READINESS.value))
    return (record.system, named) if record.body.get("answer") in _ANSWERS else None


def _said_go(evidence: Evidence) -> tuple[str, str] | None:
    return _decided(evidence) if evidence.record.body.get("answer") == Answer.GO.value else None


def _in_order(evidence: Evidence) -> tuple[datetime, int]:
    return evidence.record.at, evidence.sequence
