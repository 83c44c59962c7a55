"""The trial of one check: everything that it may touch, opened when first used, inside the check's own process."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.app.folder.catalogue import thresholds
from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.outside import Outside, open_source
from seatrial.app.folder.stages import SCORED, Problems, measured_file, scored_file
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.handing_on import HandingOn
from seatrial.core.check import HandedOn, MeasureRequest
from seatrial.core.disturbing import Line, Scratch
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Json, Threshold
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


@dataclass(frozen=True, slots=True, kw_only=True)
class InRun:
    """A check as a run executes it: its id, the ids of all checks that this run executes, and whether it only reads."""

    check: str = ""
    due: Collection[str] = ()
    only_reads: bool = False


NO_CHECK = InRun()


class OpenTrial:
    """Fulfils `Trial`. `work` is the run's private folder, `parts` the subject's, `digests` the files' of this run.

    `of` tells whose trial it is. With `only_reads` nobody is asked: what a check wants of the tested system raises
    Refused.
    """

    def __init__(
        self,
        workspace: Workspace,
        outside: Outside,
        *,
        seed: int,
        say: Say,
        work: Path,
        parts: Mapping[str, str],
        digests: Mapping[str, str],
        of: InRun = NO_CHECK,
    ) -> None:
        self._workspace = workspace
        self._outside = outside
        self._seed = seed
        self._say = say
        self._work = work
        self._parts = parts
        self._of = of
        self._files = LocalFiles(workspace.base, digests)
        self._measured: dict[Path, Mapping[str, Any]] = {}

    @property
    def _asked(self) -> Outside:
        if self._of.only_reads:
            raise Refused(
                "the check says that it only reads, and asks the tested system",
                remedy="Leave out `only_reads` where the check is declared.",
            )
        return self._outside

    @property
    def seed(self) -> int:
        """The check's own seed, derived from the run's."""
        return self._seed

    @property
    def clock(self) -> Clock:
        """Time."""
        return self._workspace.clock

    @property
    def environment(self) -> Mapping[str, str]:
        """Where `${NAME}` in procedure files comes from."""
        return self._workspace.environment

    @property
    def files(self) -> Files:
        """The files that the system file names, as they were when the run began."""
        return self._files

    @property
    def model(self) -> Model:
        """The declared model."""
        return self._asked.model

    @property
    def judge(self) -> Model:
        """The declared judge of free answers."""
        return self._asked.judge

    def function(self, reference: str) -> Model:
        """A Python function of the user's in its own process."""
        return self._outside.function(reference)

    @property
    def load(self) -> LoadGenerator:
        """The open-model load generator."""
        return self._asked.load

    @property
    def pager(self) -> Pager:
        """The declared routes to people."""
        return self._asked.pager

    @property
    def steps(self) -> ProbingSteps:
        """Runs single procedure steps."""
        return self._asked.steps

    @property
    def artifacts(self) -> Artifacts:
        """What is kept beside the ledger."""
        from seatrial.adapters.store.artifacts import ArtifactFolder

        return ArtifactFolder(self._workspace.folder / "artifacts")

    @property
    def say(self) -> Say:
        """Progress for the person who waits."""
        return self._say

    def table(self, name: str) -> Table:
        """A declared table, or a scored one from the run's scoring stage."""
        if name not in SCORED:
            return self._outside.table(name)
        Problems(self._work).check(name)
        file = scored_file(self._work, name)
        if not file.exists():
            raise SeatrialError(f"{name} was not made in this run, because the check does not declare that it reads it")
        return open_source(str(file), base=self._work, redact=self._outside.redact)

    def integration(self, name: str) -> Integration:
        """The declared integration of that name, at its test end; read only at production where it has none."""
        return self._asked.integration(name)

    def production(self, name: str) -> Integration:
        """The declared integration at its production end, read only."""
        return self._asked.production(name)

    def line(self, name: str) -> Line:
        """The line through which the tested system reaches that integration's test end."""
        return self._asked.line(name)

    def scratch(self, name: str) -> Scratch:
        """The declared copy of what that source holds, to alter."""
        return self._asked.scratch(name)

    def drill_trace(self, kind: str, procedure: str) -> DrillTrace:
        """Where a drill of that kind leaves which steps have begun."""
        from seatrial.app.running.drill_traces import TraceFile

        return TraceFile(self._workspace, kind, procedure)

    def record_trace(self) -> RecordTrace:
        """Where the check leaves which test records of its own it puts in, until they are taken away again."""
        from seatrial.app.running.record_traces import RecordTraceFile

        return RecordTraceFile(self._workspace)

    def measured(self, request: MeasureRequest) -> Mapping[str, Json]:
        """The finished state of a measure, from the run's one pass."""
        from seatrial.measure.one_pass import key_of

        problems = Problems(self._work)
        problems.check(request.table)
        key = key_of(request)
        problems.check(key)
        file = measured_file(self._work, request.table)
        if file not in self._measured:
            self._measured[file] = json.loads(file.read_text()) if file.exists() else {}
        if key not in self._measured[file]:
            raise SeatrialError(f"{request.measure} over {request.table} was not measured in this run")
        result: Mapping[str, Json] = self._measured[file][key]
        return result

    def in_run(self, check: str) -> bool:
        """Whether the check of that id is executed in this run, too."""
        return check in self._of.due

    def hand_on(self, name: str, content: Mapping[str, Json]) -> str:
        """Leave something under that name for later checks of this run; its digest."""
        return HandingOn(self._work).put(name, self._of.check, content)

    def handed_on(self, name: str) -> HandedOn | None:
        """What an earlier check of this run left under that name."""
        return HandingOn(self._work).get(name)

    def records(self, kind: RecordType) -> Sequence[Record]:
        """The verified records of this system of that type, oldest first."""
        reading = read_ledger(self._workspace, quick=kind not in (RecordType.OBSERVATION, RecordType.EVENT))
        return [each.record for each in reading.of(kind)]

    def part(self, name: str) -> str | None:
        """Today's digest of a part of the subject, or None when the subject has no such part."""
        return self._parts.get(name)

    def threshold(self, requirement: str, measure: str) -> Threshold | None:
        """The limit in force, from the plan and the policy."""
        wanted = (requirement, measure)
        return next((t for t in thresholds(self._workspace.system) if (t.requirement, t.measure) == wanted), None)
