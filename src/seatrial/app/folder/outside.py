"""The outside world of a declared system, opened part by part when it is first used, and closed as a whole."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.models.catalogue import OpenModel, open_function, open_model
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.app.folder.lines import control_file, sharing, wanted_lines
from seatrial.app.folder.procedures import declared_by_procedures
from seatrial.app.folder.workspace import Workspace
from seatrial.core.check import CHANGE_LOG, landing_table
from seatrial.core.disturbing import Line, Scratch
from seatrial.core.errors import Unreachable
from seatrial.core.ports import LoadGenerator, Pager, ProbingSteps, Table
from seatrial.spec.data import Source
from seatrial.spec.integration import IntegrationSection

_SQL = ("sql", "sqlite", "postgresql", "mysql", "mariadb")


class Outside:
    """Adapters for what the system file declares, in one process. Nothing is called before it is used.

    With `fresh`, a model that is known by its answers is asked for them even where it was asked less than a day ago.
    """

    def __init__(self, workspace: Workspace, *, fresh: bool = False) -> None:
        self._workspace = workspace
        self._fresh = fresh
        self._system = workspace.system
        self._open = ExitStack()
        self._integrations: dict[tuple[str, str], OpenIntegration] = {}
        self._lines: dict[str, Line] = {}
        procedures = declared_by_procedures(workspace)
        self._urls = procedures.urls
        secrets = (*workspace.loaded.secrets, *secrets_of(self._system), *procedures.secrets)
        self.redact = Redactor(secrets)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @cached_property
    def http(self) -> Http:
        """The one door for outgoing HTTP, for the declared origins."""
        http = Http(origins=declared_origins(self._system, self._urls), redact=self.redact)
        self._open.callback(http.close)
        return http

    @cached_property
    def model(self) -> OpenModel:
        """The declared model."""
        model: OpenModel = open_model(self._system, base_dir=self._workspace.base, http=self.http)
        vendor = self._system.model.vendor
        if vendor is not None and vendor.probes is not None:
            from seatrial.adapters.models.replay import ReplayedModel

            model = ReplayedModel(
                model,
                self._system.model,
                base_dir=self._workspace.base,
                folder=self._workspace.folder / "replays",
                now=self._workspace.clock.now,
                fresh=self._fresh,
            )
        self._open.callback(model.close)
        return model

    @cached_property
    def judge(self) -> OpenModel:
        """The declared judge of free answers. Raises Unreachable without one."""
        from seatrial.adapters.models.chat import open_judge

        judge = open_judge(self._system, http=self.http)
        self._open.callback(judge.close)
        return judge

    def function(self, reference: str) -> OpenModel:
        """A Python function of the user's in its own process."""
        function = open_function(reference, base_dir=self._workspace.base, http=self.http)
        self._open.callback(function.close)
        return function

    def integration(self, name: str) -> OpenIntegration:
        """The declared integration at its test end, else at production, read only. Raises Unreachable without one."""
        section = self._declared(name)
        # Without a test end there is only production, and nothing is written there but in an approved window.
        return self._at(name, "test" if section.test or not section.production else "production")

    def production(self, name: str) -> OpenIntegration:
        """The declared integration at its production end, read only. Raises Unreachable or Malformed without one."""
        self._declared(name)
        return self._at(name, "production")

    def _declared(self, name: str) -> IntegrationSection:
        section: IntegrationSection | None = self._system.integrations.get(name)
        if section is None:
            raise Unreachable(
                f"no integration {name!r} is declared", remedy="Declare it under integrations in the system file."
            )
        return section

    def _at(self, name: str, end: Literal["test", "production"]) -> OpenIntegration:
        if (name, end) not in self._integrations:
            section = self._declared(name)
            opened = open_integration(name, section, http=self.http, base_dir=self._workspace.base, end=end)
            self._open.callback(opened.close)
            self._integrations[name, end] = opened
        return self._integrations[name, end]

    def line(self, name: str) -> Line:
        """The line to the integration's test end. Raises Refused or Unreachable without one."""
        if name not in self._lines:
            self._lines[name] = self._opened_line(name)
        return self._lines[name]

    def _opened_line(self, name: str) -> Line:
        from seatrial.adapters.proxy.control import RemoteLine, held_elsewhere
        from seatrial.adapters.proxy.lines import Lines

        self._declared(name)
        wanted = wanted_lines(self._system, self.base)
        control = control_file(self._workspace)
        if name in wanted and held_elsewhere(control):
            remote = RemoteLine(name, control)
            self._open.callback(remote.close)
            return remote
        here = sharing(wanted, name) if name in wanted else {}
        lines = self._open.enter_context(Lines(here))
        self._lines.update({other: lines.line(other) for other in here})
        return lines.line(name)

    def scratch(self, name: str) -> Scratch:
        """The declared copy of what a source holds. Raises Refused or Malformed without one."""
        from seatrial.adapters.integrations.scratch import open_scratch

        return open_scratch(self._system, name, base_dir=self._workspace.base, redact=self.redact)

    @property
    def base(self) -> Path:
        """The folder to which declared paths are relative."""
        return self._workspace.base

    def source(self, name: str) -> Source:
        """Where the `training`, `evaluation` or `live` data, `change.log`, or what is finished by hand, are.

        Raises Unreachable for what is not declared.
        """
        if name == CHANGE_LOG:
            return self._change_log()
        for workflow, declared_workflow in self._system.workflows.items():
            lands = declared_workflow.fallback.lands if declared_workflow.fallback else None
            if name == landing_table(workflow) and lands is not None and lands.source is not None:
                return Source(source=lands.source, query=lands.query)
        data = self._system.data
        declared = {"training": data.training, "evaluation": data.evaluation, "live": data.live}
        source: Source | None = declared.get(name)
        if source is None:
            raise Unreachable(
                f"no {name} data are declared", remedy=f"Declare data.{name} with its source in the system file."
            )
        return source

    def _change_log(self) -> Source:
        log = self._system.change.log
        if log is None:
            raise Unreachable(
                "no log of what people did with the outputs is declared",
                remedy="Declare change.log in the system file.",
            )
        return Source(source=log.source, query=log.query)

    def table(self, name: str) -> Table:
        """The table that `source` names. Raises Unreachable for what is not declared."""
        source = self.source(name)
        return open_source(source.source, query=source.query, base=self.base, redact=self.redact)

    @cached_property
    def load(self) -> LoadGenerator:
        """The load generator, for what may be given load: a test endpoint of the model, ends that may be written to."""
        from seatrial.adapters.load.client import LoadClient
        from seatrial.adapters.wire import target_of
        from seatrial.domains.flows.lanes import end_of

        model = self._system.model
        urls = [model.endpoint, model.mlflow, model.openai] if model.test_endpoint else []
        for section in self._system.integrations.values():
            end = end_of(section, windows=True)
            if end is not None and end.writable and not end.read_only:
                urls.append(end.url)
        origins = {target_of(url).origin for url in urls if url and url.startswith(("http://", "https://"))}
        return LoadClient(origins=origins)

    @cached_property
    def pager(self) -> Pager:
        """The declared routes to people."""
        from seatrial.adapters.pagers.catalogue import open_pager

        pager = open_pager(self._system.people, http=self.http)
        self._open.callback(pager.close)
        return pager

    @cached_property
    def steps(self) -> ProbingSteps:
        """Runs procedure steps: HTTP among the declared origins, SQL and messages where that is declared writable."""
        from seatrial.adapters.steps.runner import StepRunner

        ends = [
            end
            for section in self._system.integrations.values()
            if section.kind in _SQL
            for end in (section.test, section.production)
            if end is not None
        ]
        return StepRunner(
            http=self.http,
            base_dir=self._workspace.base,
            pager=lambda: self.pager,
            databases=frozenset(end.url for end in ends if end.writable and not end.read_only),
            readable=frozenset(end.url for end in ends),
            integrations=self.integration,
        )


def open_source(source: str, *, base: Path, redact: Redactor, query: str | None = None) -> Table:
    """The table behind a declared source."""
    from seatrial.adapters.tables.catalogue import open_table

    return open_table(source, query, base_dir=base, redact=redact)
