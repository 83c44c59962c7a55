"""Which alarms other systems have been told of, so that none is forgotten over a crash or an outage of theirs."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import and_, insert, or_, select, update

from seatrial.watch.database import Database
from seatrial.watch.states import CLOSED
from seatrial.watch.tables import ALARMS, TOLD

_MARK = ""


class Outbox:
    """What one outlet still has to be told. Each state of an alarm is told at least once."""

    def __init__(self, database: Database, outlet: str) -> None:
        self._database = database
        self._outlet = outlet

    def begin(self) -> None:
        """An outlet that was never seen before is not told of alarms that were closed before it came."""
        with self._database.writing() as connection:
            mine = TOLD.c.outlet == self._outlet
            if connection.execute(select(TOLD.c.alarm).where(mine, TOLD.c.alarm == _MARK)).first() is not None:
                return
            past = [row.id for row in connection.execute(select(ALARMS.c.id).where(ALARMS.c.state == CLOSED))]
            rows = [{"outlet": self._outlet, "alarm": each, "state": CLOSED} for each in (_MARK, *past)]
            connection.execute(insert(TOLD), rows)

    def untold(self, *, most: int) -> list[dict[str, Any]]:
        """Alarms whose state of now was not told, the oldest first."""
        joined = ALARMS.outerjoin(TOLD, and_(TOLD.c.alarm == ALARMS.c.id, TOLD.c.outlet == self._outlet))
        wanted = or_(TOLD.c.state.is_(None), TOLD.c.state != ALARMS.c.state)
        with self._database.reading() as connection:
            query = select(ALARMS.c.content).select_from(joined).where(wanted).limit(most)
            found = [orjson.loads(row.content) for row in connection.execute(query)]
        return sorted(found, key=lambda alarm: (alarm["opened_at"], alarm["id"]))

    def told(self, alarm: str, state: str) -> None:
        """The outlet has taken this state of the alarm; durable when this returns."""
        with self._database.writing() as connection:
            mine = (TOLD.c.outlet == self._outlet, TOLD.c.alarm == alarm)
            if not connection.execute(update(TOLD).where(*mine).values(state=state)).rowcount:
                connection.execute(insert(TOLD), {"outlet": self._outlet, "alarm": alarm, "state": state})
