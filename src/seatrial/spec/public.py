"""What of an address may be shown and hashed: no user, no password, no query, no fragment."""

from __future__ import annotations

import re

_SERVER = re.compile(r"([A-Za-z][A-Za-z0-9.]*)(?:\+[A-Za-z0-9]+)?://([^\s/?#]*@)?([^\s/?#@]+)(?=[/?#]|$)")
_SERVERS = frozenset(
    {
        "amqp",
        "amqps",
        "http",
        "https",
        "kafka",
        "mariadb",
        "mqtt",
        "mqtts",
        "mysql",
        "opc.tcp",
        "postgresql",
        "sftp",
    }
)
"""What addresses begin with whose host is the name of a server; that of a page route may be a token."""
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#]*)([^\s?#]*)(\S*)")
_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]*:([^\s/?#]+)@")


def public(text: str) -> str:
    """The text with every address in it cut to scheme, host and path."""
    return _ADDRESS.sub(lambda m: m[1] + m[2].rpartition("@")[2] + m[3], text)


def passwords(text: str) -> tuple[str, ...]:
    """The passwords written into addresses in this text."""
    return tuple(_PASSWORD.findall(text))


def names_server(address: str, start: int, end: int) -> bool:
    """Whether this part of an address tells no more than its server: scheme, whole host, port, or these together.

    No part that holds a user does, and none of a page route.
    """
    found = _SERVER.match(address)
    if found is None or found[1].lower() not in _SERVERS:
        return False
    host, colon, port = found[3].rpartition(":")
    begins, ends = found.span(3)
    host_ends = begins + len(host) if colon and port.isdecimal() else ends
    end = min(end, ends) if set(address[ends:end]) <= {"/"} else end
    firsts = (begins,) if found[2] else (0, begins)
    return (start in firsts and end in (host_ends, ends)) or (start, end) == (host_ends + 1, ends)
