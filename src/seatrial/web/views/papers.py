"""The documents that people answer for: their versions, what changed between them, and a new one put in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.folder.uploads import Upload
from seatrial.app.people.line_differences import Line, line_differences, text_of
from seatrial.app.people.linked import origins, read_linked
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
from seatrial.app.people.people import attest
from seatrial.core.errors import Refused, SeatrialError
from seatrial.gate.acceptances import may_speak
from seatrial.gate.catalogue import by_id
from seatrial.gate.permissions import Action, roles_of
from seatrial.spec.subject import documents as declared_documents
from seatrial.web.access import allowed, context_of, demand, put_down, refused
from seatrial.web.keys import key_of
from seatrial.web.language import _, sentences
from seatrial.web.pages import page
from seatrial.web.trusting import trusted
from seatrial.web.uploading import kept_for_now, name_kept, saved, uploaded
from seatrial.web.views.visiting import Visit, of_system

_LONGEST = 2000
_FIELDS = ("seen", "link", "statement")


@of_system
def documents(visit: Visit) -> HttpResponse:
    """Every document that somebody must answer for, with who did; and the others that the system file names."""
    system = visit.workspace.system
    rows = [(slot, next(iter(versions(visit.workspace, slot)), None)) for slot in slots(system)]
    asked = {slot.file for slot, _ in rows}
    others = [path for path in declared_documents(system) if path.partition("#")[0] not in asked]
    context = {"visit": visit, "rows": rows, "others": others, "verdict": visit.verdict()}
    return page(visit.request, "documents.html", context)


@of_system
def document(visit: Visit, field: str) -> HttpResponse:
    """One of them: hand in a new version, answer for the one that stands there, and see what changed."""
    slot = _slot(visit, field)
    if visit.request.method != "POST":
        return _shown(visit, slot)
    answering = visit.request.POST.get("do") == "answer"
    reading = visit.request.POST.get("do") == "read"
    context = context_of(visit.workspace)
    demand(visit.who, Action.ATTEST if answering else Action.RECORD_EVENT, context, about=slot.field)
    given = {key: visit.request.POST.get(key, "").strip() for key in _FIELDS}
    upload, errors = _handed_in(visit, slot, given["link"] if reading else None)
    if reading and upload is not None and upload.digest == given["seen"] == digest_now(visit.workspace, slot):
        messages.success(visit.request, _("Its original says the same as the version that stands here."))
        return redirect(visit.url("document", slot.field))
    errors = _problems(visit, slot, given, upload, answering=answering) | errors
    key = None
    if answering and not errors:
        # The key is opened first, so that nothing is put in place for somebody who cannot sign.
        try:
            key = trusted(visit.workspace, key_of(visit.request, visit.who))
        except Refused as error:
            errors["password"] = refused(visit.who, Action.ATTEST, error, about=slot.field)
    if not errors:
        try:
            _done(visit, slot, given, upload, key)
        except SeatrialError as error:
            errors["file" if upload else "password"] = sentences(error.what, error.remedy)
        else:
            kept_for_now(visit.request, "file", None)
            return redirect(visit.url("document", slot.field))
    kept_for_now(visit.request, "file", upload)
    return _shown(visit, slot, given=given, errors=errors)


@of_system
def version(visit: Visit, field: str, digest: str) -> HttpResponse:
    """One version, to be saved."""
    slot = _slot(visit, field)
    found = next((v for v in versions(visit.workspace, slot) if v.digest == digest), None)
    content = None if found is None else content_of(visit.workspace, slot, digest)
    if found is None or content is None:
        raise Http404(digest)
    name = found.name or (slot.file or field).rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    return saved(content, f"{stem}-{digest[:8]}{dot}{ending}")


def paper(visit: Visit, slot: Slot) -> Mapping[str, Any]:
    """What the form for a new version or for one's word shows of a slot."""
    person = visit.who.person
    system = visit.workspace.system
    signs = [] if person is None else roles_of(person, system)
    return {
        "slot": slot,
        "seen": digest_now(visit.workspace, slot),
        "reads": bool(slot.takes and origins(visit.workspace)),
        "may_put": bool(slot.takes) and allowed(visit.who, Action.RECORD_EVENT, context_of(visit.workspace)).allowed,
        "may_answer": allowed(visit.who, Action.ATTEST, context_of(visit.workspace)).allowed,
        "in_vain": person is not None and not may_speak(slot.kind, person, system),
        "signs": next((role for role in signs if by_id(slot.requirement).reviewer is role), None),
    }


