"""What a table of questions holds: the question, what was retrieved for it, and the answers that are right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seatrial.app.proposing.data import ColumnProfile, TableProfile
from seatrial.app.proposing.inputs import EXPECTED, known_column
from seatrial.app.proposing.model import PREDICTIONS, SCORES, Meaning
from seatrial.core.errors import Malformed
from seatrial.core.observation import Json
from seatrial.core.ports import Row, Table
from seatrial.domains.scored.chat import accepted_answers, holds, said_no, words_of

QUESTIONS: Final = ("question", "query", "prompt", "user_message", "user_input", "utterance")
CONTEXTS: Final = ("context", "contexts", "documents", "document", "passages", "passage", "retrieved", "sources")
ANSWERABLE: Final = ("answerable", "is_answerable")
ANSWERS: Final = ("answer", "response", "completion", "reply", "generated", *PREDICTIONS)
"""Names under which an application's own answer usually stands."""
_SAMPLE: Final = 200
_YES_OR_NO: Final = frozenset({"true", "false", "yes", "no", "0", "1"})
_FEW: Final = 4
_FEW_UNKNOWN: Final = 2
_LONG: Final = 8
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """The columns of a table of questions, some of its rows with their expected answers, and what to look at."""

    question: str
    context: str | None
    answerable: str | None
    label: str
    sample: tuple[Row, ...]
    notes: tuple[str, ...]

    @property
    def inputs(self) -> list[str]:
        """What the application is given."""
        return [name for name in (self.question, self.context) if name]

    def few(self) -> list[Row]:
        """Some of the rows, with some that cannot be answered where there are such."""
        unknown = [row for row in self.sample if self._unanswerable(row)][:_FEW_UNKNOWN]
        return [*[row for row in self.sample if not self._unanswerable(row)][:_FEW], *unknown]

    def agreement(self, pairs: Sequence[tuple[Row, str | None]]) -> str:
        """How many answers agree with the expected ones, as `data.evaluation.match` would count them."""
        told = [
            (words_of(answer), accepted_answers(row[self.label]))
            for row, answer in pairs
            if answer is not None and not self._unanswerable(row)
        ]
        equal = sum(words in accepted for words, accepted in told)
        holding = sum(any(holds(words, each) for each in accepted) for words, accepted in told)
        return f"of {len(told)} answers that were looked at, {equal} equal an expected one and {holding} hold one"

    def to_unanswerable(self, pairs: Sequence[tuple[Row, str | None]]) -> list[str]:
        """What was said to the first questions that cannot be answered."""
        said = [answer for row, answer in pairs if answer and self._unanswerable(row)]
        return list(dict.fromkeys(said))[:_FEW_UNKNOWN]

    def _unanswerable(self, row: Row) -> bool:
        return self.answerable is not None and said_no(row[self.answerable])


def question_column(named: str | None, table: TableProfile) -> str | None:
    """The column with the questions: as named, else the one whose name says so. Raises Malformed for an unknown one."""
    if named is not None:
        return known_column(named, table.columns, option="--question")
    return _one_of(QUESTIONS, [c.name for c in table.columns.values() if c.type == "string"])


