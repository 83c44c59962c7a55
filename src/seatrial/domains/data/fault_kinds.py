"""The faults that a field can have: for each kind, how a clean row becomes a faulty one, and what a guard could know.

What counts as silent harm depends on what anybody in front of the model could know (`Stance`):

- GUARDED: the faulty value is outside the declaration (type, range, values, zone, null). A guard could refuse it; an
  answer that moved beyond the tolerance is silent harm. Where the faulty value happens to be legal, nobody could know.
- FEED: a wrong unit or scale reaches every row of a feed at once. Rows outside the declaration are judged like GUARDED.
  Rows within it are judged together: see `campaign.feed_harm`.
- SAME: the row still means the same (whole number for a float, another offset of the same instant, a field more). The
  answer must not move.
- LEGAL: another legal input (a stale value, an unseen text where no values are declared, null where that is declared).
  No guard can know, and another input may have another answer: only a crash counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.domains.data.units import confusions, scaled
from seatrial.domains.flows.master_data import Lookup
from seatrial.domains.legality import Profile, excluded, reach, time_of
from seatrial.spec.faults import FaultField
from seatrial.spec.model import InputField

_SENTINELS = (-999, 9999, 0)
_MOST_UNITS = 2
_MOST_PAIRS = 16
_MOJIBAKE = ("\ufffd", "Ã¼")
_UNSEEN = "seatrial-unseen"
_EARLIER = timedelta(hours=7)


class Stance(StrEnum):
    """What a guard could know of a fault; see above."""

    GUARDED = "guarded"
    FEED = "feed"
    SAME = "same"
    LEGAL = "legal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which one field goes wrong. `make` gives the faulty row, None where the row cannot have this fault.

    `beside` are further fields that go wrong with it. `entry` is the integration at which the row is put in, empty for
    the model's own.
    """

    field: str
    kind: str
    stance: Stance
    make: Callable[[Row, int], Row | None]
    variant: str = ""
    beside: tuple[str, ...] = ()
    entry: str = ""

    @property
    def name(self) -> str:
        """For people: field, kind and variant."""
        return f"{self.place}: {self.kind}{f' ({self.variant})' if self.variant else ''}"

    @property
    def place(self) -> str:
        """The field, with the entry where it is not the model's own."""
        return f"{self.entry}.{self.field}" if self.entry else self.field

    @property
    def places(self) -> tuple[str, ...]:
        """All fields that go wrong, likewise."""
        return (self.place, *(f"{self.entry}.{name}" if self.entry else name for name in self.beside))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A field with everything that is known of it. `others` are further rows of the same data."""

    name: str
    declared: InputField
    profile: Profile
    known: FaultField
    others: Sequence[Row]

    def fault(
        self, kind: str, stance: Stance, change: Callable[[Json, int], Json | None], *, variant: str = ""
    ) -> Fault:
        """A fault that replaces a value that is there; a change that gives None, or the same again, does not apply."""

        def make(row: Row, at: int) -> Row | None:
            value = row.get(self.name)
            if value is None:
                return None
            changed = change(value, at)
            if changed is None or (type(changed) is type(value) and changed == value):
                return None
            return {**row, self.name: changed}

        return Fault(field=self.name, kind=kind, stance=stance, make=make, variant=variant)


def faults_of(place: Place) -> Iterator[Fault]:
    """Every fault that this field can have, but for the kinds that its declaration says cannot happen."""
    makers: Mapping[str, Callable[[Place], Iterator[Fault]]] = {
        "number": _of_numbers,
        "integer": _of_numbers,
        "string": _of_texts,
        "time": _of_times,
        "boolean": _of_booleans,
    }
    for fault in (*_of_all(place), *makers[place.declared.type](place)):
        if fault.kind not in place.known.skip:
            yield fault


def _of_all(place: Place) -> Iterator[Fault]:
    name, nullable = place.name, place.declared.nullable
    stance = Stance.LEGAL if nullable else Stance.GUARDED
    missing = lambda row, _: {k: v for k, v in row.items() if k != name} if name in row else None  # noqa: E731
    nothing = lambda row, _: {**row, name: None} if row.get(name) is not None else None  # noqa: E731
    yield Fault(field=name, kind="missing", stance=stance, make=missing)
    yield Fault(field=name, kind="null", stance=stance, make=nothing)
    wrong: dict[str, tuple[Json, ...]] = {
        "number": ("n/a", [1, 2], True, {"value": 1}),
        "integer": ("n/a", [1, 2], True, {"value": 1}),
        "string": (7, ["a"], {"value": "a"}, True),
        "boolean": ("maybe", 7, [True]),
        "time": (7, ["a"], {"value": 1}, True),
    }
    choices = wrong[place.declared.type]
    yield place.fault("wrong-type", Stance.GUARDED, lambda _, at: choices[at % len(choices)])
    yield place.fault("empty-text", Stance.GUARDED, lambda v, _: None if v == "" else "")
    yield place.fault(
        "stale", Stance.LEGAL, lambda v, at: next((o for o in _others(place, at) if o != v), None), variant="last known"
    )


def _others(place: Place, at: int) -> Iterator[Json]:
    for step in range(1, min(len(place.others), 20)):
        value = place.others[(at + step) % len(place.others)].get(place.name)
        if value is not None:
            yield value


def _of_numbers(place: Place) -> Iterator[Fault]:
    whole = place.declared.type == "integer"
    low, high = reach(place.declared, place.profile)
    span = place.profile.span

    def beyond(_: Json, at: int) -> Json:
        step = max(span, 1.0) * (0.1, 10.0)[at // 2 % 2]
        value = high + step if at % 2 else low - step
        return round(value) if whole else round(value, 6)

    if place.declared.values is None:
        yield place.fault("out-of-range", Stance.GUARDED, beyond)
        yield from _conversions(place, whole=whole)
    yield place.fault("decimal-comma", Stance.GUARDED, lambda v, _: _with_comma(v))
    yield place.fault("number-as-text", Stance.GUARDED, lambda v, _: str(v))
    yield place.fault("nan", Stance.GUARDED, lambda _, at: ("NaN", "nan", "null", "None")[at % 4])
    for sentinel in dict.fromkeys((*_SENTINELS, *place.known.sentinels)):
        yield _placeholder(place, sentinel, told=sentinel in place.known.sentinels)
    if not whole:
        yield place.fault(
            "whole-number", Stance.SAME, lambda v, _: int(v) if isinstance(v, float) and v.is_integer() else None
        )


def _placeholder(place: Place, sentinel: Json, *, told: bool) -> Fault:
    """Where people named it, everybody knows that it is no value, whatever the range says."""
    stance = Stance.SAME if told else Stance.GUARDED
    return place.fault("sentinel", stance, lambda _, __: sentinel, variant=str(sentinel))


def _with_comma(value: Json) -> Json | None:
    return f"{float(value):.10g}".replace(".", ",") if isinstance(value, float) and not value.is_integer() else None


def _conversions(place: Place, *, whole: bool) -> Iterator[Fault]:
    """The unit mistakes that stay within the declaration most often come first: they are the dangerous ones."""

    def changed(convert: Callable[[float], float]) -> Callable[[Json, int], Json | None]:
        def change(value: Json, _: int) -> Json | None:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            result = convert(float(value))
            return round(result) if whole else round(result, 4)

        return change

    def inside(convert: Callable[[float], float]) -> int:
        change = changed(convert)
        rows = [{place.name: change(row.get(place.name), 0)} for row in place.others[:100]]
        return sum(not excluded(row, place.name, place.declared, place.profile) for row in rows)

    units = sorted(confusions(place.declared.unit).items(), key=lambda item: -inside(item[1]))
    for other, convert in units[:_MOST_UNITS]:
        variant = f"{other} for {place.declared.unit}"
        yield place.fault("wrong-unit", Stance.FEED, changed(convert), variant=variant)
    for factor in (10, 1000):
        yield place.fault("wrong-scale", Stance.FEED, changed(scaled(factor)), variant=f"×{factor}")


def _of_texts(place: Place) -> Iterator[Fault]:
    yield place.fault("encoding", Stance.GUARDED, lambda v, at: _garbled(str(v), at))
    yield place.fault("truncation", Stance.GUARDED, lambda v, _: str(v)[: len(str(v)) // 2] or None)
    yield place.fault("case-or-space", Stance.GUARDED, lambda v, at: _respelled(str(v), at))
    unseen = Stance.GUARDED if place.declared.values is not None else Stance.LEGAL
    yield place.fault("unseen-category", unseen, lambda _, at: f"{_UNSEEN}-{at}")
    for sentinel in place.known.sentinels:
        yield _placeholder(place, sentinel, told=True)


def _garbled(text: str, at: int) -> str | None:
    """As UTF-8 read with another code page, or with a replacement character for what was lost."""
    if not text:
        return None
    broken = text.encode("utf-8").decode("latin-1")
    if broken != text:
        return broken
    place = at % len(text)
    return text[:place] + _MOJIBAKE[at % 2] + text[place + 1 :]


def _respelled(text: str, at: int) -> str | None:
    choices = [t for t in (text.lower(), text.upper(), text.title(), f"{text} ", f" {text}") if t != text]
    return choices[at % len(choices)] if choices else None


def _of_booleans(place: Place) -> Iterator[Fault]:
    yield place.fault("number-as-text", Stance.GUARDED, lambda v, _: str(v).lower())


def _of_times(place: Place) -> Iterator[Fault]:
    formats = ("%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M", "%d/%m/%y", *place.known.formats)
    yield place.fault("date-format", Stance.GUARDED, lambda v, at: _formatted(v, formats[at % len(formats)]))
    yield place.fault(
        "date-format",
        Stance.GUARDED,
        lambda v, _: None if (t := time_of(v)) is None else t.timestamp(),
        variant="epoch",
    )
    if not place.profile.zoned:
        return
    yield place.fault("time-zone", Stance.SAME, _elsewhere, variant="same instant, other offset")
    yield place.fault("time-zone", Stance.GUARDED, lambda v, _: _unzoned(v), variant="zone dropped")
    yield place.fault("time-zone", Stance.LEGAL, lambda v, _: _shifted(v), variant="local time called UTC")


def _formatted(value: Json, form: str) -> str | None:
    when = time_of(value)
    return None if when is None else when.strftime(form)


def _elsewhere(value: Json, at: int) -> str | None:
    when = time_of(value)
    return None if when is None else when.astimezone(timezone(timedelta(hours=(2, -5, 9)[at % 3]))).isoformat()


def _unzoned(value: Json) -> str | None:
    when = time_of(value)
    return None if when is None else when.replace(tzinfo=None).isoformat()


def _shifted(value: Json) -> str | None:
    when: datetime | None = time_of(value)
    return None if when is None else (when - _EARLIER).astimezone(UTC).isoformat()


def swaps(places: Sequence[Place]) -> Iterator[Fault]:
    """Pairs of neighbouring fields of the same type whose values changed places."""
    made = 0
    for number, first in enumerate(places):
        for second in places[number + 1 :]:
            if made == _MOST_PAIRS:
                return
            skipped = "swapped" in first.known.skip or "swapped" in second.known.skip
            if _kind(first) != _kind(second) or skipped:
                continue
            made += 1
            yield Fault(
                field=first.name, kind="swapped", stance=Stance.GUARDED, make=_swap(first, second), variant=second.name
            )
            break


def _kind(place: Place) -> str:
    return "number" if place.declared.type in {"number", "integer"} else place.declared.type


def _swap(first: Place, second: Place) -> Callable[[Row, int], Row | None]:
    def make(row: Row, _: int) -> Row | None:
        a, b = row.get(first.name), row.get(second.name)
        if a is None or b is None or a == b:
            return None
        return {**row, first.name: b, second.name: a}

    return make


def unknown_key(lookup: Lookup) -> Fault:
    """A name of the same form that the source of master data does not have, as of a customer who is not there yet."""

    def make(row: Row, _: int) -> Row | None:
        value = row.get(lookup.field)
        made = lookup.unknown(value) if isinstance(value, str) and value in lookup.rows else None
        return None if made is None else {**row, lookup.field: made}

    # Whoever looks it up knows that there is nothing: what is known of another row, or a default, must not be taken.
    return Fault(field=lookup.field, kind="unknown-key", stance=Stance.SAME, make=make, variant=lookup.source)


def wider_row() -> Fault:
    """A field more than declared, null in some rows, as a source's release adds it."""
    return Fault(
        field="(any)",
        kind="extra-field",
        stance=Stance.SAME,
        make=lambda row, at: {**row, "seatrial_extra": f"G{at}" if at % 3 else None},
    )


def oversize(places: Sequence[Place], *, every: bool = False) -> Iterator[Fault]:
    """A text far longer than any that belongs there; a legal answer to it is a refusal, or none that moved.

    In one field, where all of them go the same way; in `every` one where texts are what the model works on.
    """
    for place in places:
        if place.declared.type == "string" and "oversize" not in place.known.skip:
            yield place.fault("oversize", Stance.GUARDED, lambda v, _: str(v) * (200_000 // max(1, len(str(v)))))
            if not every:
                return
