"""A signed POST, as the Standard Webhooks specification says: the receiver knows who sent it, and what came twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from seatrial.adapters.http import Answer, Http
from seatrial.core.errors import Malformed
from seatrial.core.ports import Request

_TIMEOUT_S: Final = 10.0


class SignedPost:
    """POSTs CloudEvents to one address; without a secret they are unsigned.

    The receiver checks `webhook-signature`: `v1,` and the base64 HMAC-SHA256, under the secret, of
    `{webhook-id}.{webhook-timestamp}.{body}`. What carries the same `webhook-id` is the same message.
    """

    def __init__(self, url: str, secret: str, *, http: Http) -> None:
        self._http = http
        self._url, self._secret = url, secret

    @property
    def signed(self) -> bool:
        """Whether there is a secret to sign with."""
        return bool(self._secret)

    def send(self, message: str, body: bytes, *, at: datetime) -> Answer:
        """POST it. Raises what `Http.send` raises."""
        stamp = str(int(at.timestamp()))
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": message,
            "webhook-timestamp": stamp,
        }
        if self._secret:
            headers["webhook-signature"] = signature(self._secret, message, stamp, body)
        return self._http.send(Request(method="POST", url=self._url, headers=headers, body=body), timeout_s=_TIMEOUT_S)

    def options(self) -> Answer:
        """What the receiver says it takes, which sends nothing. Raises what `Http.send` raises."""
        return self._http.send(Request(method="OPTIONS", url=self._url), timeout_s=_TIMEOUT_S)


def signature(secret: str, message: str, stamp: str, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    signed = b".".join((message.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode("ascii")


def parted(route: str) -> tuple[str, str]:
    """The address and the secret of `https://SECRET@host/path` or `…?secret=SECRET`. Raises Malformed."""
    try:
        parts = urlsplit(route)
    except ValueError:
        raise Malformed("a webhook route cannot be read", remedy="Write it as https://SECRET@host/path.") from None
    userinfo, _, host = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    in_query = next((value for name, value in query if name == "secret"), "")
    rest = urlencode([(name, value) for name, value in query if name != "secret"])
    secret = unquote(password or user) or in_query
    return urlunsplit((parts.scheme, host, parts.path, rest, "")), secret
