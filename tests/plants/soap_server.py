"""A small real SOAP service with its WSDL: orders can be listed, put in and found."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from plants.server import Asked, Said

_SPACE = "urn:seatrial:orders"
_OPERATIONS = ("ListOrders", "PutOrder", "FindOrder", "Version")


def wsdl(fields: Sequence[str], address: str = "http://internal.example.com/orders") -> bytes:
    """The description; `fields` as `name type`. The address in it is one that nobody outside reaches."""
    own = "".join(
        f'<xs:element name="{name}" type="xs:{kind}" minOccurs="{0 if name != "id" else 1}"/>'
        for name, kind in (field.split() for field in fields)
    )
    listed = f'<xs:element name="order" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>{own}'
    listed += "</xs:sequence></xs:complexType></xs:element>"
    given = {
        "ListOrders": "",
        "PutOrder": own,
        "FindOrder": '<xs:element name="id" type="xs:string"/>',
        "Version": "",
    }
    told = {
        "ListOrders": listed,
        "FindOrder": listed,
        "PutOrder": "",
        "Version": '<xs:element name="version" type="xs:string"/>',
    }
    elements = "".join(
        f'<xs:element name="{name}"><xs:complexType><xs:sequence>{inner}</xs:sequence></xs:complexType></xs:element>'
        for name, inner in [*given.items(), *((f"{n}Response", inner) for n, inner in told.items())]
    )
    messages = "".join(
        f'<message name="{n}"><part name="parameters" element="t:{n}"/></message>'
        for name in _OPERATIONS
        for n in (name, f"{name}Response")
    )
    ports = "".join(
        f'<operation name="{n}"><input message="t:{n}"/><output message="t:{n}Response"/></operation>'
        for n in _OPERATIONS
    )
    body = '<input><soap:body use="literal"/></input><output><soap:body use="literal"/></output>'
    bound = "".join(f'<operation name="{n}"><soap:operation soapAction="{n}"/>{body}</operation>' for n in _OPERATIONS)
    text = f"""<?xml version="1.0"?><definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="{_SPACE}"
 xmlns:t="{_SPACE}" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<types><xs:schema targetNamespace="{_SPACE}" elementFormDefault="qualified">{elements}</xs:schema></types>{messages}
<portType name="Port">{ports}</portType><binding name="Binding" type="t:Port">
<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>{bound}</binding>
<service name="Orders"><port name="Port" binding="t:Binding"><soap:address location="{address}"/></port></service>
</definitions>"""
    return text.encode()


class Orders:
    """Keeps what it is sent."""

    def __init__(self, records: Sequence[Mapping[str, str]], fields: Sequence[str] = ("id string",)) -> None:
        self.records = [dict(record) for record in records]
        self._wsdl = wsdl(fields)
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Said:
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        if asked.method == "GET":
            return Said(body=self._wsdl, headers=headers)
        call = ET.fromstring(asked.body)[-1][0]  # noqa: S314 - what our own client sends
        name = re.sub(r"\{.*\}", "", call.tag)
        given = {re.sub(r"\{.*\}", "", each.tag): each.text or "" for each in call}
        with self._lock:
            if name == "PutOrder":
                self.records.append(given)
            rows = [row for row in self.records if name == "ListOrders" or row["id"] == given.get("id")]
        inner = "" if name == "PutOrder" else "".join(f"<t:order>{_spelled(row)}</t:order>" for row in rows)
        if name == "Version":
            inner = "<t:version>orders 5.1</t:version>"
        return Said(body=envelope(f"<t:{name}Response>{inner}</t:{name}Response>"), headers=headers)


def _spelled(row: Mapping[str, str]) -> str:
    return "".join(f"<t:{name}>{escape(value)}</t:{name}>" for name, value in row.items())


def envelope(inner: str) -> bytes:
    """An answer around this."""
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    return f'<s:Envelope xmlns:s="{soap}" xmlns:t="{_SPACE}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()
