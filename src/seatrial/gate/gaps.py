"""What stands between the system and GO, each with a remedy and the declared person who closes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seatrial.core.vocabulary import Domain, MeasureKind, Outcome, Role, Weight
from seatrial.core.wording import sentence
from seatrial.gate.assessing import Voice
from seatrial.gate.codes import NO_CHECK
from seatrial.gate.inputs import Inputs
from seatrial.gate.requirement import Requirement
from seatrial.gate.verdict import Assessment, Gap, Judged
from seatrial.spec.people import Duty
from seatrial.spec.system import System

LEDGER: Final = "ledger"
REVIEW: Final = "review"
GATE_ITSELF: Final = "gate"
"""What a gap names in place of a requirement: the ledger, the people who sign, or the gate's own set."""

TOLD_ELSEWHERE: Final = frozenset({"ledger-problem", "clock-behind", "todo"})
"""Reasons whose gaps are written for the whole file or ledger, not requirement by requirement."""

_RERUN: Final = frozenset(
    {
        "changed",
        "check-version",
        "confidence-too-low",
        "expired",
        "identity-stale",
        "identity-unknown",
        "limit-loosened",
        "limit-set-after",
        "malformed",
        "not-measured",
        "not-run",
        "unverified",
        "version-untold",
    }
)
_FIRST: Final[Mapping[str, str]] = {
    "identity-unknown": "See that the model's endpoint tells its version; one run then renews it for all checks.",
    "version-untold": "See that each of these tells its version when a run begins.",
    "identity-stale": "One run of any check renews it for all.",
}
"""What to know before running again, by code."""
_NO_CHECK: Final = "This version of seatrial has no check for it; the requirement stays open until one establishes it."

_MOST_NAMED: Final = 3

_Person = Callable[[System], "str | None"]


def _holder(duty: Duty | None) -> str | None:
    return duty.who if duty is not None else None


def _signs(role: Role) -> _Person:
    return lambda system: system.signers.get(role)


def _owner(system: System) -> str | None:
    return system.owner.who


_CLOSED_BY: Final[Mapping[str, tuple[_Person, ...]]] = {
    "integration.inventory": (_signs(Role.IT), lambda s: s.inventory.who),
    "organization.training": (_owner,),
    "organization.process-documents": (_owner,),
    "organization.change-management": (lambda s: s.change.who, _owner),
    "organization.escalation": (lambda s: _holder(s.duties.escalation_point), _owner),
    "organization.accountability": (_owner, lambda s: s.owner.manager),
    "governance.offline-thresholds": (_owner,),
    "governance.fallback": (_owner,),
    "governance.rollback": (_signs(Role.IT),),
    "governance.compliance": (lambda s: s.compliance.who, _signs(Role.LEGAL)),
    "ownership.monitor": (lambda s: _holder(s.duties.monitor), _owner),
    "ownership.pipeline-alert": (lambda s: _holder(s.duties.pipeline_alert), _owner),
    "ownership.retraining": (lambda s: _holder(s.duties.retraining), _owner),
    "ownership.escalation-point": (lambda s: _holder(s.duties.escalation_point), _owner),
}
"""Who closes a requirement's gaps, in order of preference; else the signer of the reviewing role, else the owner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One open point before it has an owner and dates."""

    code: str
    summary: str
    remedy: str = ""
    why: str = ""
    fields: tuple[str, ...] = ()
    outcome: Outcome = Outcome.NOT_DETERMINED


class GapWriter:
    """Writes gaps for one set of inputs."""

    def __init__(self, inputs: Inputs, gone: frozenset[str]) -> None:
        self._inputs = inputs
        self._gone = gone

    def of(self, requirement: Requirement, assessment: Assessment, voices: Iterable[Voice]) -> list[Gap]:
        """The gaps of a requirement that blocks GO: one for each finding, one for all its measures that fall short.

        What no finding and no measure tells is told by the reason; a requirement that blocks GO always has a gap.
        """
        if (
            assessment.outcome not in (Outcome.NOT_MET, Outcome.NOT_DETERMINED)
            or assessment.reason_code in TOLD_ELSEWHERE
        ):
            return []
        found = [*_found(assessment)]
        explained = _explained(assessment)
        fell = _short(assessment)
        short = [j for j in fell if j.measure.name not in explained]
        if short:
            found.append(_measured(assessment, short))
        told = {o.code for o in found} | {j.code for j in fell}
        if assessment.reason_code not in told:
            found.insert(0, _reason(requirement, assessment, tuple(voices)))
        unique = {(o.code, o.fields, o.summary): o for o in found}
        return [self.write(requirement, o) for o in unique.values()]

    def write(self, requirement: Requirement, point: Open) -> Gap:
        """The gap for an open point of a requirement."""
        return self._gap(
            point,
            requirement=requirement.id,
            why=point.why or requirement.why,
            remedy=point.remedy or requirement.remedy,
            owner=self.closes(requirement),
            effort_days=requirement.effort_days,
            after=requirement.after,
        )

    def general(self, place: str, point: Open, *, owner: str | None = None, effort_days: float = 0.5) -> Gap:
        """The gap for something that is about no single requirement."""
        someone = owner if owner is not None else self._first((_owner, _signs(Role.IT), _signs(Role.OPERATIONS)))
        return self._gap(
            point,
            requirement=place,
            why=point.why,
            remedy=point.remedy,
            owner=someone,
            effort_days=effort_days,
            after=(),
        )

    def closes(self, requirement: Requirement) -> str | None:
        """The declared person, still here, who closes the requirement's gaps; None when nobody is declared."""
        preferred = _CLOSED_BY.get(requirement.id, ())
        return self._first((*preferred, _signs(requirement.reviewer), _owner))

    def _first(self, people: Iterable[_Person]) -> str | None:
        for person in people:
            who = person(self._inputs.system)
            if who is not None and who in self._inputs.system.people and who not in self._gone:
                return who
        return None

    def _gap(
        self,
        point: Open,
        *,
        requirement: str,
        why: str,
        remedy: str,
        owner: str | None,
        effort_days: float,
        after: tuple[str, ...],
    ) -> Gap:
        today = self._inputs.now.date()
        return Gap(
            requirement=requirement,
            code=point.code,
            summary=sentence(point.summary, point.fields),
            why=why,
            remedy=remedy,
            owner=owner,
            owner_name=self._inputs.person_name(owner),
            effort_days=effort_days,
            starts=today,
            due=today,
            outcome=point.outcome,
            fields=point.fields,
            after=after,
        )


