"""data.interruption against a real pipeline whose source is really taken away through a line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from plants.fed_pipeline import FedPipeline, declared, weather
from plants.pipeline_server import delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server, unused_port
from seatrial.adapters.steps.runner import StepRunner
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.data.interruption import CHECK
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

pytestmark = pytest.mark.timed

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()
POLICY = short_demo(Criticality.OPERATIONAL).model_copy(update={"outage_duration": 0.5, "window_duration": 1.0})


class SteppingTrial(RealTrial):
    """Also looks at alarms."""

    @property
    def steps(self) -> Any:
        return StepRunner(http=self._http, base_dir=self._base or Path(), pager=None, databases=frozenset())


def taken_away(
    faults: Mapping[str, Any] | None = None, *, changes: dict[str, Any] | None = None
) -> tuple[Observation, Outcome]:
    via = unused_port()
    faults = dict(faults or {})
    with Server(weather) as source:
        if faults.pop("another_way", False):
            faults["direct"] = urlsplit(source.url).port
        return _taken_away(via, faults, source, changes or {})


def _taken_away(
    via: int, faults: Mapping[str, Any], source: Server, changes: dict[str, Any]
) -> tuple[Observation, Outcome]:
    with FedPipeline(via, **faults) as pipeline, Server(pipeline) as server:
        made = declared(server.url, source.url, via, **changes)
        system = System.model_validate(made).model_copy(update={"policy": POLICY})
        with SteppingTrial(system, files={"records.jsonl": RECORDS}) as trial:
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def test_a_pipeline_that_keeps_and_makes_up_for_everything_passes() -> None:
    found, outcome = taken_away()
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert found.measures[0].n > 100
    assert {str(row["label"]).removeprefix("weather ") for row in found.figures[0].rows} >= {"refused", "slow"}
    assert "answers-undeclared" in {f.code for f in found.findings if f.weight is Weight.NOTE}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"drops": True}, "records-lost"),
        ({"repeats": True}, "records-doubled"),
        ({"doubles_after_s": 0.8}, "records-doubled"),
        ({"silent": True}, "alarm-silent"),
        ({"always": True}, "alarm-always-on"),
        ({"synchronous": True}, "records-refused"),
        ({"again_s": 3.5}, "records-doubled"),
        ({"alarm_s": 3.0}, "alarm-silent"),
        ({"keeps": True, "breaker_s": math.inf}, "not-asked-again"),
    ],
)
def test_what_an_outage_does_to_a_weak_pipeline_is_a_gap(faults: dict[str, Any], code: str) -> None:
    found, outcome = taken_away(faults)
    assert outcome is Outcome.NOT_MET
    assert code in codes(found), found.findings


FALLBACK = {"flow": {"fallback": {"source": "schedule"}, "within": "3s"}}


@pytest.mark.slow
def test_a_pipeline_that_stays_with_its_fallback_after_the_outage_is_a_gap() -> None:
    stays = {"falls_back": True, "breaker_s": math.inf, "timeout_s": 1.0}
    found, outcome = taken_away(stays, changes=FALLBACK)
    assert outcome is Outcome.NOT_MET
    assert "stays-in-fallback" in codes(found), found.findings


@pytest.mark.slow
@pytest.mark.parametrize("faults", [{"breaker_s": 0.8}, {"ruled": "T03"}])
def test_a_pipeline_that_comes_back_from_its_fallback_passes(faults: dict[str, Any]) -> None:
    found, outcome = taken_away({"falls_back": True, "timeout_s": 1.0, **faults}, changes=FALLBACK)
    assert outcome is Outcome.MET, (found.findings, found.measures)


@pytest.mark.slow
def test_a_flow_that_only_falls_back_leaves_it_open_whether_it_comes_back() -> None:
    found, outcome = taken_away({"falls_back": True, "ruled": "2026-11-23"}, changes=FALLBACK)
    assert outcome is not Outcome.MET
    assert "always-fell-back" in {f.code for f in found.findings if f.weight is Weight.OPEN}


@pytest.mark.slow
def test_what_was_refused_and_sent_again_by_its_sender_is_delivered() -> None:
    found, outcome = taken_away({"synchronous": True}, changes={"flow": {"resend": True}})
    assert outcome is Outcome.MET, found.findings


@pytest.mark.slow
def test_what_was_passed_on_although_it_was_refused_is_doubled_by_its_sender() -> None:
    found, outcome = taken_away({"synchronous": True, "passes_anyway": True}, changes={"flow": {"resend": True}})
    assert outcome is Outcome.NOT_MET
    assert codes(found) & {"records-doubled", "records-lost"} == {"records-doubled"}, found.findings


ANSWERS = {"flow": {"answers": {"temp": "score"}}}


@pytest.mark.slow
def test_an_answer_for_which_something_was_made_up_is_a_gap() -> None:
    found, outcome = taken_away({"guesses": True}, changes=ANSWERS)
    assert outcome is Outcome.NOT_MET
    assert "answered-otherwise" in codes(found), found.findings


@pytest.mark.slow
@pytest.mark.parametrize("faults", [{"guesses": True}, {"guesses": True, "clings": True}])
def test_what_looks_like_an_answer_and_came_out_otherwise_is_open_where_nobody_declares_answers(
    faults: dict[str, Any],
) -> None:
    found, outcome = taken_away(faults)
    assert outcome is Outcome.NOT_DETERMINED, (found.findings, found.measures)
    (told,) = [f for f in found.findings if f.code == "came-out-otherwise"]
    assert "another risk than" in told.summary
    assert "flows.warn.answers" in told.remedy


@pytest.mark.slow
def test_a_marked_fallback_is_no_answer_that_came_out_otherwise() -> None:
    found, outcome = taken_away({"guesses": True, "falls_back": True}, changes=FALLBACK)
    assert outcome is Outcome.MET, (found.findings, found.measures)


@pytest.mark.slow
def test_a_pipeline_that_stays_with_what_it_made_up_leaves_it_open_whether_the_source_moved() -> None:
    found, outcome = taken_away({"guesses": True, "clings": True}, changes=ANSWERS)
    assert outcome is Outcome.NOT_DETERMINED, found.findings
    assert "answers-moved-on" in {f.code for f in found.findings if f.weight is Weight.OPEN}


@pytest.mark.slow
def test_the_same_answers_late_are_no_other_answers() -> None:
    found, outcome = taken_away(changes=ANSWERS)
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert "answers-undeclared" not in codes(found)


@pytest.mark.slow
@pytest.mark.parametrize("faults", [{"another_way": True}, {"keeps": True}])
def test_an_outage_that_nobody_felt_leaves_open_what_one_does(faults: dict[str, Any]) -> None:
    found, outcome = taken_away(faults)
    assert outcome is Outcome.NOT_DETERMINED, found.findings
    assert "outage-not-felt" in {f.code for f in found.findings if f.weight is Weight.OPEN}


def beside(faults: Mapping[str, Any], **changes: Any) -> tuple[Observation, Outcome]:
    """A second flow, whose pipeline has these faults, beside one that is well; both through the same line."""
    via = unused_port()
    with (
        Server(weather) as source,
        FedPipeline(via) as well,
        FedPipeline(via, **faults) as other,
        Server(well) as server,
        Server(other) as second,
    ):
        made = declared(server.url, source.url, via, **changes)
        of_second = declared(second.url, source.url, via)
        for name in ("deliveries", "planner"):
            made["integrations"][f"{name}-2"] = of_second["integrations"][name]
        made["flows"].append({**made["flows"][0], "name": "sort", "in": "deliveries-2", "out": "planner-2"})
        system = System.model_validate(made).model_copy(update={"policy": POLICY})
        with SteppingTrial(system, files={"records.jsonl": RECORDS}) as trial:
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "code", "outcome"),
    [
        ({"keeps": True}, "outage-not-felt", Outcome.NOT_DETERMINED),
        ({"keeps": True, "breaker_s": math.inf}, "not-asked-again", Outcome.NOT_MET),
    ],
)
def test_a_flow_that_feels_the_outage_does_not_speak_for_another_one(
    faults: dict[str, Any], code: str, outcome: Outcome
) -> None:
    found, judged_as = beside(faults)
    told = [f for f in found.findings if f.code == code]
    assert (judged_as, len(told)) == (outcome, 1), found.findings
    assert "sort" in told[0].summary


@pytest.mark.slow
def test_a_flow_that_does_not_ask_the_source_need_not_feel_its_outage() -> None:
    found, outcome = beside({"asks": False})
    assert outcome is Outcome.MET, (found.findings, found.measures)


@pytest.mark.slow
def test_one_flow_of_two_may_live_on_readings_that_may_be_kept() -> None:
    found, outcome = beside({"keeps": True}, freshness=[{"source": "weather", "at": "observed_at", "at_most": "1h"}])
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert "outage-not-felt" in {f.code for f in found.findings if f.weight is Weight.NOTE}


@pytest.mark.slow
def test_a_source_whose_readings_may_be_kept_need_not_be_missed() -> None:
    freshness = [{"source": "weather", "at": "observed_at", "at_most": "1h"}]
    found, outcome = taken_away({"keeps": True}, changes={"freshness": freshness})
    assert outcome is Outcome.MET, (found.findings, found.measures)


@pytest.mark.slow
def test_a_source_that_nobody_asks_was_not_tested() -> None:
    found, outcome = taken_away({"asks": False})
    assert "line-not-used" in codes(found)
    assert outcome is not Outcome.MET


def test_without_a_declaration_a_line_or_an_alarm_nothing_is_established() -> None:
    found, outcome = taken_away(changes={"interruption": None})
    assert codes(found) == {"interruption-undeclared"}
    assert outcome is Outcome.NOT_MET
    found, outcome = taken_away(changes={"interruption": {"window": "1s", "catch_up": "1s"}})
    assert "no-alarm" in codes(found)
    assert outcome is Outcome.NOT_MET
    direct = {"kind": "http", "test": {"url": "http://127.0.0.1:1", "read": "/"}}
    made = declared("http://127.0.0.1:1", "http://127.0.0.1:1", 1)
    made["integrations"]["weather"] = direct
    system = System.model_validate(made)
    with RealTrial(system, files={"records.jsonl": RECORDS}) as trial:
        assert codes(observed(CHECK, system, trial)) == {"no-line"}
