"""The connections to a Kafka cluster, made when they are first used. Nothing is committed, and no group is joined."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from seatrial.adapters.integrations.brokers import Broker, missing
from seatrial.adapters.integrations.kafka_errors import told
from seatrial.core.errors import Malformed, SeatrialError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, Producer
    from confluent_kafka.admin import AdminClient

Offsets: TypeAlias = "Mapping[int, int]"
"""Partition to offset."""
_PART: Final = 1000
_POLL_S: Final = 0.05
_MECHANISM: Final = "mechanism"


class KafkaSession:
    """Raises Unreachable, Refused, Malformed and MissingExtra."""

    def __init__(self, broker: Broker, *, timeout_s: float) -> None:
        self._broker = broker
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._admin: AdminClient | None = None
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._said: list[Any] = []
        self._there: set[str] = set()

    def partitions(self, topic: str) -> tuple[int, ...]:
        """The partitions of a topic. Raises Malformed where there is none; nothing is made by looking."""
        with self._lock:
            # All topics are listed: a broker may make the one that is asked for by name.
            found = self._asked(lambda admin: admin.list_topics(timeout=self._timeout_s)).topics.get(topic)
        if found is None or not found.partitions:
            if found is not None and found.error is not None:
                raise self._error(found.error)
            raise Malformed(
                f"integration {self._broker.place.name!r} has no topic {topic!r}",
                remedy=f"Correct the topic in {self._broker.where}, or have it made there.",
            )
        self._there.add(topic)
        return tuple(found.partitions)

    def firsts(self, topic: str) -> Offsets:
        """For each partition the first offset that is kept."""
        return self._offsets(topic, "earliest")

    def ends(self, topic: str) -> Offsets:
        """For each partition the offset behind its newest committed record."""
        return self._offsets(topic, "latest")

    def _offsets(self, topic: str, which: str) -> Offsets:
        from confluent_kafka import IsolationLevel, TopicPartition
        from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined] # not listed among its exports

        spec = getattr(OffsetSpec, which)()
        wanted = {TopicPartition(topic, at): spec for at in self.partitions(topic)}
        with self._lock:
            answers = self._asked(
                lambda admin: admin.list_offsets(
                    wanted, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=self._timeout_s
                )
            )
            return {place.partition: self._result(future).offset for place, future in answers.items()}

    def between(self, topic: str, starts: Offsets, ends: Offsets) -> list[tuple[int, bytes]]:
        """The broker's time and the content of every message from `starts` to before `ends`.

        Raises Unreachable when they are not all there in time.
        """
        from confluent_kafka import TopicPartition

        wanted = {at: end for at, end in ends.items() if starts[at] < end}
        if not wanted:
            return []
        messages: list[tuple[int, bytes]] = []
        with self._lock:
            consumer = self._consuming()
            consumer.assign([TopicPartition(topic, at, starts[at]) for at in wanted])
            until = time.monotonic() + self._timeout_s
            while wanted:
                part = consumer.consume(_PART, timeout=_POLL_S)
                for message in part:
                    # The end of a partition comes as a message too, with the offset that would be next.
                    at, offset = message.partition() or 0, message.offset() or 0
                    if not self._is_end(message) and offset < ends[at]:
                        messages.append((message.timestamp()[1], message.value() or b""))
                        offset += 1
                    if offset >= ends[at]:
                        wanted.pop(at, None)
                if part:
                    until = time.monotonic() + self._timeout_s
                elif time.monotonic() > until:
                    raise self._silent()
            consumer.unassign()
        return messages

    def _is_end(self, message: Message) -> bool:
        error = message.error()
        if error is not None and error.name() != "_PARTITION_EOF":
            raise self._error(error)
        return error is not None

    def produce(self, topic: str, content: bytes) -> None:
        """Send one message, and wait until it is kept by all replicas in sync."""
        from confluent_kafka import KafkaException

        if topic not in self._there:
            self.partitions(topic)
        with self._lock:
            producer = self._producing()
        ended = threading.Event()
        problems: list[Any] = []

        def delivered(error: Any, _: object) -> None:
            problems.append(error)
            ended.set()

        try:
            producer.produce(topic, content, on_delivery=delivered)
        except (KafkaException, BufferError) as error:
            raise self._error(error.args[0]) from None
        until = time.monotonic() + self._timeout_s + 1.0
        while not ended.is_set() and time.monotonic() < until:
            producer.poll(_POLL_S)
        if not ended.is_set():
            raise self._silent()
        if problems[0] is not None:
            raise self._error(problems[0])

    def close(self) -> None:
        """Let go. Closing again is nothing."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
            if self._producer is not None:
                self._producer.purge()
                self._producer.flush(0)
            self._admin = self._consumer = self._producer = None

    def _asked(self, use: Any) -> Any:
        from confluent_kafka import KafkaException

        if self._admin is None:
            self._admin = self._made("AdminClient")
        try:
            return use(self._admin)
        except KafkaException as error:
            self._admin.poll(0)
            raise self._error(error.args[0]) from None

    def _result(self, future: Any) -> Any:
        from confluent_kafka import KafkaException

        try:
            return future.result(self._timeout_s)
        except KafkaException as error:
            raise self._error(error.args[0]) from None
        except TimeoutError:
            raise self._silent() from None

    def _consuming(self) -> Consumer:
        if self._consumer is None:
            self._consumer = self._made(
                "Consumer",
                # The library wants a name; without a subscription or a commit no group of that name comes into being.
                **{
                    "group.id": f"seatrial-{secrets.token_hex(8)}",
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "auto.offset.reset": "error",
                    "isolation.level": "read_committed",
                    "enable.partition.eof": True,
                },
            )
        return self._consumer

    def _producing(self) -> Producer:
        if self._producer is None:
            # Idempotent, so that what the library sends again is not doubled by us.
            more = {"enable.idempotence": True, "acks": "all", "message.timeout.ms": int(self._timeout_s * 1000)}
            self._producer = self._made("Producer", **more, **{"linger.ms": 0})
        return self._producer

    def _made(self, what: str, **more: Any) -> Any:
        try:
            import confluent_kafka
            from confluent_kafka import admin
        except ModuleNotFoundError:
            raise missing("confluent-kafka", "kafka") from None
        # The library would only say that nothing answers.
        self._broker.reach(within_s=self._timeout_s)
        self._said.clear()
        try:
            return getattr(admin if what == "AdminClient" else confluent_kafka, what)({**self._settings(), **more})
        except confluent_kafka.KafkaException as error:
            raise self._error(error.args[0]) from None

    def _settings(self) -> dict[str, Any]:
        broker = self._broker
        settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(f"{host}:{port}" for host, port in broker.servers),
            "client.id": "seatrial",
            # It would write to the terminal what is told by the errors here, without the secrets.
            "log_level": 0,
            "error_cb": self._said.append,
            "socket.timeout.ms": int(self._timeout_s * 1000),
            "socket.connection.setup.timeout.ms": max(1000, int(self._timeout_s * 1000)),
            "allow.auto.create.topics": False,
        }
        names = {(False, False): "PLAINTEXT", (False, True): "SASL_PLAINTEXT", (True, False): "SSL"}
        settings["security.protocol"] = names.get((broker.secure, broker.user is not None), "SASL_SSL")
        if broker.user is not None:
            settings["sasl.mechanism"] = broker.options.get(_MECHANISM, "PLAIN")
            settings["sasl.username"], settings["sasl.password"] = broker.user, broker.password or ""
        if broker.secure and broker.ca is not None:
            settings["ssl.ca.location"] = str(broker.ca)
        return settings

    def _silent(self) -> SeatrialError:
        return told(self._broker, None, self._said, within_s=self._timeout_s)

    def _error(self, error: Any) -> SeatrialError:
        return told(self._broker, error, self._said, within_s=self._timeout_s)
