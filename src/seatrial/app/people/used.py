"""What became of outputs, counted by workflow and team from the log that the system file names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from seatrial.app.folder.outside import Outside
from seatrial.app.folder.workspace import Workspace
from seatrial.core.check import CHANGE_LOG
from seatrial.core.errors import NoRows, Refused
from seatrial.domains.organization.responses import WAYS, responses_in


def counted(workspace: Workspace) -> list[Mapping[str, str | int]]:
    """For each workflow and team how many outputs were acted on, overridden, ignored and worked around.

    Raises Refused where no log is named, SeatrialError where it cannot be read.
    """
    log = workspace.system.change.log
    if log is None:
        raise Refused(
            "the system file names no log of what became of outputs",
            remedy="Name the workflow's own in change.log, or begin one here: seatrial uses --begin --as ID.",
        )
    since = workspace.clock.now() - timedelta(seconds=log.looked_back)
    with Outside(workspace) as outside:
        try:
            found = responses_in(outside.table(CHANGE_LOG), log, since=since)
        except NoRows:
            return []
    return [
        {
            "workflow": workflow,
            "team": team,
            **{way.replace(" ", "_"): numbers[way] for way in WAYS},
            "worked_around": found.workarounds.get((workflow, team), 0),
        }
        for (workflow, team), numbers in sorted(found.by.items())
    ]
