"""How the days went, told again and again to declared people: what came, what held, who answered, what is due."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from seatrial.app.drilling.history import standings
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.notices import tell
from seatrial.core.check import CHANGE_LOG
from seatrial.core.errors import SeatrialError
from seatrial.core.wording import count, moment, percent
from seatrial.domains.organization.responses import WAYS, responses_in
from seatrial.present.summary import summary_html, summary_text
from seatrial.stats import proportions
from seatrial.watch.states import ACKNOWLEDGED, OPEN
from seatrial.watch.store import Store

_NAME = "summaries"
_OFTEN = timedelta(minutes=1)
_AGAIN = timedelta(hours=1)
"""After a channel refused."""


def summary(
    workspace: Workspace, outside: Outside, store: Store, account: Mapping[str, Any], *, days: int
) -> Mapping[str, Any]:
    """The summary of the newest days as plain data. What cannot be told says why in its place."""
    return {
        "system": workspace.system.system,
        "version": workspace.system.version,
        "days": days,
        "account": dict(account),
        "counts": store.counts(),
        "open": [
            {"level": each["level"], "state": each["state"], "what": each["summary"], "since": each["since"]}
            for each in store.alarms(OPEN, ACKNOWLEDGED)
        ],
        "adoption": list(_adoption(workspace, outside, days)),
        "drills": list(_drills(workspace)),
    }


def _adoption(workspace: Workspace, outside: Outside, days: int) -> Iterator[str]:
    """What people did with the outputs, against what the change plan expects."""
    change = workspace.system.change
    if change.log is None:
        yield "no log of what people did with the outputs is declared (change.log)"
        return
    try:
        since = workspace.clock.now() - timedelta(days=days)
        found = responses_in(outside.table(CHANGE_LOG), change.log, since=since).of()
    except SeatrialError as error:
        yield f"the log of what people did cannot be read: {error.what}"
        return
    if not found.total():
        yield "no output is in the log of what people did"
        return
    expected = {
        WAYS[0]: ("at least", change.acted_on.get("at_least")),
        WAYS[1]: ("at most", change.overridden.get("at_most")),
        WAYS[2]: ("at most", change.ignored.get("at_most")),
    }
    for way in WAYS:
        seen = proportions.interval(found[way], found.total(), 0.05)
        side, limit = expected[way]
        plan = "the plan expects nothing" if limit is None else f"the plan expects {side} {percent(limit)}"
        value = found[way] / found.total()
        missed = limit is not None and (value < limit if side == "at least" else value > limit)
        yield (
            f"{way}: {percent(value)} of {count(found.total(), 'output')} (certainly {percent(seen.lower)} to "
            f"{percent(seen.upper)}); {plan}" + (": NOT AS PLANNED" if missed else "")
        )


def _drills(workspace: Workspace) -> Iterator[str]:
    """Drills that failed, are overdue or soon due."""
    try:
        for each in standings(workspace):
            if each.state != "holds":
                due = f", due {moment(each.due_at)}" if each.due_at is not None else ""
                yield f"{each.kind}: {each.state}{due}; {each.who}"
    except SeatrialError as error:
        yield f"the drills on record cannot be read: {error.what}"


class Summaries:
    """Sends the declared summary when it is due; over restarts, and again where a channel refused."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace = workspace
        self._store = store
        self._next: datetime | None = None
        self.problems: dict[str, str] = {}
        """Person to why the last summary did not reach them."""

    def due(self, now: datetime) -> Sequence[str]:
        """To whom one must be sent now. The first is due one period after the watch began."""
        declared = self._workspace.system.watch.summary
        if declared is None or (self._next is not None and now < self._next):
            return ()
        self._next = now + _OFTEN
        period = self._period(now, declared.every)
        if self._sent() is None:
            self._store.remember(_NAME, dict.fromkeys(declared.to, period))
        sent = self._sent() or {}
        return [person for person in declared.to if sent.get(person, -1) < period]

    def send(self, people: Sequence[str], told: Mapping[str, Any], now: datetime, *, link: str) -> None:
        """Send it to them; what a channel refuses is tried again in an hour."""
        declared = self._workspace.system.watch.summary
        if declared is None:
            return
        period = self._period(now, declared.every)
        text, html = summary_text(told), summary_html(told)
        for person in people:
            name = f"{told['system']} {person} {period}"
            key = f"msg_{hashlib.sha256(name.encode()).hexdigest()[:32]}"
            title = f"{told['system']}: the last {count(told['days'], 'day')}"
            try:
                tell(self._workspace, person, key=key, title=title, text=text, link=link, html=html)
            except SeatrialError as error:
                self.problems[person] = error.what
                self._next = now + _AGAIN
                continue
            self.problems.pop(person, None)
            self._store.revise(_NAME, partial(_with, person=person, period=period))

    def _sent(self) -> Mapping[str, int] | None:
        kept: Mapping[str, int] | None = self._store.recall(_NAME)
        return kept

    @staticmethod
    def _period(now: datetime, every_s: float) -> int:
        return math.floor(now.timestamp() / every_s)


def _with(kept: Any, *, person: str, period: int) -> Mapping[str, int]:
    return {**(kept or {}), person: period}
