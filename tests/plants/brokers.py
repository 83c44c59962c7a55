"""Message brokers for tests, and others who speak to them beside the product. Where there is none, the test skips."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aio_pika
import pytest
from confluent_kafka import Producer
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from plants.server import unused_port
from seatrial.adapters.background import Background

_ANSWER_S = 10.0


@contextmanager
def mqtt() -> Iterator[str]:
    """An MQTT broker that lets everybody in."""
    yield _answering("SEATRIAL_TEST_MQTT", "mqtt://127.0.0.1:1883", "MQTT broker")


@contextmanager
def amqp() -> Iterator[str]:
    """A RabbitMQ server with its guest."""
    yield _answering("SEATRIAL_TEST_AMQP", "amqp://guest:guest@127.0.0.1:5672/", "RabbitMQ server")


def _answering(variable: str, usual: str, what: str) -> str:
    url = os.environ.get(variable, usual)
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), 2.0).close()
    except OSError:
        pytest.skip(f"no {what} answers at {variable} or {urlsplit(usual).netloc.rpartition('@')[2]}")
    return url


@contextmanager
def mosquitto(folder: Path, *settings: str, secure: bool = False) -> Iterator[str]:
    """A Mosquitto of one's own with these settings."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("Mosquitto is not installed")
    port = unused_port()
    config = folder / "mosquitto.conf"
    config.write_text("\n".join([f"listener {port} 127.0.0.1", *settings, ""]))
    with subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:
        try:
            _wait_for(port)
            yield f"{'mqtts' if secure else 'mqtt'}://127.0.0.1:{port}"
        finally:
            broker.kill()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        time.sleep(0.05)
    pytest.fail("the broker did not start")


class KafkaCluster:
    """One broker inside the client library, which speaks the protocol over TCP."""

    def __init__(self) -> None:
        self._broker = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
        (server,) = self._broker.list_topics(timeout=_ANSWER_S).brokers.values()
        self.url = f"kafka://{server.host}:{server.port}"
        self._producer = Producer({"bootstrap.servers": f"{server.host}:{server.port}", "log_level": 0})

    def topic(self, records: Sequence[Mapping[str, Any]]) -> str:
        """A new topic with these records, all in one partition so that their order is known."""
        name = f"law-{secrets.token_hex(6)}"
        for record in records:
            self.put(name, json.dumps(record).encode())
        return name

    def put(self, topic: str, content: bytes) -> None:
        """One message."""
        self._producer.produce(topic, content, partition=0)
        assert self._producer.flush(_ANSWER_S) == 0


@contextmanager
def kafka() -> Iterator[KafkaCluster]:
    """A Kafka cluster of one broker."""
    yield KafkaCluster()


class MqttPeer:
    """Somebody else at an MQTT broker. `heard` is what came under the topics that it asked for."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.heard: list[bytes] = []
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._subscribed = threading.Event()
        self._client.on_message = lambda _c, _u, message: self.heard.append(bytes(message.payload))
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.connect(parts.hostname or "", parts.port or 1883)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, record: Mapping[str, Any] | bytes, *, retain: bool = False) -> None:
        """Publish, and wait for the broker."""
        content = record if isinstance(record, bytes) else json.dumps(record).encode()
        self._client.publish(topic, content, qos=1, retain=retain).wait_for_publish(_ANSWER_S)

    def subscribe(self, topic: str) -> None:
        """Hear from now on."""
        self._client.subscribe(topic, qos=1)
        assert self._subscribed.wait(_ANSWER_S)


def forget(url: str, name: str) -> None:
    """End the session that a broker keeps for a client of that name."""
    parts = urlsplit(url)
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv311, clean_session=True)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect(parts.hostname or "", parts.port or 1883)
    client.loop_start()
    connected.wait(_ANSWER_S)
    client.disconnect()
    client.loop_stop()


class AmqpPeer:
    """Somebody else at a RabbitMQ server."""

    def __init__(self, url: str) -> None:
        self._background = Background()
        self._background.start()
        self._connection, self.channel = self._run(self._opened(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._run(self._connection.close())
        self._background.close()

    async def _opened(self, url: str) -> tuple[Any, Any]:
        connection = await aio_pika.connect(url)
        return connection, await connection.channel()

    def publish(self, exchange: str, key: str, record: Mapping[str, Any] | bytes) -> None:
        """Publish to an exchange, or with none to a queue, and wait for the broker."""
        content = record if isinstance(record, bytes) else json.dumps(record).encode()
        self._run(self._published(exchange, key, content))

    async def _published(self, exchange: str, key: str, content: bytes) -> None:
        to = await self.channel.get_exchange(exchange, ensure=False) if exchange else self.channel.default_exchange
        await to.publish(aio_pika.Message(content), routing_key=key, mandatory=False)

    def queue(self, name: str, *, exchange: str = "", key: str = "", own: bool = False) -> Any:
        """A queue, bound where an exchange is named; one of its `own` goes with this peer."""
        return self._run(self._queue(name, exchange, key, own))

    async def _queue(self, name: str, exchange: str, key: str, own: bool) -> Any:
        queue = await self.channel.declare_queue(name, exclusive=own, auto_delete=False, durable=False)
        if exchange:
            await queue.bind(exchange, routing_key=key)
        return queue

    def drained(self, queue: Any) -> Any:
        """Every message that waits there; the queue is gone afterwards."""
        return self._run(self._drained(queue))

    async def _drained(self, queue: Any) -> list[Any]:
        messages = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            messages.append(message)
        await queue.delete(if_unused=False, if_empty=False)
        return messages

    def _run(self, work: Any) -> Any:
        return self._background.run(work, timeout_s=2 * _ANSWER_S)


@contextmanager
def older_mqtt() -> Iterator[str]:
    """An MQTT broker that speaks 3.1.1 and nothing newer."""
    from amqtt.broker import Broker

    port = unused_port()
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    config = {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}, "plugins": plugins}
    background = Background()
    background.start()

    async def started() -> Any:
        broker = Broker(config)
        await broker.start()
        return broker

    broker = background.run(started(), timeout_s=_ANSWER_S)
    try:
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        background.run(broker.shutdown(), timeout_s=_ANSWER_S)
        background.close()


@contextmanager
def rabbit_user(password: str, *, configure: str, write: str, read: str) -> Iterator[str]:
    """A user of the local RabbitMQ server with these permissions; skips where it cannot be made."""
    name = f"seatrial-{secrets.token_hex(4)}"

    def control(*arguments: str) -> None:
        try:
            subprocess.run(["rabbitmqctl", "--quiet", *arguments], check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            pytest.skip("rabbitmqctl cannot make users here")

    control("add_user", name, password)
    try:
        control("set_permissions", name, configure, write, read)
        yield name
    finally:
        control("delete_user", name)
