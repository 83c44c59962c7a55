"""What is kept beside the ledger, and its erasure on record.

Names, sample rows and single answers are artifacts: content-addressed files that the append-only ledger only refers to.
Erased, an artifact is gone; its digest and who erased it, when and why stay, so that the record still verifies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.adapters.store.artifacts import ArtifactFolder, ArtifactStatus
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.people import permitted, state
from seatrial.core.bodies import ErasureBody
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence, Record
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.verification import Reading
from seatrial.gate.permissions import Action

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An artifact whose content is there.

    `about` says what refers to it, the check or the kind of record, and `person` whose answers it holds. `at` is the
    time of the newest record that does. All three are empty where none does. `in_use` is true while the newest evidence
    of a check refers to it.
    """

    digest: str
    bytes: int
    media_type: str
    about: str = ""
    person: str = ""
    at: datetime | None = None
    in_use: bool = False


def kept(workspace: Workspace) -> tuple[Kept, ...]:
    """Every artifact whose content is there, the oldest first. Raises Unreachable, LedgerError."""
    folder = ArtifactFolder(workspace.folder / "artifacts")
    referring = _referring(read_ledger(workspace, quick=True))
    found = []
    for digest, size in folder.contents():
        media = folder.media_type(digest) or ""
        known = referring.get(digest, Kept(digest=digest, bytes=size, media_type=media))
        found.append(replace(known, bytes=size, media_type=media))
    return tuple(sorted(found, key=lambda each: (each.at.isoformat() if each.at else "", each.digest)))


def chosen(
    workspace: Workspace,
    *,
    digests: Sequence[str] = (),
    person: str = "",
    older_than: timedelta | None = None,
) -> tuple[Kept, ...]:
    """What is to be erased: the artifacts named, those of a person, or those that no newer record refers to.

    By age nothing is chosen that the newest evidence of a check refers to: named, it is. Raises Refused for a digest
    that is not there, or that several begin with.
    """
    there = kept(workspace)
    named = [_named(digest, there) for digest in digests]
    of_person = [each for each in there if person and each.person == person]
    old = [] if older_than is None else [each for each in there if _aged(each, workspace.clock.now() - older_than)]
    return tuple({each.digest: each for each in (*named, *of_person, *old)}.values())


def erase(
    workspace: Workspace, by: str, these: Iterable[Kept], *, reason: str, signer: Ed25519Signer | None = None
) -> tuple[Evidence, ...]:
    """`by` puts each erasure on record, and then the content is gone. Raises Refused, LedgerError, Unreachable.

    On record first: a crash in between leaves a content that can be erased anew, never a hole that nobody explained.
    """
    if not reason.strip():
        raise Refused("a reason is required", remedy="Say why, in a sentence that others will understand later.")
    permitted(workspace, by, Action.ERASE)
    folder = ArtifactFolder(workspace.folder / "artifacts")
    stated = []
    for each in these:
        body = ErasureBody(artifact=each.digest, reason=reason, person=by)
        stated.append(state(workspace, by, RecordType.ERASURE, body, {}, signer=signer))
        folder.erase(each.digest)
        if folder.status(each.digest) is not ArtifactStatus.ERASED:
            raise Refused(f"artifact {each.digest[:16]} is on record as erased and still there", remedy="Try again.")
    return tuple(stated)


def _named(digest: str, there: Sequence[Kept]) -> Kept:
    found = [each for each in there if each.digest.startswith(digest)] if len(digest) >= 8 else []
    if len(found) == 1:
        return found[0]
    problem = "is the beginning of several artifacts" if found else "names no artifact that is kept"
    raise Refused(
        f"{digest[:64]!r} {problem}", remedy="`seatrial artifacts` lists them; give eight digits of one at least."
    )


def _aged(each: Kept, before: datetime) -> bool:
    return each.at is not None and each.at < before and not each.in_use


def _referring(reading: Reading) -> Mapping[str, Kept]:
    """Artifact to what the record says of it that refers to it last; sizes are not known there."""
    newest = {_about(each.record): each.digest for each in reading.of(RecordType.OBSERVATION)}
    found: dict[str, Kept] = {}
    for evidence in reading.evidence:
        record = evidence.record
        if record.type is RecordType.ERASURE:
            continue
        about = _about(record)
        for digest in set(_digests(record.body)):
            before = found.get(digest)
            found[digest] = Kept(
                digest=digest,
                bytes=0,
                media_type="",
                about=about,
                person=str(record.body.get("user") or ""),
                at=record.at,
                in_use=newest.get(about) == evidence.digest or (before is not None and before.in_use),
            )
    return found


def _about(record: Record) -> str:
    return str(record.body.get("check") or record.body.get("kind") or record.type.value)


def _digests(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if _DIGEST.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _digests(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _digests(each)
