"""A confirmed drop or drift asks for retraining: once on record, and told to whoever may answer, in office hours."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.notices import tell
from seatrial.app.people.retraining import criteria_now
from seatrial.core.bodies import EventBody
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import RecordType
from seatrial.gate.exchange import alarms_of
from seatrial.gate.retraining import ASKED, Request, named_for, requests
from seatrial.spec.window import Opening, Window
from seatrial.watch.alarms import noted
from seatrial.watch.batch import batch_of
from seatrial.watch.detectors import Level
from seatrial.watch.states import CLOSED
from seatrial.watch.store import Store

OFFICE: Final = "Mon,Tue,Wed,Thu,Fri 08:00-18:00"
"""When people are told, on the clock of `drills.time_zone`: a request for retraining wakes nobody."""
_NAME: Final = "retraining"
_LOOK_S: Final = 2.0
_AGAIN: Final = timedelta(hours=1)
"""After a channel refused."""
_PATIENCE_S: Final = 86_400.0
"""So long each person has before the next is told, where the duty declares no `answer_within`."""
_DROPS: Final = ("metric.", "decision.")
_RULES: Final = "offline."
_FIELDS: Final = ("id", "monitor", "level", "summary", "opened_at", "since", "sure", "now", "mark", "base", "rows")
_MOST_COUNTED: Final = 20_000


class AskingForRetraining:
    """Looks at the alarms of one watch. What is on record decides, so that several watches ask once."""

    def __init__(
        self,
        workspace: Workspace,
        store: Store,
        *,
        explain: Callable[[Mapping[str, Any]], str],
        say: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._store = store
        self._explain = explain
        self._say = say
        zone = workspace.system.drills.time_zone
        self._office = Opening(windows=(Window.of(OFFICE),), zone=zone)
        self._looked = -float("inf")
        self._head = ""
        self._open: Request | None = None
        self._again_at: datetime | None = None
        self.problems: dict[str, str] = {}
        """Person to why they could not be told."""

    def look(self) -> None:
        """Ask for what was confirmed since the last look, and tell whoever must answer what is open."""
        if time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        for alarm in self._due():
            self._ask(alarm)
        self._tell()

    def _due(self) -> Iterator[dict[str, Any]]:
        """Confirmed alarms that belong to no request yet; closed ones from the time on at which this began to look."""
        if self._kept() is None:
            now = self._workspace.clock.now().isoformat()
            self._store.revise(_NAME, lambda kept: kept or {"began": now, "told": {}})
        began = datetime.fromisoformat((self._kept() or {})["began"])
        for alarm in self._store.alarms():
            old = alarm["state"] == CLOSED and datetime.fromisoformat(alarm["opened_at"]) < began
            if not alarm.get("retraining") and not old and asks(alarm):
                yield alarm

    def _ask(self, alarm: Mapping[str, Any]) -> None:
        """On record once, also where another watch or a killed one was faster: the ledger is asked first."""
        if (before := self._request_of(alarm)) is None:
            body = EventBody(
                kind=ASKED,
                summary=f"Retraining is asked for: {alarm['summary']}",
                revokes=False,
                detail={
                    "alarm": self._evidence(alarm),
                    "asked": list(named_for(self._workspace.system)),
                    "criteria": criteria_now(self._workspace),
                },
            )
            signer = known(self._workspace, keystore(self._workspace).worker())
            with open_ledger(self._workspace) as ledger:
                mine = record(ledger, signer, self._workspace, RecordType.EVENT, body)
            before = self._request_of(alarm)
            opened = before is not None and before.digest == mine.digest
            self._say(f"retraining {'is asked for' if opened else 'was asked for already'}: {alarm['summary']}")
        if before is not None:
            self._mark(alarm, before)

    def _request_of(self, alarm: Mapping[str, Any]) -> Request | None:
        found = requests(read_ledger(self._workspace, quick=True).evidence, self._workspace.system)
        return next((r for r in found if any(each.get("id") == alarm["id"] for each in r.alarms)), None)

    def _mark(self, alarm: Mapping[str, Any], request: Request) -> None:
        now = self._workspace.clock.now().isoformat()
        first = request.alarms[0].get("id") == alarm["id"]
        said = f"{'asks for retraining' if first else 'belongs to the request for retraining'}: {request.id}"

        def change(current: dict[str, Any]) -> Mapping[str, Any]:
            # When it was closed is the time of its last line.
            if current["state"] == CLOSED:
                return {**current, "retraining": request.id}
            return noted(current, at=now, text=said, retraining=request.id)

        self._store.change_alarm(alarm["id"], change)

    def _evidence(self, alarm: Mapping[str, Any]) -> dict[str, Any]:
        """The alarm as it goes on record, with how many of the rows since the change have an outcome."""
        first = min(alarm["newest"], default=None)
        events = [] if first is None else self._store.between(first, self._store.last(), most=_MOST_COUNTED)
        labelled = len(batch_of(self._store, events).pairs)
        explained = alarm.get("explained") or self._explain(alarm)
        return {**{name: alarm[name] for name in _FIELDS}, "explained": explained, "labelled": labelled}

    def _kept(self) -> Mapping[str, Any] | None:
        kept: Mapping[str, Any] | None = self._store.recall(_NAME)
        return kept

    def _tell(self) -> None:
        """Each in turn: the named person, the deputy, then those who see to it that somebody answers."""
        now = self._workspace.clock.now()
        request = self._standing()
        if request is None or not self._office.is_open(now) or (self._again_at is not None and now < self._again_at):
            return
        told: Mapping[str, str] = (self._kept() or {}).get("told", {}).get(request.digest, {})
        for person, within_s in self._ladder():
            at = told.get(person)
            if at is None and self._sent(person, request, now):
                return
            if at is not None and (now - datetime.fromisoformat(at)).total_seconds() < within_s:
                return

    def _standing(self) -> Request | None:
        """The open request; the ledger is read anew only where something was added."""
        with open_ledger(self._workspace) as ledger:
            head = str(ledger.checkpoint(self._workspace.system.system))
        if head != self._head:
            found = requests(read_ledger(self._workspace, quick=True).evidence, self._workspace.system)
            self._open = next((request for request in found if request.state == "open"), None)
            self._head = head
        return self._open

    def _ladder(self) -> Iterator[tuple[str, float]]:
        system = self._workspace.system
        duty, escalation = system.duties.retraining, system.duties.escalation_point
        within = (duty.answer_within or duty.acknowledge_within if duty is not None else None) or _PATIENCE_S
        rungs = [
            *named_for(system),
            escalation.who if escalation is not None else None,
            system.owner.who,
            system.owner.deputy,
        ]
        for person in dict.fromkeys(rungs):
            if person is not None:
                yield person, within

    def _sent(self, person: str, request: Request, now: datetime) -> bool:
        name = self._workspace.system.system
        key = hashlib.sha256(f"{request.digest} {person}".encode()).hexdigest()[:32]
        text = "\n".join(_said(request, self._workspace, answers=person in named_for(self._workspace.system)))
        title, link = f"{name}: retraining is asked for", f"http://{self._workspace.system.watch.listen}/"
        try:
            tell(self._workspace, person, key=f"msg_{key}", title=title, text=text, link=link)
        except SeatrialError as error:
            self.problems[person] = error.what
            self._again_at = now + _AGAIN
            return False
        self.problems.pop(person, None)
        self._store.revise(_NAME, partial(_with, request=request.digest, person=person, at=now.isoformat()))
        self._say(f"{person} was told that retraining is asked for")
        return True


def asks(alarm: Mapping[str, Any]) -> bool:
    """Whether it is a confirmed drop, drift of the outputs or a breach of a rule on them: what only warns asks nothing.

    Broken inputs, late records and slow answers are repaired where they come from; no training mends them.
    """
    if alarm["level"] == Level.LOOK:
        return False
    monitor = str(alarm["monitor"])
    return monitor.startswith(_DROPS) or (monitor.startswith(_RULES) and alarm["detector"] == "offline")


def _said(request: Request, workspace: Workspace, *, answers: bool) -> Iterator[str]:
    yield f"{alarms_of(request)}."
    for alarm in request.alarms:
        yield f"Since {alarm.get('since')}; {alarm.get('sure')}. {alarm.get('explained') or ''}".strip()
    document = request.criteria.get("document")
    yield f"Decide by {document}." if document else "No criteria are declared by which to decide."
    named = " or ".join(named_for(workspace.system)) or "nobody: name somebody under duties.retraining"
    yield (
        f"Answer: seatrial retraining approve {request.id} (or decline) --as YOU --because WHY"
        if answers
        else f"Nobody has answered. Who may: {named}."
    )


def _with(kept: Any, *, request: str, person: str, at: str) -> Mapping[str, Any]:
    told = kept["told"]
    return {**kept, "told": {**told, request: {**told.get(request, {}), person: at}}}
