"""The ways in which a source's schema can be changed for the tested system, and always back again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from seatrial.core.check import Trial
from seatrial.core.disturbing import Line, LineMode, Scratch
from seatrial.core.errors import Unreachable
from seatrial.core.ports import Integration, Row
from seatrial.core.schema_change import SchemaChange, changed
from seatrial.spec.data import ScratchCopy
from seatrial.spec.procedure import Step

_AFTER_KILL_S = 2.0
"""Until the tested system read the source again, to which it was led back."""


class Way(Protocol):
    """Entered before the first change; left, it has undone the last one. Raises SeatrialError where that fails."""

    def __enter__(self) -> Self:
        """Ready."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """The source as it was."""

    def change(self, change: SchemaChange) -> None:
        """From now on the tested system meets this schema."""

    def undo(self) -> None:
        """From now on it meets the real one."""

    def met(self) -> bool:
        """Whether the tested system met the changed schema since it was changed, as far as can be seen from here."""

    def put(self, entry: Integration, record: Row) -> None:
        """Put a record in at a flow's entry, as it goes in now. Raises SeatrialError; Refused where we cannot."""


class _Restoring:
    """Undoes the last change when it is left, whatever happened."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.undo()

    def undo(self) -> None:
        """The real schema again."""

    def put(self, entry: Integration, record: Row) -> None:
        """As it is: another source than the entry changes."""
        entry.write(record)


@dataclass(slots=True)
class OnTheLine(_Restoring):
    """Answers of the source are rewritten on the line; the source itself is not touched."""

    line: Line
    _before: int = 0

    def change(self, change: SchemaChange) -> None:
        """Rewrite from now on."""
        self._before = self.line.counts().rewritten
        self.line.set(LineMode.REWRITE, change=change)

    def undo(self) -> None:
        """Pass everything as it is."""
        self.line.set(LineMode.PASS)

    def met(self) -> bool:
        """Whether an answer went on rewritten."""
        return self.line.counts().rewritten > self._before


@dataclass(slots=True)
class InACopy(_Restoring):
    """The tested system is led to a copy whose schema is altered, and back to the source.

    `entered`: flows begin at this source, so that while the copy stands in for it, records are put into the copy.
    """

    trial: Trial
    scratch: Scratch
    declared: ScratchCopy
    entered: bool = False
    _made: bool = False

    def __enter__(self) -> Self:
        if self.scratch.left_over():
            # A run before was killed: the tested system may still be led to what it left.
            self.undo()
            self.trial.clock.sleep(_AFTER_KILL_S)
        return self

    def change(self, change: SchemaChange) -> None:
        """A fresh copy; then lead the tested system to it."""
        self.undo()
        self.scratch.make(change)
        self._made = True
        self._step(self.declared.point)

    def undo(self) -> None:
        """Lead it back, then take the copy away."""
        self._made = False
        if self.scratch.left_over():
            self._step(self.declared.back)
            self.scratch.drop()

    def met(self) -> bool:
        """Who reads a table cannot be seen from here; what comes out must tell it."""
        return True

    def put(self, entry: Integration, record: Row) -> None:
        """Into the copy while it stands in for the entry."""
        if self._made and self.entered:
            self.scratch.put(record)
        else:
            entry.write(record)

    def _step(self, step: Step) -> None:
        result = self.trial.steps.run(step.kind, step.settings, timeout_s=step.deadline)
        if not result.ok:
            raise Unreachable(
                f"the step {step.name!r} failed: {result.output}", remedy="Run it by hand, and correct the declaration."
            )


@dataclass(slots=True)
class AtTheEntry(_Restoring):
    """The source pushes its records into a flow: those that are put in have the other schema."""

    _change: Callable[[Row], Row] = field(default=dict)

    def change(self, change: SchemaChange) -> None:
        """From the next record on."""
        self._change = lambda record: changed(record, change)

    def undo(self) -> None:
        """As they are."""
        self._change = dict

    def met(self) -> bool:
        """Every record that is put in has it."""
        return True

    def put(self, entry: Integration, record: Row) -> None:
        """With the changed schema."""
        entry.write(self._change(record))
