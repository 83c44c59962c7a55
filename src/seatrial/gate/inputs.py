"""Everything that a verdict follows from; nothing else is read, no clock, no file and no store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.core.observation import Threshold
from seatrial.core.record import LedgerState, Subject
from seatrial.core.records import Records
from seatrial.core.vocabulary import Role
from seatrial.gate.gates import PRODUCTION, Gate
from seatrial.gate.requirement import Requirement
from seatrial.spec.policy import Policy
from seatrial.spec.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What `decide` needs.

    `requirements` are the catalogue's own rows, unscaled. `checks` maps a requirement's id to the checks that can
    establish it, `check_versions` a check's id to its version in this product. `thresholds` are the limits of today,
    of all checks. `evidence` is the ledger's whole content for the system, in any order. `now` is UTC.
    `gate` is the one at which is decided: what was signed, withheld or decided at another does not count here.
    `supplements` are checks that add observed evidence to what the others of their requirement establish.
    """

    system: System
    requirements: tuple[Requirement, ...]
    thresholds: tuple[Threshold, ...]
    subject: Subject
    evidence: Records
    ledger: LedgerState
    now: datetime
    policy: Policy
    checks: Mapping[str, tuple[str, ...]]
    check_versions: Mapping[str, int]
    product: str
    gate: Gate = PRODUCTION
    supplements: frozenset[str] = frozenset()
    check_leases: Mapping[str, float] = field(default_factory=dict)
    """Seconds for which the evidence of a check holds, where its requirement's lease is not short enough."""
    remarks: Mapping[str, str] = field(default_factory=dict)
    """What to say of a part of the subject that changed, beside that it did; of the model also why it is not known."""
    notes: tuple[str, ...] = ()
    """What a reader of the verdict should know although it changes no outcome."""

    def limits(self, requirement: str) -> dict[str, Threshold]:
        """Today's limits of one requirement, by the name of the measure."""
        return {t.measure: t for t in self.thresholds if t.requirement == requirement}

    def person_name(self, person: str | None) -> str:
        """How the person is called, for people to read; "nobody declared" when there is none."""
        return "nobody declared" if person is None else self.system.name_of(person)

    def signer(self, role: Role) -> str | None:
        """The person declared to sign for a role."""
        return self.system.signers.get(role)
