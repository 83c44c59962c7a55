"""Faults before free answers: a chat must stay right or say that it does not know, a record must claim nothing new."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plants.guarded_model import at_the_model
from plants.real_trial import RealTrial, judged, observed, reason
from plants.server import Asked, Said, Server, said
from seatrial.core.observation import Observation
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.data.faults import CHECK
from seatrial.spec.system import System

GATES = ("north", "south", "east", "west", "river", "harbour", "castle", "old", "new", "station")
QUESTIONS: list[Row] = [
    {
        "question": f"When does the {GATES[at % 10]} gate of yard {at} open?",
        "answer": [f"at {5 + at % 14}:30"],
        "at": at,
    }
    for at in range(160)
]
LETTERS: list[Row] = [
    {
        "letter": f"Invoice {1000 + at} of Kestrel Ltd, total {20 + at} EUR",
        "record": {"no": 1000 + at, "total": 20 + at},
    }
    for at in range(160)
]


def damaged(text: str) -> str:
    """What a guard could see of the text; empty where it is sound."""
    if not text.strip():
        return "empty"
    if "\ufffd" in text or "Ã" in text:
        return "garbled"
    return "long" if len(text) > 2000 else ""


class Bot:
    """Answers when a gate opens. `sees` are the faults at which it says that it does not know; at others it invents.

    `rewords`: the same is said in other words each time.
    """

    def __init__(self, *sees: str, rewords: bool = False, right: bool = True) -> None:
        self.sees, self.rewords, self.right, self.asked = sees, rewords, right, 0

    def __call__(self, asked: Asked) -> Said:
        made = []
        for row in asked.json()["rows"]:
            text = row.get("question")
            if not isinstance(text, str):
                return said({"error": "question must be a text"}, 422)
            self.asked += 1
            made.append({"answer": self.answer(text)})
        return said({"predictions": made})

    def answer(self, text: str) -> str:
        wrong = damaged(text)
        if wrong:
            return "I don't know." if wrong in self.sees else "It opens at 3:15, as every gate does."
        yard = next((int(word) for word in text.split() if word.isdigit()), None)
        if yard is None or not self.right:
            return "I don't know."
        more = f" That is what note {self.asked} says about it, in so many words." if self.rewords else ""
        return f"It opens at {5 + yard % 14}:30.{more}"


class Reader:
    """Reads number and total out of a letter. `guesses` at damaged letters, where it else leaves the fields out."""

    def __init__(self, *, guesses: bool) -> None:
        self.guesses = guesses

    def __call__(self, asked: Asked) -> Said:
        made: list[dict[str, Any]] = []
        for row in asked.json()["rows"]:
            text = row.get("letter")
            if not isinstance(text, str):
                return said({"error": "letter must be a text"}, 422)
            numbers = [int(word.strip(",")) for word in text.split() if word.strip(",").isdigit()]
            if damaged(text) or len(numbers) < 2:
                made.append({"record": {"no": 1, "total": 0} if self.guesses else {"no": None}})
            else:
                made.append({"record": {"no": numbers[0], "total": numbers[1]}})
        return said({"predictions": made})


def tried(model: Any, task: str, field: str, label: str, rows: list[Row]) -> tuple[Observation, System]:
    with Server(model) as server:
        system = system_at(server.url, task, field, label)
        with RealTrial(system, tables={"evaluation": rows}) as trial:
            return observed(CHECK, system, trial), system


def system_at(url: str, task: str, field: str, label: str) -> System:
    output = {"prediction": "answer" if task == "chat" else "record"}
    return System.model_validate(
        {
            "system": "free",
            "version": "1",
            "model": {
                "endpoint": f"{url}/predict",
                "task": task,
                "inputs": {field: {"type": "string"}},
                "output": output,
                "test_endpoint": True,
            },
            "data": {"evaluation": {"source": "rows.jsonl", "label": label, "match": "contains"}},
        }
    )


def kinds(found: Observation) -> set[str]:
    return {str(f.detail["kind"]) for f in found.findings if f.code == "silent-harm" and f.weight is Weight.GAP}


@pytest.mark.parametrize(
    ("sees", "harm"),
    [
        (("empty", "garbled", "long"), set()),
        (("garbled", "long"), {"empty-text"}),
        (("empty", "long"), {"encoding"}),
        (("empty", "garbled"), {"oversize"}),
    ],
)
def test_a_chat_says_that_it_does_not_know_or_it_does_harm(sees: tuple[str, ...], harm: set[str]) -> None:
    found, system = tried(Bot(*sees), "chat", "question", "answer", QUESTIONS)
    assert kinds(found) == harm
    assert judged(CHECK, system, at_the_model(found)).outcome is (Outcome.NOT_MET if harm else Outcome.MET)


def test_the_right_answer_in_other_words_is_no_harm() -> None:
    found, system = tried(Bot("empty", "garbled", "long", rewords=True), "chat", "question", "answer", QUESTIONS)
    assert judged(CHECK, system, at_the_model(found)).outcome is Outcome.MET


def test_a_bot_that_never_knows_shows_nothing() -> None:
    with Server(Bot("empty", right=False)) as server:
        system = system_at(server.url, "chat", "question", "answer")
        with RealTrial(system, tables={"evaluation": QUESTIONS}) as trial:
            told = reason(CHECK, system, trial)
    assert told.code == "clean-rows-refused"
    assert "0 of 111 clean rows rightly, twice, and 37 are needed" in told.summary


def test_without_expected_answers_nobody_can_judge() -> None:
    with Server(Bot("empty")) as server:
        system = system_at(server.url, "chat", "question", "answer")
        rows = [{**row, "answer": None} for row in QUESTIONS]
        with RealTrial(system, tables={"evaluation": rows}) as trial:
            assert reason(CHECK, system, trial).code == "no-expected-answers"


@pytest.mark.parametrize("guesses", [False, True])
def test_a_record_of_a_damaged_text_states_nothing_new_or_does_harm(guesses: bool) -> None:
    rows: list[Row] = [{**row, "record": json.dumps(row["record"])} for row in LETTERS]
    found, system = tried(Reader(guesses=guesses), "extraction", "letter", "record", rows)
    assert kinds(found) == ({"empty-text", "encoding", "oversize"} if guesses else set())
    assert judged(CHECK, system, at_the_model(found)).outcome is (Outcome.NOT_MET if guesses else Outcome.MET)
