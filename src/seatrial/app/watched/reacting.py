"""What follows an alarm: it goes on record, the named people are paged, GO ends, the rehearsed way out is taken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.app.watched.paging import AGAIN_S, Paging
from seatrial.app.watched.slices import Explained
from seatrial.core.bodies import EventBody
from seatrial.core.codec import to_data
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import RecordType
from seatrial.drills.procedure import execute, target_holds
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import Procedure
from seatrial.spec.system import System
from seatrial.watch.alarms import noted
from seatrial.watch.detectors import Level
from seatrial.watch.states import ACKNOWLEDGED, CLOSED, OPEN
from seatrial.watch.store import Store

ALARM = "watch-alarm"
OFFLINE = "take-offline-rule"
EXECUTED = "taken-offline"
_HELD_S = 60.0
"""So long an alarm is this watch's own without a sign of life; others leave it alone meanwhile."""
_RENEW_S = 10.0


class Reacting:
    """Handles each alarm in a thread of its own, and takes up those that a stopped watch left behind."""

    def __init__(
        self,
        workspace: Workspace,
        outside: Outside,
        store: Store,
        *,
        explain: Callable[[Mapping[str, Any]], Explained],
        say: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._system: System = workspace.system
        self._outside = outside
        self._store = store
        self._explain = explain
        self._say = say
        self._lock = threading.Lock()
        self._ledger = threading.Lock()
        self._paging = Paging(self._system, store, self, pager=lambda: outside.pager, clock=workspace.clock)
        self._threads: dict[str, threading.Thread] = {}
        self._begun: dict[str, float] = {}
        self._renewed = self._looked_back = time.monotonic()
        self._name = uuid4().hex

    def take_up(self) -> None:
        """Start with every open alarm that nobody handles: new ones, and those whose handling broke off."""
        self._renew()
        for alarm in (*self._store.alarms(OPEN), *self._unrecorded()):
            if self._finished(alarm) or self._paging.busy(alarm["id"]):
                continue
            known = self._threads.get(alarm["id"])
            if known is not None and (known.is_alive() or self._tried(alarm)):
                continue
            if self.claimed(alarm) is None:
                continue
            thread = threading.Thread(target=self._handle, args=(alarm,), name=f"alarm {alarm['id']}", daemon=True)
            self._threads[alarm["id"]], self._begun[alarm["id"]] = thread, time.monotonic()
            thread.start()

    def _tried(self, alarm: Mapping[str, Any]) -> bool:
        """Whether everybody was paged a moment ago, and not held back by a silence."""
        return not alarm.get("held_back") and time.monotonic() - self._begun[alarm["id"]] < AGAIN_S

    def stop(self) -> None:
        """Handle no further alarm; what is open stays open for the next start."""
        self._paging.stopped.set()
        for thread in list(self._threads.values()):
            thread.join(timeout=5.0)
        for alarm in self._mine():
            with suppress(SeatrialError):
                self._store.change_alarm(alarm, self._released)

    def _mine(self) -> list[str]:
        return [alarm for alarm, thread in list(self._threads.items()) if thread.is_alive() or self._paging.busy(alarm)]

    def _renew(self) -> None:
        """What is being handled stays this watch's own, however long a person or a procedure takes."""
        if time.monotonic() - self._renewed < _RENEW_S:
            return
        self._renewed = time.monotonic()
        for alarm in self._mine():
            self.claimed({"id": alarm})

    def _unrecorded(self) -> list[dict[str, Any]]:
        """Alarms that were answered or went by while the ledger could not be written: they go on record too."""
        if time.monotonic() - self._looked_back < AGAIN_S:
            return []
        self._looked_back = time.monotonic()
        return [alarm for alarm in self._store.alarms(ACKNOWLEDGED, CLOSED) if not alarm.get("recorded")]

    def _released(self, current: dict[str, Any]) -> Mapping[str, Any] | None:
        held = current.get("handled", {"by": ""})
        return {**current, "handled": {"by": "", "until": 0.0}} if held["by"] == self._name else None

    def _finished(self, alarm: Mapping[str, Any]) -> bool:
        """On record, and nobody is to be paged about it: now, or at all."""
        if not alarm.get("recorded"):
            return False
        return alarm["level"] == Level.LOOK or (bool(alarm.get("held_back")) and self._paging.silenced(alarm))

    def claimed(self, alarm: Mapping[str, Any]) -> dict[str, Any] | None:
        """The alarm as this watch's own for a while, None while another watch over the same store handles it."""
        now = self._workspace.clock.now().timestamp()

        def claim(current: dict[str, Any]) -> Mapping[str, Any] | None:
            held = current.get("handled", {"by": "", "until": 0.0})
            # A clock that was put back must not leave an alarm with a watch that is gone.
            if held["by"] != self._name and now < held["until"] <= now + _HELD_S:
                return None
            return {**current, "handled": {"by": self._name, "until": now + _HELD_S}}

        return self._store.change_alarm(alarm["id"], claim)

    def _handle(self, alarm: dict[str, Any]) -> None:
        level = Level(alarm["level"])
        alarm = self._recorded(alarm, level)
        if level is Level.LOOK or alarm["state"] != OPEN:
            return
        if level is Level.OFFLINE and self._system.watch.take_offline == "itself" and not alarm.get("offline"):
            alarm, _ = self.take_offline(alarm, "the watch, as declared in watch.take_offline")
        if alarm.get("held_back") and not self._paging.silenced(alarm):
            alarm = self.note(alarm, "the silence is over", held_back=False)
        self._paging.page(alarm)

    def _recorded(self, alarm: dict[str, Any], level: Level) -> dict[str, Any]:
        """On the ledger once; an alarm on a take-offline rule ends GO there and then.

        Where the ledger does not take it, people are paged all the same, and it is tried again afterwards.
        """
        if alarm.get("recorded"):
            return alarm
        offline = level is Level.OFFLINE
        kind = OFFLINE if offline else ALARM
        detail = {key: alarm[key] for key in ("id", "monitor", "level", "since", "sure", "now", "mark", "rows")}
        told = {name: alarm.get(name, "") for name in ("explained", "where")}
        if not told["explained"]:
            found = self._explain(alarm)
            told = {"explained": found.says, "where": found.where}
        detail |= {"where": told["where"]} if told["where"] else {}
        body = EventBody(kind=kind, summary=alarm["summary"], revokes=offline, detail=detail)
        try:
            self._file(body)
        except SeatrialError as error:
            self._say(f"{alarm['summary']}: not on record: {error.what}")
            return self.note(alarm, f"it could not be put on record: {error.what}", **told)
        self._say(f"{'OFFLINE' if offline else level.upper()}: {alarm['summary']}")
        said = "on record" + ("; GO is revoked" if offline else "")
        return self.note(alarm, said, recorded=True, **told)

    def take_offline(self, alarm: Mapping[str, Any], by: str) -> tuple[dict[str, Any], bool]:
        """Run the rehearsed procedure for real: what it reaches stays, and a failure is told, never undone.

        The alarm with what came of it, and whether it is proven that the system is offline.
        """
        path = self._system.governance.offline
        if path is None:
            told = "no procedure is declared that takes the system offline: do it by hand now"
            return self.note(alarm, told, offline=told), False
        with self._lock:
            try:
                procedure = self._opened(path)
                if target_holds(procedure, self._outside.steps):
                    return self.note(alarm, "it is offline already, proven by what is served", taken_offline=True), True
                self._say(f"taking the system offline: {path}")
                steps, clock = self._outside.steps, self._workspace.clock
                journal = execute(procedure, steps=steps, clock=clock, drill=False, keep=True)
            except SeatrialError as error:
                told = f"{path} could not be carried out: {error.what}: do it by hand now"
                return self.note(alarm, told, offline=told), False
            proven = journal.succeeded
            told = (
                f"{path} took the system offline in {journal.duration_s:.1f} s, proven by what is served"
                if proven and journal.duration_s is not None
                else f"{path} did not take the system offline: {journal.problem}: do it by hand now"
            )
            detail = {"alarm": alarm["id"], "by": by, "journal": to_data(journal)}
            with suppress(SeatrialError):
                self._file(EventBody(kind=EXECUTED, summary=f"{alarm['summary']}: {told}", revokes=True, detail=detail))
            self._say(told)
            return self.note(alarm, told, offline=told, taken_offline=proven), proven

    def _opened(self, path: str) -> Procedure:
        content = LocalFiles(self._workspace.base).read(path)
        return load_procedure(content, name=path, environment=self._workspace.environment).value

    def _file(self, body: EventBody) -> None:
        signer = known(self._workspace, keystore(self._workspace).worker())
        with self._ledger, open_ledger(self._workspace) as ledger:
            record(ledger, signer, self._workspace, RecordType.EVENT, body)

    def note(self, alarm: Mapping[str, Any], text: str, **changes: Any) -> dict[str, Any]:
        """A line in the trail of the alarm as it stands in the store; what others did to it meanwhile stays."""
        now = self._workspace.clock.now().isoformat()

        def change(current: dict[str, Any]) -> Mapping[str, Any]:
            kept = dict(changes)
            if current["state"] != OPEN:
                kept.pop("state", None)
            return noted(current, at=now, text=text, **kept)

        return self._store.change_alarm(alarm["id"], change) or dict(alarm)
