"""One connection to an MQTT broker, of version 5 where it speaks that: 3.1.1 tells no refused publication."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from seatrial.adapters.integrations.brokers import Broker, missing
from seatrial.core.errors import Refused, SeatrialError, Unreachable

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_KEEPALIVE_S: Final = 5
"""A dead connection is noticed within twice this."""
_NEVER_HEARD: Final = f"seatrial/{secrets.token_hex(8)}"
_OLDER: Final = "Unsupported protocol version"
_NO_ENTRY: Final = frozenset({"Bad user name or password", "Not authorized", "Banned", "Bad authentication method"})


class MqttSession:
    """Connected when it is made. `heard` gets the content of each message, `lost` why the connection is gone.

    Both are called on the connection's own thread. Raises Unreachable, Refused and MissingExtra.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        timeout_s: float,
        heard: Callable[[bytes], None] = lambda _: None,
        lost: Callable[[SeatrialError], None] = lambda _: None,
    ) -> None:
        self._broker = broker
        self._timeout_s = timeout_s
        self._heard = heard
        self._lost = lost
        self._changed = threading.Condition()
        self._answers: dict[int, list[Any]] = {}
        self._connected: str | None = None
        self._gone: str | None = None
        self._closing = False
        self._client = self._opened()

    @property
    def gone(self) -> bool:
        """Whether the connection ended."""
        return self._gone is not None

    def publish(self, topic: str, content: bytes, *, qos: int, retain: bool = False) -> None:
        """Send, and wait until the broker has taken it (of quality 0, until it is sent)."""
        try:
            info = self._client.publish(topic, content, qos=qos, retain=retain)
        except ValueError as error:
            raise Refused(
                f"nothing can be published to integration {self._broker.place.name!r}: {self._broker.said(error)}",
                remedy=f"Correct the topic in {self._broker.where}.",
            ) from None
        (reason,) = self._answer(info.mid) or (None,)
        if reason is not None and reason.is_failure:
            raise self._broker.forbidden("publish there", reason)

    def subscribe(self, topic: str, *, qos: int) -> None:
        """Hear what is published under this filter from now on."""
        try:
            _, mid = self._client.subscribe(topic, qos=qos)
        except ValueError as error:
            raise Refused(
                f"nothing can be heard of integration {self._broker.place.name!r}: {self._broker.said(error)}",
                remedy=f"Correct the topic in {self._broker.where}.",
            ) from None
        for reason in self._answer(mid or 0):
            if reason.is_failure:
                raise self._broker.forbidden(f"hear {topic!r}", reason)

    def answers(self) -> None:
        """Raises Unreachable unless the broker still answers on this connection."""
        # The one request that changes nothing: to hear no more what was never heard.
        _, mid = self._client.unsubscribe(_NEVER_HEARD)
        self._answer(mid or 0)

    def close(self) -> None:
        """End it. Closing again is nothing."""
        self._closing = True
        self._client.disconnect()
        self._client.loop_stop()

    def _opened(self) -> Client:
        try:
            from paho.mqtt.client import MQTTv5, MQTTv311
        except ModuleNotFoundError:
            raise missing("paho-mqtt", "mqtt") from None
        if self._broker.secure:
            # The library leaves a connection open on which TLS failed.
            self._broker.reach(within_s=self._timeout_s)
        try:
            return self._open(MQTTv5)
        except _OlderBroker:
            return self._open(MQTTv311)

    def _open(self, protocol: Any) -> Client:
        from paho.mqtt.client import Client, MQTTv5
        from paho.mqtt.enums import CallbackAPIVersion

        self._connected = self._gone = None
        client = Client(
            CallbackAPIVersion.VERSION2,
            # Of its own: a broker ends the connection of whoever has the same name.
            client_id=f"seatrial-{secrets.token_hex(8)}",
            protocol=protocol,
            # What is missed while a connection is made again would look as if it had never arrived.
            reconnect_on_failure=False,
        )
        client.username_pw_set(self._broker.user, self._broker.password)
        if (context := self._broker.context()) is not None:
            client.tls_set_context(context)
        client.connect_timeout = self._timeout_s
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda _c, _u, mid, reason, _p: self._answered(mid, [reason])
        client.on_unsubscribe = lambda _c, _u, mid, reasons, _p: self._answered(mid, reasons)
        client.on_subscribe = lambda _c, _u, mid, reasons, _p: self._answered(mid, reasons)
        client.on_message = lambda _c, _u, message: self._heard(bytes(message.payload))
        try:
            client.connect(self._broker.host, self._broker.port, keepalive=_KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise self._broker.unreachable(error, within_s=self._timeout_s) from None
        client.loop_start()
        with self._changed:
            self._changed.wait_for(lambda: self._connected is not None or self.gone, self._timeout_s)
        connected, gone = self._state()
        if connected == "Success":
            return client
        self._closing = True
        client.disconnect()
        client.loop_stop()
        self._closing = False
        if connected == _OLDER or (connected is None and gone is not None and protocol is MQTTv5):
            raise _OlderBroker(gone or connected or "")
        if connected is None and gone is None:
            raise self._broker.unreachable(TimeoutError(), within_s=self._timeout_s)
        if connected in _NO_ENTRY:
            raise self._broker.no_entry(connected)
        raise self._broker.unreachable(ConnectionError(connected or gone), within_s=self._timeout_s)

    def _state(self) -> tuple[str | None, str | None]:
        """How the broker answered to the connection, and why it ended; None for not yet."""
        with self._changed:
            return self._connected, self._gone

    def _on_connect(self, _client: object, _user: object, _flags: object, reason: Any, _properties: object) -> None:
        with self._changed:
            self._connected = "Success" if not reason.is_failure else str(reason)
            self._changed.notify_all()

    def _on_disconnect(self, _client: object, _user: object, _flags: object, reason: Any, _properties: object) -> None:
        with self._changed:
            self._gone = self._gone or str(reason)
            self._changed.notify_all()
            connected = self._connected == "Success"
        if connected and not self._closing:
            self._lost(self._broker.lost(reason))

    def _answered(self, mid: int, reasons: list[Any]) -> None:
        with self._changed:
            self._answers[mid] = reasons
            self._changed.notify_all()

    def _answer(self, mid: int) -> list[Any]:
        with self._changed:
            if not self._changed.wait_for(lambda: mid in self._answers or self.gone, self._timeout_s):
                raise self._broker.unreachable(TimeoutError(), within_s=self._timeout_s)
            if mid not in self._answers:
                raise Unreachable(
                    f"integration {self._broker.place.name!r} ended the connection: {self._broker.said(self._gone)}",
                    remedy="See the broker's log.",
                    permanent=False,
                )
            return self._answers.pop(mid)


class _OlderBroker(Exception):
    """The broker does not speak version 5."""
