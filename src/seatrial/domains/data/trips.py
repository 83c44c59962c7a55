"""One source taken away and given back: what became of the records that were due, and of the alarm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Row
from seatrial.domains.flows.accounts import differing
from seatrial.domains.flows.disturbing import Period
from seatrial.domains.flows.driving import Passage
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.isolating import Drive
from seatrial.domains.flows.same_answers import Otherwise
from seatrial.spec.data import Interruption
from seatrial.spec.integration import Flow
from seatrial.spec.procedure import Step

LOOK_S = 0.2
_POLL_S = 0.1
_MOST_RESENT = 20_000
_SAID = 120


@dataclass(slots=True, kw_only=True)
class Trip:
    """One source taken away and given back: what became of the records, and of the alarm."""

    source: str
    n: int = 0
    lost: int = 0
    refused: int = 0
    doubled: int = 0
    altered: int = 0
    caught_up_s: dict[str, float] = field(default_factory=dict)
    """Period to the seconds after its end until its last record was seen."""
    stuck: list[str] = field(default_factory=list)
    """Flows that stayed with their fallback after the source was back."""
    untold: list[str] = field(default_factory=list)
    """Flows of which that cannot be told, because they did nothing else while it was there, or nothing was due."""
    back_at: float = 0.0
    """When the drive through its outages was over, on the monotonic clock."""
    alarm_s: float | None = None
    alarm_before: bool = False
    used: bool = True
    problem: str = ""
    changed: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Flows and periods in which no record was due."""
    alarm_said: str = ""
    """What the last look for the alarm saw instead of it."""
    felt: set[str] = field(default_factory=set)
    """Flows of which anything was refused, kept, lost or answered by a fallback in the first half of the longest
    outage."""
    asking: frozenset[str] = frozenset()
    """Flows that were seen to ask it, where there are several."""
    silent: list[str] = field(default_factory=list)
    """Flows that asked it all the time before all outages, and no more once they were over."""
    steady: bool = False
    """Whether the source was asked all the time before it went away."""
    asked_again: bool = True
    """False where the source was asked all the time before it went away, and no more after it came back."""
    otherwise: list[Otherwise] = field(default_factory=list)
    alike: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Flow to the fields of its exit whose answers were compared: the declared ones, else what looks like some."""
    isolating: Drive | None = None
    """The whole drive, where in this run it is asked what the outages do to the rest."""
    once: dict[str, list[str]] = field(default_factory=dict)
    """Flow to the keys of which one copy had arrived."""

    @property
    def slowest_s(self) -> float:
        """The longest time to catch up."""
        return max(self.caught_up_s.values(), default=0.0)


class Alarm:
    """The declared alarm, looked at."""

    def __init__(self, trial: Trial, alarm: Step | None, within_s: float | None) -> None:
        self._trial = trial
        self._alarm = alarm
        self._within_s = within_s if within_s is not None else (alarm.deadline if alarm else 0.0)
        self.after_s: float | None = None
        self.before = False
        """Whether it was up when nothing was away."""
        self.said = ""
        """What the last look saw where it was not up."""

    @property
    def declared(self) -> bool:
        """Whether there is one to look at."""
        return self._alarm is not None

    def up(self) -> bool:
        """Whether it is up now."""
        if self._alarm is None:
            return False
        seen = self._trial.steps.run(self._alarm.kind, self._alarm.settings, timeout_s=self._alarm.deadline)
        self.said = "" if seen.ok else seen.output.partition("\n")[0][:_SAID]
        return seen.ok

    def ahead(self) -> None:
        """Look while nothing is away yet, and once more where it is up: it may end by itself."""
        if self.up():
            self._trial.clock.sleep(LOOK_S)
            self.before = self.before or self.up()

    def watched(self) -> None:
        """Look until it is up or its time is over."""
        began = self._trial.clock.monotonic()
        while self._alarm is not None and self._trial.clock.monotonic() - began < self._within_s + LOOK_S:
            if self.up():
                self.after_s = self._trial.clock.monotonic() - began
                return
            self._trial.clock.sleep(LOOK_S)


def account(trial: Trial, wanted: Interruption, trip: Trip, passage: Passage, periods: Sequence[Period]) -> None:
    """Count what became of every record of a flow, after sending again what the entry refused.

    Its sender cannot know that what was refused was passed on all the same, and sends that again too.
    """
    flow = passage.flow
    refused = [row for row, accepted in zip(passage.sent, passage.accepted, strict=True) if not accepted]
    again = _resent(trial, wanted, flow, refused) if flow.resend else {}
    changed: set[str] = set(trip.changed)
    for at, row in enumerate(passage.sent):
        key = str(row[flow.key])
        copies = again.get(key) or passage.copies.get(key) or ()
        other = {f for copy in copies for f in differing(flow, row, copy)}
        changed |= other
        trip.n += 1
        if not copies:
            if passage.accepted[at] or flow.resend:
                trip.lost += 1
            else:
                trip.refused += 1
        elif other:
            trip.altered += 1
        elif len(copies) > 1:
            trip.doubled += 1
        else:
            trip.once.setdefault(flow.name, []).append(key)
    trip.changed = tuple(sorted(changed))
    unmet = {p.name for p in periods if not any(p.starts_s <= due <= p.ends_s for due in passage.scheduled_s)}
    trip.without = tuple(dict.fromkeys((*trip.without, *(f"{flow.name} {name}" for name in sorted(unmet)))))
    _catch_up(trip, passage, periods)
    if _felt(passage, max(periods, key=lambda period: period.ends_s - period.starts_s)):
        trip.felt.add(flow.name)


def look_again(trial: Trial, trip: Trip, flow: Flow) -> None:
    """Count what arrived a second time since its first copy was seen. Raises SeatrialError like `observe`."""
    keys = trip.once.get(flow.name, [])
    found = trial.integration(flow.to).observe(flow.key, keys) if keys else {}
    trip.doubled += sum(len(copies) > 1 for copies in found.values())


def _resent(trial: Trial, wanted: Interruption, flow: Flow, rows: Sequence[Row]) -> Mapping[str, Sequence[Row]]:
    """Send again what was not taken, as the real sender would, and look for it at the exit."""
    entry, exit_ = trial.integration(flow.from_), trial.integration(flow.to)
    keys = [str(row[flow.key]) for row in rows[:_MOST_RESENT]]
    for row in rows[:_MOST_RESENT]:
        try:
            entry.write(row)
        except SeatrialError:
            continue
    if not keys:
        return {}
    began = trial.clock.monotonic()
    while True:
        found = exit_.observe(flow.key, keys)
        if len(found) == len(keys) or trial.clock.monotonic() - began > wanted.catch_up + flow.within:
            return found
        trial.clock.sleep(_POLL_S)


def _felt(passage: Passage, period: Period) -> bool:
    """Whether a record due in the first half of that outage was not simply served before its end."""
    half_s = (period.starts_s + period.ends_s) / 2.0
    rows = zip(passage.sent, passage.accepted, passage.scheduled_s, passage.after_s, strict=True)
    return any(
        not accepted
        or not due + after <= period.ends_s
        or fell_back(passage.flow, passage.copies.get(str(row[passage.flow.key]), ()))
        for row, accepted, due, after in rows
        if period.starts_s < due < half_s
    )


def _catch_up(trip: Trip, passage: Passage, periods: Sequence[Period]) -> None:
    """For each period, how long after its end the last record was seen that it had held up.

    These are the records that were due in it, and those that were due afterwards and took longer than they may; what
    was due before the next one began and was seen after that is put down to the next one.
    """
    within_s = passage.flow.within
    seen = [
        (due, due + after)
        for due, after in zip(passage.scheduled_s, passage.after_s, strict=True)
        if not math.isnan(after)
    ]
    begins_s = -math.inf
    for period, following in zip_longest(periods, periods[1:]):
        next_s = math.inf if following is None else following.starts_s
        late_s = 0.0
        for due, at in seen:
            meanwhile = period.starts_s <= due <= period.ends_s
            waited = begins_s < due < next_s and period.starts_s < at and at - due > within_s
            if meanwhile or (waited and (due < period.ends_s or at <= next_s)):
                late_s = max(late_s, at - period.ends_s)
        trip.caught_up_s[period.name] = max(trip.caught_up_s.get(period.name, 0.0), late_s)
        begins_s = period.ends_s
