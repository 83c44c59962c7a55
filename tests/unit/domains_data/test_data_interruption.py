"""data.interruption against a real pipeline whose source is really taken away through a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from plants.fed_pipeline import FedPipeline, declared, weather
from plants.pipeline_server import delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server, unused_port
from seatrial.adapters.steps.runner import StepRunner
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome
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
    faults: Mapping[str, bool] | None = None, *, changes: dict[str, Any] | None = None
) -> tuple[Observation, Outcome]:
    via = unused_port()
    with FedPipeline(via, **(faults or {})) as pipeline, Server(pipeline) as server, Server(weather) as source:
        made = declared(server.url, source.url, via, **(changes or {}))
        system = System.model_validate(made).model_copy(update={"policy": POLICY})
        with SteppingTrial(system, files={"records.jsonl": RECORDS}) as trial:
            found = observed(CHECK, system, trial)
    return found, judged(CHECK, system, found).outcome


def test_a_pipeline_that_keeps_and_makes_up_for_everything_passes() -> None:
    found, outcome = taken_away()
    assert outcome is Outcome.MET, (found.findings, found.measures)
    assert found.measures[0].n > 100
    assert {str(row["label"]).removeprefix("weather ") for row in found.figures[0].rows} >= {"refused", "slow"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ({"drops": True}, "records-lost"),
        ({"repeats": True}, "records-doubled"),
        ({"silent": True}, "alarm-silent"),
        ({"always": True}, "alarm-always-on"),
        ({"synchronous": True}, "records-refused"),
    ],
)
def test_what_an_outage_does_to_a_weak_pipeline_is_a_gap(faults: dict[str, bool], code: str) -> None:
    found, outcome = taken_away(faults)
    assert outcome is Outcome.NOT_MET
    assert code in codes(found), found.findings


@pytest.mark.slow
def test_what_was_refused_and_sent_again_by_its_sender_is_delivered() -> None:
    found, outcome = taken_away({"synchronous": True}, changes={"flow": {"resend": True}})
    assert outcome is Outcome.MET, found.findings


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
