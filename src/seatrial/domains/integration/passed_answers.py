"""Whether what a flow hands over is what the model answers for that very record: not another one's, nor an old one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.ports import Prediction, ReplyKind, Row
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.same_value import same
from seatrial.domains.flows.undisturbed import contents
from seatrial.domains.integration.inventory_declared import sources_of
from seatrial.domains.integration.values_of_others import of_others
from seatrial.domains.sending import as_sent, inputs_of
from seatrial.spec.integration import Flow
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_ASKED = 200
_AGAIN = 3
"""So often a record that came out with another answer is asked again, to see whether the model itself varies."""
_ROUNDED = 0.01
"""Scores may be handed over with two decimals, numbers with as few as that share of them."""
_NOISE, _NOISE_LEAST = 1e-3, 1e-6
"""The same answer computed in another batch or handed over in single precision differs by no more than this share."""
_TRUTHS = {"true": True, "false": False}
CODES = {
    "answer-of-another": "At the exit stands another answer than the model gives for that record.",
    "answers-as-told": "The answers are those for inputs as the exit tells them, whose source is not the entry.",
    "answers-as-anothers": "Answers are those for what was put in with other records, and their exit tells that as "
    "theirs.",
    "answers-not-compared": "What a flow handed over could not be held against the model's own answers.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many records of a flow were compared, and how many of them came out with another answer."""

    flow: str
    compared: int = 0
    other: int = 0
    fields: tuple[str, ...] = ()
    varied: int = 0
    """Of how many more it cannot be told, since the model itself gives another answer when it is asked again."""
    problem: str = ""
    alike: int = 0
    """So many records got answers of which none can be told from the next one's."""
    as_told: int = 0
    """So many hold the answer for an input as the exit tells it, which is declared to come from elsewhere."""
    of_others: int = 0
    """So many different values of these were put in with other records, where that is beyond chance."""


def measure_of(flow: str) -> str:
    """The name under which other answers are counted."""
    return f"number of records of {flow} with another answer than the model's"


def longest_s(system: System) -> float:
    """How long asking may take: each call as long as the model may take for it."""
    model = system.model
    calls = math.ceil(_ASKED / (model.batch if model.chat is None else model.chat.parallel))
    return sum(bool(flow.answers) for flow in system.flows) * calls * model.timeout


def compared(system: System, trial: Trial, passages: Mapping[str, Passage]) -> list[Compared]:
    """For each flow that declares `answers`: records that arrived once, asked of the model again."""
    wanted = [passage for passage in passages.values() if passage.flow.answers]
    inputs = inputs_of(system, trial) if wanted else {}
    return [of_records(system, trial, each.flow, each.sent, each.copies, inputs) for each in wanted]


def measures(found: Sequence[Compared]) -> Iterator[Measure]:
    """None may be another's."""
    for each in found:
        if each.compared:
            value = float(each.other)
            yield Measure(
                name=measure_of(each.flow),
                value=value,
                lower=value,
                upper=value,
                limit=0.0,
                sense=Sense.AT_MOST,
                n=each.compared,
                method="the same records asked of the model itself",
            )


