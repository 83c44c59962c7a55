"""integration.contracts: fields that arrive otherwise than promised in some records, and changes that break nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from plants.pipeline_server import CONTRACT, Pipeline, declared
from plants.real_trial import RealTrial
from plants.server import Server
from power.family import Family, judged
from seatrial.core.vocabulary import Outcome
from seatrial.domains.integration.contracts import CHECK
from seatrial.spec.system import System

_WORLDS = 30


def _breaking(breaks: Mapping[str, Any]) -> Callable[[int], bool]:
    """The field breaks in every second to every tenth record, by the seed."""

    def caught(seed: int) -> bool:
        text = json.dumps(CONTRACT).encode()
        with Server(Pipeline(breaks=breaks, every=2 + seed % 9)) as server:
            system = System.model_validate(declared(server.url))
            with RealTrial(system, files={"in.json": text, "out.json": text}, seed=seed) as trial:
                return judged(CHECK, system, CHECK.run(system, trial)) is not Outcome.MET

    return caught


def _family(name: str, breaks: Mapping[str, Any], *, harmful: bool = True) -> Family:
    return Family(
        requirement="integration.contracts", name=name, harmful=harmful, caught=_breaking(breaks), worlds=_WORLDS
    )


FAMILIES = (
    _family("a pressure in the place of a temperature", {"temp": 101_300.0}),
    _family("a number with a decimal comma", {"temp": "12,5"}),
    _family("a value missing that is required", {"temp": None}),
    _family("a code spelled in a new way", {"dock": "berth 7"}),
    _family("a time without its zone", {"planned_at": "2026-11-23T10:00:00"}),
    _family("a column more", {"gate": None}, harmful=False),
    _family("a whole number where decimals are usual", {"temp": 12}, harmful=False),
)
