"""What of an address may be shown and hashed: no user, no password, no query, no fragment."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#]*)([^\s?#]*)(\S*)")
_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]*:([^\s/?#]+)@")


def public(text: str) -> str:
    """The text with every address in it cut to scheme, host and path."""
    return _ADDRESS.sub(lambda m: m[1] + m[2].rpartition("@")[2] + m[3], text)


def passwords(text: str) -> tuple[str, ...]:
    """The passwords written into addresses in this text."""
    return tuple(_PASSWORD.findall(text))
