"""HTTP/1.1 without I/O: requests to bytes, bytes to answers. The probe client and the load generator share it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from seatrial.core.errors import Malformed, Refused
from seatrial.core.ports import Request

_MOST_HEAD: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f]")
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?")
_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,15}")
_PATH_SAFE: Final = "/%:@!$&'()*+,;=~-._?[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a request goes: `origin` is `scheme://host:port`, `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str
    authorization: str = field(default="", repr=False)
    """The header for credentials that stood in the URL."""

    @property
    def origin(self) -> str:
        """Scheme, host and port, comparable as text."""
        return f"{self.scheme}://{self._bracketed}:{self.port}"

    @property
    def host_header(self) -> str:
        """The Host header: the port only where it is not the scheme's own."""
        return self._bracketed if self.port == _PORTS[self.scheme] else f"{self._bracketed}:{self.port}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def target_of(url: str) -> Target:
    """The target of an http or https URL. Raises Malformed, without repeating a URL that may hold a secret."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:
        raise Malformed("a URL cannot be read", remedy="Write it as http://host:port/path.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Malformed(
            f"a URL with scheme {parts.scheme or 'none'!r} and host {parts.hostname or 'none'!r} is no http(s) URL",
            remedy="Write it as http://host:port/path.",
        )
    if _UNSAFE.search(url.strip()) or _UNSAFE.search(parts.hostname) or " " in parts.hostname:
        raise Malformed("a URL holds control characters", remedy="Remove them.")
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    if parts.query:
        path += "?" + quote(parts.query, safe=_PATH_SAFE)
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return Target(
        scheme=parts.scheme,
        host=host,
        port=port if port is not None else _PORTS[parts.scheme],
        path=path,
        authorization=authorization,
    )


def encode(request: Request, target: Target) -> bytes:
    """The request as bytes for a connection to `target`. Raises Refused for a header that would smuggle another."""
    headers = {
        "Host": target.host_header,
        "User-Agent": "seatrial",
        "Accept": "application/json, */*;q=0.5",
        "Accept-Encoding": "identity",
    }
    if target.authorization:
        headers["Authorization"] = target.authorization
    names = {name.lower(): name for name in headers}
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name) or _UNSAFE.search(value.replace("\t", " ")):
            raise Refused(f"the header {name!r} cannot be sent", remedy="Remove control characters from it.")
        if name.lower() in {"content-length", "transfer-encoding", "connection"}:
            continue
        headers[names.get(name.lower(), name)] = value
    if request.body or request.method not in {"GET", "HEAD", "DELETE", "OPTIONS"}:
        headers["Content-Length"] = str(len(request.body))
    if not _TOKEN.fullmatch(request.method):
        raise Refused(f"{request.method!r} is no HTTP method")
    lines = [f"{request.method} {target.path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items()), "", ""]
    return "\r\n".join(lines).encode("utf-8") + request.body


class AnswerReader:
    """Reads one answer from whatever pieces arrive; HTTP/1.0, chunked and close-delimited bodies included.

    `feed` and `end` return True once the answer is complete. They raise Malformed for anything that is not HTTP, and
    for a body above `most_bytes`. With `keep` off the body is counted but not kept.
    """

    __slots__ = (
        "_buffer",
        "_headless",
        "_keep",
        "_left",
        "_most",
        "_state",
        "body",
        "headers",
        "reusable",
        "seen",
        "size",
        "status",
    )

    def __init__(self, *, method: str = "GET", most_bytes: int, keep: bool = True) -> None:
        self._buffer = bytearray()
        self._headless = method == "HEAD"
        self._keep = keep
        self._left = 0
        self._most = most_bytes
        self._state = "head"
        self.body = bytearray()
        self.headers: Mapping[str, str] = {}
        self.reusable = False
        self.seen = False
        """Whether a single byte arrived."""
        self.size = 0
        self.status = 0

    def feed(self, data: bytes) -> bool:
        """Take what arrived."""
        self.seen = self.seen or bool(data)
        self._buffer += data
        while self._state != "done" and self._step():
            pass
        if self._state == "done" and self._buffer:
            self.reusable = False
        return self._state == "done"

    def end(self) -> bool:
        """The other side closed: True when that ends the answer, False when it cut it."""
        if self._state == "until-close":
            self._state = "done"
        self.reusable = False
        return self._state == "done"

    def _step(self) -> bool:
        match self._state:
            case "head":
                return self._read_head()
            case "length":
                return self._read_length()
            case "chunk-size":
                return self._read_chunk_size()
            case "chunk-data":
                return self._read_chunk()
            case "trailer":
                return self._read_trailer()
            case _:
                moved = bool(self._buffer)
                self._take(len(self._buffer))
                return moved

    def _line(self) -> bytes | None:
        at = self._buffer.find(b"\r\n")
        if at < 0:
            if len(self._buffer) > _MOST_HEAD:
                raise Malformed("the answer's header line does not end")
            return None
        line = bytes(self._buffer[:at])
        del self._buffer[: at + 2]
        return line

    def _read_head(self) -> bool:
        at = self._buffer.find(b"\r\n\r\n")
        if at < 0:
            if len(self._buffer) > _MOST_HEAD:
                raise Malformed("the answer's headers do not end")
            if len(self._buffer) >= 5 and not self._buffer.startswith(b"HTTP/"):
                raise Malformed("the answer is not HTTP")
            return False
        head = bytes(self._buffer[:at])
        del self._buffer[: at + 4]
        first, _, rest = head.partition(b"\r\n")
        match = _STATUS.fullmatch(first)
        if match is None:
            raise Malformed("the answer is not HTTP")
        status = int(match[2])
        if status == 101:
            raise Malformed("the server switched protocols, which was not asked for")
        if status < 200:
            return True
        self.status = status
        self.headers = _headers(rest)
        self._frame(modern=match[1] == b"1")
        return True

    def _frame(self, *, modern: bool) -> None:
        connection = {part.strip().lower() for part in self.headers.get("connection", "").split(",")}
        self.reusable = "close" not in connection if modern else "keep-alive" in connection
        if self._headless or self.status in {204, 304}:
            self._state = "done"
            return
        if "transfer-encoding" in self.headers:
            if self.headers["transfer-encoding"].strip().lower() != "chunked":
                raise Malformed("the answer uses a transfer encoding other than chunked")
            self._state = "chunk-size"
            return
        length = self.headers.get("content-length")
        if length is None:
            self.reusable = False
            self._state = "until-close"
            return
        lengths = {part.strip() for part in length.split(",")}
        if len(lengths) != 1 or not (only := lengths.pop()).isdecimal() or len(only) > 15:
            raise Malformed("the answer's Content-Length is no length")
        self._left = int(only)
        if self._left > self._most:
            raise Malformed(f"the answer is larger than {self._most} bytes")
        self._state = "length" if self._left else "done"

    def _read_length(self) -> bool:
        if not self._buffer:
            return False
        self._left -= self._take(min(self._left, len(self._buffer)))
        if not self._left:
            self._state = "done"
        return True

    def _read_chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = line.partition(b";")[0].strip()
        if not _SIZE.fullmatch(size):
            raise Malformed("the answer's chunks are broken")
        self._left = int(size, 16)
        self._state = "chunk-data" if self._left else "trailer"
        return True

    def _read_chunk(self) -> bool:
        if self._left:
            if not self._buffer:
                return False
            self._left -= self._take(min(self._left, len(self._buffer)))
            return True
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise Malformed("the answer's chunks are broken")
        del self._buffer[:2]
        self._state = "chunk-size"
        return True

    def _read_trailer(self) -> bool:
        line = self._line()
        if line == b"":
            self._state = "done"
        return line is not None

    def _take(self, count: int) -> int:
        self.size += count
        if self.size > self._most:
            raise Malformed(f"the answer is larger than {self._most} bytes")
        if self._keep:
            self.body += self._buffer[:count]
        del self._buffer[:count]
        return count


def _headers(block: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in block.split(b"\r\n") if block else ():
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            raise Malformed("the answer's headers cannot be read")
        key = name.decode("latin-1").lower()
        text = value.strip().decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
