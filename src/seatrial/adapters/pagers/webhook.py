"""A signed webhook: a CloudEvent by POST, signed as the Standard Webhooks specification says."""

from __future__ import annotations

import json
from typing import Final

from seatrial.adapters.http import Http
from seatrial.adapters.pagers.notice import Notice
from seatrial.adapters.signed_post import SignedPost, parted
from seatrial.core.errors import SeatrialError, Unreachable

_GONE: Final = frozenset({404, 410})
_NOT_IMPLEMENTED: Final = 501


class WebhookChannel:
    """`webhook+https://SECRET@host/path` or `…?secret=SECRET`; without a secret it is unsigned, and named so."""

    def __init__(self, route: str, *, http: Http) -> None:
        url, secret = parted(route.removeprefix("webhook+"))
        self._post = SignedPost(url, secret, http=http)

    @property
    def name(self) -> str:
        """`webhook`, or `webhook (unsigned)`."""
        return "webhook" if self._post.signed else "webhook (unsigned)"

    def send(self, notice: Notice) -> None:
        """POST it. Raises Unreachable unless the answer is a 2xx, which is no acknowledgement."""
        body = json.dumps(_event(notice), ensure_ascii=False).encode()
        try:
            answer = self._post.send(notice.id, body, at=notice.sent_at)
        except SeatrialError as error:
            raise Unreachable(
                f"the page to {notice.person!r} could not be delivered: {error.what}",
                remedy=f"See whether the address in people.{notice.person}.page is served.",
                permanent=error.permanent,
            ) from None
        if not 200 <= answer.status < 300:
            raise Unreachable(
                f"the webhook of {notice.person!r} refused the page with status {answer.status}",
                remedy=f"Correct people.{notice.person}.page, or the service behind it.",
                permanent=answer.status < 500,
            )

    def probe(self, person: str) -> bool:
        """Ask the receiver for its OPTIONS, which sends nothing. Raises Unreachable unless it would take a POST."""
        try:
            answer = self._post.options()
        except SeatrialError as error:
            raise Unreachable(
                f"a page to {person!r} could not be delivered now: {error.what}",
                remedy=f"See whether the address in people.{person}.page is served.",
                permanent=error.permanent,
            ) from None
        if answer.status in _GONE or (answer.status >= 500 and answer.status != _NOT_IMPLEMENTED):
            raise Unreachable(
                f"the webhook of {person!r} answers with status {answer.status}",
                remedy=f"Correct people.{person}.page, or the service behind it; where it answers only to real pages, "
                f"declare people.{person}.test_page.",
                permanent=answer.status < 500,
            )
        return True


def _event(notice: Notice) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": "seatrial",
        "type": f"seatrial.{notice.kind}",
        "time": notice.sent_at.isoformat(),
        "subject": notice.person,
        "datacontenttype": "application/json",
        "data": {
            "person": notice.person,
            "title": notice.title,
            "text": notice.text,
            **({"html": notice.html} if notice.html else {}),
            "action": notice.action,
            "link": notice.link,
            "expires_at": notice.expires_at.isoformat(),
        },
    }
