"""Alarms as people deal with them: listed, acknowledged, closed, and silenced for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.people import departed
from seatrial.app.watched.armed import MONITOR
from seatrial.app.watched.place import store_url
from seatrial.core.bodies import EventBody
from seatrial.core.errors import Refused
from seatrial.core.vocabulary import RecordType
from seatrial.core.wording import span
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.watch.alarms import noted
from seatrial.watch.silences import Silence, Silences, told
from seatrial.watch.states import ACKNOWLEDGED, CLOSED, OPEN
from seatrial.watch.store import Store, at_time
from seatrial.watch.watching import NAME, Watching

SILENCED = "alarms-silenced"
HTTP = "HTTP"
SITE = "the site"


class Dealing:
    """What declared people do with the alarms of one store. `over` is how they reached it, for the record."""

    def __init__(self, workspace: Workspace, store: Store, *, over: str = "the command line") -> None:
        self._workspace = workspace
        self._store = store
        self._silences = Silences(store.database)
        self._over = over

    def alarms(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """The alarms that are not closed, or all of them."""
        return self._store.alarms() if everything else self._store.alarms(OPEN, ACKNOWLEDGED)

    def silences(self) -> Sequence[Mapping[str, Any]]:
        """The silences that hold now."""
        return [told(each) for each in self._silences.standing(self._workspace.clock.now())]

    def acknowledge(self, alarm: str, *, person: str) -> dict[str, Any]:
        """The person is on it: nobody else is paged. Raises Refused for one that is not open."""
        self._permitted(person)
        now = self._workspace.clock.now().isoformat()

        def change(current: dict[str, Any]) -> Mapping[str, Any] | None:
            if current["state"] != OPEN:
                return None
            text = f"{person} is on it, said over {self._over}"
            return noted(current, at=now, text=text, state=ACKNOWLEDGED, acknowledged={"by": person, "at": now})

        changed = self._store.change_alarm(alarm, change)
        if changed is None:
            found = self._found(alarm)
            raise Refused(f"{alarm} is {found['state']} already", remedy="`seatrial alarms --all` tells by whom.")
        return changed

    def close(self, alarm: str, *, person: str) -> dict[str, Any]:
        """The person has dealt with it; what raised it listens anew. Raises Refused."""
        self._permitted(person)
        found = self._found(alarm)
        now = self._workspace.clock.now()
        open_still = found["state"] != CLOSED
        closed = Watching(self._store, (), begun=now).close(found, by=person, now=now) if open_still else None
        if closed is None:
            raise Refused(f"{alarm} is closed already", remedy="`seatrial alarms --all` tells by whom.")
        return closed

    def silence(self, monitor: str, *, person: str, why: str, for_s: float) -> Mapping[str, Any]:
        """Nobody is paged about the monitor for so long, in seconds. It goes on record with its reason.

        Raises Refused without a reason, beyond `watch.silence_at_most`, and for a monitor that there is not.
        """
        self._permitted(person)
        if not why.strip():
            raise Refused("a silence needs its reason", remedy="Say in --why what is going on: others will read it.")
        longest = self._workspace.system.watch.silence_at_most
        if not 0.0 < for_s <= longest:
            raise Refused(
                f"{span(for_s)} is no time for which a monitor may be silenced",
                remedy=f"{span(longest)} is the longest, by watch.silence_at_most; it can be asked for again.",
            )
        now = self._workspace.clock.now()
        silence = Silence(
            id=uuid4().hex[:12],
            monitor=monitor,
            by=person,
            why=why.strip(),
            since=now.timestamp(),
            until=now.timestamp() + for_s,
        )
        names = sorted(self._monitors())
        if not any(silence.covers(name) for name in names):
            raise Refused(f"there is no monitor {monitor}", remedy=f"There are {', '.join(names) or 'none yet'}.")
        until = at_time(silence.until).isoformat(timespec="seconds")
        self._file(person, f"nobody is paged about {monitor} until {until}: {silence.why}", told(silence))
        self._silences.add(silence)
        return told(silence)

    def end_silences(self, monitor: str, *, person: str) -> Sequence[Mapping[str, Any]]:
        """Pages about this monitor go out again. Raises Refused where no silence of it holds."""
        self._permitted(person)
        now = self._workspace.clock.now()
        mine = [each for each in self._silences.standing(now) if each.monitor == monitor]
        if not mine:
            raise Refused(f"no silence of {monitor} holds now", remedy="`seatrial alarms` lists those that do.")
        ended = [each for each in (self._silences.end(silence.id, now) for silence in mine) if each is not None]
        self._file(person, f"pages about {monitor} go out again, said {person}", {"monitor": monitor})
        return [told(each) for each in ended]

    def _monitors(self) -> set[str]:
        system = self._workspace.system
        _, state = self._store.state(NAME)
        return {
            *state.get("streams", {}),
            *(alarm["monitor"] for alarm in self._store.alarms(OPEN, ACKNOWLEDGED)),
            *([MONITOR] if system.rollback is not None else []),
            *(["heartbeat"] if system.watch.heartbeat is not None else []),
            *(["outcomes"] if system.watch.labels_within is not None else []),
            *(f"freshness.{each.source}" for each in system.data.freshness),
            *(f"offline.{rule.freshness}" for rule in system.governance.offline_when if rule.freshness is not None),
        }

    def _found(self, alarm: str) -> dict[str, Any]:
        found = next((each for each in self._store.alarms() if each["id"] == alarm), None)
        if found is None:
            raise Refused(f"there is no alarm {alarm}", remedy="`seatrial alarms` lists them.")
        return found

    def _permitted(self, person: str) -> None:
        permission = may(
            Actor(kind="person", name=person),
            Action.RECORD_EVENT,
            Context(system=self._workspace.system, departed=departed(self._workspace)),
        )
        if not permission.allowed:
            raise Refused(
                f"{person or 'nobody'} may not do this: {permission.reason}", remedy="Name yourself with --as."
            )

    def _file(self, person: str, summary: str, detail: Mapping[str, Any]) -> None:
        body = EventBody(kind=SILENCED, summary=summary, revokes=False, detail={**detail, "over": self._over})
        with open_ledger(self._workspace) as ledger:
            record(ledger, self._signer(person), self._workspace, RecordType.EVENT, body)

    def _signer(self, person: str) -> Ed25519Signer:
        """The person's own key on the command line; a watch that was told over HTTP signs that it was told."""
        keys = keystore(self._workspace)
        return known(self._workspace, keys.worker() if self._over == HTTP else keys.person(person))


@contextmanager
def dealing(workspace: Workspace, *, over: str = "the command line") -> Iterator[Dealing]:
    """Over the store of a workspace."""
    store = Store.open(store_url(workspace))
    try:
        yield Dealing(workspace, store, over=over)
    finally:
        store.close()


def alarms_of(workspace: Workspace, *, everything: bool = False) -> list[dict[str, Any]]:
    """The alarms that are not closed, or all of them."""
    with dealing(workspace) as people:
        return people.alarms(everything=everything)
