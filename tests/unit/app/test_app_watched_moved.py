"""What a watch sees before outcomes are known, and whether scores may be believed, against the reference rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from plants.watched_errors import NOW
from seatrial.app.watched.awaited import awaited
from seatrial.app.watched.composed import composed
from seatrial.app.watched.reference import Reference
from seatrial.app.watched.slices import Explaining
from seatrial.core.check import PREDICTION, PROBLEM, SCORE
from seatrial.core.observation import Observation
from seatrial.spec.conditions import parse_condition
from seatrial.spec.loading import load_system
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.watch.events import Kind, WatchEvent
from seatrial.watch.store import Store
from seatrial.watch.watching import NAME, Watching

SYSTEM = """
system: a
version: "1"
model: {endpoint: "http://127.0.0.1:1/", task: binary, output: {score: score, act_at: 0.5}}
data: {evaluation: {source: e.csv, label: late}}
watch: {predictions: 500/d}
"""
INPUTS = {
    "height": InputField(type="number", unit="m", name="height of the load"),
    "rain": InputField(type="number"),
    "level": InputField(type="integer"),
    "carrier": InputField(type="string"),
}
Row = dict[str, Any]


def system(watch: str = "") -> System:
    return load_system((SYSTEM.rstrip()[:-1] + watch + "}\n").encode(), name="f", environment={}).system


def rows(n: int, *, seed: int, first: int = 0, scores: tuple[float, float] = (1.0, 3.0)) -> list[Row]:
    """Whose scores come true as often as they say."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(first, first + n):
        score = float(rng.beta(*scores))
        found.append(
            {
                "id": f"r{number}",
                "height": float(rng.normal(100.0, 8.0)),
                "rain": float(rng.exponential()) if rng.random() < 0.1 else 0.0,
                "level": int(rng.integers(0, 4)),
                "carrier": str(rng.choice(["DHL", "UPS", "GLS"], p=[0.6, 0.3, 0.1])),
                SCORE: score,
                "late": int(rng.random() < score),
            }
        )
    return found


def reference() -> Reference:
    known = rows(4_000, seed=1)
    table = pa.Table.from_pylist(known).drop_columns(["id"])
    table = table.append_column(PREDICTION, pa.array([int(row[SCORE] >= 0.5) for row in known]))
    table = table.append_column(PROBLEM, pa.nulls(len(known), pa.string()))
    batch = table.combine_chunks().to_batches()[0]
    return Reference(
        labelled=batch, live=batch.drop_columns(["late"]), inputs=INPUTS, times={}, predictions=500.0, labels=500.0
    )


def told(found: list[Row], *, outcomes: bool = False) -> list[WatchEvent]:
    events = []
    for row in found:
        inputs = {name: row[name] for name in INPUTS if name in row}
        content = {"prediction": int(row[SCORE] >= 0.5), "score": row[SCORE], "inputs": inputs}
        events.append(WatchEvent(kind=Kind.PREDICTION, id=row["id"], at=NOW, content=content))
        if outcomes:
            events.append(WatchEvent(kind=Kind.OUTCOME, id=row["id"], at=NOW, content={"label": row["late"]}))
    return events


@pytest.fixture
def store() -> Iterator[Store]:
    opened = Store.open("sqlite://")
    yield opened
    opened.close()


def raised(store: Store, events: list[WatchEvent], declared: System | None = None) -> dict[str, dict[str, Any]]:
    known = reference()
    streams, _, _ = composed(declared or system(), known, Observation(done="it was seen"), "")
    store.append(events, now=NOW)
    return {alarm["monitor"]: alarm for alarm in Watching(store, streams, begun=NOW).catch_up()}


def test_ninety_days_of_rows_like_those_of_the_reference_raise_nothing(store: Store) -> None:
    assert raised(store, told(rows(45_000, seed=2), outcomes=True)) == {}


