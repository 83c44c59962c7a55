"""One file that carries a system's chain elsewhere and verifies there, offline, with no server.

- `export_bundle(ledger, system, path, trust=…, artifacts=…) -> VerificationReport`
- `verify_bundle(path, trust=…, pin=…) -> VerificationReport`; without a trust root from outside, the bundle's own
  verifies it, and it is not anchored.
- `read_bundle(path, trust=…) -> Bundled`: the same with what it carries, of a file from anywhere.
- `import_bundle(ledger, path, trust, artifacts=…) -> evidence`: its envelopes are appended as their origin signed them.

The file is a zip of stored, uncompressed members in fixed order and without dates: the same chain gives the same bytes,
and nothing in it can grow when it is read. Nothing is ever unpacked to a path that the bundle names.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Artifacts
from seatrial.core.record import Evidence, Record
from seatrial.core.records import Records
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.entry import Checkpoint, Entry
from seatrial.evidence.envelope import MAX_ENVELOPE_BYTES, canonical, sha256
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.report import Problem, VerificationReport
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Reading, verify

FORMAT = "seatrial-bundle-1"
MEDIA_TYPE = "application/octet-stream"
_ABOUT, _ENTRIES, _TRUST = "bundle.json", "entries.jsonl", "trust.json"
_ARTIFACT = re.compile(r"artifacts/([0-9a-f]{64})")
_AGAIN = "Have it exported or sent again: `seatrial export`."
_MAX_LINE = 2 * MAX_ENVELOPE_BYTES
_MAX_SMALL = 8 * 1024 * 1024
_TAIL = 22 + 65_535
"""Within so many bytes from its end a zip says where its list of members is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    system: str
    entries: int
    head: str
    artifacts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """What a bundle carries; it counts only where `report` found no problem."""

    report: VerificationReport
    evidence: Records


def export_bundle(
    ledger: Ledger, system: str, path: Path, *, trust: TrustRoot, artifacts: Artifacts | None = None
) -> VerificationReport:
    """Write the system's chain as it stands, with the trust root and, where given, all artifacts it refers to.

    A chain with problems is exported too: the problems travel with it. Raises Refused for a system without entries,
    Unreachable where the file cannot be written.
    """
    entries = list(ledger.entries(system))
    if not entries:
        raise Refused(f"the ledger {ledger.where} has no entries of {system}", remedy="name a system that it holds")
    reading = verify(system, entries, trust)
    kept = _collect(reading, artifacts)
    about: Mapping[str, Json] = {
        "format": FORMAT,
        "system": system,
        "entries": len(entries),
        "head": reading.report.head,
        "artifacts": artifacts is not None,
    }
    members = [(_ABOUT, canonical(about)), (_ENTRIES, b"".join(map(_line, entries))), (_TRUST, trust.spell())]
    members.extend((f"artifacts/{digest}", kept[digest]) for digest in sorted(kept))
    _write(path, members)
    return replace(reading.report, artifacts=len(kept))


def verify_bundle(path: Path, *, trust: TrustRoot | None = None, pin: Sequence[Checkpoint] = ()) -> VerificationReport:
    """Verify everything in a bundle. Raises Unreachable or Malformed for a file that is no bundle at all."""
    return _read(path, trust, pin).report


def read_bundle(path: Path, *, trust: TrustRoot, most_bytes: int) -> Bundled:
    """What a bundle from anywhere carries, with what verification found under this trust root.

    Raises Unreachable or Malformed for a file that is no bundle at all, or that would take more room than it has.
    """
    _check_directory(path, most_bytes)
    return _read(path, trust, ())


def _read(path: Path, trust: TrustRoot | None, pin: Sequence[Checkpoint]) -> Bundled:
    with _opened(path) as archive:
        reading, problems, checked = _verified(archive, trust, pin)
    found = (*reading.report.problems, *problems)
    anchored_to = 0 if problems else reading.report.anchored_to
    report = replace(reading.report, problems=found, artifacts=checked, anchored_to=anchored_to)
    return Bundled(report=report, evidence=reading.evidence)


