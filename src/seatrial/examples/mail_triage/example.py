"""Mail triage: which of seven lists answers a mail, from public mail of 2002."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from seatrial.examples.example import Example, Service
from seatrial.examples.mail_triage.defects import DEFECTS, random_split
from seatrial.examples.mail_triage.prepare import HERE, TABLES, entries, finish
from seatrial.examples.running import look, pass_on, wait_for

TRIAGE, MAILBOX, DESK, PAGER = "MAIL_TRIAGE", "MAIL_MAILBOX", "MAIL_DESK", "MAIL_PAGER"
MAILBOX_LINE, DESK_LINE = "MAIL_MAILBOX_LINE", "MAIL_DESK_LINE"
TRAFFIC = 320
"""Mails of the morning that pass before anybody looks: there is real traffic to check contracts on."""
READERS = ("d01", "d03", "l02", "l05")
"""Users who have looked at their tickets today."""
_ROOM = "seatrial.examples.mail_triage"


def _traffic(environment: Mapping[str, str], directory: Path) -> None:
    """Puts the newest live mails into the mailbox, and waits for their tickets, which their readers then look at."""
    import pyarrow.parquet as pq

    live = pq.read_table(directory / "data" / "live.parquet")
    pass_on(environment[MAILBOX], "/mails/list", entries(live, TRAFFIC))
    wait_for(environment[DESK], "/tickets", TRAFFIC)
    look(environment[TRIAGE], "/mails?limit=20", caller=READERS[0])
    settings = json.loads((directory / "services.json").read_text(encoding="utf-8"))
    for caller in (*READERS, *settings.get("desk", {}).get("also_read_by", ())):
        look(environment[DESK], "/tickets?limit=20", caller=caller)


EXAMPLE = Example(
    name="mail-triage",
    title="Names the list that answers a mail",
    folder=HERE,
    prefix="MAIL",
    tables=TABLES,
    services=(
        Service(name="desk", module=f"{_ROOM}.desk", variable=DESK, title="ticket desk", line=DESK_LINE, wave=1),
        Service(name="pager", module="seatrial.examples.pager", variable=PAGER, title="pager"),
        Service(name="mailbox", module=f"{_ROOM}.mailbox", variable=MAILBOX, title="mailbox", line=MAILBOX_LINE),
        Service(name="triage_server", module=f"{_ROOM}.triage_server", variable=TRIAGE, title="triage", wave=2),
    ),
    defects=DEFECTS,
    finish=finish,
    traffic=_traffic,
    preparing="training both versions of the model",
    pilot=(random_split,),
)
