"""Silences: for a time nobody is paged about a monitor, because somebody said why and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import insert, select, update

from seatrial.watch.database import Database
from seatrial.watch.tables import SILENCES


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """`monitor` is a monitor's name, or what such names begin with up to a dot; times are in seconds."""

    id: str
    monitor: str
    by: str
    why: str
    since: float
    until: float

    def covers(self, monitor: str) -> bool:
        """Whether it is about this monitor.

        >>> Silence(id="s", monitor="metric", by="o", why="w", since=0.0, until=1.0).covers("metric.recall")
        True
        """
        return monitor == self.monitor or monitor.startswith(f"{self.monitor}.")


class Silences:
    """The silences of one store. They hold back pages and nothing else: alarms open, go on record and end GO."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, silence: Silence) -> None:
        """From now on; durable when this returns."""
        row = {"id": silence.id, "until": silence.until, "content": orjson.dumps(asdict(silence))}
        with self._database.writing() as connection:
            connection.execute(insert(SILENCES), row)

    def standing(self, now: datetime) -> Sequence[Silence]:
        """Those that hold now, the oldest first."""
        query = select(SILENCES.c.content).where(SILENCES.c.until > now.timestamp())
        with self._database.reading() as connection:
            found = [Silence(**orjson.loads(row.content)) for row in connection.execute(query)]
        # A clock that was put back must not make a silence longer than was granted.
        return sorted((s for s in found if s.since <= now.timestamp()), key=lambda s: (s.since, s.id))

    def over(self, monitor: str, now: datetime) -> Silence | None:
        """The one that covers the monitor for the longest from now on, if any."""
        mine = [silence for silence in self.standing(now) if silence.covers(monitor)]
        return max(mine, key=lambda silence: silence.until, default=None)

    def end(self, silence: str, now: datetime) -> Silence | None:
        """End it now; None where there is none of that id, or it has ended."""
        found = next((each for each in self.standing(now) if each.id == silence), None)
        if found is None:
            return None
        ended = replace(found, until=now.timestamp())
        with self._database.writing() as connection:
            changed = {"until": ended.until, "content": orjson.dumps(asdict(ended))}
            connection.execute(update(SILENCES).where(SILENCES.c.id == silence).values(**changed))
        return ended


def told(silence: Silence) -> Mapping[str, Any]:
    """The silence as plain data, with its times as text."""
    from seatrial.watch.store import at_time

    times = {"since": at_time(silence.since).isoformat(), "until": at_time(silence.until).isoformat()}
    return {**asdict(silence), **times}
