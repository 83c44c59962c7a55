"""A world in which the answer is GO: every requirement observed, four people signed with keys held elsewhere, anchored.

The checks are made up, one for each requirement; everything that judges is real. Take one thing away and see NO-GO.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.core.bodies import AcceptanceBody, AttestationBody, ObservationBody, SignOffBody
from seatrial.core.codec import to_data
from seatrial.core.observation import Finding, Measure, Observation, Reason, Threshold
from seatrial.core.record import Evidence, LedgerState, Record, Signer
from seatrial.core.records import Records
from seatrial.core.vocabulary import MeasureKind, RecordType, Role, Sense
from seatrial.gate.binding import acceptance_rests_on, attestation_rests_on, depends, matching, sign_off_depends
from seatrial.gate.catalogue import EVERY, PRODUCTION_READINESS, by_id
from seatrial.gate.deciding import decide
from seatrial.gate.gates import PRODUCTION, Gate
from seatrial.gate.inputs import Inputs
from seatrial.gate.permissions import holders
from seatrial.gate.requirement import Requirement
from seatrial.gate.signing import limits_signed
from seatrial.gate.verdict import Verdict
from seatrial.spec.policy import Policy
from seatrial.spec.subject import parts, referenced_files, subject
from seatrial.spec.system import System

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OBSERVED = NOW - timedelta(days=2)
SIGNED = NOW - timedelta(days=1)
SHOWN = hashlib.sha256(b"the screen").hexdigest()

FILE: dict[str, Any] = {
    "system": "arrival-delay",
    "version": "2026.11.1",
    "purpose": "Warns the dock planner of late deliveries.",
    "criticality": "operational",
    "go_live": "2027-01-11",
    "people": {
        "olga": {"name": "Olga Brandt", "page": "webhook+https://pager.example.com/olga"},
        "sven": {"name": "Sven Holm", "page": "webhook+https://pager.example.com/sven"},
        "ivo": {"name": "Ivo Maric", "page": "webhook+https://pager.example.com/ivo"},
        "lena": {"name": "Lena Roth"},
        "amir": {"name": "Amir Nasser"},
        "carl": {"name": "Carl Weber"},
        "nora": {"name": "Nora Winther"},
    },
    "owner": {
        "who": "olga",
        "deputy": "sven",
        "manager": "carl",
        "objective": "On-time unloading",
        "may_pull": True,
        "stop": "procedures/stop.yaml",
    },
    "duties": {
        "monitor": {"who": "olga", "deputy": "sven"},
        "pipeline-alert": {"who": "ivo", "deputy": "olga"},
        "retraining": {"who": "amir", "deputy": "ivo", "criteria": "docs/retraining.md"},
        "escalation-point": {"who": "olga", "deputy": "sven"},
    },
    "signers": {"it": "ivo", "operations": "sven", "legal": "lena", "ai-team": "amir"},
    "model": {"endpoint": "http://127.0.0.1:8800/predict", "task": "binary", "inputs": "schema.json"},
    "governance": {
        "plan": {"document": "docs/governance-plan.md", "approved_by": "lena", "approved_on": "2026-10-05"},
        "metric": "recall@0.5",
        "minimum": 0.70,
        "offline": "procedures/offline.yaml",
    },
    "data": {
        "training": {"source": "data/train.parquet"},
        "evaluation": {"source": "data/holdout.parquet", "label": "late"},
        "live": {"source": "data/live.parquet"},
    },
    "load": {"peak": "40/s", "latency": {"p99": "300ms"}},
    "integrations": {
        "sensors": {"kind": "http", "contract": "contracts/sensors.json"},
        "planner": {"kind": "http", "direction": "out"},
    },
    "flows": [
        {"name": "warn", "in": "sensors", "out": "planner", "key": "id", "within": "5s", "peak": "20/s"},
    ],
    "workflows": {
        "dock-planning": {
            "process": "docs/dock-planning.md",
            "users": "docks",
            "fallback": {"procedure": "procedures/by-hand.yaml", "needed": "45/h"},
        },
    },
    "failure_modes": "failure-modes.yaml",
    "do_not_trust": [{"when": "visibility_km < 1", "handling": "docs/storm.md"}],
    "rollback": {"procedure": "procedures/rollback.yaml", "within": "4h"},
    "change": {"plan": "docs/change-plan.md", "who": "sven"},
    "escalation": {"procedure": "procedures/doubt.yaml", "within": "30m"},
    "inventory": {"who": "amir"},
    "compliance": {"who": "nora", "review": "docs/review.md"},
    "training": {"users": "users.csv", "material": "docs/limits.md"},
}
THRESHOLDS = (
    Threshold(requirement="model.threshold", measure="recall@0.5", sense=Sense.AT_LEAST, limit=0.70),
    Threshold(requirement="data.load", measure="p99", sense=Sense.AT_MOST, limit=0.3, unit="s"),
    Threshold(requirement="model.failure-modes", measure="power", sense=Sense.AT_LEAST, limit=0.8),
)
RECALL = Measure(
    name="recall@0.5",
    value=0.78,
    lower=0.74,
    upper=0.82,
    limit=0.70,
    sense=Sense.AT_LEAST,
    n=800,
    method="Clopper-Pearson",
    confidence=0.95,
    needed=203,
)
LATENCY = Measure(
    name="p99", value=0.21, lower=0.2, upper=0.24, limit=0.3, sense=Sense.AT_MOST, unit="s", n=9000, confidence=0.95
)
POWER = Measure(
    name="power",
    value=0.9,
    lower=0.86,
    upper=0.94,
    limit=0.8,
    sense=Sense.AT_LEAST,
    n=200,
    confidence=0.95,
    kind=MeasureKind.VALIDITY,
)
LEDGER = LedgerState(entries=34, head="f" * 64, anchored=True, newest=SIGNED, anchored_to=10_000)
_MEASURED: Mapping[str, tuple[Measure, ...]] = {
    "model.threshold": (RECALL,),
    "data.load": (LATENCY,),
    "model.failure-modes": (POWER,),
}


def system(**changes: Any) -> System:
    """The declared system; `changes` replace top-level sections of the file."""
    return System.model_validate({**FILE, **changes})


def part_digests(declared: System, **moved: str) -> dict[str, str]:
    """The parts of the system, all files readable; `moved` maps a file's path to other content."""
    files = {path: f"sha256 of {path}" for path in referenced_files(declared)} | moved
    return parts(declared, files=files, identities={"model": "v1", "integration.sensors": "3"})


