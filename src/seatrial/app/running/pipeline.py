"""What a deployment pipeline asks: the verdict of now, as a statement that verifies offline where it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from seatrial.app.deciding.deciding import decided_now, record_decision
from seatrial.app.folder.ledgers import keystore, known, read_ledger
from seatrial.app.folder.subject import Identities, digest_files
from seatrial.app.folder.subject import subject as subject_here
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.stated_signatures import carried, demand_four
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.core.record import Subject
from seatrial.core.vocabulary import Answer, GateName
from seatrial.evidence.statement import PAYLOAD_TYPE, Statement, seal_statement, verify_statement
from seatrial.evidence.trust import TrustRoot
from seatrial.gate.encoding import SCHEMA_ID, verdict_data
from seatrial.gate.verdict import Verdict
from seatrial.spec.subject import digest_of

_SERVED = "served"
_SIGNED = "signed"
_PARTS = "parts"
_ANEW = "Decide anew: `seatrial gate`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The verdict, put on record, and the statement about it."""

    verdict: Verdict
    statement: bytes


def ask(workspace: Workspace) -> Asked:
    """Decide from the ledger, put the decision on record, and state it, signed by this machine's worker.

    The predicate is the verdict's JSON, what was served (part to identity), from which whoever verifies can tell the
    subject of what they are about to deploy without asking anything, the digests of its parts, and the signatures on
    which a GO rests.
    """
    signer = known(workspace, keystore(workspace).worker())
    decided = decided_now(workspace)
    verdict = decided.verdict
    record_decision(workspace, verdict)
    signed: list[Json] = []
    if verdict.verdict is Answer.GO:
        signed = carried(workspace, verdict, read_ledger(workspace, quick=True).evidence)
    parts = dict(decided.subject.parts)
    predicate = {**verdict_data(verdict), _SERVED: dict(decided.served), _PARTS: parts, _SIGNED: signed}
    sealed = seal_statement(
        predicate, subject_name=_name(verdict), subject_digest=decided.subject.digest, signer=signer
    )
    return Asked(verdict=verdict, statement=sealed)


def _name(verdict: Verdict) -> str:
    return f"{verdict.system}@{verdict.version}"


def is_statement(file: Path) -> bool:
    """Whether the file holds a verdict's statement."""
    content = _read(file)
    return content.lstrip()[:1] == b"{" and PAYLOAD_TYPE.encode() in content


def verify_stated(
    file: Path,
    *,
    trust_file: Path,
    subject: str | None,
    now: datetime,
    workspace: Workspace | None = None,
    gate: GateName = GateName.PRODUCTION_READINESS,
) -> Statement:
    """The statement in the file, when a key of the trust root signed that this gate says GO, and it has not ended.

    It must carry the signatures of four people whom the trust root knows: a worker's key alone says no GO.

    It must be about what is to be deployed: `subject` is the digest of that, or `workspace` its system file with the
    files that this names, which are digested here. Raises Malformed and Refused with what does not hold.
    """
    # 1. What is to be deployed is said by whoever deploys it, never by the statement.
    if subject is None and workspace is None:
        raise Refused(
            "it is not said what is to be deployed, and a statement about anything would do",
            remedy="Name its system file (--system FILE) or the subject's digest (--subject DIGEST).",
        )
    content = _read(file)
    # 2. Signature, key and subject hold.
    trust = TrustRoot.load(trust_file)
    statement = verify_statement(content, trust, subject_digest=subject, now=now)
    told = statement.predicate
    if told.get("format") != SCHEMA_ID or told.get("subject") != statement.subject_digest:
        raise Malformed("the verdict in the statement is not about the statement's subject", remedy=_ANEW)
    if statement.subject_name != f"{told.get('system')}@{told.get('version')}":
        raise Malformed("the verdict in the statement is about another system than the statement", remedy=_ANEW)
    here = None if workspace is None else _same(workspace, statement)
    # 3. It is a GO, of this gate, for real operations, and it has not ended.
    if told.get("gate") != gate.value:
        raise Refused(
            f"it is the verdict of gate {told.get('gate')}, not of {gate.value}",
            remedy=f"Decide there: `seatrial gate --gate {gate.value}`.",
        )
    if told.get("verdict") != Answer.GO.value:
        raise Refused(f"it says {told.get('sentence') or 'NO-GO'}", remedy="Close the gaps first.")
    for kind in ("rehearsal", "demonstration"):
        if told.get(kind) is not False:
            raise Refused(f"it is the verdict of a {kind}, which never carries real operations", remedy=_ANEW)
    if now >= _end(told.get("valid_until")):
        raise Refused(f"its GO ended on {told.get('valid_until')}", remedy=_ANEW)
    # 4. Four people signed it; of that no worker's word is taken.
    demand_four(
        told.get(_SIGNED),
        trust,
        system=str(told.get("system")),
        gate=gate,
        parts=_parts(statement) if here is None else here.parts,
        declared=None if workspace is None else workspace.system,
    )
    return statement


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Unreachable(f"{file} cannot be read: {error.strerror}", remedy="Correct the path.") from None


def _end(until: Json) -> datetime:
    try:
        end = datetime.fromisoformat(until) if isinstance(until, str) else None
    except ValueError:
        end = None
    if end is None or end.tzinfo is None:
        raise Malformed(f"it does not say until when its GO holds, but {until!r}", remedy=_ANEW)
    return end


def _parts(statement: Statement) -> Mapping[str, str]:
    """The digests of the parts of what the statement is about: they are believed because they make its digest."""
    told = statement.predicate.get(_PARTS)
    parts = {part: str(each) for part, each in told.items()} if isinstance(told, Mapping) else {}
    if digest_of(str(statement.predicate.get("system")), parts) != statement.subject_digest:
        raise Malformed("the statement does not say of which parts its subject is made", remedy=_ANEW)
    return parts


def _same(workspace: Workspace, statement: Statement) -> Subject:
    served = statement.predicate.get(_SERVED)
    if not isinstance(served, dict) or not all(isinstance(each, str) for each in served.values()):
        raise Malformed("the statement does not say what was served when it was made", remedy=_ANEW)
    identities = Identities(found={part: str(identity) for part, identity in served.items()})
    here = subject_here(workspace, digest_files(workspace), identities)
    if here.digest != statement.subject_digest:
        raise Refused(
            f"what {workspace.file.name} describes here, with the files that it names, is subject {here.digest[:16]};"
            f" the statement is about {statement.subject_digest[:16]}",
            remedy="Deploy what was decided about, or decide anew for this: `seatrial gate`.",
        )
    return here
