"""Whether what came out while something was away is what came out for the same contents before and afterwards.

A pipeline that fills in a default for what it cannot ask hands over an answer like any other. It is told by contents
whose answer was the same each time before, went away from that, and came back to it. Where the source itself moved on,
answers do not come back, and nothing is judged; nor where the model answers the same contents now so, now otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.same_value import same
from seatrial.domains.flows.undisturbed import Undisturbed, contents
from seatrial.spec.integration import Flow

_NOISE, _NOISE_LEAST = 1e-3, 1e-6
"""The same answer computed in another batch, or handed over in single precision, differs by no more than this share."""
_SHOWN = 3


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


def otherwise(before: Undisturbed, passage: Passage) -> Otherwise:
    """Records of this passage that came out otherwise than before and than later ones of the same contents."""
    flow = before.flow
    usual = _usual(before)
    due = sorted(zip(passage.scheduled_s, passage.sent, strict=True), key=lambda pair: -pair[0])
    came_back: set[str] = set()
    compared, moved, other, fields = 0, 0, list[str](), dict[str, None]()
    for _, row in due:
        what, key = contents(row, flow.key), str(row[flow.key])
        if (answer := _answer(flow, passage.copies.get(key, ()))) is None or what not in usual:
            continue
        differing = [f for f in flow.answers if not _alike(answer.get(f), usual[what].get(f))]
        if not differing:
            came_back.add(what)
        if what in came_back:
            compared += 1
            fields |= dict.fromkeys(differing)
            other += [key] if differing else []
        else:
            moved += 1
    return Otherwise(
        flow=flow.name,
        compared=compared,
        shown=tuple(reversed(other[-_SHOWN:])),
        other=len(other),
        fields=tuple(fields),
        varied=_varies(flow, _told(before)),
        moved=moved,
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
