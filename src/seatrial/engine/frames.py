"""Messages between processes: plain JSON objects, each with its length in front. Nothing is ever unpickled."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct("!I")


class Unframed(ValueError):
    """The bytes are no message, or a message of more than 64 MiB."""


def send(sock: socket.socket, message: Mapping[str, object]) -> None:
    """Send one message, waiting until it is taken. Raises Unframed when it is too large, ValueError on NaN."""
    body = json.dumps(message, allow_nan=False).encode()
    if len(body) > MOST_BYTES:
        raise Unframed(f"a message of {len(body)} bytes, {MOST_BYTES} at most")
    sock.sendall(_LENGTH.pack(len(body)) + body)


def receive(sock: socket.socket) -> dict[str, Any]:
    """Wait for one message on a blocking socket. Raises EOFError when the other side is gone."""
    (length,) = _LENGTH.unpack(_exactly(sock, _LENGTH.size))
    return _decode(_exactly(sock, length))


def _exactly(sock: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = sock.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _decode(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise Unframed(str(error)) from None
    if not isinstance(message, dict):
        raise Unframed(f"a {type(message).__name__} instead of an object")
    return message


class Reader:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that are complete now. Raises Unframed."""
        self._pending += data
        messages = []
        while len(self._pending) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending)
            if length > MOST_BYTES:
                raise Unframed(f"a message of {length} bytes, {MOST_BYTES} at most")
            end = _LENGTH.size + length
            if len(self._pending) < end:
                break
            messages.append(_decode(bytes(self._pending[_LENGTH.size : end])))
            del self._pending[:end]
        return messages
