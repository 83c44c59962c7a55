"""Are the workflows formally updated for the system's role: an approved document of this version for every workflow."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.core.bodies import AttestationBody
from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Observation, Reason
from seatrial.core.record import Record
from seatrial.core.vocabulary import Assurance, RecordType
from seatrial.core.wording import count
from seatrial.domains.acceptance import gone, stands, statements
from seatrial.spec.documents import Document, how_to_head, read_document
from seatrial.spec.system import System

_MUST_STATE = {
    "its role": (r"\brole\b", r"what (?:the|it|this)\b.*\bdoes\b", r"part of the (?:ai|system|model)"),
    "its limits": (r"\blimits?\b", r"\bcannot\b", r"not (?:to be )?trust", r"do not\b"),
    "the fallback": (r"\bfall-?back\b", r"\bby hand\b", r"\bwithout (?:it|the)\b", r"\bmanual(?:ly)?\b"),
}
_CODES = {
    "no-workflow": "No workflow is declared: nothing says where the outputs go.",
    "no-document": "A workflow has no process document, or it cannot be read.",
    "document-silent": "The document does not state the system's role, its limits or the fallback.",
    "document-of-another-version": "The document was written for another version of the system.",
    "document-not-approved": "No declared person has approved the document as it is today.",
    "document-older-than-the-system": "The document was approved before what it describes last changed.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    if not system.workflows:
        finding = Finding(
            code="no-workflow",
            summary="No workflow is declared.",
            fields=("workflows",),
            why="Nobody can say which work changes when the system goes live.",
            remedy="Declare each workflow that acts on the outputs, with its process document.",
        )
        return Observation(done="Looked for workflows.", findings=(finding,), assurance=Assurance.ATTESTED)
    findings: list[Finding] = []
    for name, workflow in system.workflows.items():
        findings.extend(_of(system, trial, name, workflow.process))
    return Observation(
        done=f"Read the process documents of {count(len(system.workflows), 'workflow')}, and looked up who "
        f"approved them, when, "
        "and whether what they describe has changed since.",
        findings=tuple(findings),
        proof=0 if findings else len(system.workflows),
        assurance=Assurance.ATTESTED,
    )


def _of(system: System, trial: Trial, workflow: str, path: str | None) -> Iterator[Finding]:
    field = f"workflows.{workflow}.process"
    if path is None:
        yield _missing(field, f"The workflow {workflow} has no process document.")
        return
    try:
        document = read_document(trial.files.read(path), name=path)
        digest = trial.files.digest(path)
    except SeatrialError as error:
        yield _missing(field, f"The process document of {workflow} cannot be read: {error.what}")
        return
    yield from _stated(system, document, path, field)
    yield from _approved(system, trial, path, digest, field)


def _missing(field: str, summary: str) -> Finding:
    return Finding(
        code="no-document",
        summary=summary,
        fields=(field,),
        why="People go on as before, or each in their own way.",
        remedy="Write down the system's role, its limits and the fallback in this workflow, and have it approved.",
    )


def unstated(document: Document) -> tuple[str, ...]:
    """What a process document must state and this one does not."""
    return tuple(what for what, words in _MUST_STATE.items() if not document.speaks_of(*words))


def _stated(system: System, document: Document, path: str, field: str) -> Iterator[Finding]:
    silent = unstated(document)
    if silent:
        yield Finding(
            code="document-silent",
            summary=f"{path} does not state {', '.join(silent)}.",
            fields=(field,),
            why="People will find out in the middle of the work.",
            remedy=f"Add a section for {', '.join(silent)} to {path}{how_to_head(path)}, and have it approved anew.",
        )
    written_for = document.front.get("version")
    if written_for is not None and str(written_for) != system.version:
        yield Finding(
            code="document-of-another-version",
            summary=f"{path} was written for version {written_for}; this is {system.version}.",
            fields=(field,),
            why="What people follow describes a system that is no longer there.",
            remedy=f"Bring {path} up to version {system.version}, and have it approved anew.",
        )


def _approved(system: System, trial: Trial, path: str, digest: str, field: str) -> Iterator[Finding]:
    stated = statements(trial, RecordType.ATTESTATION, AttestationBody)
    approvals = [record for record, body in stated if _approves(system, trial, (record, body), path, digest)]
    if not approvals:
        yield Finding(
            code="document-not-approved",
            summary=f"Nobody has approved {path} as it is today.",
            fields=(field,),
            why="A draft is not a procedure.",
            remedy=f"A person who answers for the workflow approves it: seatrial attest --as ID process {path}.",
        )
    elif not any(stands(trial, record) for record in approvals):
        yield Finding(
            code="document-older-than-the-system",
            summary=f"{path} was approved before what it describes last changed.",
            fields=(field,),
            why="The workflow was approved for a system that behaved differently.",
            remedy=f"Read {path} against today's failure modes, rules and role, and approve it anew.",
        )


def _approves(system: System, trial: Trial, stated: tuple[Record, AttestationBody], path: str, digest: str) -> bool:
    record, body = stated
    same = (body.kind, body.document, body.digest, record.by) == ("process", path, digest, f"person:{body.person}")
    return same and not gone(system, trial, body.person)


CHECK: Check[System] = Check(
    id="organization.process-documents",
    requirement="organization.process-documents",
    version=3,
    title="Process documents of this version",
    run=_run,
    codes=_CODES,
)
