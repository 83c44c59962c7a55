"""A check, and the trial in which it runs.

Generic over the declared system, so that the engine can run checks without knowing what a system file holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from seatrial.core.disturbing import Line, Scratch
from seatrial.core.observation import Json, Observation, Reason, Threshold
from seatrial.core.ports import (
    Artifacts,
    Clock,
    DrillTrace,
    Files,
    Integration,
    LoadGenerator,
    Model,
    Pager,
    ProbingSteps,
    RecordTrace,
    Say,
    Table,
)
from seatrial.core.record import Record
from seatrial.core.vocabulary import RecordType

S = TypeVar("S")

CHANGE_LOG = "change.log"


def landing_table(workflow: str) -> str:
    """The table in which what was finished by hand in that workflow lands."""
    return f"landing.{workflow}"


"""The table in which people's answers to the outputs are written, by the name under which a trial opens it."""
PREDICTION = "seatrial.prediction"
"""Column of a scored table: the model's prediction."""
SCORE = "seatrial.score"
"""Column of a scored table: the model's score, null where it gives none."""
PROBLEM = "seatrial.problem"
"""Column of a scored table: why a row has no prediction, null where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """A measure that a check wants over a table, collected in the one pass that all checks share.

    `table` is `training`, `evaluation`, `live`, `scored.evaluation` or `scored.live`; `measure` is a name in the
    measure catalogue; `options` is plain data.
    """

    table: str
    measure: str
    options: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOn:
    """What an earlier check of the same run left for a later one. `digest` is the SHA-256 of the content as JSON."""

    check: str
    digest: str
    content: Mapping[str, Json]


class Trial(Protocol):
    """Everything that a check may touch; a part that cannot be had raises its SeatrialError on use."""

    @property
    def seed(self) -> int:
        """The check's own seed, derived from the run's."""

    @property
    def clock(self) -> Clock:
        """Time."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Where `${NAME}` in procedure files comes from; values are secrets and never leave the trial."""

    @property
    def files(self) -> Files:
        """The files that the system file names."""

    @property
    def model(self) -> Model:
        """The declared model."""

    @property
    def judge(self) -> Model:
        """The declared judge of free answers: it is asked with one text and answers with one."""

    def function(self, reference: str) -> Model:
        """A Python function of the user's, `path/to/file.py:function`, in its own process: a number for each row."""

    @property
    def load(self) -> LoadGenerator:
        """The open-model load generator."""

    @property
    def pager(self) -> Pager:
        """The declared routes to people."""

    @property
    def steps(self) -> ProbingSteps:
        """Runs single procedure steps."""

    @property
    def artifacts(self) -> Artifacts:
        """What is kept beside the ledger."""

    @property
    def say(self) -> Say:
        """Progress for the person who waits."""

    def table(self, name: str) -> Table:
        """`training`, `evaluation`, `live`, `scored.evaluation`, `scored.live`, `change.log` or `landing.WORKFLOW`."""

    def integration(self, name: str) -> Integration:
        """The declared integration of that name, at its test end; read only at production where it has none."""

    def production(self, name: str) -> Integration:
        """The declared integration at its production end, read only. Raises Malformed where it declares none."""

    def line(self, name: str) -> Line:
        """The line through which the tested system reaches that integration's test end.

        Raises Refused where its test end declares no `via`, and Unreachable where nothing can listen there.
        """

    def scratch(self, name: str) -> Scratch:
        """The declared copy of what that source holds, to alter. Raises Refused or Malformed where none can be made."""

    def drill_trace(self, kind: str, procedure: str) -> DrillTrace:
        """Where a drill of that kind leaves which steps have begun."""

    def record_trace(self) -> RecordTrace:
        """Where a check leaves which test records of its own it puts in, until it has taken them away."""

    def measured(self, request: MeasureRequest) -> Mapping[str, Json]:
        """The finished state of a measure that the check asked for. Raises SeatrialError where the pass failed."""

    def in_run(self, check: str) -> bool:
        """Whether the check of that id is executed in this run, too."""

    def hand_on(self, name: str, content: Mapping[str, Json]) -> str:
        """Leave something under that name for later checks of this run; its digest."""

    def handed_on(self, name: str) -> HandedOn | None:
        """What an earlier check of this run left under that name."""

    def records(self, kind: RecordType) -> Sequence[Record]:
        """The verified records of this system of that type, oldest first."""

    def part(self, name: str) -> str | None:
        """Today's digest of a part of the subject, or None when the subject has no such part."""

    def threshold(self, requirement: str, measure: str) -> Threshold | None:
        """The limit in force, from the plan and the policy."""


def _nothing(_: object) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[S]):
    """A function from a declared system to an observation, or to the reason why none could be made.

    `run` may raise SeatrialError, which becomes a reason. `codes` documents every finding and reason code that it can
    give. `alone` keeps everything else still while it runs (what judges times). `alone_at_system` keeps only those
    still who could ask the tested system too: what `only_reads` (tables, files, records; its trial gives it nothing
    else) goes on beside it. `before_traffic` says that it looks at what real traffic left, and so runs before any check
    that puts records of its own beside that. `draws_anew` draws what it sends, and when, from the run's seed, since
    what it measures differs each time anyway; any other check has one draw for one model, so that running it again
    until a lucky draw passes changes nothing. `budget_s` is when the engine stops it; from then on it has `grace_s` to
    restore what it changed. `tables` names the tables that it reads itself: a scored one is scored before it starts.
    Where `applies` is false for what is declared, the requirement is established without this check. One that
    `supplements` may be less assured than the requirement demands: it adds to what the others establish, and
    establishes nothing by itself.
    """

    id: str
    requirement: str
    version: int
    title: str
    run: Callable[[S, Trial], Observation | Reason]
    codes: Mapping[str, str]
    measures: Callable[[S], Sequence[MeasureRequest]] = _nothing
    limits: Callable[[S], Sequence[Threshold]] = _nothing
    alone: bool = False
    alone_at_system: bool = False
    only_reads: bool = False
    before_traffic: bool = False
    draws_anew: bool = False
    budget_s: Callable[[S], float] = lambda _: 60.0
    grace_s: Callable[[S], float] = lambda _: 10.0
    tables: Callable[[S], Sequence[str]] = _nothing
    applies: Callable[[S], bool] = lambda _: True
    supplements: bool = False
    lease_s: float | None = None
    """How long its evidence holds, where that is shorter than the requirement's own lease."""
