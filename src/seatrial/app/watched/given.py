"""Which model GO was given for, and whether it is the one that is served."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.subject import MODEL, identities_on_record
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Malformed, SeatrialError
from seatrial.core.records import Records
from seatrial.gate.retraining import is_go
from seatrial.watch.watching import Awaited

SERVED = "served"
_EVERY_S = 10.0
_LET_BE_S = 3600.0
_MISSED = 2
"""So often in a row the model must not be there before somebody is paged, once it was."""


def given_for(workspace: Workspace) -> str | None:
    """The version of the model that the last GO on record was given for; without a GO, of the one that was tried last.

    A GO that lets a pilot end carries no operations, and does not count. None where no model was ever identified.
    """
    evidence = read_ledger(workspace, quick=False).evidence
    decided = [item.record.at for item in evidence if not item.problem and is_go(item.record)]
    until = max(decided, default=None)
    before = (item for item in evidence if until is None or item.record.at <= until)
    return identities_on_record(Records(before)).versions.get(MODEL)


def served(workspace: Workspace, outside: Outside, version: str | None) -> Awaited:
    """The model that GO was given for must be there: it is asked which it is now and then, and at once at the start."""
    return Awaited(
        name=SERVED,
        words="the model as the gate knows it",
        last=_looking(workspace.clock.now, outside, version),
        within_s=0.0,
        by_arrival=False,
        let_be_s=_LET_BE_S,
    )


def same(outside: Outside, version: str | None) -> None:
    """Raises Malformed where another model is served, and whatever asking it raises."""
    now = outside.model.identity()
    if version is not None and now != version:
        raise Malformed(
            f"another model is served: the gate knows {version[:16]}, {now[:16]} is served",
            remedy="Bring back the model that the gate decided on, or try this one and let the gate decide on it.",
        )


def _looking(now: Callable[[], datetime], outside: Outside, version: str | None) -> Callable[[], float | None]:
    """When the model was last there, as far as that matters: one miss after it was is none yet."""
    asked_at, missed = -float("inf"), _MISSED
    problem: SeatrialError | None = None

    def last() -> float | None:
        nonlocal asked_at, missed, problem
        if time.monotonic() - asked_at >= _EVERY_S:
            asked_at = time.monotonic()
            try:
                same(outside, version)
                missed, problem = 0, None
            except SeatrialError as error:
                missed, problem = missed + 1, error
        if problem is not None and missed >= _MISSED:
            raise problem
        return now().timestamp()

    return last
