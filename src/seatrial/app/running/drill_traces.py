"""What drills leave behind while they change something, and the way home for one whose process was killed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.app.folder.files import LocalFiles
from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.traces import Trace, broken_off, lines
from seatrial.core.bodies import EventBody
from seatrial.core.codec import to_data
from seatrial.core.errors import Malformed, SeatrialError
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
        self._trace = Trace(
            _folder(workspace),
            {"kind": kind, "procedure": procedure, "since": workspace.clock.now().isoformat()},
            remedy="A drill that could not be restored after a crash is not begun: free the place, then try again.",
        )

    def starting(self, step: str) -> None:
        """Durable when this returns."""
        self._trace.append({"step": step})

    def home(self) -> None:
        """Nothing is left to restore."""
        self._trace.over()


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
    for file in broken_off(_folder(workspace), everywhere=everywhere):
        head, *steps = lines(file, look="Look whether production is as it was")
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
