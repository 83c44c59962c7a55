"""Pipelines that get their deliveries from a message broker through a line, and show what came out; one fault each."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import aio_pika
from aio_pika.connection import make_url
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from plants.server import Asked, Said, said

_ALARM_AFTER_S = 0.3
_AGAIN_S = 0.1
_WORK_S = 0.04
_TOGETHER = 5


class Shown:
    """What came out, by key, and the alarm that the broker is away."""

    def __init__(self) -> None:
        self.out: dict[str, list[dict[str, Any]]] = {}
        self.ready = threading.Event()
        self._away_since: float | None = None
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/alarm":
            since = self._away_since
            return said({"broker": since is not None and time.monotonic() - since > _ALARM_AFTER_S})
        with self._lock:
            return said([row for value in asked.query.get("value", []) for row in self.out.get(value, [])])

    def connected(self, there: bool) -> None:
        """The broker is there, or is not."""
        if there:
            self._away_since = None
        elif self._away_since is None:
            self._away_since = time.monotonic()

    def passed(self, record: dict[str, Any], *, once: bool) -> None:
        """Hand a record over; `once` drops what was handed over before."""
        with self._lock:
            copies = self.out.setdefault(str(record["id"]), [])
            if not (once and copies):
                copies.append(record)


class MqttFed(Shown):
    """Subscribes with a session that the broker keeps, and knows again what it gets twice.

    `qos` is that of its subscription, `forgets` lets the broker drop its session with the connection, `repeats` hands
    over whatever comes, and what is retained comes again with each connection.
    """

    def __init__(
        self, port: int, topic: str, name: str, *, qos: int = 1, forgets: bool = False, repeats: bool = False
    ) -> None:
        super().__init__()
        self._port, self._topic, self._qos, self._repeats = port, topic, qos, repeats
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTv311, clean_session=forgets)
        self._client.reconnect_delay_set(_AGAIN_S, 2 * _AGAIN_S)  # type: ignore[arg-type]
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *_: self.connected(False)
        self._client.on_connect_fail = lambda *_: self.connected(False)
        self._client.on_subscribe = lambda *_: self.ready.set()
        self._client.on_message = lambda _c, _u, message: self.passed(
            json.loads(message.payload or b'{"id": ""}'), once=not self._repeats
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._client.connect_timeout = 1.0
        self._client.connect_async("127.0.0.1", self._port, keepalive=60)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._client.disconnect()
        self._thread.join(5.0)

    def _run(self) -> None:
        self._client.loop_forever(retry_first_connection=True)

    def _connected(self, client: Client, _user: object, _flags: object, reason: Any, _properties: object) -> None:
        self.connected(not reason.is_failure)
        client.subscribe(self._topic, qos=self._qos)


class AmqpFed(Shown):
    """Works through a queue one by one, acknowledges what was handed over, and knows again what it gets twice.

    `early` acknowledges before the work, and what it held when the connection broke is gone as with a process that is
    started anew; `repeats` hands over whatever comes, and acknowledges some at a time.
    """

    def __init__(self, port: int, queue: str, *, early: bool = False, repeats: bool = False) -> None:
        super().__init__()
        self._url = f"amqp://guest:guest@127.0.0.1:{port}/"
        self._queue, self._early, self._repeats = queue, early, repeats
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5.0)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._again_and_again())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _again_and_again(self) -> None:
        while True:
            try:
                await self._consume()
            except (OSError, aio_pika.exceptions.AMQPException, TimeoutError):
                self.connected(False)
            await asyncio.sleep(_AGAIN_S)

    async def _consume(self) -> None:
        connection = aio_pika.Connection(make_url(self._url))
        try:
            await asyncio.wait_for(connection.connect(), 2.0)
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=10)
            queue = await channel.get_queue(self._queue, ensure=False)
            gone = asyncio.Event()
            connection.close_callbacks.add(lambda *_: gone.set())
            waiting: asyncio.Queue[Any] = asyncio.Queue()
            await queue.consume(waiting.put)
            self.connected(True)
            self.ready.set()
            both = [asyncio.create_task(self._work(waiting)), asyncio.create_task(gone.wait())]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in both:
                    each.cancel()
                await asyncio.gather(*both, return_exceptions=True)
                self.connected(False)
        finally:
            with suppress(OSError, aio_pika.exceptions.AMQPException):
                await connection.close()

    async def _work(self, waiting: asyncio.Queue[Any]) -> None:
        done: list[Any] = []
        while True:
            message = await waiting.get()
            if self._early:
                await message.ack()
                await asyncio.sleep(_WORK_S)
            self.passed(json.loads(message.body), once=not self._repeats)
            done.append(message)
            if not self._early and len(done) >= (_TOGETHER if self._repeats else 1):
                for each in done:
                    await each.ack()
                done.clear()


def declared(pipeline: str, broker: str, via: int, *, kind: str, where: dict[str, Any]) -> dict[str, Any]:
    """The system as plain data: deliveries over the broker through the line at port `via`, warnings at its server."""
    alarm = {
        "name": "The pipeline says that the broker is away",
        "kind": "http",
        "with": {"url": f"{pipeline}/alarm", "expect": {"json": {"broker": True}}},
        "deadline": "1s",
    }
    line = {"via": f"127.0.0.1:{via}"} if via else {}
    return {
        "system": "dock-delay",
        "version": "1",
        "model": {"endpoint": f"{pipeline}/predict", "task": "binary"},
        "data": {
            "interruption": {
                "window": "1s",
                "catch_up": "5s",
                "sources": {"deliveries": {"alarm": alarm, "within": "2s"}},
            }
        },
        "integrations": {
            "deliveries": {"kind": kind, "test": {"url": broker, "writable": True, **where, **line}},
            "planner": {"kind": "http", "direction": "out", "test": {"url": pipeline, "observe": "/out"}},
        },
        "flows": [
            {
                "name": "warn",
                "in": "deliveries",
                "out": "planner",
                "key": "id",
                "within": "2s",
                "peak": "20/s",
                "records": "records.jsonl",
                "expect": {"dock": "dock"},
            }
        ],
    }
