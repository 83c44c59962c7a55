"""A pipeline between brokers, as its own process: takes records at an MQTT topic and publishes them to RabbitMQ.

It acknowledges a record once the other broker has confirmed it, and its subscription outlives it: what it was killed
over comes again. On any trouble it ends, as a container would, and `Relay` starts it anew. Its faults hit every n-th
record.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aio_pika
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

_READY = "ready"


class Relay:
    """The process, and whoever starts it again. `kill` ends it in the middle of whatever it does."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._running: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self.starts = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20), "the relay did not start"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stopped.set()
        self.kill()
        self._thread.join(20)

    def kill(self) -> None:
        """SIGKILL."""
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(signal.SIGKILL)

    def _keep(self) -> None:
        while not self._stopped.is_set():
            command = [sys.executable, __file__, *self._arguments]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
                self._running = running
                self.starts += 1
                if self._stopped.is_set():
                    running.kill()
                for line in running.stdout or ():
                    if line.strip() == _READY:
                        self._ready.set()
            time.sleep(0.1)


async def _relayed(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[Any] = asyncio.Queue()
    connection = await aio_pika.connect(arguments.amqp, heartbeat=2)
    channel = await connection.channel()
    exchange = await channel.get_exchange(arguments.exchange)
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=arguments.name,
        protocol=MQTTv311,
        clean_session=False,
        manual_ack=True,
        reconnect_on_failure=False,
    )

    def ready(*_: Any) -> None:
        sys.stdout.write(f"{_READY}\n")
        sys.stdout.flush()

    def taken(_: object, __: object, message: Any) -> None:
        loop.call_soon_threadsafe(waiting.put_nowait, message)

    def connected(*_: Any) -> None:
        client.subscribe(arguments.topic, qos=1)

    client.on_message, client.on_connect, client.on_subscribe = taken, connected, ready
    client.on_disconnect = lambda *_: os._exit(1)
    parts = urlsplit(arguments.mqtt)
    client.connect(parts.hostname or "", parts.port or 1883, keepalive=2)
    client.loop_start()
    number = 0
    while True:
        message = await waiting.get()
        number += 1
        for content in _outcome(arguments, number, message.payload):
            await exchange.publish(aio_pika.Message(content), routing_key=arguments.key, mandatory=False, timeout=2)
        client.ack(message.mid, message.qos)


def _outcome(arguments: argparse.Namespace, number: int, content: bytes) -> list[bytes]:
    def hit(every: int) -> bool:
        return bool(every) and number % every == 0

    if hit(arguments.lose):
        return []
    if hit(arguments.alter):
        record = json.loads(content)
        content = json.dumps({**record, "dock": "A" if record["dock"] == "B" else "B"}).encode()
    return [content] * (2 if hit(arguments.twice) else 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Relay until something fails."""
    parser = argparse.ArgumentParser()
    for name in ("mqtt", "topic", "amqp", "exchange", "key", "name"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("lose", "twice", "alter"):
        parser.add_argument(f"--{name}", type=int, default=0)
    asyncio.run(_relayed(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
