"""The watch's own record of the last weeks, signed into the ledger, for whoever decides whether to go further."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import RecordType
from seatrial.core.wording import count, percent, span
from seatrial.domains.governance.watch_record import KIND, account_on_record

FEWEST_DAYS, MOST_DAYS = 30, 90
_OFTEN = timedelta(hours=1)


class DailyRecord:
    """Files the record anew after every whole day (UTC), once the model was watched for as long as the policy demands.

    It looks in a thread of its own: it reads the chain, which grows, and nothing that comes in may wait for that.
    A record says nothing of the days since, so one that is days old establishes nothing. Nor does it know of an answer,
    after midnight, to a page of the evening: it is filed anew when that has come.
    """

    def __init__(
        self,
        workspace: Workspace,
        account: Callable[[int], Mapping[str, Any]],
        *,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._workspace = workspace
        self._account = account
        self._say = say
        self._next: datetime | None = None
        self._thread: threading.Thread | None = None
        self.problem = ""
        """Why the last record could not be filed."""

    def look(self) -> None:
        """Begin to see whether a record is due, where it is time for that and nothing of the kind runs."""
        now = self._workspace.clock.now()
        if (self._next is not None and now < self._next) or (self._thread is not None and self._thread.is_alive()):
            return
        self._next = now + _OFTEN
        self._thread = threading.Thread(target=self._file, name="seatrial-record", daemon=True)
        self._thread.start()

    def stop(self, *, within_s: float = 5.0) -> None:
        """Wait for a look that runs; what it files is on record as a whole or not at all."""
        if self._thread is not None:
            self._thread.join(timeout=within_s)

    def _file(self) -> None:
        days = self._workspace.system.policy.watched_days
        try:
            told = self._account(days)
            if told["days"] >= days and not self._filed(told):
                evidence = file_record(self._workspace, told)
                self._say(f"the record of {count(days, 'day')} is filed as entry {evidence.sequence}")
            self.problem = ""
        except SeatrialError as error:
            self.problem = error.what

    def _filed(self, told: Mapping[str, Any]) -> bool:
        """Whether the newest record of this model, whoever's watch filed it, says what this account says of answers."""
        # A quick reading verifies events to the letter; it leaves open the signatures of observations alone.
        events = [each.record for each in read_ledger(self._workspace, quick=True).of(RecordType.EVENT)]
        newest = account_on_record(events, told["identity"])
        if newest is None or newest.get("until") != told["until"]:
            return False
        # Only fewer, of the same pages: two watches with a store each do not file against each other.
        before = newest.get("unanswered")
        answered = isinstance(before, int) and told["unanswered"] < before and newest.get("alarms") == told["alarms"]
        return not answered


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
