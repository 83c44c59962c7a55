"""Alarms told to other systems: each state at least once, however often they are out, and never in the watch's way."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from seatrial.adapters.alerts.catalogue import Teller, open_teller
from seatrial.adapters.alerts.telling import Telling
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import SeatrialError
from seatrial.spec.watch import Outlet
from seatrial.watch.outbox import Outbox
from seatrial.watch.silences import Silences
from seatrial.watch.states import ACKNOWLEDGED, CLOSED, OPEN
from seatrial.watch.store import Store

_LOOK_S = 0.25
_MOST = 100
"""Alarms in one round."""
_LONGEST_S = 300.0
"""So long, at most, a receiver that does not answer is left alone."""


@dataclass(slots=True)
class _Line:
    name: str
    teller: Teller
    outbox: Outbox
    waits_s: float = 0.0
    next_at: float = 0.0
    repeated_at: float = 0.0
    begun: bool = False


class Outlets:
    """All declared outlets, served by one thread from `start` to `stop`."""

    def __init__(self, workspace: Workspace, outside: Outside, store: Store, *, say: Callable[[str], None]) -> None:
        self._system = workspace.system.system
        self._clock = workspace.clock
        self._store = store
        self._silences = Silences(store.database)
        self._say = say
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._lines = [
            _Line(_name(each), open_teller(each, http=outside.http), Outbox(store.database, _key(each)))
            for each in workspace.system.watch.outlets
        ]
        self.problems: dict[str, str] = {}
        """Outlet to why it was not told the last time."""

    def start(self) -> None:
        """Tell from now on."""
        if self._lines:
            self._thread = threading.Thread(target=self._run, name="seatrial-outlets", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Tell no more; what was not told is told at the next start."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=15.0)

    def round(self) -> None:
        """Tell every outlet that is not left alone what it does not know."""
        for line in self._lines:
            if time.monotonic() < line.next_at:
                continue
            try:
                if not line.begun:
                    line.outbox.begin()
                    line.begun = True
                self._serve(line)
            except SeatrialError as error:
                line.waits_s = min(_LONGEST_S, 2.0 * line.waits_s or 1.0)
                line.next_at = time.monotonic() + line.waits_s
                if line.name not in self.problems:
                    self._say(f"{line.name} was not told of alarms: {error.what}")
                self.problems[line.name] = error.what
            else:
                line.waits_s = 0.0
                self.problems.pop(line.name, None)

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_S):
            self.round()

    def _serve(self, line: _Line) -> None:
        """Raises the first error only when all that can be told was told: one alarm that is refused delays no other."""
        now = self._clock.now()
        failed: SeatrialError | None = None
        for alarm in line.outbox.untold(most=_MOST):
            if self._kept_back(line, alarm, now):
                continue
            try:
                line.teller.tell(self._telling(alarm, now))
            except SeatrialError as error:
                failed = failed or error
                if not error.permanent:
                    break
                continue
            line.outbox.told(alarm["id"], alarm["state"])
        if failed is not None:
            raise failed
        self._repeat(line, now)

    def _repeat(self, line: _Line, now: datetime) -> None:
        """What is still open, to a receiver that forgets what it does not hear again."""
        every = line.teller.every_s
        if every is None or time.monotonic() < line.repeated_at + every:
            return
        for alarm in self._store.alarms(OPEN, ACKNOWLEDGED):
            if not self._kept_back(line, alarm, now):
                line.teller.tell(self._telling(alarm, now))
        line.repeated_at = time.monotonic()

    def _kept_back(self, line: _Line, alarm: Mapping[str, Any], now: datetime) -> bool:
        """A receiver that pages people is not told of what is silenced; one that keeps a record is."""
        pages = line.teller.every_s is not None
        return pages and alarm["state"] != CLOSED and self._silences.over(alarm["monitor"], now) is not None

    def _telling(self, alarm: Mapping[str, Any], now: datetime) -> Telling:
        silence = self._silences.over(alarm["monitor"], now)
        shown = {**alarm, **({"silenced": f"by {silence.by}: {silence.why}"} if silence is not None else {})}
        ended = datetime.fromisoformat(alarm["trail"][-1]["at"]) if alarm["state"] == CLOSED else None
        message = hashlib.sha256(f"{alarm['id']} {alarm['state']}".encode()).hexdigest()[:32]
        return Telling(message=f"msg_{message}", system=self._system, at=now, alarm=shown, ended_at=ended)


def _name(outlet: Outlet) -> str:
    """For people: never the whole address, which may hold a secret."""
    return f"{outlet.to} at {urlsplit(outlet.url).hostname or 'an unreadable address'}"


def _key(outlet: Outlet) -> str:
    return hashlib.sha256(f"{outlet.to} {outlet.url}".encode()).hexdigest()[:24]
