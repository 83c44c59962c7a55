"""Runs and drills: started, followed and cancelled."""

from __future__ import annotations

from typing import Final

from seatrial.web.access import SiteAction
from seatrial.web.api import doing
from seatrial.web.api.route import Operation, Route
from seatrial.web.api.shapes import COUNT, TEXT, TEXT_OR_NONE, TIME, TIME_OR_NONE, listing, one_of, record
from seatrial.web.models import Job

RUN: Final = record(
    {
        "id": COUNT,
        "state": one_of([Job.QUEUED, Job.RUNNING, Job.CANCELLING, Job.DONE, Job.FAILED, Job.CANCELLED]),
        "only": listing(TEXT),
        "by": TEXT_OR_NONE,
        "created_at": TIME,
        "started_at": TIME_OR_NONE,
        "ended_at": TIME_OR_NONE,
        "doing": TEXT,
        "checks": listing(TEXT),
        "done": {"type": "object", "additionalProperties": TEXT},
        "problem": TEXT,
    }
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-runs",
        path="runs/",
        about="Runs and drills that were started on the site.",
        operations={
            "GET": Operation(summary="Runs, newest first.", handle=doing.runs, action=SiteAction.SEE, item=RUN),
            "POST": Operation(
                summary="Start a run. While one waits or runs, that one is told with 200 and none is started.",
                handle=doing.begin,
                action=SiteAction.RUN,
                takes=record(
                    {
                        "only": {
                            "type": "array",
                            "items": TEXT,
                            "maxItems": 200,
                            "description": "Ids of checks or names of domains; all checks where it is left out. "
                            "Without the scope `drills` those that hold a drill are left out.",
                        }
                    },
                    may_lack=("only",),
                ),
                answer=RUN,
                status=201,
                also={200: "one waits or runs already"},
            ),
        },
    ),
    Route(
        name="api-run",
        path="runs/<int:number>/",
        about="One run.",
        variables={"number": "Its number."},
        operations={
            "GET": Operation(
                summary="One run: what it does now and what it has done.",
                handle=doing.run,
                action=SiteAction.SEE,
                answer=RUN,
            )
        },
    ),
    Route(
        name="api-run-cancel",
        path="runs/<int:number>/cancel/",
        about="The end of a run.",
        variables={"number": "The run's number."},
        operations={
            "POST": Operation(
                summary="Cancel it: a running one restores what it changed first. Again changes nothing.",
                handle=doing.stop,
                action=SiteAction.CANCEL,
                answer=RUN,
            )
        },
    ),
)
