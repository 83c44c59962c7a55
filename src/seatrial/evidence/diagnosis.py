"""The links of a chain, and what was done to it where they do not hold.

Each entry's digest covers its place, its predecessor's digest, its record's digest and its time. So an entry whose
digest is right in another place was moved, one whose fields fit no place was altered, and one that is right in itself
but is not what its successor was written on was replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.evidence.entry import GENESIS, Entry, entry_digest, link_digest
from seatrial.evidence.report import Problem

_LOOK_AT_MOST = 64
"""How many broken entries are compared with each other: enough to name what was done, never quadratic in the chain."""


class Links:
    """The digests of a chain, taken entry by entry."""

    def __init__(self) -> None:
        self._digests: dict[int, str] = {}
        self._last: Entry | None = None
        self._last_holds = True
        self._broken: list[Entry] = []
        self._problems: list[Problem] = []
        self.count = 0

    @property
    def head(self) -> str:
        """The digest of the newest entry, computed; that of the genesis for an empty chain."""
        return GENESIS if self._last is None else self._digests[self._last.sequence]

    @property
    def last(self) -> int:
        """The place of the newest entry, 0 for an empty chain."""
        return 0 if self._last is None else self._last.sequence

    def digest_at(self, sequence: int) -> str | None:
        """The computed digest of the entry at that place, or None when there is none."""
        return self._digests.get(sequence)

    def take(self, entry: Entry) -> None:
        """The next entry as it stands."""
        self.count += 1
        computed = entry_digest(entry)
        holds = computed == entry.digest
        if not holds:
            self._broken.append(entry)
        expected = 1 if self._last is None else self._last.sequence + 1
        if entry.sequence in self._digests:
            self._say("repeated", "this place in the chain is taken twice", entry.sequence)
        elif entry.sequence != expected:
            self._missing(expected, entry.sequence)
        elif holds and self._last_holds:
            self._follow(entry)
        self._digests[entry.sequence] = computed
        self._last, self._last_holds = entry, holds

    def diagnose(self) -> Sequence[Problem]:
        """What was done, one problem for each entry concerned."""
        looked, unlooked = self._broken[:_LOOK_AT_MOST], self._broken[_LOOK_AT_MOST:]
        return [*self._problems, *_name(looked), *map(_altered, unlooked)]

    def _follow(self, entry: Entry) -> None:
        before = GENESIS if self._last is None else self._last.digest
        if entry.previous == before:
            return
        if self._last is None:
            self._say("missing", "it was written on an entry that is not there", entry.sequence)
        else:
            message = "it is not the entry on which the next one was written"
            self._say("replaced", message, self._last.sequence)

    def _missing(self, expected: int, found: int) -> None:
        gone = f"entry {expected} is" if found == expected + 1 else f"entries {expected} to {found - 1} are"
        self._say("missing", f"{gone} missing" if found > expected else "its place lies before the chain", expected)

    def _say(self, code: str, message: str, sequence: int) -> None:
        self._problems.append(Problem(code=code, message=message, sequence=sequence))


def _name(broken: Sequence[Entry]) -> Iterator[Problem]:
    """What was done to the entries whose own digest is wrong."""
    written = {entry.sequence: _written_at(entry, broken) for entry in broken}
    moved = {now: then for now, then in written.items() if then is not None}
    swapped = set(moved) == set(moved.values())
    for entry in broken:
        then = moved.get(entry.sequence)
        record_at = None if then is not None else _record_at(entry, broken)
        if then is not None and swapped:
            message = f"it was written as entry {then}"
            yield Problem(code="reordered", message=message, sequence=entry.sequence)
        elif then is not None:
            message = f"it was written as entry {then}: what stood before it is missing"
            yield Problem(code="missing", message=message, sequence=entry.sequence)
        elif record_at is not None:
            message = f"the record that was written here now stands in entry {record_at}"
            yield Problem(code="reordered", message=message, sequence=entry.sequence)
        else:
            yield _altered(entry)


def _written_at(entry: Entry, broken: Sequence[Entry]) -> int | None:
    """The other place at which the entry's digest is right: a broken one's, or one a little further on."""
    further = range(entry.sequence + 1, entry.sequence + _LOOK_AT_MOST)
    places = dict.fromkeys((*(other.sequence for other in broken if other is not entry), *further))
    holding = (place for place in places if _would_hold(entry, sequence=place, record=entry.record))
    return next(holding, None)


def _record_at(entry: Entry, broken: Sequence[Entry]) -> int | None:
    """Where the record stands that makes the entry's digest right."""
    holding = (o.sequence for o in broken if _would_hold(entry, sequence=entry.sequence, record=o.record))
    return next(holding, None)


def _altered(entry: Entry) -> Problem:
    return Problem(code="altered-entry", message="its place, time or digests were changed", sequence=entry.sequence)


def _would_hold(entry: Entry, *, sequence: int, record: str) -> bool:
    digest = link_digest(
        entry.system, sequence=sequence, previous=entry.previous, record=record, received_at=entry.received_at
    )
    return digest == entry.digest
