"""Declared inputs that never move an answer: what stands in them is asked for, fed, kept fresh, and not read.

Each input is given the values that other rows have in it, row by row, and the answers are compared but for rounding.
One that moves an answer is known after a few rows; one that moves none is tried in all of them. Assumption: what an
input does shows for values that occur. Guarantee: Clopper-Pearson, one-sided, on the share of rows that it moves.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.model.stressing.asking import answer_of
from seatrial.domains.model.stressing.baseline import Baseline
from seatrial.stats import proportions
from seatrial.stats.contingency import fisher_more

CODES: Mapping[str, str] = {
    "input-never-read": "Exchanging what stands in an input never changed an answer.",
}
_TOGETHER, _ALONE = (32,), (8, 32, 128)
"""Rows after which it is looked whether the input is read, before all are asked."""
_MOST_TOGETHER, _MOST_ALONE, _MOST_OF_CHAT = 4000, 600, 200
"""Rows that are asked in all: many in a request, one in a request, and where each question is billed."""
_SHARE_OF_TIME = 0.1
_FEWEST = 30
_MOST_BY_ITSELF = 0.05
"""Where answers vary by themselves more often, nothing can be told."""
_ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """One input with the values of other rows: `moved` of `n` answers; `varied` of them when merely asked again."""

    field: str
    n: int
    moved: int
    varied: int
    finished: bool

    @property
    def read(self) -> bool:
        """Whether it moves answers, more often than asking again does."""
        if not self.varied:
            return self.moved > 0
        return float(fisher_more(self.moved, self.n, self.moved + self.varied, 2 * self.n)) < _ALPHA

    @property
    def told(self) -> bool:
        """Whether enough was asked to say that it is not read."""
        return self.finished and not self.read and self.n >= _FEWEST and self.varied <= _MOST_BY_ITSELF * self.n


def exchanged(base: Baseline, at: Sequence[int], *, seed: int) -> list[Exchanged]:
    """Every input that has several values in these rows, while there is room for more questions."""
    known = base.answers(at)
    again = base.again([i for i in at if i in known])
    drawn = random.Random(seed)  # noqa: S311 - which values, not a secret
    begun_s, room = base.asker.left_s, _room(base)
    found = []
    for name in base.inputs:
        if name in base.system.stress.immutable or base.asker.over:
            continue
        variants = dict(_variants(base, sorted(known), name, drawn))
        n = moved = varied = done = 0
        for step in (*(_TOGETHER if base.asker.batch > 1 else _ALONE), len(variants)):
            part = dict(list(variants.items())[done:step])
            late = begun_s - base.asker.left_s > _SHARE_OF_TIME * begun_s
            if not part or late or room < len(part):
                break
            room -= len(part)
            done += len(part)
            for i, answer in _asked(base, part).items():
                n += 1
                moved += _differ(base, known[i], answer)
                before = again.get(i)
                varied += before is None or _differ(base, known[i], before)
            if Exchanged(field=name, n=n, moved=moved, varied=varied, finished=True).read:
                break
        finished = done == len(variants) or n >= _FEWEST
        found.append(Exchanged(field=name, n=n, moved=moved, varied=varied, finished=finished))
    return found


def findings(base: Baseline, found: Sequence[Exchanged]) -> Iterator[Finding]:
    """One note on all inputs that never moved an answer, and on what is demanded of them nonetheless."""
    unread = [each for each in found if each.told]
    if not unread:
        return
    names = [each.field for each in unread]
    fewest = min(each.n for each in unread)
    bound = max(proportions.upper(each.moved, each.n, 1.0 - base.system.policy.confidence) for each in unread)
    noisy = any(each.moved for each in unread)
    what = "changed answers no more often than asking again did" if noisy else "never changed an answer"
    yield Finding(
        code="input-never-read",
        summary=f"{', '.join(names)} {what} in {fewest} rows tried with the values of other rows: at most "
        f"{percent(bound)} of rows by bound.",
        weight=Weight.NOTE,
        fields=tuple(names),
        why=" ".join(_demanded(base, names)) or "What is not read needs no feed, and whoever looks at it is misled.",
        remedy="Find out whether it should be read: if so, look for where it gets lost before the model; if not, "
        "take it out of model.inputs.",
        detail={each.field: {"rows": each.n, "moved": each.moved, "by itself": each.varied} for each in unread},
    )


def facts(found: Sequence[Exchanged]) -> Json:
    """Rows tried and answers moved, by input."""
    return {each.field: {"rows": each.n, "moved": each.moved} for each in found}


def _demanded(base: Baseline, names: Sequence[str]) -> Iterator[str]:
    """What the sources of these inputs are held to although nothing depends on them."""
    system = base.system
    for source in dict.fromkeys(each.source for each in system.data.freshness):
        section = system.integrations.get(source)
        fed = {name for name, each in base.inputs.items() if each.fed_by == source}
        fed |= set(section.feeds) & set(base.inputs) if section is not None else set()
        if idle := [name for name in names if name in fed]:
            told = "Nothing" if fed <= set(names) else f"Not {', '.join(idle)}"
            yield f"{told} that comes from {source} moves an answer: what its age or format costs cannot show there."


def _room(base: Baseline) -> int:
    if base.system.model.chat is not None:
        return _MOST_OF_CHAT
    return _MOST_TOGETHER if base.asker.batch > 1 else _MOST_ALONE


def _variants(base: Baseline, at: Sequence[int], name: str, drawn: random.Random) -> Iterator[tuple[int, Row]]:
    """Each row with another value of the input, as some other row has it; nothing where all have the same."""
    values = list({json.dumps(row.get(name), default=str): row.get(name) for row in base.rows}.values())
    if len(values) < 2 or name not in base.rows[0]:
        return
    for i in at:
        others = [value for value in drawn.sample(values, min(3, len(values))) if value != base.rows[i].get(name)]
        if others:
            yield i, {**base.rows[i], name: others[0]}


def _asked(base: Baseline, variants: Mapping[int, Row]) -> dict[int, Prediction]:
    """The answers to variants, in the company in which their rows were asked; without those that are refused."""
    if base.asker.batch > 1:
        replies = base.in_place(variants)
    else:
        replies = dict(zip(variants, base.asker.together(list(variants.values())), strict=True))
    answers = {i: answer_of(reply) for i, reply in replies.items()}
    return {i: answer for i, answer in answers.items() if answer is not None}


def _differ(base: Baseline, before: Prediction, after: Prediction) -> bool:
    if base.system.model.task == "chat":
        return before.prediction != after.prediction
    return base.exactly().moved(before, after)
