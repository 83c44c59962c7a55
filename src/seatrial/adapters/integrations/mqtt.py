"""An integration that is a topic of an MQTT broker."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from seatrial.adapters.integrations.brokers import Broker
from seatrial.adapters.integrations.hearing import Ear, Ears, Heard
from seatrial.adapters.integrations.mqtt_session import MqttSession
from seatrial.adapters.integrations.payloads import encoded
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed, Refused, SeatrialError
from seatrial.core.observation import Json
from seatrial.core.ports import DECLARED_VERSION, Part, Request, Row

_SCHEMES: Final = {"mqtt": (1883, False), "mqtts": (8883, True)}
_ANSWER_S: Final = 10.0
_VERSION_S: Final = 1.0
"""What is retained comes with the subscription."""
_VERSION: Final = "$SYS/broker/version"
_SHARED: Final = "$share/"


class MqttIntegration:
    """`read`, `write` and `observe` are topics, each `topic` where it is not declared.

    A broker keeps no history: `read` gives what is heard while it listens, beginning with what is retained. Where the
    connection is lost, what was heard is no longer told.
    """

    def __init__(
        self, place: Place, *, topic: str | None, base_dir: Path, redact: Redactor, timeout_s: float = _ANSWER_S
    ) -> None:
        self._place = place
        self._topic = topic
        self._timeout_s = timeout_s
        self._broker = Broker(place, schemes=_SCHEMES, base_dir=base_dir, redact=redact)
        self._ears = Ears(place, self._open_ear)
        self._writing: MqttSession | None = None
        self._retained = ""
        """The topic under which a record of ours is retained."""
        self._lock = threading.Lock()

    def version(self) -> str:
        """What the broker publishes of itself, under the declared topic or `$SYS/broker/version`.

        Raises Malformed where it tells nothing, and no text is declared.
        """
        declared = self._place.end.version
        topic = declared if declared and "/" in declared else _VERSION
        told: list[str] = []
        came = threading.Event()

        def heard(content: bytes) -> None:
            told.append(content.decode("utf-8", "replace").strip())
            came.set()

        session = MqttSession(self._broker, timeout_s=self._timeout_s, heard=heard)
        try:
            session.subscribe(topic, qos=0)
            came.wait(min(_VERSION_S, self._timeout_s))
        except Refused:
            if topic == declared:
                raise
        finally:
            session.close()
        if told and told[0]:
            return told[0]
        if declared and topic != declared:
            return f"{DECLARED_VERSION}{declared}"
        raise Malformed(
            f"integration {self._place.name!r} tells no version under {topic!r}",
            remedy=f"Have it published, retained, and name its topic in {self._broker.where}.version.",
        )

    def health(self) -> None:
        """Raises Unreachable or Refused unless the broker takes our connection."""
        MqttSession(self._broker, timeout_s=self._timeout_s).close()

    def schema(self) -> Mapping[str, str]:
        """The fields of the records that are heard, and the types that they have there."""
        return self._ears.schema(self._source("read"))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records that were heard, oldest first."""
        return self._ears.read(self._source("read"), most)

    def parts(self, mark: Json, most: int) -> Iterator[Part]:
        """What was heard since the last call, each record once."""
        del mark
        yield from self._ears.parts(self._source("read"), most)

    def write(self, record: Row) -> None:
        """Publish one record. Raises Refused unless declared writable for tests and allowed by the broker."""
        self._place.refuse_write()
        topic, message, end = self._place.topic("write", self._topic), encoded(record, self._place), self._place.end
        self._retained = topic if end.retain else ""
        self._session().publish(topic, message, qos=end.qos, retain=end.retain)

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def listen(self) -> None:
        """Keep what is published from now on."""
        self._ears.listen(self._source("observe"))

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that were heard, grouped by `key` as text."""
        return self._ears.observe(self._source("observe"), key, values)

    def close(self) -> None:
        """End the connections, and clear what is retained of ours."""
        self._ears.close()
        if self._retained:
            # Who cannot be reached now keeps it; whoever subscribes then still gets a marked test record.
            with suppress(SeatrialError):
                self._session().publish(self._retained, b"", qos=1, retain=True)
            self._retained = ""
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _source(self, use: str) -> str:
        topic = self._place.topic(use, self._topic)
        if topic.startswith(_SHARED):
            raise Refused(
                f"integration {self._place.name!r}: a shared subscription would take others' messages from them",
                remedy=f"Name in {self._broker.where} the topic itself, without {_SHARED}….",
            )
        return topic

    def _open_ear(self, topic: str, heard: Heard) -> Ear:
        session = MqttSession(self._broker, timeout_s=self._timeout_s, heard=heard.take, lost=heard.deafen)
        with ExitStack() as undone:
            undone.callback(session.close)
            session.subscribe(topic, qos=self._place.end.qos)
            undone.pop_all()
        return Ear(stop=session.close, alive=session.answers)

    def _session(self) -> MqttSession:
        with self._lock:
            if self._writing is not None and self._writing.gone:
                self._writing.close()
                self._writing = None
            if self._writing is None:
                self._writing = MqttSession(self._broker, timeout_s=self._timeout_s)
            return self._writing
