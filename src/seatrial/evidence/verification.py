"""Verification of one system's chain, as a protocol.

For each entry:

1. Its envelope parses: DSSE with exactly one signature.
2. The payload's type and version are known, and the payload is a record of this system.
3. The signature was made by a key that the trust root, or a KEY record before it that a root key signed, knows.
4. That key may sign such a record, of that author, and was valid and not revoked when it was signed and received.
5. The record's digest is the one in the entry.
6. The entry's own digest is right, its sequence follows the one before, and it names that one's digest.
7. It was not received before the one before.

And for the whole chain:

8. At each checkpoint that was kept outside stands the entry that stood there then.

What step 4 refuses does not count but is no tampering: a revoked key must not condemn the whole ledger. Whatever the
other steps find blocks GO. Only step 8, under a pinned trust root, finds a dropped tail or a chain that the holder of
a key rebuilt; without it the state says that it is not anchored.

`quick` leaves step 3's arithmetic for observations to `Reading.confirm`, which the caller owes for the records that the
verdict then used; every digest is still computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.core.errors import Malformed
from seatrial.core.record import Evidence, LedgerState, Record, Signer
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.authority import objection
from seatrial.evidence.diagnosis import Links
from seatrial.evidence.entry import Checkpoint, Entry, read_time
from seatrial.evidence.envelope import Envelope, parse, sha256
from seatrial.evidence.report import Problem, VerificationReport
from seatrial.evidence.trust import Keyring, TrustRoot
from seatrial.evidence.upcast import UPCASTERS, UnknownFormat, Upcaster, read_record

_TOLD = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A verified chain: its evidence in order of sequence, its state, and the report for people.

    After a quick reading, `evidence` takes the signatures of observations for granted: call `confirm` with the digests
    of those that were used, and read again in full when it finds anything.
    """

    evidence: tuple[Evidence, ...]
    state: LedgerState
    report: VerificationReport
    keys: Keyring
    presumed: Mapping[str, Envelope] = field(default_factory=dict)

    def confirm(self, digests: Iterable[str]) -> tuple[Problem, ...]:
        """Check the signatures that a quick reading left out, of these records. What is wrong, or nothing."""
        return tuple(
            Problem(code="bad-signature", message=f"the signature of record {digest[:16]} does not fit what is signed")
            for digest in dict.fromkeys(digests)
            if digest in self.presumed and not self.keys.holds(self.presumed[digest])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    record: Record
    digest: str
    sequence: int
    received_at: datetime
    key: str
    problem: str


def verify(
    system: str,
    entries: Iterable[Entry],
    trust: TrustRoot,
    *,
    pin: Sequence[Checkpoint] = (),
    quick: bool = False,
    upcasters: Mapping[int, Upcaster] = UPCASTERS,
) -> Reading:
    """Read and verify the chain of one system. `pin` are checkpoints kept outside; other systems' are ignored."""
    chain = _Chain(system, Keyring(trust), quick=quick, upcasters=upcasters)
    for entry in entries:
        chain.take(entry)
    return chain.finish(pin, pinned=trust.pinned)


class _Chain:
    def __init__(self, system: str, keys: Keyring, *, quick: bool, upcasters: Mapping[int, Upcaster]) -> None:
        self._system = system
        self._keys = keys
        self._quick = quick
        self._upcasters = upcasters
        self._links = Links()
        self._pending: list[_Pending] = []
        self._presumed: dict[str, Envelope] = {}
        self._problems: list[Problem] = []
        self._void: list[Problem] = []
        self._seen: set[str] = set()
        self._newest: datetime | None = None
        self._signatures = 0

    def take(self, entry: Entry) -> None:
        """Steps 1 to 7 for one entry."""
        found: list[Problem] = []
        envelope = self._envelope(entry, found)
        record = None if envelope is None else self._record(envelope, entry, found)
        digest = sha256(entry.envelope)
        if envelope is not None:
            self._signature(envelope, record, digest, found)
        received_at = self._time(entry, found)
        # 5. The record's digest.
        if digest != entry.record:
            found.append(
                Problem(code="altered-record", message="the record is not the one that this entry was made for")
            )
        elif digest in self._seen:
            found.append(Problem(code="repeated", message="the same record stands in the chain twice"))
        self._seen.add(digest)
        # 6. The chain; what is broken is named at the end, when all of it is known.
        self._links.take(entry)
        self._problems.extend(problem.at(entry.sequence) for problem in found)
        if envelope is None or record is None:
            return
        received_at = received_at or record.at
        if record.type is RecordType.KEY and not found:
            self._change_keys(envelope, record, entry, received_at)
        self._pending.append(
            _Pending(
                record=record,
                digest=digest,
                sequence=entry.sequence,
                received_at=received_at,
                key=envelope.key_id,
                problem="; ".join(problem.message for problem in found),
            )
        )

    def finish(self, pin: Sequence[Checkpoint], *, pinned: bool) -> Reading:
        """Step 4 with all keys as they stand at the end, the broken links, and step 8."""
        broken = self._links.diagnose()
        self._problems.extend(broken)
        anchored_to = self._anchor([point for point in pin if point.system == self._system], pin)
        altered = {problem.sequence: problem.message for problem in broken}
        evidence = tuple(self._judged(pending, altered.get(pending.sequence, "")) for pending in self._pending)
        problems = tuple(sorted(self._problems, key=lambda p: (p.sequence is None, p.sequence or 0)))
        report = VerificationReport(
            system=self._system,
            entries=self._links.count,
            head=self._links.head,
            signatures=self._signatures,
            anchored_to=anchored_to if pinned and not problems else 0,
            problems=problems,
            void=tuple(self._void),
        )
        state = LedgerState(
            entries=report.entries,
            head=report.head,
            anchored=report.anchored,
            problems=_told(problems),
            newest=self._newest,
            anchored_to=report.anchored_to,
        )
        return Reading(evidence=evidence, state=state, report=report, keys=self._keys, presumed=self._presumed)

    def _envelope(self, entry: Entry, found: list[Problem]) -> Envelope | None:
        # 1. The envelope parses.
        try:
            return parse(entry.envelope)
        except Malformed as error:
            found.append(Problem(code="unreadable-envelope", message=error.what))
            return None

    def _record(self, envelope: Envelope, entry: Entry, found: list[Problem]) -> Record | None:
        # 2. Type and version are known, and the payload is a record of this system.
        try:
            record = read_record(envelope, self._upcasters)
        except UnknownFormat as error:
            found.append(Problem(code="unknown-format", message=error.what))
            return None
        except Malformed as error:
            found.append(Problem(code="unreadable-record", message=error.what))
            return None
        if record.system != self._system or entry.system != self._system:
            found.append(Problem(code="unreadable-record", message=f"it belongs to another system, {record.system}"))
        return record

    def _signature(self, envelope: Envelope, record: Record | None, digest: str, found: list[Problem]) -> None:
        # 3. The signature, by a known key.
        if self._keys.get(envelope.key_id) is None:
            message = f"it is signed with key {envelope.key_id[:16]}, which the trust root does not know"
            found.append(Problem(code="unknown-key", message=message))
        elif self._quick and record is not None and record.type is RecordType.OBSERVATION:
            self._presumed[digest] = envelope
        else:
            self._signatures += 1
            if not self._keys.holds(envelope):
                found.append(Problem(code="bad-signature", message="the signature does not fit what is signed"))

    def _time(self, entry: Entry, found: list[Problem]) -> datetime | None:
        # 7. Times do not run backwards.
        try:
            received_at = read_time(entry.received_at)
        except Malformed as error:
            found.append(Problem(code="altered-entry", message=error.what))
            return None
        if self._newest is not None and received_at < self._newest:
            found.append(Problem(code="time-reversed", message="it was received before the entry that precedes it"))
        self._newest = received_at if self._newest is None else max(self._newest, received_at)
        return received_at

    def _change_keys(self, envelope: Envelope, record: Record, entry: Entry, received_at: datetime) -> None:
        key = self._keys.get(envelope.key_id)
        if key is None or objection(key, record, received_at=received_at) is not None:
            return
        try:
            self._keys.change(record.body)
        except Malformed as error:
            self._void.append(Problem(code="bad-key-change", message=error.what, sequence=entry.sequence))

    def _judged(self, pending: _Pending, broken: str) -> Evidence:
        # 4. The key may sign this, then and now.
        key = self._keys.get(pending.key)
        problem = "; ".join(filter(None, (pending.problem, broken)))
        if key is not None:
            refused = objection(key, pending.record, received_at=pending.received_at)
            if refused is not None:
                self._void.append(refused.at(pending.sequence))
                problem = "; ".join(filter(None, (problem, refused.message)))
        return Evidence(
            record=pending.record,
            digest=pending.digest,
            sequence=pending.sequence,
            received_at=pending.received_at,
            signer=None if key is None else Signer(key=key.key, holder=key.holder, local=key.local),
            problem=problem,
        )

    def _anchor(self, points: Sequence[Checkpoint], given: Sequence[Checkpoint]) -> int:
        # 8. The checkpoints kept outside.
        if given and not points:
            message = f"no checkpoint that was given belongs to {self._system}"
            self._problems.append(Problem(code="other-checkpoint", message=message))
        for point in points:
            stands = self._links.digest_at(point.sequence)
            if stands is None:
                message = f"the checkpoint knows entry {point.sequence}, but the chain ends at {self._links.count}"
                self._problems.append(Problem(code="truncated", message=message))
            elif stands != point.digest:
                message = "at the checkpoint's place stands another entry than the one kept outside"
                self._problems.append(Problem(code="rewritten", message=message, sequence=point.sequence))
        return max((point.sequence for point in points), default=0)


def _told(problems: Sequence[Problem]) -> tuple[str, ...]:
    """The first problems as text, and how many more there are: a verdict that lists them all helps nobody."""
    more = len(problems) - _TOLD
    return (*map(str, problems[:_TOLD]), *([f"and {more} more: run `seatrial verify`"] if more > 0 else []))
