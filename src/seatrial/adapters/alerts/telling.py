"""What another system is told about one alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from seatrial.core.observation import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """An alarm as it stands now. `message` is the same whenever the same is told again."""

    message: str
    system: str
    at: datetime
    alarm: Mapping[str, Json]
    ended_at: datetime | None = None
    """When it was closed, None while it is not."""
