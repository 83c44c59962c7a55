"""One run: starts what may start, listens to what runs, and says what happens as events."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from seatrial.core.events import (
    CheckFinished,
    CheckProgressed,
    CheckStarted,
    Event,
    RunFinished,
    RunStarted,
    StageFinished,
    StageStarted,
)
from seatrial.core.observation import Observation, Reason
from seatrial.core.ports import Clock
from seatrial.engine.interruption import Interruption
from seatrial.engine.job import Job, Redact, Result, Why
from seatrial.engine.nursery import Nursery, NurseryLost
from seatrial.engine.plan import Plan, Work

_LOOK_S = 0.1
"""How often time and memory are looked at."""
_MIB = 1024 * 1024
_KILL_AT = 1.25
"""What grows beyond the limit by this factor may not even restore: the machine would go down with it."""
_MOST_LOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A check that ended, as it should go on record."""

    work: Work
    result: Observation | Reason
    seed: int
    at: datetime
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What went on record: the digest of the record, and the result as it stands there."""

    record: str
    result: Observation | Reason


Keep = Callable[[Finished], Kept]
"""Puts a finished check on record. What it raises ends the run."""


def _generous_memory() -> int:
    """Half of what the machine has, and at least one GiB."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(physical // 2, 1024 * _MIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """How much of this machine a run may take. `memory_bytes` is for each check, its direct children included."""

    parallel: int = field(default_factory=lambda: max(1, os.cpu_count() or 1))
    memory_bytes: int = field(default_factory=_generous_memory)


def run(
    plan: Plan,
    *,
    keep: Keep,
    clock: Clock,
    open_nursery: Callable[[], Nursery],
    resources: Resources | None = None,
    redact: Redact = str,
) -> Generator[Event, None, None]:
    """The events of the run, while it runs.

    Whatever a check does, the run goes on and the check ends as an observation or a reason on record. When the
    iterator is closed early, or a person interrupts it, everything that was started restores and ends first.
    """
    begun = time.monotonic()
    yield RunStarted(
        run=plan.run,
        system=plan.system,
        at=clock.now(),
        checks=tuple(work.id for work in plan.checks),
        kept=plan.kept,
    )
    with Interruption() as interruption:
        runner = _Runner(
            plan,
            interruption,
            open_nursery=open_nursery,
            keep=keep,
            clock=clock,
            resources=resources or Resources(),
            redact=redact,
        )
        try:
            yield from runner.events()
        finally:
            runner.close()
    yield RunFinished(run=plan.run, duration_s=time.monotonic() - begun, interrupted=interruption.count > 0)


class _Runner:
    """The state of a run: what waits, what runs, and which stages ended how."""

    def __init__(
        self,
        plan: Plan,
        interruption: Interruption,
        *,
        open_nursery: Callable[[], Nursery],
        keep: Keep,
        clock: Clock,
        resources: Resources,
        redact: Redact,
    ) -> None:
        self._plan = plan
        self._interruption = interruption
        self._answered_to = 0
        self._open_nursery = open_nursery
        self._lost = 0
        self._keep = keep
        self._clock = clock
        self._resources = resources
        self._redact = redact
        first = [work for work in plan.checks if work.before_traffic and not work.needs]
        self._waiting: list[Work] = [*first, *plan.stages, *(work for work in plan.checks if work not in first)]
        self._running: dict[int, Job] = {}
        self._numbers = 0
        self._stages: dict[str, Reason | None] = {}
        self._said: list[Event] = []
        self._selector = selectors.DefaultSelector()
        self._nursery = open_nursery()
        self._selector.register(self._nursery.line, selectors.EVENT_READ, None)

    def events(self) -> Iterator[Event]:
        """Everything that happens until nothing waits and nothing runs."""
        while self._waiting or self._running:
            try:
                yield from self._turn()
            except NurseryLost as lost:
                yield from self._recover(lost)

    def close(self) -> None:
        """Let go of whoever still runs; they restore and end, and this waits for it."""
        for job in self._running.values():
            job.close()
        self._nursery.close()
        self._selector.close()

    def _turn(self) -> Iterator[Event]:
        if self._interruption.count > self._answered_to:
            self._interrupt()
        yield from self._start_what_may()
        self._listen()
        yield from self._take_said()
        yield from self._news()
        self._look_after()

    def _recover(self, lost: NurseryLost) -> Iterator[Event]:
        """The zygote died, and those that it started cannot be reported on. The others get a new one, a few times."""
        reason = Reason(code="not-started", summary=lost.what, remedy=lost.remedy)
        running = list(self._running.values())
        self._running.clear()
        for job in running:
            self._forget(job)
            job.abandon()
            yield from self._conclude(job.work, reason, seed=job.seed, at=job.at, duration_s=job.duration_s)
        self._lost += 1
        if self._lost > _MOST_LOST:
            waiting, self._waiting = self._waiting, []
            for work in waiting:
                yield from self._conclude(work, reason, seed=self._plan.seed_of(work))
            return
        self._selector.unregister(self._nursery.line)
        self._nursery.close()
        self._nursery = self._open_nursery()
        self._selector.register(self._nursery.line, selectors.EVENT_READ, None)

    def _interrupt(self) -> None:
        """The first time, everybody may restore; the second time nobody may."""
        self._answered_to = self._interruption.count
        self._waiting.clear()
        for job in self._running.values():
            if job.stopped_for or self._answered_to > 1:
                self._kill(job)
            elif job.result is None:
                self._stop(job, "interrupted")

    def _start_what_may(self) -> Iterator[Event]:
        while work := self._next():
            self._waiting.remove(work)
            yield _started(work)
            if problem := self._missing(work):
                yield from self._conclude(work, problem, seed=self._plan.seed_of(work))
            else:
                self._start(work)

    def _next(self) -> Work | None:
        """The first that may start now. What must wait holds back what could not run beside it, so that its turn comes.

        While something runs that is alone at the tested system, what only reads is not held back: there it disturbs
        nobody, and else it would take time of its own.
        """
        running = [job.work for job in self._running.values()]
        if len(running) >= self._resources.parallel or any(work.alone for work in running):
            return None
        beside_system = any(work.alone_at_system for work in running)
        waiting: list[Work] = []
        for work in self._waiting:
            if any(stage.id in work.needs for stage in self._unfinished_stages()):
                continue
            held = any(not _side_by_side(work, earlier) for earlier in waiting)
            free = not held or (work.only_reads and beside_system)
            if free and all(_side_by_side(work, other) for other in running):
                return work
            waiting.append(work)
        return None

    def _unfinished_stages(self) -> Sequence[Work]:
        return [stage for stage in self._plan.stages if stage.id not in self._stages]

    def _missing(self, work: Work) -> Reason | None:
        """Why a stage that it needs did not do its work."""
        return next((reason for stage in work.needs if (reason := self._stages.get(stage))), None)

    def _start(self, work: Work) -> None:
        self._numbers += 1
        job = Job(self._numbers, work, self._plan.seed_of(work), at=self._clock.now(), redact=self._redact)
        self._running[job.number] = job
        job.hand_over(self._nursery.start)
        self._selector.register(job.sock, selectors.EVENT_READ, job)
        self._selector.register(job.output, selectors.EVENT_READ, job)

    def _listen(self) -> None:
        nearest = min((job.deadline for job in self._running.values()), default=0.0)
        timeout = min(_LOOK_S, max(nearest - time.monotonic(), 0.0)) if self._running else 0.0
        for key, _ in self._selector.select(timeout):
            job: Job | None = key.data
            if job is None:
                continue
            if key.fileobj == job.output:
                self._overhear(job)
            else:
                self._hear(job)

    def _hear(self, job: Job) -> None:
        def say(doing: str, share: float | None) -> None:
            self._said.append(CheckProgressed(check=job.work.id, doing=doing, share=share))

        if not job.listen(say) and job.sock in self._selector.get_map():
            self._selector.unregister(job.sock)

    def _overhear(self, job: Job) -> None:
        if not job.overhear() and job.output in self._selector.get_map():
            self._selector.unregister(job.output)

    def _take_said(self) -> Iterator[Event]:
        said, self._said = self._said, []
        yield from said

    def _news(self) -> Iterator[Event]:
        """Who has begun, who has ended."""
        for message in list(self._nursery.news()):
            if "started" in message:
                self._running[message["started"]].begin(message["pid"])
                continue
            job = self._running.pop(message["ended"])
            self._hear(job)
            self._overhear(job)
            self._forget(job)
            yield from self._take_said()
            result = job.end(message["status"])
            if result is not None:
                yield from self._conclude(job.work, result, seed=job.seed, at=job.at, duration_s=job.duration_s)

    def _forget(self, job: Job) -> None:
        for source in (job.sock, job.output):
            if source in self._selector.get_map():
                self._selector.unregister(source)

    def _conclude(
        self, work: Work, result: Result, *, seed: int, at: datetime | None = None, duration_s: float = 0.0
    ) -> Iterator[Event]:
        if not work.requirement:
            problem = result if isinstance(result, Reason) else None
            self._stages[work.id] = problem
            yield StageFinished(stage=work.id, duration_s=duration_s, problem=problem.summary if problem else "")
            return
        told = _judgeable(result)
        kept = self._keep(
            Finished(work=work, result=told, seed=seed, at=at or self._clock.now(), duration_s=duration_s)
        )
        yield CheckFinished(
            check=work.id,
            requirement=work.requirement,
            duration_s=duration_s,
            result=kept.result,
            record=kept.record,
        )

    def _look_after(self) -> None:
        """Stop who is over time or over memory; kill who was stopped and does not end."""
        now = time.monotonic()
        for job in self._running.values():
            memory = job.resident_bytes()
            if memory > _KILL_AT * self._resources.memory_bytes:
                job.stopped_for = job.stopped_for or "out-of-memory"
                self._kill(job)
            elif now >= job.deadline:
                if job.stopped_for or job.result is not None:
                    self._kill(job)
                else:
                    self._stop(job, "timed-out")
            elif memory > self._resources.memory_bytes and job.stopped_for is None:
                self._stop(job, "out-of-memory")

    def _stop(self, job: Job, why: Why) -> None:
        job.stop(why)
        self._nursery.terminate(job.number)

    def _kill(self, job: Job) -> None:
        job.kill()
        self._nursery.kill(job.number)


def _side_by_side(one: Work, other: Work) -> bool:
    """Whether neither disturbs the other."""
    if one.alone or other.alone:
        return False
    at_system = (not work.only_reads for work in (one, other))
    return not ((one.alone_at_system or other.alone_at_system) and all(at_system))


def _started(work: Work) -> Event:
    if not work.requirement:
        return StageStarted(stage=work.id, title=work.title)
    return CheckStarted(check=work.id, requirement=work.requirement, title=work.title, budget_s=work.budget_s)


def _judgeable(result: Result) -> Observation | Reason:
    if isinstance(result, Observation | Reason):
        return result
    return Reason(
        code="not-an-observation",
        summary="The check returned plain data, which is neither an observation nor a reason.",
    )
