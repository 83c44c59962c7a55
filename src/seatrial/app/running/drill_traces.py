"""What drills leave behind while they change something, and the way home for one whose process was killed."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.processes import alive
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import EventBody
from seatrial.core.codec import to_data
from seatrial.core.errors import Malformed, SeatrialError, Unreachable
from seatrial.core.observation import Json
from seatrial.core.vocabulary import RecordType
from seatrial.drills.journal import Journal
from seatrial.drills.procedure import go_home
from seatrial.spec.loading import load_procedure
from seatrial.spec.procedure import GIVEN_BY_DRILLS, Procedure
from seatrial.spec.subject import procedures

RESTORED = "drill-restored"


class TraceFile:
    """One drill's trace: a file that exists while something is changed, with a line for each step that has begun."""

    def __init__(self, workspace: Workspace, kind: str, procedure: str) -> None:
        self._folder = _folder(workspace)
        self._file = self._folder / f"{uuid4().hex}.{_host()}.{os.getpid()}"
        self._head: dict[str, Json] = {
            "kind": kind,
            "procedure": procedure,
            "since": workspace.clock.now().isoformat(),
        }

    def starting(self, step: str) -> None:
        """Durable when this returns."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = not self._file.exists()
            with self._file.open("a", encoding="utf-8") as file:
                if new:
                    file.write(json.dumps(self._head) + "\n")
                file.write(json.dumps({"step": step}) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unreachable(
                f"{self._folder} cannot be written: {error.strerror}",
                remedy="A drill that could not be restored after a crash is not begun: free the place, then try again.",
            ) from None

    def home(self) -> None:
        """Nothing is left to restore."""
        self._file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """A drill whose process is gone and that was not restored. `begun` are its steps that had begun, in order."""

    kind: str
    procedure: str
    since: str
    begun: tuple[str, ...]
    file: Path


def left_over(workspace: Workspace, *, everywhere: bool = False) -> tuple[LeftOver, ...]:
    """The drills that broke off, the oldest first. Raises Malformed for a trace that cannot be read.

    Of drills on other hosts one cannot see from here whether they still run: `everywhere` takes them for broken off.
    """
    found = []
    folder = _folder(workspace)
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        _, host, pid = file.name.split(".")
        if (host == _host() and alive(pid)) or (host != _host() and not everywhere):
            continue
        head, *steps = list(_lines(file))
        begun = tuple(str(line["step"]) for line in steps if "step" in line)
        found.append(
            LeftOver(
                kind=str(head.get("kind")),
                procedure=str(head.get("procedure")),
                since=str(head.get("since")),
                begun=begun,
                file=file,
            )
        )
    return tuple(sorted(found, key=lambda each: each.since))


def restore(workspace: Workspace, left: LeftOver) -> Journal:
    """Take the way home of a drill that broke off, prove it, and put it on record. Raises SeatrialError.

    Its trace goes once nothing is left to restore, so that what failed can be tried again.
    """
    procedure = _procedure(workspace, left)
    with Outside(workspace) as outside:
        journal = go_home(procedure, begun=left.begun, steps=outside.steps, clock=workspace.clock)
    summary = f"The {left.kind} drill of {left.since} had been killed: {journal.problem}"
    body = EventBody(
        kind=RESTORED, summary=summary, revokes=False, detail={"drill": left.kind, "journal": to_data(journal)}
    )
    signer = known(workspace, keystore(workspace).worker())
    with open_ledger(workspace) as ledger:
        record(ledger, signer, workspace, RecordType.EVENT, body)
    if journal.restored is not False:
        left.file.unlink(missing_ok=True)
    return journal


def _procedure(workspace: Workspace, left: LeftOver) -> Procedure:
    """The declared procedure of that name, read anew."""
    files = LocalFiles(workspace.base)
    environment = {**GIVEN_BY_DRILLS, **workspace.environment}
    for path in procedures(workspace.system):
        try:
            found = load_procedure(files.read(path), name=path, environment=environment).value
        except SeatrialError:
            continue
        if found.procedure == left.procedure:
            return found
    raise Malformed(
        f"the procedure {left.procedure!r} of the {left.kind} drill that broke off is not declared any more",
        remedy=f"Bring the system back by hand (it had begun: {', '.join(left.begun)}), then delete {left.file}.",
    )


def _folder(workspace: Workspace) -> Path:
    return workspace.folder / "drills"


def _lines(file: Path) -> Iterator[Mapping[str, Json]]:
    """The lines of a trace. A last one that was cut off names no step that had begun: it is written first."""
    lines = file.read_text(encoding="utf-8").splitlines()
    if not lines:
        raise Malformed(f"{file} is empty", remedy="Look whether production is as it was, then delete it.")
    for number, line in enumerate(lines):
        try:
            yield json.loads(line)
        except ValueError:
            if number == 0 or number < len(lines) - 1:
                raise Malformed(
                    f"{file} cannot be read", remedy="Look whether production is as it was, then delete it."
                ) from None


def _host() -> str:
    """This host's name, as a part of a file's."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]
