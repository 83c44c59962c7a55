"""Where a line over TCP listens."""

from __future__ import annotations

from seatrial.adapters.proxy.address import Address
from seatrial.adapters.proxy.lines import Lines


def listening(lines: Lines, name: str) -> Address:
    """The address of that line, which is none to a folder."""
    listen = lines.named(name).listen
    assert isinstance(listen, Address)
    return listen
