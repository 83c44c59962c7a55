"""The verdict as data: GO or NO-GO, every requirement with its outcome, every gap with who closes it and by when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from seatrial.core.observation import Figure, Finding, Measure
from seatrial.core.vocabulary import Answer, Assurance, Domain, GateName, Outcome, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A measure with what the gate made of it, against the limit of today (`measure.limit`)."""

    measure: Measure
    outcome: Outcome
    bound: float | None
    """The bound that decided."""
    code: str = ""
    """Literal code when not MET: `limit-missed`, `insufficient`, `not-valid`, `no-limit` and so on."""
    note: str = ""
    """Why it is not MET, one sentence."""
    needed: str = ""
    """What would settle an open bound, such as "Label 203 more rows."; empty when unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is known of one requirement on this subject, now."""

    id: str
    domain: Domain
    question: str
    outcome: Outcome
    assurance: Assurance | None
    demands: Assurance
    reason: str
    """One sentence: why it is not MET, or, when it is, what carried it."""
    reason_code: str = ""
    """Literal code when not MET, e.g. `no-check`, `not-run`, `expired`, `changed`, `unverified`, `crashed`."""
    done: str = ""
    measures: tuple[Judged, ...] = ()
    findings: tuple[Finding, ...] = ()
    figures: tuple[Figure, ...] = ()
    evidence: tuple[str, ...] = ()
    """Digests of the records that it rests on."""
    observed_at: datetime | None = None
    valid_until: datetime | None = None
    reviewer: Role
    policy: str = ""
    checks: tuple[str, ...] = ()
    """Ids of the checks that can establish it; empty means that no check does so yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that stands between the system and GO, with the person who closes it."""

    requirement: str
    code: str
    summary: str
    why: str
    remedy: str
    owner: str | None
    """A declared person's id; None is itself shown as "nobody declared"."""
    owner_name: str
    effort_days: float
    starts: date
    due: date
    outcome: Outcome
    fields: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One role's sign-off, valid or with the reason why it does not count."""

    role: Role
    person: str | None
    name: str
    signed_at: datetime | None
    valid: bool
    problem: str = ""
    review: tuple[str, ...] = ()
    """Limits made stricter since: the signer should look again."""
    evidence: str = ""
    """Digest of the record behind a valid signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The dates that follow from the gaps and the review window."""

    today: date
    planned_go_live: date | None
    gaps_closed: date
    review_from: date
    review_to: date
    earliest_go_live: date
    planned_holds: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One gate on the system's way, with the newest decision that is on record there. It is history, no verdict."""

    gate: GateName
    title: str
    question: str
    answer: Answer | None = None
    """None where nothing was decided yet."""
    decided_at: datetime | None = None
    open: int = 0
    """How many requirements were open then."""
    same_subject: bool = False
    """Whether that decision was about exactly what stands today."""
    since: datetime | None = None
    """The first GO at this gate that is on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """GO or NO-GO for one subject at one time, and everything that it rests on."""

    system: str
    version: str
    purpose: str
    subject: str
    gate: GateName
    verdict: Answer
    rehearsal: bool
    decided_at: datetime
    valid_until: datetime | None
    policy: str
    demonstration: bool
    sentence: str
    """The verdict as one sentence."""
    requirements: tuple[Assessment, ...]
    gaps: tuple[Gap, ...]
    signatures: tuple[Signature, ...]
    timeline: Timeline
    anchored: bool
    ledger_head: str
    ledger_entries: int
    ledger_problems: tuple[str, ...]
    product: str
    notes: tuple[str, ...] = ()
    way: tuple[Stage, ...] = ()
    """The three gates in order, with what is on record at each."""

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Digests of every record that speaks for GO: what must be verified before the verdict is believed."""
        observed = {digest for assessment in self.requirements for digest in assessment.evidence}
        return tuple(sorted(observed | {s.evidence for s in self.signatures if s.evidence}))

    @property
    def earliest_go_live(self) -> date:
        """The earliest go-live that the gaps and the review window allow."""
        return self.timeline.earliest_go_live
