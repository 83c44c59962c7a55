"""What people state, each signed with that person's own key, after the gate's rules allow it.

Every statement is bound to the parts of the subject that it rests on, as they are now: when one changes, it stops
counting. Raises Refused with the reason where a rule does not allow it, LedgerError where it cannot be recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.deciding.deciding import inputs_of
from seatrial.app.folder.catalogue import thresholds
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.subject import digest_files, identities_on_record, subject
from seatrial.app.folder.uploads import media_type
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import (
    AcceptanceBody,
    AttestationBody,
    DepartureBody,
    ExemptionBody,
    SignOffBody,
    WithholdingBody,
)
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence, Subject
from seatrial.core.vocabulary import Outcome, RecordType, Role
from seatrial.evidence.verification import Reading
from seatrial.gate.attesters import attesters
from seatrial.gate.binding import (
    acceptance_rests_on,
    attestation_rests_on,
    depends,
    literal,
    matching,
    sign_off_depends,
)
from seatrial.gate.catalogue import by_id
from seatrial.gate.encoding import verdict_data
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.gate.relief import REQUESTED
from seatrial.gate.signing import limits_signed
from seatrial.gate.verdict import Verdict
from seatrial.spec.canonical import digest
from seatrial.spec.subject import referenced_files

_ESTABLISHED = (Outcome.MET, Outcome.NOT_APPLICABLE, Outcome.WAIVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What is on record, and what it is about, at the time of a statement."""

    reading: Reading
    subject: Subject
    departed: frozenset[str]
    identified: frozenset[str] = frozenset()
    """The parts of which the newest probe on record could tell what is served."""


def accept(
    workspace: Workspace, person: str, duty: str, *, shown: str, signer: Ed25519Signer | None = None
) -> Evidence:
    """The person accepts a duty of theirs, such as `owner`, `owner.deputy`, `manager` or `monitor`.

    `shown` is what they were shown when they accepted.
    """
    standing = _standing(workspace)
    _allowed(person, Action.ACCEPT, Context(system=workspace.system, duty=duty, departed=standing.departed))
    rests_on = matching(acceptance_rests_on(person, duty), standing.subject.parts)
    body = AcceptanceBody(person=person, duty=duty, shown=shown)
    return state(workspace, person, RecordType.ACCEPTANCE, body, rests_on, signer=signer)


def attest(
    workspace: Workspace,
    person: str,
    kind: str,
    document: str,
    *,
    statement: str = "",
    signer: Ed25519Signer | None = None,
) -> Evidence:
    """The person answers for a declared document as it is now, which is kept; `kind` is such as `process`."""
    standing = _standing(workspace)
    _allowed(person, Action.ATTEST, Context(system=workspace.system, departed=standing.departed))
    path = document.partition("#")[0]
    if path not in referenced_files(workspace.system):
        raise Refused(
            f"{path} is not named in the system file", remedy="Name the document there, or attest one that is named."
        )
    content = LocalFiles(workspace.base).read(path)
    if kind == "compliance" and "model" not in standing.identified:
        raise Refused(
            "it is not known which model is served, so that nobody can have reviewed it",
            remedy="Let seatrial look first: seatrial run --only governance.compliance; then attest.",
        )
    patterns = attestation_rests_on(kind, document, person, workspace.system)
    kept = ArtifactFolder(workspace.folder / "artifacts").put(content, media_type=media_type(path))
    body = AttestationBody(person=person, kind=kind, document=document, digest=kept, statement=statement)
    return state(
        workspace, person, RecordType.ATTESTATION, body, matching(patterns, standing.subject.parts), signer=signer
    )


def sign(
    workspace: Workspace,
    person: str,
    role: Role,
    verdict: Verdict,
    *,
    shown: str,
    signer: Ed25519Signer | None = None,
) -> Evidence:
    """The person signs for their role, having seen `verdict` as the text `shown`.

    It counts at the workspace's gate alone. Refused when something has changed since that verdict was given.
    """
    standing = _standing(workspace)
    _allowed(person, Action.SIGN, _signing(workspace, person, role, standing))
    if verdict.subject != standing.subject.digest:
        raise Refused(
            "the system has changed since this verdict was given", remedy="Look at the verdict of now, then sign."
        )
    if verdict.gate is not workspace.gate.name:
        raise Refused(
            f"this verdict was given at another gate, {verdict.gate.value}",
            remedy=f"Look at the verdict of {workspace.gate.name.value}, then sign.",
        )
    data = digest(verdict_data(verdict))
    body = SignOffBody(
        person=person,
        role=role,
        subject=standing.subject.digest,
        shown=hashlib.sha256(shown.encode()).hexdigest(),
        verdict=data,
        limits=limits_signed(thresholds(workspace.gate.system(workspace.system))),
        open=tuple(a.id for a in verdict.requirements if a.reviewer is role and a.outcome not in _ESTABLISHED),
        gate=workspace.gate.name,
    )
    rests_on = sign_off_depends(role, workspace.system, standing.subject.parts)
    return state(workspace, person, RecordType.SIGN_OFF, body, rests_on, signer=signer)


def withhold(
    workspace: Workspace, person: str, role: Role, *, reason: str, signer: Ed25519Signer | None = None
) -> Evidence:
    """The person withholds GO. Nobody else can lift that while they hold the role.

    It names who they were declared as, so that it outlasts their being taken out of the system file.
    """
    standing = _standing(workspace)
    _reasoned(reason)
    _allowed(person, Action.WITHHOLD, _signing(workspace, person, role, standing))
    body = WithholdingBody(person=person, role=role, reason=reason, gate=workspace.gate.name)
    declared = matching((f"person.{literal(person)}",), standing.subject.parts)
    return state(workspace, person, RecordType.WITHHOLDING, body, declared, signer=signer)