CHANGES: dict[str, tuple[Callable[[Row], Row], set[str]]] = {
    "in feet": (lambda row: {**row, "height": row["height"] * 3.28}, {"input.height", "input.height.strange"}),
    "higher by one standard deviation": (lambda row: {**row, "height": row["height"] + 8.0}, {"input.height"}),
    "lower by one standard deviation": (lambda row: {**row, "height": row["height"] - 8.0}, {"input.height"}),
    "rounded to the default of the sensor": (
        lambda row: {**row, "height": 0.0} if row["level"] == 3 else row,
        {"input.height.strange"},
    ),
    "with a decimal comma": (
        lambda row: {**row, "height": f"{row['height']:.1f}".replace(".", ",")},
        {"input.height.strange"},
    ),
    "not there in every fifth row": (
        lambda row: {name: value for name, value in row.items() if name != "rain" or row["id"][-1] not in "05"},
        {"input.rain.strange"},
    ),
    "always raining": (lambda row: {**row, "rain": row["rain"] or 0.4}, {"input.rain"}),
    "in small letters": (
        lambda row: {**row, "carrier": row["carrier"].lower()},
        {"input.carrier.strange", "input.carrier.DHL"},
    ),
    "another carrier": (lambda row: {**row, "carrier": "UPS"}, {"input.carrier.DHL", "input.carrier.UPS"}),
    "a new carrier": (lambda row: {**row, "carrier": "DPD"} if row["level"] == 0 else row, {"input.carrier.strange"}),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_an_input_that_is_not_what_it_was_asks_to_look(store: Store, change: str) -> None:
    changed, monitors = CHANGES[change]
    alarms = raised(store, told([changed(row) for row in rows(2_000, seed=3)]))
    assert monitors <= set(alarms)
    field = min(monitors).split(".")[1]
    assert {name for name in alarms if name.split(".")[1] != field} <= {"inputs.contract"}
    assert {alarms[name]["level"] for name in monitors} == {"look"}
    if field == "height":
        assert alarms[min(monitors)]["summary"].startswith("share of height of the load"), "as people call it"


@pytest.mark.parametrize(
    "harmless",
    [
        lambda row: {**row, "height": row["height"] + 1.6},
        lambda row: {**row, "height": int(row["height"])},
        lambda row: {name: value for name, value in row.items() if name != "rain" or not row["id"].endswith("000")},
        lambda row: {**row, "carrier": "UPS" if row["id"].endswith("7") else row["carrier"]},
    ],
)
def test_what_moved_by_less_than_the_review_would_mind_is_no_alarm(
    store: Store, harmless: Callable[[Row], Row]
) -> None:
    assert raised(store, told([harmless(row) for row in rows(10_000, seed=4)])) == {}


def test_what_is_known_of_the_inputs_is_that_of_a_replay_whatever_the_batching() -> None:
    changed = [
        {**row, "height": row["height"] * (3.28 if place > 700 else 1.0)}
        for place, row in enumerate(rows(1_500, seed=5))
    ]
    for row in changed[::7]:
        del row["rain"]
    events = told(changed, outcomes=True)
    streams, _, _ = composed(system(), reference(), None, "")
    states = []
    for cuts in ([0, len(events)], [0, 3, 11, 500, 501, 1_999, len(events)]):
        store = Store.open("sqlite://")
        watching = Watching(store, streams, begun=NOW)
        for first, until in itertools.pairwise(cuts):
            store.append(events[first:until], now=NOW)
            watching.catch_up()
        states.append((store.state(NAME)[1], store.alarms()))
        store.close()
    assert states[0] == states[1]
    assert states[0][1]


@pytest.mark.parametrize(("excess", "alarm"), [(0.0, False), (0.05, False), (0.3, True)])
def test_scores_that_promise_more_than_comes_true_page_beyond_the_limit_of_the_policy(
    store: Store, *, excess: float, alarm: bool
) -> None:
    rng = np.random.default_rng(6)
    sent = rows(9_000, seed=7, scores=(3.0, 2.0))
    for row in sent:
        row["late"] = int(rng.random() < max(0.0, row[SCORE] - excess))
    found = raised(store, told(sent, outcomes=True)).get("calibration")
    assert (found is not None) == alarm
    if found is not None:
        assert "more than 0.1" in found["summary"]


def test_doubtful_scores_ask_for_outcomes_and_say_of_which_predictions(store: Store) -> None:
    sent = rows(3_000, seed=8, scores=(30.0, 30.0))
    alarm = raised(store, told(sent))["expected.wrong"]
    assert alarm["level"] == "look"
    explained = Explaining(system(), reference(), store).explain(alarm)
    names = explained.partition("Find out first what became of ")[2].rstrip(".").split(", ")
    assert len(set(names)) == 20
    assert set(names) <= {row["id"] for row in sent}


@pytest.mark.parametrize("concentrates", [True, False])
def test_where_an_alarm_concentrates_is_a_condition_that_a_register_can_hold(
    store: Store, *, concentrates: bool
) -> None:
    sent = rows(2_000, seed=10)
    for row in sent:
        wrong = row["height"] > 106.0 if concentrates else row["id"].endswith("3")
        row["late"] = int((row[SCORE] >= 0.5) != wrong)
    store.append(told(sent, outcomes=True), now=NOW)
    found = Explaining(system(), reference(), store).explained({"monitor": "metric.error", "newest": [1, store.last()]})
    if not concentrates:
        assert found.where == ""
        return
    condition = parse_condition(found.where)
    assert condition.fields == ("height",)
    assert condition.holds({"height": 120.0})
    assert not condition.holds({"height": 90.0})
    assert found.says.startswith("It concentrates: when height of the load is above 1")


def test_alarms_that_are_explained_at_the_same_time_are_each_told_their_own(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'w.db'}")
    quiet, loud = rows(1_000, seed=11), rows(1_000, seed=12, first=1_000)
    for row in (*quiet, *loud):
        wrong = row in loud and row["height"] > 106.0
        row["late"] = int((row[SCORE] >= 0.5) != wrong)
    store.append(told([*quiet, *loud], outcomes=True), now=NOW)
    explaining = Explaining(system(), reference(), store)
    spans = [[1, 2_000], [2_001, 4_000]] * 20
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda span: explaining.explained({"monitor": "m", "newest": span}).where, spans))
    store.close()
    assert {bool(where) for where in found[::2]} == {False}
    assert {bool(where) for where in found[1::2]} == {True}


