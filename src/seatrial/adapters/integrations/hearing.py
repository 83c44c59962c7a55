"""Ears for sources that keep no history: what arrives is kept from the moment at which somebody listens."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seatrial.adapters.integrations.payloads import decoded
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.integrations.types import SEEN, types_of
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.ports import TEST_MARK, Part, Row

_MOST_BYTES: Final = 256 * 1024 * 1024
_ALIVE_S: Final = 0.2
_KEPT: Final = 100
"""Records that are still shown to readers after they were given away."""
_OURS: Final = TEST_MARK.encode()


class Heard:
    """What one ear heard, in order; a message that came twice is there twice. Safe to use from several threads.

    Messages of others are kept as well and never shown; those that are no records only matter when they hold one of
    ours. After `deafen` nothing can be told any more, since something may have been missed.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._changed = threading.Condition()
        self._began = time.monotonic()
        self._new: list[bytes] = []
        self._bytes = 0
        self._rows: list[Row] = []
        self._unreadable: Malformed | None = None
        self._odd: list[tuple[bytes, Malformed]] = []
        self._found: dict[str, dict[str, list[Row]]] = {}
        self._ranks: dict[str, dict[str, int]] = {}
        self._looked_at: dict[str, int] = {}
        self._problem: SeatrialError | None = None
        self._given = self._unread = 0

    def take(self, message: bytes) -> None:
        """Keep one message."""
        with self._changed:
            self._bytes += len(message)
            if self._bytes > _MOST_BYTES:
                self._problem = self._problem or Unreachable(
                    f"integration {self._place.name!r} sends more than the {_MOST_BYTES // 1024**2} MiB that are kept",
                    remedy="Name a narrower source, which carries little beside what is observed.",
                )
                self._new.clear()
            else:
                self._new.append(message)
            self._changed.notify_all()

    def deafen(self, problem: SeatrialError) -> None:
        """From now on something may be missed; the first reason counts."""
        with self._changed:
            self._problem = self._problem or problem
            self._changed.notify_all()

    def newest(self, most: int, *, listen_for_s: float) -> Sequence[Row]:
        """The last `most` records, oldest first: as soon as there are that many, or after listening that long.

        Raises SeatrialError when it is deaf, Malformed where messages are no records.
        """
        ends = self._began + listen_for_s
        with self._changed:
            self._read()
            while len(self._rows) < most and self._problem is None and (left_s := ends - time.monotonic()) > 0:
                self._changed.wait(left_s)
                self._read()
            if self._problem is not None:
                raise self._problem
            if self._unreadable is not None:
                raise self._unreadable
            return self._rows[-most:]

    def drained(self, most: int) -> Sequence[Row]:
        """The next records that were not given yet, oldest first; they are let go of, but for the newest few.

        A message that is no record is an empty one. Raises SeatrialError when it is deaf and all was given.
        """
        with self._changed:
            self._read()
            part = self._rows[self._given : self._given + most]
            if not part and self._problem is not None:
                raise self._problem
            self._given += len(part)
            gone = max(0, self._given - _KEPT)
            del self._rows[:gone]
            self._given -= gone
            self._looked_at = {key: max(0, place - gone) for key, place in self._looked_at.items()}
            unreadable, self._unread = self._unread, 0
            if self._given == len(self._rows):
                self._bytes = 0
            return [*part, *({} for _ in range(unreadable))]

    def observed(self, key: str, values: Sequence[str]) -> dict[str, list[Row]]:
        """The records by the text of `key`, in the order in which they were heard first.

        Raises SeatrialError when it is deaf or one of them came as no record.
        """
        with self._changed:
            if self._problem is not None:
                raise self._problem
            self._read()
            found, ranks = self._found.setdefault(key, {}), self._ranks.setdefault(key, {})
            for row in self._rows[self._looked_at.get(key, 0) :]:
                if key in row:
                    found.setdefault(str(row[key]), []).append(row)
                    ranks.setdefault(str(row[key]), len(ranks))
                elif _OURS in (spelled := repr(row).encode()):
                    self._odd.append((spelled, self._keyless(key)))
            self._looked_at[key] = len(self._rows)
            for message, problem in self._odd:
                if any(value.encode() in message for value in values):
                    raise problem
            return {value: list(found[value]) for value in sorted(found.keys() & set(values), key=ranks.__getitem__)}

    def _read(self) -> None:
        for message in self._new:
            try:
                self._rows += decoded(message, self._place)
            except Malformed as error:
                self._unreadable = self._unreadable or error
                self._unread += 1
                if _OURS in message:
                    self._odd.append((message, error))
        self._new.clear()

    def _keyless(self, key: str) -> Malformed:
        return Malformed(
            f"integration {self._place.name!r} shows test records without the key {key!r}",
            remedy=f"Let what arrives there carry {key!r}, or declare another key for the flow.",
        )


def _nothing() -> None:
    """An ear that cannot go deaf unnoticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ear:
    """How to stop listening, and how to make sure that the source still speaks to us: `alive` raises SeatrialError."""

    stop: Callable[[], None]
    alive: Callable[[], None] = _nothing


class Ears:
    """The ears of one integration, one for each source (topic, binding key) that is listened to.

    `opened` begins to listen to a source; it may raise SeatrialError.
    """

    def __init__(self, place: Place, opened: Callable[[str, Heard], Ear]) -> None:
        self._place = place
        self._opened = opened
        self._lock = threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._ears: dict[str, Ear] = {}
        self._asked: dict[str, float] = {}

    def listen(self, source: str) -> Heard:
        """Begin, where nobody listens to it yet."""
        with self._lock:
            if source not in self._heard:
                heard = Heard(self._place)
                self._ears[source] = self._opened(source, heard)
                self._heard[source] = heard
            return self._heard[source]

    def read(self, source: str, most: int) -> Sequence[Row]:
        """The newest records, for which it is listened as long as the end declares."""
        return self.listen(source).newest(most, listen_for_s=self._place.end.listen_for) if most > 0 else ()

    def parts(self, source: str, most: int) -> Iterator[Part]:
        """What was heard and not given yet. An ear that has gone deaf is replaced: the next call hears again."""
        heard = self.listen(source)
        try:
            self._sounded(source, heard)
            while part := heard.drained(most):
                yield part, None
        except SeatrialError:
            with self._lock:
                self._heard.pop(source, None)
                ear = self._ears.pop(source, None)
            if ear is not None:
                ear.stop()
            raise

    def schema(self, source: str) -> Mapping[str, str]:
        """The fields of the newest records and their types."""
        return types_of(self.read(source, SEEN))

    def observe(self, source: str, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """What arrived since `listen`. Raises Unreachable where nobody listened, or where the source went silent.

        A dead connection looks like silence, and silence like loss: so the source is asked whether it is there.
        """
        heard = self._heard.get(source)
        if heard is None:
            raise Unreachable(
                f"nobody listened at integration {self._place.name!r} when records may have arrived",
                remedy="Listen before the first record is sent: what arrived before cannot be told.",
            )
        self._sounded(source, heard)
        return heard.observed(key, values)

    def _sounded(self, source: str, heard: Heard) -> None:
        with self._lock:
            asked = time.monotonic() - self._asked.get(source, -math.inf) >= _ALIVE_S
            ear = self._ears.get(source) if asked else None
            self._asked[source] = time.monotonic() if asked else self._asked[source]
        if ear is not None:
            try:
                ear.alive()
            except SeatrialError as error:
                heard.deafen(error)

    def close(self) -> None:
        """Stop listening."""
        with self._lock:
            self._heard.clear()
            while self._ears:
                self._ears.popitem()[1].stop()
