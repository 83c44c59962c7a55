"""Load: what must be declared before anything is sent, and how a stream's result is read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plants.guarded_model import declared
from plants.planted_trial import PlantedTrial
from plants.real_trial import judged, observed
from seatrial.core.errors import Malformed
from seatrial.core.observation import Measure
from seatrial.core.ports import LoadResult
from seatrial.core.vocabulary import Outcome, Sense
from seatrial.domains.data.arrival_trace import busier_than_peak, read_trace
from seatrial.domains.data.load import CHECK
from seatrial.domains.data.load_findings import failing
from seatrial.domains.load.served import served
from seatrial.spec.load import Load
from seatrial.spec.system import System

LOAD = {"peak": "10/s", "latency": {"p99": "300ms"}}


def test_no_declared_load_is_a_gap() -> None:
    system = System.model_validate(declared("http://127.0.0.1:1"))
    observation = observed(CHECK, system, PlantedTrial())
    assert [f.code for f in observation.findings] == ["no-load-declared"]
    assert judged(CHECK, system, observation).outcome is Outcome.NOT_MET
    assert CHECK.limits(system) == ()


def test_an_endpoint_that_is_not_for_tests_is_left_alone() -> None:
    plain = declared("http://127.0.0.1:1", load=LOAD)
    plain["model"] = {**plain["model"], "test_endpoint": False}
    system = System.model_validate(plain)
    observation = observed(CHECK, system, PlantedTrial())
    assert [f.code for f in observation.findings] == ["not-a-test-endpoint"]
    assert judged(CHECK, system, observation).outcome is Outcome.NOT_DETERMINED


def test_the_limits_carry_the_names_of_the_measures_and_the_declared_values() -> None:
    plain = declared("http://127.0.0.1:1", load={**LOAD, "latency": {"p99.9": "1s", "p50": "100ms"}, "errors": "0.5 %"})
    limits = {t.measure: t.limit for t in CHECK.limits(System.model_validate(plain))}
    assert limits["p50 latency"] == 0.1
    assert limits["p99.9 latency"] == 1.0
    assert limits["share of requests that failed"] == 0.005
    assert limits["p99 lag of the load generator"] == pytest.approx(0.1)


def test_whatever_failed_or_was_dropped_stands_above_every_latency_and_the_warm_up_is_left_out() -> None:
    result = LoadResult(
        planned=5,
        scheduled_s=[0.0, 2.0, 4.0, 6.0, 10.0],
        latency_s=[9.0, 0.1, 0.2, 0.1, 0.3],
        lag_s=[0.0] * 5,
        status=[200, 200, 500, -1, 0],
    )
    found = served(result)
    assert found.n == 4
    assert found.failed.tolist() == [False, True, True, True]
    assert found.at(0.25) == 0.1
    assert math.isinf(found.at(0.5))
    assert found.statuses == {"dropped": 1, "no answer": 1, "200": 1, "500": 1}


TIMES = b"time\n2026-11-02T06:00:00Z\n2026-11-02T06:00:01.5Z\n\n2026-11-02T08:00:03+02:00\n"


@pytest.mark.parametrize(("status", "told"), [(429, "rate limit"), (503, "used up"), (500, "log")])
def test_failures_under_load_name_their_likely_cause_however_fast_they_come(status: int, told: str) -> None:
    count = 400
    codes = [status if at % 10 == 0 else 200 for at in range(count)]
    due = [at / 100.0 for at in range(count)]
    full = served(
        LoadResult(planned=count, scheduled_s=due, latency_s=[0.001] * count, lag_s=[0.0] * count, status=codes)
    )
    share = 0.1
    errors = Measure(name="failed", value=share, lower=0.07, upper=0.13, limit=0.01, sense=Sense.AT_MOST, n=full.n)
    (finding,) = failing(errors, full, 100.0)
    assert f"{status}: {int(full.failed.sum())}" in finding.summary
    assert told in finding.remedy
    assert full.at(0.95) == math.inf, "a fast error is no fast answer"


def test_a_trace_is_read_as_seconds_since_its_first_arrival() -> None:
    assert read_trace(TIMES, name="a.txt") == (0.0, 1.5, 3.0)
    assert read_trace(b"12.5\n10\n11", name="a.txt") == (0.0, 1.0, 2.5)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"1\n2\nsoon\n", "line 3: 'soon'"), (b"1\nnan\n2", "line 2"), (b"", "two"), (b"time\n5\n5\n", "two different")],
)
def test_a_trace_that_cannot_be_read_is_refused_with_its_place(content: bytes, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        read_trace(content, name="a.txt")


def test_a_trace_that_was_busier_than_the_declared_peak_is_a_gap_with_the_real_peak() -> None:
    load = Load.model_validate({**LOAD, "peak": "10/s"})
    quiet = np.arange(0.0, 600.0, 0.1)
    rush = 300.0 + np.arange(0.0, 60.0, 0.04)
    (finding,) = busier_than_peak(load, np.sort([*quiet, *rush]).tolist(), 0.05)
    assert finding.code == "busier-than-declared"
    assert "35" in finding.remedy
    assert busier_than_peak(load, quiet.tolist(), 0.05) == []


def test_chance_alone_makes_no_trace_busier_than_its_peak() -> None:
    load = Load.model_validate({**LOAD, "peak": "20/s"})
    found = 0
    for seed in range(40):
        times = np.sort(np.random.default_rng(seed).uniform(0.0, 1800.0, 36_000))
        found += bool(busier_than_peak(load, (times - times[0]).tolist(), 0.05))
    assert found <= 4


def test_the_time_in_which_the_rate_climbs_is_not_judged() -> None:
    due = [float(at) for at in range(21)]
    result = LoadResult(planned=21, scheduled_s=due, latency_s=[0.1] * 21, lag_s=[0.0] * 21, status=[200] * 21)
    assert served(result, ramp_s=10.0).at_s.tolist() == [float(at) for at in range(11, 21)]
