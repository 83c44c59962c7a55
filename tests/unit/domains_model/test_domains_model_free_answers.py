"""Outcomes of text, chat and extraction: what counts as right, and what the metrics over them count."""

from __future__ import annotations

import json
from datetime import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.scored_trial import ArrowTable
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.model.bounding import Setting
from seatrial.domains.model.silence import EMPTY, REFUSED, silences
from seatrial.domains.scored.chat import accepted_answers, holds, words_of
from seatrial.domains.scored.metrics import MetricProblem, rows_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, outcomes_of
from seatrial.domains.scored.rows import read_rows
from seatrial.spec.system import System

Found = Outcomes | Reason


def found(task: str, columns: dict[str, Any], *, output: Any = None, **evaluation: Any) -> Found:
    system = System.model_validate(
        {
            "system": "demo",
            "version": "1",
            "model": {"endpoint": "http://127.0.0.1:1/predict", "task": task, "output": output or {}},
            "data": {"evaluation": {"source": "e.parquet", "label": "expected", **evaluation}},
        }
    )
    n = len(next(iter(columns.values())))
    table = pa.table({PROBLEM: pa.nulls(n, pa.string()), SCORE: pa.nulls(n, pa.float64()), **columns})
    return outcomes_of(system, read_rows(ArrowTable(table), columns_of(system), most=1000, seed=1))


def outcomes(*args: Any, **kwargs: Any) -> Outcomes:
    made = found(*args, **kwargs)
    assert isinstance(made, Outcomes), made
    return made


def value(name: str, made: Outcomes) -> float:
    rows = rows_of(name, made)
    return rows.shown(float(rows.values.mean()))


def test_refused_and_empty_answers_of_a_chat_are_counted_with_bounds() -> None:
    said = ["4 hours"] * 80 + ["I don't know."] * 10 + ["", None] * 5
    columns = {"expected": ["4 hours"] * 100, PREDICTION: said, "can": [True] * 85 + [False] * 5 + [True] * 10}
    measures = {m.name: m for m in silences(outcomes("chat", columns, answerable="can"), Setting(alpha=0.05))}
    empty, refused = measures[EMPTY], measures[REFUSED]
    assert empty.value == pytest.approx(0.1)
    assert refused.value == pytest.approx(5 / 95)
    assert (empty.n, refused.n, empty.unit) == (100, 95, "share")
    assert (refused.upper or 0.0) > 0.09
    assert {empty.kind, refused.kind} == {MeasureKind.INFORMATIVE}
    assert list(silences(outcomes("text", {"expected": ["a", "b"], PREDICTION: ["a", "b"]}), Setting(alpha=0.05))) == []


def test_a_text_task_is_classified_like_any_other_and_measured_per_class() -> None:
    made = outcomes(
        "text", {"expected": ["urgent", "normal", "normal", "urgent"], PREDICTION: ["urgent", "normal", "urgent", None]}
    )
    assert made.task == "multiclass"
    assert made.wrong.tolist() == [False, False, True, True]
    assert value("accuracy", made) == 0.5
    assert value("recall:urgent", made) == 0.5
    assert value("precision:urgent", made) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("expected", "answer", "exact", "contains"),
    [
        ("4 hours", "4 Hours.", True, True),
        ("4 hours", "It must be back within 4 hours, at most.", False, True),
        ("4 hours", "14 hours", False, False),
        ("4 hours", "4.5 hours", False, False),
        ("30 %", "30%", False, False),
        ("seatrial verify", "Run `seatrial   verify`", False, True),
        ("don't", "don\u2019t", True, True),
        ("ＡＢＣ", "abc", True, True),
        ('["Olga", "Olga Brandt"]', "Olga Brandt", True, True),
        ("[draft]", "draft", True, True),
        ("four", "", False, False),
    ],
)
def test_what_an_answer_says_counts_and_not_how_it_is_typed(
    expected: str, answer: str, exact: bool, contains: bool
) -> None:
    columns = {"expected": [expected, "yes"], PREDICTION: [answer, "yes"]}
    assert outcomes("chat", columns).wrong.tolist() == [not exact, False]
    assert outcomes("chat", columns, match="contains").wrong.tolist() == [not contains, False]


