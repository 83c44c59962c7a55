"""model.out-of-sample: copies, time order, features that know the answer, and likeness to live traffic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from out_of_sample_scene import observe

from plants.scored_trial import deliveries, scored, world
from plants.told import clears, codes, finding, measure
from seatrial.core.check import PREDICTION
from seatrial.core.observation import Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.model import leaks
from seatrial.domains.model.out_of_sample import CHECK


def copied(columns: dict[str, Any], other: dict[str, Any], n: int, names: set[str]) -> dict[str, Any]:
    """The first n rows of `columns` replaced by those of `other`, in these columns."""
    return {
        k: (np.concatenate([np.asarray(other[k])[:n], np.asarray(v)[n:]]) if k in names else v)
        for k, v in columns.items()
    }


def test_sound_data_clear_every_limit_without_gaps() -> None:
    made = world()
    found = observe(made)
    assert codes(found, Weight.GAP, Weight.OPEN) == set()
    assert all(clears(m) for m in found.measures if m.limit is not None)
    assert {t.measure for t in CHECK.limits(made.system())} <= {m.name for m in found.measures}
    assert found.proof == 3
    assert [f.kind for f in found.figures] == ["drift"]


def test_every_code_is_documented() -> None:
    made = world(n=400, live=400)
    made.declared["data"]["training"] = None
    made.declared["data"]["live"] = None
    assert codes(observe(made)) <= set(CHECK.codes)


@pytest.mark.parametrize("names", [{"id", "distance", "temp", "carrier", "load", "late"}])
def test_copies_of_training_rows_are_a_gap(names: set[str]) -> None:
    made = world()
    made.declared["data"]["training"]["time"] = made.declared["data"]["evaluation"]["time"] = None
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = copied(made.columns[table], made.columns["training"], 150, names)
    found = observe(made)
    assert finding(found, "duplicate-rows").weight is Weight.GAP
    assert "150 of 3000" in finding(found, "duplicate-rows").summary


def test_copies_that_were_rounded_or_renamed_are_a_gap() -> None:
    made = world()
    inputs = {"distance", "temp", "carrier", "load"}
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = copied(made.columns[table], made.columns["training"], 150, inputs)
        made.columns[table]["load"] = np.asarray(made.columns[table]["load"]) * (1 + 1e-6)
    found = observe(made)
    assert finding(found, "near-duplicate-rows").weight is Weight.GAP
    assert "duplicate-rows" not in codes(found)


def test_copies_are_found_under_other_ids_and_times_although_both_are_declared_inputs() -> None:
    made = world()
    inputs = {"distance", "temp", "carrier", "load"}
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = copied(made.columns[table], made.columns["training"], 150, inputs)
    for table in ("training", "evaluation", "scored.evaluation", "live"):
        rows = len(made.columns[table]["load"])
        made.columns[table]["ticket"] = np.asarray([f"{table}-{n}" for n in range(rows)], dtype=object)
    made.declared["model"]["inputs"]["ticket"] = {"type": "string"}
    assert finding(observe(made), "near-duplicate-rows").weight is Weight.GAP


def test_a_live_sample_that_is_the_evaluation_data_once_more_shows_nothing() -> None:
    made = world()
    made.columns["live"] = copied(made.columns["live"], made.columns["evaluation"], 2000, set(made.columns["live"]))
    assert finding(observe(made), "live-is-evaluation").weight is Weight.OPEN
    assert "live-is-evaluation" not in codes(observe(world()))


def test_evaluation_rows_that_repeat_each_other_under_new_names_are_a_gap() -> None:
    made = world()
    evaluation = ("evaluation", "scored.evaluation")
    for table in evaluation:
        columns = made.columns[table]
        once = np.arange(len(columns["load"])) % 600
        for name, values in columns.items():
            if name not in {"id", "at"}:
                columns[name] = values.take(pa.array(once)) if isinstance(values, pa.Array) else values[once]
    found = finding(observe(made), "repeated-rows")
    assert found.weight is Weight.GAP
    for table in evaluation:
        made.columns[table]["id"] = np.array([f"p{n % 600}" for n in range(len(made.columns[table]["load"]))])
    assert "repeated-rows" not in codes(observe(made))


@pytest.mark.parametrize("way", ["shaken", "one input changed", "harmless"])
def test_evaluation_rows_that_nearly_repeat_each_other_are_a_gap_too(way: str) -> None:
    made = world(n=2000, live=1500)
    once = np.arange(2000) % (2000 if way == "harmless" else 1000)
    rng = np.random.default_rng(6)
    moved = rng.normal(0, 0.0005, 2000), rng.normal(0, 0.02, 2000), rng.choice(["blue", "green", "red", "grey"], 2000)
    for table in ("evaluation", "scored.evaluation"):
        columns = made.columns[table]
        for name, values in columns.items():
            if name not in {"id", "at"}:
                columns[name] = values.take(pa.array(once)) if isinstance(values, pa.Array) else values[once]
        if way == "shaken":
            columns["load"], columns["distance"] = columns["load"] + moved[0], columns["distance"] + moved[1]
        elif way == "one input changed":
            columns["carrier"] = moved[2]
    assert ("repeated-rows" in codes(observe(made))) == (way != "harmless")


@pytest.mark.parametrize("copies", [2, 1])
def test_evaluation_rows_that_are_all_near_each_other_cannot_say_that_this_is_usual(copies: int) -> None:
    made, rng = world(n=2000, live=1500), np.random.default_rng(8)
    sensors = [f"sensor_{n}" for n in range(8)]
    made.declared["model"]["inputs"] |= {name: {"type": "number"} for name in sensors}
    for columns in made.columns.values():
        columns |= {name: rng.normal(size=len(columns["load"])) for name in sensors}
    once = np.arange(2000) % (2000 // copies)
    for table in ("evaluation", "scored.evaluation"):
        columns = made.columns[table]
        for name, values in columns.items():
            if name not in {"id", "at"}:
                columns[name] = values.take(pa.array(once)) if isinstance(values, pa.Array) else values[once]
        columns["sensor_3"] = np.random.default_rng(9).normal(size=2000)
    assert ("repeated-rows" in codes(observe(made))) == (copies > 1)


def test_without_a_live_sample_repetition_is_said_to_be_unknown() -> None:
    made = world(n=400, live=400)
    made.declared["data"]["live"] = None
    found = finding(observe(made), "no-live-sample")
    assert found.weight is Weight.GAP
    assert "repeat each other more often than live rows do" in found.summary


def test_rows_that_repeat_each_other_as_live_rows_do_are_none() -> None:
    made = world()
    for table in ("training", "evaluation", "scored.evaluation", "live"):
        columns = made.columns[table]
        columns["distance"], columns["temp"] = np.round(columns["distance"] / 200), np.round(columns["temp"] / 20)
        columns["load"] = np.round(columns["load"])
    assert "repeated-rows" not in codes(observe(made))


def test_coarse_data_that_repeat_themselves_are_no_leak() -> None:
    made = world()
    for table in ("training", "evaluation", "scored.evaluation", "live"):
        columns = made.columns[table]
        columns["distance"] = np.round(columns["distance"] / 100) * 100
        columns["temp"] = np.round(columns["temp"] / 10) * 10
        columns["load"] = np.round(columns["load"] * 3) / 3
    assert codes(observe(made), Weight.GAP) == set()


def test_an_evaluation_that_is_not_later_than_the_training_is_a_gap() -> None:
    made = world()
    mixed = deliveries(3000, seed=5, start_day=60)
    made.columns["evaluation"], made.columns["scored.evaluation"] = mixed, scored(mixed)
    found = finding(observe(made), "time-overlap")
    assert found.weight is Weight.GAP
    assert found.fields == ("at",)


@pytest.mark.parametrize(
    ("training", "evaluation", "code"),
    [
        (pa.timestamp("s", tz="UTC"), pa.timestamp("ms", tz="UTC"), ""),
        (pa.timestamp("s"), pa.timestamp("s", tz="UTC"), "time-unreadable"),
        (pa.string(), pa.timestamp("s", tz="UTC"), ""),
        (None, pa.timestamp("s", tz="UTC"), "time-unreadable"),
    ],
)
def test_times_are_compared_only_where_both_sides_can_be_read(training: Any, evaluation: Any, code: str) -> None:
    made = world(n=600, live=600)
    before = made.columns["training"]["at"]
    made.columns["training"]["at"] = pa.array(["soon"] * 4000) if training is None else before.cast(training)
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table]["at"] = made.columns[table]["at"].cast(evaluation)
    found = codes(observe(made), Weight.OPEN, Weight.GAP)
    assert found == ({code} if code else set())


def test_an_undeclared_time_leaves_the_outcome_open() -> None:
    made = world(n=600, live=600)
    del made.declared["data"]["training"]["time"]
    del made.declared["data"]["evaluation"]["time"]
    assert finding(observe(made), "time-undeclared").weight is Weight.OPEN


def test_no_training_data_leaves_the_outcome_open_and_says_what_a_vendor_can_do() -> None:
    made = world(n=600, live=600)
    del made.declared["data"]["training"]
    found = finding(observe(made), "no-training-data")
    assert found.weight is Weight.OPEN
    assert "vendor" in found.remedy


def test_empty_training_data_leave_the_outcome_open() -> None:
    made = world(n=600, live=600)
    columns = made.columns["training"]
    made.columns["training"] = {k: v.slice(0, 0) if isinstance(v, pa.Array) else v[:0] for k, v in columns.items()}
    assert finding(observe(made), "training-empty").weight is Weight.OPEN


def test_a_field_that_is_empty_or_absent_live_is_a_gap_that_names_it() -> None:
    made = world()
    made.columns["live"]["load"] = pa.nulls(2000, pa.float64())
    del made.columns["live"]["temp"]
    found = observe(made)
    assert {f.fields for f in found.findings if f.code == "not-known-live"} == {("load",), ("temp",)}


def test_no_live_sample_is_a_gap() -> None:
    made = world(n=600)
    del made.declared["data"]["live"]
    found = observe(made)
    assert finding(found, "no-live-sample").weight is Weight.GAP
    assert CHECK.limits(made.system()) == ()


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_live_sample_of_hardly_any_rows_leaves_the_outcome_open(rows: int) -> None:
    made = world(n=600, live=600)
    made.columns["live"] = {
        k: v.slice(0, rows) if isinstance(v, pa.Array) else v[:rows] for k, v in made.columns["live"].items()
    }
    found = observe(made)
    assert finding(found, "live-mix-unknown").weight is Weight.OPEN


def test_few_live_rows_cannot_clear_the_limits() -> None:
    made = world(n=100, live=60)
    found = observe(made)
    assert not clears(measure(found, "evaluation rows that still count after re-weighting"))
    assert not clears(measure(found, "distance of the farthest field between evaluation and live rows"))


def test_a_scale_that_moved_live_is_a_gap_that_names_the_field() -> None:
    made = world()
    made.columns["live"]["temp"] = np.asarray(made.columns["live"]["temp"]) * 1.8 + 32
    found = observe(made)
    assert finding(found, "field-drift").fields == ("temp",)
    assert not clears(measure(found, "how well live rows can be told from evaluation rows (AUC)"))
    assert "temp" in str(found.facts["told_apart_by"])


def test_a_joint_shift_that_no_single_field_shows_is_seen_by_the_classifier() -> None:
    made = world(n=6000, live=6000)
    live = made.columns["live"]
    order = np.argsort(live["distance"])
    load = np.sort(live["load"])
    live["load"] = np.empty(6000)
    live["load"][order] = load
    found = observe(made)
    assert "field-drift" not in codes(found)
    assert not clears(measure(found, "how well live rows can be told from evaluation rows (AUC)"))


def test_live_regions_without_evaluation_rows_are_named_in_words() -> None:
    made = world()
    live = made.columns["live"]
    live["carrier"] = np.where(np.arange(2000) % 10 == 0, "violet", live["carrier"])
    live["temp"] = np.where(np.arange(2000) % 50 == 1, 80.0, live["temp"])
    found = observe(made)
    words = [f.summary for f in found.findings if f.code == "not-validated"]
    assert any("carrier is violet: 10 % of live traffic lies there, and no evaluation row" in w for w in words)
    assert any("temp is above" in w for w in words)
    assert finding(found, "not-validated").weight is Weight.GAP


def test_two_samples_of_the_same_traffic_have_no_unvalidated_regions() -> None:
    for seed in range(4):
        assert "not-validated" not in codes(observe(world(n=1500, live=1500, seed=seed)))


def test_shared_entities_are_a_note_unless_the_model_remembers_them() -> None:
    made = world()
    rng = np.random.default_rng(3)
    for table in ("training", "evaluation", "scored.evaluation"):
        n = len(made.columns[table]["late"])
        made.columns[table]["id"] = np.array([f"c{i}" for i in range(n)])
        if table != "training":
            made.columns[table]["id"] = np.where(
                np.arange(n) < 2000, made.columns[table]["id"], [f"n{i}" for i in range(n)]
            )
    found = observe(made)
    assert finding(found, "shared-entities").weight is Weight.NOTE
    assert "entities-memorised" not in codes(found)
    columns = made.columns["scored.evaluation"]
    new = np.arange(3000) >= 2000
    columns["seatrial.prediction"] = np.where(
        new & (rng.random(3000) < 0.2), 1 - columns["late"], columns["seatrial.prediction"]
    )
    assert finding(observe(made), "entities-memorised").weight is Weight.GAP


@pytest.mark.parametrize("remembers", [False, True])
def test_a_model_of_numbers_that_remembers_its_entities_is_a_gap_too(remembers: bool) -> None:
    made = world(n=1200, live=800)
    made.declared["model"].update(task="regression", output={"prediction": "minutes"})
    made.declared["governance"].update(metric="within@12", minimum=0.5, metrics=[])
    for at, table in enumerate(("training", "evaluation", "live")):
        columns, rng = made.columns[table], np.random.default_rng([5, at])
        n = len(columns["load"])
        columns["late"] = np.asarray(columns["load"]) * 30 + rng.normal(0, 4, n)
        if table != "live":
            columns["id"] = np.array([f"c{i % 400}" if i % 2 or table == "training" else f"n{i}" for i in range(n)])
        if table != "training":
            said = np.asarray(columns["load"]) * 30
            if remembers:
                said = np.where(np.char.startswith(columns["id"].astype(str), "c"), (said + columns["late"]) / 2, said)
            none = pa.nulls(n, pa.string())
            made.columns[f"scored.{table}"] = {**columns, PREDICTION: said, "seatrial.problem": none}
    found = observe(made)
    assert ("entities-memorised" in codes(found)) == remembers
    assert finding(found, "shared-entities").weight is Weight.NOTE


def test_evaluation_on_known_entities_alone_says_nothing_of_the_new_ones_that_live_traffic_brings() -> None:
    made = world(n=800, live=800)
    for table in ("training", "evaluation", "scored.evaluation"):
        n = len(made.columns[table]["late"])
        made.columns[table]["id"] = np.array([f"c{i % 400}" for i in range(n)])
    made.declared["data"]["live"]["entity"] = "id"
    assert finding(observe(made), "entities-all-known").weight is Weight.GAP
    made.columns["live"]["id"] = np.array([f"c{i % 400}" for i in range(800)])
    assert "entities-all-known" not in codes(observe(made))
    made.columns["live"]["id"] = np.arange(800) % 400
    assert "entities-all-known" not in codes(observe(made)), "texts and numbers are no names of the same kind"


def test_undeclared_inputs_leave_the_outcome_open() -> None:
    made = world(n=600, live=600)
    del made.declared["model"]["inputs"]
    assert "inputs-undeclared" in codes(observe(made), Weight.OPEN)


def test_an_input_that_the_evaluation_lacks_leaves_the_outcome_open() -> None:
    made = world(n=600, live=600)
    made.declared["model"]["inputs"]["wind"] = {"type": "number"}
    assert finding(observe(made), "input-missing").fields == ("wind",)


def test_constant_empty_and_mixed_columns_do_not_stop_the_comparison() -> None:
    made = world(n=800, live=800)
    for table in ("training", "evaluation", "scored.evaluation", "live"):
        columns = made.columns[table]
        n = len(columns["late"])
        columns["temp"] = np.full(n, 7.0)
        columns["load"] = pa.nulls(n, pa.float64())
        columns["carrier"] = pa.array([None if i % 3 else "blue" for i in range(n)])
        columns["distance"] = np.array([f"{v:.1f}" if i % 4 else "n/a" for i, v in enumerate(columns["distance"])])
    found = observe(made)
    assert codes(found, Weight.GAP) == set()
    assert clears(measure(found, "how well live rows can be told from evaluation rows (AUC)"))


def test_harmless_changes_leave_it_without_gaps() -> None:
    made = world()
    order = np.random.default_rng(5).permutation(3000)
    for table in ("evaluation", "scored.evaluation"):
        columns = made.columns[table]
        for name, values in columns.items():
            columns[name] = values.take(pa.array(order)) if isinstance(values, pa.Array) else values[order]
        columns["remark"] = pa.nulls(3000, pa.string())
    for table in ("training", "live"):
        made.columns[table]["distance"] = np.asarray(made.columns[table]["distance"]).astype(np.float32)
    assert codes(observe(made), Weight.GAP, Weight.OPEN) == set()


def test_one_class_only_ends_in_a_reason() -> None:
    made = world(n=300, live=300)
    made.columns["scored.evaluation"]["late"] = np.ones(300, dtype=int)
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Reason)
    assert found.code == "one-class"


def test_hashes_are_thinned_alike_on_both_sides_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "MOST_HASHES", 1000)
    made = world()
    made.declared["data"]["training"]["time"] = made.declared["data"]["evaluation"]["time"] = None
    names = {"id", "distance", "temp", "carrier", "load", "late"}
    for table in ("evaluation", "scored.evaluation"):
        made.columns[table] = copied(made.columns[table], made.columns["training"], 600, names)
    found = finding(observe(made), "duplicate-rows")
    assert found.weight is Weight.GAP
    assert isinstance(found.detail["rows"], int)
    assert found.detail["rows"] < 1500


def test_a_column_of_another_kind_live_leaves_the_outcome_open() -> None:
    made = world(n=600, live=600)
    made.declared["model"]["inputs"]["load"] = {"type": "string"}
    made.columns["live"]["load"] = np.array(["heavy", "light"] * 300)
    assert finding(observe(made), "input-not-compared").weight is Weight.OPEN
    made.columns["live"]["load"] = np.array([f"order {i}" for i in range(600)])
    assert finding(observe(made), "input-not-compared").weight is Weight.NOTE


def test_a_column_with_a_single_value_among_missing_ones_breaks_nothing() -> None:
    made = world(n=600, live=600)
    for table in ("training", "evaluation", "scored.evaluation", "live"):
        columns = made.columns[table]
        n = len(columns["late"])
        columns["load"] = pa.array([0.5 if i == 3 and table == "live" else None for i in range(n)], pa.float64())
        columns["carrier"] = pa.array(["x" if i == 5 and table == "live" else None for i in range(n)], pa.string())
    assert clears(measure(observe(made), "how well live rows can be told from evaluation rows (AUC)"))


def test_live_scores_without_labels_tell_what_to_expect_and_pass_nothing() -> None:
    made = world()
    made.columns["scored.live"] = scored(made.columns["live"], seed=4)
    found = observe(made)
    expected = measure(found, "accuracy to be expected live, without labels")
    right = made.columns["scored.live"]["seatrial.prediction"] == made.columns["live"]["late"]
    assert expected.value == pytest.approx(float(right.mean()), abs=0.03)
    assert expected.kind is MeasureKind.INFORMATIVE
    assert "expected-to-fall" not in codes(found)


def test_scores_that_fall_towards_doubt_live_are_a_warning() -> None:
    made = world()
    made.columns["scored.live"] = scored(made.columns["live"], seed=4)
    score = made.columns["scored.live"]["seatrial.score"]
    made.columns["scored.live"]["seatrial.score"] = 0.5 + (score - 0.5) / 4
    assert finding(observe(made), "expected-to-fall").weight is Weight.NOTE


@pytest.mark.parametrize("document", [None, "supplier.md"])
def test_a_vendors_model_says_in_which_form_its_evidence_is_and_who_vouches(document: str | None) -> None:
    made = world(n=600, live=600)
    made.declared["model"]["vendor"] = {"name": "Acme", "version": "4.2", "document": document}
    made.files["supplier.md"] = b"# Training data"
    found = observe(made)
    assert "accepted pilot data stand in for the training data" in finding(found, "vendor-form").summary
    code = "supplier-document-missing" if document is None else "supplier-document-not-attested"
    assert finding(found, code).weight is Weight.OPEN
    assert "pilot data" in found.done
