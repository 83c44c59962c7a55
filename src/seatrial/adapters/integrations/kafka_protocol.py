"""What a Kafka broker tells of itself before anybody logs in: the versions of its protocol.

The client library does not hand it out, and Kafka tells no release: a release is known by what it speaks.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
from typing import Final

from seatrial.core.errors import Malformed

_API_VERSIONS: Final = 18
_NAMED: Final = {0: "Produce", 1: "Fetch", 3: "Metadata"}
_MOST_BYTES: Final = 65_536


def spoken(host: str, port: int, *, context: ssl.SSLContext | None, timeout_s: float) -> str:
    """One line that differs where brokers speak other versions. Raises OSError, and Malformed for no Kafka broker."""
    with socket.create_connection((host, port), timeout_s) as plain:
        if context is None:
            return _asked(plain)
        with context.wrap_socket(plain, server_hostname=host) as secured:
            return _asked(secured)


def _asked(connection: socket.socket) -> str:
    # Version 0 of the request; the header is key, version, correlation id and the client's name.
    name = b"seatrial"
    request = struct.pack(">hhih", _API_VERSIONS, 0, 1, len(name)) + name
    connection.sendall(struct.pack(">i", len(request)) + request)
    (length,) = struct.unpack(">i", _exactly(connection, 4))
    if not 10 <= length <= _MOST_BYTES:
        raise Malformed("no Kafka broker answers there")
    correlation, error, count = struct.unpack_from(">ihi", body := _exactly(connection, length))
    if correlation != 1 or error or length < 10 + 6 * count or count < 1:
        raise Malformed("no Kafka broker answers there, or one that tells no versions")
    ranges = sorted(struct.unpack_from(">hhh", body, 10 + 6 * at) for at in range(count))
    told = ", ".join(f"{_NAMED[key]} {low}-{high}" for key, low, high in ranges if key in _NAMED)
    digest = hashlib.sha256(repr(ranges).encode()).hexdigest()[:12]
    return f"Kafka protocol: {told}, {count} requests in all ({digest})"


def _exactly(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = connection.recv(length - len(content))
        if not part:
            raise ConnectionError("the connection was closed")
        content += part
    return content
