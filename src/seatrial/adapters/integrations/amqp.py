"""An integration that is an exchange or a queue of an AMQP 0-9-1 broker, such as RabbitMQ."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, TypeVar

from seatrial.adapters.background import Background
from seatrial.adapters.integrations.amqp_session import AmqpSession
from seatrial.adapters.integrations.brokers import Broker
from seatrial.adapters.integrations.hearing import Ear, Ears, Heard
from seatrial.adapters.integrations.payloads import encoded
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.redaction import Redactor
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import DECLARED_VERSION, Part, Request, Row

T = TypeVar("T")
_SCHEMES: Final = {"amqp": (5672, False), "amqps": (5671, True)}
_ANSWER_S: Final = 10.0


class AmqpIntegration:
    """Records are published to `exchange` under a routing key, or to `queue`, and heard through a queue of our own.

    `read` and `observe` are binding keys and `write` is a routing key, each `routing_key` where it is not declared. No
    queue that is not ours is ever read: what is taken from it would be taken from others, and what is put back comes
    back marked, in another order, and counted against its limit of deliveries.
    """

    def __init__(self, place: Place, *, base_dir: Path, redact: Redactor, timeout_s: float = _ANSWER_S) -> None:
        self._place = place
        self._timeout_s = timeout_s
        self._broker = Broker(place, schemes=_SCHEMES, base_dir=base_dir, redact=redact)
        self._ears = Ears(place, self._open_ear)
        self._lock = threading.Lock()
        self._background: Background | None = None
        self._writing: AmqpSession | None = None

    def version(self) -> str:
        """What the broker tells of itself when we connect, else the declared text. Raises Malformed for neither."""
        told = self._once(AmqpSession.told_version)
        if told:
            return told
        if self._place.end.version:
            return f"{DECLARED_VERSION}{self._place.end.version}"
        raise Malformed(
            f"integration {self._place.name!r} tells no version",
            remedy=f"Write in {self._broker.where}.version what its owner says; it is shown as declared.",
        )

    def health(self) -> None:
        """Raises Unreachable, Refused or Malformed unless the broker takes us and has what the end names."""
        self._once(self._named_is_there)

    def schema(self) -> Mapping[str, str]:
        """The fields of the records that are heard, and the types that they have there."""
        return self._ears.schema(self._key("read"))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records that were heard, oldest first."""
        return self._ears.read(self._key("read"), most)

    def parts(self, mark: Json, most: int) -> Iterator[Part]:
        """What was heard since the last call, each record once."""
        del mark
        yield from self._ears.parts(self._key("read"), most)

    def write(self, record: Row) -> None:
        """Publish one record and wait until the broker confirms it.

        Raises Refused unless declared writable for tests, Malformed where no queue would get it.
        """
        self._place.refuse_write()
        end = self._place.end
        message = encoded(record, self._place)
        key = self._key("write") if end.exchange else self._place.declared("queue")
        self._run(self._published(end.exchange or "", key, message))

    def request(self, record: Row) -> Request | None:
        """None: it is not written over HTTP. Raises Refused like `write`."""
        del record
        self._place.refuse_write()
        return None

    def listen(self) -> None:
        """Keep what is published from now on."""
        self._ears.listen(self._key("observe"))

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that were heard, grouped by `key` as text."""
        return self._ears.observe(self._key("observe"), key, values)

    def close(self) -> None:
        """End the connections; the broker takes our queues away with them."""
        self._ears.close()
        with self._lock:
            if self._background is None:
                return
            if self._writing is not None:
                self._run(self._writing.close())
                self._writing = None
            self._background.close()
            self._background = None

    def _key(self, use: str) -> str:
        return getattr(self._place.end, use) or self._place.end.routing_key or ""

    async def _session(self) -> AmqpSession:
        session = AmqpSession(self._broker, timeout_s=self._timeout_s)
        await session.connect()
        return session

    def _once(self, use: Callable[[AmqpSession], Coroutine[Any, Any, T]]) -> T:
        async def used() -> T:
            session = await self._session()
            try:
                return await use(session)
            finally:
                await session.close()

        return self._run(used())

    async def _named_is_there(self, session: AmqpSession) -> None:
        end = self._place.end
        if end.exchange:
            await session.demand_exchange(end.exchange)
        if end.queue:
            await session.demand_queue(end.queue)

    async def _published(self, exchange: str, key: str, message: bytes) -> None:
        if self._writing is None or self._writing.gone:
            self._writing = await self._session()
        await self._writing.publish(exchange, key, message)

    def _open_ear(self, key: str, heard: Heard) -> Ear:
        exchange = self._place.end.exchange
        if not exchange:
            raise Malformed(
                f"integration {self._place.name!r} names a queue and no exchange, and others' queues are never read",
                remedy=f"Name in {self._broker.where} the exchange and the routing_key from which the queue is fed.",
            )
        return self._run(self._heard(exchange, key, heard))

    async def _heard(self, exchange: str, key: str, heard: Heard) -> Ear:
        async with AsyncExitStack() as undone:
            session = await self._session()
            undone.push_async_callback(session.close)
            queue = await session.hear(exchange, key, heard.take, heard.deafen)
            undone.pop_all()
        return Ear(stop=lambda: self._run(session.close()), alive=lambda: self._run(session.demand_queue(queue)))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._background is None:
            self._background = Background()
            self._background.start()
        try:
            return self._background.run(work, timeout_s=2.0 * self._timeout_s)
        except TimeoutError as error:
            raise self._broker.unreachable(error, within_s=self._timeout_s) from None
