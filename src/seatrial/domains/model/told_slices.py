"""What the check tells of confirmed slices: in words, with the entry that answers each, live traffic, and examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seatrial.core.observation import Figure, Finding, Json
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.condition_words import spoken
from seatrial.domains.model import register
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.grid import Grid
from seatrial.domains.model.loss import Loss
from seatrial.domains.model.register import Entry
from seatrial.domains.model.slices import Slice, unexplained
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.domains.scored.rows import Mask, Rows
from seatrial.spec.failure_modes import FailureMode, draft_entry
from seatrial.spec.model import InputField
from seatrial.spec.system import System

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
    loss: Loss,
    weak: Sequence[Slice],
    entries: Sequence[Entry],
    live: RowConditions | None,
    *,
    told_before: Mask,
) -> list[Told]:
    """What to tell: the slices that no entry answers, then the others.

    The first are reckoned over the rows that are in no answered slice, and that no entry covers which is about them.
    Neither are the rows of `told_before`, of which something was told in another way.
    """
    alpha = 1.0 - system.policy.confidence
    rise, part = system.policy.smallest_harm, system.policy.smallest_rise
    answers = {each.members: register.answering(entries, each.rows, loss, rise=rise, part=part) for each in weak}
    settled = told_before.copy()
    for each in weak:
        if answers[each.members] is not None:
            settled |= each.rows
    unanswered = unexplained(
        grid,
        loss,
        [each for each in weak if answers[each.members] is None],
        known=lambda each: settled | register.covered(entries, each.rows, loss, rise=rise, part=part),
        alpha=alpha,
    )
    told = {each.members for each in unanswered}
    main = unexplained(grid, loss, weak, known=lambda _: told_before, alpha=alpha)
    return [
        *(
            replace(_told(system, loss, each, None, live), wide=register.too_wide(entries, each.rows))
            for each in unanswered
        ),
        *(
            _told(system, loss, each, answers[each.members] or _closest(entries, each), live)
            for each in main
            if each.members not in told
        ),
    ]


def _closest(entries: Sequence[Entry], weak: Slice) -> Entry | None:
    """The entry that covers most of the slice: several entries together leave nothing of it that is weak."""
    best = max(entries, key=lambda e: int((e.rows & weak.rows).sum()), default=None)
    return best if best is not None and bool((best.rows & weak.rows).any()) else None


def _told(system: System, loss: Loss, weak: Slice, answer: Entry | None, live: RowConditions | None) -> Told:
    matters = loss.harmful(weak.rest, rise=system.policy.smallest_harm, part=system.policy.smallest_rise)
    return Told(
        weak=weak,
        answer=answer,
        material=weak.error + _CANNOT_EXCLUDE_Z * weak.deviation >= matters,
        live_share=None if live is None else float(live.holds(weak.condition).mean()),
    )


def finding(found: Told, loss: Loss, meaning: str, kind: str, inputs: Mapping[str, InputField]) -> Finding:
    """The slice in a sentence; `meaning` says what an error is, or what its mean is called, `kind` which they are."""
    weak = found.weak
    live = _live(found.live_share)
    here, elsewhere = loss.worded(weak.error), loss.worded(weak.rest)
    said = f"{here} of the answers are {meaning}" if loss.share else f"the {meaning} is {here}"
    words = spoken(weak.condition, inputs)
    what = f"When {words}, {said}, against {elsewhere} elsewhere{live}.{kind}"
    why = ""
    if found.answer is not None:
        code, weight, remedy = "answered-failure-mode", Weight.NOTE, f"Answered by {found.answer.mode.id}."
        why = _what_then(found.answer.mode)
    elif found.material:
        code, weight, why = "unanswered-failure-mode", Weight.GAP, _WHY
        remedy = f"{_wide(found)}Complete this entry and add it to the register:\n{draft_entry(weak.condition.text)}"
    else:
        code, weight, remedy = "small-failure-mode", Weight.NOTE, "Worth an entry in the register."
    return Finding(
        code=code,
        weight=weight,
        summary=what,
        fields=weak.condition.fields,
        remedy=remedy,
        why=why,
        detail={
            "when": weak.condition.text,
            "words": words,
            "said": f"{here} against {elsewhere}",
            "error": weak.error,
            "rest": weak.rest,
            "lower": weak.lower,
            "rows": weak.n,
            "p": weak.p,
            "live_share": found.live_share,
            "entry": None if found.answer is None else found.answer.mode.id,
            **({} if loss.share else {"unit": loss.unit, "squared": loss.squared}),
        },
    )


def _live(share: float | None) -> str:
    if share is None:
        return ""
    return f"; {percent(share)} of live traffic is like this" if share else "; nothing in the live sample is like this"


def _what_then(mode: FailureMode) -> str:
    """What happens in the operation, what people then do, and who answers for it, as the register says."""
    parts = (
        ("What it costs", mode.consequence),
        ("What is done then", mode.handling),
        ("Who answers for it", mode.owner),
    )
    return " ".join(f"{what}: {' '.join(said.split()).rstrip('.')}." for what, said in parts if said)


def _wide(found: Told) -> str:
    if found.wide is None:
        return ""
    times = float(found.wide.rows.sum()) / float(found.weak.rows.sum())
    return (
        f"{found.wide.mode.id} holds here too, and for {times:.2g} times as many rows, where it is wrong less often: "
        "it says nothing of this. "
    )


def figures(judged: Sequence[Told], loss: Loss, meaning: str, inputs: Mapping[str, InputField]) -> Iterator[Figure]:
    """The slices beside each other; nothing where there is none."""
    if not judged:
        return
    rows: tuple[dict[str, Json], ...] = tuple(
        {
            "label": spoken(f.weak.condition, inputs),
            "error": loss.shown(f.weak.error),
            "rest": loss.shown(f.weak.rest),
            "share": _share(loss, f.weak) if f.live_share is None else f.live_share,
            "n": f.weak.n,
            "lower": loss.shown(f.weak.lower),
            "answered": f.answer is not None,
        }
        for f in judged[:_MOST_SHOWN]
    )
    if loss.share:
        yield Figure(kind="slices", title="Where the model is wrong more often", rows=rows)
        return
    unit = f" in {loss.unit}" if loss.unit else ""
    yield Figure(
        kind="slices", title="Where the model is farther off", rows=rows, options={"measured": f"{meaning}{unit}"}
    )


def _share(loss: Loss, weak: Slice) -> float:
    return loss.weight(weak.rows) / loss.weight(np.ones_like(weak.rows))


def kind_of_error(found: Outcomes, weak: Slice, loss: Loss, off: Loss | None) -> str:
    """Whether it is misses or false alarms that are more frequent there, or how far a number is off on average.

    `off` is how far numbers are off, where they are numbers. Empty where that cannot be told.
    """
    if off is not None:
        return _off_by(weak, off)
    if found.task != "binary" or found.positive < 0:
        return ""
    positive = found.truth == found.positive
    sides = [
        ("it misses", "of the cases that it is there to find", positive),
        ("it raises a false alarm in", "of the other cases", ~positive),
    ]
    told = []
    for verb, of, side in sides:
        inside, outside = side & weak.rows, side & ~weak.rows
        if int(inside.sum()) >= _FEWEST_OF_KIND and loss.weight(inside) > 0.0 and loss.weight(outside) > 0.0:
            there, elsewhere = loss.mean(inside), loss.mean(outside)
            told.append((there - elsewhere, f" There {verb} {percent(there)} {of}, against {percent(elsewhere)}."))
    worst = max(told, default=(0.0, ""))
    return worst[1] if worst[0] > 0.0 else ""


def _off_by(weak: Slice, off: Loss) -> str:
    """The mean errors by a t test: a slice may be far off more often and no farther off on average."""
    if not (off.weight(weak.rows) > 0.0 and off.weight(~weak.rows) > 0.0):
        return ""
    there, elsewhere = off.mean(weak.rows), off.mean(~weak.rows)
    means = f"by {off.worded(there)} on average, against {off.worded(elsewhere)}"
    certain = off.more(weak.rows) <= _ALPHA
    return f" There it is off {means}." if certain else f" It is off {means}, which is not certainly more."


def examples(
    grid: Grid,
    rows: Rows,
    found: Outcomes,
    told: Sequence[tuple[Told, Mask]],
    columns: Sequence[str],
    inputs: Mapping[str, InputField],
) -> bytes:
    """A few bad rows of each slice, as JSON, for people to look at. They are kept beside the ledger, never in it.

    Which rows are bad is said with each slice; which of them are shown follows from their hashes, so that nobody
    chooses them.
    """
    shown = [name for name in columns if name in rows.columns]
    content = []
    for each, bad in told[:_MOST_SHOWN]:
        order = grid.confirm.rows
        chosen = order[(bad & each.weak.rows)[order]][:_EXAMPLES]
        taken = rows.columns.take(found.rows[chosen])
        content.append(
            {
                "when": each.weak.condition.text,
                "words": spoken(each.weak.condition, inputs),
                "rows": [{name: row[name] for name in shown} for row in taken],
            }
        )
    return json.dumps({"slices": content}, default=str, ensure_ascii=False, sort_keys=True).encode()
