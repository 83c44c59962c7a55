"""The documents that people answer for: their versions, and a new one put in its place.

The file in the system's folder is the document, and the system file names it. Every version that passed through here or
that somebody answered for is kept by its digest; that one was put in place is an event on record, and no evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.subject import digest_files, identities_on_record, subject
from seatrial.app.folder.uploads import DOCUMENTS, Upload, media_type
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.people import departed
from seatrial.app.proposing.placing import place_for, put_in_place
from seatrial.core.bodies import AttestationBody, EventBody
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.record import Evidence
from seatrial.core.records import verified_type
from seatrial.core.vocabulary import RecordType
from seatrial.domains.organization.process_documents import unstated
from seatrial.gate.permissions import ATTESTED_BY_KIND, Action, Actor, Context, may
from seatrial.spec.documents import read_document
from seatrial.spec.system import System

SHOWN: Final = 100
"""So many versions of a document, and answers for one, are told at once: the newest."""
KIND: Final = "document-version"
"""The kind of the event that a version was put in its place."""
_READ: Final = (".md", ".docx")
"""What a check reads."""
_LONGEST_LINK: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place in the system file that names a document for which people answer.

    `place` leads to it, such as workflows, docks, process; `kind` is what somebody attests with it, `takes` the endings
    that may be handed in there, none where it is written elsewhere.
    """

    place: tuple[str, ...]
    title: str
    kind: str
    path: str | None
    takes: tuple[str, ...] = DOCUMENTS

    @property
    def field(self) -> str:
        """The place as messages name it."""
        return ".".join(self.place)

    @property
    def requirement(self) -> str:
        """The requirement for which the attestation is evidence."""
        return ATTESTED_BY_KIND[self.kind]

    @property
    def file(self) -> str | None:
        """The path without the place within the document."""
        return None if self.path is None else self.path.partition("#")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Somebody's word for one version. `on` are the parts of the subject as they were then, `now` as they are."""

    person: str
    at: datetime
    statement: str
    on: Mapping[str, str]
    now: Mapping[str, str]

    @property
    def moved(self) -> tuple[str, ...]:
        """The parts of the subject that changed since it was given."""
        return tuple(sorted(part for part, digest in self.on.items() if self.now.get(part) != digest))


@dataclass(slots=True, kw_only=True)
class Version:
    """One content that a document had.

    `by` put it in its place, empty where that was done past the product; `link` is where its original stands.
    """

    digest: str
    at: datetime
    by: str = ""
    name: str = ""
    link: str = ""
    current: bool = False
    approvals: list[Approval] = field(default_factory=list)
    read: Callable[[str], bytes | None]
    """The content of a digest, None where it is not kept any more."""

    @property
    def size(self) -> int | None:
        """Bytes, None where the content is not kept any more."""
        content = self.read(self.digest)
        return None if content is None else len(content)


def slots(system: System) -> tuple[Slot, ...]:
    """Every document that somebody must answer for, declared or still to be named."""
    found = [
        Slot(
            place=("workflows", name, "process"),
            title=f"The process document of {name}",
            kind="process",
            path=workflow.process,
            takes=_READ,
        )
        for name, workflow in system.workflows.items()
    ]
    found += [
        Slot(
            place=("change", "plan"),
            title="The change plan",
            kind="change-plan",
            path=system.change.plan,
            takes=_READ,
        ),
        Slot(
            place=("compliance", "review"),
            title="The review by legal and compliance",
            kind="compliance",
            path=system.compliance.review,
        ),
        Slot(
            place=("failure_modes",),
            title="The failure-mode register",
            kind="failure-modes",
            path=system.failure_modes,
            takes=(),
        ),
    ]
    if system.model.vendor is not None:
        vendor = system.model.vendor
        found.append(
            Slot(
                place=("model", "vendor", "document"),
                title=f"What {vendor.name} says",
                kind="supplier",
                path=vendor.document,
            )
        )
    return tuple(found)


def slot_of(system: System, name: str) -> Slot | None:
    """The slot whose field that is."""
    return next((slot for slot in slots(system) if slot.field == name), None)


def put_document(
    workspace: Workspace, person: str, slot: Slot, upload: Upload, *, seen: str, link: str = ""
) -> Evidence:
    """Put a new version in its place and, where it has another path, name it in the system file.

    `seen` is the digest of the document that the person saw there, empty for none. Raises Refused where they may not,
    where it is another one by now, or where it has no safe place; Unreachable where it cannot be written.
    """
    permission = may(
        Actor(kind="person", name=person),
        Action.RECORD_EVENT,
        Context(system=workspace.system, departed=departed(workspace)),
    )
    if not permission.allowed:
        raise Refused(f"{person} may not do this: {permission.reason}", remedy="Ask one of the declared people.")
    if upload.suffix not in slot.takes:
        taken = ", ".join(slot.takes) or "nothing: it is written in the system's folder"
        raise Refused(f"{slot.title} is not taken as {upload.suffix}", remedy=f"What is taken here: {taken}.")
    problem = link_problem(link)
    if problem:
        raise Refused("the address is none", remedy=problem)
    if digest_now(workspace, slot) != seen:
        raise Refused(
            "somebody has put another version there since you looked",
            remedy="Read that one first, then hand yours in if it is still needed.",
        )
    place = place_for(
        workspace,
        slot.place,
        slot.file,
        default="docs/" + "-".join(re.findall(r"[A-Za-z0-9]+", slot.field)) + upload.suffix,
    )
    store = ArtifactFolder(workspace.folder / "artifacts")
    if seen:
        store.put(LocalFiles(workspace.base).read(str(slot.file)), media_type=media_type(str(slot.file)))
    store.put(upload.content, media_type=upload.media_type)
    signer = known(workspace, keystore(workspace).worker())
    put_in_place(workspace, place, upload.content)
    body = EventBody(
        kind=KIND,
        summary=f"{place.target} was put in its place",
        revokes=False,
        detail={
            "field": slot.field,
            "document": place.target,
            "digest": upload.digest,
            "replaces": seen,
            "bytes": len(upload.content),
            "name": upload.name,
            "person": person,
            "link": link,
        },
    )
    with open_ledger(workspace) as ledger:
        return record(ledger, signer, workspace, RecordType.EVENT, body)


