"""Bundles of runs made elsewhere, filed here: verified, held against what counts here, and on record under who sent it.

Only what machines observed is taken: observations, drills, results of other tools, what was served, and what revokes.
What people stated, and what was decided, stands on record where they did it; no file carries it in. Every record
keeps its origin's signature and time, so that older evidence never stands before newer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record, trust
from seatrial.app.folder.subject import KIND as IDENTITY
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import EventBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import Refused, Unreachable
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.authority import objection
from seatrial.evidence.bundle import Bundled, import_bundle, read_bundle
from seatrial.evidence.verification import Reading

MOST_BYTES: Final = 64 * 1024 * 1024
FILED: Final = "bundle-filed"
"""The kind of the event that a bundle was filed."""
_TAKEN: Final = frozenset({RecordType.OBSERVATION, RecordType.DRILL, RecordType.IMPORT})
_MACHINES: Final = ("worker", "token")
_TOLD: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """What came of a bundle: how many records were taken, were here already, and were left out for what they are."""

    bundle: str
    taken: tuple[str, ...]
    known: int
    left_out: int
    record: str
    """The digest of the event that says so."""
    again: bool = False
    """Whether this very bundle had been filed before; then nothing was done."""


def file_bundle(workspace: Workspace, bundle: Path, *, by: str) -> Filed:
    """Take from the bundle what counts as evidence here; `by` is who sent it, such as `token:3 nightly`.

    Raises Malformed or Unreachable for a file that is no bundle; Refused for one of another system, one that does not
    verify under the trust root of here, and one with evidence that would not count here: then nothing is taken.
    """
    digest = _digest(bundle)
    here = read_ledger(workspace, quick=True)
    if before := _before(here, digest):
        return before
    root = trust(workspace)
    carried = read_bundle(bundle, trust=root, most_bytes=MOST_BYTES)
    _verified(workspace, carried)
    mine = {each.digest for each in here.evidence}
    evidence = [each for each in carried.evidence if _is_taken(each)]
    new = [each for each in evidence if each.digest not in mine]
    _counts_here(here, new, workspace.clock.now())
    signer = known(workspace, keystore(workspace).worker())
    wanted = frozenset(each.digest for each in new)
    body = EventBody(
        kind=FILED,
        summary=f"{len(new)} records of a bundle were filed by {by}.",
        revokes=False,
        detail={
            "bundle": digest,
            "by": by,
            "head": carried.report.head,
            "taken": [each.digest for each in new],
            "known": len(evidence) - len(new),
            "left_out": len(carried.evidence) - len(evidence),
        },
    )
    with open_ledger(workspace) as ledger:
        import_bundle(ledger, bundle, root, artifacts=ArtifactFolder(workspace.folder / "artifacts"), only=wanted)
        said = record(ledger, signer, workspace, RecordType.EVENT, body)
    return Filed(
        bundle=digest,
        taken=tuple(each.digest for each in new),
        known=len(evidence) - len(new),
        left_out=len(carried.evidence) - len(evidence),
        record=said.digest,
    )


def _digest(bundle: Path) -> str:
    try:
        if bundle.stat().st_size > MOST_BYTES:
            raise Refused(
                f"the bundle is larger than {MOST_BYTES // 1024**2} MiB",
                remedy="Export it without artifacts, or from a ledger of its own for each run.",
            )
        with bundle.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unreachable(
            f"the bundle cannot be read: {error.strerror or error}", remedy="Name a file that can be read."
        ) from None


def _before(here: Reading, digest: str) -> Filed | None:
    for evidence in here.evidence:
        body = _event(evidence)
        if body is None or evidence.problem or body.kind != FILED or body.detail.get("bundle") != digest:
            continue
        taken, known_already, left_out = (body.detail.get(name) for name in ("taken", "known", "left_out"))
        if isinstance(taken, list) and isinstance(known_already, int) and isinstance(left_out, int):
            return Filed(
                bundle=digest,
                taken=tuple(map(str, taken)),
                known=known_already,
                left_out=left_out,
                record=evidence.digest,
                again=True,
            )
    return None


def _verified(workspace: Workspace, carried: Bundled) -> None:
    own = workspace.system.system
    if carried.report.system != own:
        raise Refused(
            f"this is a bundle of {carried.report.system[:80]}, not of {own}", remedy="Send it to its own system."
        )
    if carried.report.problems:
        raise Refused(
            "the bundle does not verify, nothing was taken from it: " + _first(map(str, carried.report.problems)),
            remedy="Export it again. Where a key is not known: have whoever keeps the trust root of the site "
            "(SEATRIAL_TRUST) add the public key of the machine that ran it.",
        )


def _is_taken(evidence: Evidence) -> bool:
    signer = evidence.signer
    if evidence.problem or signer is None or signer.holder.partition(":")[0] not in _MACHINES:
        return False
    if evidence.record.type in _TAKEN:
        return True
    body = _event(evidence)
    return body is not None and (body.kind == IDENTITY or body.revokes)


def _event(evidence: Evidence) -> EventBody | None:
    if evidence.record.type is not RecordType.EVENT:
        return None
    try:
        return from_data(EventBody, evidence.record.body)
    except CodecError:
        return None


def _counts_here(here: Reading, new: Iterable[Evidence], now: datetime) -> None:
    """In an append-only ledger one record by a key that is not known spoils all: none such is let in."""
    found = []
    for each in new:
        key = None if each.signer is None else here.keys.get(each.signer.key)
        if key is None:
            found.append("a key that the bundle brings along is not known here")
        elif (refused := objection(key, each.record, received_at=now)) is not None:
            found.append(refused.message)
    if found:
        raise Refused(
            "the bundle holds evidence that would not count here, nothing was taken from it: "
            + _first(dict.fromkeys(found)),
            remedy="Run the checks again with a key that the trust root of the site knows and that has not ended.",
        )


def _first(messages: Iterable[str]) -> str:
    told = list(messages)
    return "; ".join(told[:_TOLD]) + (f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else "")
