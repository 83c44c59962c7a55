"""One run of a few checks over a tiny system, and what must hold of every run, whatever it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plants.tiny_system import rows
from seatrial.app.deciding.deciding import decide_now
from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace, open_workspace
from seatrial.app.running.run import run
from seatrial.app.running.verify import verify_ledger
from seatrial.core.errors import Refused
from seatrial.core.events import CheckFinished, Event
from seatrial.core.observation import Finding, Observation, Reason
from seatrial.core.vocabulary import Answer, Outcome
from seatrial.gate.encoding import exit_code
from seatrial.gate.verdict import Assessment, Gap, Verdict

UNTOUCHED: Final = "ownership.monitor"
"""A check that rests on people alone: what is wrong with data or model is none of its business."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a run."""

    workspace: Workspace
    events: Sequence[Event]
    verdict: Verdict

    def result(self, check: str) -> Observation | Reason:
        return next(e.result for e in self.events if isinstance(e, CheckFinished) and e.check == check)

    def reason(self, check: str) -> Reason:
        result = self.result(check)
        assert isinstance(result, Reason), result
        return result

    def findings(self, check: str) -> dict[str, Finding]:
        result = self.result(check)
        assert isinstance(result, Observation), result
        return {finding.code: finding for finding in result.findings}

    def assessment(self, requirement: str) -> Assessment:
        return next(a for a in self.verdict.requirements if a.id == requirement)

    def gap(self, requirement: str) -> Gap:
        return next(gap for gap in self.verdict.gaps if gap.requirement == requirement)


def see(place: Path, *only: str) -> Seen:
    """Run these checks and `UNTOUCHED`, decide, and see that nothing broke that was not broken before."""
    workspace = open_workspace(place)
    events = list(run(workspace, only=(*only, UNTOUCHED)))
    seen = Seen(workspace=workspace, events=events, verdict=decide_now(workspace))
    assert seen.verdict.verdict is Answer.NO_GO
    assert exit_code(seen.verdict) == 1
    assert "Traceback" not in repr(events)
    assert isinstance(seen.result(UNTOUCHED), Observation), seen.result(UNTOUCHED)
    for requirement in only:
        assert seen.assessment(requirement).outcome is not Outcome.MET
        gap = seen.gap(requirement)
        assert gap.summary
        assert gap.remedy
    whole(workspace, events)
    return seen


def whole(workspace: Workspace, events: Sequence[Event]) -> None:
    """The ledger verifies, holds every result that was acknowledged, and nothing half-made lies about.

    One that holds nothing, since there was no space for a first record, is never verified.
    """
    recorded = {e.digest for e in read_ledger(workspace, quick=False).evidence}
    assert {e.record for e in events if isinstance(e, CheckFinished)} <= recorded
    with nullcontext() if recorded else suppress(Refused):
        assert verify_ledger(workspace).intact
    work = workspace.folder / "work"
    assert not work.exists() or not list(work.iterdir())


Cells = Callable[[int, dict[str, object]], dict[str, object]]


def table(change: Cells, *, count: int = 200) -> str:
    """The tiny system's evaluation rows as CSV, each changed."""
    changed = [change(at, row) for at, row in enumerate(rows(count))]
    lines = [",".join(changed[0]), *(",".join(map(str, row.values())) for row in changed)]
    return "\n".join(lines) + "\n"


def declare(place: Path, *replaced: tuple[str, str], added: str = "") -> None:
    """Change the system file."""
    text = place.read_text()
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new)
    place.write_text(text + added)
