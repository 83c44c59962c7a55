"""What people say became of outputs, as the site keeps it, and the file of it that the check reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from threading import Lock

from django.utils import timezone

from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.response_log import Response, kept_log, recorded_here, write_log
from seatrial.app.people.used import counted
from seatrial.web.models import OutputUse, Registered

_writing: dict[Path, Lock] = {}
_A_BATCH = 500


def say_use(system: Registered, workspace: Workspace, given: Mapping[str, str], *, user: str, team: str) -> None:
    """Keep what this user did with an output; what they said of it before is replaced. Raises Unreachable."""
    shown = OutputUse.objects.filter(
        system=system, output=given["output"], workflow=given["workflow"], team=team, user=""
    ).first()
    OutputUse.objects.update_or_create(
        system=system,
        output=given["output"],
        workflow=given["workflow"],
        team=team,
        user=user,
        defaults={
            "response": given["response"],
            "workaround": given["workaround"],
            "at": timezone.now() if shown is None else shown.at,
        },
    )
    write_again(system, workspace)


def keep_shown(system: Registered, workspace: Workspace, shown: Sequence[Response]) -> int:
    """Keep that these outputs were shown; how many of them are new. Raises Unreachable."""
    before = OutputUse.objects.filter(system=system, user="").count()
    OutputUse.objects.bulk_create(
        (OutputUse(system=system, output=s.output, workflow=s.workflow, team=s.team, at=s.at) for s in shown),
        ignore_conflicts=True,
        batch_size=_A_BATCH,
    )
    write_again(system, workspace)
    return OutputUse.objects.filter(system=system, user="").count() - before


def write_again(system: Registered, workspace: Workspace) -> None:
    """Write the log as it is now, as far back as it counts; one at a time, so that no older one comes last.

    What was brought past the site (`seatrial uses`) stays, but for outputs of which the site knows more.
    """
    log = workspace.system.change.log
    back = timedelta(seconds=log.looked_back if log is not None else 0.0)
    with _writing.setdefault(workspace.file, Lock()):
        kept = OutputUse.objects.filter(system=system, at__gte=timezone.now() - back).order_by("at", "id")
        fields = ("output", "workflow", "team", "response", "at", "workaround")
        here = set(OutputUse.objects.filter(system=system).values_list("output", "workflow", "team"))
        brought = [each for each in kept_log(workspace) if (each.output, each.workflow, each.team) not in here]
        write_log(
            workspace,
            (
                *brought,
                *(
                    Response(output=o, workflow=w, team=t, response=r, at=at, workaround=a)
                    for o, w, t, r, at, a in kept.values_list(*fields).iterator()
                ),
            ),
        )


def counted_here(workspace: Workspace) -> Sequence[Mapping[str, str | int]]:
    """What the log says, as the check reads it, by workflow and team; nothing while it is not kept here.

    Raises SeatrialError where the log cannot be read.
    """
    return counted(workspace) if recorded_here(workspace.system) else ()
