"""The watch's own record of the last weeks, signed into the ledger, for whoever decides whether to go further."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seatrial.app.ledgers import keystore, known, open_ledger, record
from seatrial.app.workspace import Workspace
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.core.wording import count, percent, span
from seatrial.domains.governance.watch_record import KIND

FEWEST_DAYS, MOST_DAYS = 30, 90


def file_record(workspace: Workspace, account: Mapping[str, Any]) -> Evidence:
    """Put an account of days on record as an event of the kind `watch-record`; its `detail` is the account."""
    body = EventBody(kind=KIND, summary=summary_of(account), revokes=False, detail=dict(account))
    signer = known(workspace, keystore(workspace).worker())
    with open_ledger(workspace) as ledger:
        return record(ledger, signer, workspace, RecordType.EVENT, body)


def checked_days(days: int) -> int:
    """The days that a record may cover. Raises Refused."""
    if not FEWEST_DAYS <= days <= MOST_DAYS:
        raise Refused(
            f"a record of {count(days, 'day')} shows too little or too much",
            remedy=f"Ask for {FEWEST_DAYS} to {MOST_DAYS} days with --days.",
        )
    return days


def summary_of(account: Mapping[str, Any]) -> str:
    """The account in a sentence."""
    mean = account["mean_time_to_acknowledge_s"]
    answered = "" if mean is None else f", on average after {span(mean)}"
    return (
        f"watched on {account['days_watched']} of {count(account['days'], 'day')} ({percent(account['watched_share'])} "
        f"of the time); {count(account['alarms']['page'] + account['alarms']['offline'], 'page')}, "
        f"{account['answered']} answered{answered}; {account['breaches']} breaches of a limit"
    )
