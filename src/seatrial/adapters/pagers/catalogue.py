"""How people are reached: a signed webhook of our own, and every service that Apprise knows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Protocol

from seatrial.adapters.http import Http
from seatrial.adapters.pagers.pager import LinkPager
from seatrial.core.ports import Pager
from seatrial.spec.people import Person

ACK_URL: Final = "SEATRIAL_ACK_URL"
"""The address under which people reach the acknowledgement pages, when it is not this machine's own."""
ACK_LISTEN: Final = "SEATRIAL_ACK_LISTEN"
"""`host:port` on which they are served; 127.0.0.1 and any free port by default."""


class OpenPager(Pager, Protocol):
    """A pager that serves acknowledgement pages until it is closed."""

    def close(self) -> None:
        """Stop serving; links that are still open die."""


def open_pager(
    people: Mapping[str, Person],
    *,
    http: Http,
    ack_url: str | None = None,
    ack_listen: str | None = None,
) -> OpenPager:
    """A pager for the declared people; nothing is served before the first page.

    `ack_url` and `ack_listen` default to SEATRIAL_ACK_URL and SEATRIAL_ACK_LISTEN.
    """
    return LinkPager(
        people,
        http=http,
        base_url=ack_url or os.environ.get(ACK_URL),
        listen=ack_listen or os.environ.get(ACK_LISTEN) or "127.0.0.1:0",
    )
