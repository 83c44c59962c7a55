"""One link of a system's chain, and the checkpoint that anchors a chain outside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from seatrial.core.errors import Malformed, Unreachable
from seatrial.evidence.envelope import canonical, sha256

ENTRY_VERSION = 1
GENESIS = "0" * 64
"""What stands as the previous digest of a chain's first entry."""
_KEPT = "Name the file in which you kept the lines that `seatrial checkpoint` printed."
_CHECKPOINT = re.compile(r"(?P<system>\S+) (?P<sequence>[1-9][0-9]{0,17}) (?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A link as stored: `record` is the digest of `envelope`, `digest` the entry's own."""

    system: str
    sequence: int
    previous: str
    record: str
    received_at: str
    digest: str
    envelope: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of a chain at one time, kept outside the ledger: `system sequence head-digest` on one line."""

    system: str
    sequence: int
    digest: str

    def __str__(self) -> str:
        return f"{self.system} {self.sequence} {self.digest}"

    @staticmethod
    def parse(line: str) -> Checkpoint:
        """The checkpoint that a line spells. Raises Malformed."""
        match = _CHECKPOINT.fullmatch(line.strip())
        if match is None:
            raise Malformed(
                f"not a checkpoint: {line.strip()[:80]!r}",
                remedy="a checkpoint is one line: system, sequence and 64 hex digits, with a space between them",
            )
        return Checkpoint(system=match["system"], sequence=int(match["sequence"]), digest=match["digest"])

    @staticmethod
    def load(path: Path) -> Sequence[Checkpoint]:
        """All checkpoints of a file, one a line; empty lines are passed over. Raises Unreachable, Malformed."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Unreachable(f"the checkpoint file {path} cannot be read: {error}", remedy=_KEPT) from None
        found = tuple(Checkpoint.parse(line) for line in lines if line.strip())
        if not found:
            raise Malformed(f"the checkpoint file {path} holds no checkpoint", remedy=_KEPT)
        return found


def entry_digest(entry: Entry) -> str:
    """The digest that follows from an entry's own fields, whatever `digest` claims."""
    return link_digest(
        entry.system,
        sequence=entry.sequence,
        previous=entry.previous,
        record=entry.record,
        received_at=entry.received_at,
    )


def link_digest(system: str, *, sequence: int, previous: str, record: str, received_at: str) -> str:
    """SHA-256 over the canonical JSON of an entry."""
    return sha256(
        canonical(
            {
                "entry": ENTRY_VERSION,
                "previous": previous,
                "received_at": received_at,
                "record": record,
                # A database holds larger integers than JSON: none is ever written, and one is no reason to crash.
                "sequence": sequence if abs(sequence) < 2**53 else str(sequence),
                "system": system,
            }
        )
    )


def spell_time(when: datetime) -> str:
    """UTC with microseconds, always of the same length, so that text order is time order."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_time(text: str) -> datetime:
    """The time that `spell_time` wrote. Raises Malformed for any other spelling."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed(f"not a time: {text[:40]!r}") from None
    if len(text) != 27 or not text.endswith("Z"):
        raise Malformed(f"not a time in UTC with microseconds: {text[:40]!r}")
    return when
