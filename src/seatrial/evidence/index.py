"""What a process that goes on running has verified of the chains that it reads: once, then what was appended since.

An index holds a chain as it was verified, and a digest over its rows as they stood in the database. Each reading

1. asks whether the database was written to at all; a SQLite file's state on disk tells, a server does not,
2. verifies what was appended since, linked to what was verified before,
3. compares the rows before with their digest, where that is due, and on any difference verifies all of them anew.

Comparing is due at once for chains of up to `AT_ONCE` entries, for longer ones after `LONGEST_S`, and always when the
caller asks for it: before GO, and before anything is signed or decided. So an older entry that is changed in a long
chain may go unseen for `LONGEST_S`, and never by what counts. What is shown meanwhile is what was verified, not what
was put in its place. A chain that ends before the entry that was read last, or holds another one there, is found at
the next reading, also without a checkpoint from outside: the index remembers its head.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

from seatrial.evidence.database import Mark
from seatrial.evidence.entry import Checkpoint, Entry
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Chain, Reading

AT_ONCE = 5_000
"""Entries that are compared whenever the database was written to: about 20 ms."""
LONGEST_S = 300.0
"""Seconds after which a longer chain is compared, when the database was written to."""
MOST_BYTES = 128 * 1024**2
"""Envelopes of all chains that are kept, which take about 4.5 times as much memory as objects: beyond it the chain that
was read longest ago is let go."""


class Index:
    """One system's chain as one process knows it. Threads may share it."""

    def __init__(
        self, system: str, trust: TrustRoot, *, at_once: int = AT_ONCE, remembered: Checkpoint | None = None
    ) -> None:
        self._system = system
        self._at_once = at_once
        self._lock = threading.Lock()
        self._remembered = remembered
        self._compared_at = -float("inf")
        self._compared_mark: Mark | None = None
        self._read_mark: Mark | None = None
        self.trust = trust
        self._begin()

    @property
    def bytes(self) -> int:
        """The size of the envelopes that it holds."""
        return self._bytes

    @property
    def known(self) -> Checkpoint | None:
        """The newest entry that was ever read here, for an index that takes this one's place."""
        lost = self._remembered is not None and not self._chain.stands(self._remembered)
        return self._remembered if lost else self._chain.head or self._remembered

    def current(self, mark: Mark | None, pin: Sequence[Checkpoint] = (), *, compared: bool = False) -> Reading | None:
        """The reading, where nothing was written since the chain was read and what is due was compared; else None."""
        with self._lock:
            return self._reading(pin) if self._holds(mark, compared=compared) else None

    def read(
        self, ledger: Ledger, pin: Sequence[Checkpoint] = (), *, compared: bool = False, since: float = float("inf")
    ) -> Reading:
        """The chain as it stands, fully verified.

        What was read before is `compared` in any case, or where that is due (see the module); a comparison
        that began after `since`, on the monotonic clock in seconds, is not made again.
        """
        with self._lock:
            # Taken before anything is read: what is written meanwhile shows as another mark the next time.
            began, mark = time.monotonic(), ledger.mark()
            if not self._holds(mark, compared=compared):
                wanted = (compared or self._due()) and self._compared_at < since
                if wanted or not self._append(ledger):
                    self._compare(ledger)
                    self._compared_mark, self._compared_at = mark, began
                self._read_mark = mark
            return self._reading(pin)

    def _holds(self, mark: Mark | None, *, compared: bool) -> bool:
        if mark is None:
            return False
        return mark == self._compared_mark or (mark == self._read_mark and not compared and not self._due())

    def _due(self) -> bool:
        return self._chain.count <= self._at_once or time.monotonic() - self._compared_at > LONGEST_S

    def _append(self, ledger: Ledger) -> bool:
        """Take what was appended; false where the newest entry is no longer the one that was read."""
        entries = ledger.entries(self._system, since=self._chain.last)
        if self._last is None or next(entries, None) != self._last:
            return False
        for entry in entries:
            self._take(entry)
        return True

    def _compare(self, ledger: Ledger) -> None:
        """Compare all rows that were read with their digest, and take the others; where it differs, take all anew."""
        entries = ledger.entries(self._system)
        rows = hashlib.sha256()
        for entry in islice(entries, self._chain.count):
            rows.update(_row(entry))
        if rows.digest() != self._rows.digest():
            self._remembered = self.known
            self._begin()
            entries = ledger.entries(self._system)
        for entry in entries:
            self._take(entry)

    def _begin(self) -> None:
        self._chain = Chain(self._system, self.trust)
        self._rows = hashlib.sha256()
        self._last: Entry | None = None
        self._bytes = 0
        self._readings: dict[tuple[Checkpoint, ...], Reading] = {}

    def _take(self, entry: Entry) -> None:
        self._chain.take(entry)
        self._rows.update(_row(entry))
        self._last = entry
        self._bytes += len(entry.envelope)
        self._readings = {}

    def _reading(self, pin: Sequence[Checkpoint]) -> Reading:
        points = tuple(pin)
        found = self._readings.get(points)
        if found is None:
            remembered = () if self._remembered is None else (self._remembered,)
            found = self._readings[points] = self._chain.reading(points, remembered=remembered)
        return found


class Indexes:
    """The indexes of a process, by ledger and system; those read longest ago are let go, but for their heads."""

    def __init__(self, *, at_once: int = AT_ONCE, most_bytes: int = MOST_BYTES) -> None:
        self._at_once = at_once
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Index] = OrderedDict()
        self._known: dict[tuple[str, str], Checkpoint | None] = {}

    def of(self, url: str, system: str, trust: TrustRoot) -> Index:
        """The index of that chain under that trust root."""
        place = url, system
        with self._lock:
            index = self._kept.get(place)
            if index is None or index.trust != trust:
                remembered = self._known.get(place) if index is None else index.known
                index = self._kept[place] = Index(system, trust, at_once=self._at_once, remembered=remembered)
            self._kept.move_to_end(place)
            held = sum(each.bytes for each in self._kept.values())
            while held > self._most_bytes and len(self._kept) > 1:
                gone, let_go = self._kept.popitem(last=False)
                self._known[gone] = let_go.known
                held -= let_go.bytes
            return index


def _row(entry: Entry) -> bytes:
    """The columns of a row, spelled so that no two rows are spelled alike."""
    told = (entry.system, entry.sequence, entry.previous, entry.record, entry.received_at, entry.digest)
    return repr((told, len(entry.envelope))).encode() + entry.envelope
