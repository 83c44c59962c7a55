"""What came into a source, in order, for whoever asks what is new."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from itertools import islice

from aiohttp import web

from seatrial.examples.keyed import Keyed, Record

DIGEST = "X-Content-SHA256"
"""Header with the digest of the body, so that an answer that was damaged on its way is seen."""
_MOST_AT_ONCE = 200


class Inbox:
    """The newest records by key, and all of them in the order in which they came, numbered from 1."""

    def __init__(self, key: str, *, most: int) -> None:
        self._kept = Keyed(key, most=most)
        self._order: deque[Record] = deque(maxlen=most)
        self._last = 0

    def add(self, record: Record) -> None:
        """Keep it, as the newest."""
        self._kept.add(record)
        self._order.append(record)
        self._last += 1

    def since(self, after: int, most: int) -> tuple[int, list[Record]]:
        """The records that came after that number, oldest first, and the number of the last of them."""
        first = self._last - len(self._order)
        begin = max(after, first)
        found = list(islice(self._order, begin - first, begin - first + most))
        return begin + len(found), found

    async def listed(self, request: web.Request) -> web.Response:
        """GET the newest records, or those whose key is a `value`."""
        return self._kept.asked(request)

    async def new(self, request: web.Request) -> web.Response:
        """GET what came `after` a number: `{last, records}`, with the digest of the body."""
        after = int(request.query.get("after", 0))
        last, records = self.since(after, min(_MOST_AT_ONCE, int(request.query.get("limit", _MOST_AT_ONCE))))
        body = json.dumps({"last": last, "records": records}).encode()
        return web.Response(
            body=body, content_type="application/json", headers={DIGEST: hashlib.sha256(body).hexdigest()}
        )
