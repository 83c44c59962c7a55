"""What somebody can do about a silent harm, in words that fit what the field is: a quantity, a code, a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from seatrial.domains.data.campaign import Probe
from seatrial.spec.model import InputField


class Nature(StrEnum):
    """What a field is, as far as its guard is concerned."""

    QUANTITY = "quantity"
    IDENTIFIER = "identifier"
    CODE = "code"
    TEXT = "text"
    OTHER = "other"


_OF_REQUESTS = {
    "duplicates": "Answer each row for itself, whatever else is in the request.",
    "reordering": "Answer rows in the order in which they were asked.",
}
_MAGNITUDE = ("wrong-unit", "wrong-scale", "out-of-range")
_SPELLING = ("truncation", "case-or-space", "unseen-category", "encoding", "swapped", "oversize")
_APART = 0.9
"""So many of the values differ where each names something of its own."""
_FEWEST = 20


def remedy(kind: str, words: str, harmed: Sequence[Probe], inputs: Mapping[str, InputField]) -> str:
    """What to do in front of the model; `words` name the fault."""
    if kind in _OF_REQUESTS:
        return _OF_REQUESTS[kind]
    told: dict[str, list[str]] = {}
    for name, nature in _natures(harmed, inputs):
        told.setdefault(_guard(kind, nature), []).append(name)
    said = [
        how.format(fields=", ".join(names), words=words, it="it" if len(names) == 1 else "them")
        for how, names in told.items()
    ]
    if kind in ("null", "missing"):
        names = [name for names in told.values() for name in names]
        said.append(f"If null is legal in {', '.join(names)}, declare it nullable.")
    return " ".join(said)


def _guard(kind: str, nature: Nature) -> str:
    if kind == "unknown-key":
        return "Refuse a record whose {fields} is not found, or let the declared fallback answer it and say so."
    if kind in _MAGNITUDE and nature is Nature.QUANTITY:
        right = {"wrong-unit": " in the right unit", "wrong-scale": " at the right scale"}.get(kind, "")
        return f"Narrow the range of {{fields}} to what is plausible{right}, or check {{it}} against other fields."
    if kind in (*_MAGNITUDE, *_SPELLING) and nature is Nature.IDENTIFIER:
        return "Check {fields} for its form, or look {it} up where it is kept: an identifier has no plausible range."
    if kind in (*_MAGNITUDE, *_SPELLING) and nature is Nature.CODE:
        return "Refuse in {fields} whatever is not, letter by letter, among its declared values."
    if kind in _SPELLING and nature is Nature.TEXT:
        return "Refuse {words} in {fields}: check {it} for form, length and characters, or declare the values."
    return "Refuse {words} in {fields} before the model, with its name."


def _natures(harmed: Sequence[Probe], inputs: Mapping[str, InputField]) -> Iterator[tuple[str, Nature]]:
    seen: set[str] = set()
    for probe in harmed:
        for name, place in zip((probe.fault.field, *probe.fault.beside), probe.fault.places, strict=True):
            if place not in seen:
                seen.add(place)
                yield place, nature_of(inputs.get(name), [told.case.clean.get(name) for told in probe.told])


def nature_of(declared: InputField | None, values: Sequence[object]) -> Nature:
    """What the field is, by its declaration and these values of it."""
    if declared is None:
        return Nature.OTHER
    if declared.values is not None:
        return Nature.CODE
    there = [str(value) for value in values if value is not None]
    apart = len(there) >= _FEWEST and len(set(there)) >= _APART * len(there)
    bounded = declared.minimum is not None or declared.maximum is not None
    match declared.type:
        case "integer":
            return Nature.IDENTIFIER if apart and declared.unit is None and not bounded else Nature.QUANTITY
        case "number":
            return Nature.QUANTITY
        case "string":
            plain = all(not any(character.isspace() for character in value) for value in there)
            return Nature.IDENTIFIER if apart and plain else Nature.TEXT
        case _:
            return Nature.OTHER
