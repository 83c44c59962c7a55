"""Whether an answer depends on how a row is asked: when, in which order, among which others, in which spelling of JSON.

None of it is declared, all of it must hold: the same row has one answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.ports import Prediction, Reply, ReplyKind, Row
from seatrial.domains.model.stressing.asking import answer_of
from seatrial.domains.model.stressing.baseline import Baseline
from seatrial.domains.model.stressing.rates import Tried, groups_of

AGAIN = "asked again"
ALONE = "asked alone"
_OTHERS = ("row order", "duplicate rows", ALONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One other way to ask the same rows. `broke` is by base row; a row that cannot be asked so is left out."""

    name: str
    told: str
    broke: Mapping[int, bool | None]
    example: tuple[int, Prediction] | None = None
    """The base row and what was answered this time."""

    @property
    def broken(self) -> int:
        """Rows with another answer."""
        return sum(b is True for b in self.broke.values())


def ways(base: Baseline, at: Sequence[int], *, seed: int) -> list[Way]:
    """Every way that fits the task; for chat the same questions again, and in another order where a request holds many.

    What is more would cost a chat too much: an answer takes its time there.
    """
    known = base.answers(at)
    rows = [i for i in at if i in known]
    found = [_compared(base, AGAIN, "is asked again in the same request", base.again(rows))]
    drawn = random.Random(seed)  # noqa: S311 - which rows, not a secret
    if base.system.model.task == "chat":
        return [*found, _ordered(base, rows, drawn)] if base.asker.batch > 1 else found
    if base.asker.batch > 1:
        found += [_ordered(base, rows, drawn), _doubled(base, rows), _alone(base, rows)]
    found += [_columns(base, rows), _whole_numbers(base, rows)]
    extra = _beside(base, rows)
    return [*found, extra] if extra is not None else found


def tried(base: Baseline, found: Sequence[Way]) -> Tried:
    """A row broke where any way gave another answer; only rows that were asked in the ways that all rows can have."""
    demanded = [way for way in found if way.name in (AGAIN, ALONE)]
    rows = sorted(set.intersection(*(set(way.broke) for way in demanded)))
    broke = tuple(_any([way.broke[i] for way in found if i in way.broke]) for i in rows)
    entity = entity_groups(base, rows)
    return Tried(broke=broke, groups=entity, rows=tuple(rows))


def depends_on_the_request(found: Sequence[Way]) -> bool:
    """Whether other rows in a request move answers, more often than asking again does."""
    again = found[0].broken
    return any(way.broken > 2 * again for way in found if way.name in _OTHERS)


def entity_groups(base: Baseline, rows: Sequence[int]) -> tuple[int, ...]:
    """The declared entities of these rows as numbers; empty where none repeats."""
    source = base.system.data.evaluation
    if source is None or source.entity is None:
        return ()
    name = source.entity
    groups = groups_of([base.rest[i].get(name, base.rows[i].get(name)) for i in rows])
    return groups if len(groups) > _CLUSTERED * len(set(groups)) else ()


_CLUSTERED = 1.2


def _any(broke: Sequence[bool | None]) -> bool | None:
    return True if True in broke else (None if None in broke else False)


def _compared(base: Baseline, name: str, told: str, answers: Mapping[int, Prediction | None]) -> Way:
    exactly, known = base.exactly(), base.known
    broke = {i: None if now is None else exactly.moved(known[i], now) for i, now in answers.items()}
    example = next(((i, now) for i, now in answers.items() if now is not None and broke[i]), None)
    return Way(name=name, told=told, broke=broke, example=example)


def _asked(
    base: Baseline,
    rows: Sequence[int],
    made: Callable[[Row], Row | None],
    *,
    may_be_refused: bool = False,
) -> dict[int, Prediction | None]:
    """The answers to variants of the rows; a refusal of one that may be refused leaves the row out."""
    replies = base.in_place({i: variant for i in rows if (variant := made(base.rows[i])) is not None})
    return {
        i: answer_of(reply)
        for i, reply in replies.items()
        if reply is not None and not (may_be_refused and _refused(reply))
    }


def _refused(reply: Reply) -> bool:
    return reply.kind is ReplyKind.REFUSED


def _ordered(base: Baseline, rows: Sequence[int], drawn: random.Random) -> Way:
    wanted = set(rows)
    replies = base.reordered(drawn).items()
    answers = {i: answer_of(reply) for i, reply in replies if i in wanted and reply is not None}
    return _compared(base, "row order", "stands in another place of the same request", answers)


def _doubled(base: Baseline, rows: Sequence[int]) -> Way:
    """Each row twice in a request: both must get its answer; the second is compared where the first is right."""
    answers: dict[int, Prediction | None] = {}
    exactly, known = base.exactly(), base.known
    for part in _parts(rows, max(1, base.asker.batch // 2)):
        replies = base.asker.whole([base.rows[i] for i in part for _ in range(2)])
        for place, i in enumerate(part):
            first, second = replies[2 * place], replies[2 * place + 1]
            if first is None or second is None or _refused(first):
                continue
            one, two = answer_of(first), answer_of(second)
            answers[i] = two if one is not None and not exactly.moved(known[i], one) else one
    return _compared(base, "duplicate rows", "stands twice in one request", answers)


def _alone(base: Baseline, rows: Sequence[int]) -> Way:
    """As many as half of the time that is left allows."""
    answers: dict[int, Prediction | None] = {}
    ends = base.asker.left_s / 2
    for i in rows:
        if base.asker.left_s < ends:
            break
        reply = base.asker.alone(base.rows[i])
        if reply is not None:
            answers[i] = answer_of(reply)
    return _compared(base, ALONE, "is asked alone instead of among others", answers)


def _columns(base: Baseline, rows: Sequence[int]) -> Way:
    made = _asked(base, rows, lambda row: dict(reversed(list(row.items()))) if len(row) > 1 else None)
    return _compared(base, "field order", "has its fields in another order", made)


def _whole_numbers(base: Baseline, rows: Sequence[int]) -> Way:
    numbers = [n for n, f in base.inputs.items() if f.type == "number"]

    def respelled(row: Row) -> Row | None:
        new = {n: _other_spelling(row[n]) for n in numbers if n in row}
        return (
            {**row, **{n: v for n, v in new.items() if v is not None}}
            if any(v is not None for v in new.values())
            else None
        )

    made = _asked(base, rows, respelled, may_be_refused=True)
    return _compared(base, "whole numbers", "has 5 for 5.0, or the other way round", made)


def _other_spelling(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return float(value)
    return int(value) if value.is_integer() else None


def _beside(base: Baseline, rows: Sequence[int]) -> Way | None:
    """Fields that the data have and the model does not take, with the value of another row."""
    names = [n for n in _irrelevant(base) if any(n in base.rest[i] for i in rows)]
    if not names:
        return None
    values = {n: [base.rest[i].get(n) for i in rows] for n in names}
    others = iter([{n: values[n][(at + 1) % len(rows)] for n in names} for at in range(len(rows))])
    made = _asked(base, rows, lambda row: {**row, **next(others)}, may_be_refused=True)
    told = f"comes with the {', '.join(names)} of another row" if len(names) < 3 else "comes with ids of another row"
    return _compared(base, "irrelevant fields", told, made)


def _irrelevant(base: Baseline) -> Iterator[str]:
    source = base.system.data.evaluation
    named = (*base.system.stress.immutable, *((source.entity,) if source and source.entity else ()))
    return (n for n in dict.fromkeys(named) if n not in base.inputs)


def _parts(rows: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
