"""JSON Schemas from which answers and bodies are described, and bodies are checked, with errors for people."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from seatrial.core.observation import Json

Schema = Mapping[str, Json]
TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NONE: Final[Schema] = {"type": ["string", "null"]}
TRUTH: Final[Schema] = {"type": "boolean"}
TRUTH_OR_NONE: Final[Schema] = {"type": ["boolean", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
SECONDS_OR_NONE: Final[Schema] = {"type": ["number", "null"], "description": "seconds"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
TIME_OR_NONE: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
DAY_OR_NONE: Final[Schema] = {"type": ["string", "null"], "format": "date"}
ANYTHING: Final[Schema] = {"type": "object"}
MOST_BROUGHT: Final = 200_000
"""So many things can be brought at once, and below so many bytes."""
MOST_BROUGHT_BYTES: Final = 4 * 1024 * 1024
_WRITTEN: Final = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
_PLAIN: Final = r"^[^\u0000]*$"


def record(properties: Mapping[str, Schema], *, may_lack: Collection[str] = ()) -> Schema:
    """An object with exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in may_lack],
        "additionalProperties": False,
    }


def with_more(schema: Mapping[str, Any], properties: Mapping[str, Schema]) -> Schema:
    """The same object with more properties."""
    return record({**schema["properties"], **properties})


def listing(item: Schema) -> Schema:
    """Many of a kind."""
    return {"type": "array", "items": item}


def brought(item: Schema, most: int) -> Schema:
    """What is brought at once: one of a kind at least."""
    return {"type": "array", "minItems": 1, "maxItems": most, "items": item}


def written(says: str, longest: int) -> Schema:
    """A text that somebody must write."""
    return {"type": "string", "description": says, "maxLength": longest, "pattern": _WRITTEN}


def writable(says: str, longest: int) -> Schema:
    """A text that may stay empty."""
    return {"type": "string", "description": says, "maxLength": longest, "pattern": _PLAIN}


EMAIL: Final[Schema] = written("Their own e-mail address.", 254)


def one_of(values: Collection[str], says: str = "") -> Schema:
    """One of some words."""
    return {"enum": sorted(values), **({"description": says} if says else {})}


def problems(schema: Schema, given: object) -> dict[str, str]:
    """JSON pointer to what is wrong there, all at once; nothing for data that fits."""
    found: dict[str, str] = {}
    for error in _validator(_Frozen(schema)).iter_errors(given):
        for pointer, detail in _told(error, schema):
            found.setdefault(pointer, detail)
    return found


class _Frozen:
    """A schema by its identity: schemas are made once."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and other.schema is self.schema


@lru_cache(maxsize=256)
def _validator(frozen: _Frozen) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for(dict(frozen.schema), validate_formats=True)


def _told(error: Any, schema: Schema) -> Iterator[tuple[str, str]]:
    at = "".join(f"/{_escaped(part)}" for part in error.instance_path)
    match error.kind.name:
        case "required":
            name = error.kind.property
            declared: Any = schema.get("properties", {})
            says = declared.get(name, {}).get("description", "") if not error.instance_path else ""
            yield f"{at}/{_escaped(name)}", f"This is missing. {says}".strip()
        case "additionalProperties":
            for name in error.kind.unexpected:
                yield f"{at}/{_escaped(str(name)[:60])}", "There is no such field."
        case "maxLength":
            yield at, f"At most {error.kind.limit} characters are kept."
        case "pattern":
            yield at, "Write something here: nothing, or a character that no text has, is not taken."
        case _:
            yield at, f"{error.message[:200]}."


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
