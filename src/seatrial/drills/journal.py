"""What a procedure really did, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from seatrial.core.observation import Json


class Phase(StrEnum):
    """The parts of a procedure, in the order in which they run."""

    BEFORE = "before"
    STEPS = "steps"
    TARGET = "target"
    UNDO = "undo"
    RESTORE = "restore"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One step as it went. `started_s` counts from the procedure's begin."""

    phase: Phase
    name: str
    kind: str
    ok: bool
    started_s: float
    duration_s: float
    output: str = ""
    value: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """One execution of a procedure.

    `succeeded` is True only when the state before held, every step was ok and the target was proven.
    `duration_s` is the way itself, from its first step to the proof of its target; None when the target was not proven.
    `restored` tells whether the state before was proven again: None when nothing was changed, or no proof is declared.
    `idle` is True when the target held before the first step: then it cannot show that the steps do anything.
    `problem` says in one sentence what went wrong, and what was done about it.
    """

    procedure: str
    started_at: datetime
    entries: tuple[Entry, ...]
    succeeded: bool
    target_proven: bool
    restored: bool | None
    duration_s: float | None
    total_s: float
    problem: str = ""
    idle: bool = False
