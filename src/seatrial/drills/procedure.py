"""Executes a declared procedure: proof, steps, proof, and a restore that always runs.

The order: the state before is proven; the steps run, each to its deadline; the target is proven; after a failure or an
interruption the steps that had begun are undone in reverse; a drill is then restored, and that is proven too. What is
killed outright leaves a trace, from which the same way home is taken afterwards.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

from seatrial.core.errors import SeatrialError
from seatrial.core.ports import Clock, DrillTrace, StepResult, Steps
from seatrial.drills.journal import Entry, Journal, Phase
from seatrial.spec.procedure import LOOKING, Procedure, Step

_MOST_SAID: Final = 200
_SERVED: Final = frozenset({Phase.TARGET, Phase.RESTORED})
_LOOKS: Final = 8
"""So often a proof over HTTP is looked at again: of two replicas that answer by chance, one is missed once in 256."""
_REST_S: Final = 0.2
"""Between looks that differ, or replicas that take their time would be asked as fast as they answer."""
_LEAST_LEFT_S: Final = 0.05
_THERE: Final = frozenset({Phase.BEFORE, Phase.STEPS, Phase.TARGET})


def _unheard(_: Entry) -> None:
    return


def execute(
    procedure: Procedure,
    *,
    steps: Steps,
    clock: Clock,
    drill: bool = True,
    changes: bool = False,
    keep: bool = False,
    heard: Callable[[Entry], None] = _unheard,
    trace: DrillTrace | None = None,
) -> Journal:
    """Run it once; `heard` gets every entry as it happens, `trace` every step before it begins.

    A `drill` ends where it began: its restore always runs. Without `drill` a success stays, and a failure is undone;
    with `keep` it is not: half stopped is safer than running, where the steps are there to stop something.
    With `changes` the target must not hold before the first step; else no step runs and the journal is `idle`.
    An interruption (Ctrl-C, SIGTERM, any exception) stops the way there, never the way home: it is raised again when
    the system is restored, with the outcome as a note.
    """
    run = _Run(procedure, steps, clock, heard, trace)
    with _interruptions() as gate:
        return run.execute(gate, drill=drill, changes=changes, keep=keep)


def go_home(
    procedure: Procedure,
    *,
    begun: Sequence[str],
    steps: Steps,
    clock: Clock,
    heard: Callable[[Entry], None] = _unheard,
) -> Journal:
    """The way home of a drill that was killed: its steps that had begun are undone in reverse, then it is restored.

    `begun` names them in their order; the last may be half done, and is undone too. Nothing interrupts it.
    """
    run = _Run(procedure, steps, clock, heard)
    with _interruptions() as gate:
        gate.shut()
        return run.go_home(begun)


def target_holds(procedure: Procedure, steps: Steps) -> bool:
    """Whether every part of the target holds now: one look each, without waiting, and nobody is asked."""
    return all(_holds(proof, steps) for proof in procedure.target)


def _holds(proof: Step, steps: Steps) -> bool:
    kind, settings = str(proof.kind), proof.settings
    if kind == "wait-until":
        inner = [(name, settings[name]) for name in settings if name != "every"]
        kind, settings = inner[0] if len(inner) == 1 else ("ask", {})
    if kind in ("ask", "message") or not isinstance(settings, dict):
        return False
    try:
        return steps.run(kind, settings, timeout_s=proof.deadline).ok
    except SeatrialError:
        return False


class _Run:
    def __init__(
        self,
        procedure: Procedure,
        steps: Steps,
        clock: Clock,
        heard: Callable[[Entry], None],
        trace: DrillTrace | None = None,
    ) -> None:
        self._trace = trace
        self._procedure = procedure
        self._steps = steps
        self._clock = clock
        self._heard = heard
        self._entries: list[Entry] = []
        self._begun: list[Step] = []
        self._began = clock.monotonic()
        self._began_at = clock.now()
        self._changed = False
        self._idle = False
        self._looking_s = 0.0

    def execute(self, gate: _Gate, *, drill: bool, changes: bool, keep: bool) -> Journal:
        arrived = False
        try:
            problem, duration_s = self._go(changes=changes)
            gate.shut()
            arrived = True
        finally:
            if not arrived:
                gate.shut()
                self._return_interrupted(drill=drill, keep=keep)
        restored, after = self._return(drill=drill, failed=bool(problem) and not keep)
        return Journal(
            procedure=self._procedure.procedure,
            started_at=self._began_at,
            entries=tuple(self._entries),
            succeeded=duration_s is not None,
            target_proven=duration_s is not None,
            restored=restored,
            duration_s=duration_s,
            total_s=self._clock.monotonic() - self._began,
            problem="; ".join(part for part in (problem, after) if part),
            idle=self._idle,
        )

    def _return_interrupted(self, *, drill: bool, keep: bool) -> None:
        error = sys.exception()
        _, after = self._return(drill=drill, failed=not keep)
        if error is not None:
            error.add_note(f"{self._procedure.procedure} was interrupted{'; ' if after else ''}{after}")

    def _go(self, *, changes: bool) -> tuple[str, float | None]:
        problem = self._prove(Phase.BEFORE, self._procedure.before, "the state before does not hold")
        if problem:
            return problem, None
        if changes and target_holds(self._procedure, self._steps):
            self._idle = True
            return "the target holds before the first step, so it cannot show that the steps do anything", None
        started = self._clock.monotonic() - self._looking_s
        problem = self._walk() or self._prove(Phase.TARGET, self._procedure.target, "the target is not proven")
        return problem, None if problem else self._clock.monotonic() - started - self._looking_s

    def _walk(self) -> str:
        for step in self._procedure.steps:
            if self._trace is not None:
                self._trace.starting(step.name)
            self._changed = True
            self._begun.append(step)
            entry = self._step(Phase.STEPS, step)
            if not entry.ok:
                return f"step {step.name!r} failed: {_said(entry.output)}"
        return ""

    def _ran(self, kind: str, settings: Mapping[str, Any], timeout_s: float) -> StepResult:
        try:
            return self._steps.run(kind, settings, timeout_s=timeout_s)
        except SeatrialError as error:
            return StepResult(ok=False, duration_s=0.0, output=error.what)

    def _looked_again(self, proof: Step, first: StepResult, until_s: float) -> tuple[StepResult, float]:
        """The same look over new connections, since one of several replicas may hold what another does not.

        Also how long it took since the proof last held: that is ours, and not of the way. A proof that waits goes on
        waiting; once a look differed, only as many in a row as there should be are believed. None is begun for which
        no time is left.
        """
        look, result, differed, looks = _look_of(proof), first, None, 0
        longest_s, held_at = max(first.duration_s, _LEAST_LEFT_S), self._clock.monotonic()
        while look is not None and looks < _LOOKS and until_s - self._clock.monotonic() > 2.0 * longest_s:
            more = self._ran("http", look, until_s - self._clock.monotonic())
            looks, longest_s = looks + 1, max(longest_s, more.duration_s)
            if more.ok:
                continue
            told = f"it held, and not when looked at again over another connection\n{more.output}"
            differed = StepResult(ok=False, duration_s=more.duration_s, output=told, value=more.value)
            left_s = until_s - self._clock.monotonic()
            if proof.kind != "wait-until" or left_s <= 2.0 * longest_s:
                break
            rest_s = min(_REST_S, left_s / 4.0)
            self._clock.sleep(rest_s)
            result, looks = self._ran(proof.kind, proof.settings, left_s - rest_s), 0
            held_at = self._clock.monotonic()
            if not result.ok:
                break
        if differed is not None and looks < _LOOKS:
            return differed, 0.0
        return result, self._clock.monotonic() - held_at

    def _prove(self, phase: Phase, proofs: Sequence[Step], what: str) -> str:
        for proof in proofs:
            entry = self._step(phase, proof, again=phase in _SERVED)
            if not entry.ok:
                return f"{what}: {proof.name!r}: {_said(entry.output)}"
        return ""

    def go_home(self, begun: Sequence[str]) -> Journal:
        """The way home alone, for a run of which only the steps that had begun are known."""
        self._begun = [step for step in self._procedure.steps if step.name in begun]
        self._changed = True
        restored, said = self._return(drill=True, failed=True)
        return Journal(
            procedure=self._procedure.procedure,
            started_at=self._began_at,
            entries=tuple(self._entries),
            succeeded=False,
            target_proven=False,
            restored=restored,
            duration_s=None,
            total_s=self._clock.monotonic() - self._began,
            problem=f"it was killed after {', '.join(begun)} had begun; {said}",
        )

    def _return(self, *, drill: bool, failed: bool) -> tuple[bool | None, str]:
        """Home where that is asked for; the trace ends once nothing is left to restore, or nothing shall be."""
        restored, said = self._walk_home(drill=drill, failed=failed)
        if self._trace is not None and restored is not False:
            self._trace.home()
        return restored, said

    def _walk_home(self, *, drill: bool, failed: bool) -> tuple[bool | None, str]:
        if not self._changed or not (drill or failed):
            return None, ""
        said = []
        wrong = []
        undoing = failed or not self._procedure.restore
        undos = [step.undo for step in reversed(self._begun) if step.undo is not None] if undoing else []
        for phase, way in ((Phase.UNDO, undos), (Phase.RESTORE, self._procedure.restore)):
            # Every step of the way home runs, whatever became of the one before: half restored is better than not.
            failures = [step.name for step in way if not self._step(phase, step).ok]
            if way:
                said.append(f"{phase} ran")
            wrong += [f"{phase} step {name!r} failed" for name in failures]
        unproven = self._prove(Phase.RESTORED, self._procedure.restored, "the state before is not restored")
        if unproven:
            wrong.append(unproven)
        if wrong:
            return False, "; ".join(wrong)
        if not self._procedure.restored:
            return None, "; ".join([*said, "nothing proves that the state before is restored"])
        return True, "it was restored" if failed else ""

    def _step(self, phase: Phase, step: Step, *, again: bool = False) -> Entry:
        started = self._clock.monotonic()
        result = self._ran(step.kind, step.settings, step.deadline)
        looking_s = 0.0
        if result.ok and again:
            result, looking_s = self._looked_again(step, result, started + step.deadline)
        self._looking_s += looking_s
        duration_s = self._clock.monotonic() - started - looking_s
        late = duration_s > step.deadline
        output = result.output
        if result.ok and late:
            output = f"it took {duration_s:.1f} s, longer than its deadline of {step.deadline:g} s\n{output}"
        entry = Entry(
            phase=phase,
            name=step.name,
            kind=step.kind,
            ok=result.ok and not late,
            started_s=started - self._began,
            duration_s=duration_s,
            output=output,
            value=result.value,
        )
        self._entries.append(entry)
        told_at = self._clock.monotonic()
        if phase in _THERE:
            self._heard(entry)
        else:
            # A listener that is gone must not keep the system from being restored.
            with suppress(OSError, ValueError, SeatrialError):
                self._heard(entry)
        # Whoever listens may look for himself at what was proven: that is not of the way either.
        self._looking_s += self._clock.monotonic() - told_at
        return entry


def _look_of(step: Step) -> Mapping[str, Any] | None:
    """The one HTTP look of a proof, over a connection of its own; None where it is something else."""
    inner = step.settings.get("http") if step.kind == "wait-until" else step.settings if step.kind == "http" else None
    if not isinstance(inner, Mapping) or str(inner.get("method", "GET")).upper() not in LOOKING:
        return None
    headers = inner.get("headers")
    return {**inner, "headers": {**(headers if isinstance(headers, Mapping) else {}), "Connection": "close"}}


def _said(output: str) -> str:
    """What went wrong, and the last thing that the step printed: its error, or the question that nobody answers."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return "it said nothing"
    return lines[0] if len(lines) == 1 else f"{lines[0]}: {lines[-1][:_MOST_SAID]}"


class _Gate:
    """Lets one interruption through while it is open; shut, it keeps them for later."""

    def __init__(self) -> None:
        self._open = True
        self.waiting: list[int] = []

    def shut(self) -> None:
        """From here on nothing is interrupted."""
        self._open = False

    def __call__(self, number: int, _: FrameType | None) -> None:
        if not self._open:
            self.waiting.append(number)
            return
        self._open = False
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)


@contextmanager
def _interruptions() -> Iterator[_Gate]:
    """Takes SIGINT and SIGTERM over, where this thread gets them: the first one unwinds, the others wait."""
    gate = _Gate()
    if threading.current_thread() is not threading.main_thread():
        yield gate
        return
    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if handler is not None and handler != signal.SIG_IGN:
            before[number] = handler
            signal.signal(number, gate)
    try:
        yield gate
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for waiting in dict.fromkeys(gate.waiting):
            signal.raise_signal(waiting)
