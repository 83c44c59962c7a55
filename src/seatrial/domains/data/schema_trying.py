"""One source after one change of its schema: what came out of the flows, who was told, and what that amounts to.

Beside the change, an answer of the source also has other values (those of another of its own records). What comes out
then tells whether the changed answer was *taken*, or thrown away while the last good one is used in silence.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

from seatrial.core.check import Trial
from seatrial.core.observation import Json
from seatrial.core.ports import Row
from seatrial.core.schema_change import ChangeKind, SchemaChange
from seatrial.domains.data.schema_ways import Way
from seatrial.domains.data.trips import LOOK_S, Alarm
from seatrial.domains.flows.same_value import same
from seatrial.domains.flows.samples import Passed, Sample, Sampler

NEW = "seatrial_new"
SETTLE_S = 0.2
_AGAIN_S = 0.05
"""What was changed back is looked at so often until all is as it was."""
LATE_S = 2.0 * LOOK_S
"""An alarm is looked for so seldom that it may have been up earlier by this much."""
_TRIGGER_S = 0.4
_PROBES = 4
_LOST = frozenset({ChangeKind.DROPPED, ChangeKind.RENAMED, ChangeKind.CODED})
"""After these the model has no value that it knows for the column."""


class Fate(StrEnum):
    """What became of one change."""

    REFUSED = "refused"
    HANDLED = "handled"
    ALTERED = "altered"
    DEFAULTED = "defaulted"
    MISSING = "missing"
    KEPT = "kept"
    UNNOTICED = "unnoticed"
    UNSEEN = "unseen"
    NOT_MET = "not met"


ABSORBED = (Fate.ALTERED, Fate.DEFAULTED, Fate.MISSING, Fate.KEPT, Fate.UNNOTICED)
"""Silently absorbed: nobody was told, or wrong records came out all the same."""
ENDED = (Fate.REFUSED, Fate.HANDLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One change and what became of it. `example` is flow, field, before and after, where something came out altered.

    `stays_up`: the alarm does not go away with the change; `recovered` is False where what comes out stays another.
    """

    change: SchemaChange
    fate: Fate
    alarm_s: float | None = None
    stays_up: bool = False
    recovered: bool = True
    example: tuple[str, str, Json, Json] | None = None


class _Watch:
    """Looks for the alarm on a thread of its own. `up_s` is when it was first seen, seconds after it began."""

    def __init__(self, trial: Trial, alarm: Alarm) -> None:
        self._trial = trial
        self._alarm = alarm
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._began = trial.clock.monotonic()
        self.up_s: float | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            if self._alarm.up():
                self.up_s = self._trial.clock.monotonic() - self._began
                return
            self._stop.wait(LOOK_S)


