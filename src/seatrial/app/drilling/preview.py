"""What a drill would do, read from its procedures alone: nothing is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.workspace import Workspace
from seatrial.domains.allowing import not_now, not_there
from seatrial.domains.touching import longest_s, targets_of
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import GIVEN_BY_DRILLS, Procedure
from seatrial.spec.system import System

Line = tuple[str, str, str, str, float]
"""Procedure, phase, step, what it touches, and its deadline in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The steps in their order, and why the drill may not begin now; empty where it may."""

    lines: tuple[Line, ...]
    closed: tuple[str, ...]


def preview(workspace: Workspace, kind: str) -> Preview:
    """What a drill of this kind would do. Raises SeatrialError for a procedure that cannot be read."""
    system, now = workspace.system, workspace.clock.now()
    lines: list[Line] = []
    closed: dict[str, None] = {}
    for path in procedures_of(system, kind) or ("",):
        if not path:
            closed |= {why: None for why in (not_now(system, kind, now),) if why}
            continue
        environment = {**GIVEN_BY_DRILLS, **workspace.environment}
        procedure = load_procedure(LocalFiles(workspace.base).read(path), name=path, environment=environment).value
        lines += _lines(path, procedure)
        if why := not_now(system, kind, now, needs_s=longest_s(procedure)):
            closed[why] = None
        closed |= {f"{place} may not be touched by it": None for place in not_there(system, kind, procedure)}
    return Preview(lines=tuple(lines), closed=tuple(closed))


def procedures_of(system: System, kind: str) -> tuple[str, ...]:
    """The procedures that a drill of this kind carries out; none for a page and an outage."""
    named: dict[str, list[str | None]] = {
        "rollback": [system.rollback.procedure if system.rollback else None],
        "offline": [system.governance.offline],
        "stop": [system.owner.stop],
        "escalation": [system.escalation.procedure],
        "fallback": [w.fallback.procedure for w in system.workflows.values() if w.fallback],
    }
    return tuple(dict.fromkeys(path for path in named.get(kind, []) if path))


def _lines(path: str, procedure: Procedure) -> Iterator[Line]:
    for phase, steps in (
        ("before", procedure.before),
        ("steps", procedure.steps),
        ("target", procedure.target),
        ("restore", procedure.restore),
        ("restored", procedure.restored),
        ("armed", procedure.armed),
    ):
        for step in steps:
            yield path, phase, step.name, ", ".join(targets_of(step)), step.deadline
            if step.undo is not None:
                yield path, "undo", step.undo.name, ", ".join(targets_of(step.undo)), step.undo.deadline
