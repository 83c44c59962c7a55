"""What a profile proposes for the system file: contracts, freshness and faults, each left for a person to confirm.

Nothing that was inferred counts before somebody has read it: every proposed value begins with `TODO`, so that the
requirement stays open. A contract that was made from the very records that it will judge would pass them all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.app.folder.yaml_edit import Addition
from seatrial.app.proposing.source_profile import FieldProfile, SourceProfile
from seatrial.core.observation import Json
from seatrial.core.wording import span
from seatrial.spec.system import System

_NICE = (
    *((60.0 * n, f"{n}m") for n in (1, 2, 5, 10, 15, 30)),
    *((3600.0 * n, f"{n}h") for n in (1, 2, 3, 6, 12)),
    *((86_400.0 * n, f"{n}d") for n in (1, 2, 7, 14, 30, 90, 365)),
)
_MISSED = 2.0
"""So many times between two records may pass before the source counts as silent."""
_HAPPENED = ("observ", "measur", "read", "updat", "modif", "chang", "creat", "receiv", "record", "event", "stamp", "ts")
_PLANNED = ("sched", "plan", "due", "eta", "etd", "expect", "until", "valid", "deadline", "promis")
_CLOCKS_DIFFER_S = 60.0
"""So far the clock of a source may be ahead: what lies later than that is planned."""
_TYPES = {"number": "number", "integer": "integer", "string": "string", "boolean": "boolean", "time": "string"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """`files` are contracts by their path beside the system file; `additions` go into it."""

    files: Mapping[str, str]
    additions: tuple[Addition, ...]


def proposals(system: System, profiles: Sequence[SourceProfile]) -> Proposals:
    """Everything that can be proposed for what is not declared yet."""
    files: dict[str, str] = {}
    additions: list[Addition] = []
    for source in profiles:
        section = system.integrations.get(source.name)
        if section is None or source.kind == "data" or not source.fields:
            continue
        if section.contract is None:
            path = f"contracts/{source.name}.json"
            files[path] = contract_text(source)
            value = json.dumps(f"TODO {path}", ensure_ascii=False)
            comment = "read it with the owner of the source, then drop TODO"
            additions.append(Addition(path=("integrations", source.name), key="contract", value=value, comment=comment))
        declared = {freshness.source for freshness in system.data.freshness}
        if section.direction != "out" and source.name not in declared:
            additions += _freshness(source)
        additions += _faults(system, source)
    return Proposals(files=files, additions=tuple(additions))


def contract_text(source: SourceProfile) -> str:
    """A JSON Schema of the records, one line a field; each `$comment` says what a person must confirm."""
    head: dict[str, Json] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"TODO what one record of {source.name} is",
        "$comment": f"Proposed by `seatrial profile` from {source.rows} records: inferred, not agreed. Confirm each "
        "$comment with the owner of the source, then remove it.",
        "type": "object",
        "required": [f.name for f in source.fields if not f.column.missing],
    }
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    fields = [
        f"    {json.dumps(f.name, ensure_ascii=False)}: {json.dumps(_property(f), ensure_ascii=False)}"
        for f in source.fields
    ]
    body = ",\n".join(fields)
    return "{\n" + ",\n".join(lines) + ',\n  "properties": {\n' + body + "\n  }\n}\n"


def _property(field: FieldProfile) -> dict[str, Json]:
    proposed, name = field.proposed, _TYPES[field.column.type]
    values = proposed.get("values")
    found: dict[str, Json] = {}
    if isinstance(values, Sequence) and not isinstance(values, str):
        found["enum"] = [*values, None] if field.column.missing else list(values)
    else:
        found["type"] = [name, "null"] if field.column.missing else name
    found |= {key: proposed[key] for key in ("minimum", "maximum") if key in proposed}
    if field.cadence is not None and field.cadence.zoned:
        found["format"] = "date-time"
    if field.cadence is not None and field.cadence.days:
        found["format"] = "date"
    if field.confirm:
        found["$comment"] = "; ".join(item.removeprefix(f"{field.name}: ") for item in field.confirm)
    return found


def _freshness(source: SourceProfile) -> Iterator[Addition]:
    field = time_of_records(source)
    if field is None or field.cadence is None or not field.cadence.gap_s:
        return
    age = field.cadence.age_s(source.at)
    wanted = next((text for seconds, text in _NICE if seconds >= _MISSED * field.cadence.gap_s), "365d")
    shown = "" if age is None else f", newest {span(age, digits=2)} old"
    value = f"{{source: {_flow(source.name)}, at: {_flow(field.name)}, at_most: {json.dumps(f'TODO {wanted}')}}}"
    yield Addition(
        path=("data", "freshness"),
        key="",
        value=value,
        same=("source", source.name),
        comment=f"new every {span(field.cadence.gap_s, digits=2)}{shown}; how old may it be?",
    )


def time_of_records(source: SourceProfile) -> FieldProfile | None:
    """The field that most likely tells when a record came to be: named so, not to come yet, with its zone written."""
    past = [
        f
        for f in source.fields
        if f.cadence is not None
        and f.cadence.zoned
        and (f.cadence.age_s(source.at) or 0.0) >= -_CLOCKS_DIFFER_S
        and not any(word in f.name.lower() for word in _PLANNED)
    ]
    named = [f for f in past if any(word in f.name.lower() for word in _HAPPENED)]
    return next(iter([*named, *past]), None)


def _faults(system: System, source: SourceProfile) -> Iterator[Addition]:
    for field in source.fields:
        if field.sentinels and field.name not in system.data.faults.fields:
            shown = ", ".join(f"{value:g}" for value in field.sentinels)
            yield Addition(
                path=("data", "faults", "fields"),
                key=_flow(field.name),
                value=json.dumps(f"TODO {{sentinels: [{shown}]}}"),
                comment="seems to stand for a missing value",
            )


def _flow(text: str) -> str:
    return text if text.replace("_", "").replace("-", "").isalnum() and not text[0].isdigit() else json.dumps(text)
