"""Requests for retraining as people deal with them: listed, shown, approved or declined by the named person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.subject import digest_files, identities_on_record, subject
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.people import departed
from seatrial.core.bodies import EventBody
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.core.wording import moment
from seatrial.gate.exchange import Exchange, alarms_of, compared, compared_text
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.gate.retraining import ANSWERED, Request, requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A request with what came of it: the new model against the one before, where there is one."""

    request: Request
    exchange: Exchange | None


def on_record(workspace: Workspace) -> Sequence[Told]:
    """All requests, newest first, each signature verified. Raises LedgerError."""
    evidence = read_ledger(workspace, quick=False).evidence
    found = requests(evidence, workspace.system)
    if not found:
        return ()
    now = subject(workspace, digest_files(workspace), identities_on_record(evidence)).parts
    return [
        Told(
            request=each,
            exchange=compared(evidence, workspace.system, each.parts, _after(each, now)),
        )
        for each in reversed(found)
    ]


def _after(request: Request, now: Mapping[str, str]) -> Mapping[str, str]:
    """The parts of the subject that entered for a request: what GO was given for, else what stands now."""
    if request.state == "closed":
        return request.closed_parts
    return now if request.state == "approved" else {}


def one(workspace: Workspace, request: str) -> Told:
    """The request that people name by its id, or by how it begins. Raises Refused for none, or for several."""
    found = [each for each in on_record(workspace) if request and each.request.digest.startswith(request)]
    if len(found) != 1:
        said = "there is no request" if not found else "several requests begin with"
        raise Refused(f"{said} {request or 'without an id'}", remedy="`seatrial retraining list` tells their ids.")
    return found[0]


def answer(
    workspace: Workspace,
    person: str,
    request: str,
    *,
    approved: bool,
    because: str,
    signer: Ed25519Signer | None = None,
) -> Evidence:
    """The person approves or declines a request that is open, with their own key.

    Raises Refused for anybody but the named person and their deputy, without a reason, and for what is answered.
    """
    if not because.strip():
        raise Refused("the answer has no reason", remedy="Say in --because why: others will read it later.")
    permission = may(
        Actor(kind="person", name=person),
        Action.ANSWER_RETRAINING,
        Context(system=workspace.system, departed=departed(workspace)),
    )
    if not permission.allowed:
        raise Refused(
            f"{person or 'nobody'} may not do this: {permission.reason}",
            remedy="Only the person named under duties.retraining or their deputy answers.",
        )
    asked = one(workspace, request).request
    if asked.state != "open":
        raise Refused(
            f"{asked.id} is {asked.state} already{_by(workspace, asked)}",
            remedy="An answer stands; new evidence opens a new request after it was declined.",
        )
    own = known(workspace, signer or keystore(workspace).person(person))
    if own.holder != f"person:{person}":
        raise Refused(f"this key belongs to {own.holder}, not to {person}", remedy="Sign with your own key.")
    said = "approves" if approved else "declines"
    body = EventBody(
        kind=ANSWERED,
        summary=f"{_name(workspace, person)} {said} retraining: {because.strip()}",
        revokes=False,
        detail={
            "request": asked.digest,
            "approved": approved,
            "because": because.strip(),
            "criteria": criteria_now(workspace),
        },
    )
    with open_ledger(workspace) as ledger:
        return record(ledger, own, workspace, RecordType.EVENT, body)


def criteria_now(workspace: Workspace) -> dict[str, Json]:
    """The document that says by what retraining is approved, with its SHA-256; why not where it cannot be read."""
    duty = workspace.system.duties.retraining
    if duty is None or duty.criteria is None:
        return {"document": None, "digest": None, "problem": "no criteria are declared (duties.retraining.criteria)"}
    try:
        return {"document": duty.criteria, "digest": LocalFiles(workspace.base).digest(duty.criteria), "problem": ""}
    except SeatrialError as error:
        return {"document": duty.criteria, "digest": None, "problem": error.what}


def told_data(told: Told) -> dict[str, Any]:
    """The same as plain data, for programs."""
    request, exchange = told.request, told.exchange
    return {
        "id": request.id,
        "digest": request.digest,
        "state": request.state,
        "opened_at": request.opened_at.isoformat(),
        "asked": list(request.asked),
        "criteria": dict(request.criteria),
        "alarms": [dict(each) for each in request.alarms],
        "declined_before": request.declined_before or None,
        "answer": None if request.reply is None else to_data(request.reply),
        "re_entered": None if exchange is None else to_data(exchange),
        "closed_at": None if request.closed_at is None else request.closed_at.isoformat(),
    }


def lines(workspace: Workspace, told: Told) -> Iterator[str]:
    """A request with everything that is known of it, for people."""
    request = told.request
    yield f"{request.id}  {request.state}, opened {request.opened_at:%Y-%m-%d %H:%M} UTC"
    if request.declined_before:
        yield f"  {request.declined_before} was declined before; this is new evidence"
    for alarm in request.alarms:
        yield f"  {alarm.get('summary')}"
        yield f"    since {_moment(alarm.get('since'))}; {alarm.get('sure')}"
        if alarm.get("explained"):
            yield f"    {alarm['explained']}"
        yield f"    rows since then with a known outcome, at least: {alarm.get('labelled')}"
    digest, problem = request.criteria.get("digest"), request.criteria.get("problem")
    shown = f"{request.criteria.get('document')}, SHA-256 {str(digest)[:16]}" if digest else problem
    yield f"  criteria when it was asked: {shown}"
    if digest and criteria_now(workspace)["digest"] != digest:
        yield "  the criteria have changed since"
    if request.reply is None and request.state == "open":
        yield f"  waits for {' or '.join(_name(workspace, p) for p in request.asked) or 'nobody: none is named'}"
    elif request.reply is not None:
        said = "approved" if request.reply.approved else "declined"
        at = request.reply.at
        yield f"  {said} by {_name(workspace, request.reply.by)} on {at:%Y-%m-%d %H:%M} UTC: {request.reply.because}"
    if told.exchange is not None:
        yield "  re-entered the gate with another model" if request.reply is not None else "  another model came"
        for sentence in compared_text(told.exchange):
            yield f"    {sentence}"
    if request.closed_at is not None:
        unasked = "" if request.reply is not None else ", which nobody had approved"
        yield f"  closed: GO was given for the new model on {request.closed_at:%Y-%m-%d %H:%M} UTC{unasked}"


def line(workspace: Workspace, told: Told) -> str:
    """A request in a line."""
    request = told.request
    state = "re-entered" if request.state == "approved" and told.exchange is not None else request.state
    return f"{request.id}  {state:<10} {request.opened_at:%Y-%m-%d}  {alarms_of(request)}{_by(workspace, request)}"


def _by(workspace: Workspace, request: Request) -> str:
    if request.reply is None:
        return ""
    said = "approved" if request.reply.approved else "declined"
    return f", {said} by {_name(workspace, request.reply.by)}: {request.reply.because}"


def _moment(told: Json) -> str:
    """A time of the record, as it is told to people."""
    return moment(datetime.fromisoformat(told)) if isinstance(told, str) else "an unknown time"


def _name(workspace: Workspace, person: str) -> str:
    declared = workspace.system.people.get(person)
    return declared.name if declared is not None else person
