"""Weak slices of texts and questions: by length, language, the words they mention, and their kind."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from plants.scored_trial import ScoredTrial
from seatrial.core.check import PREDICTION, PROBLEM
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Weight
from seatrial.domains.condition_words import source_of, spoken
from seatrial.domains.model import search_power
from seatrial.domains.model.condition_rows import RowConditions
from seatrial.domains.model.derived_fields import question_word_of
from seatrial.domains.model.failure_modes import CHECK, EXAMPLES
from seatrial.measure.columns import Columns
from seatrial.spec.conditions import parse_condition
from seatrial.spec.system import System

_STARTS = ("please send me", "could you look at", "I would like to know about", "there is a problem with")
_THINGS = ("my parcel", "the invoice", "a refund", "the address", "this order", "the driver")
_ENDS = ("as soon as you can", "before the end of the week", "because nobody answers", "thank you very much")
_GERMAN = (
    "bitte schicken sie mir die rechnung noch einmal, weil sie nicht da ist und ich sie für die buchhaltung brauche"
)

Mask = npt.NDArray[np.bool_]


@pytest.fixture(autouse=True)
def _few_plants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_power, "PLANTS", (5,))


def mails(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    written = []
    for i in range(n):
        parts = [rng.choice(_STARTS), rng.choice(_THINGS), rng.choice(_ENDS), f"reference {i}"]
        text = " ".join(map(str, parts))
        written.append(f"{_GERMAN} {i}" if rng.random() < 0.08 else text)
    return written


def observed(
    texts: list[str], wrong: Mask, *, task: str = "text", register: str = "failure_modes: []\n", **more: Any
) -> tuple[Observation, ScoredTrial]:
    n = len(texts)
    label = np.where(np.arange(n) % 2 == 0, "desk", "dispatch")
    said = np.where(wrong, np.where(label == "desk", "dispatch", "desk"), label)
    columns = {"body": texts, "list": label, PREDICTION: said, PROBLEM: pa.nulls(n, pa.string()), **more}
    system = System.model_validate(
        {
            "system": "mails",
            "version": "1",
            "people": {"olga": {"name": "Olga Brandt"}},
            "model": {
                "endpoint": "http://127.0.0.1:1/predict",
                "task": task,
                "inputs": {"body": {"type": "string"}},
                "output": {"prediction": "list"},
            },
            "data": {
                "evaluation": {"source": "e.parquet", "label": "list"},
                "live": {"source": "l.parquet"},
            },
            "failure_modes": "failure-modes.yaml",
        }
    )
    tables = {"scored.evaluation": pa.table(columns), "live": pa.table({"body": mails(300, seed=9)})}
    trial = ScoredTrial(tables, files={"failure-modes.yaml": register.encode()})
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation), found
    return found, trial


def gaps(found: Observation) -> list[str]:
    return [f.summary for f in found.findings if f.code == "unanswered-failure-mode"]


def spoiled(inside: Mask, rate: float = 0.5) -> Mask:
    rng = np.random.default_rng(4)
    return np.asarray(rng.random(inside.size) < np.where(inside, rate, 0.06), dtype=bool)


def test_a_word_that_goes_with_errors_is_named() -> None:
    texts = mails(2000)
    found, _ = observed(texts, spoiled(np.array(["refund" in text for text in texts])))
    assert any("body mentions refund" in summary or "body mentions a refund" in summary for summary in gaps(found))
    assert "% of live traffic is like this" in gaps(found)[0]


def test_a_language_that_the_model_does_not_read_is_named() -> None:
    texts = mails(2000)
    found, _ = observed(texts, spoiled(np.array([text.startswith("bitte") for text in texts])))
    assert any(("German" in summary) or ("bitte" in summary) for summary in gaps(found))


def test_long_texts_are_named() -> None:
    texts = mails(2000)
    filler = np.random.default_rng(8)
    for i in range(0, 2000, 10):
        texts[i] = " ".join(texts[j] for j in filler.integers(0, 2000, 6))
    found, _ = observed(texts, spoiled(np.arange(2000) % 10 == 0))
    assert any("length of body in words is above" in summary for summary in gaps(found))


def test_a_column_that_says_of_what_kind_a_text_is_can_name_the_slice() -> None:
    texts = mails(2000)
    kind = np.where(np.arange(2000) % 7 == 0, "complaint", "question")
    found, _ = observed(texts, spoiled(kind == "complaint"), kind=kind)
    assert any("kind is complaint" in summary for summary in gaps(found))


def test_texts_with_errors_everywhere_alike_have_no_weak_slice() -> None:
    found, _ = observed(mails(2000), spoiled(np.zeros(2000, dtype=bool)))
    assert gaps(found) == []
    assert not found.artifacts


def test_an_entry_in_terms_of_a_text_answers_the_slice() -> None:
    texts = mails(2000)
    entry = (
        "failure_modes:\n  - id: refunds\n    when: '`body mentions refund`'\n    consequence: c\n"
        "    handling: h\n    owner: olga\n"
    )
    found, _ = observed(texts, spoiled(np.array(["refund" in text for text in texts])), register=entry)
    assert gaps(found) == []
    (told, *_) = [f for f in found.findings if f.code == "answered-failure-mode"]
    assert told.weight is Weight.NOTE
    assert "What it costs: " in told.why
    assert "What is done then: " in told.why


def test_wrong_rows_of_each_slice_are_kept_beside_the_ledger_as_examples() -> None:
    texts = mails(2000)
    found, trial = observed(texts, spoiled(np.array(["refund" in text for text in texts])))
    kept = json.loads(trial.artifacts.get(found.artifacts[EXAMPLES]) or b"")
    rows = kept["slices"][0]["rows"]
    assert 1 <= len(rows) <= 5
    assert all(row["list"] != row[PREDICTION] for row in rows)
    condition = parse_condition(kept["slices"][0]["when"])
    table = pa.RecordBatch.from_pylist(rows)
    assert RowConditions(Columns(table)).holds(condition).all()


ROWS = pa.RecordBatch.from_pydict(
    {
        "at": pa.array([0, 5 * 3600 + 2 * 86_400, None], type=pa.timestamp("s", tz="UTC")),
        "body": ["Where is my Refund?", "Привет", None],
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`hour of at` >= 5", [False, True, False]),
        ('`weekday of at` == "Saturday"', [False, True, False]),
        ("`length of body in words` > 2", [True, False, False]),
        ('`script of body` == "Cyrillic"', [False, True, False]),
        ('`question word of body` == "where"', [True, False, False]),
        ("`body mentions refund`", [True, False, False]),
        ("`body mentions my refund`", [True, False, False]),
        ("not `body mentions refund`", [False, True, False]),
        ("`language of body` is null", [False, False, True]),
        ("`length of nothing in words` is null", [True, True, True]),
    ],
)
def test_conditions_may_look_at_what_is_derived_from_a_column(text: str, expected: list[bool]) -> None:
    conditions = RowConditions(Columns(ROWS))
    condition = parse_condition(text)
    assert conditions.holds(condition).tolist() == expected
    assert conditions.unknown_fields(condition) == (condition.fields if "nothing" in text else ())


@pytest.mark.parametrize(
    ("name", "source"),
    [("hour of at", "at"), ("length of a b in words", "a b"), ("body mentions x y", "body"), ("length of x", None)],
)
def test_a_derived_field_tells_its_column(name: str, source: str | None) -> None:
    assert source_of(name) == source


def test_a_mention_is_said_as_people_say_it() -> None:
    assert spoken(parse_condition("`body mentions refund` == 1"), {}) == "body mentions refund"
    assert spoken(parse_condition("`body mentions refund` == 0"), {}) == "body does not mention refund"


def test_questions_in_other_languages_have_their_word() -> None:
    assert [question_word_of(text) for text in ("Wann kommt es?", "Où est-il ?", "¿Cuándo?")] == [
        "wann",
        "où",
        "cuándo",
    ]
