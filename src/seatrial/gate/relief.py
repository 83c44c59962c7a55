"""NOT_APPLICABLE and WAIVED: only where the catalogue and the policy allow them, and only by two people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from typing import Final, TypeVar

from seatrial.core.bodies import AttestationBody, ExemptionBody, ObservationBody, WaiverBody
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Assurance, Outcome, RecordType
from seatrial.core.wording import sentence
from seatrial.gate.binding import resolved
from seatrial.gate.inputs import Inputs
from seatrial.gate.judging import judge
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.gate.requirement import Requirement
from seatrial.gate.standing import (
    ceiling,
    expires,
    maker_objection,
    newest_first,
    person_speaking,
    subject_objection,
    weaker,
)
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
        self._observed: dict[str, list[Sequence[Evidence]]] = {}
        for (requirement, *_), alike in inputs.evidence.by(_observed_alike, newest_first).items():
            self._observed.setdefault(requirement, []).append(alike)

    def _read(self, kind: RecordType, shape: type[B]) -> list[tuple[Evidence, B]]:
        """Records of the type that the approver's own key signed."""
        found = []
        for evidence, body in self._inputs.evidence.bodies(kind, shape):
            if evidence.record.at > self._inputs.now:
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
        exemptions = [each for each in reversed(self._exemptions) if each[1].requirement == requirement.id]
        open_to_it = exemptions and assessment.outcome is not Outcome.NOT_MET
        refuting = self._refuting(requirement) if open_to_it else None
        if refuting is not None:
            for evidence, exemption in exemptions:
                if self._exempts(requirement, evidence, exemption):
                    said = f"not applicable: {exemption.reason}"
                    until = expires(evidence.record.at, requirement, self._inputs)
                    return _eased(assessment, Outcome.NOT_APPLICABLE, said, until, evidence, *refuting)
        for evidence, body in reversed(self._waivers):
            if body.requirement == requirement.id and self._waives(requirement, evidence, body, controls):
                said = f"waived until {body.expires_at.date().isoformat()}, controlled by {body.control}: {body.reason}"
                return _eased(assessment, Outcome.WAIVED, said, body.expires_at, evidence)
        return assessment

    def _refuting(self, requirement: Requirement) -> tuple[Evidence, ...] | None:
        """The observations that take back what was measured on this subject and found wanting; None where that stands.

        What was found wanting is refuted by a later success of the same check, known at least as well. A later attempt
        that saw nothing takes nothing of it back.
        """
        about = [
            alike for alike in self._observed.get(requirement.id, ()) if self._about_subject(requirement, alike[0])
        ]
        limits = self._inputs.limits(requirement.id)
        met: dict[str, tuple[Assurance, Evidence]] = {}
        needed: list[Evidence] = []
        for evidence in merge(*about, key=lambda each: (newest_first(each), each.sequence)):
            body = self._inputs.evidence.body(evidence, ObservationBody)
            seen = None if body is None else body.observation
            if body is None or seen is None:
                continue
            level = weaker(seen.assurance, ceiling(evidence))
            outcome = judge(seen, limits).outcome
            if outcome is Outcome.NOT_MET:
                refuted = met.get(body.check)
                if refuted is None or not refuted[0].reaches(level):
                    return None
                needed.append(refuted[1])
            current = body.check_version == self._inputs.check_versions.get(body.check)
            if outcome is Outcome.MET and current and maker_objection(evidence, self._inputs, self._gone) is None:
                known = met.get(body.check)
                if known is None or not known[0].reaches(level):
                    met[body.check] = level, evidence
        return tuple(needed)

    def _about_subject(self, requirement: Requirement, evidence: Evidence) -> bool:
        patterns = resolved(requirement.rests_on, self._inputs.system)
        return subject_objection(evidence, patterns, self._inputs) is None

    def _requested(self, requirement: Requirement, evidence: Evidence, person: str) -> bool:
        """True when that person asked for it themselves, about this subject, before it was approved."""
        kind = REQUESTED[evidence.record.type]
        for asked, body in self._inputs.evidence.bodies(RecordType.ATTESTATION, AttestationBody):
            if (
                asked.record.at <= evidence.record.at
                and (body.person, body.kind, body.document) == (person, kind, requirement.id)
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


def _observed_alike(evidence: Evidence) -> tuple[str, str, frozenset[tuple[str, str]]] | None:
    """What was observed for one requirement, by all that tells on which subject."""
    record = evidence.record
    if record.type is not RecordType.OBSERVATION:
        return None
    return str(record.body.get("requirement")), record.system, frozenset(record.depends.items())


def _before(one: Evidence, other: Evidence) -> bool:
    return (one.record.at, one.digest) < (other.record.at, other.digest)


def _eased(assessment: Assessment, outcome: Outcome, reason: str, until: datetime, *rests_on: Evidence) -> Assessment:
    return replace(
        assessment,
        outcome=outcome,
        reason=sentence(reason),
        reason_code="",
        evidence=tuple(sorted({*assessment.evidence, *(each.digest for each in rests_on)})),
        valid_until=until,
    )
