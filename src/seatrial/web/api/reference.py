"""The API as people read it: each address with what may be asked, what is sent and what is answered, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seatrial.web.access import SCOPE_OF
from seatrial.web.api.describing import VARIABLE, answer_schema
from seatrial.web.api.route import Operation, Route, Schema

_DEEP: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One line: a field of a body or an answer, or a parameter."""

    name: str
    kind: str
    says: str
    needed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    scope: str
    """Of the token that it takes; empty where no token does it."""
    sends: tuple[Field, ...]
    takes: tuple[str, ...]
    """The types of a body that is sent as it is."""
    asks: tuple[Field, ...]
    answers: tuple[Field, ...]
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What may be done at one address."""

    about: str
    operations: tuple[Shown, ...]


def shown(routes: Iterable[Route]) -> tuple[Group, ...]:
    """All of it, in the order of the table."""
    return tuple(
        Group(
            about=route.about,
            operations=tuple(_shown(route, method, each) for method, each in route.operations.items()),
        )
        for route in routes
    )


def _shown(route: Route, method: str, operation: Operation) -> Shown:
    scope = None if operation.action is None else SCOPE_OF.get(operation.action)
    return Shown(
        id=f"{route.name.removeprefix('api-')}-{method.lower()}",
        method=method,
        path="/" + VARIABLE.sub(r"{\2}", route.address),
        summary=operation.summary,
        scope="" if scope is None else scope.value,
        sends=tuple(_fields(operation.takes or {})),
        takes=operation.raw,
        asks=tuple(Field(name=each.name, kind=_kind(each.schema), says=each.says) for each in operation.asks),
        answers=tuple(_fields(answer_schema(operation))),
        status=operation.status,
    )


def _fields(schema: Schema, before: str = "") -> list[Field]:
    """The fields of an object and of the objects in it, each with its path."""
    found: list[Field] = []
    properties: Any = schema.get("properties", {})
    required: Any = schema.get("required", ())
    for name, inner in properties.items():
        path = f"{before}{name}"
        says = str(inner.get("description", ""))
        found.append(Field(name=path, kind=_kind(inner), says=says, needed=name in required))
        if path.count(".") < _DEEP:
            found += _fields(inner, f"{path}.")
            found += _fields(inner.get("items", {}), f"{path}[].")
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join("null" if value is None else str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"])
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_kind(schema['items'])}"
    named = " | ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{named}, {schema['format']}" if "format" in schema else named
