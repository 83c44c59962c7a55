"""The API described as OpenAPI 3.1, from the table that serves it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from seatrial import __version__
from seatrial.core.observation import Json
from seatrial.web.access import SCOPE_OF
from seatrial.web.api.problem import MEDIA_TYPE, SCHEMA
from seatrial.web.api.route import Operation, Route
from seatrial.web.api.serving import PAGES
from seatrial.web.api.shapes import COUNT, TEXT_OR_NONE, listing, record

VARIABLE: Final = re.compile(r"<(\w+):(\w+)>")
"""A part of an address in angle brackets: its kind and its name."""
_KIND: Final[Mapping[str, Json]] = {"int": {"type": "integer"}, "str": {"type": "string"}, "slug": {"type": "string"}}
_SLUG: Final = "The system's name, as its file gives it."
_REFUSED: Final[Mapping[int, str]] = {
    401: "nobody is signed in, or the token is none of this system or has ended",
    403: "this is not allowed: the reason is told, and the attempt is on record",
    404: "there is no such thing",
    422: "what was sent cannot be taken; every field that is wrong is told at once",
    503: "something that is needed is out of reach, or the system file is broken",
}
_OF_BODIES: Final[Mapping[int, str]] = {
    400: "the body is no JSON object",
    411: "the body's length is not said",
    413: "the body is too large",
    415: "the body is of another type",
}


def openapi(routes: Iterable[Route]) -> dict[str, Json]:
    """The OpenAPI document of these routes."""
    paths: dict[str, Json] = {}
    for route in routes:
        paths["/" + VARIABLE.sub(r"{\2}", route.address)] = {
            "summary": route.about,
            "parameters": [_variable(route, kind, name) for kind, name in VARIABLE.findall(route.address)],
            **{method.lower(): _operation(route, method, each) for method, each in route.operations.items()},
        }
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "seatrial",
            "version": __version__,
            "description": "What the site shows, and what may be done from elsewhere. Nobody signs, accepts, "
            "answers for a document or decides over it: that takes a person's own key, on the site.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {"Problem": dict(SCHEMA)},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of one system, made on the site by an administrator, with scopes.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "sessionid",
                    "description": "Signed in to the site. What changes something sends the cookie csrftoken as "
                    "X-CSRFToken too.",
                },
            },
        },
    }


def _variable(route: Route, kind: str, name: str) -> Json:
    says = _SLUG if name == "slug" else route.variables[name]
    return {"name": name, "in": "path", "required": True, "schema": _KIND[kind], "description": says}


def _operation(route: Route, method: str, operation: Operation) -> Json:
    told: dict[str, Json] = {
        "operationId": f"{route.name.removeprefix('api-')}-{method.lower()}",
        "summary": operation.summary,
        "parameters": _asked(operation),
        "responses": _answers(route, method, operation),
        "security": _security(route, operation),
    }
    if operation.takes is not None:
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": dict(operation.takes)}}}
    if operation.raw:
        body: Json = {"schema": {"type": "string", "format": "binary"}}
        told["requestBody"] = {"required": True, "content": dict.fromkeys(operation.raw, body)}
    return told


def _asked(operation: Operation) -> list[Json]:
    return [
        {
            "name": each.name,
            "in": "query",
            "description": each.says,
            "schema": dict(each.schema) if each.default is None else {**each.schema, "default": each.default},
        }
        for each in (*operation.asks, *(PAGES if operation.item is not None else ()))
    ]


def answer_schema(operation: Operation) -> Mapping[str, Json]:
    """What a success holds."""
    if operation.item is None:
        return operation.answer
    return record({"items": listing(operation.item), "total": COUNT, "page": COUNT, "next": TEXT_OR_NONE})


def _answers(route: Route, method: str, operation: Operation) -> Json:
    content: Json = {"application/json": {"schema": dict(answer_schema(operation))}}
    good: dict[int, str] = {operation.status: "as asked", **{c: s for c, s in operation.also.items() if c < 400}}
    answers: dict[str, Any] = {str(code): {"description": says, "content": content} for code, says in good.items()}
    if method == "GET":
        answers["304"] = {"description": "nothing has changed since the ETag that was sent as If-None-Match"}
    bad = {} if route.public else dict(_REFUSED)
    if operation.takes is not None or operation.raw:
        bad |= _OF_BODIES if operation.takes is not None else {c: s for c, s in _OF_BODIES.items() if c != 400}
    bad |= {code: says for code, says in operation.also.items() if code >= 400}
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers |= {str(code): {"description": says, "content": problem} for code, says in sorted(bad.items())}
    return answers


def _security(route: Route, operation: Operation) -> Json:
    if route.public:
        return []
    scope = None if operation.action is None else SCOPE_OF.get(operation.action)
    return [*([{"token": [scope.value]}] if scope is not None else []), {"session": []}]
