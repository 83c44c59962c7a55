"""Whether what a flow hands over is what the model answers for that very record: not another one's, nor an old one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.ports import Prediction, ReplyKind, Row
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.same_value import same
from seatrial.domains.sending import inputs_of
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_ASKED = 200
_ROUNDED = 0.01
"""Scores may be handed over with two decimals."""
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
    problem: str = ""


def measure_of(flow: str) -> str:
    """The name under which other answers are counted."""
    return f"number of records of {flow} with another answer than the model's"


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
    answers: list[Prediction] = []
    for at in range(0, len(chosen), system.model.batch):
        part = [{n: row[n] for n in inputs if n in row} for row, _ in chosen[at : at + system.model.batch]]
        reply = trial.model.predict(part)
        if reply.kind is not ReplyKind.OK:
            return Compared(flow=flow.name, problem=f"the model gave no answer for them: {reply.error or reply.kind}")
        answers += reply.predictions
    other = [
        [field for field, what in flow.answers.items() if not _is(copy, field, getattr(answer, what))]
        for (_, copy), answer in zip(chosen, answers, strict=True)
    ]
    return Compared(
        flow=flow.name,
        compared=len(chosen),
        other=sum(bool(fields) for fields in other),
        fields=tuple(dict.fromkeys(field for fields in other for field in fields)),
    )


def _is(copy: Row, field: str, answer: Json) -> bool:
    """Whether a field holds the answer: as it is, as the text of it, or as a number to two decimals."""
    if field not in copy:
        return False
    told = copy[field]
    if same(told, answer) or (isinstance(told, str) and told == str(answer)):
        return True
    try:
        numbers = float(str(told)), float(str(answer))
    except ValueError:
        return False
    allowed = _ROUNDED * max(1.0, abs(numbers[1])) if isinstance(answer, float) else 0.0
    return abs(numbers[0] - numbers[1]) <= allowed
