"""Procedures as checks use them: read with the trial's environment, executed as a drill, shown as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.core.check import Trial
from seatrial.core.codec import to_data
from seatrial.core.observation import Figure, Json
from seatrial.drills.journal import Entry, Journal, Phase
from seatrial.drills.rehearsal import rehearse
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import Procedure

_PARTS = {Phase.STEPS: "execute", Phase.TARGET: "verify"}


def open_procedure(trial: Trial, path: str) -> Procedure:
    """The procedure at that path. Raises SeatrialError with everything that is wrong with it."""
    return load_procedure(trial.files.read(path), name=path, environment=trial.environment).value


def drill(trial: Trial, procedure: Procedure, *, changes: bool = False) -> Journal:
    """Execute it once as a drill: whatever happens, its restore runs."""
    return drills(trial, procedure, times=1, changes=changes)[0]


def drills(trial: Trial, procedure: Procedure, *, times: int, changes: bool = False) -> tuple[Journal, ...]:
    """Up to `times` drills, ended by the first that did not succeed or did not bring back the state before.

    `changes`: the steps must change what the target looks at; a target that holds before them proves nothing.
    """

    def heard(number: int, entry: Entry) -> None:
        which = f", drill {number} of {times}" if times > 1 else ""
        trial.say(f"{procedure.procedure}{which}: {entry.name}")

    return rehearse(procedure, steps=trial.steps, clock=trial.clock, times=times, changes=changes, heard=heard)


def longest_s(procedure: Procedure) -> float:
    """Seconds that the procedure can take at most, by its own deadlines."""
    phases = (procedure.before, procedure.steps, procedure.target, procedure.restore, procedure.restored)
    return sum(step.deadline + (step.undo.deadline if step.undo else 0.0) for phase in phases for step in phase)


def durations(title: str, journals: Sequence[Journal], *, limit_s: float | None) -> Figure:
    """How long each drill took, split into doing and proving."""
    rows = tuple(
        {
            "name": f"drill {number}",
            "part": part,
            "seconds": sum(e.duration_s for e in journal.entries if e.phase is phase),
        }
        for number, journal in enumerate(journals, start=1)
        for phase, part in _PARTS.items()
    )
    return Figure(kind="durations", title=title, rows=rows, options={"limit_s": limit_s})


def recorded(journals: Sequence[Journal]) -> Json:
    """The journals as they go on record."""
    return to_data(tuple(journals))