def _found(assessment: Assessment) -> Iterable[Open]:
    """The findings that keep a requirement from MET."""
    for finding in assessment.findings:
        if finding.weight is not Weight.NOTE:
            yield Open(
                code=finding.code,
                summary=finding.summary,
                remedy=finding.remedy,
                why=finding.why,
                fields=finding.fields,
                outcome=Outcome.NOT_MET if finding.weight is Weight.GAP else Outcome.NOT_DETERMINED,
            )


def _short(assessment: Assessment) -> list[Judged]:
    """The measures that keep a requirement from MET: the one that speaks for it first, then what missed its limit."""
    short = [j for j in assessment.measures if j.outcome in (Outcome.NOT_MET, Outcome.NOT_DETERMINED)]
    return sorted(short, key=lambda j: (j.code != assessment.reason_code, j.outcome is not Outcome.NOT_MET))


def _explained(assessment: Assessment) -> frozenset[str]:
    """Names of the measures whose shortfall a finding tells already that keeps the requirement open itself.

    Of gating measures that takes a gap, of those that say whether a measurement is valid any such finding.
    """
    told = {name for f in assessment.findings if f.weight is Weight.GAP for name in f.explains}
    opened = {name for f in assessment.findings if f.weight is Weight.OPEN for name in f.explains}
    return frozenset(
        j.measure.name
        for j in assessment.measures
        if (j.measure.name in told and j.measure.kind is MeasureKind.GATE)
        or (j.measure.name in told | opened and j.measure.kind is MeasureKind.VALIDITY)
    )


def _measured(assessment: Assessment, short: Sequence[Judged]) -> Open:
    """All measures that fall short as one open point."""
    first, more = short[0], len(short) - 1
    needed = {j.measure.needed_unit: j.needed for j in sorted(short, key=lambda j: j.measure.needed or 0) if j.needed}
    anew = rerun(assessment.id) if any(j.code in _RERUN for j in short) else ""
    return Open(
        code=first.code,
        summary=f"{first.note.removesuffix('.')}; and {more} more." if more else first.note,
        remedy=" ".join(filter(None, (*needed.values(), anew))),
        fields=tuple(j.measure.name for j in short),
        outcome=Outcome.NOT_MET if any(j.outcome is Outcome.NOT_MET for j in short) else Outcome.NOT_DETERMINED,
    )


def _reason(requirement: Requirement, assessment: Assessment, voices: tuple[Voice, ...]) -> Open:
    """The reason as an open point, with the remedy that the check named, or that its code implies."""
    code = assessment.reason_code
    said = next((v for v in voices if v.judgement.code == code and (v.remedy or v.fields)), None)
    remedy = said.remedy if said is not None else ""
    if not remedy and code == NO_CHECK:
        remedy = _NO_CHECK
    elif not remedy and code in _RERUN:
        remedy = _again(code, requirement.id)
    return Open(
        code=code,
        summary=assessment.reason,
        remedy=remedy,
        fields=said.fields if said is not None else (),
        outcome=assessment.outcome,
    )


def _again(code: str, requirement: str) -> str:
    """The remedy that the code implies."""
    seen_to = _FIRST.get(code)
    return f"{seen_to} {rerun(requirement)}" if seen_to else rerun(requirement)


def rerun(*requirements: str) -> str:
    """The command that observes these requirements as they stand now; all of them where they are many."""
    if len(requirements) > _MOST_NAMED:
        return "Run them for what stands now: seatrial run FILE"
    only = "".join(f" --only {each}" for each in requirements)
    return f"Run {'it' if len(requirements) == 1 else 'them'} for what stands now: seatrial run FILE{only}"


def in_order(gaps: Iterable[Gap], requirements: Sequence[Requirement]) -> tuple[Gap, ...]:
    """A missing owner first, then ownership, then what is about no requirement, then the catalogue's order.

    What no check of this version establishes comes last: nobody can close it.
    """
    listed = {r.id: i for i, r in enumerate(requirements)}
    ownership = {r.id for r in requirements if r.domain is Domain.OWNERSHIP}

    def place(gap: Gap) -> tuple[int, int]:
        if gap.code == "no-owner":
            return 0, 0
        if gap.code == NO_CHECK and gap.requirement in listed:
            return 4, listed[gap.requirement]
        if gap.requirement in ownership:
            return 1, listed[gap.requirement]
        return (2, 0) if gap.requirement not in listed else (3, listed[gap.requirement])

    return tuple(sorted(gaps, key=place))
