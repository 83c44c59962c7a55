"""A signed webhook: a CloudEvent by POST, signed as the Standard Webhooks specification says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from seatrial.adapters.http import Http
from seatrial.adapters.pagers.notice import Notice
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.ports import Request

_TIMEOUT_S: Final = 10.0
_TYPE: Final = "seatrial.page"


class WebhookChannel:
    """`webhook+https://SECRET@host/path` or `…?secret=SECRET`; without a secret it is unsigned, and named so.

    The receiver checks `webhook-signature`: `v1,` and the base64 HMAC-SHA256, under the secret, of
    `{webhook-id}.{webhook-timestamp}.{body}`.
    """

    def __init__(self, route: str, *, http: Http) -> None:
        self._http = http
        self._url, self._secret = _parted(route)

    @property
    def name(self) -> str:
        """`webhook`, or `webhook (unsigned)`."""
        return "webhook" if self._secret else "webhook (unsigned)"

    def send(self, notice: Notice) -> None:
        """POST it. Raises Unreachable unless the answer is a 2xx, which is no acknowledgement."""
        body = json.dumps(_event(notice), ensure_ascii=False).encode()
        stamp = str(int(notice.sent_at.timestamp()))
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": notice.id,
            "webhook-timestamp": stamp,
        }
        if self._secret:
            headers["webhook-signature"] = signature(self._secret, notice.id, stamp, body)
        try:
            answer = self._http.send(
                Request(method="POST", url=self._url, headers=headers, body=body), timeout_s=_TIMEOUT_S
            )
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


def signature(secret: str, page: str, stamp: str, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    signed = b".".join((page.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode("ascii")


def _parted(route: str) -> tuple[str, str]:
    try:
        parts = urlsplit(route.removeprefix("webhook+"))
    except ValueError:
        raise Malformed(
            "a webhook route cannot be read", remedy="Write it as webhook+https://SECRET@host/path."
        ) from None
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    in_query = next((value for name, value in query if name == "secret"), "")
    rest = urlencode([(name, value) for name, value in query if name != "secret"])
    secret = unquote(password or user) or in_query
    return urlunsplit((parts.scheme, host, parts.path, rest, "")), secret


def _event(notice: Notice) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": notice.id,
        "source": "seatrial",
        "type": _TYPE,
        "time": notice.sent_at.isoformat(),
        "subject": notice.person,
        "datacontenttype": "application/json",
        "data": {
            "person": notice.person,
            "title": notice.title,
            "text": notice.text,
            "action": notice.action,
            "link": notice.link,
            "expires_at": notice.expires_at.isoformat(),
        },
    }
