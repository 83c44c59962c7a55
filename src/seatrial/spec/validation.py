"""From pydantic's complaints to problems that a person can mend."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from seatrial.spec.problem import Problem
from seatrial.spec.tree import Document, TreePath

M = TypeVar("M", bound=BaseModel)

_KEY = "[key]"
_EXPECTED = {
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "tuple_type": "a list",
    "list_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a finite number",
}
_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def validate(
    cls: type[M], document: Document, *, hidden: frozenset[str] = frozenset()
) -> tuple[M | None, list[Problem]]:
    """The model that the document holds, or nothing and every problem with it.

    Keys are taken as the file format spells them (`pipeline-alert`), never as Python does. `hidden` names fields of
    `cls` that a file may not hold. What is missing because it is not decided yet is left to the caller: such problems
    carry the path of the absent value.
    """
    problems = [_unknown(cls, document, (key,), hidden) for key in sorted(hidden) if document.present((key,))]
    try:
        model = cls.model_validate(document.plain(), by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, problems + [_problem(cls, document, d, hidden) for d in details if not _follows(document, d)]
    return (None, problems) if problems else (model, [])


def missing(cls: type[BaseModel], document: Document) -> list[TreePath]:
    """Paths of required values that the document leaves out."""
    try:
        cls.model_validate(document.plain(), by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return [document.path_of(d["loc"]) for d in details if d["type"] == "missing"]
    return []


def _follows(document: Document, detail: Any) -> bool:
    """True where a list counts as too short only because its items have problems of their own."""
    node = document.node(document.path_of(detail["loc"])) if detail["type"] == "too_short" else None
    return node is not None and isinstance(node.value, list) and len(node.value) >= detail["ctx"]["min_length"]


def _problem(cls: type[BaseModel], document: Document, detail: Any, hidden: frozenset[str]) -> Problem:
    location: tuple[str | int, ...] = detail["loc"]
    at_key = bool(location) and location[-1] == _KEY
    path = document.path_of(location[:-1] if at_key else location)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(cls, document, path, hidden)
    if kind == "missing":
        if open_inside := [p for p in document.absent if p[: len(path)] == path]:
            expected = "a decision: nothing can be checked without it"
            return document.problem(max(open_inside, key=len), found="'TODO'", expected=expected)
        return document.problem(path, found="nothing", expected=f"the key '{path[-1]}', which is required")
    options = _options(context.get("expected", "")) if kind in ("literal_error", "enum") else ()
    word = str(path[-1]) if at_key else _written(document, path)
    return document.problem(
        path,
        found=f"the key '{word[:60]}'" if at_key else None,
        expected=_expected(kind, context, detail["msg"], document, path),
        at_key=at_key,
        word=word,
        candidates=options,
    )


def _expected(kind: str, context: Mapping[str, Any], message: str, document: Document, path: TreePath) -> str:
    if "expected" in context or "error" in context:
        return str(context.get("expected") or context["error"]).removeprefix("expected ")
    for name, words in _BOUNDS.items():
        if name in context:
            return f"{words} {context[name]}"
    if kind == "string_pattern_mismatch":
        return f"text of the form {context['pattern']}"
    if kind in ("too_short", "string_too_short"):
        return f"at least {context['min_length']} of it"
    node = document.node(path)
    if kind == "string_type" and node is not None and isinstance(node.value, bool | int | float):
        return f'text; put it in quotes: "{node.text}"'
    return _EXPECTED.get(kind, message[:1].lower() + message[1:])


def _options(expected: str) -> tuple[str, ...]:
    return tuple(expected.split("'")[1::2])


def _written(document: Document, path: TreePath) -> str:
    node = document.node(path)
    return node.text if node is not None else ""


def _unknown(cls: type[BaseModel], document: Document, path: TreePath, hidden: frozenset[str]) -> Problem:
    known = tuple(k for k in keys_at(cls, path[:-1]) if not (len(path) == 1 and k in hidden))
    return document.problem(
        path,
        found=f"the unknown key '{str(path[-1])[:60]}'",
        expected=f"one of {', '.join(known)}" if known else "no such key",
        at_key=True,
        word=str(path[-1]),
        candidates=known,
    )


def keys_at(cls: type[BaseModel], path: Sequence[str | int]) -> tuple[str, ...]:
    """The keys that the section at this path may hold, as the file spells them."""
    shapes: list[Any] = [cls]
    for part in path:
        shapes = [inner for shape in shapes for inner in _inside(shape, part)]
    models = [s for s in shapes if isinstance(s, type) and issubclass(s, BaseModel)]
    return tuple(dict.fromkeys(f.alias or n for m in models for n, f in m.model_fields.items()))


def _inside(shape: Any, part: str | int) -> list[Any]:
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        found = [f.annotation for n, f in shape.model_fields.items() if (f.alias or n) == part]
        return [concrete for annotation in found for concrete in _concrete(annotation)]
    origin, arguments = typing.get_origin(shape), typing.get_args(shape)
    if origin is tuple and isinstance(part, int):
        return _concrete(arguments[0])
    if origin is dict and isinstance(part, str):
        return _concrete(arguments[1])
    return []


def _concrete(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _concrete(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [c for option in typing.get_args(annotation) for c in _concrete(option)]
    return [annotation]
