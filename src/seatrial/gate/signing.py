"""Sign-offs, withholdings and revocations: what people said, held against who they are and what they signed.

A signature is only ever one more thing that GO needs: none of them changes the outcome of a requirement.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from seatrial.core.bodies import EventBody, SignOffBody, WithholdingBody
from seatrial.core.observation import Threshold
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType, Role, Sense
from seatrial.gate.attesters import attesters
from seatrial.gate.binding import SIGN_OFF_RESTS_ON, resolved
from seatrial.gate.inputs import Inputs
from seatrial.gate.judging import looser
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.gate.standing import newest_of_each, person_speaking, speaks, subject_objection
from seatrial.gate.verdict import Signature

B = TypeVar("B")
_DIGEST = re.compile(r"[0-9a-f]{64}")

NOT_SIGNED = "has not signed"
"""The problem of a signature where somebody who may sign has not."""
ROLE_NAMES: Mapping[Role, str] = {
    Role.IT: "IT",
    Role.OPERATIONS: "operations",
    Role.LEGAL: "legal and compliance",
    Role.AI_TEAM: "the AI team",
}
"""The roles in running text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objector:
    """Somebody who withholds GO, and why."""

    person: str
    role: Role
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """An event that took GO away; it stands until all four roles have signed after it."""

    kind: str
    summary: str
    at: datetime
    sequence: int


def limits_signed(thresholds: Iterable[Threshold]) -> dict[str, float]:
    """What `SignOffBody.limits` must hold: each limit under `requirement/measure`, and its confidence beside it."""
    found = {}
    for threshold in thresholds:
        name = f"{threshold.requirement}/{threshold.measure}"
        found[name] = threshold.limit
        found[f"{name} (confidence)"] = threshold.confidence
    return found


def events(inputs: Inputs, kind: RecordType, shape: type[B]) -> Iterator[tuple[Evidence, B]]:
    """The system's records of one type, up to now, with their bodies; what cannot be read is left out."""
    for evidence, body in inputs.evidence.bodies(kind, shape):
        if evidence.record.system == inputs.system.system and evidence.record.at <= inputs.now:
            yield evidence, body


def revocations(inputs: Inputs) -> tuple[Revocation, ...]:
    """The events that revoke, in the order in which they went on record.

    They are heeded even where their record does not verify: stopping is the safe side.
    """
    found = [
        Revocation(kind=body.kind, summary=body.summary, at=evidence.record.at, sequence=evidence.sequence)
        for evidence in inputs.evidence.by(_revokes).get(True, ())
        if evidence.record.system == inputs.system.system
        and evidence.record.at <= inputs.now
        and (body := inputs.evidence.body(evidence, EventBody)) is not None
    ]
    return tuple(sorted(found, key=lambda r: (r.sequence, r.at, r.kind, r.summary)))


def _answers(evidence: Evidence, *, at: datetime, sequence: int) -> bool:
    """Whether it was made, and went on record, after something of that time and place in the chain.

    By its time alone it would answer what nobody had seen: a bundle brings what happened elsewhere only later.
    """
    return evidence.record.at > at and evidence.sequence >= sequence


def _revokes(evidence: Evidence) -> bool | None:
    return (evidence.record.type is RecordType.EVENT and evidence.record.body.get("revokes") is True) or None


def _signed_alike(evidence: Evidence) -> Hashable | None:
    """All that decides whether a sign-off counts but its time: where one counts, a later one like it does too."""
    record = evidence.record
    if record.type is not RecordType.SIGN_OFF:
        return None
    said = {name: value for name, value in record.body.items() if name not in ("shown", "verdict", "subject")}
    seen = bool(record.body.get("shown")), bool(_DIGEST.fullmatch(str(record.body.get("verdict"))))
    told = json.dumps(said, sort_keys=True)
    return told, seen, record.system, record.by, evidence.signer, evidence.problem, frozenset(record.depends.items())


def _newest_last(evidence: Evidence) -> tuple[datetime, str]:
    return evidence.record.at, evidence.digest


