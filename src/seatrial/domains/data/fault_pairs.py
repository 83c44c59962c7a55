"""Faults that come together: what one source does to one of its fields, it mostly does to others in the same way.

A guard that sees a contradiction between two fields of which one is wrong sees none where both are: °C for °F in
temperature and dew point alike. So every kind that is a matter of the whole source is tried on its fields together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise

from seatrial.core.ports import Row
from seatrial.domains.data.fault_kinds import Fault, Place

_NEIGHBOURS = ("null", "missing")
"""A join that finds nothing, or a release that leaves something out, takes several fields along."""
_WHOLE = (
    "null",
    "missing",
    "decimal-comma",
    "number-as-text",
    "date-format",
    "time-zone",
    "encoding",
    "case-or-space",
    "stale",
)
"""A matter of locale, export, code page or age: it strikes all fields of a source that can have it."""
_MOST = 60


def pairs(places: Mapping[str, Place], faults: Sequence[Fault], sources: Mapping[str, str]) -> Iterator[Fault]:
    """Plausible combinations of these single faults, at most 60; `sources` names where each field comes from."""
    yield from islice(_all(places, faults, sources), _MOST)


def _all(places: Mapping[str, Place], faults: Sequence[Fault], sources: Mapping[str, str]) -> Iterator[Fault]:
    grouped: dict[tuple[str, str, str, str], list[Fault]] = {}
    for fault in faults:
        if fault.beside or fault.field not in places:
            continue
        unit = places[fault.field].declared.unit or ""
        own = unit if fault.kind == "wrong-unit" else ""
        grouped.setdefault((sources.get(fault.field, ""), fault.kind, fault.variant, own), []).append(fault)
    for (_, kind, _, _), group in grouped.items():
        if len(group) > 1 and (kind in _WHOLE or kind == "wrong-unit"):
            yield _together(group)
    for (_, kind, _, _), group in grouped.items():
        if kind in _NEIGHBOURS and len(group) > 2:
            for first, second in pairwise(group):
                yield _together([first, second])


def _together(group: Sequence[Fault]) -> Fault:
    first, *others = group
    names = tuple(fault.field for fault in others)
    variant = f"with {', '.join(names)}"
    return Fault(
        field=first.field,
        kind=first.kind,
        stance=first.stance,
        make=_one_after_the_other(group),
        variant=f"{first.variant}, {variant}" if first.variant else variant,
        beside=names,
        entry=first.entry,
    )


def _one_after_the_other(group: Sequence[Fault]) -> Callable[[Row, int], Row | None]:
    def make(row: Row, at: int) -> Row | None:
        struck = 0
        for fault in group:
            changed = fault.make(row, at)
            if changed is not None:
                row, struck = changed, struck + 1
        # One field alone is the single fault.
        return row if struck > 1 else None

    return make