def test_days_with_too_many_predictions_are_an_alarm_and_days_with_as_many_as_may_be_are_not(store: Store) -> None:
    declared = system(", at_most: 40/d")
    days = [
        WatchEvent(kind=Kind.PREDICTION, id=f"{day}-{row}", at=NOW + timedelta(days=day), content={"prediction": 0})
        for day in range(3)
        for row in range(40)
    ]
    assert "volume" not in raised(store, days, declared)
    more = [WatchEvent(kind=Kind.PREDICTION, id="more", at=NOW + timedelta(days=1), content={"prediction": 0})]
    alarm = raised(store, more, declared)["volume"]
    assert (alarm["level"], alarm["now"]) == ("page", 41.0)


def test_days_with_fewer_predictions_than_declared_are_an_alarm_that_ends_when_as_many_come_again(store: Store) -> None:
    def listening(hours: int) -> list[str]:
        # What nobody asks of sources needs no outside.
        watching = Watching(store, (), tuple(awaited(system(", at_least: 40/d"), store, cast("Any", None))), begun=NOW)
        return [alarm["summary"] for alarm in watching.listen(NOW + timedelta(hours=hours))]

    def came(first: int, count: int, hours: int) -> None:
        events = [
            WatchEvent(kind=Kind.PREDICTION, id=f"v{row}", at=NOW, content={"prediction": 0})
            for row in range(first, first + count)
        ]
        store.append(events, now=NOW + timedelta(hours=hours))

    came(0, 40, 0)
    came(40, 39, 23)
    assert listening(24) == []
    assert listening(25) == ["predictions: fewer than 40 for 25 h, and 24 h is the longest allowed"]
    came(80, 1, 26)
    assert listening(27) == []
    assert [alarm["state"] for alarm in store.alarms()] == ["closed"]


def test_a_limit_that_nobody_declared_is_named() -> None:
    names = {each.name for each in composed(system(), reference(), None, "")[1]}
    assert {"volume", "outcomes"} <= names
    declared = system(", heartbeat: 1h, labels_within: 2d")
    assert not {"volume", "outcomes"} & {each.name for each in composed(declared, reference(), None, "")[1]}


def test_an_input_that_never_varied_and_one_that_is_a_name_of_its_row_are_held_where_they_can_be() -> None:
    known = [{**row, "level": 3, "carrier": row["id"]} for row in rows(500, seed=9)]
    table = pa.Table.from_pylist(known).append_column(PREDICTION, pa.array([0] * len(known))).combine_chunks()
    whole = Reference(labelled=None, live=table.to_batches()[0], inputs=INPUTS, times={})
    streams = {each.name for each in composed(system(), whole, None, "")[0]}
    assert "input.level.strange" in streams
    assert "input.level" not in streams
    assert not any(name.startswith("input.carrier") for name in streams)
