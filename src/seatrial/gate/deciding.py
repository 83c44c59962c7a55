"""The verdict: a pure function of requirements, verified evidence and the time.

GO if and only if every requirement is MET (or validly not applicable, or waived where the policy allows it) on this
subject, every role has signed, and nothing speaks against it. Everything else is NO-GO, with its gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Final

from seatrial.core.record import SKEW, Evidence
from seatrial.core.vocabulary import Answer, GateName, Outcome, Role
from seatrial.core.wording import count, moment
from seatrial.gate.acceptances import Acceptances
from seatrial.gate.assessing import Assessor, Voice, blocked
from seatrial.gate.catalogue import PRODUCTION_READINESS
from seatrial.gate.codes import NO_CHECK, OF_THE_EVIDENCE
from seatrial.gate.exchange import retraining
from seatrial.gate.gaps import GATE_ITSELF, LEDGER, REVIEW, GapWriter, Open, in_order
from seatrial.gate.inputs import Inputs
from seatrial.gate.permissions import holders
from seatrial.gate.relief import REQUESTED, Relief
from seatrial.gate.requirement import Requirement
from seatrial.gate.signing import ROLE_NAMES, Signing
from seatrial.gate.standing import IDENTITY_HOLDS, departed
from seatrial.gate.timeline import scheduled, timeline
from seatrial.gate.undeclared import requirement_of
from seatrial.gate.verdict import Assessment, Gap, Signature, Verdict
from seatrial.gate.way import way

_ACCOUNTABILITY: Final = "organization.accountability"
_HOLDS: Final = (Outcome.MET, Outcome.NOT_APPLICABLE, Outcome.WAIVED)

APPROXIMATE: Final = "Approximate bounds"
"""How the note begins that names them."""
_RESTORE: Final = "Find out who changed it, restore the ledger from a copy that verifies, and run again."
_MENDED: Final[Mapping[str, str]] = {
    "[unknown-key]": "Where the key is a colleague's or a worker's, have it added to the trust root; where another "
    "system of the same name writes to this ledger, give it another name or another ledger. Else find out who wrote "
    "this. Then restore the ledger from a copy that verifies.",
    "[other-checkpoint]": "Give the checkpoints of this system: the file that SEATRIAL_CHECKPOINTS names holds others.",
    "[unknown-format]": "Use the release that wrote it, or a newer one.",
}
"""What mends a ledger's problem, by the code that it ends with; else the ledger is restored."""

