"""What evidence and sign-offs are bound to: which parts of the subject they rest on.

This is the change table: when a part changes, exactly what rests on it stops counting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from seatrial.core.vocabulary import Role
from seatrial.gate.catalogue import by_id
from seatrial.gate.requirement import Requirement
from seatrial.spec.people import Duty
from seatrial.spec.system import System

_REFERENCE = re.compile(r"\{([a-z-]+)\}")
_SPECIAL = re.compile(r"([*?[])")

_SOURCES = ("data.training", "data.evaluation", "data.live", "schema")
_EVERY_ROLE = ("declaration", "model", "plan", "policy")

SIGN_OFF_RESTS_ON: Final[Mapping[Role, tuple[str, ...]]] = {
    Role.IT: (
        *_EVERY_ROLE,
        *_SOURCES,
        "data.faults",
        "integration.*",
        "flow.*",
        "load",
        "freshness",
        "format",
        "inventory",
        "person.{it}",
    ),
    Role.OPERATIONS: (
        *_EVERY_ROLE,
        "failure-modes",
        "do-not-trust",
        "workflow.*",
        "integration.*",
        "flow.*",
        "owner",
        "duty.*",
        "route.*",
        "change",
        "escalation",
        "offline",
        "rollback",
        "person.{operations}",
    ),
    Role.LEGAL: (*_EVERY_ROLE, "compliance", "offline", "rollback", "person.{legal}"),
    Role.AI_TEAM: (*_EVERY_ROLE, *_SOURCES, "person.{ai-team}"),
}
"""Role to the parts on which its sign-off rests, in the same patterns as `Requirement.rests_on`."""

_DUTY_PARTS: Final[Mapping[str, str]] = {
    "owner": "owner",
    "manager": "owner",
    "change": "change",
    "inventory": "inventory",
}
"""Duty to the part of the subject that defines it, where it is not `duty.<name>`."""


def _duty(duty: Duty | None) -> tuple[str | None, ...]:
    return () if duty is None else (duty.who, duty.deputy)


_NAMED: Final[Mapping[str, Callable[[System], Iterable[str | None]]]] = {
    "owner": lambda s: (s.owner.who, s.owner.deputy, s.owner.manager),
    "monitor": lambda s: _duty(s.duties.monitor),
    "pipeline-alert": lambda s: _duty(s.duties.pipeline_alert),
    "retraining": lambda s: _duty(s.duties.retraining),
    "escalation-point": lambda s: _duty(s.duties.escalation_point),
    "it": lambda s: (s.signers.get(Role.IT),),
    "operations": lambda s: (s.signers.get(Role.OPERATIONS),),
    "legal": lambda s: (s.signers.get(Role.LEGAL),),
    "ai-team": lambda s: (s.signers.get(Role.AI_TEAM),),
    "supplier": lambda s: (s.model.vendor.document if s.model.vendor else None,),
    "training-material": lambda s: (s.training.material,),
    "process": lambda s: (w.process for w in s.workflows.values()),
    "handling": lambda s: (d.handling for d in s.do_not_trust),
    "change-plan": lambda s: (s.change.plan,),
    "change": lambda s: (s.change.who,),
    "inventory": lambda s: (s.inventory.who,),
    "compliance": lambda s: (s.compliance.who,),
    "escalation": lambda s: (s.escalation.procedure,),
    "retraining-criteria": lambda s: (s.duties.retraining.criteria if s.duties.retraining else None,),
    "fallback": lambda s: (w.fallback.procedure for w in s.workflows.values() if w.fallback),
    "rollback": lambda s: (s.rollback.procedure if s.rollback else None,),
    "stop": lambda s: (s.owner.stop,),
    "offline": lambda s: (s.governance.offline,),
}
"""What stands in braces in a pattern, and what the system file names there."""


def resolved(patterns: Iterable[str], system: System) -> tuple[str, ...]:
    """The patterns with every `{reference}` replaced by what the system file names; one that names nothing vanishes."""
    found: dict[str, None] = {}
    for pattern in patterns:
        reference = _REFERENCE.search(pattern)
        if reference is None:
            found[pattern] = None
            continue
        for name in _NAMED[reference[1]](system):
            if name:
                found[pattern.replace(reference[0], literal(name.partition("#")[0]))] = None
    return tuple(found)


def literal(name: str) -> str:
    """The name as a pattern that matches it alone."""
    return _SPECIAL.sub(r"[\1]", name)


def matching(patterns: Iterable[str], parts: Mapping[str, str]) -> dict[str, str]:
    """The parts, with their digests, that any of the resolved patterns names."""
    return {part: parts[part] for part in _named(tuple(patterns), tuple(parts))}


@lru_cache(maxsize=1024)
def _named(patterns: tuple[str, ...], parts: tuple[str, ...]) -> tuple[str, ...]:
    """Asked again for every record of a ledger, with few different patterns."""
    return tuple(part for part in parts if any(fnmatchcase(part, pattern) for pattern in patterns))


def depends(requirement: Requirement, system: System, parts: Mapping[str, str]) -> dict[str, str]:
    """What a record that is to establish this requirement must name in `Record.depends`."""
    return matching(resolved(requirement.rests_on, system), parts)


def sign_off_depends(role: Role, system: System, parts: Mapping[str, str]) -> dict[str, str]:
    """What a sign-off by this role must name in `Record.depends`."""
    return matching(resolved(SIGN_OFF_RESTS_ON[role], system), parts)


def acceptance_rests_on(person: str, duty: str) -> tuple[str, ...]:
    """The parts on which a person's acceptance of a duty rests: what defines the duty, the person, their page route."""
    name = duty.partition(".")[0]
    return _DUTY_PARTS.get(name, f"duty.{name}"), f"person.{literal(person)}", f"route.{literal(person)}"


def attestation_rests_on(kind: str, document: str, person: str, system: System) -> tuple[str, ...]:
    """The parts on which a person's word for a document rests, as patterns.

    The document and the person; for a process document also what it describes, approved before that changed it is no
    longer approved; for the review of legal and compliance everything that was reviewed.
    """
    path = document.partition("#")[0]
    patterns = [f"document.{literal(path)}", f"person.{literal(person)}"]
    if path == system.failure_modes:
        patterns.append("failure-modes")
    if kind == "process":
        named = [name for name, w in system.workflows.items() if w.process and w.process.partition("#")[0] == path]
        patterns += ["failure-modes", "do-not-trust", *(f"workflow.{literal(name)}" for name in named)]
    if kind == "compliance":
        patterns += resolved(by_id("governance.compliance").rests_on, system)
    return tuple(dict.fromkeys(patterns))


def moved(recorded: Mapping[str, str], patterns: Iterable[str], parts: Mapping[str, str]) -> tuple[str, ...]:
    """The parts by which a record no longer stands for this subject, sorted; empty when it does.

    A part moved when the record names it with another digest, when it is gone, or when the patterns ask for it and the
    record does not name it.
    """
    changed = {part for part, digest in recorded.items() if parts.get(part) != digest}
    changed |= {part for part in matching(patterns, parts) if part not in recorded}
    return tuple(sorted(changed))
