"""Who holds a duty, and whether they accepted it themselves; shared by the checks on people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from seatrial.core.bodies import AcceptanceBody, AttestationBody, ComprehensionBody, DepartureBody
from seatrial.core.check import Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Finding
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType
from seatrial.spec.system import System

B = TypeVar("B", AcceptanceBody, AttestationBody, ComprehensionBody, DepartureBody)

CODES = {
    "nobody-named": "No person is named for this.",
    "no-deputy": "No deputy is named: one absence leaves nobody.",
    "own-deputy": "The deputy is the same person.",
    "left": "The named person has left.",
    "not-accepted": "The named person has not accepted this themselves, or what they accepted has changed since.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Something that one person must hold: `duty` as it is accepted, `part` the subject part that defines it."""

    duty: str
    part: str
    field: str
    """Where the system file names the person, such as `duties.monitor.who`."""
    what: str
    """In words: `watches performance after launch`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What was found: findings for what is missing, and the number of facts that were positively verified."""

    findings: tuple[Finding, ...]
    verified: int


def holding(system: System, trial: Trial, post: Post, who: str | None, deputy: str | None) -> Holding:
    """Check that a person and a distinct deputy are named, have not left, and each accepted."""
    deputy_post = Post(
        duty=f"{post.duty}.deputy", part=post.part, field=post.field.replace(".who", ".deputy"), what=post.what
    )
    findings = [*_held(system, trial, post, who)]
    if deputy is None:
        findings.append(
            Finding(
                code="no-deputy",
                summary=f"Nobody stands in for the person who {post.what}.",
                fields=(deputy_post.field,),
                why="One holiday or one illness, and nobody answers.",
                remedy=f"Name a deputy in {deputy_post.field}, and have them accept.",
            )
        )
    elif deputy == who:
        findings.append(
            Finding(
                code="own-deputy",
                summary=f"{_name(system, who)} is named as their own deputy.",
                fields=(deputy_post.field,),
                remedy=f"Name another person in {deputy_post.field}.",
            )
        )
    else:
        findings.extend(_held(system, trial, deputy_post, deputy))
    named = [p for p in (who, deputy) if p]
    return Holding(findings=tuple(findings), verified=0 if findings else 2 * len(named))


def _held(system: System, trial: Trial, post: Post, person: str | None) -> Iterator[Finding]:
    if person is None:
        yield Finding(
            code="nobody-named",
            summary=f"Nobody is named who {post.what}.",
            fields=(post.field,),
            why="Without a name, everybody waits for somebody else.",
            remedy=f"Name a person in {post.field}, and have them accept: seatrial accept --as ID {post.duty}.",
        )
        return
    if gone(system, trial, person):
        yield Finding(
            code="left",
            summary=f"{_name(system, person)}, who {post.what}, has left.",
            fields=(post.field,),
            why="The alarm would go to somebody who is no longer there.",
            remedy=f"Name a successor in {post.field}, and have them accept.",
        )
    elif acceptance(trial, post, person) is None:
        yield Finding(
            code="not-accepted",
            summary=f"{_name(system, person)}, who {post.what}, has not accepted it.",
            fields=(post.field,),
            why="A duty that somebody else wrote down is not yet owned by anybody.",
            remedy=f"{_name(system, person)} accepts it: seatrial accept --as {person} {post.duty}.",
        )


def gone(system: System, trial: Trial, person: str) -> bool:
    """True when the person left, by the system file or by a record."""
    declared = system.people.get(person)
    if declared is None:
        return True
    if declared.left_on is not None and declared.left_on <= trial.clock.now().date():
        return True
    return any(left.person == person for _, left in statements(trial, RecordType.DEPARTURE, DepartureBody))


def acceptance(trial: Trial, post: Post, person: str) -> Record | None:
    """The newest acceptance of the post by that person that still stands on what it was given for."""
    for record, body in reversed(statements(trial, RecordType.ACCEPTANCE, AcceptanceBody)):
        if (body.person, body.duty, record.by) != (person, post.duty, f"person:{person}"):
            continue
        if post.part in record.depends and stands(trial, record):
            return record
    return None


def statements(trial: Trial, kind: RecordType, shape: type[B]) -> list[tuple[Record, B]]:
    """What people stated, oldest first. One that cannot be read counts for nothing, and hides none of the others."""
    found = []
    for record in trial.records(kind):
        with suppress(CodecError):
            found.append((record, from_data(shape, record.body)))
    return found


def stands(trial: Trial, record: Record) -> bool:
    """True when every part that the record rests on is today what it was then."""
    return all(trial.part(part) == digest for part, digest in record.depends.items())


def _name(system: System, person: str | None) -> str:
    declared = system.people.get(person) if person else None
    return declared.name if declared else str(person)
