"""A system's way through the three gates, as the decisions on record tell it. Nothing here counts for a verdict."""

from __future__ import annotations

from dataclasses import replace

from seatrial.core.bodies import DecisionBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.vocabulary import Answer, RecordType
from seatrial.gate.gates import GATES
from seatrial.gate.inputs import Inputs
from seatrial.gate.verdict import Stage


def way(inputs: Inputs) -> tuple[Stage, ...]:
    """Each gate with its newest decision up to now that verifies and that a worker signed."""
    stages = {name: Stage(gate=name, title=gate.title, question=gate.question) for name, gate in GATES.items()}
    decided = (e for e in inputs.evidence if e.record.type is RecordType.DECISION and not e.problem)
    for evidence in sorted(decided, key=lambda e: (e.record.at, e.sequence)):
        record = evidence.record
        if record.system != inputs.system.system or record.at > inputs.now or not record.by.startswith("worker:"):
            continue
        try:
            body = from_data(DecisionBody, record.body)
            answer = Answer(body.answer)
        except (CodecError, ValueError):
            continue
        before = stages[body.gate]
        first = before.since or (record.at if answer is Answer.GO else None)
        stages[body.gate] = replace(
            before,
            answer=answer,
            decided_at=record.at,
            open=len(body.gaps),
            same_subject=body.subject == inputs.subject.digest,
            since=first,
        )
    return tuple(stages.values())
