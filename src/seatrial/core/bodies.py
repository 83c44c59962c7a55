"""The shape of a record's body, one class per record type.

A body is written with `to_data` and read with `from_data`; old versions are lifted by the ledger's upcasters first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.core.observation import Json, Observation, Reason
from seatrial.core.vocabulary import GateName, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationBody:
    """What a check saw, or why it could not look. Exactly one of `observation` and `reason` is given."""

    requirement: str
    check: str
    check_version: int
    product: str
    run: str
    seed: int
    started_at: datetime
    duration_s: float
    observation: Observation | None = None
    reason: Reason | None = None
    policy: str = ""
    """The name of the policy it ran under, e.g. `default` or `short-demo`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceBody:
    """A person accepts what is theirs.

    `duty` is `owner`, `owner.deputy`, `monitor`, `monitor.deputy`, `manager` and so on.
    `shown` is what they were shown when they accepted, as text.
    """

    person: str
    duty: str
    shown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationBody:
    """A person answers for a document.

    `kind` is `process`, `failure-modes`, `objective`, `governance-plan` and so on;
    `document` is its path as declared, `digest` its SHA-256.
    """

    person: str
    kind: str
    document: str
    digest: str
    statement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComprehensionBody:
    """One user's comprehension check.

    Answers live in an erasable artifact; `questions` is the digest of the set that was asked.
    """

    user: str
    questions: str
    asked: int
    right: int
    answers: str = ""
    played_by: str = ""
    """Set when no human answered, e.g. `demo`."""
    site: bool = False
    """Whether they answered signed in to the site, with their password; else an attestation of theirs says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOffBody:
    """A role's signature: on which subject and policy, and the digest of what was on the screen."""

    person: str
    role: Role
    subject: str
    shown: str
    verdict: str
    limits: Mapping[str, float] = field(default_factory=dict)
    """`requirement/measure` to the limit at signing: looser voids the signature, stricter asks for another look."""
    open: tuple[str, ...] = ()
    """Requirements of the role's own domain that were not established on the screen; with any, it does not count."""
    gate: GateName = GateName.PRODUCTION_READINESS
    """The gate at which it was signed; it counts at no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithholdingBody:
    """A person withholds GO. The reason is required; only a later sign-off by the same person lifts it."""

    person: str
    role: Role
    reason: str
    gate: GateName = GateName.PRODUCTION_READINESS


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionBody:
    """NOT_APPLICABLE, where the catalogue allows it: requested by one person, approved by another."""

    requirement: str
    reason: str
    requested_by: str
    approved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverBody:
    """A waiver, where the policy allows one: bounded in time, with a compensating control that is itself a check."""

    requirement: str
    reason: str
    requested_by: str
    approved_by: str
    expires_at: datetime
    control: str
    renewal: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureBody:
    """A person left: what they accepted and signed stops counting."""

    person: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBody:
    """A declared event that bears on operation, such as a regulator's notice or a breached take-offline rule."""

    kind: str
    summary: str
    revokes: bool
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBody:
    """Another tool's result, without its verdict: how many units ended how, by group and for `all`.

    `name` is that of the declared import, `target` what the tool says it tested; `problems` say why the result is not
    the whole of what was planned.
    """

    name: str
    format: str
    tool: str
    tool_version: str
    target: str
    started_at: datetime
    ended_at: datetime
    counts: Mapping[str, Mapping[str, int]]
    file_sha256: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionBody:
    """A verdict as it was given, with the digest of its JSON."""

    answer: str
    subject: str
    rehearsal: bool
    verdict: str
    gaps: tuple[str, ...] = ()
    gate: GateName = GateName.PRODUCTION_READINESS
    """The gate at which it was given; it counts at no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyBody:
    """A key is added, retired or revoked. Counts only when signed by a root key, and never touches a root key.

    `action` is `add` (with `public`, base64, and `holder`), `retire` or `revoke` (both with `effective_at`, the time
    from which nothing signed with it counts).
    """

    action: str
    key: str
    public: str = ""
    holder: str = ""
    roles: tuple[Role, ...] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    local: bool = False
    effective_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureBody:
    """An artifact was erased: its digest stays, its content is gone."""

    artifact: str
    reason: str
    person: str = ""
