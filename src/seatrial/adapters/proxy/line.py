"""A TCP line that passes everything on, and can be disturbed while connections run."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from seatrial.adapters.other_schema import rewritten
from seatrial.adapters.proxy.address import Address
from seatrial.adapters.proxy.exchanges import NotHttp, Rewrite, exchanged
from seatrial.core.disturbing import LineCounts, LineMode
from seatrial.core.errors import Unreachable
from seatrial.core.schema_change import SchemaChange

_CHUNK: Final = 65_536
_EVERY: Final = 64
"""In a corrupted answer one bit in so many bytes is turned over."""
_CLOSED_AT_ONCE: Final = struct.pack("ii", 1, 0)
_QUIET_S: Final = 0.05
_MOST_QUIET_S: Final = 2.0


class PassingLine:
    """Listens at one address and passes to another. Lives in one event loop; only `set` changes what it does."""

    def __init__(self, name: str, *, listen: Address, target: Address) -> None:
        self.name = name
        self.listen = listen
        self._target = target
        self._server: asyncio.Server | None = None
        self._listening = asyncio.Lock()
        """Held while it begins or ends to listen."""
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._mode = LineMode.PASS
        self._delay_s = 0.0
        self._after_bytes = 1
        self._change: SchemaChange | None = None
        self._changed = asyncio.Event()
        self._connections = 0
        self._there = 0
        self._back = 0
        self._disturbed = 0
        self._rewritten = 0

    async def start(self) -> None:
        """Begin to listen. Raises Unreachable where the address is taken or is none of this machine's."""
        async with self._listening:
            if self._server is not None:
                return
            try:
                self._server = await asyncio.start_server(self._taken, self.listen.host, self.listen.port)
            except OSError as error:
                raise Unreachable(
                    f"nothing can listen at {self.listen.text}, through which {self.name} is reached: {error.strerror}",
                    remedy="Free the address, or declare another one as `via` and lead the tested system through it.",
                ) from None
            if not self.listen.port:
                self.listen = Address(host=self.listen.host, port=self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and reset what is open."""
        await self._deafen()
        for connection in list(self._open):
            connection.reset()
        # What waits in a black hole would wait for ever.
        self._mode = LineMode.PASS
        self._changed.set()
        while self._open:
            await asyncio.gather(*(c.done.wait() for c in list(self._open)))

    async def set(
        self, mode: LineMode, *, delay_s: float, after_bytes: int, change: SchemaChange | None = None
    ) -> None:
        """From now on."""
        self._mode, self._delay_s, self._after_bytes, self._change = mode, delay_s, after_bytes, change
        self._changed.set()
        self._changed = asyncio.Event()
        if mode is LineMode.REFUSED:
            await self._deafen()
        else:
            await self.start()
        if mode in (LineMode.REFUSED, LineMode.CUT):
            for connection in list(self._open):
                self._disturbed += 1
                (connection.reset if mode is LineMode.REFUSED else connection.close)()
        if mode is LineMode.REWRITE:
            await asyncio.gather(*(c.close_when_quiet() for c in list(self._open) if not c.framed))

    def counts(self) -> LineCounts:
        """What went through so far."""
        return LineCounts(
            connections=self._connections,
            bytes_there=self._there,
            bytes_back=self._back,
            disturbed=self._disturbed,
            rewritten=self._rewritten,
        )

    async def _deafen(self) -> None:
        async with self._listening:
            server, self._server = self._server, None
            if server is None:
                return
            for listener in server.sockets:
                asyncio.get_running_loop().remove_reader(listener)
            # What was accepted in this very moment gets its transport first: a server that is closed cannot give it one
            # (an assertion fails), and nobody would end that connection.
            await asyncio.sleep(0)
            server.close()

    def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # On the books before anything can be cancelled, so that every connection that was taken is ended by somebody.
        connection = _Connection(writer)
        self._open.add(connection)
        self._connections += 1
        task = asyncio.get_running_loop().create_task(self._served(connection, reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _served(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        try:
            if self._mode is not LineMode.PASS:
                self._disturbed += 1
            if self._mode is LineMode.CUT:
                return
            if self._mode is LineMode.REFUSED:
                # It came in at the moment in which the line began to refuse.
                connection.reset()
                return
            await self._through()
            await self._joined(connection, reader)
        finally:
            connection.close()
            self._open.discard(connection)
            connection.done.set()

    async def _joined(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        try:
            back, there = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            # Who cannot be reached behind the line is not reached through it either.
            connection.reset()
            return
        connection.join(there)
        asked, answered = self._asked(connection), self._answered(connection)
        if self._mode is LineMode.REWRITE:
            connection.framed = True
            try:
                await exchanged(
                    reader, connection.client, back, there, there=asked, back=answered, rewrite=self._rewrite
                )
                return
            except NotHttp as other:
                there.write(await asked(other.seen))
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                # An answer that ends too early ends too early for the client too.
                connection.reset()
                return
        await asyncio.gather(_pumped(reader, there, asked), _pumped(back, connection.client, answered))

    def _rewrite(self) -> Rewrite | None:
        """What to do with the next answer."""
        change = self._change
        if self._mode is not LineMode.REWRITE or change is None:
            return None

        def made(body: bytes, content_type: str) -> bytes | None:
            new = rewritten(body, content_type, change)
            self._rewritten += new is not None
            return new

        return made

    def _asked(self, connection: _Connection) -> Callable[[bytes], Awaitable[bytes]]:
        async def asked(content: bytes) -> bytes:
            await self._through()
            connection.moved(answer=False)
            self._there += len(content)
            return content

        return asked

    def _answered(self, connection: _Connection) -> Callable[[bytes], Awaitable[bytes]]:
        passed = 0

        async def answered(content: bytes) -> bytes:
            nonlocal passed
            await self._through()
            if self._mode is LineMode.SLOW:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), self._delay_s)
            if self._mode is LineMode.RESET:
                content = content[: max(0, self._after_bytes - passed)]
                if passed + len(content) >= self._after_bytes:
                    await connection.reset_after(content)
                    return b""
            if self._mode is LineMode.CORRUPT:
                content = _corrupted(content, passed)
            passed += len(content)
            connection.moved(answer=True)
            self._back += len(content)
            return content

        return answered

    async def _through(self) -> None:
        """Wait while nothing moves."""
        while self._mode is LineMode.BLACK_HOLE:
            await self._changed.wait()


class _Connection:
    """One connection with both its ends. It ends in order, or by a reset that the client sees."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.done = asyncio.Event()
        self.framed = False
        """Whether it is passed on exchange by exchange."""
        self._server: asyncio.StreamWriter | None = None
        self._moved_at = asyncio.get_running_loop().time()
        self._waits = False

    def join(self, server: asyncio.StreamWriter) -> None:
        """The end behind the line."""
        self._server = server

    def moved(self, *, answer: bool) -> None:
        """Something of a question or an answer goes on now."""
        self._moved_at = asyncio.get_running_loop().time()
        self._waits = not answer

    async def close_when_quiet(self) -> None:
        """End it in order between two exchanges, as far as that can be seen from outside."""
        now = asyncio.get_running_loop().time
        until = now() + _MOST_QUIET_S
        while (left_s := until - now()) > 0 and (self._waits or now() - self._moved_at < _QUIET_S):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.done.wait(), min(left_s, _QUIET_S / 5))
                return
        if not self.framed:
            self.close()

    def close(self) -> None:
        """End it in order, on both sides."""
        for writer in (self.client, self._server):
            if writer is not None:
                writer.close()

    def reset(self) -> None:
        """End it at once: the client sees a reset."""
        self._linger_not()
        for writer in (self.client, self._server):
            if writer is not None:
                writer.transport.abort()

    async def reset_after(self, content: bytes) -> None:
        """Let this through, then reset."""
        with suppress(OSError):
            self.client.write(content)
            await self.client.drain()
        # What is still on its way would be thrown away with the connection.
        await asyncio.sleep(0)
        self.reset()

    def _linger_not(self) -> None:
        opened = self.client.get_extra_info("socket")
        if opened is not None:
            with suppress(OSError):
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSED_AT_ONCE)


async def _pumped(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, through: Callable[[bytes], Awaitable[bytes]]
) -> None:
    """Pass on until one side ends; then the other side is told so."""
    with suppress(OSError):
        while content := await reader.read(_CHUNK):
            writer.write(await through(content))
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _corrupted(content: bytes, passed: int) -> bytes:
    changed = bytearray(content)
    for at in range(-passed % _EVERY, len(changed), _EVERY):
        changed[at] ^= 1 << (passed + at) // _EVERY % 8
    return bytes(changed)
