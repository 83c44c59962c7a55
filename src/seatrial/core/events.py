"""What the engine says while it works. Presenters listen; the engine does not know who."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from seatrial.core.observation import Observation, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run begins: which checks will run, in order, and which are still valid from before."""

    run: str
    system: str
    at: datetime
    checks: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """Work that several checks need: scoring rows, one pass over the data."""

    stage: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFinished:
    """`problem` is empty when the stage did its work; else every check that needs it is not determined for it."""

    stage: str
    duration_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStarted:
    """A check begins; `budget_s` is when it will be stopped."""

    check: str
    requirement: str
    title: str
    budget_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckProgressed:
    """What a check is doing now; `share` is between 0 and 1 where it is known."""

    check: str
    doing: str
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinished:
    """A check ended with an observation or a reason, and it is on record."""

    check: str
    requirement: str
    duration_s: float
    result: Observation | Reason
    record: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run ended; `interrupted` when a person stopped it."""

    run: str
    duration_s: float
    interrupted: bool = False


Event = RunStarted | StageStarted | StageFinished | CheckStarted | CheckProgressed | CheckFinished | RunFinished
