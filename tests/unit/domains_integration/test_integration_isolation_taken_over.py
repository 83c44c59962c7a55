"""What an outage of a source does to the rest, seen by data.interruption and taken over by integration.isolation."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from plants.fed_pipeline import FedPipeline, declared, weather
from plants.pipeline_server import delivery
from plants.planted_trial import PlantedTrial
from plants.real_trial import RealTrial, judged, observed
from plants.server import Server, unused_port
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.data.interruption import CHECK as INTERRUPTION
from seatrial.domains.flows.answers_meanwhile import Answers
from seatrial.domains.flows.disturbed import Disturbed, Share
from seatrial.domains.flows.isolating import ISOLATION, Seen, asked_for, taken_over
from seatrial.domains.integration.isolation import CHECK
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()
POLICY = short_demo(Criticality.OPERATIONAL).model_copy(
    update={"outage_duration": 0.6, "window_duration": 1.0, "recovery": 5.0}
)
KEPT = Share(kept=80, due=80)


def system(server: str = "http://127.0.0.1:1", source: str = "http://127.0.0.1:2", via: int = 1) -> System:
    made = declared(server, source, via, flow={"fallback": {"source": "schedule"}, "within": "3s"})
    return System.model_validate(made).model_copy(update={"policy": POLICY})


def one_after_the_other(*, in_run: bool = True, **faults: Any) -> tuple[Observation, Observation, Outcome]:
    """Both checks in one run, and what the second one comes to."""
    via = unused_port()
    with FedPipeline(via, timeout_s=1.0, **faults) as pipeline, Server(pipeline) as server, Server(weather) as source:
        described = system(server.url, source.url, via)
        with RealTrial(described, files={"records.jsonl": RECORDS}) as trial:
            trial.due = {INTERRUPTION.id, ISOLATION} if in_run else {INTERRUPTION.id}
            first = observed(INTERRUPTION, described, trial)
            found = observed(CHECK, described, trial)
    return first, found, judged(CHECK, described, found).outcome


def is_taken_over(found: Observation) -> bool:
    return "Disturbed in this run already" in found.done


@pytest.mark.timed
def test_what_an_outage_showed_and_was_well_is_not_disturbed_again() -> None:
    first, found, outcome = one_after_the_other(falls_back=True, breaker_s=0.2)
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert is_taken_over(found), (first.facts, found.done)
    digest = found.facts["weather disturbed by planted"]
    assert digest in first.facts.values()
    limits = {limit.measure for limit in CHECK.limits(system())}
    assert {measure.name for measure in found.measures} == limits
    assert {str(row["disturbed"]) for row in found.figures[0].rows} == {
        f"weather {way}" for way in ("refused", "restarted", "slower", "corrupt")
    }


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.parametrize(
    "faults",
    [{"drops": True}, {"falls_back": True, "breaker_s": math.inf}, {"falls_back": True, "doubles_after_s": 2.0}],
)
def test_what_was_not_well_is_disturbed_again_and_found(faults: dict[str, Any]) -> None:
    _, found, outcome = one_after_the_other(**faults)
    assert not is_taken_over(found)
    assert outcome is not Outcome.MET, (found.findings, found.measures)


@pytest.mark.timed
@pytest.mark.slow
def test_where_isolation_is_not_in_the_run_an_outage_stays_as_it_is() -> None:
    first, found, outcome = one_after_the_other(in_run=False, falls_back=True, breaker_s=0.2)
    assert not any(ISOLATION in name for name in first.facts)
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert not is_taken_over(found)


def seen(**changes: Any) -> Seen:
    at = [("warn", "refused"), ("warn", "corrupt")]
    found = Disturbed(names=("weather",), shares=dict.fromkeys(at, KEPT), recovered_s=dict.fromkeys(at, 0.1), n=200)
    return Seen(found=replace(found, **changes), answers=[])


def test_what_is_well_leaves_nothing_to_be_said() -> None:
    assert seen().spotless(system())
    assert seen(fallbacks=Counter(warn=60)).spotless(system())


@pytest.mark.parametrize(
    "changes",
    [
        {"lost": 1},
        {"doubled": 1},
        {"altered": 1},
        {"stuck": {"warn"}},
        {"unused": ["weather"]},
        {"problems": {"weather": "gone"}},
        {"shares": {}},
        {"shares": {("warn", "refused"): Share(kept=58, due=58)}},
        {"shares": {("warn", "refused"): KEPT, ("warn", "corrupt"): Share()}},
        {"shares": {("warn", "refused"): Share(kept=76, due=80)}},
        {"recovered_s": {("warn", "refused"): math.nan}},
        {"recovered_s": {("warn", "refused"): math.inf}},
        {"recovered_s": {("warn", "refused"): POLICY.recovery + 0.1}},
    ],
)
def test_whatever_is_not_certainly_well_is_left_to_the_check_itself(changes: dict[str, Any]) -> None:
    assert not seen(**changes).spotless(system())


@pytest.mark.parametrize(
    ("answers", "well"),
    [
        (Answers(flow="warn", compared=9), True),
        (Answers(flow="warn"), False),
        (Answers(flow="warn", compared=9, varied=True), False),
        (Answers(flow="warn", compared=9, other={"corrupt": ["k"]}), False),
        (Answers(flow="warn", compared=9, moved={"refused": ["k"]}), False),
    ],
)
def test_answers_that_were_others_are_left_to_the_check_itself(answers: Answers, well: bool) -> None:
    assert Seen(found=seen().found, answers=[answers]).spotless(system()) is well


def test_a_stream_that_ends_at_the_place_need_not_keep_its_limits_meanwhile() -> None:
    short = seen(shares={("warn", "refused"): Share(kept=1, due=80)})
    assert not short.spotless(system())
    assert replace(short, found=replace(short.found, ends_here=frozenset({"warn"}))).spotless(system())


def test_without_the_model_s_own_peak_nothing_is_known_of_the_model() -> None:
    described = system()
    driven = System.model_validate(
        {
            **declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1),
            "load": {"peak": "40/s", "latency": {"p95": "200ms"}},
            "model": {"endpoint": "http://127.0.0.1:1/predict", "task": "binary", "test_endpoint": True},
            "data": {"evaluation": {"source": "e.parquet", "label": "late"}},
        }
    ).model_copy(update={"policy": POLICY})
    assert seen().spotless(described)
    assert not seen().spotless(driven)
    beside = {("(model)", "refused"): KEPT, ("warn", "refused"): KEPT}
    assert seen(shares=beside, recovered_s=dict.fromkeys(beside, 0.0)).spotless(driven)


def test_only_a_place_by_itself_is_asked_for_where_isolation_runs_too() -> None:
    trial: Any = PlantedTrial()
    assert not asked_for(system(), trial, "weather")
    trial.due = {ISOLATION}
    assert asked_for(system(), trial, "weather")
    assert not asked_for(system(), trial, "planner")
    made = declared("http://127.0.0.1:1", "http://127.0.0.1:2", 1)
    made["integrations"]["weather"] = {"kind": "files", "test": {"url": "inbox", "via": "lines/inbox"}}
    assert not asked_for(System.model_validate(made), trial, "weather")


def test_nothing_is_taken_over_where_nothing_was_left() -> None:
    trial: Any = PlantedTrial()
    assert taken_over(system(), trial, ("weather",)) is None