class Signing:
    """All that people signed, against one set of inputs."""

    def __init__(self, inputs: Inputs, gone: frozenset[str]) -> None:
        self._inputs = inputs
        self._gone = gone
        self._revocations = revocations(inputs)
        self._sign_offs = sorted(
            (
                (evidence, body)
                for evidence, body in newest_of_each(inputs, _signed_alike, _newest_last, SignOffBody)
                if body.gate is inputs.gate.name and evidence.record.system == inputs.system.system
            ),
            key=lambda found: (found[0].record.at, found[0].digest),
            reverse=True,
        )
        self._attested = attesters(inputs, gone)

    def signatures(self) -> tuple[Signature, ...]:
        """One per role, valid or with the reason why it does not count."""
        return tuple(self._signature(role) for role in Role)

    def _signature(self, role: Role) -> Signature:
        """The newest valid sign-off of the role, else the newest with the reason why it does not count."""
        given = self._given(role)
        if given is not None:
            return self._valid(role, *given)
        newest = next(((each, body) for each, body in self._sign_offs if body.role is role), None)
        problem = self._problem(role, *newest) if newest else self._not_signed(role)
        person = self._inputs.signer(role)
        return Signature(
            role=role,
            person=person,
            name=self._inputs.person_name(person),
            signed_at=newest[0].record.at if newest else None,
            valid=False,
            problem=problem,
        )

    def _given(self, role: Role) -> tuple[Evidence, SignOffBody] | None:
        """The newest valid sign-off of the role."""
        of_role = (each for each in self._sign_offs if each[1].role is role)
        return next((each for each in of_role if not self._problem(role, *each)), None)

    def _valid(self, role: Role, evidence: Evidence, body: SignOffBody) -> Signature:
        return Signature(
            role=role,
            person=body.person,
            name=self._inputs.person_name(body.person),
            signed_at=evidence.record.at,
            valid=True,
            review=self._stricter(body),
            evidence=evidence.digest,
        )

    def _not_signed(self, role: Role) -> str:
        person = self._inputs.signer(role)
        if person is None or person not in self._inputs.system.people:
            return f"nobody is declared to sign for {ROLE_NAMES[role]}"
        permission = self._may_sign(person, role)
        return NOT_SIGNED if permission == "" else permission

    def _may_sign(self, person: str, role: Role) -> str:
        context = Context(
            system=self._inputs.system,
            policy=self._inputs.policy,
            role=role,
            reviewed=self._inputs.requirements,
            attested=self._attested.get(person, frozenset()),
            departed=self._gone,
        )
        permission = may(Actor(kind="person", name=person), Action.SIGN, context)
        return "" if permission.allowed else permission.reason

    def _problem(self, role: Role, evidence: Evidence, body: SignOffBody) -> str:
        """Why a sign-off does not count; empty when it does."""
        return next(self._problems(role, evidence, body), "")

    def _problems(self, role: Role, evidence: Evidence, body: SignOffBody) -> Iterator[str]:
        if evidence.problem:
            yield f"the signature does not verify: {evidence.problem}"
        if person_speaking(evidence, self._inputs, self._gone) != body.person:
            yield f"{self._inputs.person_name(body.person)} did not sign this with their own key, or has left"
        if refused := self._may_sign(body.person, role):
            yield refused
        if not _DIGEST.fullmatch(body.verdict) or not body.shown:
            yield "it does not say which verdict was on the screen"
        if body.open:
            yield f"signed while {', '.join(body.open)} was not established"
        patterns = resolved(SIGN_OFF_RESTS_ON[role], self._inputs.system)
        if objection := subject_objection(evidence, patterns, self._inputs):
            yield objection.text
        yield from (f"signed before GO was revoked ({each.kind})" for each in self._not_answered(evidence))
        if self._inputs.thresholds and not body.limits:
            yield "it does not say which limits stood when it was signed"
        if loosened := self._loosened(body):
            yield f"loosened since it was signed: {', '.join(loosened)}"

    def _not_answered(self, evidence: Evidence) -> Iterator[Revocation]:
        """The revocations that a sign-off does not come after, the last first."""
        for each in reversed(self._revocations):
            if not _answers(evidence, at=each.at, sequence=each.sequence):
                yield each

    def _loosened(self, body: SignOffBody) -> tuple[str, ...]:
        """Limits that let more pass than when they signed, or are gone."""
        today = self._today()
        return tuple(
            name
            for name, signed in sorted(body.limits.items())
            if name not in today or not math.isfinite(signed) or looser(today[name][0], signed, today[name][1])
        )

    def _stricter(self, body: SignOffBody) -> tuple[str, ...]:
        """Limits that are stricter than when they signed, or new since."""
        return tuple(name for name, (limit, _) in sorted(self._today().items()) if body.limits.get(name) != limit)

    def _today(self) -> dict[str, tuple[float, Sense]]:
        senses = {f"{t.requirement}/{t.measure}": t.sense for t in self._inputs.thresholds}
        return {
            name: (limit, senses.get(name, Sense.AT_LEAST))
            for name, limit in limits_signed(self._inputs.thresholds).items()
        }

    def withheld(self) -> tuple[Objector, ...]:
        """Who withholds GO now; heeded even where the record does not verify, or where they are declared no more.

        Lifted only by a later valid sign-off for that role: by the same person while they hold it.
        """
        found: dict[tuple[str, Role], Objector] = {}
        for evidence, body in events(self._inputs, RecordType.WITHHOLDING, WithholdingBody):
            here = body.gate is self._inputs.gate.name
            if here and self._is_heeded(evidence, body) and not self._lifted(body, evidence):
                objector = Objector(person=body.person, role=body.role, reason=body.reason, at=evidence.record.at)
                known = found.get((body.person, body.role), objector)
                found[body.person, body.role] = max(known, objector, key=lambda o: (o.at, o.reason))
        return tuple(sorted(found.values(), key=lambda o: (o.at, o.person, o.role)))

    def _is_heeded(self, evidence: Evidence, body: WithholdingBody) -> bool:
        """A declared person in any case; one who is declared no more where they said it themselves and were then."""
        if body.person in self._inputs.system.people:
            return True
        by_themselves = speaks(evidence) == "person" and evidence.record.by == f"person:{body.person}"
        return by_themselves and not evidence.problem and f"person.{body.person}" in evidence.record.depends

    def _lifted(self, withholding: WithholdingBody, withheld: Evidence) -> bool:
        given = self._given(withholding.role)
        return given is not None and _answers(given[0], at=withheld.record.at, sequence=withheld.sequence)

    def answered(self, revoked: Revocation) -> bool:
        """True when every role has signed after the event, whether or not something else has changed since."""
        after = {
            body.role
            for evidence, body in self._sign_offs
            if _answers(evidence, at=revoked.at, sequence=revoked.sequence)
            and body.person == self._inputs.signer(body.role)
            and person_speaking(evidence, self._inputs, self._gone) == body.person
        }
        return after == set(Role)

    @property
    def revoked(self) -> Revocation | None:
        """The revocation that went on record last among those that four new signatures have not answered."""
        return next((each for each in reversed(self._revocations) if not self.answered(each)), None)
