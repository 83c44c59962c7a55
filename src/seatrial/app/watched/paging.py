"""Pages about alarms: one for what belongs together, to one person after the other, until somebody answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Acknowledgement, Clock, Page, Pager
from seatrial.core.wording import count
from seatrial.spec.people import Duty
from seatrial.spec.system import System
from seatrial.watch.detectors import Level
from seatrial.watch.silences import Silences
from seatrial.watch.states import ACKNOWLEDGED, OPEN
from seatrial.watch.store import Store, at_time

TAKE = "Take it offline"
KEEP = "Keep it running: I answer for it"
SEEN = "I am on it"
GATHER_S = 0.5
"""So long a page waits for alarms that belong with it."""
JOIN_S = 60.0
"""So long an alarm waits for the answer to a page that is out, before it is paged by itself."""
AGAIN_S = 60.0
"""After everybody was paged and nobody answered, it begins anew."""
_ON_IT_S = 4 * 3600.0
"""So long whoever acknowledged an alarm is taken to see the next ones of the same monitor."""
_PATIENCE_S = 15 * 60.0
_SLICE_S = 1.0


class Handling(Protocol):
    """What the pages need of whoever handles alarms."""

    def note(self, alarm: Mapping[str, Any], text: str, **changes: Any) -> dict[str, Any]:
        """A line in the alarm's trail, and changes of it; the alarm as it stands afterwards."""

    def claimed(self, alarm: Mapping[str, Any]) -> dict[str, Any] | None:
        """The alarm as this watch's own for a while, None while another watch handles it."""

    def take_offline(self, alarm: Mapping[str, Any], by: str) -> tuple[dict[str, Any], bool]:
        """The alarm with what came of it, and whether it is proven that the system is offline."""


@dataclass(slots=True)
class _Group:
    """Alarms about which the same people are asked the same: those that wait, and whether a page is out for others."""

    waiting: dict[str, float] = field(default_factory=dict)
    leaders: int = 0


