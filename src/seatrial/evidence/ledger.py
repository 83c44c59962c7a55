"""The ledger: signed records, append-only, one hash chain per system.

How it is used (`app` and `engine`):

    from seatrial.adapters.signers.keystore import Keystore
    from seatrial.evidence.envelope import seal
    from seatrial.evidence.ledger import Ledger, beside

    ledger = Ledger.open(beside(system_file))           # sqlite file `.seatrial/ledger.db` next to it, or any URL
    signer = Keystore(folder / ".seatrial" / "keys").worker()     # .person("olga") for what Olga states
    record = Record(type=…, by=signer.by, …)            # `by` must be the signer's
    entry = ledger.append(seal(record, signer))         # durable when it returns; idempotent
    keystore.trust() or TrustRoot.load(path)            # whose signatures count
    ledger.evidence(system, trust)                      # verified records, in order of sequence
    ledger.state(system, trust, checkpoints)            # the chain as a whole
    ledger.read(system, trust, checkpoints, quick=True) # both in one pass; for `seatrial verdict`

A record's envelope is stored and returned byte for byte as its origin signed it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from seatrial.core.errors import Malformed
from seatrial.core.ports import Clock
from seatrial.core.record import Evidence, LedgerState, Record
from seatrial.core.records import Records
from seatrial.evidence.database import Database, Mark
from seatrial.evidence.entry import GENESIS, Checkpoint, Entry, link_digest, read_time, spell_time
from seatrial.evidence.envelope import canonical, parse, read_canonical, sha256, spell
from seatrial.evidence.failures import LedgerError
from seatrial.evidence.report import VerificationReport
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.upcast import read_record
from seatrial.evidence.verification import Reading, verify

SKEW = timedelta(minutes=1)
"""How far behind the newest entry a clock may stand: machines that share a database never agree to the microsecond."""
_SYSTEM = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")
UNVERIFIED = "not verified yet"
"""The problem of evidence that was appended and not read back."""


def beside(system_file: Path) -> str:
    """The URL of the ledger that belongs to a system file: `.seatrial/ledger.db` in the same folder."""
    return f"sqlite:///{system_file.resolve().parent / '.seatrial' / 'ledger.db'}"


class Ledger:
    """A ledger in a database. Threads may share it; every process opens its own."""

    def __init__(self, database: Database, clock: Clock | None = None) -> None:
        self._database = database
        self._clock = clock

    @staticmethod
    def open(url: str, *, create: bool = True, clock: Clock | None = None, wait_s: float = 30.0) -> Ledger:
        """The ledger at that database URL (`sqlite:///…` or `postgresql://…`), created when there is none yet.

        `wait_s` is how long a locked database is waited for. Raises LedgerError, MissingExtra.
        """
        return Ledger(Database.open(url, create=create, wait_s=wait_s), clock)

    @property
    def where(self) -> str:
        """Which ledger this is, for people: its file, or its URL without the password."""
        return self._database.where

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def append(self, envelope: bytes) -> Evidence:
        """Record one sealed envelope; durable when this returns. An envelope that is there already adds nothing.

        What it returns is not verified (`signer` is None). Raises Malformed for what is no sealed record in canonical
        spelling, LedgerError when it could not be recorded.
        """
        return self.append_many([envelope])[0]

    def append_many(self, envelopes: Sequence[bytes]) -> tuple[Evidence, ...]:
        """Record several at once: all of them, or none. Otherwise like `append`."""
        records = [_admissible(envelope) for envelope in envelopes]
        with self._database.writing() as connection:
            heads: dict[str, Entry | None] = {}
            return tuple(
                self._add(connection, heads, record, envelope)
                for record, envelope in zip(records, envelopes, strict=True)
            )

    def entries(self, system: str, since: int | None = None) -> Iterator[Entry]:
        """The entries of a system as they stand in the database, in order of sequence, unverified.

        With `since`, only the entry at that place and those after it.
        """
        return self._database.entries(system, since)

    def mark(self) -> Mark | None:
        """The state of the database on disk: while it is the same, nothing was written. None where none can be told."""
        return self._database.mark()

    def heads(self) -> dict[str, Checkpoint]:
        """The head of every system's chain as it stands, in one read."""
        return self._database.heads()

    def systems(self) -> tuple[str, ...]:
        """The systems that have a chain here."""
        return self._database.systems()

    def evidence(self, system: str, trust: TrustRoot) -> Records:
        """All readable records of a system in order of sequence, each with what verification found of it."""
        return self.read(system, trust).evidence

    def state(self, system: str, trust: TrustRoot, pin: Sequence[Checkpoint] = ()) -> LedgerState:
        """What full verification finds of the chain as a whole; `pin` are checkpoints kept outside."""
        return self.read(system, trust, pin).state

    def verify(self, system: str, trust: TrustRoot, pin: Sequence[Checkpoint] = ()) -> VerificationReport:
        """The same for people: every digest and every signature is checked."""
        return self.read(system, trust, pin).report

    def read(self, system: str, trust: TrustRoot, pin: Sequence[Checkpoint] = (), *, quick: bool = False) -> Reading:
        """Evidence, state and report in one pass.

        `quick` checks all digests, the checkpoints, and all signatures but those of observations: the caller then owes
        `Reading.confirm(digests)` for the observations that the verdict rests on.
        """
        return verify(system, self._database.entries(system), trust, pin=pin, quick=quick)

    def checkpoint(self, system: str) -> Checkpoint | None:
        """The head of the chain as it stands, to be kept outside; None for an empty chain."""
        with self._database.reading() as connection:
            head = self._database.head(connection, system)
        return None if head is None else Checkpoint(system=system, sequence=head.sequence, digest=head.digest)

    def holding(self, system: str, records: Sequence[str]) -> tuple[Entry, ...]:
        """The entries that hold the records of these digests, those that are there, in order of sequence, unverified.

        They are looked up without reading the chain: for a few.
        """
        with self._database.reading() as connection:
            found = [self._database.find(connection, system, record) for record in records]
        return tuple(sorted((entry for entry in found if entry is not None), key=lambda entry: entry.sequence))

    def _add(self, connection: Connection, heads: dict[str, Entry | None], record: Record, envelope: bytes) -> Evidence:
        system, digest = record.system, sha256(envelope)
        known = self._database.find(connection, system, digest)
        if known is None:
            if system not in heads:
                heads[system] = self._database.head(connection, system)
            known = self._next(heads[system], system, digest, envelope)
            self._database.insert(connection, known)
            heads[system] = known
        return Evidence(
            record=record,
            digest=digest,
            sequence=known.sequence,
            received_at=read_time(known.received_at),
            signer=None,
            problem=UNVERIFIED,
        )

    def _next(self, head: Entry | None, system: str, digest: str, envelope: bytes) -> Entry:
        sequence = 1 if head is None else head.sequence + 1
        previous = GENESIS if head is None else head.digest
        received_at = spell_time(self._now(head))
        return Entry(
            system=system,
            sequence=sequence,
            previous=previous,
            record=digest,
            received_at=received_at,
            digest=link_digest(system, sequence=sequence, previous=previous, record=digest, received_at=received_at),
            envelope=envelope,
        )

    def _now(self, head: Entry | None) -> datetime:
        """The time of receipt: never before the newest entry's."""
        now = datetime.now(UTC) if self._clock is None else self._clock.now()
        if head is None:
            return now
        newest = read_time(head.received_at)
        if now < newest - SKEW:
            raise LedgerError("clock", self.where, detail=f"now {spell_time(now)}, newest {head.received_at}")
        return max(now, newest)


def _admissible(content: bytes) -> Record:
    """The record in an envelope that may be recorded: one spelling only, so that a digest names a statement."""
    envelope = parse(content)
    record = read_record(envelope)
    if spell(envelope) != content or canonical(read_canonical(envelope.payload)) != envelope.payload:
        raise Malformed("the record is not in its canonical spelling", remedy="seal records with `seal`")
    if not _SYSTEM.fullmatch(record.system):
        raise Malformed(f"{record.system[:80]!r} cannot name a system", remedy="use a name without spaces")
    return record
