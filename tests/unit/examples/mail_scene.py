"""What the tests of the mail triage share: a mail, and how its services are asked."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any

MAIL: dict[str, Any] = {
    "mail_id": "test-1",
    "subject": "Re: apt for rpm does not find the new packages",
    "body": "Which line must go into the sources list, so that apt finds the new packages of this release?",
    "charset": "us-ascii",
}
ROW: dict[str, Any] = {
    **{name: MAIL[name] for name in ("subject", "body", "charset")},
    "words": 18,
    "reply": True,
    "received_at": "2002-09-10T08:00:00+00:00",
}


def ask(address: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()
