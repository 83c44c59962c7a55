"""The kept-alive connections that carry the requests: sockets that never block, driven by what a selector says of them.

Not asyncio: there opening a connection costs as much time as several requests. A generator that fell behind for a
moment then opened one for each request that was due, which held it up further.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from typing import Final

from seatrial.adapters.load.exchange import Exchange
from seatrial.adapters.wire import AnswerReader, Target
from seatrial.core.errors import Malformed

_MOST_BYTES: Final = 64 * 1024 * 1024
_AT_ONCE: Final = 64 * 1024
"""More than a record of TLS holds, so that none is left behind unseen by the selector."""
_FIRST_S: Final = 10.0
_NOT_YET: Final = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """One connection, which carries one exchange at a time. Raises OSError where none can be opened at all."""

    __slots__ = ("_carried", "_exchange", "_open", "_pool", "_reader", "_selector", "_sock", "_unsent", "_wanted")

    def __init__(self, pool: Pool, selector: BaseSelector, exchange: Exchange | None) -> None:
        self._pool = pool
        self._selector = selector
        self._exchange = exchange
        self._reader = AnswerReader(most_bytes=_MOST_BYTES, keep=False)
        self._carried = 0
        self._open = False
        self._unsent = memoryview(b"")
        self._wanted = EVENT_WRITE
        self._sock: socket.socket | None = _dialled(pool)
        selector.register(self._sock, EVENT_WRITE, self)
        pool.every.add(self)
        if exchange is not None:
            exchange.connection = self

    @property
    def usable(self) -> bool:
        """Whether it can carry another exchange."""
        return self._open

    def carry(self, exchange: Exchange) -> None:
        """Send its request."""
        self._exchange = exchange
        exchange.connection = self
        self._reader = AnswerReader(method=exchange.shot.method, most_bytes=_MOST_BYTES, keep=False)
        self._carried += 1
        self._send(exchange.shot.content)

    def abort(self) -> None:
        """Drop it at once."""
        self._exchange = None
        self._end()

    def ready(self, events: int) -> None:
        """Go on, now that the selector says so."""
        if self._sock is None:
            return
        if not self._open:
            self._go_on_opening(self._sock)
            return
        if events & EVENT_READ:
            self._read(self._sock)
        if self._unsent and self._open:
            self._send(self._unsent)

    def _go_on_opening(self, sock: socket.socket) -> None:
        try:
            if not isinstance(sock, ssl.SSLSocket):
                failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if failed:
                    raise OSError(failed, os.strerror(failed))
                if self._pool.context is not None:
                    sock = self._secured(sock, self._pool.context)
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
        except ssl.SSLWantReadError:
            self._want(EVENT_READ)
            return
        except ssl.SSLWantWriteError:
            self._want(EVENT_WRITE)
            return
        except OSError:
            self._lost()
            return
        self._open = True
        self._want(EVENT_READ)
        if self._exchange is None:
            self._pool.idle.append(self)
        else:
            self.carry(self._exchange)

    def _secured(self, sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        self._selector.unregister(sock)
        # What wraps a socket takes it over, so from here on the wrapped one is what must be closed.
        self._sock = context.wrap_socket(sock, server_hostname=self._pool.host, do_handshake_on_connect=False)
        self._selector.register(self._sock, EVENT_WRITE, self)
        self._wanted = EVENT_WRITE
        return self._sock

    def _want(self, events: int) -> None:
        if self._sock is not None and events != self._wanted:
            self._selector.modify(self._sock, events, self)
            self._wanted = events

    def _send(self, content: bytes | memoryview) -> None:
        if self._sock is None:
            return
        try:
            sent = self._sock.send(content)
        except _NOT_YET:
            sent = 0
        except OSError:
            self._lost()
            return
        if sent == len(content):
            self._unsent = memoryview(b"")
            self._want(EVENT_READ)
        else:
            self._unsent = memoryview(content)[sent:]
            self._want(EVENT_READ | EVENT_WRITE)

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(_AT_ONCE)
        except _NOT_YET:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        exchange = self._exchange
        if exchange is None:
            # Nobody asked for this.
            self._end()
            return
        try:
            complete = self._reader.feed(data)
        except Malformed:
            exchange.fail()
            self.abort()
            return
        if complete:
            self._exchange = None
            exchange.finish(self._reader.status, time.monotonic())
            if self._reader.reusable and not self._unsent:
                self._pool.idle.append(self)
            else:
                self._end()

    def _lost(self) -> None:
        """The end of the answer, of a connection that had been idle, or of everything."""
        self._end()
        exchange, self._exchange = self._exchange, None
        if exchange is None or exchange.ended:
            return
        if self._reader.seen and self._reader.end():
            exchange.finish(self._reader.status, time.monotonic())
        elif not self._reader.seen and self._carried > 1 and not exchange.retried:
            # The server had closed the idle connection when the request crossed it: the usual race of keep-alive.
            exchange.retried = True
            exchange.connection = None
            self._pool.connect(exchange)
        else:
            exchange.fail()

    def _end(self) -> None:
        sock, self._sock = self._sock, None
        self._open = False
        if sock is not None:
            self._pool.every.discard(self)
            self._selector.unregister(sock)
            sock.close()


class Pool:
    """The connections to one origin."""

    def __init__(self, selector: BaseSelector, target: Target) -> None:
        self.idle: list[Connection] = []
        self.every: set[Connection] = set()
        self.host = target.host
        self.context = ssl.create_default_context() if target.scheme == "https" else None
        self.family = socket.AF_INET
        self.address: tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes] | None = None
        """Where all go, once `prepare` found it."""
        self._port = target.port
        self._selector = selector

    def prepare(self) -> None:
        """Resolve the name once and open a first connection, so that neither is measured as the target's latency."""
        try:
            found = socket.getaddrinfo(self.host, self._port, type=socket.SOCK_STREAM)
        except OSError:
            return
        for family, *_, address in found:
            self.family, self.address = family, address
            try:
                first = Connection(self, self._selector, None)
            except OSError:
                continue
            until = time.monotonic() + _FIRST_S
            while first in self.every and not first.usable and time.monotonic() < until:
                for key, events in self._selector.select(until - time.monotonic()):
                    key.data.ready(events)
            if first.usable:
                return
            first.abort()

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
        try:
            Connection(self, self._selector, exchange)
        except OSError:
            exchange.fail()

    def close(self) -> None:
        """End everything."""
        for connection in tuple(self.every):
            connection.abort()


def _dialled(pool: Pool) -> socket.socket:
    if pool.address is None:
        raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    sock = socket.socket(pool.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        failed = sock.connect_ex(pool.address)
        if failed not in {0, errno.EINPROGRESS}:
            raise OSError(failed, os.strerror(failed))
    except OSError:
        sock.close()
        raise
    return sock
