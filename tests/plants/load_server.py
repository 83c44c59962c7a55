"""A server on asyncio, in a thread of its own, for load: its service time, order and faults are known exactly."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)\r\n", re.IGNORECASE)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
OLD = b"HTTP/1.0 200 OK\r\n\r\n{}"


class LoadServer:
    """`delay_s` tells, for the n-th request and the seconds since the first, how long its answer is held back.

    With `one_at_a_time` requests queue for one another, as before a model behind a lock.
    """

    def __init__(
        self,
        *,
        delay_s: Callable[[int, float], float] = lambda _, __: 0.0,
        answer: bytes = OK,
        one_at_a_time: bool = False,
        close_after: bool = False,
        secured: ssl.SSLContext | None = None,
    ) -> None:
        self.count = 0
        self.opened = 0
        self._secured = secured
        self._delay_s = delay_s
        self._answer = answer
        self._one_at_a_time = one_at_a_time
        self._close_after = close_after
        self._began: float | None = None
        self._free_at = 0.0
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._secured else 'http'}://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._open: set[asyncio.Transport] = set()
        server = await self._loop.create_server(lambda: _Line(self), "127.0.0.1", 0, backlog=1024, ssl=self._secured)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for transport in tuple(self._open):
            transport.abort()
        await asyncio.sleep(0.01)

    def asked(self, transport: asyncio.Transport) -> None:
        """One whole request is here."""
        if self._loop is None:
            return
        now = self._loop.time()
        if self._began is None:
            self._began = now
        delay = self._delay_s(self.count, now - self._began)
        self.count += 1
        if self._one_at_a_time:
            self._free_at = max(now, self._free_at) + delay
            self._loop.call_at(self._free_at, self._say, transport)
        elif delay:
            self._loop.call_later(delay, self._say, transport)
        else:
            self._say(transport)

    def _say(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            transport.write(self._answer)
            if self._close_after:
                transport.close()


class _Line(asyncio.Protocol):
    def __init__(self, server: LoadServer) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server._open.add(transport)
        self._server.opened += 1

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._server._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0 and self._transport is not None:
            match = _LENGTH.search(self._buffer[: end + 2])
            size = end + 4 + (int(match[1]) if match else 0)
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            self._server.asked(self._transport)


def frozen(*, at_s: float, for_s: float, else_s: float) -> Callable[[int, float], float]:
    """Nothing is answered from `at_s` on for `for_s`; else an answer takes `else_s`."""

    def delay_s(_: int, since_s: float) -> float:
        return max(else_s, at_s + for_s - since_s) if since_s >= at_s else else_s

    return delay_s
