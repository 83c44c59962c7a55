"""What may be asked and said of what became of outputs."""

from __future__ import annotations

from typing import Final

from seatrial.domains.organization.responses import WAYS
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction
from seatrial.web.api import using
from seatrial.web.api.route import Operation, Route
from seatrial.web.api.shapes import (
    COUNT,
    MOST_BROUGHT,
    MOST_BROUGHT_BYTES,
    TEXT,
    TRUTH,
    brought,
    listing,
    one_of,
    record,
    writable,
    written,
)

_SAID: Final = record({"output": TEXT, "workflow": TEXT, "response": TEXT, "workaround": TEXT})
_COUNTED: Final = record(
    {
        "workflow": TEXT,
        "team": TEXT,
        "worked_around": COUNT,
        **{way.replace(" ", "_"): COUNT for way in WAYS},
    }
)
_NOT_BEGUN: Final = "nothing is recorded here, because the log was not begun"
_OUTPUT: Final = written("Which output it is: its number, or whatever names it.", 200)
_SHOWN: Final = record(
    {
        "output": _OUTPUT,
        "workflow": written("In which workflow.", 200),
        "team": written("To which team.", 200),
        "shown_at": written("When, such as 2026-11-27T14:05:00Z.", 40),
    }
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-uses",
        path="uses/",
        about="What became of outputs.",
        operations={
            "GET": Operation(
                summary="The counts by workflow and team for the system's people; for users what they said last.",
                handle=using.uses,
                action=SiteAction.USE,
                answer=record(
                    {
                        "recorded_here": TRUTH,
                        "counted": listing(_COUNTED),
                        "workarounds": listing(record({"said": TEXT, "times": COUNT})),
                        "mine": listing(_SAID),
                    }
                ),
            ),
            "POST": Operation(
                summary="A user says what they did with an output, in place of what they said of it before.",
                handle=using.said,
                action=SiteAction.SAY_USE,
                takes=record(
                    {
                        "output": _OUTPUT,
                        "workflow": writable("In which workflow; may be left out where there is one alone.", 200),
                        "response": one_of(WAYS, "What they did."),
                        "workaround": writable("How they went round it, if they did.", 200),
                    },
                    may_lack=("workflow", "workaround"),
                ),
                answer=_SAID,
                status=201,
                also={409: _NOT_BEGUN},
            ),
        },
    ),
    Route(
        name="api-use-log",
        path="uses/log/",
        about="The log of what became of outputs.",
        operations={
            "POST": Operation(
                summary="Begin the log here, and name it in the system file.",
                handle=using.begun,
                action=Action.RECORD_EVENT,
                answer=record({"log": TEXT}),
                status=201,
                also={409: "another log is named, or its file is there already"},
            )
        },
    ),
    Route(
        name="api-shown-outputs",
        path="uses/shown/",
        about="Outputs that were shown.",
        operations={
            "POST": Operation(
                summary="Keep that they were shown, all or none: they count as ignored until somebody says more.",
                handle=using.brought,
                action=Action.RECORD_EVENT,
                takes=record(
                    {
                        "outputs": brought(_SHOWN, MOST_BROUGHT),
                    }
                ),
                answer=record({"new": COUNT, "known": COUNT}),
                status=201,
                also={409: _NOT_BEGUN},
                most_bytes=MOST_BROUGHT_BYTES,
            )
        },
    ),
)
