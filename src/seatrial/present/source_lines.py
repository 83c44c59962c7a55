"""The profile of the sources as lines of a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.core.wording import count, percent, span

_WIDTH = 80
_NAME = 16
_FEW = 4


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Each source with its fields, what could go wrong in them, what to confirm, and the patch that is proposed."""
    for source in found["sources"]:
        yield from _source(source)
    open_points = sum(len(s["confirm"]) + sum(len(f["confirm"]) for f in s["fields"]) for s in found["sources"])
    if found["patch"]:
        yield from ("Proposed for the system file; every value is a TODO until a person confirms it:", "")
        yield from (f"  {line}" for line in found["patch"].splitlines()[2:])
        yield ""
    for path in found["contracts"]:
        yield f"contract: {path} ({'written' if found['written'] else 'proposed'})"
    for each in found["no_place"]:
        yield from _wrapped(f"left as it is in the system file: {each['path']} (proposed: {each['value']})")
    for path in found["written"]:
        yield f"wrote {path}"
    if open_points:
        yield f"{count(open_points, 'point')} to confirm with the owners of the sources"
    if (found["patch"] or found["contracts"]) and not found["written"]:
        yield "next: seatrial profile --write, which keeps a backup; --json has all of it"


def _source(source: Mapping[str, Any]) -> Iterator[str]:
    if source["problem"]:
        yield f"{source['name']}  {source['kind']}: could not be looked at"
        yield from _wrapped(source["problem"], indent=2)
        if source["remedy"]:
            yield from _wrapped(f"→ {source['remedy']}", indent=2)
        yield ""
        return
    yield f"{source['name']}  {source['kind']}, {count(source['rows'], 'record')} looked at"
    yield from _wrapped(f"key: {_keys(source['keys'])}", 2)
    yield f"  {'field':<{_NAME}} {'type':<8} {'missing':>7}  looks like"
    for field in source["fields"]:
        yield _field(field)
    yield from _faults(source)
    points = [*source["confirm"], *_grouped(source["fields"])]
    if points:
        yield "  to confirm:"
        for point in points:
            yield from _wrapped(f"? {point}", 4, 6)
    yield ""


def _keys(keys: Sequence[Sequence[str]] | None) -> str:
    if keys is None:
        return "too few records to tell"
    return " or ".join(" + ".join(key) for key in keys) or "no field, and no pair of fields, tells records apart"


def _grouped(fields: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is to be confirmed of several fields alike, once."""
    groups: dict[str, list[str]] = {}
    for field in fields:
        for point in field["confirm"]:
            what = point.removeprefix(f"{field['name']}: ")
            groups.setdefault(what, []).append(field["name"] if what != point else "")
    for what, names in groups.items():
        yield f"{', '.join(names)}: {what}" if names[0] else what


def _field(field: Mapping[str, Any]) -> str:
    missing = percent(field["missing"] / field["rows"]) if field["missing"] else "–"
    line = f"  {_cut(field['name'], _NAME):<{_NAME}} {field['type']:<8} {missing:>7}  {_looks(field)}"
    return _cut(line, _WIDTH)


def _looks(field: Mapping[str, Any]) -> str:
    times = field.get("times")
    if times is not None:
        every = "" if times["new_every_s"] is None else f", new every {span(times['new_every_s'], digits=2)}"
        age = times["age_s"]
        newest = "" if age is None else f", newest {_age(age)}"
        zone = "no zone written" if times["zone"] == "none" else f"zone {times['zone']}"
        return f"{zone}{every}{newest}"
    if field["values"] is not None:
        shown = ", ".join(field["values"][:_FEW])
        more = len(field["values"]) - _FEW
        return f"{shown}{f' and {more} more' if more > 0 else ''}"
    if field["smallest"] is not None:
        places = field["decimals"]
        decimals = f", {count(places, 'decimal')}" if places else ""
        return f"{field['smallest']:.6g} … {field['largest']:.6g}{decimals}"
    if field["type"] == "boolean":
        return "yes and no"
    masks = " or ".join(_cut(mask, 20) for mask in field["masks"][:2])
    return f"{field['distinct']:,} values{f', like {masks}' if masks else ''}"


def _age(seconds: float) -> str:
    return f"{span(seconds, digits=2)} old" if seconds >= 0 else f"{span(-seconds, digits=2)} ahead"


def _faults(source: Mapping[str, Any]) -> Iterator[str]:
    """One line for each set of faults, with the fields that can have it."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for field in source["fields"]:
        if field["faults"]:
            groups.setdefault(tuple(field["faults"]), []).append(field["name"])
    if groups:
        yield "  what could go wrong, beside missing, null, wrong type, empty and stale:"
    for faults, names in groups.items():
        yield from _wrapped(f"{', '.join(names)}: {', '.join(faults)}", 4, 6)


def _wrapped(text: str, indent: int = 0, more: int | None = None) -> Iterator[str]:
    further = " " * (indent if more is None else more)
    yield from textwrap.wrap(text, _WIDTH, initial_indent=" " * indent, subsequent_indent=further)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
