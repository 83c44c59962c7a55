"""Events that people declare, such as a regulator's notice: one that a take-offline rule names is an alarm at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from seatrial.app.folder.ledgers import open_ledger, read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import EventBody
from seatrial.core.codec import CodecError, from_data
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.domains.governance.provoking import fires_on
from seatrial.watch.alarms import quiet_alarm
from seatrial.watch.detectors import Level
from seatrial.watch.store import Store

_LOOK_S = 2.0


class DeclaredEvents:
    """Looks at what was added to the ledger. An event on which people have signed since has been dealt with."""

    def __init__(self, workspace: Workspace, store: Store, *, say: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._store = store
        self._say = say
        self._rules = [rule for rule in workspace.system.governance.offline_when if rule.event is not None]
        self._looked = -float("inf")
        self._head = ""

    def look(self) -> None:
        """Raise an alarm for every declared event that a rule names and that none was raised for yet."""
        if not self._rules or time.monotonic() - self._looked < _LOOK_S:
            return
        self._looked = time.monotonic()
        with open_ledger(self._workspace) as ledger:
            head = ledger.checkpoint(self._workspace.system.system)
        if head is None or str(head) == self._head:
            return
        known = {alarm["id"] for alarm in self._store.alarms()}
        for evidence, body in self._ruled():
            at = evidence.record.at.timestamp()
            who = evidence.record.by.partition(":")[2]
            name = f"event.{body.kind.strip().lower()}"
            alarm = quiet_alarm(
                name, words=f"event {body.kind}", says=body.summary, at=at, since=at, level=Level.OFFLINE
            )
            alarm |= {
                "id": f"{name}.{evidence.digest[:16]}",
                "detector": "event",
                "sure": f"certain: {who} declared it",
            }
            if alarm["id"] not in known:
                self._say(f"{who} declared {body.kind}: {body.summary}")
                self._store.raise_alarm(alarm)
        self._head = str(head)

    def _ruled(self) -> Iterator[tuple[Evidence, EventBody]]:
        evidence = read_ledger(self._workspace, quick=True).evidence
        signed = max(
            (e.sequence for e in evidence if e.record.type is RecordType.SIGN_OFF and not e.problem), default=0
        )
        for each in evidence:
            if each.problem or each.sequence <= signed or each.record.type is not RecordType.EVENT:
                continue
            try:
                body = from_data(EventBody, each.record.body)
            except CodecError:
                continue
            if each.record.by.startswith("person:") and any(fires_on(rule, body) for rule in self._rules):
                yield each, body
