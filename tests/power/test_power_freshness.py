"""Stale, unstamped and undeclared sources are found, fresh ones are not, and the cost of staleness shows."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from plants.memory_trial import Feed, FixedClock, MemoryTrial, WeatherModel, deliveries, risk, system
from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError, Unreachable
from seatrial.core.observation import Json, Observation, Reason
from seatrial.core.ports import Reply, ReplyKind, Row
from seatrial.core.vocabulary import MeasureKind, Weight
from seatrial.domains.data.freshness import CHECK, READINGS
from seatrial.domains.data.source_ages import FUTURE_S
from seatrial.spec.system import System

NOW = FixedClock().at
PAUSE_S = 60.0 / (READINGS - 1)
LAST_S = 60.0
"""When the last reading is taken, by a clock that only moves between readings."""


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
    assert age(found) == pytest.approx(1800 + LAST_S)
    (threshold,) = CHECK.limits(fresh_system())
    assert (threshold.measure, threshold.limit, threshold.unit) == ("age of weather", 7200, "s")


def test_the_worst_of_several_readings_counts() -> None:
    found = run(records(60), records(9000), records(60))
    assert age(found) == pytest.approx(9000 + PAUSE_S)
    told = cast("dict[str, Any]", found.facts["ages"])["weather"]
    assert told["ages_s"] == [60.0, 9000.0 + PAUSE_S, 90.0, 105.0, 120.0]
    assert told["after_s"] == [0.0, 15.0, 30.0, 45.0, 60.0]
    assert (told["records"], told["renewed"]) == (30, 1)


def test_a_stale_source_misses_its_limit_with_certainty() -> None:
    (measure,) = [m for m in run(records(86_400)).measures if m.kind is MeasureKind.GATE]
    assert measure.lower is not None
    assert measure.limit == 7200
    assert measure.lower == measure.upper == pytest.approx(86_400 + LAST_S)


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
    assert age(found) == pytest.approx(600 + LAST_S)


@pytest.mark.parametrize("value", [(NOW - timedelta(seconds=100)).timestamp(), (NOW.timestamp() - 100) * 1e3])
def test_seconds_and_milliseconds_since_1970_are_times(value: float) -> None:
    found = run([{"observed_at": value}])
    assert codes(found) == set()
    assert age(found) == pytest.approx(100 + LAST_S)


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


def of_parts(per: str | None, *parts: tuple[str | float | None, float], values: tuple[str, ...] = ()) -> Observation:
    rows = [row for part, age_s in parts for row in records(age_s, n=5, site=part)]
    inputs = {"temp": {"type": "number"}, "site": {"type": "string", **({"values": list(values)} if values else {})}}
    limit = {"source": "weather", "at": "observed_at", "at_most": "2h", **({"per": per} if per else {})}
    declared = fresh_system(
        data={"freshness": [limit]}, model={"endpoint": "http://h/predict", "task": "binary", "inputs": inputs}
    )
    return run(rows, declared=declared)


def test_where_parts_are_declared_the_oldest_one_counts() -> None:
    found = of_parts("site", ("A", 600), ("B", 9_000), ("C", 60))
    assert "partly-stale" in codes(found)
    assert age(found) == pytest.approx(9_000 + LAST_S)
    undeclared = of_parts(None, ("A", 600), ("B", 9_000), ("C", 60))
    assert "partly-stale" not in codes(undeclared)
    assert age(undeclared) == pytest.approx(60 + LAST_S)
    sound = of_parts("site", ("A", 600), ("B", 900), values=("A", "B"))
    assert codes(sound) == set()
    assert age(sound) == pytest.approx(900 + LAST_S)


def test_a_part_that_is_listed_and_never_reports_or_is_not_told_is_a_gap() -> None:
    assert codes(of_parts("site", ("A", 600), ("B", 900), values=("A", "B", "C"))) == {"part-missing"}
    assert codes(of_parts("site", ("A", 600), (None, 900))) == {"part-not-told"}
    assert codes(of_parts("station", ("A", 600))) == {"part-not-told"}


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


def test_days_written_as_texts_are_replayed_as_days_are_and_what_is_no_time_says_so() -> None:
    def told(spelled: str) -> Observation:
        rows = evaluation()
        days = pa.array([when.strftime(spelled) for when in rows["scheduled_at"].to_pylist()])
        table = rows.set_column(rows.column_names.index("scheduled_at"), "scheduled_at", days)
        trial = MemoryTrial(tables={"evaluation": table}, feeds={"weather": Feed(reads=[records(60)])})
        found = CHECK.run(fresh_system(), cast("Trial", trial))
        assert isinstance(found, Observation)
        return found

    assert list(by_lag(told("%Y-%m-%d"), "AUC")) == [0.0, 2.0, 6.0, 24.0]
    (finding,) = [f for f in told("%d.%m.%Y").findings if f.code == "staleness-cost-unknown"]
    assert "the times in scheduled_at of the evaluation data cannot be read" in finding.summary


def test_the_replay_asks_for_a_few_thousand_rows_at_most() -> None:
    model = WeatherModel()
    run(records(60), model=model)
    assert 0 < model.asked <= 4000


def test_what_cannot_be_replayed_stays_open_and_says_what_it_takes() -> None:
    source = {"source": "rows.parquet", "label": "late"}
    found = run(records(60), declared=fresh_system(data={"evaluation": source}))
    (finding,) = [f for f in found.findings if f.code == "staleness-cost-unknown"]
    assert finding.weight is Weight.OPEN
    assert "over more than 24 h" in finding.remedy
    assert codes(found) == set()
    assert found.figures == ()


def test_an_event_is_not_replayed_as_if_an_older_one_stood_in_for_it() -> None:
    flow = {"name": "in", "in": "weather", "out": "weather", "key": "id", "within": "1s", "peak": "1/s"}
    found = run(records(60), declared=fresh_system(flows=[flow]))
    assert not codes(found, Weight.OPEN)
    assert "limit-too-loose" not in codes(found)
    assert found.figures == ()


class Crashing(WeatherModel):
    """A model that answers nothing."""

    def predict(self, rows: Any) -> Reply:
        del rows
        return Reply(kind=ReplyKind.CRASHED, latency_s=0.0, status=500)


def test_a_model_that_does_not_answer_leaves_the_age_standing() -> None:
    found = run(records(60), model=Crashing())
    assert age(found) == pytest.approx(60 + LAST_S)
    assert "staleness-cost-unknown" in codes(found, Weight.OPEN)


class Retyped:
    """A table whose parts hold a column now as numbers, now as text; its first `rows` rows are one part."""

    def __init__(self, table: pa.Table, name: str, rows: int) -> None:
        self._table, self._name, self._rows = table, name, rows

    def columns(self) -> tuple[str, ...]:
        return tuple(self._table.column_names)

    def batches(self, columns: Any = None) -> Any:
        names = list(columns or self._table.column_names)
        chosen = self._table.select(names)
        at = names.index(self._name)
        later = chosen.slice(self._rows)
        later = later.set_column(at, self._name, later[self._name].cast(pa.string()))
        for part in (chosen.slice(0, self._rows), later):
            yield from part.combine_chunks().to_batches()

    def digest(self) -> str:
        return ""


def test_a_column_that_changes_its_type_on_the_way_leaves_the_cost_open_and_the_age_standing() -> None:
    class Trial(MemoryTrial):
        def table(self, name: str) -> Any:
            return Retyped(self.tables[name], "temp", 900)

    trial = Trial(tables={"evaluation": evaluation()}, feeds={"weather": Feed(reads=[records(60)])})
    found = CHECK.run(fresh_system(), cast("Any", trial))
    assert isinstance(found, Observation)
    (finding,) = [f for f in found.findings if f.code == "staleness-cost-unknown"]
    assert finding.weight is Weight.OPEN
    assert "change their type within the table" in finding.summary
    assert "one type" in finding.remedy
    assert age(found) == pytest.approx(60 + LAST_S)


def test_rows_that_come_in_many_parts_cost_what_they_cost_in_one() -> None:
    whole = run(records(60))
    parts = evaluation()
    parts = pa.concat_tables([parts.slice(at, 300) for at in range(0, parts.num_rows, 300)])
    feeds = {"weather": Feed(reads=[records(60)])}
    found = CHECK.run(fresh_system(), cast("Trial", MemoryTrial(tables={"evaluation": parts}, feeds=feeds)))
    assert isinstance(found, Observation)
    assert [m.value for m in found.measures] == [m.value for m in whole.measures]


def test_an_evaluation_without_a_row_leaves_the_cost_open() -> None:
    class Trial(MemoryTrial):
        def table(self, name: str) -> Any:
            return Empty(self.tables[name])

    class Empty(Retyped):
        def __init__(self, table: pa.Table) -> None:
            super().__init__(table, "temp", 0)

        def batches(self, columns: Any = None) -> Any:
            return iter(())

    trial = Trial(tables={"evaluation": evaluation()}, feeds={"weather": Feed(reads=[records(60)])})
    found = CHECK.run(fresh_system(), cast("Any", trial))
    assert isinstance(found, Observation)
    assert "staleness-cost-unknown" in codes(found, Weight.OPEN)


class Clock(Feed):
    """A feed whose server tells a time that is `ahead_s` off."""

    ahead_s = 0.0

    def server_time(self) -> Any:
        return NOW + timedelta(seconds=self.ahead_s)


@pytest.mark.parametrize(("ahead_s", "differs"), [(0.2, False), (-20.0, False), (300.0, True), (-4000.0, True)])
def test_a_server_whose_clock_is_another_is_told_and_its_records_are_older_than_they_look(
    ahead_s: float, differs: bool
) -> None:
    feed = Clock(reads=[records(1800)])
    feed.ahead_s = ahead_s
    trial = MemoryTrial(tables={"evaluation": evaluation()}, feeds={"weather": feed})
    found = CHECK.run(fresh_system(), cast("Trial", trial))
    assert isinstance(found, Observation)
    assert ("clocks-differ" in codes(found)) == differs
    assert age(found) == pytest.approx(1800 + LAST_S + (299.5 if ahead_s == 300.0 else 0.0))


def test_a_source_that_reports_more_seldom_than_its_limit_is_stale_before_every_record() -> None:
    every_3h = [{"observed_at": (NOW - timedelta(hours=3 * i, minutes=5)).isoformat()} for i in reversed(range(20))]
    found = run(every_3h)
    assert codes(found) == {"too-seldom"}


def stamped(*hours: float) -> list[Row]:
    return [{"observed_at": (NOW - timedelta(hours=each)).isoformat()} for each in sorted(hours, reverse=True)]


HOURLY = [0.1 + at for at in range(30)]


def test_a_source_that_is_fresh_now_and_was_away_last_night_was_too_old() -> None:
    found = run(stamped(*(h for h in HOURLY if not 8 < h < 13)))
    assert codes(found) == {"was-too-old"}
    (finding,) = [f for f in found.findings if f.code == "was-too-old"]
    assert "6 h old" in finding.summary
    worst = next(m for m in found.measures if m.name.startswith("worst age of weather"))
    assert worst.value == pytest.approx(6 * 3600.0)
    share = next(m for m in found.measures if m.name.startswith("share of that time"))
    assert share.value == pytest.approx(4 / 25)


@pytest.mark.parametrize(
    "hours",
    [
        [h for h in HOURLY if h != 7.1],  # one reading was missed: two hours are allowed
        [*(at / 12 for at in range(1, 400)), 70.0, 90.0],  # away before it was taken into operation
        [0.1, *(0.1 + at * at for at in range(8, 20)), *HOURLY],  # dormant long ago
        [0.1],
    ],
)
def test_what_lies_long_back_or_is_allowed_was_never_too_old(hours: list[float]) -> None:
    assert codes(run(stamped(*hours))) == set()


def test_where_nothing_happens_no_event_comes_and_none_was_too_old() -> None:
    flow = {"name": "in", "in": "weather", "out": "weather", "key": "id", "within": "1s", "peak": "1/s"}
    found = run(stamped(*(h for h in HOURLY if not 8 < h < 13)), declared=fresh_system(flows=[flow]))
    assert codes(found) == set()


FLOW = {"name": "in", "in": "weather", "out": "weather", "key": "id", "within": "1s", "peak": "1/s"}
RANGE = {"first": 9_000_000, "last": 9_999_999}
NUMBER = 8_000_000_000_000_000 + 123_456


@pytest.mark.parametrize(
    ("key", "more"),
    [("seatrial-20261128-1", {}), ("seatrial-faulty-2-7", {}), (NUMBER, {}), (9_000_007, {"keys": RANGE})],
)
def test_test_records_of_ours_make_no_source_look_fresh(key: str | int, more: dict[str, Any]) -> None:
    real, ours = records(86_400, id="r1"), records(10, n=3, id=key)
    declared = fresh_system(flows=[FLOW | more])
    assert age(run([*real, *ours], declared=declared)) == pytest.approx(86_400 + LAST_S)
    assert age(run([*real, *records(10, n=1, id="r2")], declared=declared)) == pytest.approx(10 + LAST_S)
    nothing_else = run(ours, declared=declared)
    assert age(nothing_else) is None
    assert codes(nothing_else, Weight.OPEN) == {"only-test-records"}


ELSEWHERE: dict[str, Any] = {
    "integrations": {
        "weather": {"kind": "http", "feeds": ["temp"]},
        "orders": {"kind": "http"},
        "planner": {"kind": "http", "direction": "out"},
    },
    "flows": [FLOW | {"in": "orders", "out": "planner", "keys": RANGE}],
}


@pytest.mark.parametrize("key", [{"number": "seatrial-20261128-1"}, {"number": NUMBER}, {"id": 9_000_007}])
def test_a_table_behind_an_entry_does_not_look_fresh_for_what_a_test_put_in(key: dict[str, Json]) -> None:
    declared = fresh_system(**ELSEWHERE)
    real, ours = records(86_400, id="r1", number="r1"), records(10, n=1, **({"id": "1", "number": "1"} | key))
    assert age(run([*real, *ours], declared=declared)) == pytest.approx(86_400 + LAST_S)
    assert codes(run(ours, declared=declared), Weight.OPEN) == {"only-test-records"}


@pytest.mark.parametrize(
    "key",
    [{"number": 9_000_007}, {"id": 8_999_999}, {"number": 1_700_000_000_000_000}, {"note": "asks for seatrial-1"}],
)
def test_a_record_of_a_source_beside_the_flows_counts_where_nothing_marks_it(key: dict[str, Json]) -> None:
    rows = [*records(86_400, id="r1"), *records(10, n=1, **({"id": "1"} | key))]
    assert age(run(rows, declared=fresh_system(**ELSEWHERE))) == pytest.approx(10 + LAST_S)


def test_a_frozen_source_that_starts_a_flow_is_a_gap_without_parts() -> None:
    rows = [
        {"id": f"r{at}", "observed_at": (NOW - timedelta(minutes=10 * at)).isoformat(), "temp": 21.4, "dewp": 9.3}
        for at in reversed(range(40))
    ]
    assert codes(run(rows, declared=fresh_system(flows=[FLOW]))) == {"values-stand-still"}
    moving = [{**row, "temp": 21.4 + at / 10} for at, row in enumerate(rows)]
    assert codes(run(moving, declared=fresh_system(flows=[FLOW]))) == set()


def test_a_source_that_falls_behind_or_stands_still_is_noted() -> None:
    behind = run(*[records(600 + 60 * at - PAUSE_S * at) for at in range(READINGS)])
    assert "falls-behind" in codes(behind, Weight.NOTE)
    assert "stands-still" in codes(run(records(7110)), Weight.NOTE)
    growth = next(m for m in behind.measures if m.name == "growth of the age of weather an hour")
    assert growth.value == pytest.approx(60 / PAUSE_S * 3600)
    assert not {"falls-behind", "stands-still"} & codes(run(records(60)), Weight.NOTE)


def governed_system(minimum: float, metric: str = "accuracy", at_most: str = "2h") -> System:
    return fresh_system(
        data={"freshness": [{"source": "weather", "at": "observed_at", "at_most": at_most}]},
        governance={"metric": metric, "minimum": minimum},
    )


def test_the_age_at_which_the_governed_minimum_is_lost_is_found_between_two_lags() -> None:
    at = by_lag(run(records(60), declared=governed_system(0.1)), "accuracy")
    assert list(at)[:2] == [0.0, 2.0]
    between = (at[0.0] + at[24.0]) / 2.0
    found = run(records(60), declared=governed_system(between))
    lost = next(m for m in found.measures if m.name == "age of the data at which accuracy loses its limit")
    assert 0.0 < (lost.value or 0.0) <= 24 * 3600
    finer = by_lag(found, "accuracy")
    assert len(finer) > 4
    assert finer[(lost.value or 0.0) / 3600] < between
    assert "limit-too-loose" not in codes(found) or (lost.value or 0.0) <= 7200


def test_a_limit_that_lets_data_grow_older_than_the_minimum_bears_is_a_gap() -> None:
    at = by_lag(run(records(60), declared=governed_system(0.1, at_most="24h")), "accuracy")
    between = (at[0.0] + at[24.0]) / 2.0
    found = run(records(60), declared=governed_system(between, at_most="24h"))
    (finding,) = [f for f in found.findings if f.code == "limit-too-loose"]
    assert finding.weight is Weight.GAP
    assert "24 h" in finding.summary
    kept = run(records(60), declared=governed_system(0.1, at_most="24h"))
    assert "limit-too-loose" not in {f.code for f in kept.findings}
    assert "keeps its limit" in kept.done


@cache
def of_sites(*, drifts: bool = False, days: float = 30.0, named: bool = True) -> pa.Table:
    """Rows of 40 sites, each with weather of its own: always the same, or another one every four hours."""
    chance = np.random.default_rng(11)
    table = deliveries(3, 3000, days=days)
    site = chance.integers(0, 40, table.num_rows)
    hours = np.array([each.timestamp() for each in table["scheduled_at"].to_pylist()]) // 3600
    spell = (hours // 4).astype(int) if drifts else np.zeros(table.num_rows, dtype=int)
    weather = {
        "temp": chance.uniform(10, 95, (40, spell.max() - spell.min() + 1))[site, spell - spell.min()],
        "wind": chance.uniform(0, 30, (40, spell.max() - spell.min() + 1))[site, spell - spell.min()],
        "pressure": chance.uniform(990, 1030, (40, spell.max() - spell.min() + 1))[site, spell - spell.min()],
    }
    late = chance.random(table.num_rows) < [risk(t, w) for t, w in zip(weather["temp"], weather["wind"], strict=True)]
    for name, values in {**weather, "late": late.astype(int)}.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table.append_column("site", pa.array([f"S-{each:02}" for each in site])) if named else table


def replayed(rows: pa.Table, *, at_most: str, per: str | None = None) -> Observation:
    """The accuracy must be at least half-way between that with fresh weather and that with weather of any other row."""
    right = np.mean([(risk(t, w) >= 0.5) == bool(y) for t, w, y in _truth(rows)])
    usual = max(np.mean(rows["late"].to_numpy()), 1 - np.mean(rows["late"].to_numpy()))
    limit = {"source": "weather", "at": "observed_at", "at_most": at_most} | ({"per": per} if per else {})
    declared = fresh_system(
        data={"freshness": [limit]}, governance={"metric": "accuracy", "minimum": float(right + usual) / 2.0}
    )
    sites = [{"site": f"S-{each:02}"} for each in range(40)]
    feeds = {"weather": Feed(reads=[[row for more in sites for row in records(1, n=1, **more)]])}
    found = CHECK.run(declared, cast("Trial", MemoryTrial(tables={"evaluation": rows}, feeds=feeds)))
    assert isinstance(found, Observation), found
    return found


def _truth(rows: pa.Table) -> Any:
    return zip(*(rows[name].to_pylist() for name in ("temp", "wind", "late")), strict=True)


def costs(found: Observation) -> dict[str, Weight]:
    codes_of_costs = {"staleness-cost-unknown", "limit-too-loose"}
    return {each.code: each.weight for each in found.findings if each.code in codes_of_costs}


@pytest.mark.parametrize("per", [None, "site"])
def test_an_older_value_is_that_of_the_same_part_though_no_input_tells_parts_apart(per: str | None) -> None:
    found = replayed(of_sites(), at_most="2h", per=per)
    assert costs(found) == {}
    assert "keeps its limit" in found.done
    sources = cast("dict[str, Any]", found.facts["staleness"])["sources"]
    assert sources["weather"]["parts_by"] == "site"


def test_where_nothing_tells_the_parts_apart_another_ones_values_are_no_older_ones() -> None:
    found = replayed(of_sites(named=False), at_most="2h")
    assert costs(found) == {"staleness-cost-unknown": Weight.OPEN}
    (finding,) = [each for each in found.findings if each.code == "staleness-cost-unknown"]
    assert "the same part of weather" in finding.summary
    assert "`per`" in finding.remedy


def test_values_much_older_than_may_be_are_no_values_of_that_age() -> None:
    found = replayed(of_sites(drifts=True, days=365.0), at_most="2m", per="site")
    assert costs(found) == {"staleness-cost-unknown": Weight.OPEN}
    (finding,) = [each for each in found.findings if each.code == "staleness-cost-unknown"]
    assert "h older" in finding.summary
    assert "without labels" in finding.remedy
    method = next(m.method for m in found.measures if m.name == "accuracy on data 0.033 h old")
    assert "at the median" in method


def test_parts_that_change_within_the_time_that_they_may_be_old_are_a_gap() -> None:
    found = replayed(of_sites(drifts=True), at_most="12h", per="site")
    assert costs(found) == {"limit-too-loose": Weight.GAP}


def test_a_source_is_held_to_its_own_limit_though_another_must_be_fresher() -> None:
    at_most = {"weather": "24h", "gauge": "1h"}
    inputs = {name: {"type": "number", "fed_by": "weather"} for name in ("temp", "wind")}
    declared = fresh_system(
        data={"freshness": [{"source": name, "at": "observed_at", "at_most": age} for name, age in at_most.items()]},
        governance={"metric": "accuracy", "minimum": 0.8},
        integrations={name: {"kind": "http", "direction": "in"} for name in at_most},
        model={
            "endpoint": "http://h/predict",
            "task": "binary",
            "inputs": inputs | {"pressure": {"type": "number", "fed_by": "gauge"}},
        },
    )
    rows = evaluation()
    feeds = {name: Feed(reads=[records(1)]) for name in at_most}
    found = CHECK.run(declared, cast("Trial", MemoryTrial(tables={"evaluation": rows}, feeds=feeds)))
    assert isinstance(found, Observation), found
    (finding,) = [each for each in found.findings if each.code == "limit-too-loose"]
    assert finding.weight is Weight.GAP
    assert finding.summary.startswith("Data of weather may be 24 h old")
    assert "of weather" in finding.remedy
    assert "accuracy keeps its limit with data of gauge 24 h old" in found.done


def test_every_code_it_can_give_is_documented() -> None:
    bad: list[Any] = [records(60), [], Unreachable("gone"), records(-9000), [{"observed_at": "x"}]]
    for read in bad:
        assert {f.code for f in run(read).findings} <= set(CHECK.codes)
    assert isinstance(Unreachable("x"), SeatrialError)