def unsaid(workspace: Workspace, slot: Slot) -> tuple[str, ...]:
    """What the document of a workflow must state and does not, as it is now; nothing for any other document."""
    if slot.kind != "process" or slot.file is None:
        return ()
    try:
        document = read_document(LocalFiles(workspace.base).read(slot.file), name=slot.file)
    except SeatrialError as error:
        return (error.what,)
    return unstated(document)


def digest_now(workspace: Workspace, slot: Slot) -> str:
    """The digest of what stands there now; empty where nothing does."""
    if slot.file is None:
        return ""
    try:
        return LocalFiles(workspace.base).digest(slot.file)
    except SeatrialError:
        return ""


def link_problem(link: str) -> str:
    """What is the matter with the address of an original; empty for a good one and for none."""
    if not link:
        return ""
    try:
        parts = urlsplit(link)
        host, named = parts.hostname, parts.username or parts.password
    except ValueError:
        return "Give a whole address, such as https://example.com/docs/dock-planning.md."
    if parts.scheme not in ("https", "http") or not host or not link.isprintable() or " " in link:
        return "Give a whole address, such as https://example.com/docs/dock-planning.md."
    if named:
        return "Leave the user name and the password out of the address: it goes on record."
    return f"Keep it to {_LONGEST_LINK} characters." if len(link) > _LONGEST_LINK else ""


def versions(workspace: Workspace, slot: Slot) -> tuple[Version, ...]:
    """Every version that is known, newest first; the one that stands there now is among them."""
    found: dict[str, Version] = {}
    read = partial(content_of, workspace, slot)
    paths = {slot.file}
    reading = read_ledger(workspace, quick=True)
    known = reading.evidence
    events = known.bodies(RecordType.EVENT, EventBody, _put)
    attested = [(each, known.body(each, AttestationBody)) for each in known.by(_attested).get(slot.kind, ())]
    parts = subject(workspace, digest_files(workspace), identities_on_record(known)).parts
    everything: list[tuple[Evidence, EventBody | AttestationBody | None]] = [*events, *attested]
    for evidence, said in sorted(everything, key=lambda each: each[0].sequence):
        if isinstance(said, EventBody):
            put = said.detail
            if put.get("field") != slot.field or not put.get("digest"):
                continue
            paths.add(str(put["document"]))
            put_there = Version(digest=str(put["digest"]), at=evidence.record.at, read=read)
            version = found.setdefault(put_there.digest, put_there)
            version.at = evidence.record.at
            version.by, version.name, version.link = (str(put.get(key, "")) for key in ("person", "name", "link"))
            if before := str(put.get("replaces", "")):
                found.setdefault(before, Version(digest=before, at=evidence.record.at, read=read))
        elif said is not None and said.digest and said.document.partition("#")[0] in paths:
            version = found.setdefault(said.digest, Version(digest=said.digest, at=evidence.record.at, read=read))
            version.approvals.append(
                Approval(
                    person=said.person,
                    at=evidence.record.at,
                    statement=said.statement,
                    on=evidence.record.depends,
                    now=parts,
                )
            )
    now = digest_now(workspace, slot)
    if now:
        current = found.setdefault(now, Version(digest=now, at=_touched(workspace, slot), read=read))
        current.current = True
    return tuple(sorted(found.values(), key=lambda v: (v.current, v.at), reverse=True))


def _put(evidence: Evidence) -> RecordType | None:
    """Of verified events those that a version was put in its place."""
    return verified_type(evidence) if evidence.record.body.get("kind") == KIND else None


def _attested(evidence: Evidence) -> str | None:
    """What a verified attestation is about."""
    attested = verified_type(evidence) is RecordType.ATTESTATION
    return str(evidence.record.body.get("kind")) if attested else None


def content_of(workspace: Workspace, slot: Slot, digest: str) -> bytes | None:
    """The content of one version, None where it is not kept. Ask for digests of `versions` alone."""
    if slot.file is not None and digest == digest_now(workspace, slot):
        return LocalFiles(workspace.base).read(slot.file)
    with suppress(SeatrialError):
        return ArtifactFolder(workspace.folder / "artifacts").get(digest)
    return None


def _touched(workspace: Workspace, slot: Slot) -> datetime:
    stamp = (workspace.base / str(slot.file)).stat().st_mtime
    return datetime.fromtimestamp(stamp, tz=workspace.clock.now().tzinfo)
