"""Flows without a staging system, driven in production: only in its approved window, stopped early, taken back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.lanes import end_of
from seatrial.spec.integration import Flow
from seatrial.spec.system import System

CODES = {
    "outside-window": "The approved window of production is not open for long enough now.",
    "stopped-in-production": "The test in production was stopped, because the entry did not take records.",
}
_CLEANING_S = 120.0
_FAILED_SHARE = 0.02
_FAILED_LEAST = 3


def in_production(system: System, flow: Flow) -> bool:
    """Whether its records go into production."""
    section = system.integrations[flow.from_]
    end = end_of(section, windows=True)
    return end is not None and end is section.production


def closed(system: System, now: datetime, needed_s: float) -> Iterator[Finding]:
    """A finding for each end in production whose window does not stay open for so long, and until all is taken back."""
    needed_s += _CLEANING_S
    names = dict.fromkeys(name for flow in system.flows for name in (flow.from_, flow.to))
    for name in names:
        section = system.integrations[name]
        end = end_of(section, windows=True)
        opens = end.opens() if end is not None and end is section.production else None
        if end is None or opens is None or opens.left_s(now) >= needed_s:
            continue
        next_one = f"{opens.next_opening(now):%a %d %b, %H:%M}"
        yield Finding(
            code="outside-window",
            summary=f"Production of {name} may be written to only within {end.window} UTC; "
            f"{needed_s:.0f} s are needed, {opens.left_s(now):.0f} s are left.",
            weight=Weight.OPEN,
            fields=(f"integrations.{name}.production.window",),
            remedy=f"Run `seatrial run --only integration.combined-load` from {next_one} UTC on; the window must be at "
            f"least {math.ceil(needed_s / 60.0)} min long.",
        )


def most_failed(system: System, flow: Flow, duration_s: float) -> int | None:
    """How many records the entry may refuse before nothing further is put in; None at a test end."""
    if not in_production(system, flow):
        return None
    return max(_FAILED_LEAST, math.floor(_FAILED_SHARE * flow.peak * duration_s))


def stopped(flow: Flow, most: int | None, passage: Passage) -> Iterator[Finding]:
    """Tells that a flow was stopped."""
    refused = sum(not accepted for accepted in passage.accepted)
    if most is not None and refused > most:
        yield Finding(
            code="stopped-in-production",
            summary=f"{flow.name} was stopped in production after {flow.from_} had not taken {most + 1} records.",
            weight=Weight.OPEN,
            fields=(f"flows.{flow.name}",),
            why="What fails under test is not pressed further where real work is done.",
            remedy=f"Find in the log of {flow.from_} why it refuses, times out or fails, then choose another window.",
        )
