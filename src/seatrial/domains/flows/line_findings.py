"""What to say of a line through which the tested system is led, or of one that is missing."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight

CODES = {
    "no-line": "An integration cannot be disturbed, because the tested system is not led through a line to it.",
    "line-not-used": "The tested system did not use its line to the integration while it was disturbed.",
    "line-failed": "The line could not be disturbed to the end.",
}


def no_line(name: str, *, done: str, why: str) -> Finding:
    """That an integration cannot be `done` something to."""
    return Finding(
        code="no-line",
        summary=f"{name} cannot be {done}: the tested system reaches it directly.",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}.test.via",),
        why=why,
        remedy=f"Give integrations.{name}.test a `via`, lead the tested system through it, and run `seatrial proxy`.",
    )


def line_trouble(name: str, *, problem: str, used: bool) -> Iterator[Finding]:
    """That the line failed, or that nothing went through it; nothing where all was well."""
    place = f"integrations.{name}.test.via"
    if problem:
        yield Finding(
            code="line-failed",
            summary=f"The line to {name} could not be disturbed to the end: {problem}",
            weight=Weight.OPEN,
            fields=(place,),
            remedy="Run `seatrial proxy` beside the tested system, and the check again.",
        )
    elif not used:
        yield Finding(
            code="line-not-used",
            summary=f"The tested system never used its line to {name} while it was disturbed.",
            weight=Weight.OPEN,
            fields=(place,),
            why="What was not disturbed was not tested.",
            remedy=f"Lead the tested system to {name} through the declared `via`; if it asks seldom, let the policy's "
            "outage_duration be longer than the time between two requests.",
        )
