"""A source feed and a sink in one: records can be listed, put in and observed. Faults: what does not work."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from plants.server import Answering, Asked, Said, said

RECORDS: Final = tuple({"id": f"r{at}", "temp": 10 + at} for at in range(5))


class Records:
    """A server that keeps what it is sent. `lose` drops every n-th record after taking it with a 202."""

    def __init__(self, *, lose: int = 0, twice: int = 0) -> None:
        self.records: list[dict[str, Any]] = [dict(record) for record in RECORDS]
        self._taken = 0
        self._lose = lose
        self._twice = twice
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/version":
            return said({"version": "planner 4.2"})
        if asked.path == "/health":
            return said({"ok": True})
        if asked.path == "/newest":
            return said({"records": self.records})
        if asked.path == "/arrived":
            key, values = asked.query["key"][0], asked.query.get("value", [])
            chosen = [record for record in self.records if str(record.get(key)) in values]
            if asked.method == "DELETE":
                self.records = [record for record in self.records if record not in chosen]
            return said(chosen)
        if asked.path == "/take" and asked.method == "POST":
            return self._take(asked.json())
        return said({"error": "not here"}, 404)

    def _take(self, record: dict[str, Any]) -> Said:
        with self._lock:
            self._taken += 1
            if not (self._lose and self._taken % self._lose == 0):
                self.records.append(record)
            if self._twice and self._taken % self._twice == 0:
                self.records.append(dict(record))
        return said({"accepted": True}, 202)


def _broken(_: Asked) -> Said:
    return said({"error": "database is down"}, 503)


def _html(_: Asked) -> Said:
    return Said(body=b"<html>maintenance</html>", headers={"Content-Type": "text/html"})


def _no_list(_: Asked) -> Said:
    return said({"rows": 12})


def _no_records(_: Asked) -> Said:
    return said([1, 2, 3])


def _cut(_: Asked) -> Said:
    return Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n[{", close=True)


FAULTS: Final[Mapping[str, Answering]] = {
    "broken": _broken,
    "html": _html,
    "no-list": _no_list,
    "no-records": _no_records,
    "cut": _cut,
}
