"""The product's few words, the same in code, YAML, command line, database, web and docs."""

from __future__ import annotations

from enum import StrEnum


class Domain(StrEnum):
    """Where a requirement belongs; listed in the order in which checks run (ownership is shown above all)."""

    DATA = "data"
    MODEL = "model"
    INTEGRATION = "integration"
    ORGANIZATION = "organization"
    GOVERNANCE = "governance"
    OWNERSHIP = "ownership"


class GateName(StrEnum):
    """The three gates on a system's way, in order. A decision at one never counts at another."""

    PILOT_EXIT = "pilot-exit"
    PRODUCTION_READINESS = "production-readiness"
    ENTERPRISE_SCALE = "enterprise-scale"


class Outcome(StrEnum):
    """What is known of one requirement. Only MET, a valid NOT_APPLICABLE and an allowed WAIVED do not block GO."""

    MET = "MET"
    NOT_MET = "NOT_MET"
    NOT_DETERMINED = "NOT_DETERMINED"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    WAIVED = "WAIVED"


class Answer(StrEnum):
    """The verdict's one word."""

    GO = "GO"
    NO_GO = "NO-GO"


class Assurance(StrEnum):
    """How something is known: the product did it, another tool or log shows it, or a named person says so."""

    EXECUTED = "executed"
    OBSERVED = "observed"
    ATTESTED = "attested"

    def reaches(self, demanded: Assurance) -> bool:
        """True when this level is at least the demanded one."""
        order = (Assurance.ATTESTED, Assurance.OBSERVED, Assurance.EXECUTED)
        return order.index(self) >= order.index(demanded)


class Role(StrEnum):
    """The four roles that review and sign."""

    IT = "it"
    OPERATIONS = "operations"
    LEGAL = "legal"
    AI_TEAM = "ai-team"


class Criticality(StrEnum):
    """How much hangs on the system: scales windows, headrooms and rehearsals; removes no requirement."""

    ADVISORY = "advisory"
    OPERATIONAL = "operational"
    CRITICAL = "critical"


class Sense(StrEnum):
    """On which side of its limit a measure must lie."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class MeasureKind(StrEnum):
    """What a measure does to the outcome of its requirement."""

    GATE = "gate"
    """Must clear its limit; a bound on the wrong side is NOT_MET, an open one NOT_DETERMINED."""
    VALIDITY = "validity"
    """Whether the measurement itself can be trusted: a search's power against the declared smallest harm, a load
    generator's own lag. Outside its limit the observation proves nothing: NOT_DETERMINED, never NOT_MET."""
    INFORMATIVE = "informative"
    """Shown, never judged."""


class Weight(StrEnum):
    """What a finding does to the outcome of its requirement."""

    GAP = "gap"
    """The requirement is NOT_MET."""
    OPEN = "open"
    """Something could not be checked: NOT_DETERMINED."""
    NOTE = "note"
    """Worth reading, changes nothing."""


class RecordType(StrEnum):
    """What a ledger record says. A type never changes its meaning."""

    OBSERVATION = "observation"
    ACCEPTANCE = "acceptance"
    ATTESTATION = "attestation"
    COMPREHENSION = "comprehension"
    DRILL = "drill"
    SIGN_OFF = "sign-off"
    WITHHOLDING = "withholding"
    EXEMPTION = "exemption"
    WAIVER = "waiver"
    DEPARTURE = "departure"
    EVENT = "event"
    IMPORT = "import"
    DECISION = "decision"
    KEY = "key"
    ERASURE = "erasure"