def test_a_list_column_of_accepted_answers_accepts_each_of_them() -> None:
    made = outcomes("chat", {"expected": [["a b", "c"], ["d"], None], PREDICTION: ["C", "e", "f"]})
    assert made.wrong.tolist() == [False, True]
    assert [f.code for f in made.findings] == ["unlabelled-rows"]


def test_where_nothing_can_be_known_only_abstaining_is_right() -> None:
    made = outcomes(
        "chat",
        {
            "expected": ["4 hours", None, None, "5"],
            "known": [True, False, False, True],
            PREDICTION: ["4 hours", "I don't know.", "It is 7.", "I cannot answer that."],
        },
        answerable="known",
    )
    assert made.wrong.tolist() == [False, False, True, True]
    assert value("abstention", made) == 0.5
    assert value("answered", made) == 0.5
    assert value("exact-match", made) == 0.5
    assert value("accuracy", made) == 0.5


def test_declared_phrases_replace_the_common_ones() -> None:
    columns = {"expected": [None, None], "known": ["false", "no"], PREDICTION: ["I don't know", "Weiß ich nicht!"]}
    made = outcomes("chat", columns, output={"abstains": ["weiß ich nicht"]}, answerable="known")
    assert made.wrong.tolist() == [True, False]


def test_silence_is_no_abstention() -> None:
    made = outcomes(
        "chat", {"expected": [None, "a"], "known": [False, True], PREDICTION: [None, "a"]}, answerable="known"
    )
    assert made.wrong.tolist() == [True, False]
    assert value("abstention", made) == 0.0


def test_bad_declarations_of_a_chat_end_in_reasons() -> None:
    odd = found("chat", {"expected": ["a"], "known": ["perhaps"], PREDICTION: ["a"]}, answerable="known")
    assert isinstance(odd, Reason)
    assert odd.code == "labels-outside-task"
    nothing = found("chat", {"expected": pa.array([None, ""], pa.string()), PREDICTION: ["a", "b"]})
    assert isinstance(nothing, Reason)
    assert nothing.code == "no-labels"
    silent = found("chat", {"expected": ["a"], PREDICTION: pa.array([None], pa.string())})
    assert isinstance(silent, Reason)
    assert silent.code == "no-answers"


def test_extracted_fields_are_counted_one_by_one_and_records_as_wholes() -> None:
    made = outcomes(
        "extraction",
        {
            "expected": [
                json.dumps({"total": 12.0, "date": "2026-01-02", "lines": [{"sku": "A"}, {"sku": "B"}]}),
                json.dumps({"total": 7, "date": None, "note": None}),
                json.dumps({"total": 3}),
            ],
            PREDICTION: [
                json.dumps({"date": "2026-01-02", "total": 12, "lines": [{"sku": "b"}, {"sku": "a"}]}),
                json.dumps({"total": 8, "note": "x"}),
                "no idea",
            ],
        },
    )
    assert made.wrong.tolist() == [False, True, True]
    assert value("exact-match", made) == pytest.approx(1 / 3)
    assert value("recall", made) == pytest.approx(4 / 6)
    assert value("precision", made) == pytest.approx(4 / 7)
    assert value("f1", made) == pytest.approx(2 * (4 / 8) / (1 + 4 / 8))
    assert value("recall:total", made) == pytest.approx(1 / 3)
    finding = next(f for f in made.findings if f.code == "predictions-outside-task")
    assert finding.weight is Weight.GAP


def test_a_field_that_nobody_asked_for_is_told_and_not_counted() -> None:
    expected = [{"total": 12, "lines": [{"sku": "a"}]}, {"total": None, "lines": []}]
    said = [
        {"total": 12, "lines": [{"sku": "a", "bin": 3}], "confidence": 0.9, "meta": {"total": 13}},
        {"total": 4, "lines": [], "confidence": 0.8},
    ]
    made = outcomes(
        "extraction", {"expected": [json.dumps(each) for each in expected], PREDICTION: list(map(json.dumps, said))}
    )
    # A value that was to be left empty is invented; what no expected record names is neither right nor wrong.
    assert made.wrong.tolist() == [False, True]
    assert value("precision", made) == pytest.approx(2 / 3)
    (finding,) = made.findings
    assert finding.code == "fields-not-expected"
    assert finding.weight is Weight.NOTE
    assert "confidence, lines.bin, meta and others" in finding.summary


