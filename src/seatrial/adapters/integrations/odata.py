"""An integration that is an entity set of an OData 4 service, as ERP systems publish them."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from seatrial.adapters.http import Answer, Http, sent_json
from seatrial.adapters.identity import ask
from seatrial.adapters.integrations.http_end import TIMEOUT_S, HttpEnd
from seatrial.adapters.integrations.odata_metadata import EntityType, entity_type
from seatrial.adapters.integrations.pages import every_entry
from seatrial.adapters.integrations.place import Place
from seatrial.core.errors import Malformed
from seatrial.core.ports import Request, Row

_VALUES: Final = 20
_ASKED: Final = {
    # Long numbers as text: as numbers of JSON they would lose digits before anybody sees them.
    "Accept": "application/json;odata.metadata=minimal;IEEE754Compatible=true",
    "OData-MaxVersion": "4.01",
    "OData-Version": "4.0",
}


class ODataIntegration:
    """`url` is the service; `read`, `write` and `observe` are entity sets, `read` with its `$filter` and `$orderby`.

    Ordered by something `desc`, only the newest are asked for; else every page is gone through to the last one.
    """

    def __init__(self, place: Place, *, http: Http) -> None:
        self._place = place
        self._http = http
        self._end = HttpEnd(place, http)
        self._types: dict[str, EntityType] = {}

    def version(self) -> str:
        """What the declared address tells, else the version of OData and the server's own name for itself.

        Raises Malformed for a service of another version than 4.
        """
        if self._place.end.version:
            url = self._end.url(self._place.end.version)
            told = ask(self._http, url, headers=self._place.end.headers, timeout_s=TIMEOUT_S)
            found = told.get("version", told) if isinstance(told, Mapping) else told
            return found if isinstance(found, str) else json.dumps(found, sort_keys=True)
        answer = self._end.get(self._end.url("$metadata"), {**_ASKED, "Accept": "application/xml"})
        spoken = answer.headers.get("odata-version", "").strip(" ;")
        if not spoken.startswith("4"):
            raise Malformed(
                f"integration {self._place.name!r} speaks OData {spoken or 'of a version that it does not tell'}",
                remedy="Declare the address of its OData 4 service; older ones are read over kind http.",
            )
        return " ".join(filter(None, (f"OData {spoken}", answer.headers.get("server", ""))))

    def health(self) -> None:
        """Raises Unreachable unless the declared address, or the service itself, answers with a success."""
        self._end.get(self._end.url(self._place.end.health or ""), _ASKED)

    def schema(self) -> Mapping[str, str]:
        """The fields of the entity set that is read, with the types and units of the service's `$metadata`."""
        return self._type_of(self._place.declared("read")).types()

    def read(self, most: int) -> Sequence[Row]:
        """The last `most` records, oldest first."""
        if most <= 0:
            return ()
        path, _, query = self._place.declared("read").partition("?")
        options = dict(parse_qsl(query))
        backwards = options.get("$orderby", "").partition(",")[0].strip().lower().endswith(" desc")
        if backwards:
            options["$top"] = str(most)
        kept: deque[Row] = deque(maxlen=most)
        for row in self._rows(path, options):
            if backwards and len(kept) == most:
                break
            kept.append(row)
        return tuple(reversed(kept)) if backwards else tuple(kept)

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
            url=self._end.url(self._place.declared("write").partition("?")[0]),
            headers={**_ASKED, "Content-Type": "application/json", **self._place.end.headers},
            body=body,
        )

    def listen(self) -> None:
        """Nothing to do: what arrives is kept there."""

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """The records that arrived, grouped by `key` as text."""
        wanted = sorted(set(values))
        path, _, query = self._place.declared("observe").partition("?")
        options = dict(parse_qsl(query))
        kind = self._type_of(path)
        found: list[Row] = []
        for start in range(0, len(wanted), _VALUES):
            chosen = wanted[start : start + _VALUES]
            terms = [f"{key} eq {spelled}" for value in chosen if (spelled := kind.literal(key, value)) is not None]
            if terms:
                asked = " or ".join(terms)
                own = options.get("$filter")
                rows = self._rows(path, {**options, "$filter": f"({own}) and ({asked})" if own else asked})
                # A service that ignores the filter answers everything each time: it must not be counted twice.
                found += [row for row in rows if str(row.get(key, "")) in chosen or key not in row]
        return self._place.grouped(found, key, set(wanted))

    def close(self) -> None:
        """Close idle connections."""
        self._http.close()

    def _type_of(self, path: str) -> EntityType:
        name = path.partition("?")[0].strip("/").rpartition("/")[2]
        if name not in self._types:
            answer = self._end.get(self._end.url("$metadata"), {**_ASKED, "Accept": "application/xml"})
            self._types[name] = entity_type(answer.body, name, name=self._place.name)
        return self._types[name]

    def _rows(self, path: str, options: Mapping[str, str]) -> Iterator[Row]:
        kind = self._type_of(path)
        mark = "?" if options else ""
        url = f"{self._end.url(path)}{mark}{urlencode(options, quote_via=quote, safe='$(),')}"
        entries = every_entry(
            self._place.name,
            url,
            lambda at: self._page(self._end.get(at, _ASKED)),
            if_more="Order them by their time, as in Orders?$orderby=CreatedAt desc.",
        )
        for entry in entries:
            yield {name: kind.value(name, value) for name, value in entry.items() if "@" not in name}

    def _page(self, answer: Answer) -> tuple[Sequence[Row], str]:
        """The records of a page, and the link to the next one."""
        try:
            content = answer.json()
        except Malformed as error:
            raise Malformed(f"integration {self._place.name!r}: {error.what}", remedy=error.remedy) from None
        value = content.get("value") if isinstance(content, Mapping) else None
        if not isinstance(content, Mapping) or not isinstance(value, list):
            raise Malformed(
                f"integration {self._place.name!r} answers no collection of OData 4",
                remedy='Name an entity set: it answers {"value": [{…}, …]}.',
            )
        records = [entry for entry in value if isinstance(entry, Mapping)]
        if len(records) < len(value):
            raise Malformed(f"integration {self._place.name!r} answers something else among its records")
        following = content.get("@odata.nextLink") or content.get("@nextLink")
        return records, following if isinstance(following, str) else ""
