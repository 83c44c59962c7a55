"""An entity set of a real OData service: pages, exact numbers, keys of every type, and what is none of it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from plants.odata_server import METADATA, Orders
from plants.server import Answering, Said, Server, said
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.spec.integration import IntegrationSection

RECORDS: list[dict[str, Any]] = [
    {"id": f"o'{at}", "no": str(at), "amount": Decimal("12345678901234567.89")} for at in range(7)
]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Orders(RECORDS)) as told:
        yield told


def erp(server: Server, **declared: Any) -> OpenIntegration:
    end = {"url": server.url, "read": "Orders", "write": "Orders", "observe": "Orders", **declared}
    section = IntegrationSection.model_validate({"kind": "odata", "test": end})
    return open_integration("erp", section, http=Http(origins=[server.url]))


def test_every_page_is_gone_through_and_numbers_stay_exact(server: Server) -> None:
    integration = erp(server)
    integration.health()
    rows = integration.read(3)
    assert rows == tuple({"id": f"o'{at}", "no": at, "amount": "12345678901234567.89"} for at in (4, 5, 6))
    assert len(integration.read(100)) == 7
    integration.close()


def test_of_what_is_ordered_backwards_only_the_newest_are_asked_for(server: Server) -> None:
    integration = erp(server, read="Orders?$orderby=no desc")
    assert [row["no"] for row in integration.read(3)] == [4, 5, 6]
    assert all("$top" in asked.query for asked in server.asked if asked.path == "/Orders")
    integration.close()


def test_types_are_those_of_the_metadata_with_their_units(server: Server) -> None:
    told = erp(server).schema()
    assert told == {"id": "string(40)", "no": "int64|null", "amount": "decimal(20,2) in EUR|null"}


def test_keys_are_asked_for_in_the_type_that_they_have(server: Server) -> None:
    integration = erp(server, writable=True)
    integration.write({"id": "k'9", "no": "9", "amount": "1.5"})
    found = integration.observe("id", ["k'9", "o'1", "x"])
    assert {key: len(rows) for key, rows in found.items()} == {"k'9": 1, "o'1": 1}
    assert list(integration.observe("no", ["9", "nine", "1 or 1 eq 1"])) == ["9"]
    assert list(erp(server, observe="Orders?$filter=no eq 3").observe("id", ["absent"])) == []
    integration.close()


def test_the_version_names_the_protocol_and_the_server(server: Server) -> None:
    assert erp(server).version() == "OData 4.0 PlantERP/7"


def answering(*, version: str = "4.0", metadata: bytes = b"", page: Any = None) -> Answering:
    orders = Orders(RECORDS)

    def answer(asked: Any) -> Said:
        headers = {"OData-Version": version}
        if asked.path == "/$metadata":
            whole = orders(asked).body
            return Said(body=metadata or whole, headers={**headers, "Content-Type": "application/xml"})
        return page if isinstance(page, Said) else said(page, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answering(page={"d": {"results": []}}), "no collection"),
        (answering(page={"value": [1]}), "among its records"),
        (answering(page=[1]), "no collection"),
        (answering(page={"value": [], "@odata.nextLink": "Orders"}), "in a circle"),
        (answering(page=said({"error": {"message": "locked"}}, 423)), "status 423"),
        (answering(page={"value": [], "@odata.nextLink": "http://198.51.100.9/Orders"}), "not declared"),
        (answering(metadata=b"<html>"), "no XML"),
        (answering(metadata=b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), "entities of XML"),
        (answering(metadata=METADATA.replace("Orders", "Others").encode()), "no entity set 'Orders'"),
    ],
)
def test_what_is_no_odata_service_is_said(answer: Answering, told: str) -> None:
    with Server(answer) as server, pytest.raises(SeatrialError, match=told):
        erp(server).read(3)


def test_a_service_of_another_version_is_refused() -> None:
    with Server(answering(version="2.0")) as server, pytest.raises(Malformed, match=r"speaks OData 2\.0"):
        erp(server).version()
