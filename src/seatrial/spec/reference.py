"""The reference of the system file as Markdown: every key, its type, and what it means."""

from __future__ import annotations

from typing import Any

from seatrial.spec.schema import system_schema

_WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}


def system_reference() -> str:
    """One table for the file and one for each section that a key can hold."""
    schema = system_schema()
    sections: dict[str, Any] = schema["$defs"]
    texts = ["# The system file", "", *_table("seatrial.yaml", schema, sections)]
    for name, section in sections.items():
        if "properties" in section:
            texts += _table(name, section, sections)
    return "\n".join(texts).rstrip("\n") + "\n"


def _table(name: str, section: dict[str, Any], sections: dict[str, Any]) -> list[str]:
    required = set(section.get("required", ()))
    rows = []
    for key, shape in section["properties"].items():
        label = f"`{key}` (required)" if key in required else f"`{key}`"
        meaning = shape.get("description") or _meaning_of_section(shape, sections)
        rows.append(f"| {label} | {_kind(shape, sections)} | {_cell(meaning)} |")
    return [
        f"## {name}",
        "",
        _cell(section["description"]),
        "",
        "| key | value | meaning |",
        "|---|---|---|",
        *rows,
        "",
    ]


def _meaning_of_section(shape: dict[str, Any], sections: dict[str, Any]) -> str:
    named = [o["$ref"].rpartition("/")[2] for o in _options(shape) if "$ref" in o]
    return next((sections[n].get("description", "") for n in named if n != "Undecided"), "")


def _kind(shape: dict[str, Any], sections: dict[str, Any]) -> str:
    kinds = " or ".join(dict.fromkeys(k for option in _options(shape) for k in [_one(option, sections)] if k))
    default = shape.get("default")
    return kinds if default is None else f"{kinds}, default `{str(default).lower()}`"


def _options(shape: dict[str, Any]) -> list[dict[str, Any]]:
    inner = shape.get("anyOf") or shape.get("oneOf")
    if inner is None:
        return [shape]
    return [simple for option in inner for simple in _options(option) if option.get("type") != "null"]


def _one(shape: dict[str, Any], sections: dict[str, Any]) -> str:
    kind = shape.get("type")
    if "$ref" in shape:
        return _referred(shape["$ref"].rpartition("/")[2], sections)
    if "enum" in shape:
        return ", ".join(f"`{value}`" for value in shape["enum"])
    if kind == "array":
        return f"list of {_kind(shape['items'], sections)}" if "items" in shape else "list"
    if kind == "object":
        inner = shape.get("additionalProperties")
        return f"names, each with {_kind(inner, sections)}" if isinstance(inner, dict) else "keys with values"
    if "examples" in shape or "format" in shape:
        return f"text such as `{shape['examples'][0]}`" if "examples" in shape else "day such as `2027-01-11`"
    return "percentage such as `70 %`" if "%" in shape.get("pattern", "") else _WORDS.get(str(kind), "any value")


def _referred(name: str, sections: dict[str, Any]) -> str:
    if name == "Undecided":
        return ""
    return f"[{name}](#{name.lower()})" if "properties" in sections[name] else _one(sections[name], sections)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
