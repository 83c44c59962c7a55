"""The description of the API is valid OpenAPI 3.1, and describes exactly what is served."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from seatrial.gate.permissions import Action

ASSETS = Path(__file__).parents[1] / "assets" / "openapi"
pytest.importorskip("django", reason="the site is the extra `web`, which is not installed")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    from seatrial.web.settings import configure

    configure(tmp_path_factory.mktemp("site"))
    from seatrial.web.api.describing import openapi
    from seatrial.web.api.table import ROUTES

    return json.loads(json.dumps(openapi(ROUTES)))  # type: ignore[no-any-return]


def test_the_description_is_valid_openapi(document: dict[str, Any]) -> None:
    validator = jsonschema_rs.validator_for(json.loads((ASSETS / "schema-3.1.json").read_text()))
    assert [error.message for error in validator.iter_errors(document)] == []
    for broken in (document | {"openapi": "4"}, {k: v for k, v in document.items() if k != "info"}):
        assert not validator.is_valid(broken), "a schema that takes everything shows nothing"


def test_every_address_that_is_served_is_described_and_every_described_one_is_served(document: dict[str, Any]) -> None:
    from seatrial.web.urls import urlpatterns

    served = {
        "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in urlpatterns
        if str(pattern.name).startswith("api-") and pattern.name != "api-unknown"
    }
    assert served == set(document["paths"])


def test_every_operation_has_a_name_of_its_own_and_says_what_can_go_wrong(document: dict[str, Any]) -> None:
    names = []
    for path, item in document["paths"].items():
        variables = set(re.findall(r"{(\w+)}", path))
        assert {each["name"] for each in item["parameters"]} == variables
        for method, operation in item.items():
            if method in ("summary", "parameters"):
                continue
            names.append(operation["operationId"])
            assert operation["summary"].endswith("."), path
            if not path.endswith("openapi.json"):
                assert {"401", "403"} <= set(operation["responses"]), path
                assert {"session": []} in operation["security"], path
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    schema = content["schema"]
                    if "$ref" not in schema:
                        jsonschema_rs.validator_for(schema)
    assert len(names) == len(set(names))


def test_no_operation_does_what_takes_a_persons_own_key() -> None:
    from seatrial.web.api.table import ROUTES

    asked = {operation.action for route in ROUTES for operation in route.operations.values()}
    assert {action for action in asked if isinstance(action, Action)} <= {Action.IMPORT, Action.RECORD_EVENT}
