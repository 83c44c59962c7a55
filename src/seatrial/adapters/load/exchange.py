"""Requests in flight: one stream's results as they come in, and the connections that carry them."""

from __future__ import annotations

import asyncio
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seatrial.adapters.wire import AnswerReader, Target
from seatrial.core.errors import Malformed
from seatrial.core.ports import LoadResult

if TYPE_CHECKING:
    import ssl

NO_ANSWER: Final = 0
DROPPED: Final = -1
_MOST_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A request, ready to be sent."""

    target: Target
    method: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one stream is driven. Of the whole plan it has the requests `first`, `first + step` and so on."""

    timeout_s: float
    in_flight: int
    most_failed: int | None = None
    first: int = 0
    step: int = 1


class Course:
    """One stream: its plan, and what became of each planned request.

    Until an answer arrives a request counts as unanswered at its time-out, so that nothing that is lost looks fast.
    """

    def __init__(self, pace: Pace, shots: Sequence[Shot], scheduled: array[float]) -> None:
        count = len(scheduled)
        self.shots = shots
        self.scheduled = scheduled
        self.timeout_s = pace.timeout_s
        self.in_flight = 0
        self._pace = pace
        self._failed = 0
        self.open: deque[Exchange] = deque()
        self._latency = array("d", [pace.timeout_s]) * count
        self._lag = array("d", [0.0]) * count
        self._status = array("i", [NO_ANSWER]) * count

    def begin(self, at: int, start: float, now: float) -> Exchange | None:
        """The exchange of planned request `at`, or None when it is dropped: too many in flight, or too many failed."""
        due = start + self.scheduled[at]
        self._lag[at] = max(0.0, now - due)
        pace = self._pace
        if self.in_flight >= pace.in_flight or (pace.most_failed is not None and self._failed > pace.most_failed):
            self._status[at] = DROPPED
            return None
        self.in_flight += 1
        exchange = Exchange(self, at, due)
        self.open.append(exchange)
        return exchange

    def end(self, at: int, status: int, latency_s: float) -> None:
        """Record what became of it."""
        self.in_flight -= 1
        self._failed += not 200 <= status < 300
        if status != NO_ANSWER:
            self._status[at] = status
            self._latency[at] = latency_s

    def sweep(self, now: float) -> None:
        """End every exchange whose time is over; they began in the order of their deadlines."""
        while self.open and (self.open[0].ended or self.open[0].deadline <= now):
            self.open.popleft().time_out()

    def result(self) -> LoadResult:
        """Everything, in the order of the plan."""
        return LoadResult(
            planned=len(self.scheduled),
            scheduled_s=self.scheduled,
            latency_s=self._latency,
            lag_s=self._lag,
            status=self._status,
        )

    def shot(self, at: int) -> Shot:
        """What planned request `at` sends: the requests take turns over the whole plan."""
        return self.shots[(self._pace.first + at * self._pace.step) % len(self.shots)]


class Exchange:
    """One request on its way."""

    __slots__ = ("_at", "_course", "_due", "connection", "deadline", "ended", "retried", "shot")

    def __init__(self, course: Course, at: int, due: float) -> None:
        self._course = course
        self._at = at
        self._due = due
        self.connection: Connection | None = None
        self.deadline = due + course.timeout_s
        self.ended = False
        self.retried = False
        self.shot = course.shot(at)

    def finish(self, status: int, now: float) -> None:
        """The last byte is here; too late is as bad as never."""
        if not self.ended:
            self.ended = True
            self._course.end(self._at, status if now <= self.deadline else NO_ANSWER, now - self._due)

    def fail(self) -> None:
        """No answer will come."""
        if not self.ended:
            self.ended = True
            self._course.end(self._at, NO_ANSWER, 0.0)

    def time_out(self) -> None:
        """Its time is over; whatever still arrives on its connection belongs to nobody."""
        if not self.ended:
            self.fail()
            if self.connection is not None:
                self.connection.abort()


