"""The drills that begin by themselves: when each is due, drawn or planned, and that none begins twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from seatrial.app.drilling.history import Held, history
from seatrial.app.folder.ledgers import keystore, known, open_ledger, read_ledger, record
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.one_at_a_time import under_way
from seatrial.app.running.run import run
from seatrial.core.bodies import EventBody
from seatrial.core.events import Event
from seatrial.core.vocabulary import RecordType
from seatrial.spec.drills import KINDS
from seatrial.spec.system import System
from seatrial.spec.window import Opening

Draw = Callable[[str], float]
BEGUN = "drill-begun"
DRAWN = frozenset({"page"})
"""Kinds that come unannounced."""
_GRACE = timedelta(minutes=10)
"""A drawn time that nobody was there to keep is given up after so long: else it would come when a program starts."""
_MOST_OPENINGS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A drill that is to begin now. `slot` is its place in the plan: nothing begins twice in one."""

    kind: str
    slot: str


def due(workspace: Workspace, now: datetime | None = None) -> tuple[Due, ...]:
    """The planned drills whose time has come, none while another run disturbs the system. Raises SeatrialError."""
    system = workspace.system
    planned = [kind for kind in KINDS if system.drills.plan(kind).every is not None]
    if not planned:
        return ()
    now = now or workspace.clock.now()
    open_now = {kind: opening for kind in planned if (opening := system.drills.opening(kind)) and opening.is_open(now)}
    if not open_now or under_way(workspace):
        return ()
    held = history(workspace)
    begun = _begun(workspace)
    secret = keystore(workspace).worker()
    found = []
    for kind, opening in open_now.items():
        slot = slot_at(system, kind, opening, held[kind], now, draw=lambda text: _share(secret.sign(text.encode())))
        if slot is not None and slot not in begun:
            found.append(Due(kind=kind, slot=slot))
    return tuple(found)


def slot_at(
    system: System,
    kind: str,
    opening: Opening,
    held: Sequence[Held],
    now: datetime,
    *,
    draw: Draw,
) -> str | None:
    """The slot in which a drill of this kind begins at `now`; None where its time has not come. Pure.

    `draw` turns a text into a number from 0 to 1, the same every time, which nobody without the worker's key can tell.
    """
    every = timedelta(seconds=system.drills.plan(kind).every or 0.0)
    began = opening.began(now)
    last = held[-1].at if held else None
    slot = f"{kind} {began.isoformat()}"
    if last is not None and last >= began:
        return None
    if kind not in DRAWN:
        return slot if last is None or now >= last + every else None
    if last is not None and began < _drawn_opening(opening, last, every, draw):
        return None
    length_s = (opening.left_s(began) or 0.0) - _answer_s(system)
    at = began + timedelta(seconds=max(0.0, length_s) * draw(slot))
    return slot if at <= now < at + _GRACE else None


def _drawn_opening(opening: Opening, last: datetime, every: timedelta, draw: Draw) -> datetime:
    """The opening that was drawn among those of the second half of the time within which it must come."""
    openings = list(_openings(opening, last + every / 2, last + every))
    if not openings:
        return last + every / 2
    return openings[min(int(draw(f"opening after {last.isoformat()}") * len(openings)), len(openings) - 1)]


def _openings(opening: Opening, first: datetime, until: datetime) -> Iterator[datetime]:
    at = first
    for _ in range(_MOST_OPENINGS):
        try:
            at = opening.next_opening(at)
        except ValueError:
            return
        if at > until:
            return
        yield at


def _answer_s(system: System) -> float:
    """How long before the end of a window a page must come to be answered in it."""
    duty = system.duties.pipeline_alert
    return (duty.acknowledge_within if duty else None) or 0.0


def _share(signature: bytes) -> float:
    """A number from 0 to 1 out of a signature, which is the same every time and known to the key's holder alone."""
    return int.from_bytes(hashlib.sha256(signature).digest()[:8], "big") / 2**64


def _begun(workspace: Workspace) -> dict[str, str]:
    """Slot to the digest of the first record that took it."""
    taken: dict[str, str] = {}
    for evidence in read_ledger(workspace, quick=True).of(RecordType.EVENT):
        body = evidence.record.body
        if body.get("kind") != BEGUN:
            continue
        detail = body.get("detail")
        if isinstance(detail, dict):
            taken.setdefault(str(detail.get("slot")), evidence.digest)
    return taken


def claim(workspace: Workspace, wanted: Due) -> bool:
    """Take the slot for this program: True for exactly one of all that try, also after a restart.

    The ledger puts all records in one order; whoever stands first in it has the slot. A drill that broke off is not
    begun again in its slot.
    """
    if wanted.slot in _begun(workspace):
        return False
    signer = known(workspace, keystore(workspace).worker())
    body = EventBody(
        kind=BEGUN,
        summary=f"The planned {wanted.kind} drill begins.",
        revokes=False,
        detail={"drill": wanted.kind, "slot": wanted.slot},
    )
    with open_ledger(workspace) as ledger:
        mine = record(ledger, signer, workspace, RecordType.EVENT, body)
    return _begun(workspace).get(wanted.slot) == mine.digest


def hold(workspace: Workspace, kind: str) -> Iterator[Event]:
    """Hold a drill of this kind now, as the run of its checks. Raises SeatrialError."""
    return run(workspace, only=list(KINDS[kind]))