def good(requirement: Requirement) -> Observation:
    """What the made-up check sees when all is well, at the assurance that is demanded."""
    return Observation(
        done=f"Looked at {requirement.id}.",
        measures=_MEASURED.get(requirement.id, ()),
        proof=3,
        assurance=requirement.demands,
    )


def bad(requirement: Requirement) -> Observation:
    """What the made-up check sees when something is wrong."""
    found = Finding(code="planted", summary=f"{requirement.id} is broken", remedy="Mend it.")
    return replace(good(requirement), findings=(found,))


def evidence(record: Record, *, holder: str, local: bool = False, problem: str = "", sequence: int = 1) -> Evidence:
    """The record as a ledger returns it."""
    spelled = repr((record.type, record.id, record.at, record.by, dict(record.body), dict(record.depends)))
    return Evidence(
        record=record,
        digest=hashlib.sha256(spelled.encode()).hexdigest(),
        sequence=sequence,
        received_at=record.at,
        signer=Signer(key="k-" + holder, holder=holder, local=local),
        problem=problem,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A system with its ledger, as plain values that a test may replace."""

    system: System = field(default_factory=system)
    parts: Mapping[str, str] = field(default_factory=lambda: part_digests(system()))
    requirements: tuple[Requirement, ...] = PRODUCTION_READINESS
    gate: Gate = PRODUCTION
    thresholds: tuple[Threshold, ...] = THRESHOLDS
    policy: Policy = field(default_factory=Policy)
    now: datetime = NOW
    evidence: tuple[Evidence, ...] = ()
    ledger: LedgerState = LEDGER
    versions: Mapping[str, int] = field(default_factory=lambda: {r.id: 1 for r in EVERY})
    checks: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {r.id: (r.id,) for r in EVERY})
    probed_at: datetime | None = NOW - timedelta(hours=1)
    check_leases: Mapping[str, float] = field(default_factory=dict)
    identities: Mapping[str, str] = field(default_factory=dict)

    def inputs(self) -> Inputs:
        """What the gate is given."""
        about = subject(self.system, files={}, identities=self.identities, probed_at=self.probed_at)
        return Inputs(
            system=self.system,
            requirements=self.requirements,
            thresholds=self.thresholds,
            subject=replace(about, parts=dict(self.parts)),
            evidence=Records(self.evidence),
            ledger=self.ledger,
            now=self.now,
            policy=self.policy,
            checks=self.checks,
            check_versions=self.versions,
            product="1.0",
            check_leases=self.check_leases,
            gate=self.gate,
        )

    def decided(self) -> Verdict:
        """The verdict on this world."""
        return decide(self.inputs())

    def observed(
        self,
        requirement: str,
        seen: Observation | Reason,
        *,
        at: datetime = OBSERVED,
        by: str = "worker:k1",
        holder: str = "worker:ci",
        local: bool = False,
        problem: str = "",
        depends_on: Mapping[str, str] | None = None,
        check: str | None = None,
        version: int = 1,
    ) -> Evidence:
        """An observation of a requirement on this world's subject."""
        body = ObservationBody(
            requirement=requirement,
            check=check or requirement,
            check_version=version,
            product="1.0",
            run="r1",
            seed=7,
            started_at=at,
            duration_s=1.0,
            observation=seen if isinstance(seen, Observation) else None,
            reason=seen if isinstance(seen, Reason) else None,
            policy="default",
        )
        rests = depends(by_id(requirement), self.system, self.parts) if depends_on is None else depends_on
        record = self.record(RecordType.OBSERVATION, body, at=at, by=by, depends_on=rests)
        return evidence(record, holder=holder, local=local, problem=problem)

    def signed(
        self,
        role: Role,
        person: str | None = None,
        *,
        at: datetime = SIGNED,
        holder: str | None = None,
        local: bool = False,
        problem: str = "",
        verdict: str = SHOWN,
        unestablished: tuple[str, ...] = (),
    ) -> Evidence:
        """A sign-off of this world by the role's declared person, or by another."""
        who = person or self.system.signers[role] or ""
        body = SignOffBody(
            person=who,
            role=role,
            subject="s",
            shown=SHOWN,
            verdict=verdict,
            limits=limits_signed(self.thresholds),
            open=unestablished,
            gate=self.gate.name,
        )
        rests = sign_off_depends(role, self.system, self.parts)
        record = self.record(RecordType.SIGN_OFF, body, at=at, by=f"person:{who}", depends_on=rests)
        return evidence(record, holder=holder or f"person:{who}", local=local, problem=problem)

    def accepted(
        self, duty: str, person: str, *, at: datetime = OBSERVED, local: bool = False, problem: str = ""
    ) -> Evidence:
        """A person's acceptance of a duty of this world's system."""
        body = AcceptanceBody(person=person, duty=duty, shown="the duty")
        rests = matching(acceptance_rests_on(person, duty), self.parts)
        record = self.record(RecordType.ACCEPTANCE, body, at=at, by=f"person:{person}", depends_on=rests)
        return evidence(record, holder=f"person:{person}", local=local, problem=problem)

    def attested(
        self,
        kind: str,
        document: str,
        person: str,
        *,
        at: datetime = OBSERVED,
        holder: str = "",
        problem: str = "",
    ) -> Evidence:
        """A person's word for a document of this world's system, as it is now."""
        body = AttestationBody(person=person, kind=kind, document=document, digest=f"sha256 of {document}")
        rests = matching(attestation_rests_on(kind, document, person, self.system), self.parts)
        record = self.record(RecordType.ATTESTATION, body, at=at, by=f"person:{person}", depends_on=rests)
        return evidence(record, holder=holder or f"person:{person}", problem=problem)

    def unattested(self, kind: str) -> World:
        """This world without the attestations of a kind."""
        kept = tuple(
            e for e in self.evidence if e.record.type is not RecordType.ATTESTATION or e.record.body.get("kind") != kind
        )
        return replace(self, evidence=kept)

    def requested(self, kind: str, requirement: str, person: str) -> Evidence:
        """A person's request for an exemption or a waiver (`kind`), long ago."""
        body = AttestationBody(person=person, kind=kind, document=requirement, digest="", statement="please")
        return self.said(
            RecordType.ATTESTATION, body, by=f"person:{person}", at=NOW - timedelta(days=60), requirement=requirement
        )

    def said(
        self, kind: RecordType, body: object, *, by: str, at: datetime = SIGNED, requirement: str = ""
    ) -> Evidence:
        """Any other record, signed by the one who speaks."""
        rests = depends(by_id(requirement), self.system, self.parts) if requirement else {}
        return evidence(self.record(kind, body, at=at, by=by, depends_on=rests), holder=by)

    def record(self, kind: RecordType, body: object, *, at: datetime, by: str, depends_on: Mapping[str, str]) -> Record:
        """A record of this world's system."""
        plain = to_data(body)
        assert isinstance(plain, Mapping)
        return Record(
            type=kind,
            id=f"{kind.value}-{at.isoformat()}",
            system=self.system.system,
            at=at,
            by=by,
            depends=dict(depends_on),
            body=plain,
        )

    def plus(self, *more: Evidence) -> World:
        """This world with more records."""
        return replace(self, evidence=(*self.evidence, *more))

    def never_accepted(self, duty: str) -> World:
        """This world without the acceptance of a duty."""
        kept = tuple(
            e for e in self.evidence if e.record.type is not RecordType.ACCEPTANCE or e.record.body.get("duty") != duty
        )
        return replace(self, evidence=kept)

    def without(self, requirement: str) -> World:
        """This world without the observations of a requirement."""
        kept = tuple(
            e
            for e in self.evidence
            if e.record.type is not RecordType.OBSERVATION or e.record.body.get("requirement") != requirement
        )
        return replace(self, evidence=kept)

    def unsigned(self, *roles: Role) -> World:
        """This world without the sign-offs of these roles."""
        values = {role.value for role in roles}
        kept = tuple(
            e
            for e in self.evidence
            if e.record.type is not RecordType.SIGN_OFF or e.record.body.get("role") not in values
        )
        return replace(self, evidence=kept)

    def instead(self, requirement: str, seen: Observation | Reason) -> World:
        """This world where the check saw something else."""
        return self.without(requirement).plus(self.observed(requirement, seen))


def go_world(requirements: Sequence[Requirement] = PRODUCTION_READINESS, **changes: Any) -> World:
    """The world that is GO; `changes` replace top-level sections of its file."""
    declared = system(**changes)
    empty = World(requirements=tuple(requirements), system=declared, parts=part_digests(declared))
    return empty.plus(
        *(empty.accepted(duty, who) for duty, who in holders(empty.system).items() if who),
        empty.attested("change-plan", "docs/change-plan.md", "carl"),
        empty.attested("compliance", "docs/review.md", "nora"),
        empty.attested("process", "docs/dock-planning.md", "carl"),
        empty.attested("failure-modes", "failure-modes.yaml", "carl"),
        *(empty.observed(r.id, good(r)) for r in requirements),
        *(empty.signed(role) for role in Role),
    )
