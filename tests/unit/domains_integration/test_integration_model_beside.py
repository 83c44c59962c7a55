"""The model's own peak beside the flows is held to its limits: failing, slow or carried by a cache it does not pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plants.guarded_model import declared, rows
from plants.planted_trial import PlantedTrial
from seatrial.adapters.load.schedule import arrivals
from seatrial.core.ports import LoadResult, Request, Stream
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.flows.lanes import MODEL, ModelPeak
from seatrial.domains.integration import model_beside
from seatrial.domains.integration.combined_running import together_s
from seatrial.domains.integration.model_beside import Beside
from seatrial.domains.load.rows import in_turn
from seatrial.gate.judging import judge_measure
from seatrial.spec.policy import policy_for, short_demo
from seatrial.spec.system import System

LOAD = {"peak": "40/s", "latency": {"p95": "200ms", "p99": "400ms"}}


def system(**changes: Any) -> System:
    plain = declared("http://127.0.0.1:1", load=LOAD, **changes)
    return System.model_validate(plain).model_copy(update={"policy": policy_for(Criticality.OPERATIONAL)})


def beside(
    took_s: Callable[[int, bool], float], *, status: Callable[[int], int] = lambda _: 200, different: int = 4000
) -> Beside:
    """40 a second for a minute; `took_s` of the n-th request, and whether its row is new."""
    requests = [Request(method="POST", url="http://127.0.0.1:1/", body=str(at).encode()) for at in range(different)]
    sent = in_turn(rows(different), requests, 2400, 7)
    stream = Stream(name=MODEL, requests=sent.requests, rate_per_s=40.0)
    due = arrivals(stream, duration_s=60.0, seed=7)
    new = sent.of(due.size)
    result = LoadResult(
        planned=due.size,
        scheduled_s=due.tolist(),
        latency_s=[took_s(at, bool(new[at])) for at in range(due.size)],
        lag_s=[0.0] * due.size,
        status=[status(at) for at in range(due.size)],
    )
    return Beside.of(PlantedTrial(), ModelPeak(stream=stream, sent=sent), result)


def outcomes(seen: Beside | None, declared_system: System) -> set[Outcome]:
    limits = {limit.measure: limit for limit in model_beside.limits(declared_system, "integration.combined-load")}
    found = {measure.name: measure for measure in model_beside.measures(declared_system, seen)}
    assert set(found) == set(limits)
    return {judge_measure(found[name], limit).outcome for name, limit in limits.items()}


def codes(seen: Beside | None, weight: Weight) -> set[str]:
    return {f.code for f in model_beside.findings(system(), seen) if f.weight is weight}


def test_a_model_that_keeps_its_limits_beside_the_flows_passes() -> None:
    seen = beside(lambda at, _: 0.05 + 0.001 * (at % 50), status=lambda at: 503 if at == 700 else 200)
    assert outcomes(seen, system()) == {Outcome.MET}
    assert not list(model_beside.findings(system(), seen))


def test_errors_that_come_fast_are_no_answers() -> None:
    seen = beside(lambda *_: 0.001, status=lambda at: 429 if at % 30 == 0 else 200)
    assert Outcome.NOT_MET in outcomes(seen, system())
    assert codes(seen, Weight.GAP) == {"model-fails-together", "model-slow-together"}, "p99 has no answer"
    assert "429" in next(model_beside.findings(system(), seen)).summary


def test_a_model_that_waits_for_what_the_flows_hold_is_slow() -> None:
    seen = beside(lambda at, _: 0.6 if at % 10 < 2 else 0.05)
    assert Outcome.NOT_MET in outcomes(seen, system())
    assert codes(seen, Weight.GAP) == {"model-slow-together"}


@pytest.mark.parametrize(
    ("different", "again_s", "open_"),
    [
        (4000, 0.002, set()),
        (400, 0.002, {"model-rows-repeat"}),
        (400, 0.05, set()),
        (5, 0.05, {"model-rows-too-few"}),
    ],
    ids=["a cache that hardly helps", "a cache that carries", "no cache", "too few rows to see one"],
)
def test_a_cache_before_the_model_carries_no_peak(different: int, again_s: float, open_: set[str]) -> None:
    seen = beside(lambda _, new: 0.05 if new else again_s, different=different)
    assert codes(seen, Weight.OPEN) == open_


def test_a_cache_does_not_hide_that_what_is_new_is_slow() -> None:
    seen = beside(lambda _, new: 0.6 if new else 0.002, different=100)
    assert Outcome.NOT_MET in outcomes(seen, system())


def test_a_model_that_was_not_driven_leaves_it_open() -> None:
    assert codes(None, Weight.OPEN) == {"model-not-driven"}
    assert list(model_beside.limits(system(), "integration.combined-load"))


def test_where_the_model_may_not_be_put_under_load_nothing_is_demanded() -> None:
    plain = declared("http://127.0.0.1:1", load=LOAD)
    apart = System.model_validate({**plain, "model": {**plain["model"], "test_endpoint": False}})
    assert not list(model_beside.findings(apart, None))
    assert not list(model_beside.limits(apart, "integration.combined-load"))


def test_all_flows_run_until_a_slow_model_can_be_bounded_but_not_in_a_demonstration() -> None:
    flow = {"name": "a", "in": "x", "out": "y", "key": "id", "within": "1s", "peak": "100/s"}
    slow = System.model_validate(declared("http://127.0.0.1:1", load={**LOAD, "peak": "2/s"}, flows=[flow])).model_copy(
        update={"policy": policy_for(Criticality.OPERATIONAL)}
    )
    assert together_s(slow) * 2.0 * 0.9 >= 299
    assert together_s(slow.model_copy(update={"policy": short_demo(Criticality.OPERATIONAL)})) == 4.0
