"""The documents that people answer for, over the API: their versions, a new one, and what changed between two.

Answering for one takes somebody's own key: on the site, or `seatrial attest`.
"""

from __future__ import annotations

import base64

from seatrial.app.folder.uploads import Upload, media_type, received
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.line_differences import line_differences, text_of
from seatrial.app.people.linked import read_linked
from seatrial.app.people.papers import (
    SHOWN,
    Slot,
    Version,
    content_of,
    digest_now,
    link_problem,
    put_document,
    slot_of,
    slots,
    unsaid,
    versions,
)
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.gate.permissions import Action
from seatrial.web.access import put_down
from seatrial.web.api.problem import Problem
from seatrial.web.api.receiving import pieces
from seatrial.web.api.route import Inside, Listed, Reply
from seatrial.web.api.serving import listed, refuse
from seatrial.web.fleet import workspace_of


def documents(call: Inside) -> Listed:
    """Every document that somebody must answer for, with its versions, newest first."""
    return listed([_document(call.workspace, slot) for slot in slots(call.workspace.system)])


def document(call: Inside, field: str) -> Reply:
    """One of them."""
    return Reply(content=_document(call.workspace, _slot(call, field)))


def version(call: Inside, field: str, digest: str) -> Reply:
    """One version with its content."""
    slot = _slot(call, field)
    found = _version(call, slot, digest)
    content = content_of(call.workspace, slot, found.digest)
    if content is None:
        raise Problem(404, "the content of this version is not kept any more")
    name = found.name or (slot.file or field).rpartition("/")[2]
    told: Json = {
        "digest": found.digest,
        "name": name,
        "media_type": media_type(name),
        "content": base64.b64encode(content).decode(),
    }
    return Reply(content=told)


def differences(call: Inside, field: str) -> Reply:
    """What changed between two versions, line by line; of the two newest where none are named."""
    slot = _slot(call, field)
    known = versions(call.workspace, slot)
    asked = [call.asked["from"], call.asked["to"]]
    if asked == [None, None] and len(known) < 2:
        raise Problem(404, "there are no two versions to compare")
    older, newer = (known[1], known[0]) if asked == [None, None] else (_version(call, slot, str(d)) for d in asked)
    before, after = (text_of(content_of(call.workspace, slot, each.digest)) for each in (older, newer))
    lines = None if before is None or after is None else line_differences(before, after)
    told = (
        None
        if lines is None
        else [
            {"change": line.change.value, "before": line.before, "after": line.after, "text": line.text}
            for line in lines
        ]
    )
    return Reply(content={"from": older.digest, "to": newer.digest, "lines": told})


def hand_in(call: Inside, field: str) -> Reply:
    """Put the sent file in the document's place; it counts once somebody answers for it."""
    slot = _slot(call, field)
    name, link = str(call.asked["name"] or ""), str(call.asked["link"] or "")
    errors = {} if name else {"?name": "Say what the file is called, such as dock-planning.md."}
    if wrong := link_problem(link):
        errors["?link"] = wrong
    if errors:
        raise Problem(422, "what was sent cannot be taken", errors=errors)
    content = b"".join(pieces(call.request))
    try:
        upload = received(name, content, only=slot.takes)
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about=slot.field, status=422) from None
    return _put(call, slot, upload, seen=str(call.asked["seen"] or ""), link=link)


def read_original(call: Inside, field: str) -> Reply:
    """Read the document from its address, and put it in place where it is another one."""
    slot = _slot(call, field)
    link = call.given["link"]
    if wrong := link_problem(link):
        raise Problem(422, "what was sent cannot be taken", errors={"/link": wrong})
    try:
        upload = read_linked(call.workspace, link, only=slot.takes)
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about=slot.field, status=422) from None
    if upload.digest == digest_now(call.workspace, slot):
        return Reply(content=_document(call.workspace, slot))
    return _put(call, slot, upload, seen=call.given["seen"], link=link)


def _put(call: Inside, slot: Slot, upload: Upload, *, seen: str, link: str) -> Reply:
    stands = digest_now(call.workspace, slot)
    if seen != stands:
        raise Problem(
            409,
            f"this replaces {seen or 'nothing'}, and {stands or 'nothing'} stands there",
            remedy="Read the version that stands there, then send its digest as `seen`.",
        )
    try:
        put = put_document(call.workspace, str(call.person), slot, upload, seen=seen, link=link)
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about=slot.field, status=422) from None
    put_down(call.who, Action.RECORD_EVENT, about=f"{slot.field}: {upload.name}", record=put.digest)
    anew = workspace_of(call.system, call.workspace.gate.name)
    return Reply(content=_document(anew, slot_of(anew.system, slot.field) or slot), status=201)


def _slot(call: Inside, field: str) -> Slot:
    slot = slot_of(call.workspace.system, field)
    if slot is None:
        raise Problem(404, f"nobody answers for a document {field[:80]} here", remedy="See documents/ for those.")
    return slot


def _version(call: Inside, slot: Slot, digest: str) -> Version:
    found = next((each for each in versions(call.workspace, slot) if each.digest == digest), None)
    if found is None:
        raise Problem(404, f"{slot.field} never had a version {digest[:64]}")
    return found


def _document(workspace: Workspace, slot: Slot) -> Json:
    return {
        "field": slot.field,
        "title": slot.title,
        "path": slot.path,
        "requirement": slot.requirement,
        "takes": list(slot.takes),
        "stands": digest_now(workspace, slot),
        "does_not_state": list(unsaid(workspace, slot)),
        "versions": [
            {
                "digest": each.digest,
                "at": to_data(each.at),
                "by": each.by,
                "name": each.name,
                "link": each.link,
                "size": each.size,
                "current": each.current,
                "answered_for": [
                    {"person": a.person, "at": to_data(a.at), "moved": list(a.moved)} for a in each.approvals[-SHOWN:]
                ],
            }
            for each in versions(workspace, slot)[:SHOWN]
        ],
    }
