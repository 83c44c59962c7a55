"""Records by key, newest last, as the examples' services keep them; one that comes twice is kept once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

Record = Mapping[str, Any]


class Keyed:
    """The newest records of the day."""

    def __init__(self, key: str, *, most: int) -> None:
        self._key = key
        self._most = most
        self._records: OrderedDict[str, Record] = OrderedDict()

    def add(self, record: Record) -> None:
        """Keep it, as the newest."""
        key = record[self._key]
        self._records[key] = record
        self._records.move_to_end(key)
        while len(self._records) > self._most:
            self._records.popitem(last=False)

    def newest(self, most: int) -> list[Record]:
        """Oldest of them first."""
        return list(self._records.values())[-most:]

    def of(self, keys: Sequence[str]) -> list[Record]:
        """The records with these keys; absent ones left out."""
        return [self._records[key] for key in keys if key in self._records]

    def asked(self, request: web.Request) -> web.Response:
        """GET the newest records, or those whose key is a `value`."""
        if "value" in request.query:
            return web.json_response(self.of(request.query.getall("value")))
        return web.json_response(self.newest(int(request.query.get("limit", 500))))
