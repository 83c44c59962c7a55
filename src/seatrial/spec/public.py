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
_WORDS = re.compile(r"(?:/(?:[a-z]+(?:[-_][a-z]+)*|v[0-9]{1,2})?)*")
"""The path of an address that nobody could take for a token: words in small letters, and a version such as v1."""
_LISTENS = re.compile(r"(?:localhost|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:]{2,}\]):[0-9]{1,5}")
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

    What follows the host may be plain words, such as `/v1/predict`. `host:port` of an IP address or of localhost is an
    address without a scheme. No part that holds a user tells the server alone, and none of a page route.
    """
    if _LISTENS.fullmatch(address, start, end) and not address[:start].endswith("@"):
        return (start, end) == (0, len(address))
    found = _SERVER.match(address)
    if found is None or found[1].lower() not in _SERVERS:
        return False
    host, colon, port = found[3].rpartition(":")
    begins, ends = found.span(3)
    host_ends = begins + len(host) if colon and port.isdecimal() else ends
    end = min(end, ends) if _WORDS.fullmatch(address, ends, end) else end
    firsts = (begins,) if found[2] else (0, begins)
    return (start in firsts and end in (host_ends, ends)) or (start, end) == (host_ends + 1, ends)
