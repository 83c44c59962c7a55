"""What to say of a line through which the tested system is led, or of one that is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.core.disturbing import TO_A_FOLDER, LineMode
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.spec.integration import led_by_link
from seatrial.spec.system import System

CODES = {
    "no-line": "An integration cannot be disturbed, because the tested system is not led through a line to it.",
    "line-not-used": "The tested system did not use its line to the integration while it was disturbed.",
    "folder-by-link": "A folder of this machine was taken away and replaced; it cannot be made slow, full or corrupt.",
    "line-failed": "The line could not be disturbed to the end.",
}


def no_line(name: str, *, kind: str, done: str, why: str) -> Finding:
    """That an integration of this kind cannot be `done` something to."""
    place = f"integrations.{name}.test"
    remedy = (
        f"Give {place} a `via`, lead the tested system through it, and run `seatrial proxy`. Where it is reached at "
        "the address of another integration and only ever together with it, name the same `via` for both."
    )
    if kind == "files":
        remedy = (
            f"Where no server holds the folder, name in {place}.via a path such as lines/{name}, lead the test lane "
            "to it, and run `seatrial proxy`, which keeps a link to the folder there. Where it is mounted from a "
            f"server, name that in {place}.share, and mount the lane's folder through `via: host:port`."
        )
    elif kind == "sqlite":
        remedy = f"A file has no line: let {place} be a database server, as in production."
    return Finding(
        code="no-line",
        summary=f"{name} cannot be {done}: the tested system reaches it directly.",
        weight=Weight.OPEN,
        fields=(f"integrations.{name}.test.via",),
        why=why,
        remedy=remedy,
    )


def by_link(system: System, name: str) -> Iterator[Finding]:
    """What a line that is a link can do, and what it cannot; nothing for another line."""
    if led_by_link(system.integrations[name]):
        yield Finding(
            code="folder-by-link",
            summary=f"{name} is a folder of this machine: it was taken away, and something else put in its place. From "
            "beside it it cannot be made slow, full or corrupt.",
            weight=Weight.NOTE,
            fields=(f"integrations.{name}.test.via",),
        )


def possible(
    system: System, names: Sequence[str], kinds: Sequence[tuple[str, LineMode]]
) -> Sequence[tuple[str, LineMode]]:
    """Those of the disturbances that can be done to these lines, which are disturbed together."""
    if any(led_by_link(system.integrations[name]) for name in names):
        return [(word, mode) for word, mode in kinds if mode in TO_A_FOLDER]
    return kinds


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
