"""OpenAPI documents: what they promise of records, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plants.integration_server import Records
from plants.server import Asked, Said, Server, said
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import open_integration
from seatrial.adapters.integrations.openapi import OpenApi
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.ports import DescribedIntegration, Description
from seatrial.domains.integration.contract_schema import ContractSchema
from seatrial.spec.integration import IntegrationSection

LIST = {"$ref": "#/components/schemas/Orders"}
ONE = {"$ref": "#/components/schemas/Order"}
MADE = {"type": "string", "format": "date-time", "readOnly": True}
TEMP = {"type": "number", "format": "double", "nullable": True, "minimum": 0, "exclusiveMinimum": True, "x-unit": "°C"}
ORDER: list[Any] = [
    {"type": "object", "required": ["id", "made"], "properties": {"id": {"type": "string"}, "made": MADE}},
    {"properties": {"temp": TEMP}, "required": ["temp"]},
]
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "servers": [{"url": "https://erp.example.com/api/v2"}],
    "paths": {
        "/orders": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": LIST}}}}},
            "post": {"requestBody": {"content": {"application/json; charset=utf-8": {"schema": ONE}}}},
        },
        "/plants/{plant}/orders": {"get": {"responses": {"default": {"$ref": "#/components/responses/Orders"}}}},
    },
    "components": {
        "responses": {"Orders": {"content": {"application/json": {"schema": LIST}}}},
        "schemas": {
            "Orders": {"type": "object", "properties": {"records": {"type": "array", "items": ONE}}},
            "Order": {"allOf": ORDER},
        },
    },
}
ORDERS = "https://erp.example.com/api/v2/orders"


def opened(**changed: Any) -> OpenApi:
    return OpenApi(json.dumps({**DOCUMENT, **changed}).encode(), place="erp.json")


def keeps(schema: Any, record: Any) -> bool:
    return ContractSchema(json.dumps(schema).encode(), name="erp.json").allows(record)


@pytest.mark.parametrize("url", [ORDERS, "http://127.0.0.1:1/orders", "http://127.0.0.1:1/plants/b7/orders?n=5"])
def test_what_is_answered_is_described_wherever_the_path_stands(url: str) -> None:
    schema = opened().answered(url)
    whole = {"id": "a", "made": "2026-07-01T12:00:00Z", "temp": 3.5}
    assert keeps(schema, whole)
    assert keeps(schema, {**whole, "temp": None})
    for broken in (
        {**whole, "temp": 0},
        {**whole, "temp": "3,5"},
        {**whole, "made": "yesterday"},
        {"id": "a", "temp": 1},
    ):
        assert not keeps(schema, broken)


def test_what_only_the_server_gives_is_not_demanded_of_a_request() -> None:
    schema = opened().asked(ORDERS)
    assert keeps(schema, {"id": "a", "temp": 1})
    assert not keeps(schema, {"id": 5, "temp": 1})
    assert not keeps(schema, {"temp": 1})


def test_types_formats_and_units_are_told() -> None:
    document = opened()
    assert document.types({"allOf": ORDER}) == {
        "temp": "number double in °C|null",
        "id": "text",
        "made": "text date-time",
    }


def test_a_document_in_yaml_and_of_version_3_1_is_read() -> None:
    text = """
openapi: 3.1.0
paths:
  /orders:
    get: {responses: {"200": {content: {application/json: {schema: {type: array, items: {type: object,
          required: [id], properties: {id: {type: [string, "null"]}}}}}}}}}
"""
    document = OpenApi(text.encode(), place="erp.yaml")
    assert keeps(document.answered(ORDERS.replace("/api/v2", "")), {"id": None})
    assert not keeps(document.answered(ORDERS.replace("/api/v2", "")), {"id": 5})


@pytest.mark.parametrize(
    ("content", "said_"),
    [
        (b"<html>", "is no OpenAPI"),
        (b"{:::", "neither JSON nor YAML"),
        (b"\xff\xfe", "neither JSON nor YAML"),
        (b'{"swagger": "2.0", "paths": {}}', "is no OpenAPI 3.0 or 3.1"),
        (b'{"openapi": "3.0.0", "paths": {}}', "describes no GET /api/v2/orders"),
        (b'{"openapi": "3.0.0", "paths": {"/api/v2/orders": {"get": {}}}}', "describes no JSON"),
        (b'{"openapi": "3.0.0", "paths": {"/api/v2/orders": {"$ref": "other.json#/x"}}}', "refers outside itself"),
        (b'{"openapi": "3.0.0", "paths": {"/api/v2/orders": {"$ref": "#/paths/~1api~1v2~1orders"}}}', "in a circle"),
        (b'{"openapi": "3.0.0", "paths": {"/api/v2/orders": {"$ref": "#/nowhere"}}}', "does not hold"),
    ],
)
def test_a_document_that_cannot_be_used_says_why(content: bytes, said_: str) -> None:
    with pytest.raises(Malformed, match=said_):
        OpenApi(content, place="erp.json").answered(ORDERS)


def test_an_integration_publishes_what_its_document_says(tmp_path: Path) -> None:
    records = Records()
    paths = {"/newest": DOCUMENT["paths"]["/orders"], "/take": DOCUMENT["paths"]["/orders"]}

    def answer(asked: Asked) -> Said:
        return said({**DOCUMENT, "paths": paths}) if asked.path == "/openapi.json" else records(asked)

    with Server(answer) as server:
        (tmp_path / "erp.json").write_text(json.dumps({**DOCUMENT, "paths": paths}))
        for openapi in (f"{server.url}/openapi.json", "erp.json"):
            end = {"url": server.url, "read": "newest", "write": "take", "openapi": openapi, "writable": True}
            section = IntegrationSection.model_validate({"kind": "http", "test": end})
            integration = open_integration("erp", section, http=Http(origins=[server.url]), base_dir=tmp_path)
            assert integration.schema()["made"] == "text date-time"
            assert isinstance(integration, DescribedIntegration)
            told = integration.description()
            assert isinstance(told, Description)
            assert told.answered is not None
            assert told.asked is not None
            integration.close()
        section = IntegrationSection.model_validate({"kind": "http", "test": {**end, "openapi": "absent.json"}})
        with pytest.raises(SeatrialError, match=r"absent\.json cannot be read"):
            open_integration("erp", section, http=Http(origins=[server.url]), base_dir=tmp_path).schema()
