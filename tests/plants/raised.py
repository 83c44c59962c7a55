"""An alarm as a monitor of the watch raises it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def alarm(monitor: str, detector: str = "rises", level: str = "page", *, number: int | None = None) -> dict[str, Any]:
    """`number` tells alarms of one monitor and detector apart."""
    now = datetime.now(UTC).isoformat()
    return {
        "id": f"{monitor}.{detector}" + ("" if number is None else f".{number}"),
        "monitor": monitor,
        "detector": detector,
        "level": level,
        "state": "open",
        "opened_at": now,
        "since": now,
        "summary": f"{monitor} is worse than what the gate established",
        "sure": "the evidence is 1,000 to 1 against chance",
        "rows": 10,
        "now": 0.5,
        "mark": 0.2,
        "base": 0.2,
        "newest": [],
        "trail": [],
    }
