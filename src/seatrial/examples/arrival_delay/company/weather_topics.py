"""The weather over MQTT: a topic for each station's newest observation, and one below it for those before."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlsplit

from seatrial.core.errors import Unreachable
from seatrial.examples.arrival_delay.weather_feed import HISTORY_HOURS, Replay

if TYPE_CHECKING:
    from paho.mqtt.client import Client

_EVERY_S: Final = 0.25
_NEWEST: Final = 12
_SILENT_S: Final = 0.6
"""The feed publishes more than twice in this time: who hears nothing so long has lost it."""
_RENEW_S: Final = 1.0
"""A connection over which nothing was heard for so long is made anew."""
_LOOP_S: Final = 0.1
_CLEAR_S: Final = 10.0
_KEEPALIVE_S: Final = 5


def client_of(url: str) -> tuple[Client, str, int]:
    """A client with the address's credentials, not yet connected, with host and port."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    parts = urlsplit(url)
    client = Client(CallbackAPIVersion.VERSION2)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    secure = parts.scheme == "mqtts"
    if secure:
        client.tls_set_context(ssl.create_default_context())
    client.connect_timeout = _RENEW_S
    return client, parts.hostname or "", parts.port or (8883 if secure else 1883)


def _topic(run: str, station: str) -> str:
    return f"{run}/weather/{station}"


async def keep_publishing(replay: Replay, url: str, run: str) -> None:
    """Publish the newest observations again and again, and what came before whenever it is another; until cancelled."""
    client, host, port = client_of(url)
    client.reconnect_delay_set(1, 2)
    client.connect_async(host, port, _KEEPALIVE_S)
    client.loop_start()
    told: Mapping[str, list[Mapping[str, Any]]] = {}
    try:
        while True:
            now = datetime.now(UTC)
            history = _by_station(replay.newest(now, 3 * HISTORY_HOURS))
            if history != told:
                for station, before in history.items():
                    client.publish(f"{_topic(run, station)}/history", json.dumps(before), qos=1, retain=True)
                told = history
            for station, observations in _by_station(replay.newest(now, _NEWEST)).items():
                client.publish(_topic(run, station), json.dumps(observations[-1]), retain=True)
            await asyncio.sleep(_EVERY_S)
    finally:
        client.disconnect()
        client.loop_stop()


def _by_station(observations: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in observations:
        found.setdefault(str(each["origin"]), []).append(each)
    return found


class Subscription:
    """Hears the newest observation of each station, on a thread of its own, and connects anew after a silence."""

    def __init__(self, url: str, run: str) -> None:
        self._url = url
        self._topic = _topic(run, "+")
        self._loop = asyncio.get_running_loop()
        self._messages: dict[str, bytes] = {}
        self._came = asyncio.Event()
        self._ended = threading.Event()
        self._alive_at = 0.0
        self._heard_at = time.monotonic()
        self._gone = False

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, run: str) -> AsyncIterator[Self]:
        """Heard until the block is left."""
        subscription = cls(url, run)
        thread = threading.Thread(target=subscription._keep_hearing, daemon=True)
        thread.start()
        try:
            yield subscription
        finally:
            subscription._ended.set()
            await asyncio.to_thread(thread.join)

    async def newest(self) -> Sequence[Mapping[str, Any]]:
        """The newest observations, as soon as another came.

        Raises TimeoutError after a silence and where the broker went away. Raises ValueError for what is no JSON, which
        is forgotten then.
        """
        silent_at = self._heard_at + _SILENT_S
        await asyncio.wait_for(self._came.wait(), max(0.0, silent_at - time.monotonic()))
        self._came.clear()
        if self._gone:
            raise TimeoutError("the broker went away")
        try:
            return [json.loads(message) for message in self._messages.values()]
        except ValueError:
            self._messages.clear()
            raise

    def _keep_hearing(self) -> None:
        while not self._ended.is_set():
            client, host, port = client_of(self._url)
            client.on_connect = lambda *_, heard=client: heard.subscribe(self._topic)
            client.on_message = lambda _client, _user, message: self._take(message.topic, bytes(message.payload))
            # Whatever a damaged message makes of the protocol: the connection is made anew.
            with suppress(Exception):
                client.connect(host, port, _KEEPALIVE_S)
                self._alive_at = time.monotonic()
                while not self._ended.is_set() and time.monotonic() - self._alive_at < _RENEW_S:
                    if client.loop(_LOOP_S) != 0:
                        break
                client.disconnect()
            if not self._ended.is_set():
                self._loop.call_soon_threadsafe(self._lost)
            self._ended.wait(_LOOP_S)

    def _take(self, topic: str, message: bytes) -> None:
        self._alive_at = time.monotonic()
        self._loop.call_soon_threadsafe(self._keep, topic, message)

    def _keep(self, topic: str, message: bytes) -> None:
        self._messages[topic] = message
        self._heard_at, self._gone = time.monotonic(), False
        self._came.set()

    def _lost(self) -> None:
        self._gone = True
        self._came.set()


@contextmanager
def cleared(url: str, run: str, stations: Sequence[str]) -> Iterator[None]:
    """What is retained under these topics taken away when the block is left. Raises Unreachable."""
    try:
        yield
    finally:
        client, host, port = client_of(url)
        try:
            client.connect(host, port, _KEEPALIVE_S)
            client.loop_start()
            topics = [
                topic for station in stations for topic in (_topic(run, station), f"{_topic(run, station)}/history")
            ]
            for sent in [client.publish(topic, b"", qos=1, retain=True) for topic in topics]:
                sent.wait_for_publish(_CLEAR_S)
                if not sent.is_published():
                    raise TimeoutError(f"no answer within {_CLEAR_S:g} s")
        except (OSError, RuntimeError, ValueError) as error:
            raise Unreachable(
                f"what the example published to the MQTT broker under {run}/ could not be taken away: {error}",
                remedy=f"Publish empty retained messages under {run}/weather/.",
            ) from None
        finally:
            client.disconnect()
            client.loop_stop()
