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

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from seatrial.core.errors import Malformed
from seatrial.core.record import Evidence, LedgerState, Record, Signer
from seatrial.core.records import Records, verified_type
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.authority import objection
from seatrial.evidence.diagnosis import Links
from seatrial.evidence.entry import Checkpoint, Entry, read_time
from seatrial.evidence.envelope import Envelope, parse, sha256
from seatrial.evidence.report import Problem, VerificationReport
from seatrial.evidence.trust import Keyring, TrustRoot
from seatrial.evidence.upcast import UPCASTERS, UnknownFormat, Upcaster, read_record

B = TypeVar("B")
_TOLD = 20
_KEPT_OUTSIDE = (
    "the checkpoint knows",
    "at the checkpoint's place stands another entry than the one kept outside",
)
_READ_BEFORE = ("this process has read", "another entry stands here than the one that this process has read before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A verified chain: its evidence in order of sequence, its state, and the report for people.

    After a quick reading, `evidence` takes the signatures of observations for granted: call `confirm` with the digests
    of those that were used, and read again in full when it finds anything.
    """

    evidence: Records
    state: LedgerState
    report: VerificationReport
    keys: Keyring
    presumed: Mapping[str, Envelope] = field(default_factory=dict)

    def of(self, kind: RecordType) -> Sequence[Evidence]:
        """The verified records of a type, in order of sequence."""
        return self.evidence.by(verified_type).get(kind, ())

    def bodies(self, kind: RecordType, shape: type[B]) -> Sequence[tuple[Evidence, B]]:
        """The verified records of a type with their bodies, in order of sequence; what cannot be read is left out."""
        return self.evidence.bodies(kind, shape, verified_type)

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
    chain = Chain(system, trust, quick=quick, upcasters=upcasters)
    for entry in entries:
        chain.take(entry)
    return chain.reading(pin)


class Chain:
    """One system's chain while it is verified, entry by entry. It can be read at any time, and go on after that."""

    def __init__(
        self, system: str, trust: TrustRoot, *, quick: bool = False, upcasters: Mapping[int, Upcaster] = UPCASTERS
    ) -> None:
        self._system = system
        self._pinned = trust.pinned
        self._keys = Keyring(trust)
        self._quick = quick
        self._upcasters = upcasters
        self._links = Links()
        self._pending: list[_Pending] = []
        self._judged = Records()
        self._refused: list[Problem] = []
        self._presumed: dict[str, Envelope] = {}
        self._depends: dict[frozenset[tuple[str, str]], Mapping[str, str]] = {}
        self._problems: list[Problem] = []
        self._void: list[Problem] = []
        self._seen: set[str] = set()
        self._newest: datetime | None = None
        self._signatures = 0

    @property
    def count(self) -> int:
        """How many entries were taken."""
        return self._links.count

    @property
    def last(self) -> int:
        """The place of the newest entry, 0 before the first."""
        return self._links.last

    @property
    def head(self) -> Checkpoint | None:
        """The newest entry that was taken, by its computed digest; None before the first."""
        if self._links.count == 0:
            return None
        return Checkpoint(system=self._system, sequence=self._links.last, digest=self._links.head)

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

    def reading(self, pin: Sequence[Checkpoint] = (), *, remembered: Sequence[Checkpoint] = ()) -> Reading:
        """Step 4 with all keys as they stand by now, the broken links, and step 8.

        `remembered` are heads that whoever reads has seen before: like `pin` they must stand, but they anchor nothing.
        """
        broken = self._links.diagnose()
        pinned = [point for point in pin if point.system == self._system]
        moved = [*self._moved(pinned, _KEPT_OUTSIDE), *self._moved(remembered, _READ_BEFORE)]
        if pin and not pinned:
            message = f"no checkpoint that was given belongs to {self._system}"
            moved.append(Problem(code="other-checkpoint", message=message))
        found = (*self._problems, *broken, *moved)
        problems = tuple(sorted(found, key=lambda p: (p.sequence is None, p.sequence or 0)))
        evidence, refused = self._judge(broken)
        report = VerificationReport(
            system=self._system,
            entries=self._links.count,
            head=self._links.head,
            signatures=self._signatures,
            anchored_to=max((p.sequence for p in pinned), default=0) if self._pinned and not problems else 0,
            problems=problems,
            void=(*self._void, *refused),
        )
        state = LedgerState(
            entries=report.entries,
            head=report.head,
            anchored=report.anchored,
            problems=_told(problems),
            newest=self._newest,
            anchored_to=report.anchored_to,
        )
        return Reading(
            evidence=evidence,
            state=state,
            report=report,
            keys=self._keys,
            presumed=self._presumed,
        )

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
        # Most records rest on what others rest on: one mapping for all of them saves a third of the memory.
        alike = frozenset(record.depends.items())
        return replace(record, depends=self._depends.setdefault(alike, record.depends))

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
        else:
            # The keys have changed for what stands before, too.
            self._judged, self._refused = Records(), []

    def _judge(self, broken: Sequence[Problem]) -> tuple[Records, Sequence[Problem]]:
        """The evidence, and what does not count of it. What was judged under the same keys is not judged again."""
        if broken:
            altered = {problem.sequence: problem.message for problem in broken}
            refused: list[Problem] = []
            judged = [self._evidence(each, altered.get(each.sequence, ""), refused) for each in self._pending]
            return Records(judged), refused
        new = [self._evidence(each, "", self._refused) for each in self._pending[len(self._judged) :]]
        if new:
            self._judged = self._judged.plus(new)
        return self._judged, tuple(self._refused)

    def _evidence(self, pending: _Pending, broken: str, refused: list[Problem]) -> Evidence:
        # 4. The key may sign this, then and now.
        key = self._keys.get(pending.key)
        problem = "; ".join(filter(None, (pending.problem, broken)))
        if key is not None:
            objected = objection(key, pending.record, received_at=pending.received_at)
            if objected is not None:
                refused.append(objected.at(pending.sequence))
                problem = "; ".join(filter(None, (problem, objected.message)))
        return Evidence(
            record=pending.record,
            digest=pending.digest,
            sequence=pending.sequence,
            received_at=pending.received_at,
            signer=None if key is None else Signer(key=key.key, holder=key.holder, local=key.local),
            problem=problem,
        )

    def stands(self, point: Checkpoint) -> bool:
        """Whether the entry of that checkpoint stands in what was taken."""
        return self._links.digest_at(point.sequence) == point.digest

    def _moved(self, points: Sequence[Checkpoint], said: tuple[str, str]) -> Iterator[Problem]:
        # 8. What was seen to stand.
        gone, other = said
        for point in points:
            if self._links.digest_at(point.sequence) is None:
                message = f"{gone} entry {point.sequence}, but the chain ends at {self._links.count}"
                yield Problem(code="truncated", message=message)
            elif not self.stands(point):
                yield Problem(code="rewritten", message=other, sequence=point.sequence)


def _told(problems: Sequence[Problem]) -> tuple[str, ...]:
    """The first problems as text, and how many more there are: a verdict that lists them all helps nobody."""
    more = len(problems) - _TOLD
    return (*map(str, problems[:_TOLD]), *([f"and {more} more: run `seatrial verify`"] if more > 0 else []))
