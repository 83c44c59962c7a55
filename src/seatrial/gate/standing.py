"""Whether a record counts: verified, of this system, about this subject, in time, by someone who may say so."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from seatrial.core.bodies import DepartureBody, ObservationBody
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Assurance, RecordType
from seatrial.gate.binding import moved, resolved
from seatrial.gate.catalogue import scaled
from seatrial.gate.inputs import Inputs
from seatrial.gate.requirement import Requirement

IDENTITY_HOLDS = timedelta(hours=24)
"""How long a probe of what is served holds."""

B = TypeVar("B")
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a record does not count: a literal code and a sentence."""

    code: str
    text: str


def departed(inputs: Inputs) -> frozenset[str]:
    """Who has left, by a departure on record or by the system file. Nobody returns under the same id."""
    left = {person for person, p in inputs.system.people.items() if p.left_on and p.left_on <= inputs.now.date()}
    for evidence, body in inputs.evidence.bodies(RecordType.DEPARTURE, DepartureBody):
        if evidence.record.system == inputs.system.system:
            left.add(body.person)
    return frozenset(left)


def speaks(evidence: Evidence) -> str | None:
    """`person`, `worker` or `token`: who verifiably made the record; None when its key belongs to another."""
    kind, _, name = evidence.record.by.partition(":")
    signer = evidence.signer
    if signer is None or not name:
        return None
    if kind == "worker" and signer.holder.startswith("worker:"):
        return kind
    return kind if kind in ("person", "token") and signer.holder == evidence.record.by else None


def person_speaking(evidence: Evidence, inputs: Inputs, gone: frozenset[str]) -> str | None:
    """The declared person, still here, whose own key signed this record; None for anybody else."""
    if evidence.problem or evidence.record.system != inputs.system.system or speaks(evidence) != "person":
        return None
    person = evidence.record.by.partition(":")[2]
    return person if person in inputs.system.people and person not in gone else None


def newest_of_each(
    inputs: Inputs, alike: Callable[[Evidence], Hashable | None], order: Callable[[Evidence], Any], shape: type[B]
) -> Iterator[tuple[Evidence, B]]:
    """Of records that are alike the last in `order` up to now that can be read, with its body.

    For questions that a record answers by what makes it `alike` others, so that the last one answers for them all.
    """
    for together in inputs.evidence.by(alike, order).values():
        for evidence in reversed(together):
            body = None if evidence.record.at > inputs.now else inputs.evidence.body(evidence, shape)
            if body is not None:
                yield evidence, body
                break


def newest_first(evidence: Evidence) -> float:
    """An order in which what says that it was made last comes first."""
    return -evidence.record.at.timestamp()


def ceiling(evidence: Evidence) -> Assurance:
    """The most that the record's maker can vouch for: a person attests, a token reports, a worker executes."""
    kind = speaks(evidence)
    if kind == "worker":
        return Assurance.EXECUTED
    return Assurance.OBSERVED if kind == "token" else Assurance.ATTESTED


def weaker(one: Assurance, other: Assurance) -> Assurance:
    """The one that vouches for less."""
    return other if one.reaches(other) else one


def lease(requirement: Requirement, inputs: Inputs, check: str = "") -> timedelta:
    """How long evidence for the requirement holds: the catalogue's lease, scaled, or a shorter one.

    The policy's or the `check`'s own may be shorter. One that is not a positive number holds for no time at all.
    """
    holds = timedelta(days=scaled(requirement, inputs.system.criticality).lease_days)
    for asked in (inputs.policy.leases.get(requirement.id), inputs.check_leases.get(check)):
        if asked is not None and not asked >= holds.total_seconds():
            holds = timedelta(seconds=asked) if asked > 0 else timedelta(0)
    return holds


def identity_objection(inputs: Inputs) -> Objection | None:
    """Why it is not known what is served now; None when the probe holds."""
    probed = inputs.subject.probed_at
    if "model" not in inputs.subject.parts or probed is None:
        text = "what the model endpoint serves now could not be identified"
        why = inputs.remarks.get("model")
        return Objection(code="identity-unknown", text=f"{text}: {why.removesuffix('.')}" if why else text)
    if probed > inputs.now:
        return Objection(code="identity-unknown", text="the identity of the model was probed in the future")
    if inputs.now - probed >= IDENTITY_HOLDS:
        return Objection(code="identity-stale", text="what is served was last identified more than 24 hours ago")
    return None