class Connection(asyncio.Protocol):
    """One kept-alive connection that carries one exchange at a time."""

    def __init__(self, pool: Pool, now: Callable[[], float]) -> None:
        self._pool = pool
        self._now = now
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._reader = AnswerReader(most_bytes=_MOST_BYTES, keep=False)
        self._carried = 0
        self.lost = asyncio.Event()

    def carry(self, exchange: Exchange) -> None:
        """Send its request."""
        if self._transport is None:
            exchange.fail()
            return
        self._exchange = exchange
        exchange.connection = self
        self._reader = AnswerReader(method=exchange.shot.method, most_bytes=_MOST_BYTES, keep=False)
        self._carried += 1
        self._transport.write(exchange.shot.content)

    def abort(self) -> None:
        """Drop it at once."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def usable(self) -> bool:
        """Whether it can carry another exchange."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way out."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._pool.every.add(self)

    def data_received(self, data: bytes) -> None:
        """A piece of the answer, or something that nobody asked for."""
        exchange = self._exchange
        if exchange is None:
            self.abort()
            return
        try:
            complete = self._reader.feed(data)
        except Malformed:
            exchange.fail()
            self.abort()
            return
        if complete:
            self._exchange = None
            exchange.finish(self._reader.status, self._now())
            if self._reader.reusable:
                self._pool.idle.append(self)
            elif self._transport is not None:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of the answer, of a connection that had been idle, or of everything."""
        del exc
        self._transport = None
        self.lost.set()
        self._pool.every.discard(self)
        exchange, self._exchange = self._exchange, None
        if exchange is None or exchange.ended:
            return
        if self._reader.seen and self._reader.end():
            exchange.finish(self._reader.status, self._now())
        elif not self._reader.seen and self._carried > 1 and not exchange.retried:
            # The server had closed the idle connection when the request crossed it: the usual race of keep-alive.
            exchange.retried = True
            exchange.connection = None
            self._pool.connect(exchange)
        else:
            exchange.fail()


class Pool:
    """The connections to one origin."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: Target) -> None:
        self.idle: list[Connection] = []
        self.every: set[Connection] = set()
        self._loop = loop
        self._target = target
        self._address = target.host
        self._context = _context() if target.scheme == "https" else None
        self._connecting: set[asyncio.Task[None]] = set()

    async def prepare(self) -> None:
        """Resolve the name once and open a first connection, so that neither is measured as the target's latency."""
        try:
            found = await self._loop.getaddrinfo(self._target.host, self._target.port, type=1)
        except OSError:
            return
        for *_, address in found:
            self._address = str(address[0])
            try:
                self.idle.append(await self._open())
            except OSError:
                continue
            return

    def start(self, exchange: Exchange) -> None:
        """Send over an idle connection, the most recently used first, or over a new one."""
        while self.idle:
            connection = self.idle.pop()
            if connection.usable:
                connection.carry(exchange)
                return
        self.connect(exchange)

    def connect(self, exchange: Exchange) -> None:
        """Open a connection for it."""
        task = self._loop.create_task(self._connect(exchange))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def close(self) -> None:
        """End everything, and see it ended."""
        for task in tuple(self._connecting):
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        open_still = tuple(self.every)
        for connection in open_still:
            connection.abort()
        await asyncio.gather(*(connection.lost.wait() for connection in open_still))

    async def _connect(self, exchange: Exchange) -> None:
        try:
            connection = await self._open()
        except OSError:
            exchange.fail()
            return
        if exchange.ended:
            self.idle.append(connection)
        else:
            connection.carry(exchange)

    async def _open(self) -> Connection:
        _, connection = await self._loop.create_connection(
            lambda: Connection(self, self._loop.time),
            self._address,
            self._target.port,
            ssl=self._context,
            server_hostname=self._target.host if self._context is not None else None,
        )
        return connection


def _context() -> ssl.SSLContext:
    import ssl

    return ssl.create_default_context()
