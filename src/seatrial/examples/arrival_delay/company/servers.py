"""The servers of a company that the example uses: where they are, and whether they are there."""

from __future__ import annotations

import getpass
import os
import re
import socket
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from seatrial.core.errors import Malformed, Unreachable

POSTGRES, MQTT, AMQP = "ARRIVAL_POSTGRES", "ARRIVAL_MQTT", "ARRIVAL_AMQP"
RUN = "ARRIVAL_RUN"
"""Environment variable with the name of what is set up in the servers: schema, exchange, and the topics' first part."""
_REACH_S: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    variable: str
    title: str
    usual: str
    ports: dict[str, int]


_KINDS: Final = (
    _Kind(
        variable=POSTGRES,
        title="PostgreSQL",
        usual="postgresql://127.0.0.1:5432/postgres",
        ports={"postgresql": 5432},
    ),
    _Kind(variable=MQTT, title="MQTT broker", usual="mqtt://127.0.0.1:1883", ports={"mqtt": 1883, "mqtts": 8883}),
    _Kind(
        variable=AMQP,
        title="RabbitMQ",
        usual="amqp://guest:guest@127.0.0.1:5672/",
        ports={"amqp": 5672, "amqps": 5671},
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Their addresses."""

    postgres: str
    mqtt: str
    amqp: str

    @classmethod
    def named(cls) -> Self:
        """Those that the environment names, else those of this machine."""
        postgres, mqtt, amqp = (os.environ.get(kind.variable) or kind.usual for kind in _KINDS)
        # SQLAlchemy's spelling names a driver as well, which PostgreSQL's own does not know.
        return cls(postgres=re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql:", postgres), mqtt=mqtt, amqp=amqp)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name them."""
        return {POSTGRES: self.postgres, MQTT: self.mqtt, AMQP: self.amqp}


def demand() -> None:
    """Raises Malformed for an address that is none of its kind, Unreachable for a server that is not there."""
    named = Servers.named().environment
    for kind in _KINDS:
        host, port = _host_and_port(kind, named[kind.variable])
        try:
            socket.create_connection((host, port), _REACH_S).close()
        except OSError as error:
            raise Unreachable(
                f"the company profile needs a {kind.title}, and none answers at {host}:{port}: "
                f"{error.strerror or error}",
                remedy=f"Start one there, name yours in {kind.variable} (such as {kind.usual}), or use the embedded "
                "profile, which needs no server.",
            ) from None


def _host_and_port(kind: _Kind, url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        if parts.hostname:
            return parts.hostname, parts.port or kind.ports[parts.scheme]
    except (KeyError, ValueError):
        pass
    raise Malformed(
        f"{kind.variable} holds no address of a {kind.title}", remedy=f"Write it like {kind.usual}."
    ) from None


def user_of(url: str) -> str:
    """As whom that address logs in; where it names nobody, PostgreSQL takes whoever we are on this machine."""
    return unquote(urlsplit(url).username or "") or getpass.getuser()


def led_through(url: str, line: str) -> str:
    """The same address, reached at `host:port` of a line."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{line}").geturl()
