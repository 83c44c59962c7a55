"""Cases that must be answered so and not otherwise, as people write them down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from seatrial.core.check import Trial
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Prediction, Row
from seatrial.domains.model.stressing.asking import answer_of, told
from seatrial.domains.model.stressing.baseline import Baseline
from seatrial.domains.model.stressing.rates import Tried
from seatrial.spec.stress import Case, Relation

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an answer must be, hold and lack. `tolerance` is for numbers."""

    answer: Json
    contains: Sequence[str] = ()
    lacks: Sequence[str] = ()
    tolerance: float | None = None

    @classmethod
    def of(cls, written: Case | Relation, tolerance: float | None = None) -> Expected:
        """What a case, or a relation about rows, says."""
        return cls(answer=written.answer, contains=written.contains, lacks=written.lacks, tolerance=tolerance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A case that was not answered as it must be. `said` is None where nothing was answered."""

    number: int
    case: Case
    said: Prediction | None
    problem: str = ""


def keeps(given: Prediction, wanted: Expected) -> bool:
    """Whether the answer is as it must be; texts without regard to case and space."""
    if wanted.answer is not None and not _equal(given.prediction, wanted.answer, wanted.tolerance or 0.0):
        return False
    text = _plain(given.prediction)
    return all(_plain(part) in text for part in wanted.contains) and not any(
        _plain(part) in text for part in wanted.lacks
    )


def _equal(said: Json, wanted: Json, tolerance: float) -> bool:
    numbers = [v for v in (said, wanted) if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) == 2:
        return abs(numbers[0] - numbers[1]) <= tolerance
    return _plain(said) == _plain(wanted)


def _plain(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return " ".join(text.split()).casefold()


def cases_of(trial: Trial, relation: Relation) -> tuple[Case, ...]:
    """The cases in the system file and in the relation's own file. Raises Malformed, naming every line that is none."""
    if relation.file is None:
        return relation.cases
    found: list[Case] = []
    problems: list[str] = []
    for number, line in enumerate(trial.files.read(relation.file).decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate(json.loads(line))
        except ValueError as error:
            problems.append(f"line {number}: {_why(error)}")
            continue
        if case.answer is None and not case.contains and not case.lacks:
            problems.append(f"line {number}: no answer, contains or lacks")
        found.append(case)
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise Malformed(
            f"{relation.file} holds lines that are no case: {'; '.join(problems[:_SHOWN])}{more}",
            remedy='Write one JSON object a line: {"given": {…}, "answer": …}.',
        )
    return (*relation.cases, *found)


def _why(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'it'}: {first['msg']}"
    return f"no JSON ({error})"


def tried_on_cases(
    base: Baseline, relation: Relation, cases: Sequence[Case], *, repeats: int
) -> tuple[Tried, list[Missed]]:
    """Every case, `repeats` times: it went wrong where any answer did, and is open where any answer stayed out."""
    rows: list[Row] = [{**base.rows[0], **case.given} for case in cases]
    rounds = [base.asker.together(rows) for _ in range(repeats)]
    broke: list[bool | None] = []
    missed: list[Missed] = []
    for at, case in enumerate(cases):
        wanted = Expected.of(case, relation.tolerance)
        replies = [replied[at] for replied in rounds]
        answers = [answer_of(reply) for reply in replies]
        wrong = next((a for a in answers if a is not None and not keeps(a, wanted)), None)
        silent = (
            next((r for r, a in zip(replies, answers, strict=True) if a is None), None) if None in answers else None
        )
        broke.append(True if wrong is not None else (None if None in answers else False))
        if wrong is not None or None in answers:
            missed.append(Missed(number=at + 1, case=case, said=wrong, problem="" if wrong else told(silent)))
    return Tried(broke=tuple(broke), listed=True), missed
