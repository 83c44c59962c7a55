"""An OpenAPI document (3.0 or 3.1): what it promises of the records that two of its paths exchange."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from seatrial.core.errors import Malformed
from seatrial.core.observation import Json

_MOST_BYTES: Final = 8_000_000
_LISTS: Final = ("records", "value", "items", "data")
_WORDS: Final = {"string": "text", "object": "record", "array": "list"}
_DEPTH: Final = 40
_MEND: Final = "Correct the declared path, or have the document describe what is really there."
_DECLARE: Final = "Declare one whole document, as the server publishes it."


class OpenApi:
    """One document. `place` is where it was declared, for errors. Raises Malformed for anything else."""

    def __init__(self, content: bytes, *, place: str) -> None:
        self._place = place
        self._document = self._parsed(content)
        version = str(self._document.get("openapi", ""))
        if not version.startswith(("3.0", "3.1")) or not isinstance(self._document.get("paths"), Mapping):
            raise self._wrong("is no OpenAPI 3.0 or 3.1 document", _DECLARE)
        self._older = version.startswith("3.0")

    def answered(self, url: str) -> Mapping[str, Json]:
        """JSON Schema of one record among those that GET on this address answers."""
        operation = self._operation(url, "get")
        answers = self._resolved(operation.get("responses"))
        answer = next((self._resolved(answers[code]) for code in ("200", "2XX", "default") if code in answers), {})
        schema = self._content(answer)
        if schema is None:
            raise self._wrong(f"describes no JSON that GET {urlsplit(url).path} answers", _MEND)
        entries = self._entries(schema)
        if entries is None:
            raise self._wrong(f"describes no list of records at {urlsplit(url).path}", _MEND)
        return self._whole(entries, leave="writeOnly")

    def asked(self, url: str) -> Mapping[str, Json]:
        """JSON Schema of the record that POST on this address takes."""
        schema = self._content(self._resolved(self._operation(url, "post").get("requestBody")))
        if schema is None:
            raise self._wrong(f"describes no JSON that POST {urlsplit(url).path} takes", _MEND)
        return self._whole(schema, leave="readOnly")

    def types(self, schema: Mapping[str, Json]) -> dict[str, str]:
        """The fields of a record in their order with the types that the document gives them."""
        properties, required = self._fields(schema, 0)
        return {name: self._words(inner, nullable=name not in required) for name, inner in properties.items()}

    def _parsed(self, content: bytes) -> Mapping[str, Any]:
        import yaml

        if len(content) > _MOST_BYTES:
            raise self._wrong(f"has more than {_MOST_BYTES:,} bytes", "Declare a smaller one.")
        try:
            # JSON is YAML; the safe loader makes nothing but plain data.
            found = yaml.load(content.decode("utf-8-sig"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            at = f" in line {mark.line + 1}" if mark is not None else ""
            raise self._wrong(f"is neither JSON nor YAML{at}", _DECLARE) from None
        return found if isinstance(found, Mapping) else {}

    def _operation(self, url: str, method: str) -> Mapping[str, Any]:
        path = urlsplit(url).path
        for template, item in self._document["paths"].items():
            if any(_fits(f"{base}{template}", path) for base in ("", *self._bases())):
                operation = self._resolved(item).get(method)
                if isinstance(operation, Mapping):
                    return operation
        raise self._wrong(f"describes no {method.upper()} {path}", _MEND)

    def _bases(self) -> Iterator[str]:
        servers = self._document.get("servers")
        for server in servers if isinstance(servers, Sequence) else ():
            yield urlsplit(str(self._resolved(server).get("url", ""))).path.rstrip("/")

    def _content(self, holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
        kinds = holder.get("content")
        for kind, media in kinds.items() if isinstance(kinds, Mapping) else ():
            if re.fullmatch(r"(?i)application/([\w.+-]*\+)?json(;.*)?", str(kind)):
                schema = self._resolved(media).get("schema")
                return schema if isinstance(schema, Mapping) else None
        return None

    def _entries(self, schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found = self._resolved(schema)
        if "items" in found:
            return found["items"] if isinstance(found["items"], Mapping) else None
        properties, _ = self._fields(found, 0)
        inner = next((self._resolved(properties[name]) for name in _LISTS if name in properties), {})
        return inner["items"] if isinstance(inner.get("items"), Mapping) else None

    def _resolved(self, node: Any) -> Mapping[str, Any]:
        for _ in range(_DEPTH):
            reference = node.get("$ref") if isinstance(node, Mapping) else None
            if not isinstance(reference, str):
                return node if isinstance(node, Mapping) else {}
            if not reference.startswith("#/"):
                raise self._wrong(f"refers outside itself, to {reference[:80]!r}", _DECLARE)
            node = self._document
            for part in reference[2:].split("/"):
                name = part.replace("~1", "/").replace("~0", "~")
                node = node.get(name) if isinstance(node, Mapping) else None
            if node is None:
                raise self._wrong(f"refers to {reference[:80]!r}, which it does not hold", "Have the document mended.")
        raise self._wrong("refers in a circle", "Have the document mended.")

    def _fields(self, schema: Mapping[str, Any], depth: int) -> tuple[dict[str, Any], set[str]]:
        found = self._resolved(schema)
        properties = dict(found.get("properties") or {})
        required = set(found.get("required") or ())
        for part in found.get("allOf") or () if depth < _DEPTH else ():
            inner, demanded = self._fields(part, depth + 1)
            properties, required = {**inner, **properties}, required | demanded
        return properties, required

    def _words(self, schema: Any, *, nullable: bool) -> str:
        found = self._resolved(schema)
        kinds = found.get("type", ())
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        nullable = nullable or found.get("nullable") is True or "null" in kinds
        named = sorted(_WORDS.get(str(kind), str(kind)) for kind in kinds if kind != "null") or ["anything"]
        form = f" {found['format']}" if isinstance(found.get("format"), str) else ""
        unit = found.get("x-unit") or found.get("unit")
        told = f" in {unit}" if isinstance(unit, str) else ""
        return "|".join([f"{name}{form}{told}" for name in named] + (["null"] if nullable else []))

    def _whole(self, schema: Mapping[str, Any], *, leave: str) -> Mapping[str, Json]:
        """The schema with everything that it refers to, as JSON Schema; what is marked `leave` is not demanded."""
        components = self._document.get("components") or {}
        root = {"allOf": [self._converted(schema, leave, 0)], "components": self._converted(components, leave, 0)}
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root}

    def _converted(self, node: Any, leave: str, depth: int) -> Any:
        if depth > _DEPTH:
            raise self._wrong(f"is nested deeper than {_DEPTH}", "Have the document simplified.")
        if isinstance(node, list):
            return [self._converted(each, leave, depth + 1) for each in node]
        if not isinstance(node, Mapping):
            return node
        # What is an example may hold anything, and promises nothing.
        found = {k: self._converted(v, leave, depth + 1) for k, v in node.items() if k not in {"example", "examples"}}
        if self._older:
            _modernise(found)
        properties = node.get("properties")
        if isinstance(properties, Mapping) and isinstance(found.get("required"), list):
            marked = {name for name, inner in properties.items() if self._resolved(inner).get(leave) is True}
            found["required"] = [name for name in found["required"] if name not in marked]
        return found

    def _wrong(self, what: str, remedy: str) -> Malformed:
        return Malformed(f"{self._place} {what}", remedy=remedy)


def _modernise(schema: dict[str, Any]) -> None:
    """What version 3.0 spells in its own way."""
    if schema.get("nullable") is True and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and limit in schema:
            schema[exclusive] = schema.pop(limit)


def _fits(template: str, path: str) -> bool:
    parts = (re.escape(part) if at % 2 == 0 else "[^/]+" for at, part in enumerate(re.split(r"\{([^}]*)\}", template)))
    return re.fullmatch("".join(parts), path.rstrip("/") or "/") is not None
