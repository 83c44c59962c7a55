"""Flows driven end to end: marked records put in at their rate, and looked for at the exit until all are found."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import takewhile
from types import TracebackType
from typing import Self

import numpy as np

from seatrial.core.check import Trial
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.ports import Integration, LoadResult, Request, Row, Stream
from seatrial.spec.integration import Flow

_AHEAD_S = 0.5
_SPARE = 50
_GRACE_LEAST_S = 2.0
_SETTLE_S = 1.0
_LOOKED_AT = 200
_LATE_LOOKED_AT = 1000
_POLL = (0.05, 0.5)
_PAUSE = 4.0
"""Between two looks lies so many times what one takes: whoever is looked at is kept busy for a fifth of the time."""
_TIMEOUT_S = 10.0
_WRITERS = 8
"""Records that may wait for one entry at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A flow ready to be driven: its marked records in order, and how each is put in (None: written, not over HTTP)."""

    flow: Flow
    records: tuple[Row, ...]
    requests: tuple[Request, ...] | None
    most_failed: int | None = None
    """Once the entry did not take more than so many, no further record is put in."""
    start: int = 0
    """Where in a range that is reserved for tests its keys begin."""
    first: int = 0
    """With which of the templates its records begin."""
    expected: int = 0
    """So many of them arrive on average."""

    @property
    def keys(self) -> list[str]:
        """The records' keys as text, in order."""
        return [str(row[self.flow.key]) for row in self.records]

    @property
    def stream(self) -> Stream | None:
        """Its open-model arrivals at the declared peak."""
        if self.requests is None:
            return None
        return Stream(
            name=self.flow.name,
            requests=self.requests,
            rate_per_s=self.flow.peak,
            timeout_s=_TIMEOUT_S,
            most_failed=self.most_failed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What became of the records that were put in, in order.

    `accepted` by the entry; `scheduled_s` since the flows began; `after_s` from the scheduled start until they were
    seen, NaN for never; all `copies` at the exit, by key, in the order in which the exit tells of them. `step_s` is the
    longest time from one look to the next.
    """

    flow: Flow
    sent: Sequence[Row]
    accepted: Sequence[bool]
    scheduled_s: Sequence[float]
    after_s: Sequence[float]
    copies: Mapping[str, Sequence[Row]]
    lag_s: Sequence[float]
    planned: int
    step_s: float
    took_s: Sequence[float] = ()
    """From the scheduled start until the entry had answered."""
    problem: str = ""
    """What the entry said to the first record that it did not take, where we wrote it ourselves."""


def spare(rate: float, duration_s: float) -> int:
    """Records enough for any number of arrivals that chance can bring."""
    expected = rate * duration_s
    return int(expected + 8.0 * expected**0.5 + _SPARE)


def patience_s(flow: Flow) -> float:
    """How long a record is looked for: its declared time, and a grace in which it is late."""
    return flow.within + max(flow.within, _GRACE_LEAST_S)


class _Lookout:
    """Looks for a lane's records at the exit, on a thread of its own, and keeps when each was first seen."""

    def __init__(self, trial: Trial, lane: Lane, exit_: Integration, patience: float) -> None:
        self.lane = lane
        self.patience_s = patience
        self.step_s = min(max(lane.flow.within / 10.0, _POLL[0]), _POLL[1])
        # Whatever may rightly be on its way, or looking would fall behind the records and call them late.
        self.most = max(_LOOKED_AT, math.ceil(lane.flow.peak * (lane.flow.within + 2.0 * self.step_s)))
        self.problem: SeatrialError | None = None
        self.seen: dict[str, float] = {}
        self.sent = len(lane.records)
        self._trial = trial
        self._exit = exit_
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.started = 0.0

    def __enter__(self) -> Self:
        self.started = self._trial.clock.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def listen(self) -> None:
        """Have the exit keep what arrives. Raises SeatrialError where it cannot."""
        self._exit.listen()

    def free(self) -> None:
        """See that keys out of a range, which is gone through in turn, do not stand at the exit since an earlier run.

        Raises Refused where some do: what stands there already would count as delivered.
        """
        flow, keys = self.lane.flow, self.lane.keys
        if flow.keys is None:
            return
        taken: list[str] = []
        for at in range(0, len(keys), _LATE_LOOKED_AT):
            taken += self._exit.observe(flow.key, keys[at : at + _LATE_LOOKED_AT])
        if taken:
            raise Refused(
                f"at {flow.to} stand records under {len(taken):,} of the keys that flows.{flow.name}.keys reserves for "
                f"tests, such as {taken[0]}: they would count as delivered by this run",
                remedy=f"Take them away there, and declare remove at the test end of {flow.to}; or reserve a larger "
                "range in which nobody else has records.",
            )

    def look(self, keys: Sequence[str]) -> Mapping[str, Sequence[Row]]:
        """Every copy of these records that is there now; what was not seen before counts as seen now."""
        found = self._exit.observe(self.lane.flow.key, keys) if keys else {}
        now = self._trial.clock.monotonic() - self.started
        for key in found:
            self.seen.setdefault(key, now)
        return found

    def waits_for(self, due: Sequence[tuple[str, float]]) -> bool:
        """Whether one of these records, latest first, was not seen yet and may still come."""
        given_up = self._trial.clock.monotonic() - self.started - self.patience_s
        return any(key not in self.seen for key, _ in takewhile(lambda pair: pair[1] > given_up, due))

    def _look(self) -> None:
        keys, oldest, turn = self.lane.keys, 0, 0
        pause_s = _POLL[0]
        try:
            while not self._stop.wait(pause_s):
                passed = self._trial.clock.monotonic() - self.started + _AHEAD_S
                due = min(
                    len(keys), int(self.lane.flow.peak * passed + 3.0 * (self.lane.flow.peak * passed) ** 0.5) + 1
                )
                due = min(due, self.sent)
                gone = self.lane.flow.peak * (passed - _AHEAD_S - self.patience_s - self.step_s)
                while oldest < due and (keys[oldest] in self.seen or oldest < gone):
                    oldest += 1
                waiting = [key for key in keys[oldest:due] if key not in self.seen]
                # Those that may be in time come first, or what was lost before would make them look late.
                newest = self.most + max(0, due - int(self.lane.flow.peak * (passed - _AHEAD_S)))
                late, timely = waiting[:-newest], waiting[-newest:]
                turn = turn if turn < len(late) else 0
                began = self._trial.clock.monotonic()
                if waiting:
                    self.look([*timely, *late[turn : turn + _LATE_LOOKED_AT]])
                turn += _LATE_LOOKED_AT
                took_s = self._trial.clock.monotonic() - began
                pause_s = min(max(_PAUSE * took_s, _POLL[0]), self.step_s)
        except SeatrialError as error:
            self.problem = error


@dataclass(slots=True)
class _Writer:
    """Puts records in one by one where the entry is not spoken to over HTTP: at their times, in their order.

    Each on a thread of its own while others still wait for the entry, or a slow one would hold the next ones up.
    """

    trial: Trial
    lane: Lane
    entry: Integration
    duration_s: float
    scheduled: list[float] = field(default_factory=list)
    lag: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    problem: str = ""
    failed: int = 0

    def __call__(self) -> None:
        random = np.random.default_rng([self.trial.seed & 0xFFFF_FFFF, len(self.lane.records)])
        count = min(int(random.poisson(self.lane.flow.peak * self.duration_s)), len(self.lane.records))
        self.scheduled = np.sort(random.uniform(0.0, self.duration_s, count)).tolist()
        self.lag, self.took, self.status = [0.0] * count, [0.0] * count, [-1] * count
        clock = self.trial.clock
        began = clock.monotonic()

        def put(at: int) -> None:
            self.lag[at] = max(0.0, clock.monotonic() - began - self.scheduled[at])
            if self.lane.most_failed is not None and self.failed > self.lane.most_failed:
                return
            try:
                self.entry.write(self.lane.records[at])
                self.status[at] = 200
            except SeatrialError as error:
                self.problem = self.problem or error.what
                self.status[at] = 0
                self.failed += 1
            self.took[at] = max(0.0, clock.monotonic() - began - self.scheduled[at])

        upcoming, turn = iter(enumerate(self.scheduled)), threading.Lock()

        def write() -> None:
            while True:
                # Whoever is free waits for the next one's time: where writing is quick, that is mostly the same thread.
                with turn:
                    at, due = next(upcoming, (-1, 0.0))
                    wait_s = began + due - clock.monotonic()
                    if at >= 0 and wait_s > 0:
                        clock.sleep(wait_s)
                if at < 0:
                    return
                put(at)

        with ThreadPoolExecutor(_WRITERS) as pool:
            for each in [pool.submit(write) for _ in range(_WRITERS)]:
                each.result()

    def result(self) -> LoadResult:
        return LoadResult(
            planned=len(self.scheduled),
            scheduled_s=self.scheduled,
            latency_s=self.took,
            lag_s=self.lag,
            status=self.status,
        )


def drive(
    trial: Trial,
    lanes: Sequence[Lane],
    *,
    beside: Sequence[Stream] = (),
    duration_s: float,
    longer_s: float = 0.0,
    settled: bool = True,
) -> tuple[dict[str, Passage], Mapping[str, LoadResult]]:
    """All lanes at once, each at its peak, for `duration_s`; then until every record is seen or given up.

    `longer_s` is for how much longer than its flow's own patience a record is looked for. Without `settled` nobody
    waits for second copies of the last records, and whoever asks for it looks `again` later, or has them `followed`.
    Also what the streams `beside` them did. Raises SeatrialError when an exit cannot be observed, or shows keys out of
    a reserved range before they were put in.
    """
    lookouts = [
        _Lookout(trial, lane, trial.integration(lane.flow.to), patience_s(lane.flow) + longer_s) for lane in lanes
    ]
    writers = {
        lane.flow.name: _Writer(trial, lane, trial.integration(lane.flow.from_), duration_s)
        for lane in lanes
        if lane.requests is None
    }
    streams = [*(lane.stream for lane in lanes if lane.stream is not None), *beside]
    threads = [threading.Thread(target=writer, daemon=True) for writer in writers.values()]
    entered: list[_Lookout] = []
    for lookout in lookouts:
        lookout.listen()
        lookout.free()
    try:
        for lookout in lookouts:
            entered.append(lookout.__enter__())
        for thread in threads:
            thread.start()
        results = dict(trial.load.run(streams, duration_s=duration_s, seed=trial.seed)) if streams else {}
        for thread in threads:
            thread.join()
        results.update({name: writer.result() for name, writer in writers.items()})
        for lookout in lookouts:
            lookout.sent = results[lookout.lane.flow.name].planned
        _wait(trial, lookouts, results)
        if settled:
            # A second copy may follow the first one.
            trial.clock.sleep(_SETTLE_S)
    finally:
        for lookout in entered:
            lookout.__exit__(None, None, None)
    said = {name: writer.problem for name, writer in writers.items()}
    passages = {
        look.lane.flow.name: _passage(look, results[look.lane.flow.name], said.get(look.lane.flow.name, ""))
        for look in lookouts
    }
    return passages, results


def _wait(trial: Trial, lookouts: Sequence[_Lookout], results: Mapping[str, LoadResult]) -> None:
    """Until all that was sent is seen, or for each record `within` and a grace have passed since it was due."""
    waiting = {look: _due(look, results[look.lane.flow.name]) for look in lookouts}
    while any(look.problem is None and look.waits_for(due) for look, due in waiting.items()):
        trial.clock.sleep(_POLL[0])


def followed(trial: Trial, passages: Mapping[str, Passage], since: float) -> dict[str, Passage]:
    """The passages with what followed each record's first copy until the time for that, counted from `since`, is over.

    What was done meanwhile took part of it. What was given up stays so, even where it came by now. Raises SeatrialError
    when an exit cannot be observed.
    """
    trial.clock.sleep(max(0.0, since + _SETTLE_S - trial.clock.monotonic()))
    found: dict[str, Passage] = {}
    for name, passage in passages.items():
        now = again(trial, passage).copies
        found[name] = replace(passage, copies={key: now[key] for key in passage.copies})
    return found


def again(trial: Trial, passage: Passage) -> Passage:
    """The passage with all copies that are there by now. Raises SeatrialError when the exit cannot be observed."""
    keys = [str(row[passage.flow.key]) for row in passage.sent]
    now = trial.integration(passage.flow.to).observe(passage.flow.key, keys) if keys else {}
    return replace(passage, copies={**passage.copies, **now})


def _due(look: _Lookout, result: LoadResult) -> list[tuple[str, float]]:
    """The records that were sent, latest first, each with when it was due."""
    pairs = zip(look.lane.keys[: result.planned], result.scheduled_s, strict=False)
    return sorted(pairs, key=lambda pair: -pair[1])


def _passage(look: _Lookout, result: LoadResult, problem: str) -> Passage:
    if look.problem is not None:
        raise look.problem
    keys = look.lane.keys[: result.planned]
    found = look.look(keys)
    after = [
        look.seen[key] - due if key in look.seen else float("nan")
        for key, due in zip(keys, result.scheduled_s, strict=False)
    ]
    return Passage(
        flow=look.lane.flow,
        sent=look.lane.records[: result.planned],
        accepted=[200 <= s < 300 for s in result.status],
        scheduled_s=list(result.scheduled_s)[: result.planned],
        after_s=after,
        copies=found,
        lag_s=result.lag_s,
        took_s=list(result.latency_s)[: result.planned],
        planned=result.planned,
        step_s=look.step_s,
        problem=problem,
    )
