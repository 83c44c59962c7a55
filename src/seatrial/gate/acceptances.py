"""Whether everybody who holds a duty accepted it, with their own key, for this subject: asked anew for every verdict.

A check that found the acceptances once cannot vouch for them later, when a key was found stolen or a person left. An
acceptance holds as long as one of the monitor does, where nothing but acceptances is asked for, and is then given anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from seatrial.core.bodies import AcceptanceBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Outcome, RecordType
from seatrial.gate.binding import acceptance_rests_on
from seatrial.gate.catalogue import by_id
from seatrial.gate.inputs import Inputs
from seatrial.gate.permissions import holders
from seatrial.gate.standing import lease, person_speaking, subject_objection
from seatrial.gate.verdict import Assessment

_ASKED_BY: Final[Mapping[str, str]] = {
    "owner": "organization.accountability",
    "manager": "organization.accountability",
    "monitor": "ownership.monitor",
    "pipeline-alert": "ownership.pipeline-alert",
    "retraining": "ownership.retraining",
    "escalation-point": "ownership.escalation-point",
}
"""Duty, its deputy included, to the requirement that asks for its acceptance."""
_LEASE_OF: Final = "ownership.monitor"


class Acceptances:
    """The acceptances on record that stand today."""

    def __init__(self, inputs: Inputs, gone: frozenset[str]) -> None:
        self._inputs = inputs
        self._gone = gone
        self._standing: dict[str, Evidence] = {}
        declared = holders(inputs.system)
        for evidence in inputs.evidence:
            if evidence.record.type is not RecordType.ACCEPTANCE or evidence.record.at > inputs.now:
                continue
            try:
                body = from_data(AcceptanceBody, evidence.record.body)
            except CodecError:
                continue
            if declared.get(body.duty) == body.person and self._stands(evidence, body):
                known = self._standing.get(body.duty, evidence)
                self._standing[body.duty] = max(known, evidence, key=_best)

    def _stands(self, evidence: Evidence, body: AcceptanceBody) -> bool:
        patterns = acceptance_rests_on(body.person, body.duty)
        return (
            person_speaking(evidence, self._inputs, self._gone) == body.person
            and subject_objection(evidence, patterns, self._inputs) is None
        )

    def applied(self, assessment: Assessment) -> Assessment:
        """The assessment, resting on the acceptances that its requirement asks for; NOT_MET when one is missing."""
        asked = {
            duty: person
            for duty, person in holders(self._inputs.system).items()
            if person is not None and _ASKED_BY.get(duty.partition(".")[0]) == assessment.id
        }
        if assessment.outcome is not Outcome.MET or not asked:
            return assessment
        holds = lease(by_id(_LEASE_OF), self._inputs)
        ends = {duty: e.record.at + holds for duty, e in self._standing.items() if duty in asked}
        missing = {duty: who for duty, who in asked.items() if duty not in ends or ends[duty] <= self._inputs.now}
        if missing:
            people = ", ".join(f"{self._inputs.person_name(who)} as {duty}" for duty, who in missing.items())
            return replace(
                assessment,
                outcome=Outcome.NOT_MET,
                reason_code="not-accepted",
                reason=f"No acceptance stands today of {people}.",
                valid_until=None,
            )
        digests = {self._standing[duty].digest for duty in asked}
        until = [*ends.values(), *([assessment.valid_until] if assessment.valid_until else [])]
        return replace(assessment, evidence=tuple(sorted({*assessment.evidence, *digests})), valid_until=min(until))


def _best(evidence: Evidence) -> tuple[bool, float, str]:
    """A key held elsewhere before one on this machine, then the newest."""
    elsewhere = evidence.signer is not None and not evidence.signer.local
    return elsewhere, evidence.record.at.timestamp(), evidence.digest
