"""An integration over HTTP, with the paths that its end declares."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from seatrial.adapters.http import Answer, Http, failure_in, sent_json
from seatrial.adapters.identity import ask
from seatrial.adapters.integrations.http_end import TIMEOUT_S, HttpEnd
from seatrial.adapters.integrations.openapi import OpenApi
from seatrial.adapters.integrations.pages import every_entry
from seatrial.adapters.integrations.place import Place
from seatrial.adapters.integrations.types import SEEN, types_of
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Description, Request, Row

_NEXT: Final = re.compile(r'<([^>]*)>\s*;[^<]*\brel="?next\b', re.IGNORECASE)
_MORE: Final = (
    "next",
    "nextLink",
    "next_link",
    "next_page",
    "nextPage",
    "next_cursor",
    "nextCursor",
    "has_more",
    "hasMore",
)
_VALUES: Final = 50
"""Values that one observing request asks for: URLs have a length that every server takes."""


class HttpIntegration:
    """Records as JSON: `read` and `observe` answer a list (or `{"records": […]}`), `write` takes one by POST."""

    def __init__(self, place: Place, *, http: Http, base_dir: Path) -> None:
        self._place = place
        self._http = http
        self._end = HttpEnd(place, http)
        self._base_dir = base_dir
        self._document: OpenApi | None = None

    def version(self) -> str:
        """The field `version` of what the declared address answers, else the whole of it."""
        url = self._end.url(self._place.declared("version"))
        content = ask(self._http, url, headers=self._place.end.headers, timeout_s=TIMEOUT_S)
        if isinstance(content, Mapping) and "version" in content:
            content = content["version"]
        if content in (None, ""):
            raise Malformed(f"integration {self._place.name!r} tells no version")
        return content if isinstance(content, str) else json.dumps(content, sort_keys=True)

    def health(self) -> None:
        """Raises Unreachable unless the declared health address answers with a 2xx and says nothing of a failure."""
        answer = self._end.get(self._end.url(self._place.end.health or ""))
        with suppress(Malformed):
            if told := failure_in(answer.json()):
                raise Unreachable(
                    f"integration {self._place.name!r} is not well, as its health address tells: {told}",
                    permanent=False,
                )

    def schema(self) -> Mapping[str, str]:
        """The fields and types of the declared OpenAPI document, else those of the newest records."""
        document = self._openapi()
        if document is not None:
            return document.types(document.answered(self._end.url(self._place.declared("read"))))
        return types_of(self.read(SEEN))

    def server_time(self) -> datetime | None:
        """From the `Date` of an answer, which is cut to whole seconds: the middle of that second."""
        answer = self._end.get(
            self._end.url(self._place.end.health or self._place.end.version or self._place.end.read or "")
        )
        try:
            told = parsedate_to_datetime(answer.headers.get("date", ""))
        except ValueError:
            return None
        return told.astimezone(UTC) + timedelta(seconds=0.5) if told.tzinfo is not None else None

    def description(self) -> Description | None:
        """What the declared OpenAPI document says of the records that are read and written here."""
        document, end = self._openapi(), self._place.end
        if document is None:
            return None
        return Description(
            name=str(end.openapi),
            answered=document.answered(self._end.url(end.read)) if end.read else None,
            asked=document.asked(self._end.url(end.write)) if end.write and self._place.writable else None,
        )

    def _openapi(self) -> OpenApi | None:
        declared = self._place.end.openapi
        if declared and self._document is None:
            place = f"integration {self._place.name!r}: {declared.partition('?')[0]}"
            if declared.startswith(("http://", "https://")):
                content = self._end.get(declared).body
            else:
                try:
                    content = (self._base_dir / declared).read_bytes()
                except OSError as error:
                    raise Unreachable(f"{place} cannot be read: {error.strerror}", remedy="Correct openapi.") from None
            self._document = OpenApi(content, place=place)
        return self._document

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records that the declared address lists; it lists the newest ones, oldest first."""
        return self._records(self._end.get(self._end.url(self._place.declared("read"))))[-most:] if most > 0 else ()

    def write(self, record: Row) -> None:
        """POST one record. Raises Refused unless declared writable for tests."""
        self._end.send(self.request(record), "write")

    def request(self, record: Row) -> Request:
        """The request that `write` sends."""
        self._place.refuse_write()
        try:
            body = sent_json(record)
        except ValueError:
            raise Malformed(f"a record for integration {self._place.name!r} holds NaN or an infinity") from None
        return Request(
            method="POST",
            url=self._end.url(self._place.declared("write")),
            headers={"Content-Type": "application/json", **self._place.end.headers},
            body=body,
        )

    def listen(self) -> None:
        """Nothing to do: what arrives is kept there."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        wanted = sorted(set(values))
        rows: list[Row] = []
        for url, chosen in self._asking(self._place.declared("observe"), key, wanted):
            found = self._pages(url)
            # A server that ignores the query answers everything each time: it must not be counted twice.
            rows += [row for row in found if str(row.get(key, "")) in chosen or key not in row]
        return self._place.grouped(rows, key, set(wanted))

    def remove(self, key: str, values: Sequence[str]) -> None:
        """DELETE the records whose field `key`, as text, is one of these. Raises Refused unless declared writable."""
        self._place.refuse_remove()
        for url, _ in self._asking(self._place.declared("remove"), key, sorted(set(values))):
            request = Request(method="DELETE", url=url, headers=dict(self._place.end.headers))
            self._end.send(request, "removal")

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    def _asking(self, path: str, key: str, wanted: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
        """Addresses that together name all of these values, and which ones each names."""
        for start in range(0, len(wanted), _VALUES):
            chosen = wanted[start : start + _VALUES]
            query = urlencode([("key", key), *(("value", value) for value in chosen)])
            mark = "&" if "?" in path else "?"
            yield self._end.url(f"{path}{mark}{query}"), chosen

    def _pages(self, url: str) -> Iterator[Row]:
        """Every record of every page; the next one is told in a `Link` header. Raises Malformed where it is not."""
        return every_entry(
            self._place.name,
            url,
            self._page,
            if_more="Let the observed address answer only records with the values that it is asked for.",
        )

    def _page(self, url: str) -> tuple[Sequence[Row], str]:
        answer = self._end.get(url)
        records = self._records(answer)
        following = _NEXT.search(answer.headers.get("link", ""))
        if following is None and (more := _more(answer.json())):
            raise Malformed(
                f"integration {self._place.name!r} answers a part of the records, and more by its {more!r}",
                remedy='Have the next page told in a header, Link: <address>; rel="next", or all answered at once.',
            )
        return records, following[1] if following else ""

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


def _more(content: Json) -> str:
    """The key by which a body says that there are more pages; empty where it says nothing of the kind."""
    return next((key for key in _MORE if content.get(key)), "") if isinstance(content, Mapping) else ""
