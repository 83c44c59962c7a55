"""The JSON Schema of the system file, for editors that complete and check while one writes."""

from __future__ import annotations

import inspect
import json
from typing import Any, get_args

from seatrial.spec.model import MODEL_ADDRESSES
from seatrial.spec.section import Section, attribute_docstrings
from seatrial.spec.system import RESOLVED, System

_UNDECIDED = {
    "title": "Undecided or from the environment",
    "description": "`TODO` leaves it open, which the gate reports as a gap; `${NAME}` comes from the environment.",
    "type": "string",
    "pattern": r"^TODO(?:$|[\s:])|\$\{[A-Za-z_][A-Za-z0-9_]*\}",
}
_REFERENCE = {"$ref": "#/$defs/Undecided"}
_ANNOTATIONS = ("title", "description", "default")


def system_schema() -> dict[str, Any]:
    """The schema of `seatrial.yaml` (JSON Schema 2020-12), with descriptions from the code that reads it."""
    schema = System.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.pop("$defs")
    definitions.pop("Policy", None)
    for key in RESOLVED:
        schema["properties"].pop(key, None)
    schema["title"] = "seatrial system file"
    schema["description"] = inspect.getdoc(System)
    sections: dict[str, type[Section]] = {}
    _collect(System, sections)
    for name, definition in [("System", schema), *definitions.items()]:
        _describe(sections.get(name), definition)
        _open_to_undecided(definition)
    definitions["ModelSection"]["oneOf"] = [{"required": [key]} for key in MODEL_ADDRESSES]
    definitions["Undecided"] = _UNDECIDED
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "$defs": definitions}


def system_schema_text() -> str:
    """The schema as the file in the documentation holds it."""
    return json.dumps(system_schema(), indent=2, ensure_ascii=False) + "\n"


def _collect(declared: object, found: dict[str, type[Section]]) -> None:
    """Every section below one, or in a type that its fields have, itself included; sections may hold each other."""
    for part in get_args(declared):
        _collect(part, found)
    if isinstance(declared, type) and issubclass(declared, Section) and declared.__name__ not in found:
        found[declared.__name__] = declared
        for field in declared.model_fields.values():
            _collect(field.annotation, found)


def _describe(cls: type[Section] | None, definition: dict[str, Any]) -> None:
    if cls is None:
        return
    described = attribute_docstrings(cls)
    for field, information in cls.model_fields.items():
        shape = definition["properties"].get(information.alias or field)
        if shape is None:
            continue
        if field in described:
            shape["description"] = described[field]
        default = shape.get("default")
        if isinstance(default, dict | list) or default is None:
            shape.pop("default", None)
        elif isinstance(default, float) and shape.get("type") == "string":
            shape["default"] = f"{default:g}s"


def _open_to_undecided(definition: dict[str, Any]) -> None:
    for key, shape in definition.get("properties", {}).items():
        definition["properties"][key] = _opened(shape)


def _opened(shape: dict[str, Any]) -> dict[str, Any]:
    shape = dict(shape)
    for key in ("items", "additionalProperties"):
        if isinstance(shape.get(key), dict):
            shape[key] = _opened(shape[key])
    if "anyOf" in shape:
        options = [_opened_inside(option) for option in shape["anyOf"]]
        return {**shape, "anyOf": [*options, _REFERENCE]}
    if _is_text(shape):
        return shape
    kept = {key: shape.pop(key) for key in _ANNOTATIONS if key in shape}
    return {**kept, "anyOf": [shape, _REFERENCE]} if shape else kept


def _opened_inside(option: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _opened(value) if key in ("items", "additionalProperties") and isinstance(value, dict) else value
        for key, value in option.items()
    }


def _is_text(shape: dict[str, Any]) -> bool:
    return shape.get("type") == "string" and not {"pattern", "format", "enum", "const"} & set(shape)