def subject_objection(evidence: Evidence, patterns: Iterable[str], inputs: Inputs) -> Objection | None:
    """Why the record is about another subject; None when it is about this one."""
    if evidence.record.system != inputs.system.system or inputs.subject.system != inputs.system.system:
        return Objection(code="other-system", text="the record belongs to another system")
    parts = moved(evidence.record.depends, patterns, inputs.subject.parts)
    if parts:
        named = [f"{part} ({inputs.remarks[part]})" if part in inputs.remarks else part for part in parts]
        shown = ", ".join(named[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")
        return Objection(code="changed", text=f"changed since it was recorded: {shown}")
    return None


def untold_objection(evidence: Evidence, patterns: Iterable[str], inputs: Inputs) -> Objection | None:
    """Why a record may be about this subject and cannot speak for it: what answered then did not tell its version."""
    unprobed = inputs.subject.unprobed
    parts = moved(evidence.record.depends, patterns, inputs.subject.parts)
    if not parts or any(evidence.record.depends.get(part, "") != unprobed.get(part) for part in parts):
        return None
    return Objection(
        code="version-untold",
        text=f"when it was last tested nobody could tell which version answered: {', '.join(parts[:4])}",
    )


def person_objection(patterns: Iterable[str], inputs: Inputs, gone: frozenset[str]) -> Objection | None:
    """Why what rests on people cannot hold: one of them has left."""
    left = sorted(p for p in gone if f"person.{p}" in set(patterns))
    if left:
        names = ", ".join(inputs.person_name(p) for p in left)
        return Objection(code="person-left", text=f"{names} left; what they accepted no longer holds")
    return None


def maker_objection(evidence: Evidence, inputs: Inputs, gone: frozenset[str]) -> Objection | None:
    """Why the record's maker may not file evidence, or cannot be told."""
    if evidence.problem:
        return Objection(code="unverified", text=f"the record does not verify: {evidence.problem}")
    kind = speaks(evidence)
    if kind is None:
        return Objection(code="unverified", text="the record was not signed by the one it names as its maker")
    if kind == "person":
        person = evidence.record.by.partition(":")[2]
        if person not in inputs.system.people:
            return Objection(code="not-permitted", text=f"{person} is not declared for this system")
        if person in gone:
            return Objection(code="person-left", text=f"{inputs.person_name(person)}, who recorded it, left")
    return None


def observation_objection(
    evidence: Evidence, body: ObservationBody, requirement: Requirement, inputs: Inputs, gone: frozenset[str]
) -> Objection | None:
    """Why an observation about this subject does not count for the requirement; None when it does."""
    return next(_objections(evidence, body, requirement, inputs, gone), None)


def _objections(
    evidence: Evidence, body: ObservationBody, requirement: Requirement, inputs: Inputs, gone: frozenset[str]
) -> Iterator[Objection]:
    patterns = resolved(requirement.rests_on, inputs.system)
    if objection := maker_objection(evidence, inputs, gone):
        yield objection
    if requirement.demands is Assurance.ATTESTED and speaks(evidence) == "token":
        yield Objection(code="not-permitted", text="a service token cannot say what people attested")
    if (body.observation is None) == (body.reason is None):
        yield Objection(code="malformed", text="the record holds neither an observation nor a reason, or both")
    if body.check_version != inputs.check_versions.get(body.check):
        yield Objection(code="check-version", text="the check has changed since; run it again")
    if objection := person_objection(patterns, inputs, gone):
        yield objection
    if "model" in patterns and (objection := identity_objection(inputs)):
        yield objection
    if inputs.now >= expires(evidence.record.at, requirement, inputs, body.check):
        holds = _days(lease(requirement, inputs, body.check))
        yield Objection(code="expired", text=f"its lease of {holds} has run out")


def expires(at: datetime, requirement: Requirement, inputs: Inputs, check: str = "") -> datetime:
    """The first moment at which evidence from `at` no longer holds."""
    holds = lease(requirement, inputs, check)
    return at + holds if at < _END_OF_TIME - holds else _END_OF_TIME


def _days(span: timedelta) -> str:
    days = span.total_seconds() / 86_400
    return f"{days:g} day{'' if days == 1 else 's'}" if days >= 1 else f"{span.total_seconds() / 3600:g} hours"