def depart(workspace: Workspace, person: str, *, by: str, reason: str = "") -> Evidence:
    """`by` puts on record that the person left; what they accepted and signed stops counting."""
    standing = _standing(workspace)
    _allowed(by, Action.RECORD_DEPARTURE, Context(system=workspace.system, departed=standing.departed))
    if person not in workspace.system.people:
        raise Refused(f"{person} is not declared under people", remedy="Name one of the declared people.")
    return state(workspace, by, RecordType.DEPARTURE, DepartureBody(person=person, reason=reason), {})


def exemption_requests(workspace: Workspace, requirement: str) -> Mapping[str, str]:
    """Who asked that the requirement does not apply, with the reason that they gave last."""
    asked = read_ledger(workspace, quick=True).bodies(RecordType.ATTESTATION, AttestationBody)
    wanted = REQUESTED[RecordType.EXEMPTION], requirement
    return {body.person: body.statement for _, body in asked if (body.kind, body.document) == wanted}


def request_exemption(
    workspace: Workspace, person: str, requirement: str, *, reason: str, signer: Ed25519Signer | None = None
) -> Evidence:
    """The person asks that a requirement does not apply; another person approves it with `exempt`."""
    standing = _standing(workspace)
    _reasoned(reason)
    row = by_id(requirement)
    if not row.may_be_not_applicable:
        raise Refused(f"{requirement} always applies", remedy=row.remedy)
    context = Context(system=workspace.system, requirement=row, departed=standing.departed)
    _allowed(person, Action.REQUEST_EXEMPTION, context)
    kind = REQUESTED[RecordType.EXEMPTION]
    body = AttestationBody(person=person, kind=kind, document=requirement, digest="", statement=reason)
    rests_on = depends(row, workspace.system, standing.subject.parts)
    return state(workspace, person, RecordType.ATTESTATION, body, rests_on, signer=signer)


def exempt(
    workspace: Workspace,
    person: str,
    requirement: str,
    *,
    requested_by: str,
    reason: str,
    signer: Ed25519Signer | None = None,
) -> Evidence:
    """The person approves that a requirement does not apply, as another requested with `request_exemption`."""
    standing = _standing(workspace)
    _reasoned(reason)
    row = by_id(requirement)
    context = Context(system=workspace.system, requirement=row, requested_by=requested_by, departed=standing.departed)
    _allowed(person, Action.APPROVE_EXEMPTION, context)
    if requested_by not in exemption_requests(workspace, requirement):
        raise Refused(
            f"{requested_by} has not asked for this with a key of their own",
            remedy=f"Let {requested_by} ask for the exemption of {requirement} first, then approve it.",
        )
    body = ExemptionBody(requirement=requirement, reason=reason, requested_by=requested_by, approved_by=person)
    rests_on = depends(row, workspace.system, standing.subject.parts)
    return state(workspace, person, RecordType.EXEMPTION, body, rests_on, signer=signer)


def signing(workspace: Workspace, person: str, role: Role) -> Context:
    """What decides whether the person may sign for the role: also what they attested and accepted."""
    return _signing(workspace, person, role, _standing(workspace))


def departed(workspace: Workspace) -> frozenset[str]:
    """Who has left, by the system file or on record."""
    return _standing(workspace).departed


def _standing(workspace: Workspace) -> _Standing:
    reading = read_ledger(workspace, quick=True)
    identities = identities_on_record(reading.evidence)
    about = subject(workspace, digest_files(workspace), identities)
    today = workspace.clock.now().date()
    left = {name for name, person in workspace.system.people.items() if person.left_on and person.left_on <= today}
    left |= {body.person for _, body in reading.bodies(RecordType.DEPARTURE, DepartureBody)}
    return _Standing(reading=reading, subject=about, departed=frozenset(left), identified=frozenset(identities.found))


def _signing(workspace: Workspace, person: str, role: Role, standing: _Standing) -> Context:
    inputs = inputs_of(workspace, standing.reading.evidence, standing.reading.state, about=standing.subject)
    return Context(
        system=workspace.system,
        policy=workspace.gate.policy(workspace.system),
        role=role,
        reviewed=workspace.gate.requirements,
        attested=attesters(inputs, standing.departed).get(person, frozenset()),
        departed=standing.departed,
    )


def _allowed(person: str, action: Action, context: Context) -> None:
    permission = may(Actor(kind="person", name=person), action, context)
    if not permission.allowed:
        raise Refused(
            f"{person} may not do this: {permission.reason}", remedy="See who is declared in the system file."
        )


def permitted(workspace: Workspace, person: str, action: Action) -> None:
    """Raises Refused with the reason where a rule does not let the person do this now."""
    _allowed(person, action, Context(system=workspace.system, departed=_standing(workspace).departed))


def _reasoned(reason: str) -> None:
    if not reason.strip():
        raise Refused("a reason is required", remedy="Say why, in a sentence that others will understand later.")


def state(
    workspace: Workspace,
    person: str,
    kind: RecordType,
    body: object,
    rests_on: Mapping[str, str],
    *,
    signer: Ed25519Signer | None = None,
) -> Evidence:
    """On record, signed with the person's key: the one that is given, else theirs on this machine."""
    own = known(workspace, signer or keystore(workspace).person(person))
    if own.holder != f"person:{person}":
        raise Refused(f"this key belongs to {own.holder}, not to {person}", remedy="Sign with your own key.")
    with open_ledger(workspace) as ledger:
        return record(ledger, own, workspace, kind, body, depends=rests_on)
