"""The planner over RabbitMQ: the pipeline publishes planning records, the planner's queue takes them.

What the planner took it publishes once, under `taken`, and again and again what it has of the day, under `day`, for the
displays on the wall.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from seatrial.core.errors import Unreachable
from seatrial.examples import serving
from seatrial.examples.board import Board

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, AbstractIncomingMessage

PLAN, TAKEN, DAY = "plan", "taken", "day"
_ANSWER_S: Final = 2.0
_CLOSE_S: Final = 0.5
_SET_UP_S: Final = 10.0
_HEARTBEAT_S: Final = 5
_DAY_S: Final = 0.5
_SHOWN: Final = 400
_AT_ONCE: Final = 200
_LEFT_MS: Final = 3_600_000
"""A queue that nobody took away, since its run was killed, goes after an hour."""


@contextmanager
def exchange(url: str, run: str) -> Iterator[None]:
    """The exchange of that name with the planner's queue, until the block is left. Raises Unreachable."""
    _quiet()
    _done(_set_up(url, run))
    try:
        yield
    finally:
        _done(_taken_away(url, run))


def _quiet() -> None:
    """The driver would write to the terminal what is dealt with here."""
    for name in ("aio_pika", "aiormq"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _done(work: Any) -> None:
    from aiormq.exceptions import AMQPError

    async def in_time() -> None:
        await asyncio.wait_for(work, _SET_UP_S)

    try:
        asyncio.run(in_time())
    except (AMQPError, OSError, TimeoutError) as error:
        raise Unreachable(
            f"the example's exchange cannot be set up or taken away in RabbitMQ: {type(error).__name__}",
            remedy="Name in ARRIVAL_AMQP a user who may configure, write and read there.",
        ) from None


async def _set_up(url: str, run: str) -> None:
    from aio_pika import ExchangeType, connect

    connection = await connect(url)
    async with connection:
        channel = await connection.channel()
        made = await channel.declare_exchange(run, ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(_queue(run), durable=True, arguments={"x-expires": _LEFT_MS})
        await queue.bind(made, PLAN)


async def _taken_away(url: str, run: str) -> None:
    from aio_pika import connect

    connection = await connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.queue_delete(_queue(run))
        await channel.exchange_delete(run)


def _queue(run: str) -> str:
    return f"{run}.planner"


class Publisher:
    """Publishes planning records over a connection that is made anew when it broke."""

    def __init__(self, url: str, run: str) -> None:
        self._url = url
        self._run = run
        self._connecting = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, run: str) -> AsyncIterator[Publisher]:
        """Usable until the block is left."""
        _quiet()
        publisher = cls(url, run)
        try:
            yield publisher
        finally:
            await publisher._drop(publisher._exchange)

    async def plan(self, record: Mapping[str, Any]) -> None:
        """Hand one record over, and wait until the broker has it in the planner's queue. Raises BadGateway."""
        from aio_pika.exceptions import DeliveryError
        from aiormq.exceptions import AMQPError

        used: AbstractExchange | None = None
        try:
            used = await self._connected()
            await used.publish(_message(record), PLAN, mandatory=True, timeout=_ANSWER_S)
        except DeliveryError:
            raise serving.BadGateway("nobody takes planning records") from None
        except (AMQPError, OSError, TimeoutError, RuntimeError):
            await self._drop(used)
            raise serving.BadGateway("the planner's broker did not answer") from None
        except asyncio.CancelledError:
            # The driver cancels whoever waits when a connection breaks.
            if self._connection is None or not self._connection.is_closed:
                raise
            await self._drop(used)
            raise serving.BadGateway("the planner's broker went away") from None

    async def _connected(self) -> AbstractExchange:
        from aio_pika import connect

        async with self._connecting:
            if self._exchange is not None and (self._connection is None or self._connection.is_closed):
                await self._drop(self._exchange)
            if self._exchange is None:
                opening = connect(
                    self._url,
                    timeout=_ANSWER_S,
                    heartbeat=_HEARTBEAT_S,
                    client_properties={"connection_name": "arrival-delay"},
                )
                self._connection = connection = await asyncio.wait_for(opening, _ANSWER_S)
                confirming = connection.channel(publisher_confirms=True, on_return_raises=True)
                channel = await asyncio.wait_for(_opened(confirming), _ANSWER_S)
                self._exchange = await channel.get_exchange(self._run, ensure=False)
            return self._exchange

    async def _drop(self, used: AbstractExchange | None) -> None:
        """Let go of the connection, unless another was made meanwhile."""
        if used is not self._exchange:
            return
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            # What is broken already is closed.
            with suppress(Exception):
                await asyncio.wait_for(connection.close(), _CLOSE_S)


async def keep_taking(board: Board, url: str, run: str) -> None:
    """Take what comes into the planner's queue, and show the day, until cancelled."""
    from aio_pika import connect_robust
    from aiormq.exceptions import AMQPError

    _quiet()
    connection = await connect_robust(url, client_properties={"connection_name": "planner"})
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(_AT_ONCE)
        shown = await channel.get_exchange(run)
        queue = await channel.get_queue(_queue(run))

        async def taken(message: AbstractIncomingMessage) -> None:
            record = _read(message.body)
            key = record.get(board.key) if isinstance(record, Mapping) else None
            known = isinstance(key, str) and bool(board.records.of([key]))
            if board.take(record) is not None:
                await message.reject(requeue=False)
                return
            # What is handed over again, since nobody heard that it was taken, is no new record.
            if not known:
                await shown.publish(_message(record), TAKEN, mandatory=False)
            await message.ack()

        await queue.consume(taken)
        while True:
            if day := board.records.newest(_SHOWN):
                # While the connection is made again the displays wait.
                with suppress(AMQPError, OSError, TimeoutError, RuntimeError):
                    await shown.publish(_message(day), DAY, mandatory=False, timeout=_ANSWER_S)
            await asyncio.sleep(_DAY_S)


async def _opened(channel: AbstractChannel) -> AbstractChannel:
    """The channel, open."""
    await channel
    return channel


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _message(content: object) -> Any:
    from aio_pika import DeliveryMode, Message

    return Message(json.dumps(content).encode(), content_type="application/json", delivery_mode=DeliveryMode.PERSISTENT)