def findings(found: Sequence[Compared]) -> Iterator[Finding]:
    """What is wrong, and what could not be told."""
    for each in found:
        if each.problem:
            yield Finding(
                code="answers-not-compared",
                summary=f"{each.flow}: what was handed over could not be held against the model: {each.problem}.",
                weight=Weight.OPEN,
                fields=(f"flows.{each.flow}.answers",),
                remedy=f"Let the records of {each.flow} hold every input of the model, or have the exit tell what was "
                "joined to them; or take out its `answers`.",
            )
        if each.alike:
            yield Finding(
                code="answers-not-compared",
                summary=f"{each.flow}: all {each.alike} records came out with the same answer, as far as "
                f"{each.flow} tells it, so that another record's would not have been seen.",
                weight=Weight.OPEN,
                fields=(f"flows.{each.flow}.records",),
                remedy=f"Put records into flows.{each.flow}.records to which the model gives different answers, and "
                "have them told with as many decimals as it takes.",
            )
        if each.varied:
            yield Finding(
                code="answers-not-compared",
                summary=f"{each.flow}: of {each.varied} records that came out with another answer the model itself "
                "gives another one each time that it is asked, so that nobody can tell whose it is.",
                weight=Weight.OPEN,
                fields=(f"flows.{each.flow}.answers",),
                remedy="Let the model answer the same for the same record, such as with a fixed seed or a temperature "
                f"of 0, or name in `answers` of {each.flow} only what does not vary.",
            )
        if each.of_others:
            yield Finding(
                code="answers-as-anothers",
                summary=f"{each.flow}: {each.as_told} of {each.compared} records came out with the answer for an input "
                f"as the exit tells it and not as it was put in, and {each.of_others} different ones of what it tells "
                "were put in with other records: more than its source would hold by chance.",
                weight=Weight.OPEN,
                fields=(f"flows.{each.flow}.records",),
                why="A record that comes out whole under another one's key looks like one whose source knows better.",
                remedy="Follow one of these from the entry to the exit. Where the source does hold these values, put "
                f"records into flows.{each.flow}.records that hold of it what it holds for their key.",
                detail={"compared": each.compared, "as_told": each.as_told, "of_others": each.of_others},
            )
        elif each.as_told:
            yield Finding(
                code="answers-as-told",
                summary=f"{each.flow}: {each.as_told} of {each.compared} records came out with the answer for an input "
                "as the exit tells it and not as it was put in, as its declared source has it that is not the entry.",
                weight=Weight.NOTE,
                fields=(f"flows.{each.flow}.records",),
                remedy=f"Put records into flows.{each.flow}.records that hold of it what its source holds.",
            )
        if each.other:
            yield Finding(
                code="answer-of-another",
                summary=f"{each.flow}: {each.other} of {each.compared} records came out with another "
                f"{', '.join(each.fields)} than the model answers for them.",
                fields=each.fields,
                explains=(measure_of(each.flow),),
                why="Each answer is a good one, and belongs to another record or to an earlier state of it.",
                remedy="See how the pipeline puts answers and records together again, and what its caches go by. Where "
                "it takes an input from elsewhere than the record, declare that (fed_by) and let the exit tell it.",
                detail={"compared": each.compared, "other": each.other},
            )


def of_records(
    system: System,
    trial: Trial,
    flow: Flow,
    sent: Sequence[Row],
    copies: Mapping[str, Sequence[Row]],
    inputs: Mapping[str, InputField],
) -> Compared:
    """Those of these records of one flow that arrived once, asked of the model again; `copies` at the exit, by key."""
    once = [(row, c) for row in sent if len(c := copies.get(str(row[flow.key]), ())) == 1]
    # What a fallback answers is not the model's, and is counted by itself.
    arrived = [(row, found[0]) for row, found in once if not fell_back(flow, found)]
    chosen = _drawn(arrived, trial.seed)
    if not chosen:
        # What became of them instead is told of the flow itself.
        return Compared(flow=flow.name)
    if not inputs:
        return Compared(flow=flow.name, problem="no inputs of the model are declared")
    # What the pipeline joined to a record it may tell at the exit.
    known = [{**{n: _joined(v, inputs.get(n)) for n, v in copy.items()}, **row} for row, copy in chosen]
    lacking = sorted({n for row in known for n, field in inputs.items() if n not in row and not field.nullable})
    if lacking:
        return Compared(
            flow=flow.name, problem=f"neither its records nor those at the exit hold the inputs {', '.join(lacking)}"
        )
    rows = [{n: row[n] for n in inputs if n in row} for row in known]
    answers = _asked(system, trial, rows)
    if isinstance(answers, str):
        return Compared(flow=flow.name, problem=answers)
    unlike = [
        (row, answer, fields, copy)
        for row, (_, copy), answer in zip(rows, chosen, answers, strict=True)
        if (fields := _unlike(flow, copy, answer))
    ]
    elsewhere = [n for n, field in inputs.items() if (s := sources_of(system, n, field)) and flow.from_ not in s]
    as_told = _agree_as_told(system, trial, flow, inputs, elsewhere, [(row, copy) for row, _, _, copy in unlike])
    other = [each[:3] for each, told in zip(unlike, as_told, strict=True) if told is None]
    told = [[row[n] for n in elsewhere if n in row] for row in as_told if row is not None]
    steady = other
    for _ in range(_AGAIN):
        again = _asked(system, trial, [row for row, _, _ in steady])
        if isinstance(again, str):
            return Compared(flow=flow.name, problem=again)
        steady = [each for each, more in zip(steady, again, strict=True) if _same_answer(flow, each[1], more)]
    varied = len(other) - len(steady)
    indistinct = not unlike and _all_alike(flow, [copy for _, copy in chosen], answers)
    return Compared(
        flow=flow.name,
        compared=0 if indistinct else len(chosen) - varied,
        alike=len(chosen) if indistinct else 0,
        other=len(steady),
        fields=tuple(dict.fromkeys(field for _, _, fields in steady for field in fields)),
        varied=varied,
        as_told=len(told),
        of_others=of_others(told, [[row[n] for n in elsewhere if n in row] for row in _different(sent, flow.key)]),
    )


