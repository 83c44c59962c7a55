"""What may be asked and said after launch: alarms, and outputs that somebody does not trust."""

from __future__ import annotations

from typing import Final

from seatrial.web.access import SiteAction
from seatrial.web.api import doing, reading
from seatrial.web.api.route import Operation, Route, choice
from seatrial.web.api.shapes import (
    ANYTHING,
    COUNT,
    SECONDS_OR_NONE,
    TEXT,
    TEXT_OR_NONE,
    TIME,
    TIME_OR_NONE,
    TRUTH_OR_NONE,
    record,
    writable,
    written,
)

_DOUBT: Final = record(
    {
        "id": COUNT,
        "output": TEXT,
        "why": TEXT,
        "condition": TEXT,
        "reporter": TEXT,
        "at": TIME,
        "stands": TRUTH_OR_NONE,
        "answer": TEXT,
        "answered_by": TEXT_OR_NONE,
        "answered_at": TIME_OR_NONE,
        "took_s": SECONDS_OR_NONE,
    }
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-alarms",
        path="alarms/",
        about="The alarms of the watch.",
        operations={
            "GET": Operation(
                summary="The alarms that are not closed, or all; none where no watch is declared.",
                handle=reading.alarms,
                action=SiteAction.SEE,
                item=ANYTHING,
                asks=(choice("all", ["yes"], "`yes` for closed ones too."),),
            )
        },
    ),
    Route(
        name="api-doubts",
        path="doubts/",
        about="Outputs that somebody does not trust.",
        operations={
            "GET": Operation(
                summary="The reports, newest first.",
                handle=doing.doubts,
                action=SiteAction.SEE,
                item=_DOUBT,
                asks=(choice("waiting", ["yes"], "`yes` for those without an answer."),),
            ),
            "POST": Operation(
                summary="Report an output that is not trusted; told is whom it reaches and how soon they answer.",
                handle=doing.doubted,
                action=SiteAction.DOUBT,
                takes=record(
                    {
                        "output": written("Say which output it is: its number, or whatever names it.", 200),
                        "why": written("Say why you do not trust it; a few words are enough.", 2000),
                        "condition": writable("When such outputs come up, as a condition over the inputs.", 300),
                    },
                    may_lack=("condition",),
                ),
                answer=record({"id": COUNT, "at": TIME, "reaches": TEXT_OR_NONE, "answer_within_s": SECONDS_OR_NONE}),
                status=201,
            ),
        },
    ),
    Route(
        name="api-doubt",
        path="doubts/<int:number>/",
        about="One report.",
        variables={"number": "Its number."},
        operations={
            "GET": Operation(
                summary="One report and its answer.", handle=doing.doubt, action=SiteAction.SEE, answer=_DOUBT
            )
        },
    ),
    Route(
        name="api-doubt-answer",
        path="doubts/<int:number>/answer/",
        about="The answer to a report.",
        variables={"number": "The report's number."},
        operations={
            "POST": Operation(
                summary="The escalation point or its deputy answers, once.",
                handle=doing.answered,
                action=SiteAction.ANSWER_DOUBT,
                takes=record(
                    {
                        "stands": {"type": "boolean", "description": "Whether the output may be used after all."},
                        "answer": written("Say what they should do now.", 2000),
                    }
                ),
                answer=_DOUBT,
                status=201,
                also={409: "somebody has answered meanwhile"},
            )
        },
    ),
)
