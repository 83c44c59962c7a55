"""Two flows and the model behind one pool: what each alone does well, all at once do not, and the cause is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plants.guarded_model import rows
from plants.pipeline_server import delivery
from plants.real_trial import RealTrial, codes, judged, observed
from plants.server import Server
from plants.shared_pool import ENTRIES, SharedPool, declared_pool
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome, Weight
from seatrial.domains.integration.combined_load import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

pytestmark = [pytest.mark.timed, pytest.mark.slow]

RECORDS = "".join(f"{json.dumps(delivery(at))}\n" for at in range(300)).encode()


def driven(pool: SharedPool, **changes: Any) -> tuple[Observation, Judgement]:
    policy = short_demo(Criticality.OPERATIONAL).model_copy(update={"flow_duration": 4.0, "flow_delivered": 0.9})
    with Server(pool) as server:
        plain = declared_pool(server.url, **changes)
        system = System.model_validate(plain).model_copy(update={"policy": policy})
        with RealTrial(system, files={"records.jsonl": RECORDS}, tables={"evaluation": rows(600)}) as trial:
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


def test_a_pool_that_is_too_small_for_all_at_once_is_found_though_each_alone_is_fine() -> None:
    observation, judgement = driven(SharedPool(1))
    assert judgement.outcome is Outcome.NOT_MET
    late = [finding for finding in observation.findings if finding.code == "records-late"]
    assert {name for f in late for name in ENTRIES if f.summary.startswith(name)} == set(ENTRIES)
    assert all("(0 of " in f.summary for f in late), late
    assert all("a pool of connections" in f.remedy for f in late)
    model = {f.code for f in observation.findings if f.weight is Weight.GAP and f.code.startswith("model-")}
    assert model & {"model-slow-together", "model-fails-together"}


def test_a_pool_that_is_large_enough_for_all_at_once_passes() -> None:
    observation, judgement = driven(SharedPool(16))
    assert judgement.outcome is Outcome.MET, observation.findings
    assert not codes(observation) & {"model-slow-together", "model-rows-repeat", "model-rows-too-few"}
