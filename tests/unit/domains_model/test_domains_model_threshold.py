"""model.threshold: bounds against the plan's limits, and everything that must not pass."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.scored_trial import World, scored, world
from plants.told import clears, codes, finding, measure
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.model.threshold import CHECK


def observe(made: World) -> Observation:
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Observation), found
    return found


def reason(made: World) -> Reason:
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Reason), found
    return found


def test_a_sound_model_clears_its_limits_on_both_mixes_without_findings() -> None:
    found = observe(world())
    assert {m.name for m in found.measures} == {
        "recall@0.5",
        "recall@0.5 on the live mix",
        "accuracy",
        "accuracy on the live mix",
    }
    assert all(clears(m) and m.kind is MeasureKind.GATE for m in found.measures)
    assert codes(found) == set()
    assert {f.kind for f in found.figures} == {"metric", "reliability"}


def test_every_limit_is_measured_under_its_name() -> None:
    made = world(n=400)
    names = {t.measure for t in CHECK.limits(made.system())}
    assert names == {m.name for m in observe(made).measures}


def test_the_check_documents_every_code_it_gives() -> None:
    made = world(n=200)
    made.declared["governance"] = {"metric": "wishful", "metrics": [{"metric": "accuracy"}]}
    assert codes(observe(made)) <= set(CHECK.codes)


def test_too_few_rows_are_not_a_pass_and_say_how_many_more() -> None:
    made = world(n=120)
    made.declared["governance"]["minimum"] = 0.8
    found = measure(observe(made), "recall@0.5")
    assert not clears(found)
    assert found.needed is not None
    assert found.needed > 100


def test_a_model_below_the_minimum_has_its_upper_bound_below_it() -> None:
    made = world()
    made.declared["governance"]["minimum"] = 0.97
    found = measure(observe(made), "recall@0.5")
    assert found.upper is not None
    assert found.upper < 0.97
    assert found.needed is None


def test_a_model_that_is_bad_where_live_traffic_is_fails_only_on_the_live_mix() -> None:
    made = world(n=6000, live=4000)
    evaluation, rng = made.columns["scored.evaluation"], np.random.default_rng(1)
    red = evaluation["carrier"] == "red"
    spoiled = red & (rng.random(6000) < 0.4)
    evaluation[PREDICTION] = np.where(spoiled, 1 - evaluation["late"], evaluation[PREDICTION])
    live = made.columns["live"]
    live["carrier"] = np.where(rng.random(4000) < 0.5, "red", live["carrier"])
    made.declared["governance"].update(metric="accuracy", minimum=0.77, metrics=[])
    found = observe(made)
    assert clears(measure(found, "accuracy"))
    assert not clears(measure(found, "accuracy on the live mix"))


def test_live_traffic_without_evaluation_rows_counts_as_wrong() -> None:
    made = world()
    live = made.columns["live"]
    live["carrier"] = np.where(np.arange(2000) % 5 == 0, "violet", live["carrier"])
    found = observe(made)
    plain, mixed = measure(found, "accuracy"), measure(found, "accuracy on the live mix")
    assert mixed.value is not None
    assert plain.value is not None
    assert mixed.value < plain.value - 0.1
    assert found.facts["unsupported_live_share"] == pytest.approx(0.2, abs=0.01)


def test_without_a_live_sample_the_outcome_stays_open() -> None:
    made = world(n=500)
    del made.declared["data"]["live"]
    found = observe(made)
    assert finding(found, "no-live-sample").weight is Weight.OPEN
    assert [t.measure for t in CHECK.limits(made.system())] == ["recall@0.5", "accuracy"]


def test_an_unreachable_live_sample_leaves_the_outcome_open() -> None:
    made = world(n=500)
    del made.columns["live"]
    assert finding(observe(made), "live-mix-unknown").weight is Weight.OPEN


def test_no_metric_and_no_minimum_are_gaps() -> None:
    made = world(n=300)
    made.declared["governance"].update(metric=None, minimum=None, metrics=[])
    assert finding(observe(made), "no-metric").weight is Weight.GAP
    made.declared["governance"].update(metric="accuracy")
    found = observe(made)
    assert finding(found, "no-minimum").weight is Weight.GAP
    assert all(m.kind is MeasureKind.INFORMATIVE for m in found.measures)


@pytest.mark.parametrize("metric", ["wishful", "recall:maybe", "mae@5", "accuracy@", "confused:1->9"])
def test_a_metric_that_cannot_be_computed_is_a_gap_and_no_measure(metric: str) -> None:
    made = world(n=300)
    made.declared["governance"].update(metric=metric, minimum=0.5, metrics=[])
    found = observe(made)
    assert codes(found, Weight.GAP) & {"unknown-metric", "no-such-rows"}
    assert found.measures == ()


def test_a_score_metric_without_scores_is_a_gap() -> None:
    made = world(n=300)
    del made.declared["model"]["output"]["score"]
    assert finding(observe(made), "no-score").weight is Weight.GAP


def test_a_limit_that_no_share_can_reach_is_a_gap() -> None:
    made = world(n=300)
    made.declared["governance"].update(metric="accuracy", minimum=80, metrics=[])
    assert "limit-impossible" in codes(observe(made), Weight.GAP)


@pytest.mark.parametrize("metric", ["error", "false-alarm@0.5", "fnr:1", "brier", "confused:1->0"])
def test_an_error_with_a_minimum_is_a_gap_and_says_to_declare_a_maximum(metric: str) -> None:
    made = world(n=300)
    made.declared["governance"].update(metric=metric, minimum=0.01, metrics=[])
    found = finding(observe(made), "limit-on-wrong-side")
    assert found.weight is Weight.GAP
    assert "maximum" in found.remedy


def test_a_merit_with_a_maximum_alone_is_a_gap_and_a_range_is_none() -> None:
    made = world(n=300)
    made.declared["governance"].update(metric=None, minimum=None, metrics=[{"metric": "accuracy", "maximum": 0.99}])
    assert "minimum" in finding(observe(made), "limit-on-wrong-side").remedy
    made.declared["governance"]["metrics"] = [
        {"metric": "accuracy", "minimum": 0.7, "maximum": 0.99},
        {"metric": "fpr", "maximum": 0.5},
        {"metric": "flagged", "maximum": 0.9},
    ]
    assert "limit-on-wrong-side" not in codes(observe(made))


@pytest.mark.parametrize(
    "limit",
    [{"metric": "accuracy", "minimum": 0.0}, {"metric": "error", "maximum": 1}, {"metric": "mcc", "minimum": -1}],
)
def test_a_limit_that_every_model_meets_is_a_gap(limit: dict[str, Any]) -> None:
    made = world(n=300)
    made.declared["governance"].update(metric=None, minimum=None, metrics=[limit])
    assert finding(observe(made), "limit-says-nothing").weight is Weight.GAP


def test_a_minimum_that_is_not_the_plans_is_a_gap_with_both_figures() -> None:
    made = world(n=300)
    made.declared["governance"]["minimum"] = 0.65
    found = finding(observe(made), "minimum-differs-from-plan")
    assert "0.7" in found.summary
    assert "0.65" in found.summary
    assert found.weight is Weight.GAP


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"# Plan\nWe will see.\n", "plan-has-no-limits"),
        (b"# Plan\nThe recall@0.5 is at least 70 %, the accuracy at least 0.8.\n", ""),
        (b"---\nlimits:\n  recall@0.5: {minimum: 70 %}\n  accuracy: {minimum: 0.8}\n---\n", ""),
        (b"---\nlimits: [1, 2\n---\n", "plan-has-no-limits"),
        (b"---\nlimits:\n  recall@0.5: 0.7\n  accuracy: 0.9\n---\naccuracy 0.8\n", "minimum-differs-from-plan"),
        (b"\xff\xfe\x00", "plan-has-no-limits"),
    ],
)
def test_the_plan_document_is_the_source_of_the_limits(text: bytes, code: str) -> None:
    made = world(n=300)
    made.files["plan.md"] = text
    assert codes(observe(made)) == ({code} if code else set())


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ({}, "no-plan"),
        ({"document": "gone.md", "approved_by": "lena", "approved_on": "2026-10-05"}, "no-plan"),
        ({"document": "plan.md", "approved_on": "2026-10-05"}, "plan-not-approved"),
        ({"document": "plan.md", "approved_by": "max", "approved_on": "2026-10-05"}, "plan-not-approved"),
        ({"document": "plan.md", "approved_by": "lena"}, "plan-not-approved"),
        ({"document": "plan.md", "approved_by": "lena", "approved_on": "2027-10-05"}, "plan-not-approved"),
    ],
)
def test_a_plan_that_nobody_approved_is_a_gap(plan: dict[str, str], code: str) -> None:
    made = world(n=300)
    made.declared["governance"]["plan"] = plan
    assert code in codes(observe(made), Weight.GAP)


def test_an_approver_who_left_and_a_differing_date_are_gaps() -> None:
    made = world(n=300)
    made.declared["people"]["lena"]["left_on"] = "2026-11-01"
    made.files["plan.md"] = b"---\napproved_on: 2026-10-06\nlimits: {recall@0.5: 0.7, accuracy: 0.8}\n---\n"
    assert codes(observe(made), Weight.GAP) == {"plan-not-approved", "approval-differs-from-plan"}


def test_rows_of_one_customer_do_not_count_as_many() -> None:
    made = world(n=1200)
    plain = measure(observe(made), "accuracy")
    for table in ("evaluation", "scored.evaluation"):
        for name, values in made.columns[table].items():
            if not isinstance(values, pa.Array):
                made.columns[table][name] = np.repeat(values[:200], 6)
    found = measure(observe(made), "accuracy")
    assert "clusters" in found.method
    assert found.approximate
    assert (found.lower or 1) < (plain.lower or 0) - 0.02


def test_unanswered_rows_count_as_wrong_and_are_named() -> None:
    made = world(n=1000)
    evaluation = made.columns["scored.evaluation"]
    silent = np.arange(1000) < 200
    evaluation[PREDICTION] = pa.array(np.where(silent, 0, evaluation[PREDICTION]), mask=silent)
    evaluation[SCORE] = pa.array(evaluation[SCORE], mask=silent)
    found = observe(made)
    assert "unanswered-rows" in codes(found)
    assert (measure(found, "accuracy").value or 1) < 0.72
    assert (measure(found, "recall@0.5").value or 1) < 0.75


@pytest.mark.parametrize("bad", [1.2, -0.1, math.inf])
def test_scores_outside_the_range_are_a_gap_and_count_as_wrong(bad: float) -> None:
    made = world(n=500)
    score = made.columns["scored.evaluation"][SCORE]
    score[:50] = bad
    found = observe(made)
    assert finding(found, "score-outside-range").weight is Weight.GAP
    assert (measure(found, "accuracy").value or 1) < 0.82


def _no_rows(made: World) -> None:
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = {
            k: (v.slice(0, 0) if isinstance(v, pa.Array) else v[:0]) for k, v in made.columns[table].items()
        }


def _set(name: str, value: Any) -> Any:
    def change(made: World) -> None:
        made.columns["scored.evaluation"][name] = value

    return change


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_no_rows, "no-rows"),
        (_set("late", np.zeros(300, dtype=int)), "one-class"),
        (_set("late", np.arange(300) % 3), "labels-outside-task"),
        (_set("late", np.where(np.arange(300) % 2, "yes", "no")), "labels-outside-task"),
        (_set("late", pa.nulls(300)), "no-labels"),
        (_set("late", np.full(300, np.nan)), "no-labels"),
        (_set(PREDICTION, pa.nulls(300)), "no-answers"),
        (_set(PREDICTION, np.where(np.arange(300) % 2, "LATE", "ON TIME")), "predictions-outside-task"),
    ],
)
def test_data_that_cannot_be_measured_end_in_a_reason(change: Any, code: str) -> None:
    made = world(n=300)
    change(made)
    assert reason(made).code == code


def test_a_missing_label_column_and_a_missing_declaration_end_in_a_reason() -> None:
    made = world(n=300)
    made.declared["data"]["evaluation"]["label"] = "latte"
    assert reason(made).code == "no-labels"
    del made.declared["data"]["evaluation"]
    assert reason(made).code == "no-evaluation-data"


def test_some_foreign_predictions_are_a_gap_and_count_as_wrong() -> None:
    made = world(n=500)
    said = made.columns["scored.evaluation"][PREDICTION].astype(str)
    made.columns["scored.evaluation"][PREDICTION] = np.where(np.arange(500) < 100, "maybe", said)
    found = observe(made)
    assert finding(found, "predictions-outside-task").weight is Weight.GAP
    assert (measure(found, "accuracy").value or 1) < 0.75


def test_three_rows_pass_nothing() -> None:
    made = world(n=3, live=3)
    made.columns["scored.evaluation"]["late"] = np.array([0, 1, 1])
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Reason) or not any(clears(m) for m in found.measures)


def test_infinite_constant_and_empty_inputs_do_not_stop_the_measurement() -> None:
    made = world(n=800)
    for table in ("evaluation", "scored.evaluation", "live"):
        columns = made.columns[table]
        columns["temp"] = np.where(np.arange(len(columns["temp"])) % 7 == 0, np.inf, 5.0)
        columns["load"] = pa.nulls(len(columns["load"]), pa.float64())
    assert clears(measure(observe(made), "accuracy on the live mix"))


def test_booleans_text_and_floats_mean_the_same_labels() -> None:
    made = world(n=500)
    expected = observe(made).measures
    columns = made.columns["scored.evaluation"]
    columns["late"] = columns["late"].astype(bool)
    columns[PREDICTION] = columns[PREDICTION].astype(float)
    assert observe(made).measures == expected
    columns[PREDICTION] = columns[PREDICTION].astype(int).astype(str)
    assert observe(made).measures == expected


def test_harmless_changes_do_not_move_the_result() -> None:
    made = world(n=1000)
    before = {m.name: m.lower for m in observe(made).measures if " on the live mix" not in m.name}
    order = np.random.default_rng(5).permutation(1000)
    columns = made.columns["scored.evaluation"]
    for name, values in columns.items():
        columns[name] = values.take(pa.array(order)) if isinstance(values, pa.Array) else values[order]
    columns["distance"] = columns["distance"].astype(np.float32)
    columns["remark"] = pa.nulls(1000, pa.string())
    found = observe(made)
    assert {m.name: m.lower for m in found.measures if " on the live mix" not in m.name} == before
    assert all(clears(m) for m in found.measures)


def test_regression_is_bounded_by_capped_errors_and_by_shares_within() -> None:
    made = world(n=1500)
    made.declared["model"].update(task="regression", output={"prediction": "minutes"})
    made.declared["governance"].update(
        metric="within@12", minimum=0.7, metrics=[{"metric": "mae@60", "maximum": 9}, {"metric": "mae", "maximum": 9}]
    )
    columns = made.columns["scored.evaluation"]
    columns["late"] = columns["distance"] * 0.2
    columns[PREDICTION] = columns["late"] + np.random.default_rng(1).normal(0, 8, 1500)
    found = observe(made)
    assert clears(measure(found, "within@12"))
    assert clears(measure(found, "mae@60"))
    assert clears(measure(found, "mae@60 on the live mix"))
    assert measure(found, "mae@60").value == pytest.approx(6.4, abs=0.4)
    assert finding(found, "no-cap").fields == ("mae",)
    columns["late"] = np.full(1500, 3.0)
    assert reason(made).code == "one-class"
    columns["late"] = np.where(np.arange(1500) == 3, np.inf, 1.0)
    assert reason(made).code == "labels-outside-task"


def test_a_multiclass_task_is_bounded_by_class() -> None:
    made = world(n=1500)
    made.declared["model"].update(task="multiclass", output={"prediction": "route"})
    made.declared["governance"].update(
        metric="accuracy",
        minimum=0.8,
        metrics=[{"metric": "recall:red", "minimum": 0.8}, {"metric": "f1:blue", "minimum": 0.8}],
    )
    columns = made.columns["scored.evaluation"]
    columns["late"] = columns["carrier"]
    wrong = np.random.default_rng(1).random(1500) < 0.1
    columns[PREDICTION] = np.where(wrong, "grey", columns["carrier"])
    found = observe(made)
    assert all(clears(m) for m in found.measures)
    assert len(found.measures) == 6


def test_an_auc_is_bounded_on_both_mixes() -> None:
    made = world(n=1500)
    made.declared["governance"].update(metric="auc", minimum=0.85, metrics=[])
    found = observe(made)
    assert clears(measure(found, "auc"))
    assert measure(found, "auc on the live mix").approximate
    made.columns["scored.evaluation"] = scored(made.columns["evaluation"], noise=9.0)
    assert not clears(measure(observe(made), "auc"))


def test_of_two_limits_for_one_metric_the_stricter_one_counts() -> None:
    made = world(n=300)
    made.declared["governance"]["metrics"] = [
        {"metric": "recall@0.5", "minimum": 0.9},
        {"metric": "fpr@0.5", "maximum": 0.2},
        {"metric": "fpr@0.5", "maximum": 0.1},
    ]
    stated = {t.measure: t.limit for t in CHECK.limits(made.system()) if " on the live mix" not in t.measure}
    assert stated == {"recall@0.5": 0.9, "fpr@0.5": 0.1}


@pytest.mark.parametrize(("every", "weight"), [(50, Weight.NOTE), (3, Weight.OPEN)])
def test_rows_without_a_label_are_left_out_and_named(every: int, weight: Weight) -> None:
    made = world(n=900)
    columns = made.columns["scored.evaluation"]
    columns["late"] = pa.array(columns["late"], mask=np.arange(900) % every == 0)
    assert finding(observe(made), "unlabelled-rows").weight is weight


@pytest.mark.parametrize("metric", ["recall@1.2.3", "recall@x", "recall@", "@0.5", "", "RECALL@1.5", "hit@2", "f0"])
def test_a_metric_that_is_misspelt_is_a_gap(metric: str) -> None:
    made = world(n=200)
    made.declared["governance"].update(metric=metric, minimum=0.5, metrics=[])
    assert finding(observe(made), "unknown-metric").weight is Weight.GAP


def test_rows_that_the_classifier_did_not_learn_from_are_weighted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from seatrial.domains.model import live_mix

    made = world(n=3000)
    whole = measure(observe(made), "accuracy on the live mix")
    monkeypatch.setattr(live_mix, "MOST_ROWS", 1000)
    sampled = measure(observe(made), "accuracy on the live mix")
    assert sampled.n == whole.n == 3000
    assert sampled.value == pytest.approx(whole.value, abs=0.01)


def test_a_grown_sample_of_repeated_customers_gets_both_cautions_on_both_mixes() -> None:
    made = world(n=1200)
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table]["id"] = np.repeat(made.columns[table]["id"][:300], 4)
    first = observe(made)
    trial = made.trial()
    fewer = replace(first, facts={**first.facts, "evaluation_content": "of fewer rows"})
    trial.observed("model.threshold", fewer, {"model": "m1", "data.evaluation": "e0"}, days_ago=3)
    again = CHECK.run(made.system(), trial)
    assert isinstance(again, Observation)
    for name in ("accuracy", "accuracy on the live mix"):
        assert (measure(again, name).lower or 1) < (measure(first, name).lower or 0)


def test_live_rows_that_hardly_overlap_leave_the_live_mix_unbounded() -> None:
    made = world(n=800, live=800)
    made.columns["live"]["temp"] = np.asarray(made.columns["live"]["temp"]) + 500.0
    assert measure(observe(made), "accuracy on the live mix").bound is None


@pytest.mark.parametrize(
    ("metrics", "elsewhere"),
    [
        (["precision@0.6"], True),
        (["precision@0.6", "recall@0.2"], False),
        (["precision"], True),
        (["auc"], False),
        (["recall@0.2"], False),
    ],
)
def test_a_metric_at_another_score_than_outputs_are_acted_on_is_a_gap(metrics: list[str], elsewhere: bool) -> None:
    made = world(n=600)
    made.declared["model"]["output"]["act_at"] = 0.2
    made.declared["governance"] |= {"metric": metrics[0], "minimum": 0.3}
    made.declared["governance"]["metrics"] = [{"metric": name, "minimum": 0.3} for name in metrics[1:]]
    assert ("metric-elsewhere" in codes(observe(made), Weight.GAP)) is elsewhere
    made.declared["model"]["output"]["act_at"] = 0.5
    # The answers of this model are its scores from one half on.
    assert ("metric-elsewhere" in codes(observe(made))) is (metrics[0].endswith(("@0.6", "@0.2")))


@pytest.mark.parametrize("labels", [["north", "south", "east"], ["true", "false", "unknown"]])
def test_a_mean_over_classes_that_leaves_out_a_declared_one_is_open(labels: list[str]) -> None:
    made = world(n=900)
    rng = np.random.default_rng(2)
    for table in ("training", "evaluation", "scored.evaluation"):
        made.columns[table]["route"] = rng.choice(labels[:2], len(made.columns[table]["late"]))
    made.columns["scored.evaluation"][PREDICTION] = made.columns["scored.evaluation"]["route"]
    made.declared["model"].update(task="multiclass", output={"labels": labels})
    for source in ("training", "evaluation"):
        made.declared["data"][source]["label"] = "route"
    made.declared["governance"] |= {"metric": "macro-f1", "minimum": 0.7, "metrics": []}
    found = finding(observe(made), "class-not-evaluated")
    assert found.weight is Weight.OPEN
    assert found.summary.endswith(f"no evaluation row is {labels[2]}")
    made.declared["governance"]["metric"] = "accuracy"
    assert "class-not-evaluated" not in codes(observe(made))


def left(made: World, kept: np.ndarray) -> World:
    for table in ("evaluation", "scored.evaluation"):
        rows = np.flatnonzero(kept)
        for name, values in made.columns[table].items():
            made.columns[table][name] = (
                values.take(pa.array(rows)) if isinstance(values, pa.Array) else np.asarray(values)[rows]
            )
    return made


@pytest.mark.parametrize(
    "way", ["half of the wrong", "none", "half of all", "half of the late ones", "half of the flagged"]
)
def test_wrong_rows_that_were_left_out_show_where_the_answer_turns_and_other_choices_of_rows_do_not(way: str) -> None:
    made = world(n=9000)
    table = made.columns["scored.evaluation"]
    late, said = np.asarray(table["late"]), np.asarray(table[PREDICTION])
    chosen = {
        "half of the wrong": late != said,
        "none": np.zeros(late.size, dtype=bool),
        "half of all": np.ones(late.size, dtype=bool),
        "half of the late ones": late == 1,
        "half of the flagged": said == 1,
    }[way]
    coin = np.random.default_rng(4).random(late.size) < 0.5
    found = [f for f in observe(left(made, ~(chosen & coin))).findings if f.code == "labels-turn-with-answer"]
    assert [f.weight for f in found] == ([Weight.OPEN] if way == "half of the wrong" else [])


def test_labels_that_follow_the_answer_show_in_the_same_way() -> None:
    made = world(n=9000)
    for table in ("evaluation", "scored.evaluation"):
        late = np.asarray(made.columns[table]["late"]).copy()
        said = np.asarray(made.columns["scored.evaluation"][PREDICTION])
        copied = np.random.default_rng(5).random(late.size) < 0.4
        late[copied] = said[copied]
        made.columns[table]["late"] = late
    assert "labels-turn-with-answer" in codes(observe(made), Weight.OPEN)
