"""Whether what came out while something was away is what came out for the same contents before and afterwards.

A pipeline that fills in a default for what it cannot ask hands over an answer like any other. It is told by contents
whose answer was the same each time before, went away from that, and came back to it. Where the source itself moved on,
answers do not come back, and nothing is judged; nor where the model answers the same contents now so, now otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.same_value import same
from seatrial.domains.flows.undisturbed import Undisturbed, contents
from seatrial.spec.integration import Flow

_NOISE, _NOISE_LEAST = 1e-3, 1e-6
"""The same answer computed in another batch, or handed over in single precision, differs by no more than this share."""
SHOWN = 3
"""So many keys of our own are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """Of `compared` records of a flow those that came out otherwise meanwhile. `shown` are some of our own keys."""

    flow: str
    compared: int
    shown: tuple[str, ...]
    other: int
    fields: tuple[str, ...]
    varied: bool
    """Whether the same contents are answered now so, now otherwise with nothing away, so that nothing was compared."""
    moved: int
    """So many records came out otherwise than before whose contents were not answered as before again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One record with an answer of the normal way, held against what its contents were always answered before.

    `due_s` and `seen_s` in seconds since the flows began. `contents` tells which records are alike beside their keys.
    """

    key: str
    contents: str
    due_s: float
    seen_s: float
    differing: tuple[str, ...]
    """The answers in which it came out otherwise; none where it came out as before."""


def held(before: Undisturbed, passage: Passage) -> list[Held]:
    """The records of this passage that can be held against how the flow answered before, in the order they were due.

    None where the same contents were answered now so, now otherwise before, or no contents was seen twice then.
    """
    flow, usual = before.flow, _usual(before)
    found: list[Held] = []
    for row, due_s, after_s in zip(passage.sent, passage.scheduled_s, passage.after_s, strict=True):
        what, key = contents(row, flow.key), str(row[flow.key])
        if (answer := _answer(flow, passage.copies.get(key, ()))) is None or what not in usual:
            continue
        differing = tuple(f for f in flow.answers if not _alike(answer.get(f), usual[what].get(f)))
        found.append(Held(key=key, contents=what, due_s=due_s, seen_s=due_s + after_s, differing=differing))
    return sorted(found, key=lambda each: each.due_s)


def came_back(records: Sequence[Held]) -> tuple[list[Held], list[Held]]:
    """Of records in the order they were due: those whose contents were answered as before then or later, and the rest.

    The latter went away from what they were before, and stayed away.
    """
    back: set[str] = set()
    judged, moved = list[Held](), list[Held]()
    for each in reversed(records):
        if not each.differing:
            back.add(each.contents)
        (judged if each.contents in back else moved).append(each)
    return judged[::-1], moved[::-1]


def undeclared_finding(flow: Flow) -> Finding:
    """A note on a flow whose answers nobody names, so that none can be compared; its code is `answers-undeclared`."""
    return Finding(
        code="answers-undeclared",
        summary=f"{flow.name} does not declare which fields of its exit are answers: whether they stay the same while "
        "something is disturbed was not compared.",
        weight=Weight.NOTE,
        fields=(f"flows.{flow.name}.answers",),
        remedy=f"Where {flow.name} hands over what the model answers, name the fields in flows.{flow.name}.answers.",
    )


def varies(before: Undisturbed) -> bool:
    """Whether the same contents were answered now so, now otherwise with nothing away."""
    return _varies(before.flow, _told(before))


def otherwise(before: Undisturbed, passage: Passage) -> Otherwise:
    """Records of this passage that came out otherwise than before and than later ones of the same contents."""
    judged, moved = came_back(held(before, passage))
    other = [each for each in judged if each.differing]
    return Otherwise(
        flow=before.flow.name,
        compared=len(judged),
        shown=tuple(each.key for each in other[-SHOWN:]),
        other=len(other),
        fields=tuple(dict.fromkeys(field for each in other for field in each.differing)),
        varied=varies(before),
        moved=len(moved),
    )


def _usual(before: Undisturbed) -> Mapping[str, Row]:
    """What each contents was answered; nothing where no contents was seen twice, or one was answered differently."""
    told = _told(before)
    twice = any(len(answers) > 1 for answers in told.values())
    return {what: answers[0] for what, answers in told.items()} if twice and not _varies(before.flow, told) else {}


def _told(before: Undisturbed) -> Mapping[str, Sequence[Row]]:
    """The answers that each contents got."""
    flow = before.flow
    told: dict[str, list[Row]] = {}
    for row in before.passage.sent:
        if (answer := _answer(flow, before.passage.copies.get(str(row[flow.key]), ()))) is not None:
            told.setdefault(contents(row, flow.key), []).append(answer)
    return told


def _varies(flow: Flow, told: Mapping[str, Sequence[Row]]) -> bool:
    return not all(
        _alike(each.get(field), answers[0].get(field))
        for answers in told.values()
        for each in answers
        for field in flow.answers
    )


def _answer(flow: Flow, copies: Sequence[Row]) -> Row | None:
    """What was answered the normal way; None for what did not arrive once, or came from the fallback."""
    return copies[0] if flow.answers and len(copies) == 1 and not fell_back(flow, copies) else None


def _alike(one: Json, other: Json) -> bool:
    if same(one, other):
        return True
    numbers = [each for each in (one, other) if isinstance(each, int | float) and not isinstance(each, bool)]
    return len(numbers) > 1 and math.isclose(*numbers, rel_tol=_NOISE, abs_tol=_NOISE_LEAST)
