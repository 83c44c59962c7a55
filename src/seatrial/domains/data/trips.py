"""One source taken away and given back: what became of the records that were due, and of the alarm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Row
from seatrial.domains.flows.accounts import differing
from seatrial.domains.flows.disturbing import Period
from seatrial.domains.flows.driving import Passage
from seatrial.spec.data import Interruption
from seatrial.spec.integration import Flow
from seatrial.spec.procedure import Step

LOOK_S = 0.2
_POLL_S = 0.1
_MOST_RESENT = 20_000


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
    alarm_s: float | None = None
    alarm_before: bool = False
    used: bool = True
    problem: str = ""
    changed: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Flows and periods in which no record was due."""

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

    @property
    def declared(self) -> bool:
        """Whether there is one to look at."""
        return self._alarm is not None

    def up(self) -> bool:
        """Whether it is up now."""
        if self._alarm is None:
            return False
        return self._trial.steps.run(self._alarm.kind, self._alarm.settings, timeout_s=self._alarm.deadline).ok

    def watched(self) -> None:
        """Look until it is up or its time is over."""
        began = self._trial.clock.monotonic()
        while self._alarm is not None and self._trial.clock.monotonic() - began < self._within_s + LOOK_S:
            if self.up():
                self.after_s = self._trial.clock.monotonic() - began
                return
            self._trial.clock.sleep(LOOK_S)


def account(trial: Trial, wanted: Interruption, trip: Trip, passage: Passage, periods: Sequence[Period]) -> None:
    """Count what became of every record of a flow, after sending again what the entry refused."""
    flow = passage.flow
    refused = [
        row
        for row, accepted in zip(passage.sent, passage.accepted, strict=True)
        if not accepted and not passage.copies.get(str(row[flow.key]))
    ]
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
    trip.changed = tuple(sorted(changed))
    unmet = {p.name for p in periods if not any(p.starts_s <= due <= p.ends_s for due in passage.scheduled_s)}
    trip.without = tuple(dict.fromkeys((*trip.without, *(f"{flow.name} {name}" for name in sorted(unmet)))))
    _catch_up(trip, passage, periods)


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


def _catch_up(trip: Trip, passage: Passage, periods: Sequence[Period]) -> None:
    """For each period, how long after its end the last record was seen that was due in it."""
    for period in periods:
        seen = [
            due + after
            for due, after in zip(passage.scheduled_s, passage.after_s, strict=True)
            if not math.isnan(after) and period.starts_s <= due <= period.ends_s
        ]
        late = max((at - period.ends_s for at in seen), default=0.0)
        trip.caught_up_s[period.name] = max(trip.caught_up_s.get(period.name, 0.0), late, 0.0)
