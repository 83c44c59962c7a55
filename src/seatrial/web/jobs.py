"""Runs that were started on the site: claimed by one worker at a time, kept alive by a lease, never run twice."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from uuid import uuid4

from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from seatrial.app.drilling.schedule import claim as take
from seatrial.app.drilling.schedule import due
from seatrial.app.running.run import run
from seatrial.core.errors import SeatrialError
from seatrial.core.events import CheckFinished, CheckProgressed, CheckStarted, Event, RunFinished, RunStarted
from seatrial.core.observation import Observation
from seatrial.spec.drills import KINDS
from seatrial.web.fleet import workspace_of
from seatrial.web.models import Account, Job, Registered
from seatrial.web.reminders import EVERY_S, remind

LEASE = timedelta(seconds=30)
MOST_ATTEMPTS = 3
_IDLE_S = 0.5
_PLAN_S = 20.0
"""So often it is looked whether a planned drill is due."""


def start(system: Registered, account: Account | None, wanted: list[str]) -> Job:
    """Queue a run; one that waits or runs already is given back instead, so that a double click starts one."""
    with suppress(IntegrityError), transaction.atomic():
        return Job.objects.create(system=system, by=account, wanted=wanted)
    return Job.objects.filter(system=system, state__in=Job.OPEN).latest("created_at")


def cancel(job: Job) -> None:
    """A waiting job never starts; a running one is told to restore and stop, and is open until it has."""
    if not Job.objects.filter(pk=job.pk, state=Job.QUEUED).update(state=Job.CANCELLED, ended_at=timezone.now()):
        Job.objects.filter(pk=job.pk, state=Job.RUNNING).update(state=Job.CANCELLING)


class Worker:
    """Works off the queue until it is stopped."""

    def __init__(self, *, say: Callable[[str], None] = lambda _: None) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._say = say
        self._stopped = threading.Event()
        self._planned: float | None = None
        self._reminded: float | None = None

    def stop(self) -> None:
        """Finish what is at hand, then end."""
        self._stopped.set()

    def run(self) -> None:
        """Claim and work, one job after the other; between them look for planned drills and remind people."""
        while not self._stopped.is_set():
            try:
                self._plan()
                self._remind()
                job = claim(self.name)
            except DatabaseError as error:
                self._say(f"the queue cannot be read: {error}")
                job = None
            if job is None:
                connection.close()
                self._stopped.wait(_IDLE_S)
                continue
            self.work(job)

    def _plan(self) -> None:
        """Queue the planned drills that are due; a system that cannot be read keeps no other from its drills."""
        if self._planned is not None and time.monotonic() - self._planned < _PLAN_S:
            return
        self._planned = time.monotonic()
        for system in Registered.objects.all():
            if Job.objects.filter(system=system, state__in=Job.OPEN).exists():
                continue
            try:
                workspace = workspace_of(system)
                taken = next((each for each in due(workspace) if take(workspace, each)), None)
            except SeatrialError as error:
                self._say(f"{system.slug}: its planned drills cannot be told: {error.what}")
                continue
            if taken is not None:
                self._say(f"{system.slug}: the planned {taken.kind} drill begins")
                start(system, None, list(KINDS[taken.kind]))

    def _remind(self) -> None:
        if self._reminded is None or time.monotonic() - self._reminded > EVERY_S:
            self._reminded = time.monotonic()
            remind(self._say)

    def work(self, job: Job) -> None:
        """Do one claimed job to its end, renewing its lease meanwhile."""
        self._say(f"job {job.pk}: {job.system.slug} {' '.join(job.wanted) or 'all checks'}")
        renewing = threading.Event()
        thread = threading.Thread(target=_renew, args=(job.pk, self.name, renewing), daemon=True)
        thread.start()
        state, problem = Job.FAILED, "the worker broke down: its log says why"
        try:
            state, problem = self._follow(job), ""
        except SeatrialError as error:
            problem = f"{error.what} {error.remedy}".strip()
        except KeyboardInterrupt:
            problem = "the worker was stopped"
            raise
        finally:
            renewing.set()
            thread.join()
            Job.objects.filter(pk=job.pk, holder=self.name, state__in=(Job.RUNNING, Job.CANCELLING)).update(
                state=state, problem=problem, ended_at=timezone.now(), lease_until=None
            )
            self._say(f"job {job.pk}: {state}{': ' if problem else ''}{problem}")

    def _follow(self, job: Job) -> str:
        """Run it to its end, or until it is cancelled or no longer ours; the state in which that leaves it."""
        # A run whose worker died goes on where it was: what it observed and what still holds is kept.
        workspace = workspace_of(job.system)
        with closing(run(workspace, only=job.wanted or None, resume=job.attempts > 1)) as events:
            told = _Telling(job.pk)
            for each in events:
                told(each)
                held = Job.objects.filter(pk=job.pk, holder=self.name).values_list("state", flat=True).first()
                if held != Job.RUNNING:
                    return Job.CANCELLED
        return Job.DONE


class _Telling:
    """Writes what a run says into its job, not more often than people can read."""

    def __init__(self, job: int) -> None:
        self._job = job
        self._progress: dict[str, object] = {"checks": [], "done": {}, "doing": ""}
        self._written = 0.0

    def __call__(self, event: Event) -> None:
        progress = self._progress
        match event:
            case RunStarted(checks=checks):
                progress["checks"] = list(checks)
            case CheckStarted(check=check, title=title):
                progress["doing"] = f"{check}: {title}"
            case CheckProgressed(check=check, doing=doing):
                progress["doing"] = f"{check}: {doing}"
            case CheckFinished(check=check, result=result):
                done = dict(progress["done"])  # type: ignore[call-overload]
                done[check] = result.done if isinstance(result, Observation) else f"not determined: {result.summary}"
                progress["done"] = done
            case RunFinished():
                progress["doing"] = ""
            case _:
                return
        if time.monotonic() - self._written > 0.5 or isinstance(event, RunStarted | CheckFinished | RunFinished):
            self._written = time.monotonic()
            Job.objects.filter(pk=self._job).update(progress=progress)


def claim(worker: str) -> Job | None:
    """The oldest job that waits, or whose worker is gone: by one conditional update, so that no two hold it."""
    now = timezone.now()
    Job.objects.filter(state=Job.CANCELLING, lease_until__lt=now).update(state=Job.CANCELLED, ended_at=now)
    free = Q(state=Job.QUEUED) | Q(state=Job.RUNNING, lease_until__lt=now)
    for job in Job.objects.filter(free).order_by("created_at", "pk").select_related("system")[:5]:
        if job.attempts >= MOST_ATTEMPTS:
            Job.objects.filter(pk=job.pk, state=job.state, attempts=job.attempts).update(
                state=Job.FAILED, problem=f"its worker died {job.attempts} times", ended_at=now
            )
            continue
        claimed = Job.objects.filter(free, pk=job.pk, attempts=job.attempts).update(
            state=Job.RUNNING,
            holder=worker,
            lease_until=now + LEASE,
            attempts=models.F("attempts") + 1,
            started_at=now,
        )
        if claimed:
            return Job.objects.select_related("system").get(pk=job.pk)
    return None


def _renew(job: int, worker: str, ended: threading.Event) -> None:
    while not ended.wait(LEASE.total_seconds() / 3):
        with suppress(DatabaseError):
            Job.objects.filter(pk=job, holder=worker, state__in=(Job.RUNNING, Job.CANCELLING)).update(
                lease_until=timezone.now() + LEASE
            )
    connection.close()
