"""Once a day the watch probes whether the ways out would still work; what is missing is an alarm."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from seatrial.app.drilling.arming import Armed, arm, last_armed
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import SeatrialError
from seatrial.watch.alarms import noted, quiet_alarm
from seatrial.watch.detectors import Level
from seatrial.watch.states import CLOSED
from seatrial.watch.store import Store

MONITOR = "arming"
EVERY = timedelta(hours=20)
"""Often enough that the evidence of the probe, which holds for a day, never runs out between two."""
_AGAIN = timedelta(hours=1)
"""After a probe that failed."""


class DailyProbe:
    """Probes in a thread of its own, so that nothing waits for it, and counts what other programs probed."""

    def __init__(self, workspace: Workspace, store: Store, *, say: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._store = store
        self._say = say
        self._thread: threading.Thread | None = None
        self._next: datetime | None = None

    def look(self) -> None:
        """Begin a probe where one is due and none runs."""
        if self._workspace.system.rollback is None or (self._thread is not None and self._thread.is_alive()):
            return
        now = self._workspace.clock.now()
        if self._next is not None and now < self._next:
            return
        self._thread = threading.Thread(target=self._probe, args=(now,), name="seatrial-arming", daemon=True)
        self._thread.start()

    def stop(self, *, within_s: float = 5.0) -> None:
        """Wait for a probe that runs; it changes nothing, so there is nothing to restore."""
        if self._thread is not None:
            self._thread.join(timeout=within_s)

    def _probe(self, now: datetime) -> None:
        self._next = now + _AGAIN
        try:
            last = None if self._failing() else last_armed(self._workspace)
            if last is not None and now < last + EVERY:
                self._next = last + EVERY
                return
            armed = self._armed()
        except SeatrialError as error:
            self._raise(now, f"the probe could not be made: {error.what}")
            return
        if armed.ok:
            self._next = now + EVERY
            self._say("the ways out are armed")
            self._note(now, "probed again: everything that the ways out need is there")
            return
        wrong = "; ".join(what for what, _ in armed.problems[:3])
        self._raise(now, f"not armed: {wrong}")

    def _armed(self) -> Armed:
        """The probe to its end; a run's events are of no interest here."""
        events = arm(self._workspace)
        while True:
            try:
                next(events)
            except StopIteration as end:
                armed: Armed = end.value
                return armed

    def _failing(self) -> bool:
        return any(each["monitor"] == MONITOR for each in self._open())

    def _open(self) -> list[dict[str, object]]:
        return [each for each in self._store.alarms() if each["monitor"] == MONITOR and each["state"] != CLOSED]

    def _raise(self, now: datetime, says: str) -> None:
        """One alarm as long as it is not dealt with; what is found anew is a line in its trail."""
        self._say(f"the ways out: {says}")
        if self._failing():
            self._note(now, says)
            return
        at = now.timestamp()
        alarm = quiet_alarm(MONITOR, words="the ways out", says=says, at=at, since=at, level=Level.PAGE)
        self._store.raise_alarm({**alarm, "detector": "probe", "sure": "certain: it was asked, not estimated"})

    def _note(self, now: datetime, text: str) -> None:
        for alarm in self._open():
            self._store.change_alarm(str(alarm["id"]), lambda current: noted(current, at=now.isoformat(), text=text))