def free_answers(table: TableProfile, label: str) -> bool:
    """Whether a label column beside questions holds answers in words, not classes.

    It does where it is named so, where another column says which questions can be answered, and where hardly any two
    are the same. Lists have no profile, and are accepted answers.
    """
    column = table.columns.get(label)
    if column is None or label.lower() in EXPECTED or _answerable(table) is not None:
        return True
    return column.type == "string" and (column.values is None or column.distinct > max(2, column.given // 2))


def _answerable(table: TableProfile) -> str | None:
    return _one_of(ANSWERABLE, [c.name for c in table.columns.values() if _yes_or_no(c)])


def read_questions(
    source: Table, table: TableProfile, columns: tuple[str, str], *, context: str | None, others: Sequence[str]
) -> Questions:
    """Read the questions and their labels, the two `columns`, with what belongs to them.

    `context` is the column that a person named; `others` mean something else. Raises Malformed where no row has an
    expected answer.
    """
    question, label = columns
    texts = [c.name for c in table.columns.values() if c.type == "string" and c.name not in {question, label}]
    if context is None:
        context = _one_of(CONTEXTS, texts)
    else:
        known_column(context, table.columns, option="--context")
    answerable = _answerable(table)
    read = list(dict.fromkeys(c for c in (question, context, label, answerable) if c))
    rows: list[dict[str, Any]] = []
    lengths: list[int] = []
    silent = 0
    step = max(1, table.rows // _SAMPLE)
    at = 0
    for batch in source.batches(read):
        for row in batch.to_pylist():
            accepted = accepted_answers(row[label])
            lengths += [min(map(len, accepted))] if accepted else []
            unknown = answerable is not None and said_no(row[answerable])
            silent += not accepted and not unknown
            if at % step == 0 and len(rows) < _SAMPLE and row[question] and (accepted or unknown):
                rows.append(row)
            at += 1
    if not lengths:
        raise Malformed(
            f"no row of {label!r} holds an expected answer",
            remedy="Give the right answer to each question, or a list of accepted ones; name the column with --label.",
        )
    beside = [name for name in table.columns if name not in {*read, *others}]
    notes = [
        *_about_columns(context, answerable, label, beside),
        *([f"{silent} of {table.rows} questions have no expected answer, and do not count"] if silent else []),
        *_about_answers(lengths),
    ]
    return Questions(
        question=question, context=context, answerable=answerable, label=label, sample=tuple(rows), notes=tuple(notes)
    )


def _about_columns(context: str | None, answerable: str | None, label: str, beside: Sequence[str]) -> Iterator[str]:
    if context is None:
        yield "no column holds what is retrieved for a question; if the application retrieves, give that as a column"
    if answerable is None:
        yield (
            f"no column says which questions cannot be answered: add one named answerable (true or false; {label} may "
            "then be empty), or it is never measured whether answers are invented"
        )
    if beside:
        more = f" and {len(beside) - _SHOWN} more" if len(beside) > _SHOWN else ""
        yield f"{', '.join(beside[:_SHOWN])}{more}: no inputs for now; add to them what the application is sent"


def _about_answers(lengths: Sequence[int]) -> Iterator[str]:
    usual = sorted(lengths)[len(lengths) // 2]
    if usual > _LONG:
        yield (
            f"half of the expected answers have {usual} words or more, and no answer may hold those word for word: "
            "give the few words that a right answer must hold, or a list of accepted ones"
        )


def spoken(answers: Sequence[Json]) -> Meaning:
    """Which field of an answer is what the application said, and which a score.

    Raises Malformed where no field, or more than one, can be.
    """
    given = [answer for answer in answers if answer is not None]
    records = [answer for answer in given if isinstance(answer, Mapping)]
    if len(records) < len(given):
        if all(isinstance(answer, str) for answer in given):
            return Meaning()
        raise Malformed(
            "some answers are neither text nor a record with text in a field",
            remedy='Let the service answer {"predictions": [{"answer": "…"}, …]}.',
        )
    names = list(dict.fromkeys(name for record in records for name in record))
    texts = [n for n in names if all(isinstance(r.get(n), str) or r.get(n) is None for r in records)]
    texts = [n for n in texts if any(isinstance(r.get(n), str) for r in records)]
    named = [n for n in ANSWERS if n in texts]
    if not named and len(texts) != 1:
        raise Malformed(
            f"no field of the answers is known to be what was said; there are {', '.join(names) or 'none'}",
            remedy="Name the field answer, or leave one text beside the inputs.",
        )
    scores = [n for n in SCORES if n in names and all(_is_share(r.get(n)) for r in records)]
    return Meaning(prediction=(named or texts)[0], score=scores[0] if scores else None)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _yes_or_no(column: ColumnProfile) -> bool:
    if column.type == "boolean":
        return True
    return column.values is not None and {value.casefold() for value in column.values} <= _YES_OR_NO


def _one_of(names: Sequence[str], columns: Sequence[str]) -> str | None:
    there = {column.strip().lower(): column for column in columns}
    return next((there[name] for name in names if name in there), None)