_Signed = tuple[Signature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A requirement with what is known of it."""

    requirement: Requirement
    assessment: Assessment
    voices: tuple[Voice, ...]


def decide(inputs: Inputs) -> Verdict:
    """GO or NO-GO for this subject now, with everything that it rests on. Never raises for what the evidence holds."""
    inputs = _in_step(inputs)
    gone = departed(inputs)
    assessor = Assessor(inputs, gone)
    writer = GapWriter(inputs, gone)
    signing = Signing(inputs, gone)
    rows = _assessed(inputs, gone, assessor)
    signed = _having_seen(inputs, rows, signing.signatures())
    gaps = [
        *_owner_gap(inputs, gone, writer),
        *_ledger_gaps(inputs, writer),
        *_spoken_against(signing, writer),
    ]
    for row in rows:
        gaps += [
            gap
            for gap in writer.of(row.requirement, row.assessment, row.voices)
            if gap.code != "no-owner" or not any(g.code == "no-owner" for g in gaps)
        ]
    gaps += _todo_gaps(inputs, rows, gaps, writer)
    established = bool(rows) and not gaps and all(row.assessment.outcome in _HOLDS for row in rows)
    if not established:
        gaps += _signer_gaps(inputs, gone, signed, gaps, writer)
        return _verdict(inputs, rows, gaps, signed, go=False, rehearsal=False)
    lacking = _lacking(inputs, rows, signed)
    if lacking:
        gaps = [_separation_gap(inputs, lacking, signed, writer)]
    return _verdict(inputs, rows, gaps, signed, go=not lacking, rehearsal=bool(lacking))


def _in_step(inputs: Inputs) -> Inputs:
    """The inputs at the time of the newest record, when that is a clock's inaccuracy ahead: the later time decides."""
    newest = _newest(inputs)
    if newest is not None and inputs.now < newest <= inputs.now + SKEW:
        return replace(inputs, now=newest)
    return inputs


def _newest(inputs: Inputs) -> datetime | None:
    times = (inputs.evidence.newest, inputs.ledger.newest)
    return max((each for each in times if each is not None), default=None)


def standing(inputs: Inputs) -> dict[str, str]:
    """The checks whose requirement need not be observed again: check id to the digest of the record that is MET now."""
    assessor = Assessor(inputs, departed(inputs))
    return {
        voice.check: voice.evidence.digest
        for requirement in inputs.requirements
        for voice in assessor.assess(requirement)[1]
        if voice.judgement.outcome is Outcome.MET and voice.evidence is not None
    }


def _assessed(inputs: Inputs, gone: frozenset[str], assessor: Assessor) -> tuple[_Row, ...]:
    """Every requirement, eased where two people may and blocked where something holds for all."""
    first = [(requirement, *assessor.assess(requirement)) for requirement in inputs.requirements]
    controls = _controls([(assessment, voices) for _, assessment, voices in first])
    relief = Relief(inputs, gone)
    acceptances = Acceptances(inputs, gone)
    blocker = _everywhere(inputs)
    todo = {requirement_of(path): path for path in reversed(_todos(inputs))}
    unowned = _unowned(inputs, gone)
    rows = []
    for requirement, assessment, voices in first:
        current = relief.applied(requirement, acceptances.applied(assessment), controls)
        if requirement.id == _ACCOUNTABILITY and unowned and current.outcome is not Outcome.NOT_MET:
            current = blocked(current, Outcome.NOT_MET, "no-owner", unowned)
        if current.outcome in _HOLDS and requirement.id in todo:
            said = f"{todo[requirement.id]} is left as TODO in the system file"
            current = blocked(current, Outcome.NOT_DETERMINED, "todo", said)
        if current.outcome in _HOLDS and blocker is not None:
            current = blocked(current, Outcome.NOT_DETERMINED, *blocker)
        rows.append(_Row(requirement=requirement, assessment=current, voices=voices))
    return tuple(rows)


def _having_seen(inputs: Inputs, rows: Sequence[_Row], signed: _Signed) -> _Signed:
    """The signatures without those of who has not seen that a requirement of theirs was exempted or waived."""
    eased = {e.digest: e.record.at for kind in REQUESTED for e in inputs.evidence.of(kind)}
    found = []
    for signature in signed:
        unseen = [
            row.assessment.id
            for row in rows
            if row.requirement.reviewer is signature.role
            and any(d in eased and _before(signature.signed_at, eased[d]) for d in row.assessment.evidence)
        ]
        if signature.valid and unseen:
            said = f"signed before {', '.join(unseen)} was exempted or waived"
            signature = replace(signature, valid=False, problem=said, evidence="")  # noqa: PLW2901
        found.append(signature)
    return tuple(found)


def _before(signed_at: datetime | None, at: datetime) -> bool:
    return signed_at is None or signed_at < at


def _controls(found: Sequence[tuple[Assessment, tuple[Voice, ...]]]) -> dict[str, Outcome]:
    """What each check comes to as a compensating control: no better than the requirement that it establishes."""
    return {
        voice.check: voice.judgement.outcome if assessment.outcome is Outcome.MET else assessment.outcome
        for assessment, voices in found
        for voice in voices
    }


def _todos(inputs: Inputs) -> tuple[str, ...]:
    return tuple(sorted(set(inputs.system.undecided)))


def _everywhere(inputs: Inputs) -> tuple[str, str] | None:
    """Why nothing can count at all, as code and text."""
    if inputs.ledger.problems:
        return "ledger-problem", f"the ledger does not verify: {inputs.ledger.problems[0]}"
    newest = _newest(inputs)
    if newest is not None and newest > inputs.now:
        return "clock-behind", f"the clock stands before the newest record of {newest.isoformat()}"
    return None


def _unowned(inputs: Inputs, gone: frozenset[str]) -> str:
    """Why there is no production operations owner; empty when there is one."""
    who = inputs.system.owner.who
    if who is None:
        return "no named production operations owner"
    if who not in inputs.system.people:
        return f"no named production operations owner: {who} is not declared under people"
    if who in gone:
        return f"no named production operations owner: {inputs.person_name(who)} left"
    return ""


def _owner_gap(inputs: Inputs, gone: frozenset[str], writer: GapWriter) -> list[Gap]:
    said = _unowned(inputs, gone)
    if not said:
        return []
    point = Open(
        code="no-owner",
        summary=said,
        why="What nobody owns in operation fails in operation; this alone is NO-GO.",
        remedy="Name under `owner:` who answers for it in production, with a deputy, and let both accept.",
        fields=("owner.who",),
        outcome=Outcome.NOT_MET,
    )
    row = next((r for r in inputs.requirements if r.id == _ACCOUNTABILITY), None)
    return [writer.general(GATE_ITSELF, point) if row is None else writer.write(row, point)]


def _ledger_gaps(inputs: Inputs, writer: GapWriter) -> list[Gap]:
    """What holds for everything: a ledger that does not verify, a clock that is behind, a gate without requirements."""
    gaps = []
    if inputs.ledger.problems:
        for problem in inputs.ledger.problems:
            point = Open(
                code="ledger-problem",
                summary=f"the ledger does not verify: {problem}",
                why="Evidence that may have been altered establishes nothing.",
                remedy=next((told for sign, told in _MENDED.items() if sign in problem), _RESTORE),
                outcome=Outcome.NOT_MET,
            )
            gaps.append(writer.general(LEDGER, point, effort_days=2))
    elif (found := _everywhere(inputs)) is not None:
        point = Open(
            code=found[0],
            summary=found[1],
            why="Without the right time it is not known what has expired.",
            remedy="Set the clock of this machine, or wait until it has passed the newest record.",
        )
        gaps.append(writer.general(LEDGER, point))
    if not inputs.requirements:
        point = Open(
            code="no-requirements",
            summary="the gate holds no requirement",
            why="An empty set of requirements establishes nothing.",
            remedy="Decide with the catalogue of a gate.",
        )
        gaps.append(writer.general(GATE_ITSELF, point))
    return gaps


def _spoken_against(signing: Signing, writer: GapWriter) -> list[Gap]:
    """Revocation and withholding: people and events that stand against GO whatever the evidence says."""
    gaps = []
    revoked = signing.revoked
    if revoked is not None:
        point = Open(
            code="revoked",
            summary=f"GO was revoked on {revoked.at.date().isoformat()} by {revoked.kind}: {revoked.summary}",
            why="What took the system offline stands until the four roles have decided anew.",
            remedy="Answer the event, then let all four roles sign again.",
            outcome=Outcome.NOT_MET,
        )
        gaps.append(writer.general(REVIEW, point, effort_days=2))
    for objector in signing.withheld():
        point = Open(
            code="withheld",
            summary=f"{objector.person} withholds GO for {ROLE_NAMES[objector.role]}: {objector.reason}",
            why="One of the four who must answer for it does not.",
            remedy="Answer the objection; only a later sign-off lifts it.",
            outcome=Outcome.NOT_MET,
        )
        gaps.append(writer.general(REVIEW, point, effort_days=1))
    return gaps


def _todo_gaps(inputs: Inputs, rows: Sequence[_Row], gaps: Sequence[Gap], writer: GapWriter) -> list[Gap]:
    """One gap for each TODO of the system file that no other gap names already."""
    by_id = {row.requirement.id: row.requirement for row in rows}
    named = {(gap.requirement, field) for gap in gaps for field in gap.fields}
    elsewhere = {r.id for r in PRODUCTION_READINESS} - {r.id for r in inputs.gate.requirements}
    found = []
    for path in _todos(inputs):
        if requirement_of(path) in elsewhere:
            # Still to be decided, but before another gate.
            continue
        requirement = by_id.get(requirement_of(path))
        summary = f"{path} is left as TODO in the system file"
        place = requirement.id if requirement is not None else GATE_ITSELF
        if (place, path) in named:
            continue
        point = Open(
            code="todo",
            summary=summary,
            remedy=f"Decide and declare {path} in the system file.",
            why="" if requirement is not None else "Only people can decide this.",
            fields=(path,),
        )
        found.append(writer.general(place, point) if requirement is None else writer.write(requirement, point))
    return found


def _signer_gaps(
    inputs: Inputs, gone: frozenset[str], signed: _Signed, gaps: Sequence[Gap], writer: GapWriter
) -> list[Gap]:
    """Roles for which nobody can sign: worth mending while the requirements are still open."""
    named = {field for gap in gaps for field in gap.fields}
    found = []
    for signature in signed:
        who = inputs.signer(signature.role)
        twice = who is not None and sum(inputs.signer(role) == who for role in Role) > 1
        missing = who is None or who not in inputs.system.people or who in gone
        path = f"signers.{signature.role.value}"
        if (missing or twice) and path not in named:
            point = Open(
                code="no-signer",
                summary=signature.problem if not signature.valid else f"{path} is held twice",
                why="Four roles review and sign, four distinct people.",
                remedy=f"Declare under {path} a person who holds no other role.",
                fields=(path,),
            )
            found.append(writer.general(REVIEW, point))
    return found


def _lacking(inputs: Inputs, rows: Sequence[_Row], signed: _Signed) -> tuple[str, ...]:
    """What separation of duties lacks, in words; empty when four distinct people signed and it is anchored outside."""
    lacking = [
        f"{signature.name} ({ROLE_NAMES[signature.role]}): {signature.problem}"
        for signature in signed
        if not signature.valid
    ]
    if len({signature.person for signature in signed if signature.valid}) < len(Role) and not lacking:
        lacking.append("fewer than four distinct people signed")
    counted = {digest for row in rows for digest in row.assessment.evidence}
    counted |= {signature.evidence for signature in signed if signature.evidence}
    rests_on = [e for e in inputs.evidence if e.digest in counted]
    if any(e.signer is not None and e.signer.local for e in rests_on):
        lacking.append("signing keys are held on the machine that keeps the ledger")
    if not inputs.ledger.anchored:
        lacking.append("the ledger is not anchored outside")
    elif any(e.sequence > inputs.ledger.anchored_to for e in rests_on):
        lacking.append("the newest checkpoint kept outside is older than what GO would rest on")
    if inputs.policy.demonstration:
        lacking.append(f"the policy {inputs.policy.name} is for demonstration")
    return tuple(lacking)


def _separation_gap(inputs: Inputs, lacking: tuple[str, ...], signed: _Signed, writer: GapWriter) -> Gap:
    unsigned = [s.name for s in signed if not s.valid]
    head = "everything is established; "
    said = "four distinct people have not signed" if unsigned else "its signatures are not separated from its making"
    commands = "; ".join(f"seatrial sign {s.role.value} --as {s.person}" for s in signed if not s.valid and s.person)
    remedy = (
        f"Let {', '.join(unsigned)} review and sign, each with their own key: {commands}."
        if unsigned
        else ("Sign with keys held elsewhere, under the real policy, and anchor the ledger's head outside.")
    )
    point = Open(
        code="separation-of-duties",
        summary=f"{head}{said} ({'; '.join(lacking)})",
        why="A verdict that one machine or one person can make alone protects nobody.",
        remedy=remedy,
    )
    owner = next((s.person for s in signed if not s.valid and s.person in inputs.system.people), None)
    return writer.general(REVIEW, point, owner=owner)


def _verdict(
    inputs: Inputs, rows: Sequence[_Row], gaps: Sequence[Gap], signed: _Signed, *, go: bool, rehearsal: bool
) -> Verdict:
    today = inputs.now.date()
    dated = scheduled(in_order(gaps, inputs.requirements), today)
    reviewed = max((s.signed_at.date() for s in signed if go and s.signed_at is not None), default=None)
    dates = timeline(
        dated,
        today=today,
        planned=inputs.gate.planned(inputs.system),
        window_days=inputs.gate.review_window(inputs.policy),
        reviewed=reviewed,
        event=inputs.gate.event,
        not_before=inputs.gate.earliest(inputs.system),
    )
    until = _until(inputs, rows) if go else None
    return Verdict(
        system=inputs.system.system,
        version=inputs.system.version,
        purpose=inputs.system.purpose or "",
        subject=inputs.subject.digest,
        gate=inputs.gate.name,
        verdict=Answer.GO if go else Answer.NO_GO,
        rehearsal=rehearsal,
        decided_at=inputs.now,
        valid_until=until,
        policy=inputs.policy.name,
        demonstration=inputs.policy.demonstration,
        sentence=_sentence(inputs, rows, dated, until, go=go, rehearsal=rehearsal),
        requirements=tuple(row.assessment for row in rows),
        gaps=dated,
        signatures=signed,
        timeline=dates,
        anchored=inputs.ledger.anchored,
        ledger_head=inputs.ledger.head,
        ledger_entries=inputs.ledger.entries,
        ledger_problems=inputs.ledger.problems,
        product=inputs.product,
        notes=_notes(inputs, rows),
        way=way(inputs),
    )


def _until(inputs: Inputs, rows: Sequence[_Row]) -> datetime | None:
    """The earliest expiry of all that GO rests on, the probe of what is served and people's last days included."""
    dates = [row.assessment.valid_until for row in rows if row.assessment.valid_until is not None]
    named = {*inputs.system.signers.values(), *holders(inputs.system).values()}
    dates += [
        datetime.combine(person.left_on, time.min, UTC)
        for name, person in inputs.system.people.items()
        if name in named and person.left_on is not None
    ]
    probed = inputs.subject.probed_at
    if probed is not None and any("model" in row.requirement.rests_on for row in rows):
        dates.append(probed + IDENTITY_HOLDS)
    return min(dates, default=None)


def _sentence(
    inputs: Inputs, rows: Sequence[_Row], gaps: Sequence[Gap], until: datetime | None, *, go: bool, rehearsal: bool
) -> str:
    name = f"{inputs.system.system} {inputs.system.version}"
    if inputs.gate.name is not GateName.PRODUCTION_READINESS:
        name += f" at {inputs.gate.title.lower()}"
    if go:
        return f"GO for {name} until {moment(until) if until else 'anything changes'}."
    if rehearsal:
        return f"NO-GO for {name}, a rehearsal: {gaps[0].summary}"
    bad = sum(row.assessment.outcome not in _HOLDS for row in rows)
    state = f"{bad} of {count(len(rows), 'requirement')} {'is' if bad == 1 else 'are'} not established"
    return f"NO-GO for {name}: {state}.{_first(rows, gaps)}"


def _first(rows: Sequence[_Row], gaps: Sequence[Gap]) -> str:
    """The gap that matters most; what is said of its evidence alone stands after the question that it leaves open."""
    if not gaps:
        return ""
    gap = gaps[0]
    if gap.code == NO_CHECK:
        return " No check establishes them yet."
    asked = next((row.requirement.question for row in rows if row.requirement.id == gap.requirement), "")
    question = f"{asked} " if asked and gap.code in OF_THE_EVIDENCE else ""
    return f" Most important: {question}{gap.summary}"


def _notes(inputs: Inputs, rows: Sequence[_Row]) -> tuple[str, ...]:
    """What a reader should know although it changes no outcome."""
    notes = [*inputs.notes, *retraining(inputs).notes]
    if inputs.policy.demonstration:
        notes.append(f"The policy {inputs.policy.name} is for demonstration: under it no verdict is GO.")
    if not inputs.ledger.anchored:
        notes.append("The ledger is not anchored outside: a dropped tail or a rebuilt chain could not be seen.")
    approximate = sorted(
        f"{row.assessment.id}/{j.measure.name}"
        for row in rows
        for j in row.assessment.measures
        if j.measure.approximate
    )
    if approximate:
        notes.append(f"{APPROXIMATE}: {', '.join(approximate)}.")
    unreadable: Mapping[str, int] = _unverified(inputs)
    if unreadable:
        shown = ", ".join(f"{n} × {problem}" for problem, n in sorted(unreadable.items()))
        notes.append(f"Records that do not count: {shown}.")
    return tuple(notes)


def _unverified(inputs: Inputs) -> dict[str, int]:
    return {problem: len(found) for problem, found in inputs.evidence.by(_problem).items()}


def _problem(evidence: Evidence) -> str | None:
    return evidence.problem or None
