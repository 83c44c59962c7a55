"""A system's records, sorted by whatever is asked of them: sorted once, and kept while others are appended.

A ledger holds a hundred thousand records, and what is asked of them concerns a few. So each question sorts them by a
key of its own, and what `plus` appends is put in its place among what was sorted before.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar, cast, overload

from seatrial.core.codec import CodecError, from_data
from seatrial.core.record import Evidence, Record
from seatrial.core.vocabulary import RecordType

B = TypeVar("B")
K = TypeVar("K", bound=Hashable)
_Key = Callable[[Evidence], Hashable | None]
_Order = Callable[[Evidence], Any]
_Groups = dict[Hashable, list[Evidence]]
_Told = tuple[tuple[Evidence, object], ...]


def record_type(evidence: Evidence) -> RecordType:
    """The record's type, whether or not the record verifies."""
    return evidence.record.type


def verified_type(evidence: Evidence) -> RecordType | None:
    """The type of a record that verifies."""
    return None if evidence.problem else evidence.record.type


class Records(Sequence[Evidence]):
    """Records in the order in which they were given. Never changed: `plus` makes another, which shares what it can.

    Threads may share it. The keys and orders that it is asked with are functions of a module, so that the same question
    is known again, and depend on nothing but the evidence that they are given.
    """

    def __init__(self, evidence: Iterable[Evidence] = ()) -> None:
        self._all = tuple(evidence)
        self._newest = max((each.record.at for each in self._all), default=None)
        self._sorted: dict[tuple[_Key, _Order | None], _Groups] = {}
        self._told: dict[tuple[_Key, Hashable, type], _Told] = {}
        self._read: dict[tuple[str, type], tuple[Record, object]] = {}

    @overload
    def __getitem__(self, index: int) -> Evidence: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Evidence, ...]: ...
    def __getitem__(self, index: int | slice) -> Evidence | tuple[Evidence, ...]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Evidence]:
        return iter(self._all)

    def __eq__(self, other: object) -> bool:
        return self._all == other._all if isinstance(other, Records) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all)

    @property
    def newest(self) -> datetime | None:
        """The latest time at which one of them says that it was made; None where there are none."""
        return self._newest

    def plus(self, more: Iterable[Evidence]) -> Records:
        """These and those after them, with all that these were sorted into and read as."""
        added = tuple(more)
        grown = Records(added)
        grown._all = self._all + added
        grown._newest = max((each for each in (self._newest, grown._newest) if each is not None), default=None)
        grown._read = self._read
        grown._sorted = {
            question: _put(dict(groups), added, *question) for question, groups in tuple(self._sorted.items())
        }
        for (key, group, shape), before in tuple(self._told.items()):
            new = [each for each in added if key(each) == group]
            grown._told[key, group, shape] = before + tuple(grown._bodies(new, shape))
        return grown

    def by(self, key: Callable[[Evidence], K | None], order: _Order | None = None) -> Mapping[K, Sequence[Evidence]]:
        """All of them by that key, without those for which it is None; each group in `order`, else as they stand."""
        groups = self._sorted.get((key, order))
        if groups is None:
            groups = {}
            for each in self._all:
                if (group := key(each)) is not None:
                    groups.setdefault(group, []).append(each)
            if order is not None:
                for found in groups.values():
                    found.sort(key=order)
            self._sorted[key, order] = groups
        return cast("Mapping[K, Sequence[Evidence]]", groups)

    def of(self, kind: RecordType) -> Sequence[Evidence]:
        """Those of a type, verified or not."""
        return self.by(record_type).get(kind, ())

    def bodies(
        self, kind: RecordType, shape: type[B], key: Callable[[Evidence], RecordType | None] = record_type
    ) -> Sequence[tuple[Evidence, B]]:
        """Those of a type with their bodies; what cannot be read is left out."""
        found = self._told.get((key, kind, shape))
        if found is None:
            found = self._told[key, kind, shape] = tuple(self._bodies(self.by(key).get(kind, ()), shape))
        return cast("Sequence[tuple[Evidence, B]]", found)

    def body(self, evidence: Evidence, shape: type[B]) -> B | None:
        """The body of one of them, read once; None where it cannot be read."""
        return cast("B | None", self._body(evidence, shape))

    def _body(self, evidence: Evidence, shape: type) -> object:
        known = self._read.get((evidence.digest, shape))
        # Equal digests name equal records in a chain that verifies, and nothing in one that does not.
        if known is None or known[0] is not evidence.record:
            try:
                body: object = from_data(shape, evidence.record.body)
            except CodecError:
                body = None
            known = self._read[evidence.digest, shape] = evidence.record, body
        return known[1]

    def _bodies(self, evidence: Iterable[Evidence], shape: type) -> Iterator[tuple[Evidence, object]]:
        for each in evidence:
            body = self._body(each, shape)
            if body is not None:
                yield each, body


def _put(groups: _Groups, added: Sequence[Evidence], key: _Key, order: _Order | None) -> _Groups:
    """The groups with what was added in its place; a list that is added to is another one than before."""
    copied = set()
    for each in added:
        group = key(each)
        if group is None:
            continue
        if group not in copied:
            groups[group] = list(groups.get(group, ()))
            copied.add(group)
        if order is None:
            groups[group].append(each)
        else:
            insort(groups[group], each, key=order)
    return groups
