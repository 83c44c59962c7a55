"""The governed metrics on rows with known outcomes: their values are those that the field's textbook gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as oracle

from plants.scored_trial import ArrowTable
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.model.bounding import Setting, plain_measure
from seatrial.domains.scored.metrics import Governed, MetricProblem, rows_of
from seatrial.domains.scored.outcomes import Outcomes, columns_of, outcomes_of
from seatrial.domains.scored.rows import read_rows
from seatrial.spec.system import System


def outcomes(task: str, truth: Any, said: Any, score: Any = None, **output: Any) -> Outcomes:
    system = System.model_validate(
        {
            "system": "demo",
            "version": "1",
            "model": {
                "endpoint": "http://127.0.0.1:1/predict",
                "task": task,
                "output": {"score": "score" if score is not None else None, "positive": 1, **output},
            },
            "data": {"evaluation": {"source": "e.parquet", "label": "y"}},
        }
    )
    n = len(truth)
    score = pa.nulls(n, pa.float64()) if score is None else score
    table = pa.table({"y": truth, PREDICTION: said, SCORE: score, PROBLEM: pa.nulls(n, pa.string())})
    found = outcomes_of(system, read_rows(ArrowTable(table), columns_of(system), most=100_000, seed=1))
    assert isinstance(found, Outcomes), found
    return found


@pytest.mark.parametrize("declared", [{"labels": ["a", "b", "c"]}, {"classes": ["a", "b", "c"]}])
def test_a_declared_label_that_no_evaluation_row_has_is_wrong_and_no_answer_outside_the_task(declared: Any) -> None:
    truth, said = ["a", "b"] * 50, ["a", "b"] * 48 + ["c"] * 4
    found = outcomes("multiclass", truth, said, **declared)
    assert [(f.code, f.weight) for f in found.findings] == [("label-not-evaluated", Weight.NOTE)]
    assert found.wrong.sum() == 4
    assert [f.weight for f in outcomes("multiclass", truth, said).findings] == [Weight.GAP]
    both = outcomes("multiclass", truth, [*said[:-1], "d"], **declared)
    assert {f.code for f in both.findings} == {"label-not-evaluated", "predictions-outside-task"}
    assert rows_of("macro-f1", found).values is not None


def value(name: str, made: Outcomes) -> float:
    return rows_of(name, made).value


@pytest.fixture(scope="module")
def binary() -> tuple[np.ndarray, np.ndarray, Outcomes]:
    rng = np.random.default_rng(1)
    truth = (rng.random(600) < 0.3).astype(int)
    score = np.clip(rng.normal(0.35 + 0.3 * truth, 0.18), 0.0, 1.0)
    return truth, score, outcomes("binary", truth, (score >= 0.5).astype(int), score)


def test_figures_of_two_classes_at_a_score(binary: tuple[np.ndarray, np.ndarray, Outcomes]) -> None:
    truth, score, made = binary
    said = score >= 0.4
    assert value("mcc@0.4", made) == pytest.approx(oracle.matthews_corrcoef(truth, said))
    assert value("kappa@0.4", made) == pytest.approx(oracle.cohen_kappa_score(truth, said))
    assert value("f2@0.4", made) == pytest.approx(oracle.fbeta_score(truth, said, beta=2.0))
    assert value("f0.5@0.4", made) == pytest.approx(oracle.fbeta_score(truth, said, beta=0.5))
    assert value("f1@0.4", made) == pytest.approx(oracle.f1_score(truth, said))
    assert value("balanced-accuracy@0.4", made) == pytest.approx(oracle.balanced_accuracy_score(truth, said))


def test_scores_are_held_against_the_truth(binary: tuple[np.ndarray, np.ndarray, Outcomes]) -> None:
    truth, score, made = binary
    assert value("brier", made) == pytest.approx(oracle.brier_score_loss(truth, score))
    loss = np.minimum(-np.log(np.maximum(np.where(truth == 1, score, 1 - score), 1e-300)), 5.0)
    assert value("log-loss@5", made) == pytest.approx(float(loss.mean()))


def test_the_top_of_the_ranking_is_counted(binary: tuple[np.ndarray, np.ndarray, Outcomes]) -> None:
    truth, score, made = binary
    clear = np.lexsort((truth, -score))[:50]
    assert value("precision@50", made) == pytest.approx(truth[clear].mean())
    assert value("recall@50", made) == pytest.approx(truth[clear].sum() / truth.sum())
    with pytest.raises(MetricProblem) as problem:
        rows_of("precision@601", made)
    assert problem.value.code == "no-such-rows"


def test_among_equal_scores_the_wrong_rows_come_first() -> None:
    made = outcomes("binary", [1, 0, 1, 0], [1, 1, 1, 1], [0.5, 0.5, 0.5, 0.5])
    assert value("precision@2", made) == 0.0


def test_figures_of_many_classes() -> None:
    rng = np.random.default_rng(2)
    truth = rng.choice(["a", "b", "c"], 500, p=[0.6, 0.3, 0.1])
    said = np.where(rng.random(500) < 0.8, truth, rng.choice(["a", "b", "c"], 500))
    made = outcomes("multiclass", truth, said)
    assert value("macro-f1", made) == pytest.approx(oracle.f1_score(truth, said, average="macro"))
    assert value("mcc", made) == pytest.approx(oracle.matthews_corrcoef(truth, said))
    assert value("kappa", made) == pytest.approx(oracle.cohen_kappa_score(truth, said))
    assert value("f2:c", made) == pytest.approx(oracle.fbeta_score(truth == "c", said == "c", beta=2.0))


def test_rows_without_an_answer_count_against_every_figure() -> None:
    truth, said = ["a", "b"] * 50, ["a", "b"] * 49 + [None, None]
    made = outcomes("multiclass", truth, said)
    for name in ("macro-f1", "macro-recall", "macro-precision", "mcc", "kappa", "f2:a", "accuracy"):
        assert value(name, made) < 1.0, name


def test_errors_of_numbers() -> None:
    rng = np.random.default_rng(3)
    truth = rng.gamma(3, 10, 400)
    said = truth + rng.normal(0, 4, 400)
    made = outcomes("regression", truth, said)
    error = np.abs(said - truth)
    assert value("rmse@20", made) == pytest.approx(float(np.sqrt(np.mean(np.minimum(error, 20.0) ** 2))))
    assert value("wape@1000", made) == pytest.approx(float(error.sum() / truth.sum()))
    assert value("p95-error", made) == pytest.approx(np.sort(error)[379])
    with pytest.raises(MetricProblem, match="limit on a single error"):
        rows_of("rmse", made)


def test_the_answers_of_a_list_are_hits_by_their_place() -> None:
    said = ['["a","b"]', '["a","b","c"]', '["a","b"]', '["b","c","a"]']
    made = outcomes("text", ["a", "b", "c", "a"] * 2, said * 2)
    assert value("hit@1", made) == 0.25
    assert value("hit@2", made) == 0.5
    assert value("hit@3", made) == 0.75
    assert value("accuracy", made) == 0.25


@pytest.mark.parametrize(
    ("name", "sense", "limit", "task"),
    [
        ("mcc@0.4", Sense.AT_LEAST, 0.2, "binary"),
        ("auc", Sense.AT_LEAST, 0.6, "binary"),
        ("brier", Sense.AT_MOST, 0.4, "binary"),
        ("log-loss@5", Sense.AT_MOST, 1.5, "binary"),
        ("precision@50", Sense.AT_LEAST, 0.5, "binary"),
        ("rmse@20", Sense.AT_MOST, 8.0, "regression"),
        ("wape@100", Sense.AT_MOST, 0.3, "regression"),
        ("p90-error", Sense.AT_MOST, 12.0, "regression"),
    ],
)
def test_every_kind_of_metric_clears_with_enough_rows_and_asks_for_more_with_few(
    name: str, sense: Sense, limit: float, task: str, binary: tuple[np.ndarray, np.ndarray, Outcomes]
) -> None:
    if task == "binary":
        made = binary[2]
    else:
        rng = np.random.default_rng(4)
        truth = rng.gamma(3, 10, 600)
        made = outcomes(task, truth, truth + rng.normal(0, 4, 600))
    metric = Governed(name=name, sense=sense, limit=limit)
    for setting in (Setting(alpha=0.05), Setting(alpha=0.05, look=2), Setting(alpha=0.05, groups=np.arange(600))):
        clear = plain_measure(metric, rows_of(name, made), setting)
        assert clear.value is not None
        assert clear.lower is None or clear.lower <= clear.value
        assert clear.bound is not None
        assert (clear.bound >= limit) is (sense is Sense.AT_LEAST), (setting, clear)
        assert clear.needed is None
    few = made.at(np.arange(60))
    close = Governed(name=name, sense=sense, limit=value(name, few) + (-0.01 if sense is Sense.AT_LEAST else 0.01))
    open_ = plain_measure(close, rows_of(name, few), Setting(alpha=0.05)) if name != "precision@50" else None
    assert open_ is None or (open_.needed or 0) > 0, open_


def test_too_few_rows_for_a_percentile_say_how_many_it_takes() -> None:
    made = outcomes("regression", np.arange(20.0), np.arange(20.0) + 0.5)
    found = plain_measure(
        Governed(name="p95-error", sense=Sense.AT_MOST, limit=1.0), rows_of("p95-error", made), Setting(alpha=0.05)
    )
    assert found.upper is None
    assert found.needed == 39


def test_scores_that_never_change_pass_nothing_that_needs_a_ranking() -> None:
    truth = [0, 1] * 100
    made = outcomes("binary", truth, [1] * 200, [0.7] * 200)
    found = plain_measure(
        Governed(name="auc", sense=Sense.AT_LEAST, limit=0.51), rows_of("auc", made), Setting(alpha=0.05)
    )
    assert found.value == 0.5
    assert (found.lower or 1.0) < 0.5
    assert value("precision@50", made) == 0.0
    assert value("mcc@0.5", made) == 0.0
    assert value("brier", made) == pytest.approx((0.49 + 0.09) / 2)


def test_numbers_that_arrive_as_text_are_read_as_numbers() -> None:
    made = outcomes("regression", [str(x) for x in range(20)], [str(x + 2) for x in range(20)])
    assert value("mae@10", made) == pytest.approx(2.0)
    labels = outcomes("binary", ["0", "1"] * 10, [0, 1] * 10)
    assert value("accuracy", labels) == 1.0


@pytest.mark.parametrize("name", ["auc", "brier", "log-loss@3", "recall@0.5", "precision@5", "mcc@0.5"])
def test_a_metric_of_scores_without_scores_says_so(name: str) -> None:
    with pytest.raises(MetricProblem) as problem:
        rows_of(name, outcomes("binary", [0, 1] * 10, [0, 1] * 10))
    assert problem.value.code == "no-score"


@pytest.mark.parametrize("name", ["rmse", "rmse@0", "wape@-1", "mae@inf", "p0-error", "p100-error", "r2", "accuracy"])
def test_a_metric_of_numbers_without_its_cap_or_unknown_says_so(name: str) -> None:
    with pytest.raises(MetricProblem):
        rows_of(name, outcomes("regression", np.arange(20.0), np.arange(20.0)))
