"""The shipped example, live: prepared, its services started, its people's paperwork played, and everything executed.

The personas' statements are real records, signed with one key per persona, and each says that the demo played it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from seatrial.app.deciding import decide_now
from seatrial.app.people import accept, attest
from seatrial.app.quiz import answer, questions_of
from seatrial.app.run import run
from seatrial.app.workspace import ENVIRONMENT, Workspace, open_workspace
from seatrial.core.errors import SeatrialError
from seatrial.core.events import Event, StageFinished, StageStarted
from seatrial.examples.arrival_delay.prepare import Variant, prepare
from seatrial.examples.arrival_delay.services import running
from seatrial.gate.verdict import Verdict

PLAYED_BY = "demo"


def fresh_directory(around: Path) -> Path:
    """`seatrial-demo` in this folder, or the first of `seatrial-demo-2`, `-3`, … that does not exist yet."""
    number = 1
    while True:
        directory = around / ("seatrial-demo" if number == 1 else f"seatrial-demo-{number}")
        if not directory.exists():
            return directory
        number += 1


class Demo:
    """One demonstration. `workspace` is there as soon as the services run, and stays for the verdict afterwards.

    `trained` is the directory of an earlier one, whose models serve again where the same rows would train them.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        ready: bool = False,
        defect: str | None = None,
        trained: Path | None = None,
    ) -> None:
        self.directory = fresh_directory(Path.cwd()) if directory is None else directory
        self.variant: Variant = "ready" if ready or defect else "pilot"
        self.defect = defect
        self.trained = trained
        self._workspace: Workspace | None = None

    @property
    def workspace(self) -> Workspace:
        """The example's system with its surroundings. Raises SeatrialError before its services ran."""
        if self._workspace is None:
            raise SeatrialError("the demonstration has not begun", remedy="Go through its events first.")
        return self._workspace

    def events(self, only: tuple[str, ...] | None = None) -> Generator[Event, None, None]:
        """Everything that happens, from the empty folder to the last check; the services end with it.

        `only` names checks, requirements or domains. Raises SeatrialError where the example cannot be set up.
        """
        title = f"Preparing the {self.variant} variant in {self.directory}, training both versions of the model"
        yield from _stage("prepare", title, self._prepare)
        services = running(self.directory)
        yield StageStarted(stage="services", title="Starting model server, weather feed, planner and pager")
        begun = time.monotonic()
        with services as started:
            yield StageFinished(stage="services", duration_s=time.monotonic() - begun)
            _keep_environment(self.directory, started.environment)
            self._workspace = open_workspace(self.directory, environment={**os.environ, **started.environment})
            title = "The personas accept, attest and answer, each with their own key"
            yield from _stage("paperwork", title, self._paperwork)
            yield from run(self.workspace, only=only)

    def verdict(self) -> Verdict:
        """GO or NO-GO from the ledger, with the services gone."""
        return decide_now(self.workspace)

    def _prepare(self) -> None:
        prepare(self.directory, self.variant, self.defect, trained=self.trained)

    def _paperwork(self) -> None:
        """What `paperwork.json` says that the personas do; who left the company does nothing any more."""
        paperwork: Mapping[str, Any] = json.loads((self.directory / "paperwork.json").read_text(encoding="utf-8"))
        system = self.workspace.system
        here = {name for name, person in system.people.items() if person.left_on is None}
        for duty, person in paperwork["acceptances"].items():
            if person in here:
                accept(self.workspace, person, duty, shown=f"{duty} of {system.system} {system.version}")
        for each in paperwork["attestations"]:
            if each["person"] in here:
                attest(
                    self.workspace, each["person"], each["kind"], each["document"], statement=f"played by {PLAYED_BY}"
                )
        right = [question.right for question in questions_of(self.workspace)]
        for user in paperwork["passed"]:
            answer(self.workspace, user, right, played_by=PLAYED_BY)


def _keep_environment(directory: Path, environment: Mapping[str, str]) -> None:
    """Leave the addresses beside the system file, so that `seatrial verdict` and the like work there afterwards."""
    kept = directory / ENVIRONMENT
    kept.touch(mode=0o600)
    kept.write_text("".join(f"{name}={value}\n" for name, value in environment.items()), encoding="utf-8")


def _stage(name: str, title: str, work: Callable[[], object]) -> Iterator[Event]:
    yield StageStarted(stage=name, title=title)
    begun = time.monotonic()
    work()
    yield StageFinished(stage=name, duration_s=time.monotonic() - begun)