def _slot(visit: Visit, field: str) -> Slot:
    slot = slot_of(visit.workspace.system, field)
    if slot is None:
        raise Http404(field)
    return slot


def _handed_in(visit: Visit, slot: Slot, link: str | None) -> tuple[Upload | None, dict[str, str]]:
    """The file that was chosen, or with a link its original; else what keeps it out, at its field."""
    try:
        if link is not None:
            return read_linked(visit.workspace, link, only=slot.takes), {}
        return uploaded(visit.request, "file", only=slot.takes), {}
    except SeatrialError as error:
        at = "file" if link is None else "link"
        if isinstance(error, Refused):
            return None, {at: refused(visit.who, Action.RECORD_EVENT, error, about=slot.field)}
        return None, {at: sentences(error.what, error.remedy)}


def _problems(
    visit: Visit, slot: Slot, given: Mapping[str, str], upload: Upload | None, *, answering: bool
) -> dict[str, str]:
    errors = {}
    now = digest_now(visit.workspace, slot)
    if given["seen"] != now:
        errors["file"] = _(
            "Another version has been put there since you looked. Read it, then go on if you still want to."
        )
    elif upload is None and not answering and visit.request.POST.get("do") != "read":
        errors["file"] = _("Choose the file.")
    elif upload is None and answering and not now:
        errors["file"] = _("There is nothing yet to answer for: choose the file.")
    if problem := link_problem(given["link"]):
        errors["link"] = problem
    if len(given["statement"]) > _LONGEST:
        errors["statement"] = _(
            "These are %(length)s characters; at most %(longest)s are kept.",
            length=len(given["statement"]),
            longest=_LONGEST,
        )
    if answering and not may_speak(slot.kind, str(visit.who.person), visit.workspace.system):
        errors["statement"] = _("Your word would not count here: it takes another person's. Nothing is on record.")
    return errors


def _done(visit: Visit, slot: Slot, given: Mapping[str, str], upload: Upload | None, key: Ed25519Signer | None) -> None:
    person = str(visit.who.person)
    if upload is not None:
        put = put_document(visit.workspace, person, slot, upload, seen=given["seen"], link=given["link"])
        put_down(visit.who, Action.RECORD_EVENT, about=f"{slot.field}: {upload.name}", record=put.digest)
        messages.success(
            visit.request, _("%(name)s stands there now. It counts once somebody answers for it.", name=upload.name)
        )
    if key is not None:
        again = visit.anew()
        path = str(_slot(again, slot.field).path)
        evidence = attest(again.workspace, person, slot.kind, path, statement=given["statement"], signer=key)
        put_down(visit.who, Action.ATTEST, about=path, record=evidence.digest)
        messages.success(visit.request, _("You answer for %(path)s as it is now. It is on record.", path=path))


def _shown(
    visit: Visit, slot: Slot, *, given: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> HttpResponse:
    known = versions(visit.workspace, slot)
    older, newer = _compared(visit, known)
    context = {
        "visit": visit,
        "slot": slot,
        "paper": paper(visit, slot),
        "versions": known[:SHOWN],
        "unsaid": unsaid(visit.workspace, slot),
        "older": older,
        "newer": newer,
        "lines": _lines(visit, slot, older, newer),
        "given": given or {},
        "errors": errors or {},
        "link": next((v.link for v in known if v.current), ""),
        "kept": name_kept(visit.request, "file"),
        "verdict": visit.verdict(),
    }
    return page(visit.request, "document.html", context, status=422 if errors else 200)


def _compared(visit: Visit, known: Sequence[Version]) -> tuple[Version | None, Version | None]:
    """The two versions that are asked for; the two newest where none are."""
    asked = [visit.request.GET.get(name) for name in ("from", "to")]
    chosen = [next((v for v in known if v.digest == digest), None) for digest in asked]
    if None not in chosen:
        return chosen[0], chosen[1]
    return (known[1], known[0]) if len(known) > 1 else (None, None)


def _lines(visit: Visit, slot: Slot, older: Version | None, newer: Version | None) -> Sequence[Line] | None:
    """What changed, line by line; None where the two cannot be compared so."""
    if older is None or newer is None:
        return None
    before, after = (text_of(content_of(visit.workspace, slot, v.digest)) for v in (older, newer))
    return None if before is None or after is None else line_differences(before, after)
