"""Stale, unstamped and undeclared sources are found, fresh ones are not, and the cost of staleness shows."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, cast

import pyarrow as pa
import pytest

from plants.memory_trial import Feed, FixedClock, MemoryTrial, WeatherModel, deliveries, system
from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.observation import Json, Observation, Reason
from seatrial.core.ports import Reply, ReplyKind, Row
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.data.freshness import CHECK, FUTURE_S, READINGS
from seatrial.spec.system import System

NOW = FixedClock().at


@cache
def evaluation(n: int = 3000) -> pa.Table:
    return deliveries(3, n)


def fresh_system(**more: Any) -> System:
    source = {"source": "rows.parquet", "label": "late", "time": "scheduled_at"}
    data = {"evaluation": source, "freshness": [{"source": "weather", "at": "observed_at", "at_most": "2h"}]}
    return system(data=data | more.pop("data", {}), **more)


def records(age_s: float, n: int = 30, **fields: Json) -> list[Row]:
    return [
        {"observed_at": (NOW - timedelta(seconds=age_s + 3600 * i)).isoformat(), "temp": 40.0, **fields}
        for i in reversed(range(n))
    ]


def run(*reads: Any, declared: System | None = None, **more: Any) -> Observation:
    feeds = {"weather": Feed(reads=list(reads))}
    trial = MemoryTrial(tables={"evaluation": evaluation()}, feeds=feeds, **more)
    found = CHECK.run(declared or fresh_system(), cast("Trial", trial))
    assert isinstance(found, Observation), found
    return found


def codes(observation: Observation, weight: Weight = Weight.GAP) -> set[str]:
    return {f.code for f in observation.findings if f.weight is weight}


def age(observation: Observation) -> float | None:
    return next((m.value for m in observation.measures if m.name == "age of weather"), None)


def test_a_fresh_source_has_its_age_and_no_gap() -> None:
    found = run(records(1800))
    assert codes(found) == set()
    assert age(found) == pytest.approx(1800 + READINGS - 1)
    (threshold,) = CHECK.limits(fresh_system())
    assert (threshold.measure, threshold.limit, threshold.unit) == ("age of weather", 7200, "s")


def test_the_worst_of_several_readings_counts() -> None:
    found = run(records(60), records(9000), records(60))
    assert age(found) == pytest.approx(9001)
    assert found.facts["ages"] == {"weather": {"ages_s": [60.0, 9001.0, 62.0], "records": 30}}


def test_a_stale_source_misses_its_limit_with_certainty() -> None:
    (measure,) = [m for m in run(records(86_400)).measures if m.kind is MeasureKind.GATE]
    assert measure.lower is not None
    assert measure.limit == 7200
    assert measure.lower == measure.upper == pytest.approx(86_402)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("2026-07-20T00:00:00", "time-without-zone"),
        ("yesterday", "time-unreadable"),
        (12, "time-unreadable"),
        (None, "time-missing"),
    ],
)
def test_a_time_that_tells_no_age_is_a_gap(value: Json, code: str) -> None:
    found = run([{"observed_at": value, "temp": 1.0}] * 5)
    assert codes(found) == {code}
    assert age(found) is None


def test_one_bad_record_among_good_ones_is_a_gap_and_the_age_stands() -> None:
    found = run([*records(600), {"observed_at": "soon"}])
    assert codes(found) == {"time-unreadable"}
    assert age(found) == pytest.approx(602)


@pytest.mark.parametrize("value", [(NOW - timedelta(seconds=100)).timestamp(), (NOW.timestamp() - 100) * 1e3])
def test_seconds_and_milliseconds_since_1970_are_times(value: float) -> None:
    found = run([{"observed_at": value}])
    assert codes(found) == set()
    assert age(found) == pytest.approx(102)


def test_a_record_from_the_future_is_a_clock_that_is_wrong() -> None:
    assert codes(run(records(-3600, n=1))) == {"clock-disagrees"}
    assert codes(run(records(-FUTURE_S / 2, n=1))) == set()


def test_no_records_and_an_unreachable_source_are_told_apart() -> None:
    assert codes(run([])) == {"no-records"}
    gone = run(Unreachable("weather does not answer"))
    assert codes(gone) == set()
    assert "source-unreachable" in codes(gone, Weight.OPEN)
    assert age(gone) is None


def test_a_source_that_fails_once_stays_open() -> None:
    found = run(records(60), Unreachable("weather does not answer"), records(60))
    assert "source-unreachable" in codes(found, Weight.OPEN)


def test_a_feeding_source_without_a_limit_is_a_gap() -> None:
    more = {"weather": {"kind": "http", "feeds": ["temp"]}, "erp": {"kind": "http", "feeds": ["distance"]}}
    found = run(records(60), declared=fresh_system(integrations=more))
    (finding,) = [f for f in found.findings if f.weight is Weight.GAP]
    assert finding.code == "freshness-not-declared"
    assert "erp" in finding.summary


def test_a_source_that_starts_a_flow_needs_no_age() -> None:
    more: dict[str, Any] = {
        "weather": {"kind": "http", "feeds": ["temp"]},
        "erp": {"kind": "http", "feeds": ["distance"]},
        "planner": {"kind": "http", "direction": "out"},
    }
    flows = [{"name": "warn", "in": "erp", "out": "planner", "key": "id", "within": "5s", "peak": "1/s"}]
    found = run(records(60), declared=fresh_system(integrations=more, flows=flows))
    assert codes(found) == set()
    assert "starts-a-flow" in codes(found, Weight.NOTE)


def test_nothing_declared_is_a_reason() -> None:
    bare = system(model={"endpoint": "http://127.0.0.1:1", "task": "binary"}, data={}, integrations={})
    found = CHECK.run(bare, cast("Trial", MemoryTrial(tables={})))
    assert isinstance(found, Reason)
    assert found.code == "nothing-feeds-the-model"


def test_a_station_that_stopped_is_noted() -> None:
    both = [*records(90_000, n=5, carrier="AA"), *records(600, n=5, carrier="UA")]
    found = run(both)
    assert "partly-stale" in codes(found, Weight.NOTE)


def by_lag(observation: Observation, name: str) -> dict[float, float]:
    return {
        float(m.name.removeprefix(f"{name} on data ").removesuffix(" h old")): float(m.value or 0.0)
        for m in observation.measures
        if m.name.startswith(f"{name} on data ")
    }


def test_older_weather_costs_accuracy_and_the_figure_shows_it() -> None:
    found = run(records(60))
    area = by_lag(found, "AUC")
    assert list(area) == [0.0, 2.0, 6.0, 24.0]
    assert area[0.0] > area[24.0] + 0.05
    (figure,) = found.figures
    assert figure.kind == "staleness"
    assert [row["lag_h"] for row in figure.rows] == list(area)
    assert all(m.kind is MeasureKind.INFORMATIVE for m in found.measures if m.name.startswith(("auc", "recall")))


def test_the_replay_asks_for_a_few_thousand_rows_at_most() -> None:
    model = WeatherModel()
    run(records(60), model=model)
    assert 0 < model.asked <= 4000


def test_what_cannot_be_replayed_is_told_and_gates_nothing() -> None:
    source = {"source": "rows.parquet", "label": "late"}
    found = run(records(60), declared=fresh_system(data={"evaluation": source}))
    assert "staleness-cost-unknown" in codes(found, Weight.NOTE)
    assert codes(found) == set()
    assert found.figures == ()


class Crashing(WeatherModel):
    """A model that answers nothing."""

    def predict(self, rows: Any) -> Reply:
        del rows
        return Reply(kind=ReplyKind.CRASHED, latency_s=0.0, status=500)


def test_a_model_that_does_not_answer_leaves_the_age_standing() -> None:
    found = run(records(60), model=Crashing())
    assert age(found) == pytest.approx(62)
    assert "staleness-cost-unknown" in codes(found, Weight.NOTE)


def test_every_code_it_can_give_is_documented() -> None:
    bad: list[Any] = [records(60), [], Unreachable("gone"), records(-9000), [{"observed_at": "x"}]]
    for read in bad:
        assert {f.code for f in run(read).findings} <= set(CHECK.codes)
    assert isinstance(Unreachable("x"), SeatrialError)
