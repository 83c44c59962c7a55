"""The test records of a check that was killed, taken away wherever an end says how."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from seatrial.app.folder.ledgers import keystore, known, open_ledger, record
from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.app.running.record_traces import LeftBehind, LeftRecords, end_now
from seatrial.app.running.trial import OpenTrial
from seatrial.core.bodies import EventBody
from seatrial.core.vocabulary import RecordType
from seatrial.domains.flows.cleaning import Remains, taken_away
from seatrial.domains.flows.driving import patience_s

TAKEN_AWAY = "test-records-removed"


def take_away(workspace: Workspace, left: LeftBehind) -> tuple[Remains, ...]:
    """Take them away wherever an end says how, and put on record what came of it.

    What was on its way when the check was killed may still arrive: it is waited for as long as a record is looked for,
    and taken away too. The trace goes once nothing is there that should be gone, so that what failed is tried again.
    """
    system = workspace.system
    here = [each for each in left.records if not _gone(workspace, each)]
    with Outside(workspace) as outside, tempfile.TemporaryDirectory() as work:
        trial = OpenTrial(workspace, outside, seed=0, say=_silent, work=Path(work), parts={}, digests={})

        def taken(each: LeftRecords) -> Remains:
            return taken_away(system, trial, flow=each.flow, key=each.key, keys=each.keys, integration=each.integration)

        first = [taken(each) for each in here]
        flows = {each.flow for each in here}
        if any(remains.declared for remains in first):
            workspace.clock.sleep(max((patience_s(f) for f in system.flows if f.name in flows), default=0.0))
            first = [taken(each) for each in here]
    remains = (*first, *(_not_tried(each) for each in left.records if _gone(workspace, each)))
    _put_on_record(workspace, left, remains)
    if not any(each.failed for each in remains):
        left.file.unlink(missing_ok=True)
    return remains


def said(remains: Remains) -> str:
    """What came of it at one end, in words."""
    end = "production" if remains.production else "test"
    return (
        f"{remains.flow}: up to {remains.records:,} records at {remains.integration} ({end}), "
        f"{remains.first_key} to {remains.last_key}: {remains.state}"
    )


def _put_on_record(workspace: Workspace, left: LeftBehind, remains: Sequence[Remains]) -> None:
    failed = sum(each.failed for each in remains)
    summary = f"A check of {left.since} had been killed; its test records were taken away again" + (
        f" but at {failed} of {len(remains)} ends." if failed else "."
    )
    body = EventBody(
        kind=TAKEN_AWAY, summary=summary, revokes=False, detail={"ends": [each.told() for each in remains]}
    )
    with open_ledger(workspace) as ledger:
        record(ledger, known(workspace, keystore(workspace).worker()), workspace, RecordType.EVENT, body)


def _gone(workspace: Workspace, left: LeftRecords) -> bool:
    """Whether the end at which they are is declared no more."""
    section = workspace.system.integrations.get(left.integration)
    return section is None or end_now(section) != left.end


def _not_tried(left: LeftRecords) -> Remains:
    return Remains(
        flow=left.flow,
        integration=left.integration,
        first_key=left.keys[0],
        last_key=left.keys[-1],
        records=len(left.keys),
        declared=True,
        production=left.end.startswith("production"),
        problem=f"the system file declares another end of {left.integration} now than the one at which they are",
    )


def _silent(doing: str, share: float | None = None) -> None:
    del doing, share
