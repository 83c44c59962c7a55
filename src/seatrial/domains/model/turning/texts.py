"""The fewest words whose small changes turn the answer to a text.

As DeepWordBug (Gao et al. 2018) and TextBugger (Li et al. 2019) do it with decisions and scores alone: which words
count is learned by leaving each out; then the ones that count most are changed one after the other, each by the form
that brings the answer farthest, until it turns or the allowed share of words is used up.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.ports import Prediction, Row
from seatrial.domains.model.turning.aim import Aim
from seatrial.domains.model.turning.search import Ask
from seatrial.domains.model.turning.wording import forms_of, places_of, replaced, without

_MOST_WORDS = 100
Place = tuple[str, tuple[int, int]]
"""A field, and where the word stands in it."""


@dataclass(slots=True)
class Reworded:
    """One row under attack: which words were changed to what so far, and whether the answer turned."""

    row: Row
    answer: Prediction
    words: list[Place] = field(default_factory=list)
    order: list[Place] = field(default_factory=list)
    changes: dict[Place, str] = field(default_factory=dict)
    far: float = 0.0
    turned: Prediction | None = None
    asked: int = 0

    @property
    def share(self) -> float:
        """The share of the words that were changed."""
        return len(self.changes) / max(1, len(self.words))

    def changed(self, changes: Mapping[Place, str]) -> Row:
        """The row with these words."""
        fields = {name for name, _ in changes}
        return {
            **self.row,
            **{
                name: replaced(str(self.row[name]), {at: new for (of, at), new in changes.items() if of == name})
                for name in fields
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """At most this share of the words, at least one, and so many changed texts for each."""

    words: float
    queries: int

    def allowed(self, each: Reworded) -> int:
        """How many words of this row may be changed."""
        return max(1, int(self.words * len(each.words)))


def reword(
    rows: Sequence[tuple[Row, Prediction]],
    fields: Sequence[str],
    aim: Aim,
    ask: Ask,
    *,
    bounds: Bounds,
    synonyms: Mapping[str, Sequence[str]],
    seed: int,
) -> list[Reworded]:
    """Every row attacked in these fields."""
    drawn = random.Random(seed)  # noqa: S311 - which letter, not a secret
    found = [Reworded(row=row, answer=answer) for row, answer in rows]
    for each in found:
        each.words = [(name, place) for name in fields for place in places_of(str(each.row.get(name) or ""))]
    _ordered(found, aim, ask, bounds)
    for step in range(max((bounds.allowed(each) for each in found), default=0)):
        going = [e for e in found if e.turned is None and step < min(bounds.allowed(e), len(e.order))]
        if not going:
            break
        _one_word(going, step, aim, ask, bounds, synonyms, drawn)
    return found


def _ordered(found: Sequence[Reworded], aim: Aim, ask: Ask, bounds: Bounds) -> None:
    """The words of each row by how far leaving them out brings the answer, longer ones before shorter ones."""
    most = min(_MOST_WORDS, bounds.queries // 2)
    sent: list[tuple[Reworded, Place, Row]] = []
    for each in found:
        looked_at = sorted(each.words, key=lambda word: word[1][0] - word[1][1])[:most]
        for name, at in looked_at:
            sent.append((each, (name, at), {**each.row, name: without(str(each.row[name]), at)}))
    answers = ask([row for _, _, row in sent]) if sent else ()
    far: dict[int, list[tuple[float, Place]]] = {}
    for (each, place, _), answer in zip(sent, answers, strict=True):
        each.asked += 1
        came = 0.0 if answer is None else aim.progress(each.answer, answer)
        far.setdefault(id(each), []).append((came, place))
    for each in found:
        ranked = sorted(far.get(id(each), ()), key=lambda item: (-item[0], item[1][1][0] - item[1][1][1]))
        each.order = [place for _, place in ranked]


def _one_word(
    going: Sequence[Reworded],
    step: int,
    aim: Aim,
    ask: Ask,
    bounds: Bounds,
    synonyms: Mapping[str, Sequence[str]],
    drawn: random.Random,
) -> None:
    """One more word of each row, by the form that brings the answer farthest."""
    sent: list[tuple[Reworded, dict[Place, str], Row]] = []
    for each in going:
        name, (start, end) = each.order[step]
        forms = forms_of(str(each.row[name])[start:end], synonyms, drawn)
        for form in forms[: max(0, bounds.queries - each.asked)]:
            changes = {**each.changes, (name, (start, end)): form}
            sent.append((each, changes, each.changed(changes)))
    answers = ask([row for _, _, row in sent]) if sent else ()
    best: dict[int, tuple[float, dict[Place, str]]] = {}
    for (each, changes, _), answer in zip(sent, answers, strict=True):
        each.asked += 1
        if answer is None or each.turned is not None:
            continue
        came = aim.progress(each.answer, answer)
        if aim.turned(each.answer, answer):
            each.turned, each.changes = answer, changes
        elif id(each) not in best or came > best[id(each)][0]:
            best[id(each)] = (came, changes)
    for each in going:
        if each.turned is None and id(each) in best:
            each.far, each.changes = best[id(each)]
