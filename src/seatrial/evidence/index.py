"""What a process that goes on running has verified of the chains that it reads: once, then what was appended since.

An index holds a chain as it was verified, and a digest over its rows as they stood in the database. Each reading

1. asks whether the database was written to at all; a SQLite file's state on disk tells, a server does not,
2. verifies what was appended since, linked to what was verified before,
3. compares the rows before with their digest, where that is due, and on any difference verifies all of them anew.

Comparing is due at once for chains of up to `AT_ONCE` bytes, for longer ones after `LONGEST_S`, and whenever the caller
asks for it, as before GO. Before anything is signed or put on record `read` compares all of it in that moment. So an
older entry that is changed in a long chain may go unseen for `LONGEST_S` by what is shown, and never by what is signed.
What is shown meanwhile is what was verified, not what was put in its place. A chain that ends before the entry that was
read last, or holds another one there, is found at the next reading, also without a checkpoint from outside: the index
remembers its head.

Verifying or comparing a long chain takes its time, and keeps nobody waiting: `shortly` gives what can be had within a
reader's `Patience`, else nothing, and `read` beside it goes on until all is done. Where that patience does not suffice
to compare, what `shortly` was asked to compare may have been compared up to `SHOWN_S` ago: so old may GO be that is
only shown. `stood_at` tells.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from seatrial.evidence.database import Mark
from seatrial.evidence.entry import Checkpoint, Entry
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Chain, Reading

AT_ONCE = 1_500_000
"""Bytes of envelopes that are compared whenever the database was written to: about 20 ms, for it goes by their size."""
LONGEST_S = 300.0
"""Seconds after which a longer chain is compared, when the database was written to."""
SHOWN_S = 30.0
"""So old may be the comparison of a long chain for what is only shown, where another one goes on beside the page."""
_SLICE = 100
MOST_BYTES = 512 * 1024**2
"""Envelopes of all chains that are kept, which take about 2.3 times as much memory as objects: beyond it the chain that
was read longest ago is let go, once another one is asked for that is not kept. A year of 100,000 records in one chain
is below it."""


@dataclass(slots=True)
class Patience:
    """What a reader who does not wait still does itself, in entries that are verified: each takes about 0.3 ms."""

    left: float = 100.0

    def takes(self, cost: float) -> bool:
        """Whether that much can be done, which then is taken off; comparing an entry costs a fifth."""
        if cost > self.left:
            return False
        self.left -= cost
        return True


class _Held:
    """A chain as far as it was verified, and a digest over its rows as they stood in the database."""

    def __init__(self, system: str, trust: TrustRoot) -> None:
        self.chain = Chain(system, trust)
        self.rows = hashlib.sha256()
        self.last: Entry | None = None
        self.size = 0
        self.sorted = False
        self._readings: dict[tuple[tuple[Checkpoint, ...], Checkpoint | None], Reading] = {}

    def so_far(self) -> tuple[int, bytes]:
        """How many rows there are, and their digest."""
        return self.chain.count, self.rows.digest()

    def take(self, entry: Entry) -> None:
        self.chain.take(entry)
        self.rows.update(_row(entry))
        self.last = entry
        self.size += len(entry.envelope)
        self._readings = {}

    def reading(self, pin: Sequence[Checkpoint], remembered: Checkpoint | None) -> Reading:
        asked = tuple(pin), remembered
        found = self._readings.get(asked)
        if found is None:
            seen = () if remembered is None else (remembered,)
            found = self._readings[asked] = self.chain.reading(asked[0], remembered=seen)
        return found


class Index:
    """One system's chain as one process knows it. Threads may share it."""

    def __init__(
        self, system: str, trust: TrustRoot, *, at_once: int = AT_ONCE, remembered: Checkpoint | None = None
    ) -> None:
        self._system = system
        self._at_once = at_once
        self._reading_all = threading.Lock()
        self._lock = threading.Lock()
        """Held for as long as a reader may be kept waiting; nothing changes without it."""
        self._remembered = remembered
        self._held = _Held(system, trust)
        self._compared_at = -float("inf")
        self._compared_mark: Mark | None = None
        self._read_mark: Mark | None = None
        self.trust = trust

    @property
    def size(self) -> int:
        """The bytes of the envelopes that it holds."""
        return self._held.size

    @property
    def sorted(self) -> bool:
        """Whether what everybody asks of the records was asked once: of a long chain that takes its time, too."""
        return self._held.sorted or self.size <= self._at_once

    def is_sorted(self) -> None:
        """Say so."""
        self._held.sorted = True

    @property
    def compared_at(self) -> float:
        """Up to when all that it holds was found to stand as it was verified, in monotonic seconds.

        That is when it began to be compared last, or later where the database was not written to since; minus infinity
        before that.
        """
        return self._compared_at

    def stood_at(self, mark: Mark | None) -> float:
        """Up to when all that it holds is known to stand in the database as it was verified, in monotonic seconds.

        That is when the last comparison began, or now where the database was not written to since.
        """
        with self._lock:
            unchanged = mark is not None and mark == self._compared_mark
            return time.monotonic() if unchanged else self._compared_at

    @property
    def known(self) -> Checkpoint | None:
        """The newest entry that was ever read here, for an index that takes this one's place."""
        chain = self._held.chain
        lost = self._remembered is not None and not chain.stands(self._remembered)
        return self._remembered if lost else chain.head or self._remembered

    def current(
        self, mark: Mark | None, pin: Sequence[Checkpoint] = (), *, compared: bool = False, at: float = -float("inf")
    ) -> Reading | None:
        """The reading, where nothing was written since the chain was read and what is due was compared; else None.

        `at` is a time before the mark was taken, in monotonic seconds: where nothing was written since all was
        compared, it stood so until then, and need not be compared anew for as long.
        """
        with self._lock:
            if not self._holds(mark, compared=compared):
                return None
            if mark == self._compared_mark:
                self._compared_at = max(self._compared_at, at)
            return self._reading(pin)

    def read(
        self, ledger: Ledger, pin: Sequence[Checkpoint] = (), *, compared: bool = False, since: float = float("inf")
    ) -> Reading:
        """The chain as it stands, fully verified, however long it takes.

        What was read before is `compared` in any case, or where that is due (see the module); a comparison
        that began after `since`, on the monotonic clock in seconds, is not made again.
        """
        with self._reading_all:
            # Taken before anything is read: what is written meanwhile shows as another mark the next time.
            began, mark = time.monotonic(), ledger.mark()
            with self._lock:
                if self._holds(mark, compared=compared):
                    return self._reading(pin)
                known, rows = self._held.last, self._held.so_far()
                wanted = (compared or self._due()) and self._compared_at < since
            if known is None or (wanted and not self._compares(ledger, *rows)) or not self._appends_all(ledger):
                return self._read_anew(ledger, mark, began, pin)
            with self._lock:
                self._read_up_to(mark, began if wanted else None)
                return self._reading(pin)

    def shortly(
        self,
        ledger: Ledger,
        patience: Patience,
        pin: Sequence[Checkpoint] = (),
        *,
        compared: bool = False,
        since: float = float("inf"),
    ) -> Reading | None:
        """As `read`, as far as the patience goes; None where `read` must be called by somebody who can wait.

        What there is no patience to compare counts as compared for `SHOWN_S`.
        """
        with self._lock:
            began, mark = time.monotonic(), ledger.mark()
            if self._holds(mark, compared=compared):
                return self._reading(pin)
            wanted = (compared or self._due()) and self._compared_at < since
            if wanted and not patience.takes(self._held.chain.count / 5):
                if self._compared_at < since - SHOWN_S:
                    return None
                wanted = False
            newest = ledger.checkpoint(self._system)
            behind = (0 if newest is None else newest.sequence) - self._held.chain.last
            if not patience.takes(max(0, behind)):
                return None
            if self._held.last is None:
                self._held, wanted = self._all_of(ledger), True
            elif (wanted and not self._compares(ledger, *self._held.so_far())) or self._appends(ledger) is None:
                return None
            self._read_up_to(mark, began if wanted else None)
            return self._reading(pin)

    def _holds(self, mark: Mark | None, *, compared: bool) -> bool:
        if mark is None:
            return False
        return mark == self._compared_mark or (mark == self._read_mark and not compared and not self._due())

    def _due(self) -> bool:
        return self.size <= self._at_once or time.monotonic() - self._compared_at > LONGEST_S

    def _read_up_to(self, mark: Mark | None, compared_at: float | None) -> None:
        if compared_at is not None:
            self._compared_mark, self._compared_at = mark, compared_at
        self._read_mark = mark

    def _appends_all(self, ledger: Ledger) -> bool:
        """Take what was appended, letting readers in between; false as for `_appends`."""
        while True:
            with self._lock:
                more = self._appends(ledger, _SLICE)
            if not more:
                return more is not None

    def _appends(self, ledger: Ledger, most: int | None = None) -> bool | None:
        """Take what was appended, `most` entries at once; whether there is more.

        None where the newest entry is no longer the one that was read.
        """
        held = self._held
        entries = ledger.entries(self._system, since=held.chain.last)
        if held.last is None or next(entries, None) != held.last:
            return None
        taken = 0
        for entry in islice(entries, most):
            held.take(entry)
            taken += 1
        return taken == most

    def _compares(self, ledger: Ledger, count: int, digest: bytes) -> bool:
        """Whether so many rows still stand in the database with that digest."""
        rows = hashlib.sha256()
        for entry in islice(ledger.entries(self._system), count):
            rows.update(_row(entry))
        return rows.digest() == digest

    def _read_anew(self, ledger: Ledger, mark: Mark | None, began: float, pin: Sequence[Checkpoint]) -> Reading:
        """Verify all of it. Until that is done there is no reading: what was read before does not stand there now."""
        with self._lock:
            self._remembered = self.known
            self._held = _Held(self._system, self.trust)
            self._compared_mark = self._read_mark = None
        held = self._all_of(ledger)
        with self._lock:
            self._held = held
            self._read_up_to(mark, began)
            return self._reading(pin)

    def _all_of(self, ledger: Ledger) -> _Held:
        held = _Held(self._system, self.trust)
        for entry in ledger.entries(self._system):
            held.take(entry)
        held.reading((), self._remembered)
        return held

    def _reading(self, pin: Sequence[Checkpoint]) -> Reading:
        return self._held.reading(pin, self._remembered)


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
                self._let_go()
            self._kept.move_to_end(place)
            return index

    def holds(self, url: str, system: str) -> bool:
        """Whether that chain is kept."""
        with self._lock:
            return (url, system) in self._kept

    def _let_go(self) -> None:
        held = sum(each.size for each in self._kept.values())
        while held > self._most_bytes and len(self._kept) > 1:
            gone, let_go = self._kept.popitem(last=False)
            self._known[gone] = let_go.known
            held -= let_go.size


def _row(entry: Entry) -> bytes:
    """The columns of a row, spelled so that no two rows are spelled alike."""
    told = (entry.system, entry.sequence, entry.previous, entry.record, entry.received_at, entry.digest)
    return repr((told, len(entry.envelope))).encode() + entry.envelope
