"""The watch holds the planned drills when their time has come; one that does not succeed is an alarm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from seatrial.app.drilling.history import history
from seatrial.app.drilling.schedule import Due, claim, due, hold
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import SeatrialError
from seatrial.watch.alarms import noted, quiet_alarm
from seatrial.watch.detectors import Level
from seatrial.watch.states import CLOSED
from seatrial.watch.store import Store

_LOOK_S = 20.0


class PlannedDrills:
    """Looks at the plan now and then, and holds one drill at a time, both in a thread of its own.

    What is due is read from the chain, which grows, and nothing that comes in may wait for that.
    """

    def __init__(self, workspace: Workspace, store: Store, *, say: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._store = store
        self._say = say
        self._thread: threading.Thread | None = None
        self._looked: float | None = None

    def look(self) -> None:
        """Begin to see what is due, where nothing runs."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self._looked is not None and time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        self._thread = threading.Thread(target=self._begin, name="seatrial-drills", daemon=True)
        self._thread.start()

    def stop(self, *, within_s: float = 5.0) -> None:
        """Wait a little for a drill that runs; its own process restores what it changed."""
        if self._thread is not None:
            self._thread.join(timeout=within_s)

    def _begin(self) -> None:
        try:
            taken = next((each for each in due(self._workspace) if claim(self._workspace, each)), None)
        except SeatrialError as error:
            self._say(f"what drill is due could not be seen: {error.what}")
            return
        if taken is not None:
            self._hold(taken)

    def _hold(self, planned: Due) -> None:
        self._say(f"the planned {planned.kind} drill begins")
        try:
            for _ in hold(self._workspace, planned.kind):
                pass
            newest = {each.requirement: each for each in history(self._workspace)[planned.kind]}
        except SeatrialError as error:
            self._raise(planned, f"it could not be held: {error.what}")
            return
        wrong = [each.said for each in newest.values() if not each.ok]
        if wrong or not newest:
            self._raise(planned, "; ".join(wrong) or "nothing of it is on record")
        else:
            self._say(f"the planned {planned.kind} drill succeeded")

    def _raise(self, planned: Due, says: str) -> None:
        name = f"drill.{planned.kind}"
        now = self._workspace.clock.now()
        self._say(f"{name}: {says}")
        for alarm in self._store.alarms():
            if alarm["monitor"] == name and alarm["state"] != CLOSED:
                self._store.change_alarm(alarm["id"], lambda it: noted(it, at=now.isoformat(), text=says))
                return
        at = now.timestamp()
        words = f"the planned {planned.kind} drill"
        alarm = quiet_alarm(name, words=words, says=f"failed: {says}", at=at, since=at, level=Level.PAGE)
        self._store.raise_alarm({**alarm, "detector": "drill", "sure": "certain: it was held, not estimated"})
