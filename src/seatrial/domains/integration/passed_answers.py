"""Whether what a flow hands over is what the model answers for that very record: not another one's, nor an old one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.ports import Prediction, ReplyKind, Row
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.same_value import same
from seatrial.domains.sending import inputs_of
from seatrial.spec.integration import Flow
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_ASKED = 200
_AGAIN = 3
"""So often a record that came out with another answer is asked again, to see whether the model itself varies."""
_ROUNDED = 0.01
"""Scores may be handed over with two decimals."""
_TRUTHS = {"true": True, "false": False}
CODES = {
    "answer-of-another": "At the exit stands another answer than the model gives for that record.",
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
    return [_of(system, trial, passage, inputs) for passage in wanted]


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
                remedy=f"Let the records of {each.flow} hold every input of the model, or take out its `answers`.",
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
        if each.other:
            yield Finding(
                code="answer-of-another",
                summary=f"{each.flow}: {each.other} of {each.compared} records came out with another "
                f"{', '.join(each.fields)} than the model answers for them.",
                fields=each.fields,
                explains=(measure_of(each.flow),),
                why="Each answer is a good one, and belongs to another record or to an earlier state of it.",
                remedy="See how the pipeline puts answers and records together again, and what its caches go by.",
                detail={"compared": each.compared, "other": each.other},
            )


def _of(system: System, trial: Trial, passage: Passage, inputs: Mapping[str, InputField]) -> Compared:
    flow = passage.flow
    arrived = [(row, c[0]) for row in passage.sent if len(c := passage.copies.get(str(row[flow.key]), ())) == 1]
    chosen = arrived[:: max(1, len(arrived) // _ASKED)][:_ASKED]
    if not chosen:
        # What became of them instead is told of the flow itself.
        return Compared(flow=flow.name)
    if not inputs:
        return Compared(flow=flow.name, problem="no inputs of the model are declared")
    lacking = sorted({n for row, _ in chosen for n, field in inputs.items() if n not in row and not field.nullable})
    if lacking:
        return Compared(flow=flow.name, problem=f"its records lack the inputs {', '.join(lacking)}")
    rows = [{n: row[n] for n in inputs if n in row} for row, _ in chosen]
    answers = _asked(system, trial, rows)
    if isinstance(answers, str):
        return Compared(flow=flow.name, problem=answers)
    other = [
        (row, answer, fields)
        for row, (_, copy), answer in zip(rows, chosen, answers, strict=True)
        if (fields := [f for f, what in flow.answers.items() if not _is(copy, f, getattr(answer, what))])
    ]
    steady = other
    for _ in range(_AGAIN):
        again = _asked(system, trial, [row for row, _, _ in steady])
        if isinstance(again, str):
            return Compared(flow=flow.name, problem=again)
        steady = [each for each, more in zip(steady, again, strict=True) if _same_answer(flow, each[1], more)]
    varied = len(other) - len(steady)
    return Compared(
        flow=flow.name,
        compared=len(chosen) - varied,
        other=len(steady),
        fields=tuple(dict.fromkeys(field for _, _, fields in steady for field in fields)),
        varied=varied,
    )


def _same_answer(flow: Flow, one: Prediction, other: Prediction) -> bool:
    return all(_is({what: getattr(other, what)}, what, getattr(one, what)) for what in flow.answers.values())


def _asked(system: System, trial: Trial, rows: Sequence[Row]) -> list[Prediction] | str:
    """The model's answer for each row, or why there is none."""
    answers: list[Prediction] = []
    for at in range(0, len(rows), system.model.batch):
        reply = trial.model.predict(rows[at : at + system.model.batch])
        if reply.kind is not ReplyKind.OK:
            return f"the model gave no answer for them: {reply.error or reply.kind}"
        answers += reply.predictions
    return answers


def _is(copy: Row, field: str, answer: Json) -> bool:
    """Whether a field holds the answer: as it is, as the text of it, or as a number to two decimals; true also as 1."""
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
    allowed = _ROUNDED * max(1.0, abs(numbers[1])) if isinstance(answer, float) else 0.0
    return abs(numbers[0] - numbers[1]) <= allowed
