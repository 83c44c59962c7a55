"""An alarm of the watch in its store, and a request for retraining on record, as a watch would leave them."""

from __future__ import annotations

from typing import Any

from seatrial.app.folder.ledgers import keystore, open_ledger, record
from seatrial.app.folder.workspace import Workspace
from seatrial.app.watched.place import store_url
from seatrial.core.bodies import EventBody
from seatrial.core.vocabulary import RecordType
from seatrial.gate.retraining import ASKED
from seatrial.watch.store import Store


def alarm_of(workspace: Workspace, monitor: str = "metric.recall") -> dict[str, Any]:
    now = workspace.clock.now().isoformat()
    return {
        "id": f"{monitor}.rises.1",
        "monitor": monitor,
        "detector": "rises",
        "level": "page",
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


def plant_alarm(workspace: Workspace, monitor: str = "metric.recall") -> str:
    """Its id."""
    alarm = alarm_of(workspace, monitor)
    store = Store.open(store_url(workspace))
    try:
        assert store.raise_alarm(alarm)
    finally:
        store.close()
    return str(alarm["id"])


def plant_request(workspace: Workspace, asked: str) -> str:
    """The request's id, as people name it."""
    body = EventBody(
        kind=ASKED,
        summary="Retraining is asked for.",
        revokes=False,
        detail={
            "alarm": {**alarm_of(workspace), "labelled": 120},
            "asked": [asked],
            "criteria": {"document": None, "digest": None, "problem": "no criteria are declared"},
        },
    )
    with open_ledger(workspace) as ledger:
        made = record(ledger, keystore(workspace).worker(), workspace, RecordType.EVENT, body)
    return made.digest[:12]
