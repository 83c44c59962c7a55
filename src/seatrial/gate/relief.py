"""NOT_APPLICABLE and WAIVED: only where the catalogue and the policy allow them, and only by two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from seatrial.core.bodies import AttestationBody, ExemptionBody, ObservationBody, WaiverBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Outcome, RecordType
from seatrial.core.wording import sentence
from seatrial.gate.binding import resolved
from seatrial.gate.inputs import Inputs
from seatrial.gate.judging import judge
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.gate.requirement import Requirement
from seatrial.gate.standing import expires, person_speaking, subject_objection
from seatrial.gate.verdict import Assessment

WAIVER_HOLDS = timedelta(days=30)
"""How long a waiver holds at most."""
WAIVER_ENDS = timedelta(days=90)
"""How long after the first waiver began its one renewal ends at most."""

REQUESTED: Final[Mapping[RecordType, str]] = {
    RecordType.EXEMPTION: "exemption-request",
    RecordType.WAIVER: "waiver-request",
}
"""Kind of the attestation by which a person asks for it; its `document` is the requirement."""

B = TypeVar("B", ExemptionBody, WaiverBody)


class Relief:
    """The exemptions and waivers on record, held against today's rules."""

    def __init__(self, inputs: Inputs, gone: frozenset[str]) -> None:
        self._inputs = inputs
        self._gone = gone
        self._exemptions = self._read(RecordType.EXEMPTION, ExemptionBody)
        self._waivers = self._read(RecordType.WAIVER, WaiverBody)
        self._observed: dict[str, list[Evidence]] = {}
        for evidence in sorted(
            (e for e in inputs.evidence if e.record.type is RecordType.OBSERVATION),
            key=lambda e: e.record.at,
            reverse=True,
        ):
            self._observed.setdefault(str(evidence.record.body.get("requirement")), []).append(evidence)

    def _read(self, kind: RecordType, shape: type[B]) -> list[tuple[Evidence, B]]:
        """Records of the type that the approver's own key signed."""
        found = []
        for evidence in self._inputs.evidence:
            if evidence.record.type is not kind or evidence.record.at > self._inputs.now:
                continue
            try:
                body = from_data(shape, evidence.record.body)
            except CodecError:
                continue
            if person_speaking(evidence, self._inputs, self._gone) == body.approved_by:
                found.append((evidence, body))
        return sorted(found, key=lambda f: (f[0].record.at, f[0].digest))

    def applied(self, requirement: Requirement, assessment: Assessment, controls: Mapping[str, Outcome]) -> Assessment:
        """The assessment, exempted or waived where that is valid today; `controls` are the outcomes by check id.

        An exemption covers nothing that was measured and found wanting: what could be measured applies.
        """
        if assessment.outcome is Outcome.MET:
            return assessment
        if assessment.outcome is not Outcome.NOT_MET and not self._found_wanting(requirement):
            for evidence, exemption in reversed(self._exemptions):
                if exemption.requirement == requirement.id and self._exempts(requirement, evidence, exemption):
                    said = f"not applicable: {exemption.reason}"
                    until = expires(evidence.record.at, requirement, self._inputs)
                    return _eased(assessment, Outcome.NOT_APPLICABLE, said, until, evidence)
        for evidence, body in reversed(self._waivers):
            if body.requirement == requirement.id and self._waives(requirement, evidence, body, controls):
                said = f"waived until {body.expires_at.date().isoformat()}, controlled by {body.control}: {body.reason}"
                return _eased(assessment, Outcome.WAIVED, said, body.expires_at, evidence)
        return assessment

    def _found_wanting(self, requirement: Requirement) -> bool:
        """True when the newest observation of this subject that could be judged was not met.

        A later attempt that saw nothing takes nothing of that back.
        """
        patterns = resolved(requirement.rests_on, self._inputs.system)
        for evidence in self._observed.get(requirement.id, ()):
            body = evidence.record.body
            if subject_objection(evidence, patterns, self._inputs) is not None:
                continue
            try:
                seen = from_data(ObservationBody, body).observation
            except CodecError:
                continue
            outcome = None if seen is None else judge(seen, self._inputs.limits(requirement.id)).outcome
            if outcome in (Outcome.MET, Outcome.NOT_MET):
                return outcome is Outcome.NOT_MET
        return False

    def _about_subject(self, requirement: Requirement, evidence: Evidence) -> bool:
        patterns = resolved(requirement.rests_on, self._inputs.system)
        return subject_objection(evidence, patterns, self._inputs) is None

    def _requested(self, requirement: Requirement, evidence: Evidence, person: str) -> bool:
        """True when that person asked for it themselves, about this subject, before it was approved."""
        kind = REQUESTED[evidence.record.type]
        for asked in self._inputs.evidence:
            if asked.record.type is not RecordType.ATTESTATION or asked.record.at > evidence.record.at:
                continue
            try:
                body = from_data(AttestationBody, asked.record.body)
            except CodecError:
                continue
            if (
                (body.person, body.kind, body.document) == (person, kind, requirement.id)
                and person_speaking(asked, self._inputs, self._gone) == person
                and self._about_subject(requirement, asked)
            ):
                return True
        return False

    def _exempts(self, requirement: Requirement, evidence: Evidence, body: ExemptionBody) -> bool:
        return (
            bool(body.reason.strip())
            and self._about_subject(requirement, evidence)
            and self._inputs.now < expires(evidence.record.at, requirement, self._inputs)
            and self._requested(requirement, evidence, body.requested_by)
            and self._permitted(Action.APPROVE_EXEMPTION, requirement, body)
        )

    def _waives(
        self, requirement: Requirement, evidence: Evidence, body: WaiverBody, controls: Mapping[str, Outcome]
    ) -> bool:
        own = self._inputs.checks.get(requirement.id, ())
        controlled = body.control not in own and controls.get(body.control) is Outcome.MET
        return (
            bool(body.reason.strip())
            and controlled
            and self._about_subject(requirement, evidence)
            and self._inputs.now < body.expires_at
            and self._requested(requirement, evidence, body.requested_by)
            and self._in_time(requirement, evidence, body)
        )

    def _in_time(self, requirement: Requirement, evidence: Evidence, body: WaiverBody) -> bool:
        """A first waiver of at most 30 days; its one renewal ends at most 90 days after the first began."""
        earlier = [(e, b) for e, b in self._waivers if b.requirement == body.requirement and _before(e, evidence)]
        if not earlier:
            first = body.renewal == 0 and body.expires_at - evidence.record.at <= WAIVER_HOLDS
            return first and self._permitted(Action.APPROVE_WAIVER, requirement, body)
        begun, original = earlier[0]
        renewed_once = len(earlier) == 1 and body.renewal == 1 and original.renewal == 0
        within = body.expires_at - begun.record.at <= WAIVER_ENDS
        return (
            renewed_once
            and within
            and self._permitted(Action.APPROVE_WAIVER, requirement, body, previous=original.approved_by)
        )

    def _permitted(
        self,
        action: Action,
        requirement: Requirement,
        body: ExemptionBody | WaiverBody,
        *,
        previous: str | None = None,
    ) -> bool:
        context = Context(
            system=self._inputs.system,
            policy=self._inputs.policy,
            requirement=requirement,
            departed=self._gone,
            requested_by=body.requested_by,
            previous_approver=previous,
        )
        return may(Actor(kind="person", name=body.approved_by), action, context).allowed


def _before(one: Evidence, other: Evidence) -> bool:
    return (one.record.at, one.digest) < (other.record.at, other.digest)


def _eased(assessment: Assessment, outcome: Outcome, reason: str, until: datetime, evidence: Evidence) -> Assessment:
    return replace(
        assessment,
        outcome=outcome,
        reason=sentence(reason),
        reason_code="",
        evidence=tuple(sorted({*assessment.evidence, evidence.digest})),
        valid_until=until,
    )