def import_bundle(
    ledger: Ledger,
    path: Path,
    trust: TrustRoot,
    *,
    artifacts: Artifacts | None = None,
    only: Collection[str] | None = None,
) -> tuple[Evidence, ...]:
    """Append what a bundle carries, with its signatures; what the ledger has already stays as it is.

    `only` are the digests of the records to take, with the artifacts to which they refer; None takes all.

    Raises Refused when anything in the bundle does not verify under this trust root: then nothing is appended.
    """
    with _opened(path) as archive:
        reading, problems, _ = _verified(archive, trust, ())
        found = (*reading.report.problems, *problems)
        if found:
            raise Refused(
                f"the bundle {path} does not verify, nothing was taken from it: " + "; ".join(map(str, found[:3])),
                remedy="ask for a new export, or add the missing keys to the trust root",
            )
        envelopes = [entry.envelope for entry in _entries(archive) if only is None or entry.record in only]
        taken = [each for each in reading.evidence if only is None or each.digest in only]
        wanted = {digest for each in taken for digest in referred_artifacts(each.record)}
        if artifacts is not None:
            for name in archive.namelist():
                if (match := _ARTIFACT.fullmatch(name)) and (only is None or match[1] in wanted):
                    artifacts.put(archive.read(name), media_type=MEDIA_TYPE)
    return ledger.append_many(envelopes)


def referred_artifacts(record: Record) -> tuple[str, ...]:
    """The digests of the artifacts that a record's body refers to."""
    body: Mapping[str, Any] = record.body
    observation = body.get("observation")
    holders = [body, observation if isinstance(observation, Mapping) else {}]
    named = [holder.get("artifacts") for holder in holders]
    digests = [str(digest) for names in named if isinstance(names, Mapping) for digest in names.values()]
    answers = body.get("answers")
    return (*digests, answers) if isinstance(answers, str) and answers else tuple(digests)


def _verified(
    archive: zipfile.ZipFile, trust: TrustRoot | None, pin: Sequence[Checkpoint]
) -> tuple[Reading, tuple[Problem, ...], int]:
    about = _about(archive)
    own = TrustRoot.parse(_small(archive, _TRUST), where=f"{_TRUST} in the bundle", pinned=False)
    reading = verify(about.system, _entries(archive), own if trust is None else trust, pin=pin)
    problems: list[Problem] = []
    if (about.entries, about.head) != (reading.report.entries, reading.report.head):
        message = f"the bundle was made with {about.entries} entries and another head than it holds now"
        problems.append(Problem(code="unreadable-bundle", message=message))
    checked = 0
    if about.artifacts:
        checked = _check_artifacts(archive, reading, problems)
    return reading, tuple(problems), checked


def _check_artifacts(archive: zipfile.ZipFile, reading: Reading, problems: list[Problem]) -> int:
    kept = {match[1] for match in map(_ARTIFACT.fullmatch, archive.namelist()) if match}
    erased = _erased(reading)
    for digest in sorted(kept):
        if sha256(archive.read(f"artifacts/{digest}")) != digest:
            message = f"artifact {digest[:16]} does not have the content that it is named by"
            problems.append(Problem(code="artifact-altered", message=message))
    for evidence in reading.evidence:
        for digest in referred_artifacts(evidence.record):
            if digest not in kept and digest not in erased:
                message = f"artifact {digest[:16]} is gone, and nobody recorded its erasure"
                problems.append(Problem(code="artifact-missing", message=message, sequence=evidence.sequence))
    return len(kept)


def _erased(reading: Reading) -> set[str]:
    return {
        str(evidence.record.body.get("artifact"))
        for evidence in reading.evidence
        if evidence.record.type is RecordType.ERASURE and not evidence.problem
    }


def _collect(reading: Reading, artifacts: Artifacts | None) -> dict[str, bytes]:
    if artifacts is None:
        return {}
    found = {digest: artifacts.get(digest) for e in reading.evidence for digest in referred_artifacts(e.record)}
    return {digest: content for digest, content in found.items() if content is not None}


def _line(entry: Entry) -> bytes:
    data: Mapping[str, Json] = {
        "digest": entry.digest,
        "envelope": base64.b64encode(entry.envelope).decode(),
        "previous": entry.previous,
        "received_at": entry.received_at,
        "record": entry.record,
        "sequence": entry.sequence,
        "system": entry.system,
    }
    return canonical(data) + b"\n"


