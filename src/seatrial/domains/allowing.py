"""Whether a drill may be held now, on what it would touch: asked before every single one, whoever starts it."""

from __future__ import annotations

from datetime import datetime

from seatrial.core.check import Trial
from seatrial.core.errors import Refused
from seatrial.domains.touching import longest_s, touches
from seatrial.spec.procedure import Procedure
from seatrial.spec.system import System


def not_now(system: System, kind: str, now: datetime, *, needs_s: float = 0.0) -> str:
    """Why this kind of drill may not be held now, in a sentence that says when it may; empty where it may."""
    opening = system.drills.opening(kind)
    if opening is None:
        return ""
    left_s = opening.left_s(now)
    if left_s > needs_s:
        return ""
    windows = ", ".join(system.drills.plan(kind).windows)
    if left_s > 0.0:
        return (
            f"the {kind} drill may take {needs_s:.0f} s by its deadlines, and its window ({windows} "
            f"{system.drills.time_zone}) closes in {left_s:.0f} s"
        )
    return (
        f"the {kind} drill may be held {windows} ({system.drills.time_zone}); it may next from "
        f"{opening.next_opening(now).isoformat(timespec='minutes')}"
    )


def not_there(system: System, kind: str, procedure: Procedure) -> tuple[str, ...]:
    """What the procedure would touch although drills of this kind may not; empty where it may touch all of it."""
    allowed = system.drills.plan(kind).on
    if allowed is None:
        return ()
    return tuple(place for place in touches(procedure) if place not in allowed and _host(place) not in allowed)


def _host(place: str) -> str:
    host, colon, port = place.rpartition(":")
    return host if colon and port.isdigit() else place


def allow(system: System, trial: Trial, kind: str, procedure: Procedure | None = None) -> None:
    """Raises Refused where this drill may not be held now, or not on what its procedure would touch."""
    needs_s = 0.0 if procedure is None else longest_s(procedure)
    if why := not_now(system, kind, trial.clock.now(), needs_s=needs_s):
        raise Refused(why, remedy=f"Hold it then, or agree on other times and declare them in drills.{kind}.windows.")
    outside = () if procedure is None else not_there(system, kind, procedure)
    if outside:
        raise Refused(
            f"{procedure.procedure if procedure else kind} would touch {', '.join(outside)}, where no {kind} drill "
            "may be held",
            remedy=f"Agree with whoever runs it, and add it to drills.{kind}.on; or correct the procedure.",
        )
