"""An integration over HTTP, with the paths that its end declares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from seatrial.adapters.http import Answer, Http
from seatrial.adapters.identity import ask
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Request, Row

_TIMEOUT_S: Final = 30.0
_VALUES: Final = 50
"""Values that one observing request asks for: URLs have a length that every server takes."""


class HttpIntegration:
    """Records as JSON: `read` and `observe` answer a list (or `{"records": […]}`), `write` takes one by POST."""

    def __init__(self, place: Place, *, http: Http) -> None:
        self._place = place
        self._http = http

    def version(self) -> str:
        """The field `version` of what the declared address answers, else the whole of it."""
        url = self._url(self._place.declared("version"))
        content = ask(self._http, url, headers=self._place.end.headers, timeout_s=_TIMEOUT_S)
        if isinstance(content, Mapping) and "version" in content:
            content = content["version"]
        if content in (None, ""):
            raise Malformed(f"integration {self._place.name!r} tells no version")
        return content if isinstance(content, str) else json.dumps(content, sort_keys=True)

    def health(self) -> None:
        """Raises Unreachable unless the declared health address answers with a 2xx."""
        self._get(self._url(self._place.end.health or ""))

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records that the declared address lists; it lists the newest ones, oldest first."""
        return self._records(self._get(self._url(self._place.declared("read"))))[-most:] if most > 0 else ()

    def write(self, record: Row) -> None:
        """POST one record. Raises Refused unless declared writable for tests."""
        self._demand_success(self._http.send(self.request(record), timeout_s=_TIMEOUT_S), "write")

    def request(self, record: Row) -> Request:
        """The request that `write` sends."""
        self._place.refuse_write()
        try:
            body = json.dumps(record, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            raise Malformed(f"a record for integration {self._place.name!r} holds NaN or an infinity") from None
        return Request(
            method="POST",
            url=self._url(self._place.declared("write")),
            headers={"Content-Type": "application/json", **self._place.end.headers},
            body=body,
        )

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        path = self._place.declared("observe")
        wanted = sorted(set(values))
        rows: list[Row] = []
        for start in range(0, len(wanted), _VALUES):
            chosen = wanted[start : start + _VALUES]
            query = urlencode([("key", key), *(("value", value) for value in chosen)])
            mark = "&" if "?" in path else "?"
            found = self._records(self._get(self._url(f"{path}{mark}{query}")))
            # A server that ignores the query answers everything each time: it must not be counted twice.
            rows += [row for row in found if str(row.get(key, "")) in chosen or key not in row]
        return self._place.grouped(rows, key, set(wanted))

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    def _url(self, path: str) -> str:
        if path.startswith(("http://", "https://")):
            return path
        return f"{self._place.end.url.rstrip('/')}/{path.lstrip('/')}" if path else self._place.end.url

    def _get(self, url: str) -> Answer:
        answer = self._http.get(url, headers=self._place.end.headers, timeout_s=_TIMEOUT_S)
        self._demand_success(answer, "read")
        return answer

    def _demand_success(self, answer: Answer, what: str) -> None:
        if not 200 <= answer.status < 300:
            raise Unreachable(
                self._http.redact(
                    f"integration {self._place.name!r} answered a {what} with status {answer.status}: {answer.brief()}"
                ),
                remedy=f"See that server's own log, and integrations.{self._place.name}.{self._place.which}.",
                permanent=answer.status < 500,
            )

    def _records(self, answer: Answer) -> Sequence[Row]:
        try:
            content: Json = answer.json()
        except Malformed as error:
            raise Malformed(f"integration {self._place.name!r}: {error.what}", remedy=error.remedy) from None
        if isinstance(content, Mapping):
            content = content.get("records")
        if not isinstance(content, Sequence) or isinstance(content, str):
            raise Malformed(
                f"integration {self._place.name!r} answers no list of records",
                remedy='It must answer [{…}, …] or {"records": [{…}, …]}.',
            )
        records: list[Row] = []
        for entry in content:
            if not isinstance(entry, Mapping):
                raise Malformed(f"integration {self._place.name!r} answers something else among its records")
            records.append(entry)
        return records
