"""The parts of the format check: rows, replay, bounds of a shift, and single detectors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.memory_trial import MemoryTable, system
from seatrial.core.check import PREDICTION
from seatrial.domains.integration.decision_shift import DECISIONS, calibration_measure, decision_measures
from seatrial.domains.integration.format import CHECK
from seatrial.domains.integration.format_replay import replay, same
from seatrial.domains.integration.format_rows import feeds_of, fields_of, spread_rows
from seatrial.measure.catalogue import start
from seatrial.measure.format_changes import Declared, format_changes
from seatrial.spec.data import Source
from seatrial.spec.model import InputField

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("offline", "live", "equal"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (None, float("nan"), True),
        (None, 0.0, False),
        ("AA", "aa", False),
        (NOON, NOON.astimezone(timezone(timedelta(hours=1))), True),
        (NOON, "2026-01-01T13:00:00+01:00", True),
        (NOON, NOON.replace(hour=13), False),
        (20.5, 2050.0, False),
        (True, "true", True),
    ],
)
def test_values_are_the_same_whatever_writes_them(offline: object, live: object, equal: bool) -> None:
    assert same(offline, live) is equal


def test_keys_that_name_several_rows_are_left_out_of_the_replay() -> None:
    source = Source(source="x.csv", entity="id")
    offline = MemoryTable(pa.table({"id": ["a", "b", "b", "c"], "v": [1, 2, 3, 4]}))
    live = pa.table({"id": ["a", "b", "c", "d"], "v": [1, 2, 5, 6]})
    found = replay(offline, source, live, source, ["v"])
    assert found is not None
    assert (found.matched, found.repeated, dict(found.differing)) == (2, 1, {"v": 1})
    assert found.examples == {"v": (("4", "5"),)}


def test_an_entity_matches_only_at_its_time() -> None:
    source = Source(source="x.csv", entity="id", time="at")
    offline = MemoryTable(pa.table({"id": ["a", "a"], "at": [NOON, NOON + timedelta(hours=1)], "v": [1, 2]}))
    live = pa.table({"id": pa.array(["a"]).dictionary_encode(), "at": [NOON + timedelta(hours=1)], "v": [2]})
    found = replay(offline, source, live, source, ["v"])
    assert found is not None
    assert (found.matched, found.differing["v"]) == (1, 0)


def test_rows_are_taken_from_all_over_the_table() -> None:
    table = MemoryTable(pa.table({"v": np.arange(12_345)}))
    kept = spread_rows(table, ["v"], rows=12_345, most=1000)["v"].to_numpy()
    assert len(kept) <= 1000
    assert set(np.diff(kept)) == {13}


def test_without_declared_inputs_labels_and_entities_are_no_fields() -> None:
    source = {"source": "x.csv", "label": "late", "entity": "id"}
    bare = system(model={"endpoint": "http://127.0.0.1:1", "task": "binary"}, data={"training": source})
    assert set(fields_of(bare, {}, {"late": {}, "id": {}, "temp": {}})) == {"temp"}


def test_a_field_is_fed_by_what_either_side_declares() -> None:
    inputs = {"temp": InputField(type="number", fed_by="station")}
    assert feeds_of(system(), inputs, "temp") == ("station", "weather")


def rate(acted: int, answered: int) -> dict[str, Any]:
    return {"acted": acted, "answered": answered, "unanswered": 0, "sum_score": None, "rows": answered}


def test_the_bound_of_a_shift_narrows_with_rows_and_says_how_many_are_missing() -> None:
    few = decision_measures(system(), rate(200, 1000), rate(10, 50))[0]
    many = decision_measures(system(), rate(2000, 10_000), rate(2000, 10_000))[0]
    assert few.name == DECISIONS
    assert few.upper is not None
    assert many.upper is not None
    assert few.upper > 0.1 > many.upper
    assert few.needed is not None
    assert few.needed > 50
    assert many.needed is None
    assert many.lower == 0.0


def test_nothing_answered_is_not_measured() -> None:
    measure = decision_measures(system(), rate(5, 10), rate(0, 0))[0]
    assert (measure.value, measure.lower, measure.upper) == (None, None, None)


def test_of_several_classes_the_one_that_moved_most_counts() -> None:
    several = system(model={"endpoint": "http://127.0.0.1:1", "task": "multiclass"})
    sides = [
        {"columns": {PREDICTION: {"n": 10_000, "counts": counts}}}
        for counts in ({"a": 5000, "b": 4000, "c": 1000}, {"a": 5100, "b": 900, "c": 4000})
    ]
    (measure,) = decision_measures(several, *sides)
    assert measure.value == pytest.approx(0.31)
    assert measure.lower is not None
    assert measure.lower > 0.25


def test_calibration_without_labels_is_not_measured() -> None:
    none: dict[str, Any] = {"bins": [{"n": 0, "sum_score": 0.0, "sum_label": 0}]}
    some: dict[str, Any] = {"bins": [{"n": 1000, "sum_score": 300.0, "sum_label": 300}]}
    assert calibration_measure(system(), some, none).value is None
    assert calibration_measure(system(), some, some).value == 0.0


def test_limits_are_asked_only_for_what_can_be_measured() -> None:
    source = {"source": "x.csv"}
    bare = system(
        model={"endpoint": "http://127.0.0.1:1", "task": "regression"}, data={"training": source, "live": source}
    )
    assert [t.measure for t in CHECK.limits(bare)] == ["power of the search for changed formats"]
    assert [r.table for r in CHECK.measures(bare)] == ["training", "live"]


def look(values: Any) -> dict[str, Any]:
    measure = start("fingerprint", {})
    measure.update(pa.record_batch({"x": values if isinstance(values, pa.Array) else pa.array(values)}))
    return dict(measure.finish()["columns"])


def codes(training: Any, live: Any, declared: Declared | None = None) -> list[str]:
    found = format_changes(look(training), look(live), {"x": declared or Declared()})
    return [change.code for change in found]


RNG = np.random.default_rng(4)


def test_an_integer_code_list_that_is_one_off_is_found_by_its_declared_values() -> None:
    levels = RNG.choice([1, 2, 3, 4, 5], 3000, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    declared = Declared(values=("1", "2", "3", "4", "5"))
    assert codes(levels, np.where(levels == 5, 1, levels + 1), declared) == ["codes-shifted"]
    assert codes(levels, RNG.permutation(levels), declared) == []


def test_day_and_month_in_text_are_told_apart_by_days_after_the_12th() -> None:
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=int(d)) for d in RNG.integers(0, 365, 1000)]
    german = [f"{d:%d.%m.%Y}" for d in days]
    assert codes(german, [f"{d:%m.%d.%Y}" for d in days]) == ["date-order-swapped"]
    assert codes(german, german[::-1]) == []


def test_another_mask_of_an_identifier_is_found_and_a_longer_number_is_none() -> None:
    was = [f"AB-{i}" for i in range(100, 999)]
    assert codes(was, [f"{i}/AB" for i in range(100, 999)]) == ["mask-changed"]
    assert codes(was, [f"AB-{i}" for i in range(1000, 2000)]) == []


def test_another_wording_of_sentences_is_no_other_format() -> None:
    was = [f"Who reviews the code {i}?" for i in range(300)]
    assert codes(was, [f"Please tell us, who reviews {i} here? Thanks." for i in range(300)]) == []


def test_a_boolean_may_arrive_as_zero_and_one_but_not_as_words() -> None:
    flags = RNG.random(500) < 0.4
    assert codes(flags, flags.astype(int)) == []
    assert codes(flags, np.where(flags, "yes", "no").tolist()) == ["type-changed"]


def test_nulls_that_multiply_are_a_gap_and_a_few_more_are_a_note() -> None:
    values = RNG.normal(size=4000)
    many = pa.array(values, mask=RNG.random(4000) < 0.3)
    assert codes(values, many) == ["nulls-increased"]
    assert codes(many, values) == []
    assert codes(values, pa.nulls(400, pa.float64())) == ["field-empty"]


def test_a_value_that_training_had_often_may_last_for_a_while() -> None:
    visibility = np.where(RNG.random(3000) < 0.8, 10.0, np.round(RNG.random(3000) * 10, 1))
    assert codes(visibility, np.full(400, 10.0)) == []
    assert codes(visibility, np.full(400, 3.0)) == ["constant-field"]


def test_a_respelling_is_named_although_another_new_value_is_more_frequent() -> None:
    training = ["AA", "BB", "CC"] * 200
    live = ["Zq"] * 6 + ["aa", "bb", "cc"] * 10 + ["AA"] * 100
    assert codes(training, live) == ["categories-respelled"]


def test_codes_that_lose_their_leading_zeros_are_told_from_a_counter_that_grows() -> None:
    fixed = [f"{n:05d}" for n in range(4000)]
    assert codes(fixed, [str(n) for n in range(500)]) == ["leading-zeros-lost"]
    counter = [f"A-{n}" for n in range(100, 999)]
    assert codes(counter, [f"A-{n}" for n in range(1000, 1500)]) == []


def test_a_symmetric_field_is_not_said_to_have_the_opposite_sign() -> None:
    rng = np.random.default_rng(3)
    grid = np.round(rng.normal(0, 40, 20_000) / 7.5) * 7.5
    more = np.round(rng.normal(0, 60, 800) / 7.5) * 7.5
    assert codes(grid, more) == []


def test_a_counter_that_goes_on_is_no_change_of_unit() -> None:
    assert "unit-changed" not in codes(np.arange(1_000_000, 1_020_000), np.arange(1_020_000, 1_021_000))


def test_day_and_month_that_changed_places_where_that_makes_a_date_show_in_the_months() -> None:
    days = [NOON + timedelta(hours=7 * n) for n in range(1200)]
    live = [NOON + timedelta(days=80, hours=2 * n) for n in range(400)]
    swapped = [at.replace(day=at.month, month=at.day) if at.day <= 12 else at for at in live]
    assert codes(days, live) == []
    assert codes(days, swapped) == ["date-order-swapped"]


def test_texts_cut_at_one_length_are_told_from_one_text_that_repeats() -> None:
    rng = np.random.default_rng(5)
    words = ["late", "pallet", "dock", "gate", "truck", "berth", "van"]
    texts = [" ".join(rng.choice(words, rng.integers(4, 40))) for _ in range(1500)]
    assert codes(texts, [text[:60] for text in texts[:400]]) == ["text-cut"]
    assert codes(texts, [*texts[:400], *["a template that somebody sends every day at noon"] * 60]) == []
