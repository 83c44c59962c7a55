"""What the check tells of confirmed slices: in words, with the entry that answers each, live traffic, and examples."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.observation import Figure, Finding, Json
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.model import register
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.condition_words import spoken
from seatrial.domains.model.grid import Grid
from seatrial.domains.model.register import Entry
from seatrial.domains.model.slices import Slice, unexplained
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Mask, Rows
from seatrial.spec.failure_modes import draft_entry
from seatrial.spec.system import System
from seatrial.stats import difference

_MOST_SHOWN = 12
_CANNOT_EXCLUDE_Z = 0.8416
_EXAMPLES = 5
_FEWEST_OF_KIND = 20
_ALPHA = 0.05
_WHY = "When the system is wrong there, nobody knows what it costs or what to do."


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A confirmed slice with what the register and live traffic say about it.

    `wide` is an entry that holds there and is mainly about other rows, where none answers.
    """

    weak: Slice
    answer: Entry | None
    material: bool
    live_share: float | None
    wide: Entry | None = None


def judged(
    system: System,
    grid: Grid,
    wrong: Mask,
    weak: Sequence[Slice],
    entries: Sequence[Entry],
    live: RowConditions | None,
) -> list[Told]:
    """What to tell: the slices that no entry answers, then the others.

    The first are reckoned over the rows that are in no answered slice, and that no entry covers which is about them.
    """
    alpha = 1.0 - system.policy.confidence
    harm = system.policy.smallest_harm
    answers = {each.members: register.answering(entries, each.rows, wrong, harm=harm) for each in weak}
    settled = np.zeros(wrong.size, dtype=bool)
    for each in weak:
        if answers[each.members] is not None:
            settled |= each.rows
    unanswered = unexplained(
        grid,
        wrong,
        [each for each in weak if answers[each.members] is None],
        known=lambda each: settled | register.covered(entries, each.rows, wrong, harm=harm),
        alpha=alpha,
    )
    told = {each.members for each in unanswered}
    main = unexplained(grid, wrong, weak, known=lambda each: np.zeros_like(each.rows), alpha=alpha)
    return [
        *(replace(_told(system, each, None, live), wide=register.too_wide(entries, each.rows)) for each in unanswered),
        *(
            _told(system, each, answers[each.members] or _closest(entries, each), live)
            for each in main
            if each.members not in told
        ),
    ]


def _closest(entries: Sequence[Entry], weak: Slice) -> Entry | None:
    """The entry that covers most of the slice: several entries together leave nothing of it that is weak."""
    best = max(entries, key=lambda e: int((e.rows & weak.rows).sum()), default=None)
    return best if best is not None and bool((best.rows & weak.rows).any()) else None


def _told(system: System, weak: Slice, answer: Entry | None, live: RowConditions | None) -> Told:
    deviation = math.sqrt(weak.error * (1.0 - weak.error) / weak.n)
    return Told(
        weak=weak,
        answer=answer,
        material=weak.harm + _CANNOT_EXCLUDE_Z * deviation >= system.policy.smallest_harm,
        live_share=None if live is None else float(live.holds(weak.condition).mean()),
    )


def finding(found: Told, meaning: str, kind: str) -> Finding:
    """The slice in a sentence; `meaning` says what an error is, `kind` which errors they are."""
    weak = found.weak
    live = "" if found.live_share is None else f"; {percent(found.live_share)} of live traffic is like this"
    what = (
        f"When {spoken(weak.condition)}, {percent(weak.error)} of the answers are {meaning}, against "
        f"{percent(weak.rest)} elsewhere{live}.{kind}"
    )
    if found.answer is not None:
        code, weight, remedy = "answered-failure-mode", Weight.NOTE, f"Answered by {found.answer.mode.id}."
    elif found.material:
        code, weight = "unanswered-failure-mode", Weight.GAP
        remedy = f"{_wide(found)}Complete this entry and add it to the register:\n{draft_entry(weak.condition.text)}"
    else:
        code, weight, remedy = "small-failure-mode", Weight.NOTE, "Worth an entry in the register."
    return Finding(
        code=code,
        weight=weight,
        summary=what,
        fields=weak.condition.fields,
        remedy=remedy,
        why=_WHY if weight is Weight.GAP else "",
        detail={
            "when": weak.condition.text,
            "error": weak.error,
            "rest": weak.rest,
            "lower": weak.lower,
            "rows": weak.n,
            "p": weak.p,
            "live_share": found.live_share,
            "entry": None if found.answer is None else found.answer.mode.id,
        },
    )


