"""Reads and decides beside the pages: what a restart, midnight or a long chain costs is not paid by who looks."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Final

from django.db import DatabaseError, connection

from seatrial.app.drilling.history import history
from seatrial.app.folder.ledgers import KEEPING, following, head_of, is_kept, keep_up, read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.papers import slots, versions
from seatrial.app.people.training import coverage, elsewhere
from seatrial.core.bodies import (
    AcceptanceBody,
    AttestationBody,
    ComprehensionBody,
    DecisionBody,
    EventBody,
    SignOffBody,
    WithholdingBody,
)
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import GateName, RecordType
from seatrial.web.fleet import anew_each_time, look_again, look_ahead, verdict_of, workspace_of
from seatrial.web.models import Registered
from seatrial.web.seats import left_on_record

_TOLD: Final[Mapping[RecordType, type]] = {
    RecordType.ACCEPTANCE: AcceptanceBody,
    RecordType.ATTESTATION: AttestationBody,
    RecordType.COMPREHENSION: ComprehensionBody,
    RecordType.DECISION: DecisionBody,
    RecordType.EVENT: EventBody,
    RecordType.SIGN_OFF: SignOffBody,
    RecordType.WITHHOLDING: WithholdingBody,
}
EVERY_S = 30.0
"""So often all systems are looked at: whether something was put on record, and whether time changed a verdict."""

_AHEAD: Final = timedelta(seconds=4 * EVERY_S)
"""So long before the time changes a verdict, as at midnight, what it will be then is decided."""
_NEVER: Final = 2**31 - 1
_TRIED: Final = 5
"""So many systems are tried at the start until one is decided: a broken file is not, nor a chain of more entries than
`_SHORT`."""
_SHORT: Final = 300


def set_apart() -> None:
    """Have what is held for long not looked through for garbage again: that takes longer than a page may."""
    gc.collect()
    gc.freeze()


@contextmanager
def _without_full_collections() -> Iterator[None]:
    """Read what is held for long: looking through all of it for garbage stops every page, and finds none.

    What there is afterwards is set apart, unlooked at: what little garbage is among it stays.
    """
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], _NEVER)
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*before)


class Keeper:
    """Keeps all systems read and decided until it is stopped; what a page asked for comes first."""

    def __init__(self, *, say: Callable[[str], None] = lambda _: None) -> None:
        self._say = say
        self._stopped = threading.Event()
        self._told: dict[str, str] = {}

    def stop(self) -> None:
        """Finish the system at hand, then end."""
        self._stopped.set()

    def run(self) -> None:
        """Round by round, the shortest chains first."""
        with KEEPING.going_on():
            self.round()
            looked_at = time.monotonic()
            while not self._stopped.is_set():
                KEEPING.wait(max(0.0, looked_at + EVERY_S - time.monotonic()))
                if time.monotonic() - looked_at < EVERY_S:
                    self._guarded(self._serve_asked)
                else:
                    self.round(held=True)
                    looked_at = time.monotonic()

    def begin(self) -> None:
        """Decide one system, so that what this loads is there before the first page is asked for."""
        self._guarded(self._decide_one)

    def _decide_one(self) -> None:
        for system in Registered.objects.order_by("slug")[:_TRIED]:
            with suppress(SeatrialError), following(writes=False, waits=True):
                if _length(system) <= _SHORT:
                    verdict_of(system, workspace_of(system))
                    return

    def round(self, *, held: bool = False) -> None:
        """Look at every system once; only at chains that are `held`, so that those let go for others stay so."""
        self._guarded(lambda: self._look_at_all(held=held))

    def _look_at_all(self, *, held: bool) -> None:
        for system in self._shortest_first():
            self._serve_asked()
            if self._stopped.is_set():
                return
            self._keep(system, GateName.PRODUCTION_READINESS, compared=False, held=held)

    def _guarded(self, done: Callable[[], None]) -> None:
        try:
            done()
        except DatabaseError as error:
            self._say(f"the systems cannot be read: {error}")
        finally:
            connection.close()

    def _serve_asked(self) -> None:
        while not self._stopped.is_set() and (asked := KEEPING.take()) is not None:
            file, gate, compared = asked
            system = Registered.objects.filter(path=str(file)).first()
            if system is not None:
                self._keep(system, gate, compared=compared, held=False, asked=True)

    def _shortest_first(self) -> list[Registered]:
        lengths: dict[int, int] = {}
        systems = list(Registered.objects.order_by("slug"))
        with following(writes=False, waits=True):
            for system in systems:
                lengths[system.pk] = _length(system)
        return sorted(systems, key=lambda system: lengths[system.pk])

    def _keep(self, system: Registered, gate: GateName, *, compared: bool, held: bool, asked: bool = False) -> None:
        try:
            workspace = workspace_of(system, gate)
            known = is_kept(workspace)
            if held and not known:
                return
            with nullcontext() if known else _without_full_collections():
                index = keep_up(workspace, compared=compared)
            look_again(workspace)
            with following(writes=False, waits=True):
                if not index.sorted:
                    _read_through(workspace)
                left_on_record(workspace)
                if asked or compared or not index.sorted or not anew_each_time(system, workspace):
                    verdict_of(system, workspace)
                look_ahead(system, workspace, _AHEAD)
            index.is_sorted()
        except SeatrialError as error:
            problem = f"{system.slug}: {error.what}"
        else:
            problem = ""
        if problem and self._told.get(system.slug) != problem:
            self._say(problem)
        self._told[system.slug] = problem


def _read_through(workspace: Workspace) -> None:
    """Read what pages tell of the record, so that whoever looks first does not wait for that."""
    reading = read_ledger(workspace, quick=True)
    for kind, shape in _TOLD.items():
        reading.bodies(kind, shape)
    history(workspace)
    for slot in slots(workspace.system):
        versions(workspace, slot)
    # What is the matter with the questions or the user list, the page about training says.
    with suppress(SeatrialError):
        coverage(workspace)
        elsewhere(workspace)


def _length(system: Registered) -> int:
    """How many entries its chain has; 0 where that cannot be told, which is told when it is read."""
    try:
        head = head_of(workspace_of(system))
    except SeatrialError:
        return 0
    return 0 if head is None else head.sequence
