"""Flows end to end: what is lost, doubled, altered, late or refused is found and counted; a sound pipeline passes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from plants.pipeline_server import Pipeline, declared, delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.integration.combined_load import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(30)).encode()


def driven(pipeline: Pipeline, *, seed: int = 7, **changes: Any) -> tuple[Observation, Judgement]:
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 4.0})
    with Server(pipeline) as server:
        system = System.model_validate(declared(server.url, **changes)).model_copy(update={"policy": policy})
        with RealTrial(system, files={"records.jsonl": RECORDS}, seed=seed) as trial:
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


def counted(observation: Observation, what: str) -> float:
    (measure,) = (m for m in observation.measures if m.name == f"number of records of warn {what}")
    return measure.value if measure.value is not None else math.nan


def test_a_sound_pipeline_passes_even_if_it_spells_times_its_own_way() -> None:
    observation, judgement = driven(Pipeline(respells=True, slow_s=0.1))
    assert judgement.outcome is Outcome.MET, judgement
    (figure,) = observation.figures
    assert sum(int(str(row["records"])) for row in figure.rows) == observation.measures[0].n


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "code", "what"),
    [
        (Pipeline(lose=50), "records-lost", "lost"),
        (Pipeline(twice=50), "records-doubled", "doubled"),
        (Pipeline(alter=50), "records-altered", "altered"),
    ],
    ids=["lost", "doubled", "altered"],
)
def test_every_record_that_goes_astray_is_counted(pipeline: Pipeline, code: str, what: str) -> None:
    observation, judgement = driven(pipeline)
    assert judgement.outcome is Outcome.NOT_MET
    assert code in codes(observation)
    assert counted(observation, what) == pytest.approx(observation.measures[0].n / 50, abs=2)


@pytest.mark.slow
def test_records_that_arrive_after_their_time_are_late_and_not_lost() -> None:
    observation, judgement = driven(Pipeline(slow_s=1.6))
    assert judgement.outcome is Outcome.NOT_MET
    assert "records-late" in codes(observation)
    assert counted(observation, "lost") == 0


@pytest.mark.slow
def test_a_lock_that_one_flow_alone_hardly_feels_makes_records_late() -> None:
    observation, judgement = driven(Pipeline(lock_s=0.02))
    assert judgement.outcome is Outcome.NOT_MET
    assert "records-late" in codes(observation)


@pytest.mark.slow
def test_what_the_entry_does_not_take_is_not_delivered() -> None:
    observation, judgement = driven(Pipeline(refuse=10))
    assert judgement.outcome is Outcome.NOT_MET
    assert "records-refused" in codes(observation)
    assert counted(observation, "lost") == 0
