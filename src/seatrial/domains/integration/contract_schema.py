"""A contract as JSON Schema: read without reaching out, and errors told without the values that caused them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.spec.conditions import ConditionError
from seatrial.spec.relations import FieldRelation, parse_relation

_MOST_BYTES = 4_000_000
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """Where a record breaks the contract: the field (a path), and why, without the value itself."""

    field: str
    why: str


class ContractSchema:
    """A compiled contract. Formats such as `date-time` are checked; references lead nowhere outside the file.

    `relations` at its top lists what must hold between fields of one record: `quantity % pack == 0`.
    """

    def __init__(self, text: bytes, *, name: str) -> None:
        """Raises Malformed for anything that is no JSON Schema of an object."""
        import jsonschema_rs

        self.schema = _object(text, name)
        try:
            self._validator: Any = jsonschema_rs.validator_for(
                dict(self.schema), validate_formats=True, retriever=_nowhere, mask="it"
            )
        except (ValueError, RecursionError) as error:
            first = str(error).splitlines()[0][:_SHOWN] if str(error) else type(error).__name__
            raise Malformed(f"{name} is no JSON Schema: {first}", remedy=f"Mend {name}.") from None
        self.relations = _relations(self.schema.get("relations", []), name)

    def allows(self, record: Json) -> bool:
        """True when the record keeps the contract."""
        return bool(self._validator.is_valid(record)) and not any(self._unrelated(record))

    def breaches(self, record: Row) -> Iterator[Breach]:
        """Every place where the record breaks it."""
        for error in self._validator.iter_errors(dict(record)):
            path = [str(part) for part in error.instance_path]
            yield Breach(field=".".join(path) or _missing(error) or "(record)", why=str(error.message)[:_SHOWN])
        yield from self._unrelated(record)

    def _unrelated(self, record: Json) -> Iterator[Breach]:
        """Every relation that does not hold. One about a field without a value is left to `required` and the types."""
        if not isinstance(record, Mapping):
            return
        for relation in self.relations:
            if relation.holds(record) is False:
                yield Breach(field=", ".join(relation.fields), why=f"{relation.text} does not hold"[:_SHOWN])

    def untold(self, records: Sequence[Row]) -> tuple[FieldRelation, ...]:
        """The relations of which no record says whether they hold."""
        return tuple(r for r in self.relations if all(r.holds(record) is None for record in records))

    @property
    def required(self) -> tuple[str, ...]:
        """The fields that it names as required at its top."""
        named = self.schema.get("required", ())
        return tuple(str(n) for n in named) if isinstance(named, Sequence) and not isinstance(named, str) else ()

    @property
    def named(self) -> frozenset[str]:
        """The fields that it describes at its top."""
        properties = self.schema.get("properties")
        return frozenset(properties) if isinstance(properties, Mapping) else frozenset()


def _relations(listed: Json, name: str) -> tuple[FieldRelation, ...]:
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not all(isinstance(text, str) for text in listed):
        raise Malformed(f"{name}: `relations` is no list of texts", remedy='Such as ["quantity % pack == 0"].')
    try:
        return tuple(parse_relation(str(text)) for text in listed)
    except ConditionError as error:
        raise Malformed(f"{name}: a relation {error.what}", remedy=error.remedy) from None


def _missing(error: Any) -> str:
    return str(getattr(error.kind, "property", "")).strip('"')


def _nowhere(uri: str) -> NoReturn:
    raise ValueError(f"{uri[:80]} lies outside the contract")


def _object(text: bytes, name: str) -> Mapping[str, Json]:
    if len(text) > _MOST_BYTES:
        raise Malformed(f"{name} is larger than {_MOST_BYTES} bytes", remedy="A contract is a file that people read.")
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{name} is no JSON: {str(error)[:_SHOWN]}", remedy=f"Mend {name}.") from None
    if not isinstance(content, Mapping):
        raise Malformed(f"{name} is no JSON Schema of an object", remedy=f"Mend {name}.")
    return content


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = sorted({key for key, _ in pairs if [k for k, _ in pairs].count(key) > 1})
        raise ValueError(f"the key {', '.join(twice)} twice in one object")
    return found