class Paging:
    """Pages for all alarms of one watch. Threads may share it."""

    def __init__(
        self, system: System, store: Store, handling: Handling, *, pager: Callable[[], Pager], clock: Clock
    ) -> None:
        self._system = system
        self._store = store
        self._silences = Silences(store.database)
        self._handling = handling
        self._pager = pager
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, bool], _Group] = {}
        self._busy: set[str] = set()
        self.stopped = threading.Event()

    def busy(self, alarm: str) -> bool:
        """Whether a page for this alarm is out or about to be sent."""
        with self._lock:
            return alarm in self._busy

    def silenced(self, alarm: Mapping[str, Any]) -> bool:
        """Whether nobody is to be paged about it now."""
        return self._silences.over(alarm["monitor"], self._clock.now()) is not None

    def page(self, alarm: dict[str, Any]) -> None:
        """See to it that somebody answers for the alarm. Returns when they did, or when another page will name it."""
        if (silence := self._silences.over(alarm["monitor"], self._clock.now())) is not None:
            until = at_time(silence.until).isoformat(timespec="minutes")
            self._handling.note(
                alarm, f"nobody is paged until {until}: silenced by {silence.by}: {silence.why}", held_back=True
            )
            return
        if (on_it := self._on_it(alarm)) is not None:
            said = f"belongs to {on_it['id']}, which {on_it['acknowledged']['by']} is on"
            self._handling.note(alarm, said, state=ACKNOWLEDGED, acknowledged=self._stamp(on_it["acknowledged"]["by"]))
            return
        key = (next((person for person, _ in self._ladder(alarm)), ""), self._asks(alarm))
        with self._lock:
            group = self._groups.setdefault(key, _Group())
            group.waiting[alarm["id"]] = time.monotonic()
            self._busy.add(alarm["id"])
            if group.leaders:
                return
            group.leaders += 1
        self._lead(group)

    def _lead(self, group: _Group) -> None:
        """Page for everything that waits, as long as something does."""
        self.stopped.wait(GATHER_S)
        while True:
            with self._lock:
                mine = list(group.waiting)
                group.waiting.clear()
                if not mine or self.stopped.is_set():
                    group.leaders -= 1
                    self._busy -= {*mine}
                    return
            try:
                self._settle(group, mine)
            finally:
                with self._lock:
                    self._busy -= {*mine}

    def _settle(self, group: _Group, mine: list[str]) -> None:
        while members := self._open(mine):
            answered = False
            for person, within_s in self._ladder(members[0]):
                mine += self._joined(group)
                members = self._open(mine)
                if not members or self.stopped.is_set():
                    return
                if answered := self._ask(group, members, person, within_s):
                    break
            if answered or self.stopped.wait(AGAIN_S):
                return

    def _joined(self, group: _Group) -> list[str]:
        with self._lock:
            found = list(group.waiting)
            group.waiting.clear()
        return found

    def _open(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Those that nobody answers for yet, that are not silenced and that no other watch handles; gravest first."""
        standing = {alarm["id"]: alarm for alarm in self._store.alarms(OPEN)}
        mine = [standing[each] for each in ids if each in standing and not self.silenced(standing[each])]
        return [alarm for alarm in mine if self._handling.claimed(alarm) is not None]

    def _ask(self, group: _Group, members: list[dict[str, Any]], person: str, within_s: float) -> bool:
        """Page one person about all of them; whether nobody else has to be asked."""
        asks = self._asks(members[0])
        try:
            page = self._pager().page(
                person,
                title=f"{self._system.system}: {_title(members)}",
                text="\n\n".join(self._text(alarm, titled=len(members) > 1) for alarm in members),
                action=SEEN,
                expires_s=within_s,
                choices=(TAKE, KEEP) if asks else (),
            )
        except SeatrialError as error:
            for alarm in members:
                self._handling.note(alarm, f"{person} could not be paged: {error.what}")
            return False
        together = f" about {count(len(members), 'alarm')} together" if len(members) > 1 else ""
        for alarm in members:
            self._handling.note(alarm, f"{person} was paged over {page.channel}{together}", paged=True)
        answer = self._awaited(group, members, page, within_s)
        if answer is None:
            still = self._open([alarm["id"] for alarm in members])
            for alarm in still:
                self._handling.note(alarm, f"{person} did not answer within {within_s:g} s")
            return not still
        said = f"{person} answered after {answer.after_s:.1f} s: {answer.answer or SEEN}"
        settled = True
        for alarm in members:
            current = self._handling.note(alarm, said)
            if asks and answer.answer == TAKE:
                current, proven = self._handling.take_offline(current, person)
                if not proven:
                    settled = False
                    continue
            self._handling.note(
                current, f"{person} has seen to it", state=ACKNOWLEDGED, acknowledged=self._stamp(person)
            )
        return settled

    def _awaited(
        self, group: _Group, members: Sequence[Mapping[str, Any]], page: Page, within_s: float
    ) -> Acknowledgement | None:
        """The answer; None when none came in time, or none is needed any more."""
        end = time.monotonic() + within_s
        ids = {alarm["id"] for alarm in members}
        while not self.stopped.is_set():
            remaining = end - time.monotonic()
            answer = self._pager().wait(page, timeout_s=max(0.0, min(_SLICE_S, remaining)))
            if answer is not None or remaining <= 0.0:
                return answer
            if not any(alarm["id"] in ids for alarm in self._store.alarms(OPEN)):
                return None
            self._lead_apart(group)
        return None

    def _lead_apart(self, group: _Group) -> None:
        """What has waited too long for somebody else's answer gets a page of its own."""
        with self._lock:
            oldest = min(group.waiting.values(), default=None)
            if oldest is None or time.monotonic() - oldest < JOIN_S:
                return
            group.leaders += 1
        threading.Thread(target=self._lead, args=(group,), name="alarms that waited", daemon=True).start()

    def _on_it(self, alarm: Mapping[str, Any]) -> dict[str, Any] | None:
        """An alarm of the same monitor that somebody acknowledged a short while ago."""
        if alarm["level"] != Level.PAGE:
            return None
        now = self._clock.now()
        for other in self._store.alarms(ACKNOWLEDGED):
            known = other.get("acknowledged")
            if other["monitor"] != alarm["monitor"] or known is None:
                continue
            if 0.0 <= (now - datetime.fromisoformat(known["at"])).total_seconds() <= _ON_IT_S:
                return other
        return None

    def _stamp(self, person: str) -> Mapping[str, str]:
        return {"by": person, "at": self._clock.now().isoformat()}

    def _asks(self, alarm: Mapping[str, Any]) -> bool:
        return alarm["level"] == Level.OFFLINE and self._system.watch.take_offline == "ask"

    def _ladder(self, alarm: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
        """Who is paged, one after the other, and how long each has."""
        duties = self._system.duties
        pipeline = alarm["monitor"].startswith(("heartbeat", "freshness", "latency", "inputs", "offline.")) and (
            alarm["detector"] == "silence" or alarm["level"] != Level.OFFLINE
        )
        first = duties.pipeline_alert if pipeline and duties.pipeline_alert is not None else duties.monitor
        owner = self._system.owner
        seen: set[str] = set()
        within = self._patience(first)
        rungs = [
            *((first.who, first.deputy) if first is not None else ()),
            duties.escalation_point.who if duties.escalation_point is not None else None,
            owner.who,
            owner.deputy,
        ]
        for person in rungs:
            if person is not None and person not in seen:
                seen.add(person)
                yield person, within

    def _patience(self, duty: Duty | None) -> float:
        declared = None if duty is None else duty.acknowledge_within or duty.answer_within
        return declared or self._system.owner.acknowledge_within or _PATIENCE_S

    def _text(self, alarm: Mapping[str, Any], *, titled: bool) -> str:
        runbook = self._system.watch.runbook
        help_ = next((text for name, text in runbook.items() if alarm["monitor"].startswith(name)), "")
        parts = [
            alarm["summary"] if titled else "",
            f"Since {alarm['since']}.",
            alarm["sure"] + ".",
            alarm.get("explained", ""),
            alarm.get("offline", ""),
            f"What to do: {help_}" if help_ else "",
        ]
        return "\n".join(part for part in parts if part)


def _title(members: Sequence[Mapping[str, Any]]) -> str:
    first = members[0]["summary"]
    return f"{first}, and {count(len(members) - 1, 'alarm')} more" if len(members) > 1 else str(first)
