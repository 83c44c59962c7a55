"""What became of each kind of drill: when it was held, what it showed, how its time was spent, when it is due again."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from seatrial.app.folder.catalogue import check_by_id, thresholds
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import ObservationBody
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Threshold
from seatrial.core.record import Evidence
from seatrial.core.records import verified_type
from seatrial.core.vocabulary import Outcome, RecordType
from seatrial.domains.allowing import not_now
from seatrial.domains.rehearsing import parts_of
from seatrial.gate.catalogue import by_id, scaled
from seatrial.gate.judging import judge
from seatrial.spec.drills import KIND_OF, KINDS
from seatrial.spec.system import System

NEVER_HELD, FAILED, OVERDUE, DUE_SOON, HOLDS = "never held", "failed", "overdue", "due soon", "holds"
STATES = (NEVER_HELD, FAILED, OVERDUE, DUE_SOON, HOLDS)
"""How one kind of drill stands."""
MOST: Final = 100
"""Drills of one requirement that are told, the newest: more shows nothing that these do not."""
_SOON = timedelta(days=7)
_FEW = 3
"""Drills from which on one can speak of a trend at all."""
_AS_BEFORE = 0.2
"""A time within this share of the median before is no change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One drill on record. `parts` are seconds: `decide` (people), `execute`, `verify`, as far as it had them."""

    kind: str
    requirement: str
    at: datetime
    outcome: Outcome
    said: str
    parts: Mapping[str, float] = field(default_factory=dict)
    record: str = ""

    @property
    def ok(self) -> bool:
        """Whether it established what it was held for."""
        return self.outcome is Outcome.MET

    @property
    def seconds(self) -> float | None:
        """All parts together, None where none was timed."""
        return sum(self.parts.values()) if self.parts else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillStanding:
    """A kind of drill today. `due_at` is None where it was never held, `closed` says why it may not be held now."""

    kind: str
    who: str
    held: tuple[Held, ...]
    due_at: datetime | None
    closed: str
    windows: tuple[str, ...]
    time_zone: str
    every_s: float | None
    trend: str
    state: str
    """One of STATES."""

    @property
    def last(self) -> Held | None:
        """The newest one."""
        return self.held[-1] if self.held else None

    @property
    def telling(self) -> Held | None:
        """The one that the state comes from: the newest that its requirement still fails with, else the newest one."""
        failed = [each for each in _newest(self.held) if not each.ok]
        return failed[-1] if failed else self.last


def standings(workspace: Workspace) -> tuple[DrillStanding, ...]:
    """Every kind of drill, as the ledger and the plan have it. Raises LedgerError."""
    system, now = workspace.system, workspace.clock.now()
    found = []
    for kind, held in history(workspace).items():
        due = due_at(system, kind, held)
        plan = system.drills.plan(kind)
        found.append(
            DrillStanding(
                kind=kind,
                who=who_answers(system, kind),
                held=tuple(held),
                due_at=due,
                closed=not_now(system, kind, now),
                windows=plan.windows,
                time_zone=system.drills.time_zone,
                every_s=plan.every,
                trend=trend(held),
                state=_state(held, due, now),
            )
        )
    return tuple(found)


def history(workspace: Workspace) -> dict[str, list[Held]]:
    """The newest drills on record by kind, `MOST` of a requirement, oldest first; what does not verify is none."""
    limits: dict[str, dict[str, Threshold]] = {}
    for threshold in thresholds(workspace.system):
        limits.setdefault(threshold.requirement, {})[threshold.measure] = threshold
    found: dict[str, list[Held]] = {kind: [] for kind in KINDS}
    records = read_ledger(workspace, quick=True).evidence
    newest = [evidence for held in records.by(_rehearsed).values() for evidence in held[-MOST:]]
    for evidence in sorted(newest, key=lambda each: each.sequence):
        told = records.body(evidence, ObservationBody)
        if told is not None:
            drill = _held(evidence, told, limits)
            found[drill.kind].append(drill)
    return found


def _rehearsed(evidence: Evidence) -> str | None:
    """The requirement that a verified observation of a drill is about, which is its check's id."""
    check = str(evidence.record.body.get("check"))
    return check if verified_type(evidence) is RecordType.OBSERVATION and check in KIND_OF else None


def _held(evidence: Evidence, told: ObservationBody, limits: Mapping[str, Mapping[str, Threshold]]) -> Held:
    requirement = told.check
    seen = told.observation
    if seen is None:
        outcome, said = Outcome.NOT_DETERMINED, told.reason.summary if told.reason else "nothing is known of it"
    elif told.check_version != _version(requirement):
        outcome, said = Outcome.NOT_DETERMINED, "it was held by an earlier version of this check"
    else:
        judged = judge(seen, limits.get(requirement, {}))
        outcome = judged.outcome
        said = judged.reason
    return Held(
        kind=KIND_OF[requirement],
        requirement=requirement,
        at=evidence.record.at,
        outcome=outcome,
        said=said,
        parts={} if seen is None else parts_of(seen),
        record=evidence.digest,
    )


def _version(check: str) -> int | None:
    try:
        return check_by_id(check).version
    except SeatrialError:
        return None


def due_at(system: System, kind: str, held: Sequence[Held]) -> datetime | None:
    """By when it must be held again: when its evidence ends, or as often as is declared; at once after a failure."""
    newest: dict[str, Held] = {each.requirement: each for each in held}
    if not newest:
        return None
    if not all(each.ok for each in newest.values()):
        return min(each.at for each in newest.values())
    every = system.drills.plan(kind).every
    ends = [
        each.at + timedelta(seconds=min(_lease_s(system, name), every or _lease_s(system, name)))
        for name, each in newest.items()
    ]
    return min(ends)


def _lease_s(system: System, requirement: str) -> float:
    longest: float = scaled(by_id(requirement), system.criticality).lease_days * 86_400.0
    return min(longest, system.policy.leases.get(requirement, longest))


def who_answers(system: System, kind: str) -> str:
    """The person whose drill it is, by name; empty where nobody is declared."""
    duties, owner = system.duties, system.owner
    duty = {"page": duties.pipeline_alert, "outage": duties.pipeline_alert, "escalation": duties.escalation_point}.get(
        kind
    )
    who = owner.who if duty is None else duty.who
    return system.people[who].name if who in system.people else ""


def trend(held: Sequence[Held]) -> str:
    """How the newest time compares with those before; in words, because a few drills bear no test."""
    times = [each.seconds for each in held if each.ok and each.seconds is not None]
    if len(times) < _FEW:
        return f"{len(times)} timed" if times else "none timed"
    before = statistics.median(times[:-1])
    change = times[-1] / before - 1.0 if before > 0 else 0.0
    if abs(change) <= _AS_BEFORE:
        return f"as before ({times[-1]:.3g} s, median {before:.3g} s)"
    return f"{abs(change):.0%} {'slower' if change > 0 else 'faster'} ({times[-1]:.3g} s, median {before:.3g} s)"


def _newest(held: Sequence[Held]) -> list[Held]:
    """The newest drill of each requirement, oldest first."""
    newest = {each.requirement: each for each in held}
    return [each for each in held if newest[each.requirement] is each]


def _state(held: Sequence[Held], due: datetime | None, now: datetime) -> str:
    if due is None:
        return NEVER_HELD
    if not all(each.ok for each in _newest(held)):
        return FAILED
    if now >= due:
        return OVERDUE
    return DUE_SOON if due - now < _SOON else HOLDS
