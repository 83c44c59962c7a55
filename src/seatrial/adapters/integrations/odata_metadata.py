"""The `$metadata` of an OData service: the types of an entity set's fields, and how their values are spelled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.etree import ElementTree as ET

from seatrial.adapters.database_values import plain
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json

_TEXTS: Final = ("Edm.Int64", "Edm.Decimal")
_DEPTH: Final = 20
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")
_BARE: Final = re.compile(r"[0-9A-Za-z:.+-]+")


class EntityType:
    """The fields of one entity set in the order of the service, each with its declared type."""

    def __init__(self, fields: Mapping[str, ET.Element]) -> None:
        self._fields = fields

    def types(self) -> dict[str, str]:
        """The fields with their types: `decimal(10,2)|null`."""
        return {name: _words(element) for name, element in self._fields.items()}

    def value(self, field: str, value: Json) -> Json:
        """A value as it stands; numbers that the service spells as text are numbers where these hold them."""
        if isinstance(value, str) and self._type(field) in _TEXTS:
            try:
                return plain(Decimal(value))
            except InvalidOperation:
                return value
        return value

    def literal(self, field: str, value: str) -> str | None:
        """A value as a filter spells it, None for one that no record can have."""
        kind = self._type(field)
        if kind in {"", "Edm.String"}:
            return "'" + value.replace("'", "''") + "'"
        if kind in {"Edm.Guid", "Edm.Boolean", "Edm.Date", "Edm.DateTimeOffset", "Edm.TimeOfDay"}:
            return value if _BARE.fullmatch(value) else None
        return value if _NUMBER.fullmatch(value) else None

    def _type(self, field: str) -> str:
        element = self._fields.get(field)
        return "" if element is None else element.get("Type", "")


def entity_type(content: bytes, entity_set: str, *, name: str) -> EntityType:
    """From the document. Raises Malformed for one that is no metadata, or does not know the set."""
    try:
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise Malformed(f"integration {name!r}: its $metadata declares entities of XML, which are not followed")
        root = ET.fromstring(content)  # noqa: S314 - a document type is refused above
    except ET.ParseError as error:
        raise Malformed(f"integration {name!r}: its $metadata is no XML: {error}") from None
    types: dict[str, ET.Element] = {}
    sets: dict[str, str] = {}
    for schema in (each for each in root.iter() if _local(each) == "Schema"):
        spaces = [space for space in (schema.get("Namespace"), schema.get("Alias")) if space]
        for each in schema:
            if _local(each) == "EntityType":
                types |= {f"{space}.{each.get('Name')}": each for space in spaces}
        sets |= {s.get("Name", ""): s.get("EntityType", "") for s in schema.iter() if _local(s) == "EntitySet"}
    if entity_set not in sets:
        raise Malformed(
            f"integration {name!r} has no entity set {entity_set!r}",
            remedy=f"Name one of {', '.join(sorted(filter(None, sets)))[:200] or 'those of an OData 4 service'}.",
        )
    fields: dict[str, ET.Element] = {}
    wanted: str | None = sets[entity_set]
    for _ in range(_DEPTH):
        found = types.get(wanted or "")
        if found is None:
            break
        own = {each.get("Name", ""): each for each in found if _local(each) == "Property"}
        fields = {**own, **fields}
        wanted = found.get("BaseType")
    if not fields:
        raise Malformed(f"integration {name!r}: its $metadata gives no fields to {entity_set!r}")
    return EntityType(fields)


def _words(element: ET.Element) -> str:
    kind = element.get("Type", "").removeprefix("Edm.")
    told = kind[0].lower() + kind[1:] if kind else "anything"
    parts = [part for part in (element.get("Precision"), element.get("Scale")) if part]
    if kind == "Decimal" and parts:
        told += f"({','.join(parts)})"
    elif element.get("MaxLength"):
        told += f"({element.get('MaxLength')})"
    for note in element:
        if _local(note) == "Annotation" and note.get("Term", "").endswith((".Unit", ".ISOCurrency")):
            told += f" in {note.get('String') or note.get('Path')}"
    return told if element.get("Nullable") == "false" else f"{told}|null"


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
