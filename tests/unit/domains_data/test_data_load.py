"""Load: what must be declared before anything is sent, and how a stream's result is read."""

from __future__ import annotations

import math

import pytest

from plants.guarded_model import declared
from plants.planted_trial import PlantedTrial
from plants.real_trial import judged, observed
from seatrial.core.ports import LoadResult
from seatrial.core.vocabulary import Outcome
from seatrial.domains.data.load import CHECK, served
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
