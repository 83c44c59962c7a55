"""The outside world of a declared system, opened part by part when it is first used, and closed as a whole."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from seatrial.adapters.http import Http, declared_origins
from seatrial.adapters.integrations.catalogue import OpenIntegration, open_integration
from seatrial.adapters.models.catalogue import OpenModel, open_model
from seatrial.adapters.redaction import Redactor, secrets_of
from seatrial.app.procedures import declared_by_procedures
from seatrial.app.workspace import Workspace
from seatrial.core.errors import Unreachable
from seatrial.core.ports import LoadGenerator, Pager, Steps, Table
from seatrial.spec.system import Source

_SQL = ("sql", "sqlite", "postgresql")


class Outside:
    """Adapters for what the system file declares, in one process. Nothing is called before it is used."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._system = workspace.system
        self._open = ExitStack()
        self._integrations: dict[str, OpenIntegration] = {}
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
        model = open_model(self._system, base_dir=self._workspace.base, http=self.http)
        self._open.callback(model.close)
        return model

    def integration(self, name: str) -> OpenIntegration:
        """The declared integration at its test end, else at production, read only. Raises Unreachable without one."""
        if name not in self._integrations:
            section = self._system.integrations.get(name)
            if section is None:
                raise Unreachable(
                    f"no integration {name!r} is declared", remedy="Declare it under integrations in the system file."
                )
            # Without a test end there is only production, and nothing is ever written there.
            end: Literal["test", "production"] = "test" if section.test or not section.production else "production"
            opened = open_integration(name, section, http=self.http, base_dir=self._workspace.base, end=end)
            self._open.callback(opened.close)
            self._integrations[name] = opened
        return self._integrations[name]

    @property
    def base(self) -> Path:
        """The folder to which declared paths are relative."""
        return self._workspace.base

    def source(self, name: str) -> Source:
        """Where the `training`, `evaluation` or `live` data are. Raises Unreachable for what is not declared."""
        data = self._system.data
        declared = {"training": data.training, "evaluation": data.evaluation, "live": data.live}
        source: Source | None = declared.get(name)
        if source is None:
            raise Unreachable(
                f"no {name} data are declared", remedy=f"Declare data.{name} with its source in the system file."
            )
        return source

    def table(self, name: str) -> Table:
        """The declared `training`, `evaluation` or `live` data. Raises Unreachable for what is not declared."""
        source = self.source(name)
        return open_source(source.source, query=source.query, base=self.base, redact=self.redact)

    @cached_property
    def load(self) -> LoadGenerator:
        """The load generator, for what may be given load: a test endpoint of the model, test ends of integrations."""
        from seatrial.adapters.load.client import LoadClient
        from seatrial.adapters.wire import target_of

        model = self._system.model
        urls = [model.endpoint, model.mlflow] if model.test_endpoint else []
        urls += [section.test.url for section in self._system.integrations.values() if section.test is not None]
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
    def steps(self) -> Steps:
        """Runs procedure steps: HTTP among the declared origins, SQL on databases that are declared writable."""
        from seatrial.adapters.steps.runner import StepRunner

        ends = [
            end
            for section in self._system.integrations.values()
            if section.kind in _SQL
            for end in (section.test, section.production)
            if end is not None and end.writable and not end.read_only
        ]
        return StepRunner(
            http=self.http,
            base_dir=self._workspace.base,
            pager=lambda: self.pager,
            databases=frozenset(end.url for end in ends),
        )


def open_source(source: str, *, base: Path, redact: Redactor, query: str | None = None) -> Table:
    """The table behind a declared source."""
    from seatrial.adapters.tables.catalogue import open_table

    return open_table(source, query, base_dir=base, redact=redact)