def _drawn(arrived: Sequence[tuple[Row, Row]], seed: int) -> Sequence[tuple[Row, Row]]:
    """Some of them in their order, drawn, since what goes wrong at one place of each batch lies at even distances."""
    if len(arrived) <= _ASKED:
        return arrived
    places = np.random.default_rng(seed).choice(len(arrived), size=_ASKED, replace=False)
    return [arrived[at] for at in sorted(places.tolist())]


def _unlike(flow: Flow, copy: Row, answer: Prediction) -> list[str]:
    """The fields of the exit that hold something else than this answer."""
    return [field for field, what in flow.answers.items() if not holds(copy, field, getattr(answer, what))]


def _different(rows: Sequence[Row], key: str) -> Sequence[Row]:
    """Each contents once: the same records are put in again and again."""
    return list({contents(row, key): row for row in rows}.values())


def _agree_as_told(
    system: System,
    trial: Trial,
    flow: Flow,
    inputs: Mapping[str, InputField],
    elsewhere: Sequence[str],
    pairs: Sequence[tuple[Row, Row]],
) -> list[Row | None]:
    """Each one's inputs, those from `elsewhere` as its exit tells them; None where that holds no answer to these."""
    rows = [
        {
            **row,
            **{n: _joined(copy[n], inputs[n]) for n in elsewhere if n in row and copy.get(n) is not None},
        }
        for row, copy in pairs
    ]
    changed = [(at, row) for at, row in enumerate(rows) if row != pairs[at][0]]
    answers = _asked(system, trial, [row for _, row in changed])
    agree: list[Row | None] = [None] * len(pairs)
    if not isinstance(answers, str):
        for (at, row), answer in zip(changed, answers, strict=True):
            if not _unlike(flow, pairs[at][1], answer):
                agree[at] = row
    return agree


def _joined(told: Json, declared: InputField | None) -> Json:
    """A value as the model gets it, of which the exit may have no such type: a 1 for true, digits for a number."""
    if declared is None or told is None:
        return told
    if isinstance(told, str):
        text = told.strip().lower()
        if declared.type == "boolean":
            return _TRUTHS.get(text, told)
        if declared.type in ("number", "integer"):
            with suppress(ValueError):
                told = float(text)
    return as_sent(told, declared)


def _all_alike(flow: Flow, copies: Sequence[Row], answers: Sequence[Prediction]) -> bool:
    """Whether each record might as well have got the next one's answer."""
    return all(
        holds(copy, field, getattr(answer, what))
        for copy, answer in zip(copies, [*answers[1:], answers[0]], strict=True)
        for field, what in flow.answers.items()
    )


def _same_answer(flow: Flow, one: Prediction, other: Prediction) -> bool:
    return all(holds({what: getattr(other, what)}, what, getattr(one, what)) for what in flow.answers.values())


def _asked(system: System, trial: Trial, rows: Sequence[Row]) -> list[Prediction] | str:
    """The model's answer for each row, or why there is none."""
    answers: list[Prediction] = []
    for at in range(0, len(rows), system.model.batch):
        reply = trial.model.predict(rows[at : at + system.model.batch])
        if reply.kind is not ReplyKind.OK:
            return f"the model gave no answer for them: {reply.error or reply.kind}"
        answers += reply.predictions
    return answers


def holds(copy: Row, field: str, answer: Json) -> bool:
    """Whether a field holds the answer: as it is, its text, or a number with fewer decimals; true also as 1.

    No more is allowed than the last decimal that is told: 0.0043 is not what 0.0087 is rounded to.
    """
    if field not in copy:
        return False
    told = copy[field]
    if isinstance(answer, bool) and isinstance(told, str):
        told = _TRUTHS.get(told.strip().lower(), told)
    told, answer = (int(each) if isinstance(each, bool) else each for each in (told, answer))
    if same(told, answer) or (isinstance(told, str) and told == str(answer)):
        return True
    try:
        numbers = float(str(told)), float(str(answer))
    except ValueError:
        return False
    if not isinstance(answer, float):
        return numbers[0] == numbers[1]
    size = abs(numbers[1])
    allowed = max(_NOISE_LEAST, _NOISE * size, min(_ROUNDED * max(1.0, size), _last_decimal(told)))
    return abs(numbers[0] - numbers[1]) <= allowed


def _last_decimal(told: Json) -> float:
    """What one step in the last decimal of a number is worth, as it is spelled."""
    try:
        exponent = Decimal(str(told).strip()).as_tuple().exponent
    except InvalidOperation:
        return 0.0
    return 10.0**exponent if isinstance(exponent, int) else 0.0
