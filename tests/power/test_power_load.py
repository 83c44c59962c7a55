"""Load at the real entry: waiting, freezing and failing are caught under open arrivals; a slower answer is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plants.guarded_model import declared, rows
from plants.load_server import LoadServer, frozen
from plants.real_trial import RealTrial, codes, judged, observed
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.data.load import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

BODY = b'{"predictions": [{"label": 0, "probability": 0.2}]}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
LOAD = {"peak": "80/s", "latency": {"p95": "200ms", "p99": "400ms"}, "headroom": 1.5}
ROWS = rows(40)


def loaded(server: LoadServer, **load: Any) -> tuple[Observation, Judgement]:
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"load_duration": 4.0})
    with server:
        plain = declared(server.url, load={**LOAD, **load})
        system = System.model_validate(plain).model_copy(update={"policy": policy})
        with RealTrial(system, tables={"evaluation": ROWS}) as trial:
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
    observation, judgement = loaded(LoadServer(answer=ANSWER, delay_s=frozen(at_s=6.0, for_s=1.5, else_s=0.002)))
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
    observation, judgement = loaded(LoadServer(answer=ANSWER), peak="20/s", headroom=1.5)
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
