"""The daily arming probe: run as every check is, so that it goes on record, and told as one answer."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.run import run
from seatrial.core.events import CheckFinished, Event
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Outcome, RecordType
from seatrial.domains.governance.arming import ID
from seatrial.gate.judging import judge


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """What a probe came to: whether all that the ways out need is there, and what is not."""

    ok: bool
    result: Observation | Reason
    record: str = ""

    @property
    def problems(self) -> tuple[tuple[str, str], ...]:
        """What is wrong, and what to do about it."""
        if isinstance(self.result, Reason):
            return ((self.result.summary, self.result.remedy),)
        return tuple((finding.summary, finding.remedy) for finding in self.result.findings)


def arm(workspace: Workspace) -> Generator[Event, None, Armed]:
    """Probe once and put it on record; the events of the run, and what it came to. Raises SeatrialError."""
    result: Observation | Reason = Reason(code="interrupted", summary="The probe was interrupted before it ended.")
    evidence = ""
    for event in run(workspace, only=[ID]):
        if isinstance(event, CheckFinished) and event.check == ID:
            result, evidence = event.result, event.record
        yield event
    ok = isinstance(result, Observation) and judge(result, {}).outcome is Outcome.MET
    return Armed(ok=ok, result=result, record=evidence)


def last_armed(workspace: Workspace) -> datetime | None:
    """When it was probed last, by the ledger; None when it never was."""
    return next(
        (
            each.record.at
            for each in reversed(read_ledger(workspace, quick=True).of(RecordType.OBSERVATION))
            if each.record.body.get("check") == ID
        ),
        None,
    )
