"""A trial whose model, load generator and integrations are the real adapters, over real servers on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from plants.planted_trial import PlantedArtifacts, PlantedFiles, PlantedTable, PlantedTrial
from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.integrations.scratch import open_scratch
from seatrial.adapters.load.client import LoadClient
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.adapters.models.chat import open_judge
from seatrial.adapters.proxy.lines import Lines
from seatrial.adapters.steps.runner import StepRunner
from seatrial.app.folder.clock import SystemClock
from seatrial.app.folder.lines import sharing, wanted_lines
from seatrial.core.check import Check, Trial
from seatrial.core.observation import Json, Observation, Reason
from seatrial.gate.judging import Judgement, judge
from seatrial.spec.system import System


class RealTrial(PlantedTrial):
    """Everything that talks is real; files and tables are in memory."""

    def __init__(
        self,
        system: System,
        *,
        tables: Mapping[str, Sequence[Mapping[str, Json]]] | None = None,
        files: Mapping[str, bytes] | None = None,
        seed: int = 7,
        base_dir: Path | None = None,
    ) -> None:
        super().__init__(files=files)
        self.seed = seed
        # The planted clock moves by hand, this one by itself.
        self.clock = SystemClock()  # type: ignore[assignment]
        self.files = PlantedFiles(dict(files or {}))
        self.kept = PlantedArtifacts()
        self.artifacts = self.kept
        self._system = system
        self._rows = dict(tables or {})
        self._base = base_dir
        self._http = Http(origins=declared_origins(system))
        self._model: OpenModel | None = None
        self._integrations: dict[tuple[str, str], OpenIntegration] = {}
        self._lines: dict[str, Lines] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        for opened in self._integrations.values():
            opened.close()
        for lines in self._lines.values():
            lines.close()
        if self._model is not None:
            self._model.close()
        self._http.close()

    @property
    def model(self) -> Any:
        if self._model is None:
            self._model = open_model(self._system, base_dir=self._base or Path(), http=self._http)
        return self._model

    @property
    def judge(self) -> Any:
        return open_judge(self._system, http=self._http)

    @property
    def load(self) -> Any:
        return LoadClient(origins=declared_origins(self._system))

    def table(self, name: str) -> Any:
        return PlantedTable(self._rows[name])

    def integration(self, name: str) -> Any:
        return self._at(name, "test" if self._system.integrations[name].test else "production")

    def production(self, name: str) -> Any:
        return self._at(name, "production")

    def line(self, name: str) -> Any:
        if name not in self._lines:
            shared = sharing(wanted_lines(self._system, self._base or Path()), name)
            lines = Lines(shared)
            lines.__enter__()
            self._lines.update(dict.fromkeys(shared, lines))
        return self._lines[name].line(name)

    def scratch(self, name: str) -> Any:
        return open_scratch(self._system, name, base_dir=self._base or Path(), redact=self._http.redact)

    @property
    def steps(self) -> Any:
        return StepRunner(http=self._http, base_dir=self._base or Path(), pager=None, databases=frozenset())

    def _at(self, name: str, end: Literal["test", "production"]) -> Any:
        if (name, end) not in self._integrations:
            section = self._system.integrations[name]
            self._integrations[name, end] = open_integration(
                name, section, http=self._http, base_dir=self._base, end=end
            )
        return self._integrations[name, end]


def observed(check: Check[System], system: System, trial: Trial) -> Observation:
    """What the check saw. Fails where it gives a reason instead."""
    result = check.run(system, trial)
    assert isinstance(result, Observation), result
    return result


def reason(check: Check[System], system: System, trial: Trial) -> Reason:
    """Why the check saw nothing. Fails where it saw something."""
    result = check.run(system, trial)
    assert isinstance(result, Reason), result
    return result


def judged(check: Check[System], system: System, observation: Observation) -> Judgement:
    """What the gate makes of it with the check's own limits."""
    return judge(observation, {threshold.measure: threshold for threshold in check.limits(system)})


def codes(observation: Observation) -> set[str]:
    """The finding codes."""
    return {finding.code for finding in observation.findings}