@dataclass(slots=True)
class Bench:
    """The flows that are watched while one source changes.

    `usual` and `expected` hold per flow what comes out of the unchanged source, with its own values and with the `held`
    ones. `fed` are the fields that the model gets from this source; `within_s` is by when the alarm must be up, None
    for any time; `longest_s` is how long one change is looked at.
    """

    trial: Trial
    way: Way
    samplers: Sequence[Sampler]
    alarm: Alarm
    fed: frozenset[str]
    within_s: float | None
    longest_s: float
    recovery_s: float
    may_be_thrown_away: bool
    """Whether a changed answer can be left unused unseen; not so where the records themselves are changed."""
    usual: list[Sample] = field(default_factory=list)
    expected: list[Sample] = field(default_factory=list)
    held: Mapping[str, Json] = field(default_factory=dict)
    _rang: bool = False
    """The alarm was up for every other values of the source, although the schema was the same."""

    @property
    def reacts(self) -> bool:
        """Whether what comes out shows which values of the source were taken."""
        return any(map(self._moved, range(len(self.samplers))))

    def sampled(self) -> list[Sample]:
        """All flows once, with records as the entry gets them now."""
        return [sampler.taken(self.way.put) for sampler in self.samplers]

    def begin(self, *, learned: bool = False) -> None:
        """What usually comes out. Fields that differ from one time to the next tell nothing: `learned` where known."""
        # The first records may find a pipeline that asks the source only when it is needed.
        self.sampled()
        self.usual = self.sampled()
        if not learned:
            # A second apart, so that what tells the time differs.
            self.trial.clock.sleep(1.0)
            self._learn(self.sampled())
        self.expected = self.usual

    def begin_with(self, unsteady: dict[str, set[str]]) -> None:
        """The same, where another source's changes may have told already which fields of these flows tell nothing."""
        names = [sampler.flow.name for sampler in self.samplers]
        for name, sampler in zip(names, self.samplers, strict=True):
            sampler.unsteady |= unsteady.get(name, set())
        self.begin(learned=all(name in unsteady for name in names))
        unsteady.update({name: sampler.unsteady for name, sampler in zip(names, self.samplers, strict=True)})

    def as_before(self) -> bool:
        """Whether, with the change undone, what comes out is again what usually does, soon enough."""
        # One look takes as long as records that never come are waited for.
        patience_s = 2.0 * sum(sampler.flow.within + 1.0 for sampler in self.samplers)
        until = self.trial.clock.monotonic() + max(self.longest_s, self.recovery_s) + patience_s
        while True:
            if all(
                all(not s.differing(a, b) and (a.out is None) == (b.out is None) for a, b in zip(now, was, strict=True))
                for s, now, was in zip(self.samplers, self.sampled(), self.usual, strict=True)
            ):
                return True
            if self.trial.clock.monotonic() > until:
                return False
            self.trial.clock.sleep(_AGAIN_S)

    def probe(self, field_: str, candidates: Sequence[Mapping[str, Json]]) -> None:
        """Find values of the source that show in what comes out, without any change of its schema."""
        for held in candidates[:_PROBES]:
            self.way.change(SchemaChange(kind=ChangeKind.NONE, field=field_, held=held))
            if not self._met():
                break
            until = self.trial.clock.monotonic() + self.longest_s
            while True:
                self.expected = self.sampled()
                good = not any(_fallen_back(s, p) for s, out in self._both(self.expected) for p in out)
                rang = self.alarm.up()
                if (self.reacts and good) or self.trial.clock.monotonic() > until or rang:
                    break
                self.trial.clock.sleep(SETTLE_S)
            self._rang = rang
            if rang:
                self._undone()
            elif self.reacts and good:
                self.held = held
                self._undone()
                return
        self.expected = self.usual
        self._undone()

    def quiet(self, field_: str) -> bool:
        """The control: whether the same schema, met in the same way and as long, brings neither alarm nor refusal.

        Else an alarm beside a changed schema is no sign that the change was seen.
        """
        if self._rang:
            return False
        self.way.change(SchemaChange(kind=ChangeKind.NONE, field=field_, held=self.held))
        if not self._met():
            # Every change tells the same.
            self.way.undo()
            return True
        clock = self.trial.clock
        until = clock.monotonic() + (self.longest_s + LATE_S if self.alarm.declared else 0.0)
        with _Watch(self.trial, self.alarm) as watch:
            while True:
                refused = any(passed.refused is not None for sample in self.sampled() for passed in sample)
                if refused or watch.up_s is not None or clock.monotonic() > until:
                    break
                clock.sleep(SETTLE_S)
        self._undone()
        return watch.up_s is None and not refused

    def _undone(self) -> None:
        self.way.undo()
        self._down()
        self.as_before()

    def tried(self, change: SchemaChange) -> Tried:
        """Change the schema, look until it is clear what comes of it, and change it back."""
        self.way.change(change)
        if not self._met():
            self.way.undo()
            return Tried(change=change, fate=Fate.NOT_MET)
        clock = self.trial.clock
        began = clock.monotonic()
        with _Watch(self.trial, self.alarm) as watch:
            while True:
                started_s = clock.monotonic() - began
                seen = self.sampled()
                fate, example = self._fate(change, seen, told=self._in_time(watch.up_s))
                # What was under way before somebody was told says nothing of what comes afterwards.
                before = watch.up_s is not None and started_s < watch.up_s
                if fate in ENDED or (clock.monotonic() - began > self.longest_s and not before):
                    break
                clock.sleep(SETTLE_S)
        self.way.undo()
        alarm_s = watch.up_s
        stays_up = alarm_s is not None and not self._down()
        # Else the next change could look as if it were taken, by what this one left.
        return Tried(
            change=change,
            fate=fate,
            alarm_s=alarm_s,
            stays_up=stays_up,
            recovered=self.as_before(),
            example=example,
        )

    def _in_time(self, up_s: float | None) -> bool:
        """Whether the alarm was up by when it has to be."""
        return up_s is not None and (self.within_s is None or up_s <= self.within_s + LATE_S)

    def _met(self) -> bool:
        """Wait until the tested system met the change; records are put in, for one that asks only then."""
        until = self.trial.clock.monotonic() + max(self.longest_s, 2.0)
        asked_at = self.trial.clock.monotonic() + _TRIGGER_S
        while not self.way.met():
            now = self.trial.clock.monotonic()
            if now > until:
                return False
            if now > asked_at:
                self.sampled()
                asked_at = self.trial.clock.monotonic() + _TRIGGER_S
            self.trial.clock.sleep(SETTLE_S / 4)
        if self.may_be_thrown_away:
            # What was fetched takes a moment until it shows; a record that is put in has its schema with it.
            self.trial.clock.sleep(SETTLE_S)
        return True

    def _down(self) -> bool:
        until = self.trial.clock.monotonic() + self.recovery_s
        while self.alarm.up():
            if self.trial.clock.monotonic() > until:
                return False
            self.trial.clock.sleep(_AGAIN_S)
        return True

    def _both(self, samples: Sequence[Sample]) -> list[tuple[Sampler, Sample]]:
        return list(zip(self.samplers, samples, strict=True))

    def _moved(self, at: int) -> bool:
        sampler = self.samplers[at]
        return any(sampler.differing(a, b) for a, b in zip(self.usual[at], self.expected[at], strict=True))

    def _learn(self, again: Sequence[Sample]) -> None:
        for sampler, one, other in zip(self.samplers, self.usual, again, strict=True):
            sampler.learn(one, other)

    def _fate(
        self, change: SchemaChange, seen: Sequence[Sample], *, told: bool
    ) -> tuple[Fate, tuple[str, str, Json, Json] | None]:
        """The worst that became of any record, and the clearest example of it."""
        fates: set[Fate] = set()
        example: tuple[str, str, Json, Json] | None = None
        for at, sampler in enumerate(self.samplers):
            for number, passed in enumerate(seen[at]):
                usual, expected = self.usual[at][number], self.expected[at][number]
                fate, fields = _record_fate(sampler, passed, usual, expected)
                if fate is Fate.DEFAULTED and change.kind is ChangeKind.CODED:
                    # What the declared fallback answers because of one value that it does not know is no lost source.
                    fate = Fate.REFUSED
                fates.add(fate)
                telling = fate in (Fate.ALTERED, Fate.DEFAULTED) and example is None
                if telling and passed.out is not None and expected.out is not None:
                    name = fields[0]
                    example = (sampler.flow.name, name, expected.out.get(name), passed.out.get(name))
        if Fate.ALTERED in fates:
            return Fate.ALTERED, example
        if told:
            return Fate.REFUSED, None
        for fate in (Fate.DEFAULTED, Fate.MISSING, Fate.KEPT):
            if fate in fates:
                return fate, example
        if Fate.REFUSED in fates:
            return Fate.REFUSED, None
        return self._fate_of_same(change), None

    def _fate_of_same(self, change: SchemaChange) -> Fate:
        """Where every record came out as it should."""
        if self.may_be_thrown_away and not self.reacts:
            return Fate.UNSEEN
        return Fate.UNNOTICED if change.kind in _LOST and change.field in self.fed else Fate.HANDLED


def _record_fate(sampler: Sampler, passed: Passed, usual: Passed, expected: Passed) -> tuple[Fate, tuple[str, ...]]:
    if passed.refused is not None:
        return Fate.REFUSED, ()
    if passed.out is None:
        return Fate.MISSING, ()
    fields = sampler.differing(expected, passed)
    if not fields:
        return Fate.HANDLED, ()
    if _fallen_back(sampler, passed):
        return Fate.DEFAULTED, fields
    return (Fate.ALTERED, fields) if sampler.differing(usual, passed) else (Fate.KEPT, fields)


def _fallen_back(sampler: Sampler, passed: Passed) -> bool:
    """Whether the record says itself that the declared fallback made it."""
    declared = sampler.flow.fallback
    return bool(declared) and passed.out is not None and all(_is(passed.out, n, v) for n, v in declared.items())


def _is(out: Row, name: str, value: Json) -> bool:
    return name in out and same(out[name], value)
