"""When and where drills may be held: how often, in which windows of which time zone, and what they may touch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from seatrial.spec.quantities import Duration
from seatrial.spec.section import Section
from seatrial.spec.window import Opening, Window

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "rollback": ("governance.rollback",),
    "page": ("ownership.pipeline-alert",),
    "escalation": ("organization.escalation", "ownership.escalation-point"),
    "fallback": ("governance.fallback",),
    "stop": ("organization.accountability",),
    "outage": ("data.interruption",),
    "offline": ("governance.offline-thresholds",),
}
"""Kind of drill to the requirements that it is evidence for."""
KIND_OF: Final[Mapping[str, str]] = {requirement: kind for kind, named in KINDS.items() for requirement in named}


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected a time zone by its name, such as Europe/Berlin or UTC") from None
    return name


def _window(text: str) -> str:
    Window.of(text)
    return text


class DrillPlan(Section):
    """One kind of drill: without `every` only people start it; its windows and targets bind them all the same."""

    every: Duration | None = Field(default=None, gt=0)
    """At least so often the worker or the watch holds it by itself, in its windows."""
    windows: tuple[Annotated[str, AfterValidator(_window)], ...] = ()
    """When it may be held, in `drills.time_zone`: `Sun 02:00-04:00`; without windows at any time."""
    on: tuple[str, ...] | None = None
    """What its procedure may touch: `host` or `host:port`, `this machine` for commands, a person's id where one is
    asked. Without it everything that is declared."""

    @model_validator(mode="after")
    def _bounded(self) -> DrillPlan:
        if self.every is not None and not self.windows:
            raise ValueError("expected `windows` beside `every`: what begins by itself needs a time at which it may")
        return self


class Drills(Section):
    """The plan of drills. An unannounced page comes at a time drawn at random within its windows."""

    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    rollback: DrillPlan | None = None
    page: DrillPlan | None = None
    escalation: DrillPlan | None = None
    fallback: DrillPlan | None = None
    stop: DrillPlan | None = None
    outage: DrillPlan | None = None
    offline: DrillPlan | None = None

    def plan(self, kind: str) -> DrillPlan:
        """What is declared of a kind of drill."""
        found: DrillPlan | None = getattr(self, kind)
        return found or DrillPlan()

    def opening(self, kind: str) -> Opening | None:
        """When a kind may be held; None where that is at any time."""
        windows = self.plan(kind).windows
        return Opening(windows=tuple(map(Window.of, windows)), zone=self.time_zone) if windows else None
