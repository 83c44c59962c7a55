"""Declared events that bear on operation, such as a regulator's notice, put on record by a named person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.people import departed
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.domains.governance.provoking import fires_on
from seatrial.gate.permissions import Action, Actor, Context, may


def raise_event(
    workspace: Workspace,
    person: str,
    kind: str,
    *,
    summary: str,
    revokes: bool = False,
    signer: Ed25519Signer | None = None,
) -> Evidence:
    """The person puts the event on record. One that a take-offline rule names revokes GO whatever `revokes` says.

    `signer` is the person's key, where it is not the one on this machine.

    Raises Refused for somebody who is not declared, and for an event without a summary.
    """
    if not summary.strip():
        raise Refused("the event has no summary", remedy="Say in --summary what happened: people will read it first.")
    permission = may(
        Actor(kind="person", name=person),
        Action.RECORD_EVENT,
        Context(system=workspace.system, departed=departed(workspace)),
    )
    if not permission.allowed:
        raise Refused(f"{person} may not do this: {permission.reason}", remedy="Name a declared person with --as.")
    body = EventBody(kind=kind, summary=summary, revokes=revokes)
    ruled = any(fires_on(rule, body) for rule in workspace.system.governance.offline_when)
    body = EventBody(kind=kind, summary=summary, revokes=revokes or ruled, detail={"rule": ruled})
    key = signer or known(workspace, keystore(workspace).person(person))
    with open_ledger(workspace) as ledger:
        return record(ledger, key, workspace, RecordType.EVENT, body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A declared event, as people read it."""

    at: datetime
    by: str
    kind: str
    summary: str
    revokes: bool


def declared_events(workspace: Workspace) -> tuple[Raised, ...]:
    """The events that people raised, and what ended GO otherwise, newest first. Raises LedgerError."""
    found = []
    for evidence, body in read_ledger(workspace, quick=True).bodies(RecordType.EVENT, EventBody):
        kind, _, who = evidence.record.by.partition(":")
        if kind == "person" or body.revokes:
            person = workspace.system.people.get(who)
            by = person.name if kind == "person" and person is not None else evidence.record.by
            found.append(
                Raised(at=evidence.record.at, by=by, kind=body.kind, summary=body.summary, revokes=body.revokes)
            )
    return tuple(reversed(found))
