"""A page drill: a real page over the declared route, and the time to a human acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.ports import Acknowledgement
from seatrial.core.vocabulary import Sense
from seatrial.spec.system import System

CODES = {
    "no-time-declared": "No time is declared within which this must be answered.",
    "no-route": "The named person has no page route.",
    "answered-by-a-program": "The page was acknowledged as no person can: unread, or faster than it can be read.",
    "page-not-acknowledged": "The page was sent, and no human acknowledged it within the declared time.",
}
_FASTEST_S = 0.3
"""A person has to see the page, open its link and press its button; what is faster is a program."""
MEASURE = "time to a human acknowledgement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """Whom to page, with what, and within which time in seconds."""

    person: str
    within_s: float | None
    field: str
    title: str
    text: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the drill showed."""

    measures: tuple[Measure, ...] = ()
    findings: tuple[Finding, ...] = ()
    facts: dict[str, Json]


def page(system: System, trial: Trial, drill: Drill) -> Answered:
    """Send the page and wait. Raises Unreachable when the channel refuses it."""
    name = system.people[drill.person].name
    if drill.within_s is None:
        return Answered(findings=(_no_time(drill, name),), facts={})
    if system.people[drill.person].page is None:
        return Answered(findings=(_no_route(drill, name),), facts={})
    trial.say(f"paging {name}")
    sent = trial.pager.page(
        drill.person, title=drill.title, text=drill.text, action=drill.action, expires_s=drill.within_s
    )
    answer = trial.pager.wait(sent, timeout_s=drill.within_s)
    facts: dict[str, Json] = {"channel": sent.channel, "sent_at": sent.sent_at.isoformat(), "person": drill.person}
    if answer is None:
        return Answered(findings=(_silence(drill, name),), facts=facts)
    measure = Measure(
        name=MEASURE,
        value=answer.after_s,
        lower=answer.after_s,
        upper=answer.after_s,
        limit=drill.within_s,
        sense=Sense.AT_MOST,
        unit="s",
        n=1,
        method="one page over the declared route, timed to the acknowledgement",
    )
    how = by_a_program(answer)
    findings = (_program(drill, name, how),) if how else ()
    return Answered(measures=(measure,), findings=findings, facts=facts)


def by_a_program(answer: Acknowledgement) -> str:
    """In words how this was answered as no person can, empty where a person can have done it."""
    if answer.after_s < _FASTEST_S:
        return f"{1000 * answer.after_s:.0f} ms after it was sent, which no person can do"
    if answer.read_s is None:
        return "without having been opened: a button was pressed that nobody can have seen"
    if answer.read_s < _FASTEST_S:
        return f"{1000 * answer.read_s:.0f} ms after it was opened, which is too fast to read it"
    return ""


def _program(drill: Drill, name: str, how: str) -> Finding:
    return Finding(
        code="answered-by-a-program",
        summary=f"The page to {name} was acknowledged {how}.",
        fields=(f"people.{drill.person}.page",),
        why="A program that confirms every alarm keeps the real one from being heard.",
        remedy=f"Take out what opens and confirms pages on the route to {name}, then run the drill again.",
    )


def _no_time(drill: Drill, name: str) -> Finding:
    return Finding(
        code="no-time-declared",
        summary=f"It is not declared how soon {name} must answer.",
        fields=(drill.field,),
        remedy=f"Declare the time in {drill.field}, for example 15m.",
    )


def _no_route(drill: Drill, name: str) -> Finding:
    return Finding(
        code="no-route",
        summary=f"{name} cannot be paged: no route is declared.",
        fields=(f"people.{drill.person}.page",),
        why="The first real alarm would reach nobody.",
        remedy=f"Declare a page route for {name} in people.{drill.person}.page.",
    )


def _silence(drill: Drill, name: str) -> Finding:
    return Finding(
        code="page-not-acknowledged",
        summary=f"{name} was paged and did not acknowledge within {drill.within_s:.0f} s.",
        fields=(f"people.{drill.person}.page",),
        why="At 2 AM the failing pipeline would go on until somebody happens to look.",
        remedy=f"Find out why the page did not reach {name} (rota, route, silent hours), then run the drill again.",
    )
