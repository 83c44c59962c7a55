"""The channels by the scheme of their route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from seatrial.adapters.http import Http
from seatrial.adapters.pagers.notice import Channel


def _webhook(route: str, http: Http) -> Channel:
    from seatrial.adapters.pagers.webhook import WebhookChannel

    return WebhookChannel(route, http=http)


def _apprise(route: str, http: Http) -> Channel:
    from seatrial.adapters.pagers.apprise import AppriseChannel

    return AppriseChannel(route, redact=http.redact)


CHANNELS: Final[Mapping[str, Callable[[str, Http], Channel]]] = {
    "webhook+http": _webhook,
    "webhook+https": _webhook,
}
"""Scheme of a route to its channel; every other scheme is Apprise's to know."""


def open_channel(route: str, *, http: Http) -> Channel:
    """The channel of a declared route. Raises Malformed, without the route, when nobody knows its scheme."""
    return CHANNELS.get(route.partition("://")[0].lower(), _apprise)(route, http)
