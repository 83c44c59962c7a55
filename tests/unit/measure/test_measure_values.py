"""Measures against values that are known or computed otherwise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats as scipy_stats

from seatrial.core.check import MeasureRequest
from seatrial.core.errors import Malformed
from seatrial.measure.accumulator import MeasureError
from seatrial.measure.catalogue import start
from seatrial.measure.distance import compare
from seatrial.measure.hashing import text_hashes
from seatrial.measure.one_pass import collect, columns_of, key_of


def finished(name: str, options: dict[str, Any], columns: dict[str, Any]) -> dict[str, Any]:
    measure = start(name, options)
    measure.update(pa.record_batch({k: v if isinstance(v, pa.Array) else pa.array(v) for k, v in columns.items()}))
    return measure.finish()


def of(name: str, values: Any, **options: Any) -> dict[str, Any]:
    return dict(finished(name, options, {"x": values})["columns"]["x"])


def test_moments_hold_on_numbers_that_nearly_cancel() -> None:
    # NIST StRD NumAcc4: 1,001 numbers around ten million, mean 10000000.2, standard deviation 0.1.
    values = [10_000_000.2] + [10_000_000.1, 10_000_000.3] * 500
    found = of("moments", values)
    assert found["mean"] == pytest.approx(10_000_000.2, abs=1e-8)
    assert math.sqrt(found["variance"]) == pytest.approx(0.1, rel=1e-6)


def test_moments_agree_with_scipy() -> None:
    values = np.random.default_rng(1).gamma(2.0, size=5000)
    found = of("moments", values)
    assert found["skewness"] == pytest.approx(scipy_stats.skew(values))
    assert found["kurtosis"] == pytest.approx(scipy_stats.kurtosis(values, fisher=False))


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(2).lognormal(3, 2, 20_000),
        np.random.default_rng(3).normal(0, 1, 20_000),
        -np.random.default_rng(4).lognormal(0, 3, 20_000),
        np.random.default_rng(5).integers(-5, 5, 20_000).astype(float),
        np.r_[np.full(100, -9999.0), np.random.default_rng(6).normal(1013, 7, 20_000)],
    ],
)
def test_quantiles_are_within_their_relative_error(values: np.ndarray) -> None:
    shares = [0.001, 0.01, 0.25, 0.5, 0.9, 0.999]
    found = of("quantiles", values, probabilities=shares)
    for share in shares:
        true = float(np.quantile(values, share, method="inverted_cdf"))
        assert abs(found["quantiles"][f"{share:g}"] - true) <= found["error"] * abs(true) + 1e-12


def test_a_narrow_range_is_resolved_finely() -> None:
    values = np.random.default_rng(7).normal(1013, 7, 20_000)
    found = of("quantiles", values, probabilities=[0.5])
    assert found["quantiles"]["0.5"] == pytest.approx(float(np.median(values)), abs=0.01)


def test_categories_state_their_error_beyond_the_cap() -> None:
    rng = np.random.default_rng(8)
    values = np.where(rng.random(20_000) < 0.2, "often", np.char.add("v", rng.integers(0, 9_000, 20_000).astype(str)))
    true = int((values == "often").sum())
    found = of("categories", values.tolist(), cap=100)
    assert not found["exact"]
    assert found["error"] <= 20_000 / 101
    assert true - found["error"] <= found["counts"]["often"] <= true


def test_distinct_is_exact_up_to_its_cap_and_close_beyond() -> None:
    few = of("distinct", [f"v{i % 900}" for i in range(5000)], cap=1000)
    assert (few["estimate"], few["exact"]) == (900, True)
    many = of("distinct", np.arange(200_000.0), cap=1000)
    assert not many["exact"]
    assert many["estimate"] == pytest.approx(200_000, rel=4 * many["relative_error"])


def test_text_hashes_do_not_collide_on_short_strings() -> None:
    values = [f"{a}{b}" for a in range(300) for b in ("", "x", "é", "\0", "xx")]
    assert len(np.unique(text_hashes(pa.array(values)))) == len(set(values))


def test_the_confusion_matrix_counts_what_is_missing_apart() -> None:
    columns = {"y": [1.0, 0.0, 1.0, None, 1.0], "p": ["1", "1", "0", "1", None]}
    found = finished("confusion", {"label": "y", "prediction": "p", "positive": 1}, columns)
    assert (found["tp"], found["fp"], found["fn"], found["tn"]) == (1, 1, 1, 0)
    assert (found["unlabelled"], found["unanswered"]) == (1, 1)
    assert found["counts"][found["classes"].index("1")][found["classes"].index("0")] == 1


def test_a_score_at_the_threshold_is_acted_on() -> None:
    columns = {"y": [True, True, False, False], "s": [0.5, 0.4, 0.5, math.nan]}
    options = {"label": "y", "score": "s", "threshold": 0.5, "positive": True}
    found = finished("confusion", options, columns)
    assert (found["tp"], found["fn"], found["fp"], found["tn"], found["unanswered"]) == (1, 1, 1, 0, 1)


def test_a_continuous_label_is_refused_as_classes() -> None:
    with pytest.raises(MeasureError, match="more than 1000 classes"):
        finished("confusion", {"label": "y", "prediction": "y"}, {"y": np.random.default_rng(1).random(2000)})


def test_the_auc_interval_holds_the_exact_value() -> None:
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(9)
    label = rng.integers(0, 2, 5000)
    score = 1 / (1 + np.exp(-(rng.normal(size=5000) + label)))
    options = {"score": "s", "label": "y", "positive": 1}
    found = finished("scores", options, {"s": np.r_[score, 1.2], "y": np.r_[label, 1]})
    assert found["auc_low"] <= roc_auc_score(label, score) <= found["auc_high"]
    assert found["auc_high"] - found["auc_low"] < 0.001
    assert found["outside"] == 1


def test_calibration_sums_scores_and_labels_by_bin() -> None:
    options = {"score": "s", "label": "y", "positive": 1, "edges": [0.0, 0.5, 1.0]}
    found = finished("calibration", options, {"s": [0.25, 0.5, 1.0], "y": [1, 0, 1]})
    assert found["bins"] == [
        {"low": 0.0, "high": 0.5, "n": 1, "sum_score": 0.25, "sum_label": 1},
        {"low": 0.5, "high": 1.0, "n": 2, "sum_score": 1.5, "sum_label": 1},
    ]


def test_a_contract_counts_each_kind_and_each_row_once() -> None:
    fields: dict[str, Any] = {
        "n": {"type": "integer", "minimum": 0},
        "w": {"type": "string", "pattern": "[A-Z]{2}"},
        "v": {"values": [1, 2], "nullable": True},
        "gone": {},
    }
    columns: dict[str, Any] = {"n": [1.0, -2.5, None], "w": ["AA", "aa", "B"], "v": [1.0, 3.0, None]}
    found = finished("contract", {"fields": fields}, columns)
    assert found["fields"]["n"] == {"type": 1, "range": 1, "values": 0, "pattern": 0, "null": 1, "missing": 0}
    assert found["fields"]["w"]["pattern"] == 2
    assert found["fields"]["v"] == {"type": 0, "range": 0, "values": 1, "pattern": 0, "null": 0, "missing": 0}
    assert found["fields"]["gone"]["missing"] == 3
    assert found["violating_rows"] == 3


def test_an_integer_sent_as_a_float_keeps_the_contract() -> None:
    found = finished("contract", {"fields": {"n": {"type": "integer"}}}, {"n": [1.0, 2.0]})
    assert found["violating_rows"] == 0


def test_a_fingerprint_reads_numbers_and_dates_from_text() -> None:
    found = of("fingerprint", ["1,5", "2,25", "13.04.2013", None, " ", "MÃ¼nchen"])
    assert found["forms"]["comma"] == 2
    assert found["forms"]["first-over-12"] == 1
    assert found["forms"]["damaged"] == 1
    assert (found["n"], found["nulls"], found["empty"], found["numbers"]) == (5, 1, 1, 2)
    assert found["masks"]["9.9.9"] == 1


def test_a_fingerprint_knows_decimals_of_single_and_double_precision() -> None:
    for kind in (pa.float32(), pa.float64()):
        assert of("fingerprint", pa.array([21.5, 3.25, 7.0, None], type=kind))["decimals"][:4] == [1, 1, 1, 0]


def test_a_fingerprint_profiles_hours_of_times_and_of_iso_text() -> None:
    hours = of("fingerprint", ["2013-01-05T07:30:00Z", "2013-01-05 23:00"])["hours"]
    assert (hours[7], hours[23], sum(hours)) == (1, 1, 2)
    stamps = of("fingerprint", pa.array([3_600_000], type=pa.timestamp("ms", tz="UTC")))
    assert stamps["hours"][1] == 1
    assert stamps["zones"] == {"UTC": 1}


def drift_of(values: Any) -> dict[str, Any]:
    return finished("drift", {}, {"x": values})


def test_distances_agree_with_exact_ones() -> None:
    rng = np.random.default_rng(10)
    one, two = rng.normal(50, 10, 20_000), rng.normal(53, 10, 20_000)
    (found,) = compare(drift_of(one), drift_of(two))
    assert found.ks == pytest.approx(scipy_stats.ks_2samp(one, two).statistic, abs=0.003)
    spread = float(np.subtract(*np.quantile(one, [0.75, 0.25])))
    assert found.w1 == pytest.approx(scipy_stats.wasserstein_distance(one, two) / spread, rel=0.01)
    assert found.psi == pytest.approx(0.09, abs=0.015)
    assert len(found.reference) == 10
    assert max(found.reference) - min(found.reference) <= 0.02 * 20_000


def test_distances_count_missing_unseen_and_heavy_values() -> None:
    words = drift_of(["a"] * 80 + ["b"] * 20)
    (found,) = compare(words, drift_of(["a"] * 60 + ["c"] * 30 + [None] * 10))
    assert found.unseen == pytest.approx(30 / 90)
    assert found.null_difference == pytest.approx(0.1)
    zeros = np.r_[np.zeros(900), np.arange(100.0)]
    (same,) = compare(drift_of(zeros), drift_of(zeros))
    assert (same.psi, same.ks, same.w1) == (0.0, 0.0, None)


def test_equal_requests_are_measured_once_and_columns_are_joined() -> None:
    asked = [
        MeasureRequest(table="live", measure="range", options={"columns": ["a"]}),
        MeasureRequest(table="live", measure="range", options={"columns": ["a"]}),
        MeasureRequest(table="live", measure="counts", options={"columns": ["b", "a"]}),
    ]
    assert columns_of(asked) == ("a", "b")
    assert columns_of([*asked, MeasureRequest(table="live", measure="sample")]) is None
    found = collect([pa.record_batch({"a": [1, 2], "b": ["x", None]})], asked)
    assert len(found) == 2
    assert found[key_of(asked[0])]["columns"]["a"] == {"n": 2, "min": 1.0, "max": 2.0}


def test_duplicated_column_names_are_malformed() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(Malformed, match="a occurs twice"):
        start("counts", {}).update(batch)


def test_an_unknown_measure_lists_the_known_ones() -> None:
    with pytest.raises(MeasureError) as raised:
        start("mean", {})
    assert "moments" in raised.value.remedy
