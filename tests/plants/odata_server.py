"""A small real OData 4 service: one entity set, in pages, with filter, order and top."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from plants.server import Asked, Said, said

METADATA: Final = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Plant" Alias="P" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Thing"><Property Name="id" Type="Edm.String" Nullable="false" MaxLength="40"/></EntityType>
<EntityType Name="Order" BaseType="P.Thing">FIELDS</EntityType>
<EntityContainer Name="Default"><EntitySet Name="Orders" EntityType="Plant.Order"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""
FIELDS: Final = """
<Property Name="no" Type="Edm.Int64"/>
<Property Name="amount" Type="Edm.Decimal" Precision="20" Scale="2">
<Annotation Term="Org.OData.Measures.V1.ISOCurrency" String="EUR"/></Property>"""
_TERM: Final = re.compile(r"(\w+) eq (?:'((?:[^']|'')*)'|(\S+?))(?= or |$|\))")


class Orders:
    """Keeps what it is sent; answers pages of `page` records."""

    def __init__(self, records: Sequence[Mapping[str, Any]], *, fields: str = FIELDS, page: int = 2) -> None:
        self.records = [dict(record) for record in records]
        self._metadata = METADATA.replace("FIELDS", fields).encode()
        self._page = page
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        headers = {"OData-Version": "4.0", "Server": "PlantERP/7"}
        if asked.path in {"/", "/$metadata"}:
            body = self._metadata if asked.path == "/$metadata" else b"{}"
            return Said(body=body, headers={**headers, "Content-Type": "application/xml"})
        if asked.path != "/Orders":
            return said({"error": {"message": "no such set"}}, 404, headers=headers)
        if asked.method == "POST":
            with self._lock:
                self.records.append(asked.json())
            return said(asked.json(), 201, headers=headers)
        return said(self._answer(asked), headers=headers)

    def _answer(self, asked: Asked) -> dict[str, Any]:
        def option(name: str, usual: str = "") -> str:
            return asked.query.get(name, [usual])[0]

        rows = list(self.records)
        if option("$filter"):
            wanted = [(name, bare or text.replace("''", "'")) for name, text, bare in _TERM.findall(option("$filter"))]
            rows = [row for row in rows if any(str(row.get(name)) == value for name, value in wanted)]
        if option("$orderby"):
            name, _, way = option("$orderby").partition(" ")
            rows.sort(key=lambda row: row[name], reverse=way == "desc")
        start, top = int(option("$skiptoken", "0")), int(option("$top", "999999"))
        rows = rows[:top]
        content: dict[str, Any] = {"@odata.context": "$metadata#Orders"}
        if start + self._page < len(rows):
            kept = "&".join(f"{k}={v[0]}".replace(" ", "%20") for k, v in asked.query.items() if k != "$skiptoken")
            content["@odata.nextLink"] = f"Orders?{kept}&$skiptoken={start + self._page}"
        content["value"] = [
            {"@odata.etag": "W/1", **{k: str(v) if isinstance(v, Decimal) else v for k, v in row.items()}}
            for row in rows[start : start + self._page]
        ]
        return content
