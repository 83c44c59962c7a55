"""The comprehension check: questions drawn from this system's own failure modes, do-not-trust rules and fallbacks.

The same system gives the same questions in the same order, so that their digest names what somebody was asked; a new
failure mode gives new questions, and having passed the old ones no longer counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from seatrial.core.codec import to_data
from seatrial.domains.condition_words import spoken_text
from seatrial.spec.failure_modes import FailureMode
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_Asked: TypeAlias = "tuple[str, str, str, Sequence[str]]"
"""Its name, its text, the right answer, and wrong ones."""
_ALWAYS = "Act on the output as on any other day"
_NEVER = "Ignore everything that the system says from now on"
_WAIT = "Wait until somebody from IT says something"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its options; `right` is the index of the right one."""

    id: str
    text: str
    options: tuple[str, ...]
    right: int


def questions(system: System, modes: Sequence[FailureMode], inputs: Mapping[str, InputField]) -> tuple[Question, ...]:
    """All questions of this version; empty when the system has nothing to ask about."""
    return tuple(
        _ask(identifier, text, right, wrong)
        for identifier, text, right, wrong in (
            *_of_modes(modes, inputs),
            *_of_rules(system, inputs),
            *_of_people(system),
        )
    )


def digest(asked: Sequence[Question]) -> str:
    """SHA-256 over the canonical questions, options and right answers."""
    plain = json.dumps(to_data(tuple(asked)), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(plain.encode()).hexdigest()


def shown(question: Question, user: str, attempt: int) -> tuple[int, ...]:
    """The places of the options in the order in which a user sees them: another one with each attempt (from 0)."""
    places = range(len(question.options))
    if attempt == 0:
        return tuple(places)
    drawn = f"{user}:{attempt}:{question.id}"
    return tuple(sorted(places, key=lambda place: hashlib.sha256(f"{drawn}:{place}".encode()).digest()))


def _ask(identifier: str, text: str, right: str, wrong: Sequence[str]) -> Question:
    options = sorted({right, *wrong}, key=lambda option: hashlib.sha256(f"{identifier}:{option}".encode()).digest())
    return Question(id=identifier, text=text, options=tuple(options), right=options.index(right))


def _of_modes(modes: Sequence[FailureMode], inputs: Mapping[str, InputField]) -> Iterator[_Asked]:
    for mode in modes:
        if not mode.handling:
            continue
        others = [m.handling for m in modes if m.handling and m.handling != mode.handling][:1]
        where = spoken_text(mode.when, inputs)
        text = f"The system is wrong more often than elsewhere when {where}. Such a case comes up. What do you do?"
        yield f"failure-mode:{mode.id}", text, mode.handling, (_ALWAYS, _NEVER, *others)


def _of_rules(system: System, inputs: Mapping[str, InputField]) -> Iterator[_Asked]:
    for i, rule in enumerate(system.do_not_trust):
        handling = rule.handling or "the fallback of the workflow"
        text = f"It is the case that {spoken_text(rule.when, inputs)}. May you act on the output?"
        yield f"do-not-trust:{i}", text, f"No: follow {handling}", ("Yes, as always", "Yes, if it looks plausible")


def _of_people(system: System) -> Iterator[_Asked]:
    names = {identifier: person.name for identifier, person in system.people.items()}
    point = system.duties.escalation_point
    if point is not None and point.who in names:
        others = sorted(name for identifier, name in names.items() if identifier not in {point.who, point.deputy})
        yield "escalation", "You do not believe an output. Whom do you call?", names[point.who], others[:3]
    for name, workflow in sorted(system.workflows.items()):
        if workflow.fallback is not None:
            text = f"The system has been taken offline. How does {name} go on?"
            right = f"By {workflow.fallback.procedure}"
            yield f"fallback:{name}", text, right, (_WAIT, "With the last outputs that it gave")
