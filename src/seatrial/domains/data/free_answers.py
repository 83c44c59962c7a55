"""When a free answer to a faulty input is as good as the one to the clean input: for chats and extracted records.

A chat may answer a faulty question in other words, so words are not compared. Only questions count that it answers
rightly, twice, by the expected answers of the evaluation data; the answer to the faulty question must then be right
too, or say that it does not know. An extracted record must state nothing that neither the record of the clean text
nor the expected one states: a field that it leaves out was declined.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from seatrial.core.check import Trial
from seatrial.core.observation import Json, Reason
from seatrial.core.ports import Prediction, Row
from seatrial.domains.data.few_at_once import few_at_once
from seatrial.domains.scored.chat import abstains, accepted_answers, holds, said_no, words_of
from seatrial.domains.scored.extraction import fields_of, is_record, record_of
from seatrial.domains.sending import rows_with_rest
from seatrial.spec.model import InputField
from seatrial.spec.system import System

TASKS: Final = frozenset({"chat", "extraction"})
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeAnswers:
    """What was expected of each clean row, and how the answers to it are held against that."""

    system: System
    expected: Mapping[str, Json]

    @classmethod
    def read(
        cls, system: System, trial: Trial, inputs: Mapping[str, InputField], *, most: int, seed: int
    ) -> tuple[list[Row], FreeAnswers] | Reason:
        """Rows as they are sent, only those with an expected answer, and what is expected of them."""
        source = system.data.evaluation
        label, answerable = (source.label, source.answerable) if source is not None else (None, None)
        rest = [name for name in (label, answerable) if name]
        rows: list[Row] = []
        expected: dict[str, Json] = {}
        for row, beside in rows_with_rest(trial, inputs, table="evaluation", most=most, seed=seed, rest=rest):
            wanted = beside.get(label) if label else None
            if wanted is None or (answerable is not None and said_no(beside.get(answerable))):
                continue
            rows.append(row)
            expected[_key(row)] = wanted
        if not rows:
            return Reason(
                code="no-expected-answers",
                summary="No evaluation row has an expected answer: nobody can say which answers do harm.",
                remedy="Name the column of expected answers in data.evaluation.label.",
                fields=("data.evaluation.label",),
            )
        return rows, cls(system=system, expected=expected)

    def steady(
        self, trial: Trial, clean: Sequence[tuple[Row, Prediction]], *, wanted: int
    ) -> tuple[tuple[Row, Prediction], ...]:
        """The first `wanted` of the clean rows that are answered well twice: what moves then is the fault's doing."""
        good = [(row, answer) for row, answer in clean if self._well(row, answer)][: 2 * wanted]
        kept: dict[int, tuple[Row, Prediction]] = {}
        for at, reply in few_at_once(trial.model.predict, [[row] for row, _ in good], first=_AT_ONCE, most=_AT_ONCE):
            row, answer = good[at]
            again = reply.predictions[0] if len(reply.predictions) == 1 else None
            if again is not None and self._well(row, again) and not self.moved(row, answer, again):
                kept[at] = good[at]
        return tuple(kept[at] for at in sorted(kept))[:wanted]

    def moved(self, row: Row, before: Prediction, after: Prediction) -> bool:
        """Whether the answer to the faulty row says what neither its clean answer nor the expected one says."""
        if self.system.model.task == "chat":
            return not (self._right(row, after) or self.declined(after.prediction))
        known = Counter(fields_of(record_of(before.prediction))) | Counter(fields_of(self._wanted(row)))
        said = record_of(after.prediction)
        if not is_record(said):
            return not self.declined(said)
        return bool(Counter(fields_of(said)) - known)

    def _well(self, row: Row, answer: Prediction) -> bool:
        if self.system.model.task == "chat":
            return self._right(row, answer)
        return is_record(record_of(answer.prediction))

    def _right(self, row: Row, answer: Prediction) -> bool:
        source = self.system.data.evaluation
        words = words_of(_text(answer.prediction))
        accepted = accepted_answers(self._wanted(row))
        if source is not None and source.match == "contains":
            return any(holds(words, each) for each in accepted)
        return words in accepted

    def declined(self, value: object) -> bool:
        """Whether an answer, or a field that came out of a flow, claims nothing: it is empty, or abstains."""
        if value is None or value in ("", [], {}):
            return True
        return (
            self.system.model.task == "chat"
            and isinstance(value, str)
            and abstains(value, self.system.model.output.abstains)
        )

    def _wanted(self, row: Row) -> object:
        wanted = self.expected.get(_key(row))
        return record_of(wanted) if self.system.model.task == "extraction" else wanted


def _key(row: Row) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
