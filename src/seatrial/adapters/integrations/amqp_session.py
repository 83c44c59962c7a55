"""One connection to an AMQP broker, on the event loop that calls it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from seatrial.adapters.integrations.brokers import Broker, missing
from seatrial.core.errors import Malformed, Refused, SeatrialError

if TYPE_CHECKING:
    from aio_pika.abc import AbstractChannel, AbstractConnection

_HEARTBEAT_S: Final = 5
"""A dead connection is noticed within about twice this."""


class AmqpSession:
    """Raises Unreachable, Refused, Malformed and MissingExtra."""

    def __init__(self, broker: Broker, *, timeout_s: float) -> None:
        self._broker = broker
        self._timeout_s = timeout_s
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._closing = False

    @property
    def gone(self) -> bool:
        """Whether the connection or its channel ended."""
        return (
            self._channel is None or self._channel.is_closed or self._connection is None or self._connection.is_closed
        )

    async def connect(self) -> None:
        """Connect, with one channel on which the broker confirms what it was given."""
        try:
            from aio_pika import Connection, connect
        except ModuleNotFoundError:
            raise missing("aio-pika", "amqp") from None

        class Ours(Connection):
            """A connection that nobody but its session closes, on the session's own loop."""

            def __del__(self) -> None:
                """Nothing: a loop that is gone, or another thread's, could not close it."""

        for name in ("aio_pika", "aiormq"):
            # They would write to the terminal what is told by the errors here, without the secrets.
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        broker = self._broker
        async with self._told("connect"):
            self._connection = await asyncio.wait_for(
                connect(
                    host=broker.host,
                    port=broker.port,
                    login=broker.user or "guest",
                    password=broker.password or ("" if broker.user else "guest"),
                    virtualhost=broker.path or "/",
                    ssl=broker.secure,
                    ssl_context=broker.context(),
                    heartbeat=_HEARTBEAT_S,
                    client_properties={"connection_name": "seatrial"},
                    connection_class=Ours,
                ),
                self._timeout_s,
            )
            self._channel = await self._open().channel(publisher_confirms=True, on_return_raises=True)

    async def told_version(self) -> str:
        """Product and version as the broker tells them, empty where it does not."""
        transport: Any = self._open().transport
        told = transport.connection.server_properties if transport is not None else {}
        product, version = (str(told.get(name) or "").strip() for name in ("product", "version"))
        return f"{product} {version}".strip() if version else ""

    async def demand_exchange(self, name: str) -> None:
        """Raises Malformed where there is no such exchange."""
        async with self._told(f"see the exchange {name!r}"):
            await self._used().get_exchange(name)

    async def demand_queue(self, name: str) -> None:
        """Raises Malformed where there is no such queue. It is not touched."""
        async with self._told(f"see the queue {name!r}"):
            await self._used().declare_queue(name, passive=True, timeout=self._timeout_s)

    async def publish(self, exchange: str, key: str, content: bytes) -> None:
        """Send, and wait until the broker confirms that at least one queue has it."""
        from aio_pika import DeliveryMode, Message
        from aio_pika.exceptions import DeliveryError

        message = Message(content, content_type="application/json", delivery_mode=DeliveryMode.PERSISTENT)
        channel = self._used()
        async with self._told(f"publish to {exchange!r}" if exchange else f"publish to the queue {key!r}"):
            to = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
            try:
                await to.publish(message, routing_key=key, mandatory=True, timeout=self._timeout_s)
            except DeliveryError:
                raise Malformed(
                    f"integration {self._broker.place.name!r} has no queue that gets what is sent under {key!r}",
                    remedy=f"Correct {self._broker.where}, or start what reads there so that its queue is bound.",
                ) from None

    async def hear(
        self, exchange: str, key: str, take: Callable[[bytes], None], lost: Callable[[SeatrialError], None]
    ) -> str:
        """Hear what is published to the exchange under that binding key, through a queue of our own: its name."""
        channel = self._used()
        async with self._told(f"hear the exchange {exchange!r} through a queue of its own"):
            await channel.get_exchange(exchange)
            queue = await channel.declare_queue(
                f"seatrial-{secrets.token_hex(8)}", exclusive=True, auto_delete=True, durable=False
            )
            await queue.bind(exchange, routing_key=key)

            async def taken(message: Any) -> None:
                take(message.body)

            def ended(_: object, reason: BaseException | None) -> None:
                if not self._closing:
                    lost(self._broker.lost(reason or "closed"))

            channel.close_callbacks.add(ended)
            self._open().close_callbacks.add(ended)
            await queue.consume(taken, no_ack=True, exclusive=True)
        return str(queue.name)

    async def close(self) -> None:
        """End it. Closing again is nothing."""
        from aiormq.exceptions import AMQPError

        self._closing = True
        if self._connection is not None:
            # What is broken already is closed.
            with suppress(AMQPError, OSError, TimeoutError, RuntimeError):
                await asyncio.wait_for(self._connection.close(), self._timeout_s)

    def _open(self) -> AbstractConnection:
        assert self._connection is not None, "connected before it is used"  # noqa: S101 - an invariant of this file
        return self._connection

    def _used(self) -> AbstractChannel:
        assert self._channel is not None, "connected before it is used"  # noqa: S101 - an invariant of this file
        return self._channel

    @asynccontextmanager
    async def _told(self, doing: str) -> AsyncIterator[None]:
        """Everything that the driver raises becomes the port's error."""
        from aiormq import exceptions

        broker = self._broker
        try:
            yield
        except SeatrialError:
            raise
        except (exceptions.AuthenticationError, exceptions.ProbableAuthenticationError) as error:
            raise broker.no_entry(error) from None
        except exceptions.InvalidFrameError:
            # What else it says when it is asked for a virtual host, the driver keeps for itself.
            raise Refused(
                f"integration {broker.place.name!r} does not let us into its virtual host {broker.path or '/'!r}",
                remedy=f"Correct the path of {broker.where}.url, or have the broker's owner allow it.",
            ) from None
        except exceptions.ChannelNotFoundEntity as error:
            raise Malformed(
                f"integration {broker.place.name!r} has nothing of that name: {broker.said(error)}",
                remedy=f"Correct {broker.where}, or have it set up there. Nothing is made by looking.",
            ) from None
        except exceptions.ChannelAccessRefused as error:
            raise broker.forbidden(doing, error) from None
        except (exceptions.AMQPError, OSError, TimeoutError, asyncio.CancelledError, RuntimeError) as error:
            if isinstance(error, asyncio.CancelledError) and not self._lost_while_waiting():
                raise
            said = str(error)
            if "ACCESS_REFUSED" in said or "NOT_ALLOWED" in said:
                raise broker.forbidden(doing, error) from None
            raise broker.unreachable(error, within_s=self._timeout_s) from None

    def _lost_while_waiting(self) -> bool:
        """The driver cancels whoever waits when a connection breaks."""
        return self._connection is not None and self._connection.is_closed
