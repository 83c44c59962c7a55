"""A server that does nothing, run as a script: whatever it is asked, it answers `{}` at once, until its input ends.

Not asyncio, for the reason of `connections.py`: what it takes for a new connection must not pass for the generator's.
"""

from __future__ import annotations

import re
import selectors
import socket
import sys
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)\r\n", re.IGNORECASE)
_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_AT_ONCE: Final = 64 * 1024


class _Line:
    """One connection, and what of its next request has arrived."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""

    def read(self) -> bool:
        """Answer what is whole. False once the other side has gone."""
        try:
            data = self._sock.recv(_AT_ONCE)
            self._buffer += data
            while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
                match = _LENGTH.search(self._buffer, 0, end + 2)
                size = end + 4 + (int(match[1]) if match else 0)
                if len(self._buffer) < size:
                    break
                self._buffer = self._buffer[size:]
                self._sock.sendall(_ANSWER)
        except OSError:
            return False
        return bool(data)


def _serve() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening, selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        selector.register(sys.stdin.buffer, selectors.EVENT_READ)
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin.buffer:
                    return
                if key.fileobj is listening:
                    sock, _ = listening.accept()
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(sock, selectors.EVENT_READ, _Line(sock))
                elif isinstance(key.fileobj, socket.socket) and not key.data.read():
                    selector.unregister(key.fileobj)
                    key.fileobj.close()


if __name__ == "__main__":
    _serve()
