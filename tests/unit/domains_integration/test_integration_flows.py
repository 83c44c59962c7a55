"""Flows: what must be declared before a record is put in, and how every record is accounted for."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plants.integration_server import Records
from plants.pipeline_server import declared
from plants.planted_trial import PlantedTrial
from plants.real_trial import RealTrial, judged, observed
from plants.server import Server
from seatrial.adapters.http import Http
from seatrial.adapters.integrations.catalogue import open_integration
from seatrial.app.folder.clock import SystemClock
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.observation import Json
from seatrial.core.ports import Removing, Row
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.flows.accounts import account
from seatrial.domains.flows.driving import Lane, Passage, drive, spare
from seatrial.domains.flows.lanes import lane_of, unready
from seatrial.domains.flows.marking import broken_on_purpose, enough, marked, marker, place_of
from seatrial.domains.flows.same_value import same
from seatrial.domains.integration.combined_load import CHECK
from seatrial.domains.integration.combined_running import together_s
from seatrial.spec.integration import Flow, IntegrationSection
from seatrial.spec.policy import policy_for, short_demo
from seatrial.spec.system import System


def system(**changes: Any) -> System:
    return System.model_validate(declared("http://127.0.0.1:1", **changes))


def test_no_declared_flow_is_a_gap() -> None:
    described = system(flows=())
    observation = observed(CHECK, described, PlantedTrial())
    assert [f.code for f in observation.findings] == ["no-flows"]
    assert judged(CHECK, described, observation).outcome is Outcome.NOT_MET


def test_an_entry_that_may_not_be_written_to_is_open_and_says_what_to_declare() -> None:
    plain = declared("http://127.0.0.1:1")["integrations"]
    closed = {**plain["deliveries"], "test": {**plain["deliveries"]["test"], "writable": False}}
    described = system(integrations={**plain, "deliveries": closed})
    observation = observed(CHECK, described, PlantedTrial())
    (finding,) = observation.findings
    assert finding.code == "not-writable"
    assert "writable: true" in finding.remedy
    assert judged(CHECK, described, observation).outcome is Outcome.NOT_DETERMINED


def test_an_exit_that_nobody_can_look_at_is_open() -> None:
    plain = declared("http://127.0.0.1:1")["integrations"]
    blind = {**plain["planner"], "test": {**plain["planner"]["test"], "observe": None}}
    observation = observed(CHECK, system(integrations={**plain, "planner": blind}), PlantedTrial())
    assert [f.code for f in observation.findings] == ["not-observable"]


def test_each_record_is_accounted_for_once_by_the_worst_that_happened_to_it() -> None:
    (flow,) = system().flows
    sent = [{"id": f"k{at}", "dock": "A", "planned_at": "2026-11-23T10:00:00Z"} for at in range(6)]
    copy = dict(sent[0])
    found = account(
        Passage(
            flow=flow,
            sent=sent,
            accepted=[True, True, True, False, True, True],
            scheduled_s=[0.0] * 6,
            after_s=[0.2, 1.5, math.nan, math.nan, 0.3, 0.4],
            copies={
                "k0": [copy],
                "k1": [{**copy, "id": "k1"}],
                "k4": [{**copy, "id": "k4"}, {**copy, "id": "k4"}],
                "k5": [{**copy, "id": "k5", "dock": "B"}],
            },
            lag_s=[0.0] * 6,
            planned=6,
            step_s=0.1,
        )
    )
    assert (found.delivered, found.late, found.lost, found.refused) == (1, 1, 1, 1)
    assert (found.doubled, found.altered, found.changed) == (1, 1, ("dock",))


@pytest.mark.parametrize(
    ("kind", "start", "end", "seen_at_once"),
    [
        ("mariadb", {"write": "orders"}, {"observe": "shop.orders"}, True),
        ("mariadb", {"write": "orders"}, {"observe": "SELECT * FROM orders WHERE scored AND id IN :values"}, False),
        ("mariadb", {"write": "orders"}, {"observe": "scores"}, False),
        ("postgresql", {"write": "staging.orders"}, {"observe": "core.orders"}, False),
        ("mqtt", {"write": "hall/1/raw"}, {"observe": "hall/#"}, True),
        ("mqtt", {"write": "hall/1/raw"}, {"observe": "hall/+/alarm"}, False),
        ("amqp", {"exchange": "x", "routing_key": "in.a"}, {"exchange": "x", "routing_key": "#"}, True),
        ("amqp", {"exchange": "x", "routing_key": "in.a"}, {"exchange": "x", "routing_key": "out.*"}, False),
        ("files", {}, {}, True),
        ("files", {"write": "in"}, {"observe": "out"}, False),
        ("http", {"write": "/claims"}, {"observe": "/claims"}, False),
    ],
)
def test_a_flow_that_is_observed_where_it_is_put_in_is_a_gap(
    kind: str, start: dict[str, str], end: dict[str, str], seen_at_once: bool
) -> None:
    url = "drop" if kind == "files" else f"{kind}://h/place"
    described = System.model_validate(
        {
            **declared("http://127.0.0.1:1"),
            "integrations": {
                "a": {"kind": kind, "test": {"url": url, "writable": True, **start}},
                "b": {"kind": kind, "direction": "out", "test": {"url": url, **end}},
            },
            "flows": [{"name": "f", "in": "a", "out": "b", "key": "id", "within": "1s", "peak": "1/s"}],
        }
    )
    found = [(f.code, f.weight) for f in unready(described, described.flows[0])]
    assert found == ([("exit-is-entry", Weight.GAP)] if seen_at_once else [])


@pytest.mark.parametrize(
    ("expect", "other", "codes"),
    [
        ({}, "A", ["contents-not-compared"]),
        ({"dock": "dock"}, "A", ["contents-not-compared"]),
        ({"dock": "dock"}, "C", []),
    ],
    ids=["no expectation", "the same in all", "one that tells them apart"],
)
def test_what_was_not_compared_is_not_counted_as_unaltered(
    tmp_path: Path, expect: dict[str, str], other: str, codes: list[str]
) -> None:
    with sqlite3.connect(tmp_path / "erp.db") as erp:
        erp.execute("CREATE TABLE orders (id TEXT, dock TEXT)")
        erp.executemany("INSERT INTO orders VALUES (?, ?)", [(f"o{at}", "A" if at % 2 else other) for at in range(50)])
        erp.execute("CREATE VIEW passed_on AS SELECT id, 'B7' AS dock FROM orders")
    erp.close()
    url = "sqlite:///erp.db"
    described = System.model_validate(
        {
            **declared("http://127.0.0.1:1"),
            "integrations": {
                "a": {"kind": "sqlite", "test": {"url": url, "writable": True, "write": "orders", "read": "orders"}},
                "b": {"kind": "sqlite", "direction": "out", "test": {"url": url, "observe": "passed_on"}},
            },
            "flows": [
                {
                    "name": "f",
                    "in": "a",
                    "out": "b",
                    "key": "id",
                    "within": "2s",
                    "peak": "20/s",
                    "expect": expect,
                }
            ],
            "load": None,
        }
    ).model_copy(update={"policy": short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 0.5})})
    with RealTrial(described, base_dir=tmp_path) as trial:
        observation = observed(CHECK, described, trial)
    counted = [m.name for m in observation.measures if "altered" in m.name]
    assert [f.code for f in observation.findings if f.code == "contents-not-compared"] == codes
    assert bool(counted) is bool(expect)
    assert judged(CHECK, described, observation).outcome is not Outcome.MET


@pytest.mark.parametrize(
    ("arrived", "sent", "equal"),
    [
        (12, 12.0, True),
        ("12", 12, False),
        (True, 1, False),
        (1, True, True),
        (0, False, True),
        (0, True, False),
        (2, True, False),
        ("1", True, False),
        ("2026-11-23T10:00:00+00:00", "2026-11-23T11:00:00+01:00", True),
        ("2026-11-23T10:00:00", "2026-11-23T10:00:00Z", False),
        (None, None, True),
        (None, "x", False),
    ],
)
def test_a_value_is_the_same_however_the_other_side_spells_it(arrived: Json, sent: Json, equal: bool) -> None:
    assert same(arrived, sent) is equal


def _flow(**changes: Any) -> Flow:
    return Flow.model_validate(
        {"name": "f", "in": "a", "out": "b", "key": "id", "within": "1s", "peak": "20/s", **changes}
    )


def test_our_records_have_keys_of_their_own_of_the_type_that_keys_have() -> None:
    trial, flow = PlantedTrial(), _flow()
    texts = [marked({"id": "d1"}, flow, marker(trial), at, start=0)["id"] for at in range(100)]
    numbers = [marked({"id": 17}, flow, marker(trial), at, start=0)["id"] for at in range(100)]
    assert len(set(texts)) == len(set(numbers)) == 100
    assert all(str(text).startswith("seatrial-") for text in texts)
    assert all(isinstance(number, int) and 2**52 < number < 2**53 for number in numbers)


@pytest.mark.parametrize(
    ("keys", "like"),
    [({"first": 2_000_000_000, "last": 2_000_099_999}, int), ({"first": "T00000", "last": "T99999"}, str)],
)
def test_keys_that_are_reserved_for_tests_are_used_and_known_again(keys: dict[str, Any], like: type) -> None:
    flow, trial = _flow(keys=keys), PlantedTrial()
    start = place_of(trial, flow)
    records = [marked({"id": "O1"}, flow, marker(trial, faulty=True), at, start=start) for at in range(100_000)]
    assert {type(record["id"]) for record in records} == {like}
    assert len({record["id"] for record in records}) == 100_000, "each key of the range once, before one comes again"
    assert all(broken_on_purpose(record, [flow]) for record in records[:100])
    assert not broken_on_purpose({"id": "O1"}, [flow])
    assert not broken_on_purpose({"id": 17}, [flow])


def test_no_key_of_a_small_range_is_used_again_while_its_record_may_still_be_there() -> None:
    trial: Any = PlantedTrial()
    trial.integration = {"a": _Mirror()}.__getitem__
    flow = _flow(peak="10/s", keys={"first": 1, "last": 1000})
    before = lane_of(trial, flow, "a", 10.0)
    trial.clock.sleep(15.0)
    lane = lane_of(trial, flow, "b", 30.0, behind=before)
    assert not set(before.keys) & set(lane.keys)
    with pytest.raises(Malformed, match="holds 700 keys"):
        lane_of(trial, _flow(peak="10/s", keys={"first": 1, "last": 700}), "b", 30.0, behind=before)


def test_a_range_that_is_too_small_says_how_many_keys_are_needed() -> None:
    with pytest.raises(Malformed, match=r"holds 10 keys, and 400 test records are needed"):
        enough(_flow(keys={"first": 1, "last": 10}), 400)


def test_flows_run_until_the_slowest_has_brought_enough_records_for_its_bound() -> None:
    slow = system().model_copy(update={"flows": (_flow(peak="1/s"),), "policy": policy_for(Criticality.OPERATIONAL)})
    assert together_s(slow) >= 299
    quick = slow.model_copy(update={"flows": (_flow(peak="60/s"),)})
    assert together_s(quick) == quick.policy.flow_duration


@pytest.mark.parametrize(("peak", "lasts_s"), [("200/s", 4.0), ("52/s", 355.3 / 52.0), ("1/s", 12.0)])
def test_a_demonstration_goes_on_until_its_bound_can_be_had_and_three_times_its_policy_at_most(
    peak: str, lasts_s: float
) -> None:
    policy = short_demo(Criticality.OPERATIONAL)
    shown = system().model_copy(update={"flows": (_flow(peak="400/s"), _flow(peak=peak)), "policy": policy})
    assert policy.flow_duration == 4.0
    assert together_s(shown) == pytest.approx(lasts_s, rel=1e-3)


def test_there_are_more_records_than_chance_can_ask_for() -> None:
    assert spare(60, 6) > 360 + 5 * math.sqrt(360)


def test_a_flow_through_databases_is_written_record_by_record_and_accounted_for(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "erp.db") as erp:
        erp.execute("CREATE TABLE orders (id TEXT, dock TEXT)")
        erp.execute("INSERT INTO orders VALUES ('o1', 'A'), ('o2', 'B')")
        erp.execute("CREATE VIEW booked AS SELECT * FROM orders")
    erp.close()
    place = {"url": "sqlite:///erp.db", "writable": True, "read": "orders", "write": "orders", "observe": "booked"}
    flow = {"name": "book", "in": "erp", "out": "board", "key": "id", "within": "2s", "peak": "20/s"}
    described = System.model_validate(
        {
            "system": "booking",
            "version": "1",
            "model": {"endpoint": "http://127.0.0.1:1", "task": "binary"},
            "integrations": {name: {"kind": "sqlite", "test": place} for name in ("erp", "board")},
            "flows": [{**flow, "expect": {"dock": "dock"}}],
        }
    )
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 2.0})
    described = described.model_copy(update={"policy": policy})
    with RealTrial(described, base_dir=tmp_path) as trial:
        observation = observed(CHECK, described, trial)
    assert not [f for f in observation.findings if f.weight is not Weight.NOTE], observation.findings
    assert observation.measures[0].value == 1.0
    assert (observation.measures[0].needed or 0) > 100


class _Mirror:
    """A source that shows at once what was put in, however much that is."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}

    def write(self, record: Row) -> None:
        self.rows.setdefault(str(record["id"]), []).append(record)

    def read(self, most: int) -> Sequence[Row]:
        return [{"id": 17}][:most]

    def request(self, record: Row) -> None:
        return None

    def listen(self) -> None:
        return None

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        return {value: found for value in values if (found := self.rows.get(value))}


