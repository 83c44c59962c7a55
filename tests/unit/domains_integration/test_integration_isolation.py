"""integration.isolation against a real pipeline whose weather source is disturbed through its line."""

from __future__ import annotations

import json
import math

import pytest

from plants.fed_pipeline import FedPipeline, declared, weather
from plants.pipeline_server import delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server, unused_port
from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Observation
from seatrial.core.ports import LoadResult
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.flows.disturbing import Period
from seatrial.domains.integration.disturbed import Disturbed, Turn, count_answers
from seatrial.domains.integration.isolation import CHECK
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

pytestmark = pytest.mark.timed

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()
POLICY = short_demo(Criticality.OPERATIONAL).model_copy(update={"outage_duration": 0.6, "recovery": 1.0})


def disturbed(*, outage_s: float = 0.6, **faults: bool) -> tuple[Observation, Outcome]:
    via = unused_port()
    with FedPipeline(via, **faults) as pipeline, Server(pipeline) as server, Server(weather) as source:
        made = declared(server.url, source.url, via, flow={"fallback": {"source": "schedule"}, "within": "1s"})
        system = System.model_validate(made).model_copy(
            update={"policy": POLICY.model_copy(update={"outage_duration": outage_s})}
        )
        with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def test_a_pipeline_that_falls_back_keeps_its_limits_and_recovers() -> None:
    found, outcome = disturbed(falls_back=True)
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert "fallback-engaged" in codes(found)
    assert {str(row["state"]) for row in found.figures[0].rows} == {"kept its limits"}


@pytest.mark.slow
def test_a_pipeline_that_waits_for_a_slow_source_is_taken_down_with_it() -> None:
    found, outcome = disturbed(stuck=True, outage_s=1.6)
    assert outcome is Outcome.NOT_MET
    assert "taken-down" in codes(found), found.findings


@pytest.mark.slow
def test_what_is_dropped_meanwhile_is_lost() -> None:
    found, outcome = disturbed(drops=True)
    assert outcome is Outcome.NOT_MET
    assert "records-lost" in codes(found), found.findings


def test_an_integration_without_a_line_leaves_the_question_open() -> None:
    made = declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1)
    del made["integrations"]["weather"]["test"]["via"]
    system = System.model_validate(made)
    with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
        found = observed(CHECK, system, trial)
    assert codes(found) == {"no-line"}
    assert judged(CHECK, system, found).outcome is Outcome.NOT_DETERMINED


@pytest.mark.parametrize(
    ("due", "status", "expected"),
    [
        ([0.2, 1.2], [200, 200], 0.0),
        ([0.2, 1.2, 1.4], [200, 503, 200], 0.2),
        ([0.2, 1.2], [200, 503], math.inf),
        ([0.2, 0.8], [200, 200], math.nan),
    ],
)
def test_what_nobody_saw_recover_has_no_time(due: list[float], status: list[int], expected: float) -> None:
    found = Disturbed(name="weather")
    latency = [0.01] * len(due)
    result = LoadResult(planned=len(due), scheduled_s=due, latency_s=latency, lag_s=latency, status=status)
    period = Period(name="cut", mode=LineMode.CUT, starts_s=0.5, ends_s=1.0)
    count_answers(found, result, Turn(name="weather", periods=[period]), stream="model", limit_s=1.0)
    assert found.slowest_s("model") == pytest.approx(expected, nan_ok=True)


def test_what_is_due_in_another_one_s_turn_tells_nothing_of_this_one() -> None:
    period = Period(name="cut", mode=LineMode.CUT, starts_s=0.5, ends_s=1.0)
    due, status = [0.7, 1.2, 2.7, 2.9], [200, 200, 503, 503]
    latency = [0.01] * len(due)
    result = LoadResult(planned=len(due), scheduled_s=due, latency_s=latency, lag_s=latency, status=status)
    found = Disturbed(name="weather")
    turn = Turn(name="weather", periods=[period], ends_s=2.0)
    count_answers(found, result, turn, stream="model", limit_s=1.0)
    assert (found.pooled("model").kept, found.pooled("model").due) == (1, 1)
    assert found.slowest_s("model") == 0.0
