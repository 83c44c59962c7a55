"""Alarms: what is wrong, since when, how sure that is, and what has become of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.watch.detectors import Level
from seatrial.watch.states import OPEN
from seatrial.watch.store import at_time
from seatrial.watch.stream import Crossing, Stream

LEVELS = (Level.LOOK, Level.PAGE, Level.OFFLINE)


def alarm_of(stream: Stream, crossing: Crossing) -> dict[str, Any]:
    """The alarm of a crossing. Its id follows from the journal alone, so that a replay raises the same one."""
    return {
        "id": f"{stream.name}.{crossing.detector}.{crossing.sequence}",
        "monitor": stream.name,
        "detector": crossing.detector,
        "level": str(crossing.level),
        "state": OPEN,
        "opened_at": at_time(crossing.at).isoformat(),
        "since": at_time(crossing.since).isoformat(),
        "summary": f"{stream.words}: {crossing.says}",
        "sure": _sure(crossing),
        "rows": crossing.rows,
        "now": crossing.now,
        "mark": crossing.mark,
        "base": stream.base,
        "newest": list(crossing.newest),
        "trail": [],
    }


def quiet_alarm(name: str, *, words: str, says: str, at: float, since: float, level: Level) -> dict[str, Any]:
    """The alarm of something that has not come: since when, as a time in seconds."""
    return {
        "id": f"{name}.{since:.3f}.{at:.3f}",
        "monitor": name,
        "detector": "silence",
        "level": str(level),
        "state": OPEN,
        "opened_at": at_time(at).isoformat(),
        "since": at_time(since).isoformat(),
        "summary": f"{words}: {says}",
        "sure": "certain: it was counted, not estimated",
        "rows": 0,
        "now": None,
        "mark": None,
        "base": None,
        "newest": [],
        "trail": [],
    }


def _sure(crossing: Crossing) -> str:
    if crossing.counted:
        return "certain: they were counted, not estimated"
    against = math.exp(min(crossing.evidence, 700.0))
    return f"the evidence is {against:,.0f} to 1 against chance, from {crossing.rows:,} values"


def noted(alarm: Mapping[str, Any], *, at: str, text: str, **changes: Any) -> dict[str, Any]:
    """The alarm with a line more in its trail, and perhaps in another state."""
    return {**alarm, **changes, "trail": [*alarm["trail"], {"at": at, "text": text}]}


def gravest(alarms: Sequence[Mapping[str, Any]]) -> Level | None:
    """The highest level among them."""
    found = {Level(alarm["level"]) for alarm in alarms}
    return max(found, key=LEVELS.index) if found else None
