"""Has legal and compliance reviewed it: who reviewed exactly this, when, and which duties to keep and to log follow.

That a framework is named says which edition was looked at. Nothing here says that the system complies with anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from seatrial.core.bodies import AttestationBody
from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Observation, Reason
from seatrial.core.record import Record
from seatrial.core.vocabulary import Assurance, RecordType, Role
from seatrial.core.wording import count
from seatrial.domains.acceptance import gone, stands, statements
from seatrial.domains.governance import review
from seatrial.gate.frameworks import FRAMEWORKS
from seatrial.spec.compliance import Kept
from seatrial.spec.documents import Document, how_to_head, read_document
from seatrial.spec.subject import documents
from seatrial.spec.system import System

_ID = "governance.compliance"
_KIND = "compliance"
_LOGS_KEPT_S = 183 * 86_400.0
"""Six months: how long the logs of a system are kept at least."""
_ALWAYS = ("declaration", "model", "plan", "compliance")
"""What every review is about, beside the documents."""
_MUST_STATE = {
    "what was reviewed": (r"\bscope\b", r"\breviewed\b", r"what (?:was|we) (?:reviewed|looked)"),
    "the duties that follow": (r"\bdut(?:y|ies)\b", r"\bobligations?\b"),
    "retention and logging": (r"\bretention\b", r"\blog(?:s|ging)?\b", r"\brecords?\b"),
    "its conclusion": (r"\bconclusions?\b", r"\bfindings?\b", r"\bopinion\b"),
}
_WHY = "A duty found after go-live stops the system on someone else's date."
_CODES = {
    **review.CODES,
    "nobody-reviews": "Nobody is named who reviews it for legal and compliance.",
    "reviews-and-signs": "Who reviewed it also signs for legal and compliance.",
    "left": "The person who reviewed it has left.",
    "no-review": "There is no document of the review, or it cannot be read.",
    "review-silent": "The review does not state its scope, the duties, retention and logging, or its conclusion.",
    "not-reviewed": "The named person does not answer for the review as it is today.",
    "changed-since": "What was reviewed has changed since.",
    "dated-before-a-change": "The review is dated before a change that is on record, and was only attested again.",
    "review-expired": "The review is older than its lease.",
    "no-retention": "No duty to keep anything is declared.",
    "no-logging": "No duty to log anything is declared.",
    "logs-kept-too-short": "A log is kept for less than six months.",
    "duty-in-the-future": "A duty is declared that begins only later.",
    "duty-nobody-holds": "The person who sees to a duty has left.",
    "not-considered": "A framework was not considered by the review.",
    "unknown-framework": "A framework is named that is not among those of this version.",
    "edition-in-the-future": "The edition of a framework that was considered is dated on a day that has not come.",
    "older-edition": "An older edition of a framework was considered than the one in this version.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    compliance = system.compliance
    document, problem = _read(trial, compliance.review)
    findings = [*_reviewer(system, trial), *_duties(system, trial), *_considered(system, trial.clock.now().date())]
    if document is None or compliance.review is None:
        findings.append(_no_review(problem))
    else:
        findings += _stated(document, compliance.review)
        findings += review.concluded(document, compliance.review, system, trial.clock.now().date())
    standing: Record | None = None
    if compliance.who is not None and compliance.review is not None:
        standing, found = _reviewed(system, trial, compliance.who, compliance.review)
        findings += found
        if document is not None and standing is not None:
            findings += _dated(trial, document, compliance.review, system)
    facts: dict[str, Json] = {}
    if standing is not None:
        facts = {
            "reviewed_at": standing.at.isoformat(),
            "reviewed_by": compliance.who,
            "covers": sorted(standing.depends),
        }
    duties = len(compliance.retention) + len(compliance.logging)
    return Observation(
        done="Read the review, who answers for it and since which day, whether anything that it covers has changed "
        f"since, and {count(duties, 'declaration')} of what must be kept and logged.",
        findings=tuple(findings),
        figures=(_figure(system),) if duties else (),
        proof=0 if findings or standing is None else len(standing.depends),
        assurance=Assurance.ATTESTED,
        facts=facts,
    )


def _reviewer(system: System, trial: Trial) -> Iterator[Finding]:
    who = system.compliance.who
    if who is None:
        yield Finding(
            code="nobody-reviews",
            summary="Nobody is named who reviews it for legal and compliance.",
            fields=("compliance.who",),
            why=_WHY,
            remedy="Name a person in compliance.who: not the one who signs for legal, who reads the review and signs.",
        )
        return
    name = system.name_of(who)
    if who == system.signers.get(Role.LEGAL):
        yield Finding(
            code="reviews-and-signs",
            summary=f"{name} reviewed it and signs for legal and compliance.",
            fields=("compliance.who",),
            why="Nobody signs what they themselves attested.",
            remedy="Let one of them review and another one sign: name another person in compliance.who.",
        )
    if gone(system, trial, who):
        yield Finding(
            code="left",
            summary=f"{name}, who reviewed it, has left.",
            fields=("compliance.who",),
            why=_WHY,
            remedy="Name a successor in compliance.who, and let them review it.",
        )


def _read(trial: Trial, path: str | None) -> tuple[Document | None, str]:
    """The document, else what is wrong with it; nothing is said of one that is not declared."""
    if path is None:
        return None, ""
    try:
        return read_document(trial.files.read(path), name=path), ""
    except SeatrialError as error:
        return None, error.what


def _no_review(problem: str) -> Finding:
    return Finding(
        code="no-review",
        summary=f"The review cannot be read: {problem}" if problem else "There is no document of the review.",
        fields=("compliance.review",),
        why=_WHY,
        remedy="Write down what was reviewed, which duties follow, what is kept and logged, and the conclusion; name "
        "the document in compliance.review.",
    )


def _stated(document: Document, path: str) -> Iterator[Finding]:
    silent = [what for what, words in _MUST_STATE.items() if not document.speaks_of(*words)]
    if silent:
        yield Finding(
            code="review-silent",
            summary=f"{path} does not state {', '.join(silent)}.",
            fields=("compliance.review",),
            why=_WHY,
            remedy=f"Add a section for {', '.join(silent)} to {path}{how_to_head(path)}, and let it be attested anew.",
        )


def _reviewed(system: System, trial: Trial, who: str, path: str) -> tuple[Record | None, list[Finding]]:
    """The newest review that stands today, and else why none does."""
    if gone(system, trial, who):
        return None, []
    name = system.name_of(who)
    remedy = f"{name} looks at it as it is now and answers for it: seatrial attest --as {who} {_KIND} {path}."
    own = [
        record
        for record, body in statements(trial, RecordType.ATTESTATION, AttestationBody)
        if (body.kind, body.document, body.person, record.by) == (_KIND, path, who, f"person:{who}")
    ]
    if not own:
        summary = f"{name} does not answer for {path}."
        return None, [Finding(code="not-reviewed", summary=summary, fields=(path,), why=_WHY, remedy=remedy)]
    newest = own[-1]
    moved = [part for part, digest in newest.depends.items() if trial.part(part) != digest]
    moved += [part for part in _covered(system) if part not in newest.depends]
    if moved or not stands(trial, newest):
        shown = ", ".join(sorted(set(moved))[:6])
        summary = f"Since {name} reviewed it on {newest.at.date().isoformat()}, this has changed: {shown}."
        return None, [
            Finding(code="changed-since", summary=summary, fields=tuple(sorted(set(moved))), why=_WHY, remedy=remedy)
        ]
    if newest.at + review.HOLDS <= trial.clock.now():
        summary = f"The review of {newest.at.date().isoformat()} is older than {review.HOLDS.days} days."
        return None, [Finding(code="review-expired", summary=summary, fields=(path,), why=_WHY, remedy=remedy)]
    return newest, []


def _dated(trial: Trial, document: Document, path: str, system: System) -> Iterator[Finding]:
    """Whether anything that it covers is on record, after its own day, as other than it is now.

    To attest an old review anew is no review of what changed since. The document itself may be amended.
    """
    on = review.reviewed_on(document)
    if on is None:
        return
    covered = {part for part in _covered(system) if part != f"document.{path.partition('#')[0]}"}
    was = {
        part: record.at.date()
        for record, _ in statements(trial, RecordType.ATTESTATION, AttestationBody)
        for part, digest in record.depends.items()
        if part in covered and record.at.date() > on and digest != trial.part(part)
    }
    if was:
        shown = ", ".join(f"{part} (on {at.isoformat()})" for part, at in sorted(was.items())[:6])
        yield Finding(
            code="dated-before-a-change",
            summary=f"The review is dated {on.isoformat()}; later this was still other than it is now: {shown}.",
            fields=("compliance.review",),
            why=_WHY,
            remedy=f"Review what has changed, write the day of that as reviewed_on into {path}, and attest it anew.",
        )


def _covered(system: System) -> tuple[str, ...]:
    return (*_ALWAYS, *(f"document.{path}" for path in documents(system)))


def _duties(system: System, trial: Trial) -> Iterator[Finding]:
    compliance = system.compliance
    today = trial.clock.now().date()
    for field, duties, verb in (("retention", compliance.retention, "keep"), ("logging", compliance.logging, "log")):
        if not duties:
            yield Finding(
                code=f"no-{field}",
                summary=f"No duty to {verb} anything is declared.",
                fields=(f"compliance.{field}",),
                why=_WHY,
                remedy=f"Declare in compliance.{field} what must be {'kept' if verb == 'keep' else 'logged'}, how "
                "long, where, since when, and who sees to it.",
            )
        for number, duty in enumerate(duties):
            yield from _duty(system, trial, duty, f"compliance.{field}[{number}]", today)
    for number, duty in enumerate(compliance.logging):
        if duty.keep < _LOGS_KEPT_S:
            yield Finding(
                code="logs-kept-too-short",
                summary=f"The log of {duty.what} is kept for {duty.keep / 86_400:g} days, which is less than six "
                "months.",
                fields=(f"compliance.logging[{number}].keep",),
                why="What went wrong is often asked about after months.",
                remedy="Keep it for at least 183d, and declare it.",
            )


def _duty(system: System, trial: Trial, duty: Kept, field: str, today: date) -> Iterator[Finding]:
    if duty.since > today:
        yield Finding(
            code="duty-in-the-future",
            summary=f"The duty to keep {duty.what} begins only on {duty.since.isoformat()}.",
            fields=(f"{field}.since",),
            why="Until then nothing is there when somebody asks.",
            remedy="Begin now, and declare the day on which it began.",
        )
    if gone(system, trial, duty.who):
        name = system.people[duty.who].name if duty.who in system.people else duty.who
        yield Finding(
            code="duty-nobody-holds",
            summary=f"{name}, who sees to it that {duty.what} is kept, has left.",
            fields=(f"{field}.who",),
            remedy=f"Name a successor in {field}.who.",
        )


def _considered(system: System, today: date) -> Iterator[Finding]:
    named = system.compliance.frameworks
    known = {framework.id: framework for framework in FRAMEWORKS}
    for framework in FRAMEWORKS:
        considered = named.get(framework.id)
        if considered is None:
            yield Finding(
                code="not-considered",
                summary=f"The review did not consider {framework.title}.",
                fields=(f"compliance.frameworks.{framework.id}",),
                why="Whether it applies is for the review to say, not for its silence.",
                remedy=f"Consider it (seatrial frameworks), and declare compliance.frameworks.{framework.id} with the "
                "day of the edition; that it does not apply is a conclusion too.",
            )
        elif considered > today:
            yield Finding(
                code="edition-in-the-future",
                summary=f"The review considered {framework.title} as of {considered.isoformat()}, which has not come.",
                fields=(f"compliance.frameworks.{framework.id}",),
                why="What is not there cannot have been read.",
                remedy="Declare the day of the edition that was read.",
            )
        elif considered < framework.edition:
            yield Finding(
                code="older-edition",
                summary=f"The review considered {framework.title} as of {considered.isoformat()}; this version knows "
                f"that of {framework.edition.isoformat()}.",
                fields=(f"compliance.frameworks.{framework.id}",),
                why="A duty that came with the newer edition was not looked for.",
                remedy="Review it against the newer edition, and declare its day.",
            )
    for name in named:
        if name not in known:
            yield Finding(
                code="unknown-framework",
                summary=f"{name} is not among the frameworks of this version.",
                fields=(f"compliance.frameworks.{name}",),
                remedy=f"Name one of {', '.join(known)}; speak of others in the review's document.",
            )


def _figure(system: System) -> Figure:
    rows: tuple[Mapping[str, Json], ...] = tuple(
        {
            "duty": kind,
            "what": duty.what,
            "days": duty.keep / 86_400.0,
            "where": duty.where,
            "since": duty.since.isoformat(),
            "who": duty.who,
        }
        for kind, duties in (("keep", system.compliance.retention), ("log", system.compliance.logging))
        for duty in duties
    )
    return Figure(kind="duties", title="What must be kept and logged", rows=rows)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=4,
    title="The review by legal and compliance",
    run=_run,
    codes=_CODES,
)
