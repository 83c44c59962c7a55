"""data.schema-change, run over a joining pipeline whose source really changes on its line and at its entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from plants.joining_pipeline import READINGS, JoiningPipeline, declared, source
from plants.real_trial import RealTrial, judged, observed
from plants.server import Server, unused_port
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Criticality, Outcome
from seatrial.domains.data.schema_change import CHECK
from seatrial.spec.policy import short_demo
from seatrial.spec.system import System

RECORDS = "".join(f'{{"id": "d{at}", "dock": "{"AB"[at % 2]}", "weight": {at}}}\n' for at in range(12)).encode()
POLICY = short_demo(Criticality.OPERATIONAL).model_copy(update={"outage_duration": 0.4, "recovery": 1.0})


def changed(
    faults: Mapping[str, Any] | None = None,
    *,
    more: Mapping[str, Any] | None = None,
    kinds: int = 1,
    entry: bool = False,
    seed: int = 7,
) -> tuple[Observation, Outcome]:
    """What the check saw of the pipeline with these faults, and the gate's outcome; `entry` changes its records too."""
    via = unused_port()
    policy = POLICY.model_copy(update={"schema_changes": kinds})
    with (
        JoiningPipeline(via, **(faults or {})) as pipeline,
        Server(pipeline) as server,
        Server(source) as readings,
    ):
        weather = {"kind": "http", "test": {"url": readings.url, "read": "/readings", "via": f"127.0.0.1:{via}"}}
        made = declared(server.url, weather=weather, **(more or {}))
        if not entry:
            made["integrations"]["deliveries"].pop("feeds")
        system = System.model_validate(made).model_copy(update={"policy": policy})
        with RealTrial(system, files={"records.jsonl": RECORDS}, seed=seed) as trial:
            # The line is there before the pipeline asks for the first time.
            trial.line("weather")
            pipeline.ready.wait(3.0 if (faults or {}).get("asks", True) else 0.0)
            found = observed(CHECK, system, trial)
        assert json.loads(json.dumps(READINGS)) == READINGS
    return found, judged(CHECK, system, found).outcome
