"""A real SOAP service: exact values in the types of its WSDL, only declared addresses, and nothing but our errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plants.server import Answering, Asked, Said, Server
from plants.soap_server import Orders, envelope, wsdl
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.core.errors import Malformed, Refused, SeatrialError, Unreachable
from seatrial.spec.integration import IntegrationSection

FIELDS = ("id string", "amount decimal", "at dateTime", "open boolean")
ROW = {"id": "k1", "amount": "12345678901234567.89", "at": "2026-07-01T12:00:00+02:00", "open": "true"}
USES = {"read": "ListOrders", "write": "PutOrder", "observe": "FindOrder", "version": "Version"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(Orders([ROW], FIELDS)) as told:
        yield told


def erp(server: Server, base: Path = Path(), /, **declared: Any) -> OpenIntegration:
    section = IntegrationSection.model_validate({"kind": "soap", "test": {"url": server.url, **USES, **declared}})
    return open_integration("erp", section, http=Http(origins=[server.url]), base_dir=base)


def test_values_are_exact_and_typed_as_the_wsdl_says(server: Server) -> None:
    integration = erp(server)
    integration.health()
    assert integration.read(1) == (
        {"id": "k1", "amount": "12345678901234567.89", "at": "2026-07-01T12:00:00+02:00", "open": True},
    )
    assert integration.schema() == {
        "id": "string",
        "amount": "decimal|null",
        "at": "dateTime|null",
        "open": "boolean|null",
    }
    assert integration.version() == "orders 5.1"
    integration.close()


def test_a_record_is_written_observed_and_prepared_the_same(server: Server) -> None:
    integration = erp(server, writable=True, headers={"X-Tenant": "docks"})
    record: dict[str, Any] = {"id": "k2", "amount": 1.5, "open": False}
    request = integration.request(record)
    integration.write(record)
    assert request is not None
    assert request.body == server.asked[-1].body
    assert request.headers["X-Tenant"] == server.asked[-1].headers["x-tenant"] == "docks"
    assert {key: len(rows) for key, rows in integration.observe("id", ["k2", "k1", "absent"]).items()} == {
        "k1": 1,
        "k2": 1,
    }
    integration.close()


def test_calls_go_to_the_declared_address_whatever_the_wsdl_says(server: Server, tmp_path: Path) -> None:
    (tmp_path / "orders.wsdl").write_bytes(wsdl(FIELDS, "http://198.51.100.7/elsewhere"))
    integration = erp(server, tmp_path, wsdl="orders.wsdl")
    assert len(integration.read(9)) == 1
    integration.close()


def answering(body: bytes, *, status: int = 200, described: bytes = b"") -> Answering:
    def answer(asked: Asked) -> Said:
        if asked.method == "GET":
            return Said(body=described or wsdl(FIELDS), headers={"Content-Type": "text/xml"})
        return Said(body=body, status=status, headers={"Content-Type": "text/xml"})

    return answer


def listed(inner: str) -> bytes:
    return envelope(f"<t:ListOrdersResponse><t:order><t:id>a</t:id>{inner}</t:order></t:ListOrdersResponse>")


FAULT = envelope("<s:Fault><faultcode>s:Server</faultcode><faultstring>locked</faultstring></s:Fault>")


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (
            answering(listed("<t:amount>1,5</t:amount>")),
            Malformed,
            r"'amount' in a form that is no decimal of XML \(a decimal comma\)",
        ),
        (answering(listed("<t:amount>many</t:amount>")), Malformed, "'amount' in a form"),
        (answering(listed("<t:at>01.07.2026</t:at>")), Malformed, "'at' in a form that is no dateTime"),
        (answering(listed("<t:surprise>1</t:surprise>")), Malformed, "ListOrders failed"),
        (answering(FAULT, status=500), Unreachable, "a fault: locked"),
        (answering(b"<html>maintenance</html>", status=503), Unreachable, "503"),
        (answering(b"", status=200), SeatrialError, "ListOrders failed"),
        (answering(b"<cut", status=200), SeatrialError, "ListOrders failed"),
        (answering(b"", described=b"<html/>"), Malformed, "WSDL"),
        (answering(b"", described=b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), Malformed, "WSDL cannot be used"),
    ],
)
def test_whatever_the_service_does_is_an_error_of_ours(
    answer: Answering, error: type[SeatrialError], told: str
) -> None:
    with Server(answer) as server, pytest.raises(error, match=told):
        erp(server).read(3)


@pytest.mark.parametrize("location", ["http://198.51.100.7/x.xsd", "file:///etc/hostname"])
def test_a_wsdl_leads_nowhere_that_is_not_declared(location: str) -> None:
    included = f'<xs:include schemaLocation="{location}"/><xs:element name="ListOrders">'
    described = wsdl(FIELDS).replace(b'<xs:element name="ListOrders">', included.encode(), 1)
    with Server(answering(b"", described=described)) as server, pytest.raises(Refused):
        erp(server).health()


def test_what_does_not_fit_the_wsdl_is_not_sent(server: Server) -> None:
    integration = erp(server, writable=True)
    wrong: list[dict[str, Any]] = [{"id": "k", "other": 1}, {"amount": 1}]
    for record in wrong:
        with pytest.raises(Malformed):
            integration.write(record)
    with pytest.raises(Malformed, match=r"no operation 'Nowhere'"):
        erp(server, read="Nowhere").read(1)
    assert all(asked.method == "GET" for asked in server.asked)
    integration.close()
