"""Load at the real entry: waiting, freezing and failing are caught under open arrivals; a slower answer is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from plants.guarded_model import declared, rows
from plants.load_server import LoadServer, frozen
from plants.queue_load import QueueLoad
from plants.real_trial import RealTrial, codes, judged, observed
from seatrial.adapters.steps.runner import StepRunner
from seatrial.core.observation import Observation
from seatrial.core.ports import ProbingSteps
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.data import capacity, soak
from seatrial.domains.data.load import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

pytestmark = pytest.mark.timed

BODY = b'{"predictions": [{"label": 0, "probability": 0.2}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
LOAD = {"peak": "80/s", "latency": {"p95": "200ms", "p99": "400ms"}, "headroom": 1.5}
ROWS = rows(120)


class _Running(RealTrial):
    """Steps are real ones; the load is where no `queue` stands in its place."""

    queue: QueueLoad | None = None

    @property
    def load(self) -> Any:
        return self.queue or super().load

    @property
    def steps(self) -> ProbingSteps:
        return StepRunner(http=self._http, base_dir=self._base or Path())


def loaded(
    server: LoadServer,
    *,
    policy: Mapping[str, float] | None = None,
    files: Mapping[str, bytes] | None = None,
    base_dir: Path | None = None,
    queue: QueueLoad | None = None,
    **load: Any,
) -> tuple[Observation, Judgement]:
    policy_now = short_demo(Criticality.OPERATIONAL).model_copy(update={"load_duration": 4.0, **(policy or {})})
    with server:
        plain = declared(server.url, load={**LOAD, **load})
        system = System.model_validate(plain).model_copy(update={"policy": policy_now})
        with _Running(system, tables={"evaluation": ROWS}, files=files, base_dir=base_dir) as trial:
            trial.queue = queue
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


def steady(delay_s: float) -> Callable[[int, float], float]:
    return lambda _, __: delay_s


def test_a_server_that_holds_its_peak_passes_and_its_bounds_stand_above_the_percentiles() -> None:
    observation, judgement = loaded(LoadServer(answer=ANSWER, delay_s=steady(0.03)))
    assert judgement.outcome is Outcome.MET, judgement
    for measure in observation.measures[:2]:
        assert measure.value is not None
        assert measure.upper is not None
        assert 0.03 <= measure.value <= measure.upper
    assert {figure.kind for figure in observation.figures} == {"latency", "throughput"}


@pytest.mark.slow
def test_requests_that_wait_for_each_other_are_too_slow_and_the_cause_is_named() -> None:
    observation, judgement = loaded(LoadServer(answer=ANSWER, delay_s=steady(0.02), one_at_a_time=True))
    assert judgement.outcome is Outcome.NOT_MET
    (finding,) = (f for f in observation.findings if f.code == "too-slow")
    assert "wait for each other" in finding.summary


@pytest.mark.slow
def test_a_single_freeze_is_met_by_everybody_who_comes_during_it() -> None:
    observation, judgement = loaded(LoadServer(answer=ANSWER, delay_s=frozen(at_s=3.5, for_s=1.5, else_s=0.002)))
    assert judgement.outcome is Outcome.NOT_MET
    assert "too-slow" in codes(observation)


@pytest.mark.slow
def test_answers_that_are_each_too_slow_are_told_from_those_that_wait() -> None:
    observation, judgement = loaded(LoadServer(answer=ANSWER, delay_s=steady(0.6)))
    assert judgement.outcome is Outcome.NOT_MET
    (finding,) = (f for f in observation.findings if f.code == "too-slow")
    assert "by itself" in finding.summary


@pytest.mark.slow
def test_too_few_requests_for_the_percentile_ask_for_more() -> None:
    observation, judgement = loaded(LoadServer(answer=ANSWER), peak="10/s", headroom=1.5)
    assert judgement.outcome is Outcome.NOT_DETERMINED
    needed = {measure.name: measure.needed for measure in observation.measures}
    assert (needed["p99 latency"] or 0) > 100
    assert needed["p95 latency"] is None


@pytest.mark.slow
def test_failures_under_load_are_a_gap_with_their_statuses() -> None:
    refusing = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

    class Tired(LoadServer):
        def _say(self, transport: Any) -> None:
            if not transport.is_closing():
                transport.write(refusing if self.count > 150 and self.count % 10 == 0 else ANSWER)

    observation, judgement = loaded(Tired())
    assert judgement.outcome is Outcome.NOT_MET
    (finding,) = (f for f in observation.findings if f.code == "errors-under-load")
    assert "503" in finding.summary


def test_a_replayed_trace_whose_rush_is_above_the_declared_peak_is_a_gap() -> None:
    rush = "\n".join(f"{at / 120:.4f}" for at in range(120 * 20))
    observation, judgement = loaded(LoadServer(answer=ANSWER), files={"trace.txt": rush.encode()}, trace="trace.txt")
    assert judgement.outcome is Outcome.NOT_MET
    assert codes(observation) == {"busier-than-declared"}
    assert "trace" in observation.done


@pytest.mark.parametrize(("service_s", "noted"), [(0.0075, {"waits-under-load"}), (0.003, set())])
def test_waiting_within_the_limits_is_noted_where_it_takes_up_a_good_part_of_them(
    service_s: float, noted: set[str]
) -> None:
    """One server that is busy nine tenths of the time against one that is busy a third of it: a computed queue."""
    queue = QueueLoad(service_s=lambda _: service_s)
    observation, judgement = loaded(LoadServer(answer=ANSWER), queue=queue)
    assert judgement.outcome is Outcome.MET, judgement
    assert codes(observation) == noted


@pytest.mark.parametrize(("more", "outcome"), [({"ramp": "3s"}, Outcome.MET), ({}, Outcome.NOT_MET)])
def test_a_server_that_is_slow_while_the_rate_climbs_passes_only_where_production_climbs_too(
    more: dict[str, Any], outcome: Outcome
) -> None:
    """A machine that scales up by itself is no defect. The queue is computed: a busy machine changes nothing."""
    queue = QueueLoad(service_s=lambda at: 0.6 if at < 3.0 else 0.02, servers=256)
    _, judgement = loaded(LoadServer(answer=ANSWER), queue=queue, **more)
    assert judgement.outcome is outcome, judgement


@pytest.mark.slow
def test_capacity_and_soak_of_a_real_server_are_found_where_the_policy_asks_for_them(tmp_path: Path) -> None:
    (tmp_path / "server.pid").write_text(str(os.getpid()))
    asked = {"load_duration": 3.0, "capacity_level": 1.0, "soak_duration": 6.0, "soak_horizon": 6.0}
    server = LoadServer(answer=ANSWER, delay_s=steady(0.003), one_at_a_time=True)
    observation, judgement = loaded(
        server,
        policy=asked,
        base_dir=tmp_path,
        peak="60/s",
        latency={"p90": "2s"},
        errors="10 %",
        memory={"process": "server.pid", "at_most": "60GB"},
    )
    measures = {measure.name: measure for measure in observation.measures}
    assert {capacity.CAPACITY, soak.MEMORY, "p90 latency at the horizon, by its trend"} <= set(measures)
    assert "latencies as HDR histogram, microseconds" in observation.facts
    # On a machine that is too busy the peak itself, or the generator, leaves it open; it is never far from the truth.
    assert judgement.outcome in {Outcome.MET, Outcome.NOT_DETERMINED}
    found = measures[capacity.CAPACITY].value
    if found is not None:
        assert 1.0 <= found <= 4.0
        assert "capacity" in {figure.kind for figure in observation.figures}
        assert isinstance(observation.facts["universal scalability law"], dict | str)
