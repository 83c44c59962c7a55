"""A real HTTP server on a thread of its own, whose every answer a plant decides down to the bytes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from seatrial.examples.running import free_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What to answer: a status with a body, or raw bytes; after `delay_s`; `close` ends the connection afterwards."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay_s: float = 0.0
    close: bool = False

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        headers = {"Content-Type": "application/json", "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status} Status", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


def said(content: object, status: int = 200, **more: Any) -> Said:
    """JSON."""
    return Said(status=status, body=json.dumps(content).encode(), **more)


Answering = Callable[[Asked], Said]


class Server:
    """Serves until it is closed; leaves no thread and no socket behind. Requests are kept in `asked`."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            with self._lock:
                self._open.add(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = b""
        try:
            while not self._stopping.is_set():
                asked, buffer = _read(connection, buffer)
                if asked is None:
                    return
                self.asked.append(asked)
                answer = self.answer(asked)
                if answer.delay_s:
                    self._stopping.wait(answer.delay_s)
                connection.sendall(answer.encoded())
                if answer.close:
                    return
        except OSError:
            return
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


def _read(connection: socket.socket, buffer: bytes) -> tuple[Asked | None, bytes]:
    while b"\r\n\r\n" not in buffer:
        piece = connection.recv(65_536)
        if not piece:
            return None, b""
        buffer += piece
    head, _, rest = buffer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    while len(rest) < length:
        piece = connection.recv(65_536)
        if not piece:
            return None, b""
        rest += piece
    parts = urlsplit(target)
    asked = Asked(method=method, path=parts.path, query=parse_qs(parts.query), headers=headers, body=rest[:length])
    return asked, rest[length:]


def unused_port() -> int:
    """A port on which nothing listens."""
    return int(free_line().rpartition(":")[2])


def unused_url() -> str:
    """An address on which nothing listens."""
    return f"http://127.0.0.1:{unused_port()}"


def freezing(answer: Answering, *, at_s: float, for_s: float) -> Answering:
    """The same, but once, `at_s` after the first request, everything stands still for `for_s`."""
    lock = threading.Lock()
    began: list[float] = []
    frozen: list[bool] = []

    def frozen_once(asked: Asked) -> Said:
        with lock:
            now = time.monotonic()
            began.append(now)
            if not frozen and now - began[0] >= at_s:
                frozen.append(True)
                time.sleep(for_s)
        return answer(asked)

    return frozen_once
