"""Who may do what: one function for the site, the API, the command line and the workers, administrators included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from seatrial.core.vocabulary import Role
from seatrial.gate.requirement import Requirement
from seatrial.spec.policy import Policy
from seatrial.spec.system import System


class Action(StrEnum):
    """What somebody may ask to do."""

    READ = "read"
    RUN = "run"
    IMPORT = "import"
    DRILL = "record-drill"
    ACCEPT = "accept"
    ATTEST = "attest"
    ANSWER = "answer-comprehension"
    SIGN = "sign"
    WITHHOLD = "withhold"
    REQUEST_EXEMPTION = "request-exemption"
    APPROVE_EXEMPTION = "approve-exemption"
    REQUEST_WAIVER = "request-waiver"
    APPROVE_WAIVER = "approve-waiver"
    RECORD_DEPARTURE = "record-departure"
    RECORD_EVENT = "record-event"
    PULL_STOP = "pull-stop"
    ANSWER_RETRAINING = "answer-retraining"
    ERASE = "erase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks: `kind` is `person`, `worker` or `token`. An administrator's rights over the site are none here."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the question is about; only what the action needs is read.

    `attested` are the requirements for which the actor attested evidence that is on record. `duty` is such as `owner`,
    `owner.deputy`, `manager` or `monitor`. `previous_approver` approved the waiver that is to be renewed.
    """

    system: System
    policy: Policy = field(default_factory=Policy)
    role: Role | None = None
    requirement: Requirement | None = None
    reviewed: tuple[Requirement, ...] = ()
    """All requirements of the gate; a signing role is held against those that it reviews."""
    attested: frozenset[str] = frozenset()
    departed: frozenset[str] = frozenset()
    requested_by: str | None = None
    previous_approver: str | None = None
    duty: str | None = None
    listed_users: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whether it is allowed, and the reason, written for the one who asked."""

    allowed: bool
    reason: str


_MACHINES: Final = frozenset({Action.READ, Action.RUN, Action.IMPORT, Action.DRILL, Action.RECORD_EVENT})
_DECLARED: Final = _MACHINES | {
    Action.ATTEST,
    Action.REQUEST_EXEMPTION,
    Action.REQUEST_WAIVER,
    Action.RECORD_DEPARTURE,
}
ATTESTED_BY_KIND: Final[Mapping[str, str]] = {
    "process": "organization.process-documents",
    "supplier": "model.out-of-sample",
    "failure-modes": "model.failure-modes",
    "objective": "organization.accountability",
    "change-plan": "organization.change-management",
    "compliance": "governance.compliance",
    "inventory": "integration.inventory",
}
"""Kind of an attestation to the requirement for which it is evidence. A governance plan sets limits; it is none."""
ATTESTED_BY_DUTY: Final[Mapping[str, str]] = {"inventory": "integration.inventory"}
"""Duty whose acceptance says that something is so, to the requirement for which that is evidence."""


def may(actor: Actor, action: Action, context: Context) -> Permission:
    """Whether the actor may do this now. Whatever is not allowed by a rule is refused."""
    if actor.kind in ("worker", "token"):
        if action in _MACHINES:
            return _yes(f"a {actor.kind} may {action.value}")
        return _no(f"a {actor.kind} never signs, accepts, attests or approves: only a person does")
    if actor.kind != "person":
        return _no(f"{actor.kind!r} is neither a person, a worker nor a token")
    if action is Action.ANSWER and actor.name in context.listed_users - context.departed:
        return _yes("they are on the declared user list")
    if actor.name not in context.system.people or actor.name in context.departed:
        return _no(f"{actor.name} is not declared under people in the system file, or has left")
    return _for_person(actor.name, action, context)


def _for_person(person: str, action: Action, context: Context) -> Permission:
    if action in _DECLARED:
        return _yes(f"{person} is declared for this system")
    if action in (Action.SIGN, Action.WITHHOLD):
        return _may_sign(person, action, context)
    rule = _RULES.get(action)
    return rule(person, context) if rule is not None else _no(f"no rule allows {person} to {action.value}")


def _may_pull(person: str, context: Context) -> Permission:
    """The owner and their deputy, where the owner may; and whoever watches, who is paged about take-offline rules."""
    owner, monitor = context.system.owner, context.system.duties.monitor
    if owner.may_pull and person in (owner.who, owner.deputy):
        return _yes(f"{person} answers for the system and may pull it")
    if monitor is not None and person in (monitor.who, monitor.deputy):
        return _yes(f"{person} watches the system and is asked to take it offline")
    named = "owner.may_pull is not declared" if person in (owner.who, owner.deputy) else "they neither own nor watch it"
    return _no(f"{person} may not stop the system: {named}")


def _may_accept(person: str, context: Context) -> Permission:
    declared = holders(context.system)
    if context.duty is None or context.duty not in declared:
        return _no(f"{context.duty or 'no duty'} is not a duty of this system")
    if declared[context.duty] != person:
        return _no(f"{context.duty} is declared for {declared[context.duty] or 'nobody'}, not for {person}")
    return _yes(f"{person} is declared as {context.duty}")


def _may_answer_retraining(person: str, context: Context) -> Permission:
    """Whoever approves retraining, and their deputy."""
    duty = context.system.duties.retraining
    if duty is None or duty.who is None:
        return _no("nobody is named under duties.retraining")
    if person in (duty.who, duty.deputy):
        return _yes(f"{person} approves retraining")
    deputy = f" or {duty.deputy}" if duty.deputy else ""
    return _no(f"duties.retraining names {duty.who}{deputy}, not {person}")


def _may_erase(person: str, context: Context) -> Permission:
    """Whoever answers for the system, and whoever reviews or signs for legal and compliance."""
    system = context.system
    if person in (system.owner.who, system.owner.deputy):
        return _yes(f"{person} answers for the system")
    if person in (system.signers.get(Role.LEGAL), system.compliance.who):
        return _yes(f"{person} speaks for legal and compliance")
    return _no(f"{person} neither answers for the system nor speaks for legal and compliance")


def holders(system: System) -> dict[str, str | None]:
    """Duty to the person declared for it."""
    owner, duties = system.owner, system.duties
    named = {
        "monitor": duties.monitor,
        "pipeline-alert": duties.pipeline_alert,
        "retraining": duties.retraining,
        "escalation-point": duties.escalation_point,
    }
    found = {"owner": owner.who, "owner.deputy": owner.deputy, "manager": owner.manager, "change": system.change.who}
    found["inventory"] = system.inventory.who
    for name, duty in named.items():
        found[name] = duty.who if duty else None
        found[f"{name}.deputy"] = duty.deputy if duty else None
    return found


def roles_of(person: str, system: System) -> tuple[Role, ...]:
    """The signing roles for which the person is declared."""
    return tuple(role for role in Role if system.signers.get(role) == person)


def attested_domain(role: Role, attested: Iterable[str], requirements: Iterable[Requirement]) -> tuple[str, ...]:
    """The requirements that the role reviews and for which the person attested evidence, sorted."""
    reviewed = {r.id for r in requirements if r.reviewer is role}
    return tuple(sorted(reviewed & set(attested)))


def _may_sign(person: str, action: Action, context: Context) -> Permission:
    if context.role is None:
        return _no("no role was named to sign for")
    roles = roles_of(person, context.system)
    if context.role not in roles:
        held = context.system.signers.get(context.role) or "nobody"
        return _no(f"{held} is declared to sign for {context.role.value}, not {person}")
    if action is Action.WITHHOLD:
        return _yes(f"{person} signs for {context.role.value} and may withhold")
    if len(roles) > 1:
        return _no(f"{person} is declared for {' and '.join(r.value for r in roles)}; one person never holds two roles")
    if own := attested_domain(context.role, context.attested, context.reviewed):
        return _no(f"{person} attested evidence of what they would sign: {', '.join(own)}")
    return _yes(f"{person} signs for {context.role.value}")


def _second_person(person: str, context: Context) -> Permission | None:
    if context.requested_by is None:
        return _no("it is not known who requested this")
    if context.requested_by == person:
        return _no("nobody approves their own request")
    if context.requested_by not in context.system.people or context.requested_by in context.departed:
        return _no(f"{context.requested_by}, who requested this, is not declared for this system")
    return None


def _may_approve_exemption(person: str, context: Context) -> Permission:
    if context.requirement is None or not context.requirement.may_be_not_applicable:
        named = context.requirement.id if context.requirement else "an unknown requirement"
        return _no(f"{named} always applies")
    return _second_person(person, context) or _yes("a second declared person approves")


def _may_approve_waiver(person: str, context: Context) -> Permission:
    requirement = context.requirement
    if requirement is None or not requirement.may_be_waived:
        return _no(f"{requirement.id if requirement else 'an unknown requirement'} can never be waived")
    if requirement.id not in context.policy.waivers:
        return _no(f"the policy {context.policy.name} allows no waiver of {requirement.id}")
    if context.previous_approver == person:
        return _no("a waiver is renewed by another person than the one who approved it first")
    return _second_person(person, context) or _yes("the policy allows it and a second declared person approves")


def _yes(reason: str) -> Permission:
    return Permission(allowed=True, reason=reason)


def _no(reason: str) -> Permission:
    return Permission(allowed=False, reason=reason)


_RULES: Final[Mapping[Action, Callable[[str, Context], Permission]]] = {
    Action.ACCEPT: _may_accept,
    Action.APPROVE_EXEMPTION: _may_approve_exemption,
    Action.APPROVE_WAIVER: _may_approve_waiver,
    Action.PULL_STOP: _may_pull,
    Action.ANSWER_RETRAINING: _may_answer_retraining,
    Action.ERASE: _may_erase,
}
"""What a declared person may do by a rule of its own."""
