"""An integration that is a topic of a Kafka cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from seatrial.adapters.integrations.brokers import Broker
from seatrial.adapters.integrations.hearing import Heard
from seatrial.adapters.integrations.kafka_protocol import spoken
from seatrial.adapters.integrations.kafka_session import KafkaSession, Offsets
from seatrial.adapters.integrations.payloads import decoded, encoded
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.integrations.types import SEEN, types_of
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import DECLARED_VERSION, Part, Request, Row

_SCHEMES: Final = {"kafka": (9092, False), "kafka+ssl": (9093, True)}
_ANSWER_S: Final = 10.0


class KafkaIntegration:
    """`read`, `write` and `observe` are topics, each `topic` where it is not declared.

    Nothing is committed and no group is joined: partitions are read from offsets of our own, so that nobody else's
    consumption changes. Only committed transactions count.
    """

    def __init__(
        self, place: Place, *, topic: str | None, base_dir: Path, redact: Redactor, timeout_s: float = _ANSWER_S
    ) -> None:
        self._place = place
        self._topic = topic
        self._timeout_s = timeout_s
        self._broker = Broker(place, schemes=_SCHEMES, base_dir=base_dir, redact=redact)
        self._session = KafkaSession(self._broker, timeout_s=timeout_s)
        self._lock = threading.Lock()
        self._heard: Heard | None = None
        self._seen: Offsets = {}

    def version(self) -> str:
        """The versions of the protocol that the first server speaks, from which releases can be told apart."""
        broker = self._broker
        try:
            return spoken(broker.host, broker.port, context=broker.context(), timeout_s=self._timeout_s)
        except OSError as error:
            raise broker.unreachable(error, within_s=self._timeout_s) from None
        except Malformed as error:
            if self._place.end.version:
                return f"{DECLARED_VERSION}{self._place.end.version}"
            raise Malformed(
                f"integration {self._place.name!r} tells no version: {error.what}",
                remedy=f"Write in {broker.where}.version what its owner says; it is shown as declared.",
            ) from None

    def health(self) -> None:
        """Raises Unreachable, Refused or Malformed unless the cluster takes us and has the topic."""
        self._session.partitions(self._place.topic("read", self._topic))

    def schema(self) -> Mapping[str, str]:
        """The fields of the newest records and the types that they have there."""
        return types_of(self.read(SEEN))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records of the topic, oldest first by the broker's time."""
        if most <= 0:
            return ()
        topic = self._place.topic("read", self._topic)
        firsts, ends = self._session.firsts(topic), self._session.ends(topic)
        starts = {at: max(firsts.get(at, 0), end - most) for at, end in ends.items()}
        messages = self._session.between(topic, starts, ends)
        rows = [
            row for _, content in sorted(messages, key=lambda each: each[0]) for row in decoded(content, self._place)
        ]
        return rows[-most:]

    def parts(self, mark: Json, most: int) -> Iterator[Part]:
        """The records of the topic behind the offsets in `mark`, partition by partition within a part."""
        topic = self._place.topic("read", self._topic)
        firsts, ends = self._session.firsts(topic), self._session.ends(topic)
        known = mark if isinstance(mark, Mapping) else {}
        at = {partition: int(str(known.get(str(partition), first))) for partition, first in firsts.items()}
        # A topic that was made anew begins again; what the broker has given up cannot be asked for.
        at = {p: firsts[p] if offset > ends[p] else max(offset, firsts[p]) for p, offset in at.items()}
        while behind := sum(at[partition] < end for partition, end in ends.items()):
            share = max(1, most // behind)
            upto = {partition: min(end, at[partition] + share) for partition, end in ends.items()}
            messages = sorted(self._session.between(topic, at, upto), key=lambda each: each[0])
            at = upto
            yield _rows(messages, self._place), {str(partition): offset for partition, offset in at.items()}

    def write(self, record: Row) -> None:
        """Produce one record and wait until all in-sync replicas have it.

        Raises Refused unless declared writable for tests, Malformed where there is no such topic.
        """
        self._place.refuse_write()
        self._session.produce(self._place.topic("write", self._topic), encoded(record, self._place))

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def listen(self) -> None:
        """Remember where the topic ends now: only what comes behind it is observed."""
        with self._lock:
            if self._heard is None:
                self._seen = self._session.ends(self._place.topic("observe", self._topic))
                self._heard = Heard(self._place)

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that came since `listen`, grouped by `key` as text: all that were there when it was asked."""
        topic = self._place.topic("observe", self._topic)
        with self._lock:
            if self._heard is None:
                raise Unreachable(
                    f"nobody listened at integration {self._place.name!r} when records may have arrived",
                    remedy="Listen before the first record is sent: what arrived before cannot be told.",
                )
            ends = self._session.ends(topic)
            starts = {at: self._seen.get(at, 0) for at in ends}
            for _, content in self._session.between(topic, starts, ends):
                self._heard.take(content)
            self._seen = dict(ends)
            return self._heard.observed(key, values)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


def _rows(messages: Sequence[tuple[int, bytes]], place: Place) -> Sequence[Row]:
    """The records of the messages; one that holds none is an empty record, so that it is told and holds up no other."""
    rows: list[Row] = []
    for _, content in messages:
        try:
            rows += decoded(content, place)
        except Malformed:
            rows.append({})
    return rows