def _entries(archive: zipfile.ZipFile) -> Iterator[Entry]:
    with archive.open(_ENTRIES) as file:
        number = 0
        while line := file.readline(_MAX_LINE):
            number += 1
            yield _entry(line, number)


def _entry(line: bytes, number: int) -> Entry:
    try:
        data: Any = json.loads(line)
        texts = {name: data[name] for name in ("system", "previous", "record", "received_at", "digest")}
        envelope = base64.b64decode(data["envelope"], validate=True)
        sequence = data["sequence"]
        "".join(texts.values()).encode()  # refuses lone surrogates, which JSON can spell and UTF-8 cannot
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise Malformed(f"{_ENTRIES} in the bundle, line {number}: not an entry", remedy=_AGAIN) from None
    if type(sequence) is not int or abs(sequence) >= 2**53 or not all(isinstance(text, str) for text in texts.values()):
        raise Malformed(f"{_ENTRIES} in the bundle, line {number}: not an entry", remedy=_AGAIN)
    return Entry(**texts, sequence=sequence, envelope=envelope)


def _about(archive: zipfile.ZipFile) -> _About:
    try:
        data: Any = json.loads(_small(archive, _ABOUT))
        known = data["format"] == FORMAT
        about = _About(
            system=str(data["system"]),
            entries=int(data["entries"]),
            head=str(data["head"]),
            artifacts=data["artifacts"] is True,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Malformed(f"{_ABOUT} in the bundle cannot be read", remedy=_AGAIN) from None
    if not known:
        raise Malformed(
            f"the bundle has a format that this release does not know; it knows {FORMAT}",
            remedy="verify it with the release that wrote it, or a newer one",
        )
    return about


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > _MAX_SMALL:
        raise Malformed(f"{name} in the bundle is too large", remedy=_AGAIN)
    return archive.read(name)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The bundle at a path, when its members are exactly those that a bundle may have, stored as they are."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist(), size)
            yield archive
    except OSError as error:
        raise Unreachable(
            f"the bundle {path} cannot be read: {error.strerror or error}", remedy="Name a file that can be read."
        ) from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise Malformed(f"{path} is not a seatrial bundle: {error}", remedy=_AGAIN) from None


def _check_directory(path: Path, most_bytes: int) -> None:
    """Refuse a list of members that would take more room to read than the bundle itself, before it is read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            tail = file.read(_TAIL)
    except OSError as error:
        raise Unreachable(
            f"the bundle {path.name} cannot be read: {error.strerror or error}", remedy="Name a file that can be read."
        ) from None
    end = tail.rfind(b"PK\x05\x06")
    listed = int.from_bytes(tail[end + 12 : end + 16], "little") if 0 <= end <= len(tail) - 22 else 0
    if size > most_bytes or listed > _MAX_SMALL or b"PK\x06\x07" in tail[max(0, end - 20) : max(0, end)]:
        raise Malformed("not a seatrial bundle: too large, or the list of its members is", remedy=_AGAIN)


def _check_members(members: Iterable[zipfile.ZipInfo], size: int) -> None:
    seen: set[str] = set()
    total = 0
    for member in members:
        if member.filename in seen:
            raise Malformed(f"not a seatrial bundle: {member.filename[:80]!r} is in it twice", remedy=_AGAIN)
        if member.filename not in {_ABOUT, _ENTRIES, _TRUST} and not _ARTIFACT.fullmatch(member.filename):
            raise Malformed(f"not a seatrial bundle: it holds {member.filename[:80]!r}", remedy=_AGAIN)
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise Malformed(f"not a seatrial bundle: {member.filename!r} is compressed", remedy=_AGAIN)
        seen.add(member.filename)
        total += member.file_size
    if not {_ABOUT, _ENTRIES, _TRUST} <= seen:
        raise Malformed("not a seatrial bundle: a part of it is missing", remedy=_AGAIN)
    if total > size:
        raise Malformed("not a seatrial bundle: its parts overlap", remedy=_AGAIN)


def _write(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            with draft.open("xb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                    for name, content in members:
                        member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
                        member.create_system, member.external_attr = 3, 0o600 << 16
                        archive.writestr(member, content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise Unreachable(
            f"the bundle {path} cannot be written: {error.strerror}", remedy="Name a folder that can be written to."
        ) from None
