"""Relations between inputs and answers: those that are declared, and those that every text has."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.ports import Prediction, Row
from seatrial.domains.model.stressing.asking import answer_of, told
from seatrial.domains.model.stressing.baseline import Baseline
from seatrial.domains.model.stressing.changes import changed
from seatrial.domains.model.stressing.consistency import entity_groups
from seatrial.domains.model.stressing.expected import Expected, keeps
from seatrial.domains.model.stressing.rates import Tried
from seatrial.domains.model.turning.documents import written_fields
from seatrial.domains.scored.extraction import record_of
from seatrial.domains.yardstick import ROUNDING
from seatrial.spec.conditions import parse_condition
from seatrial.spec.stress import Edit, Relation
from seatrial.spec.system import System

_TEXT_TASKS = frozenset({"text", "chat", "extraction"})
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "text": ("whitespace", "case", "typo"),
    "extraction": ("whitespace", "typo"),
    "chat": ("whitespace", "typo"),
}
_NAMES = {"whitespace": "harmless white space", "case": "harmless case", "typo": "a typo or two"}
_KEPT = 20

Broken = tuple[int, Row, Prediction]
"""The base row, the variant, and its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What became of one relation. `breaks` tells whether a variant of a base row breaks it, for shrinking."""

    relation: Relation
    tried: Tried
    broken: tuple[Broken, ...] = ()
    breaks: Callable[[int, Row], bool] | None = None
    unfit: str = ""
    """Why the relation cannot be tried at all."""
    refused: str = ""
    """What came instead of an answer, the first time."""


def relations_of(system: System) -> tuple[Relation, ...]:
    """The declared relations, and those that follow from the task and from the section `stress`."""
    spelled = [
        Relation(name=_NAMES[name], kind="invariance", change=Edit.model_validate({"text": (name,)}))
        for name in _SPELLINGS.get(system.model.task, ())
    ]
    insensitive = [
        Relation(
            name=f"case and space in {field}",
            kind="invariance",
            change=Edit.model_validate({"text": ("case", "whitespace"), "fields": (field,)}),
        )
        for field in system.stress.insensitive
    ]
    return (*system.stress.relations, *insensitive, *spelled)


def tried_on_rows(base: Baseline, relation: Relation, *, most: int, noisy: bool, seed: int) -> Held:
    """An invariance, a direction, or an answer that all rows of a kind must get, on up to `most` rows."""
    rows = [i for i in _fitting(base, relation) if i not in base.silent][: 2 * most]
    if relation.kind == "must-answer":
        return _answered(base, relation, rows[:most])
    if relation.kind == "direction" and not _ordered(base):
        return _none(relation, f"a {base.system.model.task} answer without a score cannot go up or down")
    if relation.tolerance is not None and relation.tolerance >= _widest(base):
        return _none(relation, f"a tolerance of {relation.tolerance:g} is as wide as all answers lie apart")
    if _reads_values(base, relation):
        base.answers(rows[:most])
    drawn = random.Random(seed)  # noqa: S311 - which change, not a secret
    variants: dict[int, Row] = {}
    for i in rows:
        made = _variant(base, relation, i, drawn)
        if made is not None:
            variants[i] = made
        if len(variants) == most:
            break
    if not variants:
        return _none(relation, "no row of the data can have the change" if rows else "no row of the data fits it")
    return _compared(base, relation, variants, noisy=noisy)


def _fitting(base: Baseline, relation: Relation) -> Iterator[int]:
    condition = None if relation.where is None else parse_condition(relation.where)
    return (i for i, row in enumerate(base.rows) if condition is None or condition.holds(row))


def _variant(base: Baseline, relation: Relation, i: int, drawn: random.Random) -> Row | None:
    edit = relation.change or Edit()
    reads = _reads_values(base, relation)
    if reads and i not in base.known:
        return None
    kept = _values_read(base.known[i]) if reads else None
    return changed(edit, base.rows[i], inputs=base.inputs, prose=base.prose, drawn=drawn, kept=kept)


def _reads_values(base: Baseline, relation: Relation) -> bool:
    """Whether values are read out of a text in which letters are mistyped: the values themselves must stay."""
    return base.system.model.task == "extraction" and relation.change is not None and "typo" in relation.change.text


def _values_read(answer: Prediction) -> Sequence[str]:
    return [value for _, value in written_fields(record_of(answer.prediction))]


def _none(relation: Relation, why: str) -> Held:
    return Held(relation=relation, tried=Tried(broke=()), unfit=why)


def _widest(base: Baseline) -> float:
    """How far answers can move: scores and shares of words by one, numbers as far as those that are known lie apart."""
    if base.system.model.task != "regression":
        return 1.0
    numbers = [number(base.system, answer) for answer in base.known.values()]
    return max(numbers, default=math.inf) - min(numbers, default=0.0)


def _ordered(base: Baseline) -> bool:
    return base.system.model.task in ("binary", "multiclass", "text", "regression")


def _compared(base: Baseline, relation: Relation, variants: Mapping[int, Row], *, noisy: bool) -> Held:
    known = base.answers(variants)
    rows = [i for i in variants if i in known]
    replies = dict(zip(rows, base.asker.together([variants[i] for i in rows]), strict=True))
    tried = [i for i in rows if replies[i] is not None]
    answers = {i: answer_of(replies[i]) for i in tried}
    violates = _violation(base, relation)
    broke = tuple(None if (now := answers[i]) is None else violates(known[i], now) for i in tried)
    again = base.again(tried) if noisy else {}
    own = tuple((now := again[i]) is None or violates(known[i], now) is not False for i in tried) if noisy else ()

    def breaks(i: int, row: Row) -> bool:
        now = answer_of(base.asker.alone(row))
        return now is not None and violates(known[i], now) is True

    return Held(
        relation=relation,
        tried=Tried(broke=broke, by_itself=own, groups=entity_groups(base, tried), rows=tuple(tried)),
        broken=tuple(
            (i, variants[i], now) for i, b in zip(tried, broke, strict=True) if b and (now := answers[i]) is not None
        )[:_KEPT],
        breaks=breaks,
        refused=next((told(replies[i]) for i in tried if answers[i] is None), ""),
    )


def _violation(base: Baseline, relation: Relation) -> Callable[[Prediction, Prediction], bool | None]:
    if relation.kind == "invariance":
        return base.within(relation.tolerance).moved
    tolerance = relation.tolerance if relation.tolerance is not None else ROUNDING * base.scale
    sign = 1.0 if relation.score == "not-lower" else -1.0

    def wrong_way(before: Prediction, after: Prediction) -> bool | None:
        distance = sign * (number(base.system, after) - number(base.system, before))
        return None if math.isnan(distance) else distance < -tolerance

    return wrong_way


def number(system: System, answer: Prediction) -> float:
    """What can go up or down: the score, a regression's prediction, else whether it is the positive label."""
    if system.model.task == "regression":
        return float(answer.prediction) if isinstance(answer.prediction, int | float) else math.nan
    if system.model.task == "binary" and answer.score is not None:
        return answer.score
    return float(str(answer.prediction) == str(system.model.output.positive))


def _answered(base: Baseline, relation: Relation, rows: Sequence[int]) -> Held:
    if not rows:
        return _none(relation, "no row of the data fits it")
    wanted = Expected.of(relation, relation.tolerance)
    known = base.answers(rows)
    broke = tuple(None if i not in known else not keeps(known[i], wanted) for i in rows)
    return Held(
        relation=relation,
        tried=Tried(broke=broke, groups=entity_groups(base, rows), rows=tuple(rows)),
        broken=tuple((i, base.rows[i], known[i]) for i, b in zip(rows, broke, strict=True) if b)[:_KEPT],
        refused=base.problem,
    )
