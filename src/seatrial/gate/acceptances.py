"""What people accepted and attested, with their own key, for this subject: asked anew for every verdict.

A check that found the acceptances once cannot vouch for them later, when a key was found stolen or a person left. An
acceptance holds as long as one of the monitor does, where nothing but acceptances is asked for, and is then given anew;
an attestation holds as long as the requirement's own lease, that of a register or of a supplier's document, which are
judged on what is measured anew each time, as long as that of a process document, from the day on which it was given.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Final

from seatrial.core.bodies import AcceptanceBody, AttestationBody
from seatrial.core.record import Evidence
from seatrial.core.records import Records
from seatrial.core.vocabulary import Outcome, RecordType
from seatrial.gate.binding import acceptance_rests_on, attestation_rests_on
from seatrial.gate.catalogue import by_id
from seatrial.gate.inputs import Inputs
from seatrial.gate.permissions import holders
from seatrial.gate.standing import lease, newest_of_each, person_speaking, subject_objection
from seatrial.gate.verdict import Assessment
from seatrial.spec.system import System

_ASKED_BY: Final[Mapping[str, str]] = {
    "owner": "organization.accountability",
    "manager": "organization.accountability",
    "monitor": "ownership.monitor",
    "pipeline-alert": "ownership.pipeline-alert",
    "retraining": "ownership.retraining",
    "escalation-point": "ownership.escalation-point",
    "change": "organization.change-management",
    "inventory": "integration.inventory",
}
"""Duty, its deputy included, to the requirement that asks for its acceptance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A document for which somebody must have given their word: `by` none but this person, never `but` that one.

    It holds as long as the lease of `holds_as` from the day on which it was given.
    """

    kind: str
    document: str | None
    holds_as: str
    by: str | None = None
    but: str | None = None


def _change_plan(system: System) -> Iterator[Word]:
    change = system.change
    yield Word(kind="change-plan", document=change.plan, holds_as="organization.change-management", but=change.who)


def _review(system: System) -> Iterator[Word]:
    compliance = system.compliance
    yield Word(kind="compliance", document=compliance.review, holds_as="governance.compliance", by=compliance.who)


def _processes(system: System) -> Iterator[Word]:
    for workflow in system.workflows.values():
        yield Word(kind="process", document=workflow.process, holds_as=_READ_ANEW)


def _register(system: System) -> Iterator[Word]:
    yield Word(kind="failure-modes", document=system.failure_modes, holds_as=_READ_ANEW)


def _suppliers(system: System) -> Iterator[Word]:
    if system.model.vendor is not None:
        yield Word(kind="supplier", document=system.model.vendor.document, holds_as=_READ_ANEW)


_READ_ANEW: Final = "organization.process-documents"
"""What is measured anew every few days or weeks does not ask as often for anew reading what did not change."""
_ATTESTED: Final[Mapping[str, Callable[[System], Iterator[Word]]]] = {
    "organization.change-management": _change_plan,
    "organization.process-documents": _processes,
    "governance.compliance": _review,
    "model.failure-modes": _register,
    "model.out-of-sample": _suppliers,
}
"""Requirement to what must be attested for it."""
_LEASE_OF: Final = "ownership.monitor"


def may_speak(kind: str, person: str, system: System) -> bool:
    """Whether the person's attestation of that kind can count at all: whose cannot takes nobody else's place either."""
    words = (word for asked in _ATTESTED.values() for word in asked(system) if word.kind == kind)
    return all(word.by in (None, person) and word.but != person for word in words)


def newest_alike(inputs: Inputs) -> Iterator[tuple[Evidence, AcceptanceBody]]:
    """Of the acceptances up to now that can be read, the newest of each sort that counts, or does not, for one reason.

    Whether an acceptance stands is asked of its person, duty, maker, signature and of what it depends on; where all
    these are the same, the newest answers for the others.
    """
    return newest_of_each(inputs, _alike, _best, AcceptanceBody)


def newest_words(inputs: Inputs) -> Iterator[tuple[Evidence, AttestationBody]]:
    """The same of the attestations: what else is asked of one is its kind and its document."""
    return newest_of_each(inputs, _said_alike, _best, AttestationBody)


def accepted(records: Records) -> list[tuple[Evidence, AcceptanceBody]]:
    """The acceptances that verify, in order of sequence: of those of one person and duty the last, or a few of them."""
    found = []
    for alike in records.by(_alike).values():
        for evidence in reversed(alike):
            body = None if evidence.problem else records.body(evidence, AcceptanceBody)
            if body is not None:
                found.append((evidence, body))
                break
    return sorted(found, key=lambda each: each[0].sequence)


def _alike(evidence: Evidence) -> Hashable | None:
    record = evidence.record
    if record.type is not RecordType.ACCEPTANCE:
        return None
    said = str(record.body.get("person")), str(record.body.get("duty"))
    return said, record.system, record.by, evidence.signer, evidence.problem, frozenset(record.depends.items())


def _said_alike(evidence: Evidence) -> Hashable | None:
    record = evidence.record
    if record.type is not RecordType.ATTESTATION:
        return None
    said = tuple(str(record.body.get(name)) for name in ("person", "kind", "document"))
    return said, record.system, record.by, evidence.signer, evidence.problem, frozenset(record.depends.items())


class Acceptances:
    """The acceptances on record that stand today."""

    def __init__(self, inputs: Inputs, gone: frozenset[str]) -> None:
        self._inputs = inputs
        self._gone = gone
        self._standing: dict[str, Evidence] = {}
        declared = holders(inputs.system)
        given: dict[str, list[tuple[Evidence, AcceptanceBody]]] = {}
        for evidence, body in newest_alike(inputs):
            if declared.get(body.duty) == body.person:
                given.setdefault(body.duty, []).append((evidence, body))
        for duty, found in given.items():
            best = sorted(found, key=lambda each: _best(each[0]), reverse=True)
            standing = next((evidence for evidence, body in best if self._stands(evidence, body)), None)
            if standing is not None:
                self._standing[duty] = standing

    def _stands(self, evidence: Evidence, body: AcceptanceBody) -> bool:
        patterns = acceptance_rests_on(body.person, body.duty)
        return (
            person_speaking(evidence, self._inputs, self._gone) == body.person
            and subject_objection(evidence, patterns, self._inputs) is None
        )

    def applied(self, assessment: Assessment) -> Assessment:
        """The assessment, resting on what people must have said for its requirement; NOT_MET when it is missing."""
        return self._attested(self._accepted(assessment))

    def _attested(self, assessment: Assessment) -> Assessment:
        asked = _ATTESTED.get(assessment.id)
        for word in asked(self._inputs.system) if asked is not None else ():
            assessment = self._resting_on(word, assessment)
        return assessment

    def _resting_on(self, word: Word, assessment: Assessment) -> Assessment:
        if assessment.outcome is not Outcome.MET:
            return assessment
        holds = lease(by_id(word.holds_as), self._inputs)
        given = [e for e in self._given(word) if e.record.at + holds > self._inputs.now]
        if not given:
            return replace(
                assessment,
                outcome=Outcome.NOT_MET,
                reason_code="not-attested",
                reason=f"Nobody who may say so stands today for {word.document or 'a document'} as {word.kind}.",
                valid_until=None,
            )
        best = max(given, key=_best)
        until = [best.record.at + holds, *([assessment.valid_until] if assessment.valid_until else [])]
        said_by = self._inputs.system.people.get(best.record.by.partition(":")[2])
        if said_by is not None and said_by.left_on is not None:
            until.append(datetime.combine(said_by.left_on, time.min, UTC))
        return replace(assessment, evidence=tuple(sorted({*assessment.evidence, best.digest})), valid_until=min(until))

    def _given(self, word: Word) -> list[Evidence]:
        """The attestations that stand today, of those that are alike the newest."""
        system, found = self._inputs.system, []
        for evidence, body in newest_words(self._inputs):
            if word.document is None or (body.kind, _path(body.document)) != (word.kind, _path(word.document)):
                continue
            patterns = attestation_rests_on(body.kind, body.document, body.person, system)
            if (
                may_speak(body.kind, body.person, system)
                and person_speaking(evidence, self._inputs, self._gone) == body.person
                and subject_objection(evidence, patterns, self._inputs) is None
            ):
                found.append(evidence)
        return found

    def _accepted(self, assessment: Assessment) -> Assessment:
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


def _path(document: str) -> str:
    """The file, without the place within it."""
    return document.partition("#")[0]


def _best(evidence: Evidence) -> tuple[bool, float, str]:
    """A key held elsewhere before one on this machine, then the newest."""
    elsewhere = evidence.signer is not None and not evidence.signer.local
    return elsewhere, evidence.record.at.timestamp(), evidence.digest
