"""A TCP address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from seatrial.core.errors import Malformed

_PORTS = {
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "postgres": 5432,
    "mysql": 3306,
    "mariadb": 3306,
    "mqtt": 1883,
    "mqtts": 8883,
    "amqp": 5672,
    "amqps": 5671,
    "sftp": 22,
    "opc.tcp": 4840,
    "kafka": 9092,
    "kafka+ssl": 9093,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """`host` and `port`; port 0 is any free one."""

    host: str
    port: int

    @property
    def text(self) -> str:
        """As people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """From `host:port`. Raises Malformed."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not host.strip("[]") or not port.isdecimal() or int(port) > 65_535:
        raise Malformed(f"{text!r} is no address", remedy="Write it as host:port, such as 127.0.0.1:9310.")
    return Address(host=host.strip("[]"), port=int(port))


def address_of(url: str) -> Address:
    """Where the server of a URL listens. Raises Malformed for one that names no server."""
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS.get(parts.scheme) or _PORTS.get(parts.scheme.partition("+")[0])
    except ValueError:
        port = None
    if not parts.hostname or port is None:
        raise Malformed(
            f"an address of the kind {parts.scheme or 'without a scheme'!r} names no server and port",
            remedy="A line can only lead to something that is reached over TCP: name its host and port.",
        )
    return Address(host=parts.hostname, port=port)
