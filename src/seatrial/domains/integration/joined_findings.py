"""What is to be said of what a flow joined to its records."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.domains.integration.joined import Joined, Joins, Left

CODES = {
    "joined-another": "A flow joined other values to some of its records than the source holds for them.",
    "joined-in-part": "What a flow joined agrees with its source for some records, and nobody can say whether it must.",
    "joins-not-compared": "What a flow joined to its records was not held against the source.",
}
_WHY = "The model answers well, and for something else than what the record is about."


def findings(joins: Joins) -> Iterator[Finding]:
    """A gap where some came out otherwise though most agree; open where somebody has to say whether they may."""
    for each in joins.found:
        if each.other and each.mostly and each.told is None:
            yield _another(each)
        elif each.other:
            yield _in_part(each)
    for left in joins.left:
        yield _not_compared(left)


def _another(found: Joined) -> Finding:
    return Finding(
        code="joined-another",
        summary=_summary(found),
        fields=(found.field, f"integrations.{found.source}"),
        why=_WHY,
        remedy=_remedy(found),
        detail={"compared": found.compared, "other": found.other},
    )


def _in_part(found: Joined) -> Finding:
    name = found.field
    if found.told is None:
        told, ask = "", f"Where {name} is derived of more than that, name in its fed_by where the rest comes from."
    else:
        told = f" All of these have {found.told}: is that a default or a cap?"
        ask = (
            f"A cap is declared as model.inputs.{name}.maximum or minimum. A default for what the source has is a gap, "
            f"unless it is the declared fallback, by which the exit tells it: flows.{found.flow}.fallback."
        )
    return Finding(
        code="joined-in-part",
        summary=f"{_summary(found)}{told}",
        weight=Weight.OPEN,
        fields=(name, f"integrations.{found.source}"),
        why=_WHY,
        remedy=f"{_remedy(found)} {ask}",
        detail={"compared": found.compared, "other": found.other},
    )


def _summary(found: Joined) -> str:
    return (
        f"{found.flow}: {found.other} of {found.compared} records came out with another {found.field} than "
        f"{found.column} of {found.source} for their {found.by}, such as {', '.join(found.shown)}."
    )


def _remedy(found: Joined) -> str:
    return (
        f"Follow one of these from {found.source} into {found.flow}: by what is it looked up, in which unit is it "
        "read, and when is what is kept of it read anew?"
    )


def _not_compared(left: Left) -> Finding:
    return Finding(
        code="joins-not-compared",
        summary=f"{left.flow}: {', '.join(left.fields)} at the exit could not be held against {left.source}: "
        f"{left.why}.",
        weight=left.weight,
        fields=(*left.fields, f"integrations.{left.source}"),
        why="A value of another row, or a stale one, would not have been seen.",
        remedy=left.remedy,
    )
