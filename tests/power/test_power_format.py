"""Planted changes of format are found, and harmless ones are not, over repeated seeds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from plants.memory_trial import MemoryTrial, changed, deliveries, system, trial
from seatrial.core.check import Trial
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.integration.format import CHECK, FEWEST_ROWS, REPLAYED

Change = Callable[[pa.Table], pa.Table]


@cache
def rows_of(seed: int, n: int) -> pa.Table:
    return deliveries(seed, n)


@cache
def as_it_is() -> Observation:
    return observed(rows_of(2, LIVE))


def observed(live: pa.Table, *, seed: int = 0, **more: Any) -> Observation:
    offline = (rows_of(seed, 4000), rows_of(seed + 1, 1500))
    found = CHECK.run(system(**more), cast("Trial", trial(*offline, live)))
    assert isinstance(found, Observation), found
    return found


def gaps(observation: Observation) -> set[tuple[str, tuple[str, ...]]]:
    return {(f.code, f.fields) for f in observation.findings if f.weight is Weight.GAP}


def mapped(name: str, change: Callable[[Any], Any]) -> Change:
    def apply(rows: pa.Table) -> pa.Table:
        return changed(rows, name, [None if v is None else change(v) for v in rows[name].to_pylist()])

    return apply


LIVE = 1000
CODES = ["AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN"]
DEFECTS: dict[str, tuple[str, tuple[str, ...], Change]] = {
    "°C for °F": ("unit-changed", ("temp",), mapped("temp", lambda v: round((v - 32) / 1.8, 1))),
    "Pa for hPa": ("unit-changed", ("pressure",), mapped("pressure", lambda v: v * 100)),
    "km for mi": ("unit-changed", ("distance",), mapped("distance", lambda v: round(v * 1.609))),
    "minutes for HHMM": ("clock-format-changed", ("departs",), mapped("departs", lambda v: v // 100 * 60 + v % 100)),
    "UTC for local": ("time-zone-shifted", ("departs",), mapped("departs", lambda v: (v + 500) % 2400)),
    "codes one off": ("codes-shifted", ("carrier",), mapped("carrier", lambda v: CODES[(CODES.index(v) + 1) % 8])),
    "lower case": ("categories-respelled", ("carrier",), mapped("carrier", str.lower)),
    "other codes": ("categories-replaced", ("carrier",), mapped("carrier", lambda v: f"IATA{CODES.index(v)}")),
    "mojibake": ("encoding-damaged", ("city",), mapped("city", lambda v: v.encode().decode("latin-1"))),
    "decimal comma": ("decimal-comma", ("wind",), mapped("wind", lambda v: str(v).replace(".", ","))),
    "text": ("numbers-as-text", ("wind",), mapped("wind", str)),
    "whole numbers": ("precision-lost", ("pressure",), mapped("pressure", lambda v: float(int(v)))),
    "null is zero": (
        "default-value-spike",
        ("temp",),
        lambda rows: changed(rows, "temp", pc.fill_null(rows["temp"], 0.0)),
    ),
    "sentinel": (
        "sentinel-value",
        ("wind",),
        lambda rows: changed(rows, "wind", np.where(np.arange(rows.num_rows) % 20 == 0, -999.0, rows["wind"])),
    ),
    "stuck": ("constant-field", ("pressure",), mapped("pressure", lambda _: 1013.2)),
    "gone": ("field-missing", ("wind",), lambda rows: rows.drop_columns(["wind"])),
    "swapped": (
        "columns-swapped",
        ("wind", "pressure"),
        lambda rows: changed(changed(rows, "wind", rows["pressure"]), "pressure", rows["wind"]),
    ),
}


def live_of(name: str, seed: int, n: int) -> pa.Table:
    rows = rows_of(seed + 2, n)
    return DEFECTS[name][2](rows)


@pytest.mark.parametrize("name", [n for n in DEFECTS if n != "gone"])
def test_each_planted_change_is_named_with_its_field(name: str) -> None:
    code, fields, _ = DEFECTS[name]
    found = gaps(observed(live_of(name, 0, LIVE)))
    assert (code, fields) in found, found
    assert {f for _, fields_found in found for f in fields_found} <= set(fields)


def test_a_field_that_does_not_arrive_is_a_gap_although_rows_cannot_be_scored() -> None:
    live = rows_of(2, LIVE).drop_columns(["wind"])
    tables = dict(trial(rows_of(0, 4000), rows_of(1, 1500), rows_of(2, LIVE)).tables)
    tables["live"] = live
    del tables["scored.live"]
    found = CHECK.run(system(), cast("Trial", MemoryTrial(tables=tables)))
    assert isinstance(found, Observation)
    assert ("field-missing", ("wind",)) in gaps(found)
    assert any(f.code == "decisions-unknown" and f.weight is Weight.OPEN for f in found.findings)


HARMLESS: dict[str, Change] = {
    "as it is": lambda rows: rows,
    "permuted": lambda rows: rows.take(pa.array(np.random.default_rng(3).permutation(rows.num_rows))),
    "whole numbers as integers": lambda rows: changed(rows, "distance", rows["distance"].cast(pa.int64())),
    "integers as floats": lambda rows: changed(rows, "departs", rows["departs"].cast(pa.float64())),
    "a nullable column more": lambda rows: rows.append_column("gate", pa.array([None, "G1"] * (rows.num_rows // 2))),
    "times as ISO text": mapped("scheduled_at", lambda v: v.isoformat()),
    "another precision of times": lambda rows: changed(
        rows, "scheduled_at", rows["scheduled_at"].cast(pa.timestamp("us", tz="UTC"))
    ),
    "dictionary columns": lambda rows: changed(rows, "carrier", rows["carrier"].dictionary_encode()),
}


@pytest.mark.parametrize("name", list(HARMLESS))
def test_a_harmless_change_puts_no_gap(name: str) -> None:
    found = observed(HARMLESS[name](rows_of(2, LIVE)))
    assert gaps(found) == set()
    assert found.proof == 8


def test_a_cold_month_puts_no_gap_on_the_format() -> None:
    assert gaps(observed(deliveries(5, 1500, first_day=0.0, days=31.0))) == set()


def test_the_search_records_how_much_of_what_was_planted_it_found() -> None:
    found = as_it_is()
    (power,) = [m for m in found.measures if m.name == "power of the search for changed formats"]
    assert power.kind is MeasureKind.VALIDITY
    assert power.value is not None
    assert power.value >= 0.8
    assert power.n >= 40
    assert power.lower == power.value == power.upper


def test_a_wrong_unit_moves_the_decision_rate_where_accuracy_may_stand() -> None:
    as_is = {m.name: m for m in as_it_is().measures}
    moved = {m.name: m for m in observed(live_of("°C for °F", 0, LIVE)).measures}
    assert as_is["change in how often the output is acted on"].upper is not None
    assert as_is["change in how often the output is acted on"].upper < 0.1
    assert moved["change in how often the output is acted on"].lower is not None
    assert moved["change in how often the output is acted on"].lower > 0.2
    assert moved["change in how far scores lie from what happens"].lower is not None
    assert moved["change in how far scores lie from what happens"].lower > 0.1


def test_every_limit_is_measured() -> None:
    found = as_it_is()
    measured = {m.name for m in found.measures if m.kind is not MeasureKind.INFORMATIVE}
    assert {t.measure for t in CHECK.limits(system())} == measured


def test_the_same_entities_are_held_against_each_other() -> None:
    evaluation = rows_of(1, 1500)
    live = evaluation.slice(0, 1000)
    live = changed(live, "pressure", pc.add(live["pressure"], 0.7))
    found = CHECK.run(system(), cast("Trial", trial(rows_of(0, 4000), evaluation, live)))
    assert isinstance(found, Observation)
    assert ("replay-differs", ("pressure",)) in gaps(found)
    assert found.facts["replayed"] == 1000
    (differing,) = [m for m in found.measures if m.name == REPLAYED]
    assert (differing.value, differing.n) == (1.0, 1000)
    assert differing.kind is MeasureKind.INFORMATIVE


def test_how_far_the_replay_bounds_a_difference_is_told_where_there_is_none() -> None:
    evaluation = rows_of(1, 1500)
    found = CHECK.run(system(), cast("Trial", trial(rows_of(0, 4000), evaluation, evaluation.slice(0, 400))))
    assert isinstance(found, Observation)
    (differing,) = [m for m in found.measures if m.name == REPLAYED]
    assert (differing.value, differing.lower) == (0.0, 0.0)
    assert differing.upper is not None
    assert 0.005 < differing.upper < 0.01


def test_a_finding_names_the_integration_that_feeds_the_field() -> None:
    (finding,) = [f for f in observed(live_of("°C for °F", 0, LIVE)).findings if f.code == "unit-changed"]
    assert "weather" in finding.summary
    assert finding.remedy
    assert "°C" in finding.summary


@pytest.mark.parametrize("missing", ["live", "training"])
def test_without_a_live_sample_or_a_reference_there_is_a_reason(missing: str) -> None:
    source = {"source": "rows.parquet"}
    data = {"live": source} if missing == "training" else {"training": source}
    found = CHECK.run(system(data=data), cast("Trial", MemoryTrial(tables={})))
    assert isinstance(found, Reason)
    assert found.code == ("no-live-sample" if missing == "live" else "no-reference")
    assert found.remedy


def test_a_vendors_model_is_held_to_the_accepted_evaluation_data() -> None:
    source = {"source": "rows.parquet"}
    found = observed(rows_of(2, LIVE), data={"evaluation": source, "live": source})
    assert any(f.code == "reference-is-evaluation" for f in found.findings)
    assert gaps(found) == set()


def test_too_few_live_rows_say_how_many_more() -> None:
    rows = deliveries(2, 40)
    found = CHECK.run(system(), cast("Trial", trial(deliveries(0, 500), deliveries(1, 500), rows)))
    assert isinstance(found, Reason)
    assert found.code == "too-few-live-rows"
    assert str(FEWEST_ROWS - 40) in found.remedy


def test_every_code_it_can_give_is_documented() -> None:
    for name in ("°C for °F", "codes one off", "sentinel"):
        assert {f.code for f in observed(live_of(name, 0, LIVE)).findings} <= set(CHECK.codes)


@pytest.mark.slow
def test_planted_changes_are_found_on_small_samples_over_seeds() -> None:
    tried = [(name, seed) for name in DEFECTS if name != "gone" for seed in range(10, 60, 10)]
    missed = []
    for name, seed in tried:
        code, fields, _ = DEFECTS[name]
        if (code, fields) not in gaps(observed(live_of(name, seed, 400), seed=seed)):
            missed.append((name, seed))
    assert len(missed) <= 0.05 * len(tried), missed


@pytest.mark.slow
def test_sound_samples_of_any_season_and_size_put_no_gap() -> None:
    false = []
    for seed in range(40):
        days = (7.0, 31.0, 90.0, 365.0)[seed % 4]
        live = deliveries(1000 + seed, (300, 600, 2000)[seed % 3], first_day=(seed * 37) % 270, days=days)
        found = gaps(observed(live, seed=seed))
        false += [(seed, days, *gap) for gap in found]
    assert not false, false


def test_what_is_already_changed_does_not_hide_behind_a_search_that_is_blind_to_it() -> None:
    live = DEFECTS["°C for °F"][2](rows_of(2, LIVE)).select(["temp"])
    inputs = {"temp": {"type": "number", "unit": "degF"}}
    model = {"endpoint": "http://127.0.0.1:1", "task": "regression", "inputs": inputs}
    source = {"source": "rows.parquet"}
    tables = {"training": rows_of(0, 4000), "live": live}
    declared = system(model=model, data={"training": source, "live": source})
    found = CHECK.run(declared, cast("Trial", MemoryTrial(tables=tables)))
    assert isinstance(found, Observation)
    assert gaps(found) == {("unit-changed", ("temp",))}
    (power,) = found.measures
    assert (power.value, power.n) == (1.0, 1)


def test_a_live_sample_without_any_declared_input_misses_them_all() -> None:
    live = rows_of(2, LIVE).select(["id", "late"]).rename_columns(["key", "outcome"])
    tables = {"training": rows_of(0, 4000), "evaluation": rows_of(1, 1500), "live": live}
    found = CHECK.run(system(), cast("Trial", MemoryTrial(tables=tables)))
    assert isinstance(found, Observation)
    assert {code for code, _ in gaps(found)} == {"field-missing"}
    assert len(gaps(found)) == 8
    assert found.proof == 0
