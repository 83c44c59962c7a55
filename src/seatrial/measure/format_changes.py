"""All silent changes between the fingerprints of training and of what arrives live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.core.vocabulary import Weight
from seatrial.measure.format_change import Change, surely_more
from seatrial.measure.format_numbers import hour_changes, number_changes
from seatrial.measure.format_swaps import Fingerprints, swaps
from seatrial.measure.format_texts import category_changes, is_category, text_changes, turned_round
from seatrial.measure.kinds import kind_of, reads_as_numbers

_FEWEST = 30
_STUCK = 50
_AS_NUMBERS = frozenset({"number", "boolean"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is declared of a field: its unit, its plausible range, and its codes in their order."""

    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None


def format_changes(training: Fingerprints, live: Fingerprints, fields: Mapping[str, Declared]) -> tuple[Change, ...]:
    """The changes of these fields, those that two fields share first. A field that training lacks is left alone."""
    known = [name for name in fields if name in training]
    swapped = tuple(swaps(training, live, [name for name in known if name in live]))
    explained = {name for change in swapped for name in change.fields}
    rest = [
        change
        for name in known
        if name not in explained
        for change in field_changes(name, training[name], live.get(name), fields[name])
    ]
    return (*swapped, *rest)


def field_changes(
    name: str, training: Mapping[str, Any], live: Mapping[str, Any] | None, declared: Declared
) -> Iterator[Change]:
    """The changes of one field; `live` is None where it does not arrive."""
    if live is None:
        yield Change(code="field-missing", fields=(name,), summary=f"{name} does not arrive")
        return
    if not training["n"]:
        return
    yield from _missing(name, training, live)
    if live["n"] < _FEWEST:
        return
    was, now = kind_of(training), kind_of(live)
    if was != now:
        yield from _retyped(name, training, live, was, now)
    elif _is_stuck(training, live):
        yield Change(
            code="constant-field",
            fields=(name,),
            summary=f"{name} is the same in all {live['n']} live rows; training had {training['distinct']} values",
        )
    else:
        yield from _same_kind(name, training, live, declared, was)


def _same_kind(
    name: str, training: Mapping[str, Any], live: Mapping[str, Any], declared: Declared, kind: str
) -> Iterator[Change]:
    if kind == "number" and declared.values and is_category(training):
        yield from category_changes(name, training, live, declared.values)
    elif kind == "number":
        yield from number_changes(
            name, training, live, minimum=declared.minimum, maximum=declared.maximum, unit=declared.unit
        )
    elif kind == "boolean":
        yield from turned_round(name, training, live)
    elif kind == "time":
        yield from hour_changes(name, training, live)
    elif kind == "text":
        comma = live["forms"].get("comma", 0)
        written = reads_as_numbers(training)
        least = 0.005 if written else 0.1
        if surely_more(comma, live["n"], training["forms"].get("comma", 0), training["n"]) >= least:
            yield _comma(name, comma / live["n"])
        elif written and live["numbers"] >= 0.5 * live["n"]:
            yield from number_changes(
                name, training, live, minimum=declared.minimum, maximum=declared.maximum, unit=declared.unit
            )
        else:
            yield from hour_changes(name, training, live)
            yield from text_changes(name, training, live, declared.values)


def _is_truth(training: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether both sides say yes and no, one as booleans and the other as 0 and 1."""
    numbers = live if kind_of(training) == "boolean" else training
    return {kind_of(training), kind_of(live)} <= _AS_NUMBERS and set(numbers["values"] or "?") <= {"0", "1"}


def _missing(name: str, training: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Change]:
    rows, live_rows = training["n"] + training["nulls"], live["n"] + live["nulls"]
    before = training["nulls"] + training["nan"] + training["empty"]
    now = live["nulls"] + live["nan"] + live["empty"]
    more = surely_more(now, live_rows, before, rows)
    if live_rows >= _FEWEST and now == live_rows:
        yield Change(code="field-empty", fields=(name,), summary=f"{name} has no value in any of {live_rows} live rows")
    elif more >= 0.02:
        yield Change(
            code="nulls-increased",
            fields=(name,),
            summary=f"{name} is missing in {now / live_rows:.1%} of the live rows, {before / rows:.1%} in training",
            weight=Weight.GAP if more >= 0.1 else Weight.NOTE,
            evidence={"live": now / live_rows, "training": before / rows},
        )


def _retyped(name: str, training: Mapping[str, Any], live: Mapping[str, Any], was: str, now: str) -> Iterator[Change]:
    forms = live["forms"]
    if _is_truth(training, live):
        return
    if now == "text" and was in _AS_NUMBERS and forms.get("comma", 0) >= 0.005 * live["n"]:
        yield _comma(name, forms["comma"] / live["n"])
    elif now == "text" and was in _AS_NUMBERS and live["numbers"] >= 0.5 * live["n"]:
        yield Change(
            code="numbers-as-text",
            fields=(name,),
            summary=f"{name} arrives as text; {live['numbers'] / live['n']:.0%} of it reads as numbers",
        )
    elif now == "text" and was == "time" and forms.get("iso-time", 0) + forms.get("iso-date", 0) >= 0.99 * live["n"]:
        # Times are text in JSON; how they are written is no change of format while the hours agree.
        yield from hour_changes(name, training, live)
    else:
        yield Change(code="type-changed", fields=(name,), summary=f"{name} arrives as {now}, training had {was}")


def _comma(name: str, share: float) -> Change:
    return Change(
        code="decimal-comma",
        fields=(name,),
        summary=f"{name} arrives as text with a decimal comma in {share:.0%} of the live rows",
        evidence={"share": share},
    )


def _is_stuck(training: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """One value throughout, and not one that training had half of the time: that one may well last for a while."""
    if live["distinct"] != 1 or training["distinct"] < 3 or live["n"] < _STUCK:
        return False
    if training["values"] is None or live["values"] is None:
        return True
    return all(training["values"].get(value, 0) < 0.5 * training["n"] for value in live["values"])