def test_a_list_keeps_together_what_belongs_together_in_the_whole_record() -> None:
    made = outcomes(
        "extraction",
        {
            "expected": ['[{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]', '{"x": 1}'],
            PREDICTION: ['[{"sku": "a", "n": 2}, {"sku": "b", "n": 1}]', '```json\n{"x": 1}\n```'],
        },
    )
    assert made.wrong.tolist() == [True, False]
    assert value("recall", made) == 1.0


def test_a_nested_column_holds_expected_records_too() -> None:
    made = outcomes(
        "extraction", {"expected": [{"a": 1, "b": None}, {"a": None, "b": "x"}], PREDICTION: ['{"a": 1}'] * 2}
    )
    assert made.wrong.tolist() == [False, True]


def test_an_expected_record_without_form_is_a_reason_that_names_the_row() -> None:
    made = found("extraction", {"expected": ['{"a": 1}', "12"], PREDICTION: ["{}", "{}"]})
    assert isinstance(made, Reason)
    assert made.code == "labels-outside-task"
    assert "row 2" in made.summary


@pytest.mark.parametrize(
    ("expected", "said", "right", "told"),
    [
        (1200.5, "1200.50", True, True),
        (1200.5, " 1200.5 ", True, True),
        (1200, "1.2e3", True, True),
        (0, "0.00", True, True),
        (1200.5, 1200.50, True, False),
        (1200.5, "1200.51", False, True),
        (1200.5, "1,200.50", False, False),  # elsewhere that is 1.2005
        (1200.5, "1200,50", False, False),
        (1200.5, "1200.50 EUR", False, False),
        (7, "007", False, False),  # zeros before it make it a code
        ("007", "7", False, False),
        ("007", 7, False, False),
        ("1200.50", "1200.5", False, False),
        (True, "1", False, False),
    ],
)
def test_a_number_that_is_written_as_text_counts_by_value_where_numbers_are_expected(
    expected: object, said: object, right: bool, told: bool
) -> None:
    made = outcomes(
        "extraction",
        {
            "expected": [json.dumps({"total": expected, "lines": [{"sum": expected}], "note": "x"})],
            PREDICTION: [json.dumps({"total": said, "lines": [{"sum": said}], "note": "x"})],
        },
    )
    assert made.marks["exact"].tolist() == [right]
    notes = [f for f in made.findings if f.code == "numbers-as-text"]
    assert len(notes) == told
    assert all(f.weight is Weight.NOTE and "lines.sum (1), total (1)" in f.summary for f in notes)


def test_one_text_among_the_expected_values_makes_a_field_one_of_texts() -> None:
    made = outcomes("extraction", {"expected": ['{"id": 7}', '{"id": "A7"}'], PREDICTION: ['{"id": "7.0"}'] * 2})
    assert made.marks["exact"].tolist() == [False, False]
    assert "numbers-as-text" not in {f.code for f in made.findings}


def test_some_rows_of_an_extraction_keep_their_own_fields() -> None:
    made = outcomes(
        "extraction",
        {"expected": ['{"a": 1}', '{"b": 2, "c": 3}', '{"a": 4}'], PREDICTION: ['{"a": 1}', '{"b": 2}', "{}"]},
    )
    part = made.at(np.array([1, 1, 2]))
    assert part.n == 3
    assert value("recall", part) == pytest.approx(2 / 5)
    assert part.units is not None
    assert part.units.rows.tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("name", ["abstention", "auc", "recall:nothing", "mae@3", "f1@0.5x"])
def test_a_metric_that_the_task_does_not_have_is_a_problem_in_words(name: str) -> None:
    made = outcomes("extraction", {"expected": ['{"a": 1}'], PREDICTION: ['{"a": 1}']})
    with pytest.raises(MetricProblem):
        rows_of(name, made)


@pytest.mark.parametrize(("said", "right"), [("At 05:30.", True), ("At 05:30:00.", True), ("At 15:30.", False)])
def test_a_time_of_day_is_accepted_with_and_without_its_seconds(said: str, right: bool) -> None:
    assert any(holds(words_of(said), accepted) for accepted in accepted_answers(time(5, 30))) is right
