"""HTTP/1.1 through a line, exchange by exchange, so that an answer can go on with another body.

What the client asks goes on as it came, but for what would hide a changed answer: conditions, ranges, and encodings
that nobody here can undo. An answer is changed only where all of it could be read; else it goes on as it came.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import zlib
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 65_536
_MOST: Final = 32 * 1024 * 1024
"""A longer answer goes on as it came."""
_HIDING: Final = frozenset({"if-none-match", "if-modified-since", "if-range", "range", "a-im"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "trailer"})
_CONTENT: Final = frozenset({"etag", "last-modified"})
"""What tells of the unchanged content: a client that kept it would keep the changed answer after the change ended."""
_DIGESTS: Final = ("md5", "sha1", "sha256", "sha512")
_ENCODINGS: Final = ("gzip", "x-gzip", "deflate", "identity", "")

Through = Callable[[bytes], Awaitable[bytes]]
Rewrite = Callable[[bytes, str], bytes | None]
Sink = Callable[[bytes, bool], Awaitable[None]]
"""Takes a part of a body as it came, and whether it is content, not framing."""


class NotHttp(Exception):
    """What came is no HTTP/1.x; `seen` are the bytes that were taken already."""

    def __init__(self, seen: bytes) -> None:
        super().__init__("no HTTP")
        self.seen = seen


@dataclass(frozen=True, slots=True)
class Head:
    """A first line and header fields, in order, as they came."""

    first: str
    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """All values of a field (its name in lower case), joined; empty for none."""
        return ", ".join(value for other, value in self.fields if other.lower() == name)

    def without(self, names: frozenset[str], *more: tuple[str, str]) -> Head:
        """Without these fields, and with `more` behind."""
        return Head(self.first, (*((n, v) for n, v in self.fields if n.lower() not in names), *more))

    @property
    def content(self) -> bytes:
        """As it is sent."""
        lines = [self.first, *(f"{name}: {value}" for name, value in self.fields), "", ""]
        return "\r\n".join(lines).encode("latin-1")

    @property
    def chunked(self) -> bool:
        """Whether its body comes in chunks."""
        return self.get("transfer-encoding").lower().endswith("chunked")

    @property
    def length(self) -> int | None:
        """The declared length of its body."""
        text = self.get("content-length").split(",")[0].strip()
        return int(text) if text.isdecimal() else None


async def exchanged(
    client: asyncio.StreamReader,
    to_client: asyncio.StreamWriter,
    server: asyncio.StreamReader,
    to_server: asyncio.StreamWriter,
    *,
    there: Through,
    back: Through,
    rewrite: Callable[[], Rewrite | None],
) -> None:
    """Pass exchange after exchange on until one side ends. `rewrite` is asked anew for every answer.

    Raises NotHttp before anything of the connection went on.
    """
    while True:
        asked = await _head(client)
        if asked is None:
            return
        method, _, version = asked.first.partition(" ")
        if not version.rstrip().endswith(("HTTP/1.1", "HTTP/1.0")):
            raise NotHttp(asked.content)
        to_server.write(await there(_plain(asked).content))
        await to_server.drain()
        # The body goes its own way: a client may wait for `100 Continue`, and a server may answer before it has all.
        sending = asyncio.create_task(_body(asked, client, _to(to_server, there), to_end=False))
        try:
            kept = await _answered(method, server, to_client, back, rewrite)
            if kept is None:
                await sending
                await asyncio.gather(_rest(client, to_server, there), _rest(server, to_client, back))
                return
            await sending
        finally:
            sending.cancel()
        if not kept or "close" in asked.get("connection").lower():
            return


async def _answered(
    method: str,
    server: asyncio.StreamReader,
    to_client: asyncio.StreamWriter,
    back: Through,
    rewrite: Callable[[], Rewrite | None],
) -> bool | None:
    """Pass one answer on. Whether the connection is kept; None where it became something else than HTTP."""
    while True:
        try:
            head = await _head(server)
        except NotHttp:
            raise ValueError("the server answered something else than HTTP") from None
        if head is None:
            return False
        status = head.first.split(" ")[1] if head.first.count(" ") else ""
        if status.startswith("1") and status != "101":
            await _sent(to_client, await back(head.content))
            continue
        break
    empty = method == "HEAD" or status in ("204", "304")
    tunnel = status == "101" or (method == "CONNECT" and status.startswith("2"))
    made = rewrite() if status.startswith("2") and not empty and not tunnel else None
    to_end = not empty and not head.chunked and head.length is None
    if made is not None and "event-stream" not in head.get("content-type"):
        await _changed(head, server, to_client, back, made)
    else:
        await _sent(to_client, await back(head.content))
        if not empty and not tunnel:
            await _body(head, server, _to(to_client, back), to_end=to_end)
    if tunnel:
        return None
    lasting = head.first.startswith("HTTP/1.1") or "keep-alive" in head.get("connection").lower()
    return lasting and "close" not in head.get("connection").lower() and not to_end


async def _changed(
    head: Head, server: asyncio.StreamReader, to_client: asyncio.StreamWriter, back: Through, rewrite: Rewrite
) -> None:
    """The whole answer, with a body of another schema where it could be read."""
    collected = bytearray()
    raw = bytearray()
    over = False

    async def kept(content: bytes, carried: bool) -> None:
        nonlocal over
        if over:
            await _sent(to_client, await back(content))
            return
        raw.extend(content)
        if carried:
            collected.extend(content)
        if len(raw) > _MOST:
            over = True
            await _sent(to_client, await back(head.content + bytes(raw)))

    to_end = not head.chunked and head.length is None
    await _body(head, server, kept, to_end=to_end)
    if over:
        return
    coding = head.get("content-encoding").strip().lower()
    plain = _decoded(bytes(collected), coding)
    # A big body would hold up every other line meanwhile.
    new = None if plain is None else await asyncio.to_thread(rewrite, plain, head.get("content-type"))
    if new is None:
        await _sent(to_client, await back(head.content + bytes(raw)))
        return
    content = _encoded(new, coding)
    head = _told_anew(head, {plain or b"": new, bytes(collected): content})
    changed = head.without(_FRAMING | _CONTENT, ("Content-Length", str(len(content))))
    if to_end:
        changed = changed.without(frozenset({"connection", "keep-alive"}), ("Connection", "close"))
    await _sent(to_client, await back(changed.content + content))


def _plain(asked: Head) -> Head:
    """The request without what would hide a changed answer."""
    wanted = asked.get("accept-encoding")
    if not wanted:
        return asked.without(_HIDING)
    return asked.without(
        _HIDING | {"accept-encoding"}, ("Accept-Encoding", "gzip" if "gzip" in wanted.lower() else "identity")
    )


def _told_anew(head: Head, bodies: Mapping[bytes, bytes]) -> Head:
    """With every digest of a body that stands in a header field told of the body in whose place another goes on.

    The source itself would have told it so; a client that checks it must not refuse the answer for that.
    """
    anew: dict[str, str] = {}
    for was, now in bodies.items():
        for name in _DIGESTS:
            old, new = hashlib.new(name, was).digest(), hashlib.new(name, now).digest()
            anew |= {old.hex(): new.hex(), base64.b64encode(old).decode(): base64.b64encode(new).decode()}
    fields = []
    for name, value in head.fields:
        text = value
        for old_text, new_text in anew.items():
            text = text.replace(old_text, new_text)
        fields.append((name, text))
    return Head(head.first, tuple(fields))


def _decoded(content: bytes, coding: str) -> bytes | None:
    """Without its content encoding; None for one that nobody here can undo, and for more than a body may be."""
    if coding not in _ENCODINGS:
        return None
    if coding in ("identity", ""):
        return content
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
        undo = zlib.decompressobj(bits)
        with suppress(zlib.error):
            plain = undo.decompress(content, _MOST)
            return plain if undo.eof else None
    return None


def _encoded(content: bytes, coding: str) -> bytes:
    match coding:
        case "gzip" | "x-gzip":
            return gzip.compress(content, mtime=0)
        case "deflate":
            return zlib.compress(content)
    return content


async def _head(reader: asyncio.StreamReader) -> Head | None:
    """The next head, None at the end. Raises NotHttp."""
    begin = await reader.read(1)
    if not begin:
        return None
    if not begin.isalpha():
        # Such as TLS, whose first message is shorter than any head: nothing more would come.
        raise NotHttp(begin)
    try:
        content = begin + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise NotHttp(begin + error.partial) from None
    except asyncio.LimitOverrunError as error:
        raise NotHttp(begin + await reader.readexactly(error.consumed)) from None
    first, *lines = content[:-4].decode("latin-1").split("\r\n")
    if "HTTP/1." not in first or any(":" not in line for line in lines):
        raise NotHttp(content)
    return Head(first, tuple((n, v.strip()) for n, _, v in (line.partition(":") for line in lines)))


async def _body(head: Head, reader: asyncio.StreamReader, sink: Sink, *, to_end: bool) -> None:
    """Give a body to the sink, part by part, as it is framed."""
    if head.chunked:
        while True:
            line = await reader.readuntil(b"\r\n")
            await sink(line, False)
            size = int(line.split(b";")[0].strip() or b"0", 16)
            await _pieces(reader, size, sink)
            if not size:
                break
            await sink(await reader.readexactly(2), False)
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            await sink(line, False)
        await sink(line, False)
    elif head.length is not None:
        await _pieces(reader, head.length, sink)
    elif to_end:
        while content := await reader.read(_CHUNK):
            await sink(content, True)


def _to(writer: asyncio.StreamWriter, through: Through) -> Sink:
    async def sink(content: bytes, _: bool) -> None:
        await _sent(writer, await through(content))

    return sink


async def _pieces(reader: asyncio.StreamReader, size: int, sink: Sink) -> None:
    while size > 0:
        content = await reader.read(min(size, _CHUNK))
        if not content:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(content)
        await sink(content, True)


async def _rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, through: Through) -> None:
    with suppress(OSError):
        while content := await reader.read(_CHUNK):
            await _sent(writer, await through(content))
        if writer.can_write_eof():
            writer.write_eof()


async def _sent(writer: asyncio.StreamWriter, content: bytes) -> None:
    if content:
        writer.write(content)
        await writer.drain()
