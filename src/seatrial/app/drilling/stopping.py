"""The stop: whoever may pull the system takes it offline in one action, and GO ends with it."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.people import departed
from seatrial.core.bodies import EventBody
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.vocabulary import RecordType
from seatrial.core.wording import span
from seatrial.drills.procedure import execute, target_holds
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.spec.loading import load_procedure
from seatrial.spec.system import System

STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What pulling the stop came to. `proven` is whether what is served shows that the system is offline."""

    proven: bool
    said: str
    seconds: float | None
    record: str
    problem: str = ""
    """Why it is not on record, where it is not: the system is stopped all the same."""


def procedure_of(system: System) -> str | None:
    """The procedure behind the stop: the owner's, else the one of the take-offline rules."""
    return system.owner.stop or system.governance.offline


def stop_now(workspace: Workspace, person: str, *, why: str, signer: Ed25519Signer | None = None) -> Stopped:
    """Carry the stop out, for real, on the person's word: what it reaches stays, and a failure is told, never undone.

    First it stops, then it is put on record, signed by the person's key; a ledger that cannot be written does not keep
    the system running. Raises Refused for who may not pull it, and where no procedure is declared.
    """
    permission = may(
        Actor(kind="person", name=person),
        Action.PULL_STOP,
        Context(system=workspace.system, departed=departed(workspace)),
    )
    if not permission.allowed:
        raise Refused(permission.reason, remedy="Call the owner.")
    path = procedure_of(workspace.system)
    if path is None:
        raise Refused(
            "no procedure is declared that stops the system",
            remedy="Stop it by hand now; then write the procedure, and name it in owner.stop.",
        )
    content = LocalFiles(workspace.base).read(path)
    procedure = load_procedure(content, name=path, environment=workspace.environment).value
    with Outside(workspace) as outside:
        if target_holds(procedure, outside.steps):
            proven, said, seconds, journal = True, "it is stopped already, proven by what is served", None, None
        else:
            journal = execute(procedure, steps=outside.steps, clock=workspace.clock, drill=False, keep=True)
            proven, seconds = journal.succeeded, journal.duration_s
            said = (
                f"{path} stopped it in {span(seconds)}, proven by what is served"
                if seconds is not None
                else f"{path} did not stop it: {outside.redact(journal.problem)}. Stop it by hand now."
            )
    detail: dict[str, Json] = {
        "by": person,
        "why": why,
        "proven": proven,
        "journal": None if journal is None else to_data(journal),
    }
    body = EventBody(kind=STOPPED, summary=f"{person} pulled the stop: {said}", revokes=True, detail=detail)
    try:
        key = signer or known(workspace, keystore(workspace).person(person))
        with open_ledger(workspace) as ledger:
            evidence = record(ledger, key, workspace, RecordType.EVENT, body)
    except SeatrialError as error:
        return Stopped(proven=proven, said=said, seconds=seconds, record="", problem=error.what)
    return Stopped(proven=proven, said=said, seconds=seconds, record=evidence.digest)