def test_looking_keeps_up_with_thousands_of_records_a_second() -> None:
    """Looking at 200 records every half second would call nearly all of these late."""
    (plain,) = declared("http://127.0.0.1:1")["flows"]
    flow = Flow.model_validate({**plain, "within": "5s", "peak": "3000/s"})
    records = tuple({"id": f"k{at}", "dock": "A", "planned_at": "x"} for at in range(spare(3000, 2.0)))
    trial: Any = PlantedTrial()
    trial.clock = SystemClock()
    trial.integration = dict.fromkeys((flow.from_, flow.to), _Mirror()).__getitem__
    passages, _ = drive(trial, [Lane(flow=flow, records=records, requests=None)], duration_s=2.0)
    found = account(passages[flow.name])
    assert found.n > 5000
    assert found.delivered == found.n


class _Slow(_Mirror):
    """The same, but each look takes so long; when each began and ended is kept."""

    def __init__(self, takes_s: float) -> None:
        super().__init__()
        self.takes_s = takes_s
        self.looks: list[tuple[float, float]] = []

    def observe(self, key: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        began = time.monotonic()
        time.sleep(self.takes_s)
        self.looks.append((began, time.monotonic()))
        return super().observe(key, values)


@pytest.mark.timed
@pytest.mark.parametrize(("takes_s", "usual_s"), [(0.0, 0.1), (0.08, 0.6)])
def test_an_exit_is_looked_at_often_where_that_costs_it_little(takes_s: float, usual_s: float) -> None:
    (plain,) = declared("http://127.0.0.1:1")["flows"]
    flow = Flow.model_validate({**plain, "within": "5s", "peak": "50/s"})
    records = tuple({"id": f"k{at}", "dock": "A", "planned_at": "x"} for at in range(spare(50, 2.0)))
    exit_ = _Slow(takes_s)
    trial: Any = PlantedTrial()
    trial.clock = SystemClock()
    trial.integration = dict.fromkeys((flow.from_, flow.to), exit_).__getitem__
    passages, _ = drive(trial, [Lane(flow=flow, records=records, requests=None)], duration_s=2.0, settled=False)
    assert np.median(passages[flow.name].after_s) < usual_s
    # The last look is at everything once more, with no pause before it.
    *looks, _ = exit_.looks
    assert all(later - ended >= min(3.0 * (ended - began), 0.5) for (began, ended), (later, _) in pairwise(looks))


class _Swallowing(_Mirror):
    """Takes every record and passes none on."""

    def write(self, record: Row) -> None:
        return None


def _driven(exit_: _Mirror, keys: Mapping[str, int], standing: Sequence[int]) -> Passage:
    flow = _flow(within="200ms", peak="50/s", keys=keys)
    trial: Any = PlantedTrial()
    trial.clock = SystemClock()
    exit_.rows.update({str(key): [{"id": key, "dock": "A", "planned_at": "x"}] for key in standing})
    trial.integration = dict.fromkeys((flow.from_, flow.to), exit_).__getitem__
    first = keys["first"]
    records: list[Row] = [{"id": first + at, "dock": "A", "planned_at": "x"} for at in range(spare(50, 0.5))]
    passages, _ = drive(trial, [Lane(flow=flow, records=tuple(records), requests=None)], duration_s=0.5)
    return passages[flow.name]


def test_what_stands_at_the_exit_since_an_earlier_run_is_not_delivered_by_this_one() -> None:
    reserved = {"first": 1, "last": 1000}
    with pytest.raises(Refused, match=r"records under 3 of the keys that flows\.f\.keys reserves"):
        _driven(_Swallowing(), reserved, standing=[2, 3, 5])
    lost = account(_driven(_Swallowing(), reserved, standing=[900]))
    assert lost.lost == lost.n > 0, "a key that is not this run's hinders nobody"
    sound = account(_driven(_Mirror(), reserved, standing=[900]))
    assert sound.delivered == sound.n > 0


def test_an_entry_that_refuses_too_often_is_given_nothing_further() -> None:
    class Closed(_Mirror):
        def write(self, record: Row) -> None:
            raise Unreachable("it is down")

    (plain,) = declared("http://127.0.0.1:1")["flows"]
    flow = Flow.model_validate({**plain, "within": "200ms", "peak": "50/s"})
    records = tuple({"id": f"k{at}", "dock": "A", "planned_at": "x"} for at in range(spare(50, 1.0)))
    trial: Any = PlantedTrial()
    trial.clock = SystemClock()
    trial.integration = dict.fromkeys((flow.from_, flow.to), Closed()).__getitem__
    lane = Lane(flow=flow, records=records, requests=None, most_failed=4)
    passages, results = drive(trial, [lane], duration_s=1.0)
    assert list(results[flow.name].status).count(0) == 5
    assert account(passages[flow.name]).refused == passages[flow.name].planned > 20


def test_after_its_window_closed_production_is_only_given_back_what_is_ours(tmp_path: Path) -> None:
    closed = f"{datetime.now(UTC) + timedelta(days=3):%a} 02:00-02:10"
    with Server(Records()) as server, Http(origins=[server.url]) as http:
        end = {"url": server.url, "write": "take", "observe": "arrived", "remove": "arrived", "writable": True}
        production = {**end, "window": closed, "approved_by": "ivo"}
        section = IntegrationSection.model_validate({"kind": "http", "production": production})
        erp = open_integration("erp", section, http=http, base_dir=tmp_path, end="production")
        with pytest.raises(Refused, match="only within"):
            erp.write({"id": "seatrial-1"})
        with pytest.raises(Refused):
            erp.request({"id": "seatrial-1"})
        assert isinstance(erp, Removing)
        erp.remove("id", ["seatrial-1"])
        erp.close()


class Forgetful:
    """Entry and exit of a flow in one: what is put in is there at once, but for the first ones, which are lost."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self.rows: dict[str, list[Row]] = {}

    def write(self, record: Row) -> None:
        if self.lost > 0:
            self.lost -= 1
        else:
            self.rows.setdefault(str(record["id"]), []).append(record)

    def listen(self) -> None:
        """It keeps everything."""

    def observe(self, _: str, values: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        return {value: found for value in values if (found := self.rows.get(value))}


@pytest.mark.timed
def test_what_was_lost_before_does_not_make_later_records_look_late() -> None:
    place = Forgetful(lost=700)
    trial = PlantedTrial()
    trial.clock = SystemClock()  # type: ignore[assignment]
    trial.integration = lambda _: place  # type: ignore[assignment,method-assign,return-value]
    flow = Flow.model_validate({"name": "f", "in": "a", "out": "b", "key": "id", "within": "300ms", "peak": "500/s"})
    records = tuple({"id": f"k{at}"} for at in range(spare(500, 2.0)))
    passages, _ = drive(trial, [Lane(flow=flow, records=records, requests=None)], duration_s=2.0)
    after = np.array(passages["f"].after_s)
    assert np.isnan(after[:700]).all()
    assert np.median(after[700:]) < 0.3