def _wide(found: Told) -> str:
    if found.wide is None:
        return ""
    times = float(found.wide.rows.sum()) / float(found.weak.rows.sum())
    return (
        f"{found.wide.mode.id} holds here too, and for {times:.2g} times as many rows, where it is wrong less often: "
        "it says nothing of this. "
    )


def figures(judged: Sequence[Told]) -> Iterator[Figure]:
    """The slices beside each other; nothing where there is none."""
    if not judged:
        return
    rows: tuple[dict[str, Json], ...] = tuple(
        {
            "label": f.weak.condition.text,
            "error": f.weak.error,
            "rest": f.weak.rest,
            "share": float(f.weak.rows.mean()) if f.live_share is None else f.live_share,
            "n": f.weak.n,
            "lower": f.weak.lower,
            "answered": f.answer is not None,
        }
        for f in judged[:_MOST_SHOWN]
    )
    yield Figure(kind="slices", title="Where the model is wrong more often", rows=rows)


def kind_of_error(found: Outcomes, weak: Slice) -> str:
    """Whether it is misses or false alarms that are more frequent there, or how far a number is off on average.

    Empty where that cannot be told.
    """
    if found.task == "regression":
        return _off_by(found, weak)
    if found.task != "binary" or found.positive < 0:
        return ""
    positive, wrong = found.truth == found.positive, found.wrong
    sides = [
        ("it misses", "of the cases that it is there to find", positive),
        ("it raises a false alarm in", "of the other cases", ~positive),
    ]
    told = []
    for verb, of, side in sides:
        inside, outside = side & weak.rows, side & ~weak.rows
        if int(inside.sum()) >= _FEWEST_OF_KIND and outside.any():
            there, elsewhere = float(wrong[inside].mean()), float(wrong[outside].mean())
            told.append((there - elsewhere, f" There {verb} {percent(there)} {of}, against {percent(elsewhere)}."))
    worst = max(told, default=(0.0, ""))
    return worst[1] if worst[0] > 0.0 else ""


def _off_by(found: Outcomes, weak: Slice) -> str:
    """The mean errors by Welch's test: a slice may be far off more often and no farther off on average."""
    error = np.abs(found.predicted - found.truth)
    inside = difference.moments(error[weak.rows & found.answered])
    others = difference.moments(error[~weak.rows & found.answered])
    if not inside.n or not others.n:
        return ""
    means = f"by {inside.mean:.3g} on average, against {others.mean:.3g}"
    certain = difference.welch_more(inside, others) <= _ALPHA
    return f" There it is off {means}." if certain else f" It is off {means}, which is not certainly more."


def examples(
    grid: Grid, rows: Rows, found: Outcomes, wrong: Mask, told: Sequence[Told], columns: Sequence[str]
) -> bytes:
    """A few wrong rows of each slice, as JSON, for people to look at. They are kept beside the ledger, never in it.

    Which ones follows from the rows' hashes, so that nobody chooses them.
    """
    shown = [name for name in columns if name in rows.columns]
    content = []
    for each in told[:_MOST_SHOWN]:
        order = grid.confirm.rows
        chosen = order[(wrong & each.weak.rows)[order]][:_EXAMPLES]
        taken = rows.columns.take(found.rows[chosen])
        content.append(
            {
                "when": each.weak.condition.text,
                "words": spoken(each.weak.condition),
                "rows": [{name: row[name] for name in shown} for row in taken],
            }
        )
    return json.dumps({"slices": content}, default=str, ensure_ascii=False, sort_keys=True).encode()
