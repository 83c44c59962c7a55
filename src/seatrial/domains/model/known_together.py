"""Fields that give the label, or a class of it, and are rightly known before: an area and a price per square metre.

Somebody declares of each when it is known. That alone opens no gate: live rows are what is known when the model is
asked, so each must stand in them, as far from nothing as in the evaluation, and come from a declared integration. What
is declared and not shown stays open; what is shown is told as a judgement that whoever signs can see.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from seatrial.core.observation import Finding, Json
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.spec.model import InputField
from seatrial.spec.system import System

CODES: Final[Mapping[str, str]] = {
    "label-known-before": "Two fields give the label together, or one field tells a class; that they are known before "
    "is declared, and live rows have them.",
    "known-not-shown": "Two fields give the label together, or one field tells a class; that they are known before is "
    "declared, and not shown.",
}
_ALMOST_ALWAYS: Final = 0.95


def judgement(
    system: System,
    names: Sequence[str],
    told: str,
    detail: Mapping[str, Json],
    inputs: Mapping[str, InputField],
    live: Mapping[str, float],
) -> Finding | None:
    """What is to be said where all of these fields are declared as known; None where one is not.

    `told` says what they tell of the label; `live` has the share of live rows in which each input is given.
    """
    fields = [(name, inputs[name]) for name in names if name in inputs]
    if len(fields) < len(names) or not all((field.known or "").strip() for _, field in fields):
        return None
    said = "; ".join(f"{name}: {field.known}" for name, field in fields)
    declared = f"{told}. {'Both are' if len(fields) > 1 else 'It is'} declared as known before ({said})"
    lacking = [what for name, field in fields for what in _lacking(system, name, field, live)]
    if lacking:
        return Finding(
            code="known-not-shown",
            weight=Weight.OPEN,
            summary=f"{declared}, which is not shown: {'; '.join(lacking)}",
            fields=tuple(names),
            remedy="Give a live sample of what production sends when it asks, and name in fed_by the integration that "
            f"{'each of the two' if len(fields) > 1 else names[0]} comes from.",
            why="Live, a field that follows from the outcome is not known yet, and the model then guesses.",
            detail=detail,
        )
    return Finding(
        code="label-known-before",
        weight=Weight.NOTE,
        summary=f"{declared}, and live rows have {'them' if len(fields) > 1 else 'it'}",
        fields=tuple(names),
        remedy="The AI team confirms it with its signature; a rule does what the model does.",
        why="A field that follows from the outcome is not known when the model is asked.",
        detail=detail,
    )


def _lacking(system: System, name: str, field: InputField, live: Mapping[str, float]) -> Iterator[str]:
    """What does not show that the field is known when the model is asked."""
    share = live.get(name)
    if share is None:
        yield f"no live row tells {name}"
    elif share < _ALMOST_ALWAYS:
        yield f"{name} is given in {percent(share)} of the live rows"
    source = None if field.fed_by is None else system.integrations.get(field.fed_by)
    if source is None:
        yield f"{name} comes from no declared integration"
    elif source.direction == "out":
        yield f"{field.fed_by}, from which {name} is to come, only takes records"
