"""A model under stress over the wire, and what was found of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from plants.real_trial import RealTrial, judged, observed, reason
from plants.server import Answering, Server
from plants.stressed_models import freight, freight_declared
from seatrial.core.observation import Json, Observation, Reason
from seatrial.domains.model.stress import CHECK
from seatrial.gate.judging import Judgement
from seatrial.spec.system import System

ROWS = freight(320)
Declared = Callable[[str], Mapping[str, Any]]


def tried(
    answering: Answering,
    declared: Declared = freight_declared,
    rows: Sequence[Mapping[str, Json]] = ROWS,
    *,
    files: Mapping[str, bytes] | None = None,
) -> tuple[Observation, Judgement]:
    with Server(answering) as server:
        system = System.model_validate(declared(server.url))
        with RealTrial(system, tables={"evaluation": rows}, files=files) as trial:
            observation = observed(CHECK, system, trial)
    return observation, judged(CHECK, system, observation)


def refused(answering: Answering, declared: Declared = freight_declared, rows: Sequence[Any] = ROWS) -> Reason:
    with Server(answering) as server:
        system = System.model_validate(declared(server.url))
        with RealTrial(system, tables={"evaluation": rows}) as trial:
            return reason(CHECK, system, trial)


def stressed(**stress: Any) -> Declared:
    def declared(url: str) -> Mapping[str, Any]:
        plain = freight_declared(url)
        return {**plain, "stress": {**plain["stress"], **stress}}

    return declared


def related(*relations: Mapping[str, Any]) -> Declared:
    return lambda url: freight_declared(url, relations=relations)
