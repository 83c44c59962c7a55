"""Whether what came out while something was away is what came out for the same contents before and afterwards.

A pipeline that fills in a default for what it cannot ask hands over an answer like any other. It is told by contents
whose answer was the same each time before, went away from that, and came back to it. Where the source itself moved on,
answers do not come back, and nobody can tell it from a default that stays; nor is anything judged where the model
answers the same contents now so, now otherwise.

Where nobody declares which fields are answers, those are taken for it that are the same each time for the same
contents and differ between contents while nothing is away. When one of them changes, that is open and no gap: it may
be something else that moves.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

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
_REPEATED = 3
"""Of so many contents at least an answer that nobody declares must have been seen twice: chance repeats itself less."""
SHOWN = 3
"""So many keys of our own are named."""
CODES = {
    "came-out-otherwise": "While something was disturbed fields came out otherwise that look like answers and that no "
    "flow declares as such.",
    "answers-undeclared": "A flow does not declare which of its fields are answers; what looks like some was compared.",
}


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
    declared: bool = True
    """Whether the flow names its answers, so that these fields are more than what looks like some."""


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


def answers_of(before: Undisturbed) -> tuple[str, ...]:
    """The fields of the exit that are answers: the declared ones, else those that look like some."""
    flow = before.flow
    if flow.answers:
        return tuple(flow.answers)
    told = _told(before)
    repeated = [answers for answers in told.values() if len(answers) > 1]
    if len(repeated) < _REPEATED:
        return ()
    names = dict.fromkeys(name for answers in told.values() for each in answers for name in each)
    passed = {flow.key, *flow.expect, *flow.fallback}
    return tuple(
        name
        for name in names
        if name not in passed and not _varies((name,), told) and _differs(name, [a[0] for a in told.values()])
    )


def _differs(name: str, answers: Sequence[Row]) -> bool:
    """Whether different contents are answered differently in this field."""
    return any(not _alike(each.get(name), answers[0].get(name)) for each in answers)


def held(before: Undisturbed, passage: Passage, fields: Collection[str]) -> list[Held]:
    """The records of this passage that can be held against how the flow answered before, in the order they were due.

    None where the same contents were answered now so, now otherwise in `fields` before, or none was seen twice then.
    """
    flow, usual = before.flow, _usual(before, fields)
    found: list[Held] = []
    for row, due_s, after_s in zip(passage.sent, passage.scheduled_s, passage.after_s, strict=True):
        what, key = contents(row, flow.key), str(row[flow.key])
        if (answer := _answer(flow, passage.copies.get(key, ()))) is None or what not in usual:
            continue
        differing = tuple(f for f in fields if not _alike(answer.get(f), usual[what].get(f)))
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


def undeclared_finding(flow: Flow, alike: Collection[str] = ()) -> Finding:
    """A note on a flow whose answers nobody names; `alike` are the fields that were compared in their place."""
    compared = (
        f"{', '.join(alike)} looked like answers and were compared"
        if alike
        else "none looked like answers, so that nothing was compared"
    )
    return Finding(
        code="answers-undeclared",
        summary=f"{flow.name} does not declare which fields of its exit are answers: {compared} while something was "
        "disturbed.",
        weight=Weight.NOTE,
        fields=(f"flows.{flow.name}.answers",),
        remedy=f"Where {flow.name} hands over what the model answers, name the fields in flows.{flow.name}.answers.",
    )


def otherwise_undeclared(
    flow: Flow, *, when: str, other: int, fields: Sequence[str], shown: Sequence[str], places: Sequence[str]
) -> Finding:
    """That `other` records came out otherwise in fields that look like answers; `when` is the start of a sentence."""
    return Finding(
        code="came-out-otherwise",
        summary=f"{when}, {other} records of {flow.name} came out with another {', '.join(fields)} than the same "
        f"contents always did before, such as {', '.join(shown)}, and without the mark of a declared fallback. Nobody "
        "declares whether these are answers.",
        weight=Weight.OPEN,
        fields=(f"flows.{flow.name}.answers", *places),
        why="Nobody can tell an answer for which something was made up from one that is meant.",
        remedy=f"Name in flows.{flow.name}.answers the fields that hold what the model answers. Where the pipeline "
        f"answered by a fallback, declare in flows.{flow.name}.fallback what tells it at the exit.",
    )


def varies(before: Undisturbed) -> bool:
    """Whether the same contents were answered now so, now otherwise with nothing away, in what is declared."""
    return _varies(tuple(before.flow.answers), _told(before))


def otherwise(before: Undisturbed, passages: Sequence[tuple[float, Passage]]) -> Otherwise:
    """Records of these passages that came out otherwise than before and than later ones of the same contents.

    Each passage with the time at which it began, in seconds on one clock.
    """
    fields = answers_of(before)
    records = sorted(
        (
            replace(each, due_s=began_s + each.due_s, seen_s=began_s + each.seen_s)
            for began_s, passage in passages
            for each in held(before, passage, fields)
        ),
        key=lambda each: each.due_s,
    )
    judged, moved = came_back(records)
    other = [each for each in judged if each.differing]
    shown = other or [each for each in moved if each.differing]
    return Otherwise(
        flow=before.flow.name,
        compared=len(judged),
        shown=tuple(each.key for each in shown[-SHOWN:]),
        other=len(other),
        fields=tuple(dict.fromkeys(field for each in shown for field in each.differing)),
        varied=varies(before),
        moved=len(moved),
        declared=bool(before.flow.answers),
    )


def _usual(before: Undisturbed, fields: Collection[str]) -> Mapping[str, Row]:
    """What each contents was answered; nothing where no contents was seen twice, or one was answered differently."""
    told = _told(before)
    twice = any(len(answers) > 1 for answers in told.values())
    kept = fields and twice and not _varies(fields, told)
    return {what: answers[0] for what, answers in told.items()} if kept else {}


def _told(before: Undisturbed) -> Mapping[str, Sequence[Row]]:
    """What came out the normal way of each contents."""
    told = defaultdict[str, list[Row]](list)
    for row in before.passage.sent:
        if (answer := _answer(before.flow, before.passage.copies.get(str(row[before.flow.key]), ()))) is not None:
            told[contents(row, before.flow.key)].append(answer)
    return told


def _varies(fields: Collection[str], told: Mapping[str, Sequence[Row]]) -> bool:
    return not all(
        _alike(each.get(field), answers[0].get(field))
        for answers in told.values()
        for each in answers
        for field in fields
    )


def _answer(flow: Flow, copies: Sequence[Row]) -> Row | None:
    """What was answered the normal way; None for what did not arrive once, or came from the fallback."""
    return copies[0] if len(copies) == 1 and not fell_back(flow, copies) else None


def _alike(one: Json, other: Json) -> bool:
    if same(one, other):
        return True
    numbers = [each for each in (one, other) if isinstance(each, int | float) and not isinstance(each, bool)]
    return len(numbers) > 1 and math.isclose(*numbers, rel_tol=_NOISE, abs_tol=_NOISE_LEAST)
