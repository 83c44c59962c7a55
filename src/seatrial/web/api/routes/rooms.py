"""What may be asked of reviews, drills, events and retraining."""

from __future__ import annotations

from typing import Final

from seatrial.core.vocabulary import Answer, Outcome
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction
from seatrial.web.api import rooms
from seatrial.web.api.route import Operation, Route
from seatrial.web.api.routes.runs import RUN
from seatrial.web.api.serving import GATE
from seatrial.web.api.shapes import (
    ANYTHING,
    COUNT,
    SECONDS_OR_NONE,
    TEXT,
    TEXT_OR_NONE,
    TIME,
    TIME_OR_NONE,
    TRUTH,
    listing,
    one_of,
    record,
    written,
)
from seatrial.web.meetings import LONGEST_MINUTES, LONGEST_PLACE

_MEETING: Final = record(
    {
        "id": COUNT,
        "gate": TEXT,
        "at": TIME,
        "place": TEXT,
        "invited": listing(TEXT),
        "called_by": TEXT_OR_NONE,
        "called_off": TRUTH,
        "minutes": listing(record({"text": TEXT, "by": TEXT, "at": TEXT})),
    }
)
_CALLED: Final = record(
    {
        "meeting": _MEETING,
        "told": COUNT,
        "not_told": {
            "type": "array",
            "items": TEXT,
            "description": "whom somebody must tell by hand, each with the reason",
        },
    }
)
_HELD: Final = record(
    {
        "requirement": TEXT,
        "at": TIME,
        "outcome": one_of([outcome.value for outcome in Outcome]),
        "said": TEXT,
        "seconds": SECONDS_OR_NONE,
        "record": TEXT,
    }
)
_DRILL: Final = record(
    {
        "kind": TEXT,
        "state": TEXT,
        "who": TEXT,
        "due_at": TIME_OR_NONE,
        "closed": {"type": "string", "description": "why it may not be held now; empty where it may"},
        "trend": TEXT,
        "held": listing(_HELD),
    }
)
_EVENT: Final = record(
    {
        "at": TIME,
        "by": TEXT,
        "kind": TEXT,
        "summary": TEXT,
        "revokes": {"type": "boolean", "description": "whether it ended GO"},
    }
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-meetings",
        path="meetings/",
        about="The reviews as meetings.",
        operations={
            "GET": Operation(
                summary="The reviews that were called at a gate, the latest first, with their minutes.",
                handle=rooms.meetings,
                action=SiteAction.SEE,
                item=_MEETING,
                asks=(GATE,),
            ),
            "POST": Operation(
                summary="Call the review: everybody concerned is told over their own route, and who was not is named.",
                handle=rooms.call_meeting,
                action=SiteAction.CALL_REVIEW,
                takes=record(
                    {
                        "at": written("When, such as 2027-01-11T14:00; in UTC where no offset is given.", 40),
                        "place": written("A room or a link.", LONGEST_PLACE),
                    }
                ),
                answer=_CALLED,
                status=201,
                asks=(GATE,),
            ),
        },
    ),
    Route(
        name="api-meeting-minutes",
        path="meetings/<int:number>/minutes/",
        about="The minutes of a meeting.",
        variables={"number": "The meeting's id."},
        operations={
            "POST": Operation(
                summary="Add to the minutes. Nothing that was written is overwritten.",
                handle=rooms.write_minutes,
                action=SiteAction.CALL_REVIEW,
                takes=record({"text": written("What was said and decided.", LONGEST_MINUTES)}),
                answer=_MEETING,
                status=201,
                asks=(GATE,),
                most_bytes=128 * 1024,
            )
        },
    ),
    Route(
        name="api-meeting-off",
        path="meetings/<int:number>/call-off/",
        about="The end of a meeting that will not be held.",
        variables={"number": "The meeting's id."},
        operations={
            "POST": Operation(
                summary="Call it off, and tell everybody who was invited.",
                handle=rooms.call_meeting_off,
                action=SiteAction.CALL_REVIEW,
                answer=_CALLED,
                asks=(GATE,),
                also={409: "it was called off already"},
            )
        },
    ),
    Route(
        name="api-decisions",
        path="decisions/",
        about="The decision of a gate.",
        operations={
            "POST": Operation(
                summary="Put on record what the gate says at this moment: the answer is computed, not sent.",
                handle=rooms.decide,
                action=SiteAction.DECIDE,
                answer=record({"verdict": one_of([a.value for a in Answer]), "sequence": COUNT, "record": TEXT}),
                status=201,
                asks=(GATE,),
            )
        },
    ),
    Route(
        name="api-drills",
        path="drills/",
        about="Drills: what came of them and when they are due.",
        operations={
            "GET": Operation(
                summary="Every kind of drill with those that were held, newest first.",
                handle=rooms.drills,
                action=SiteAction.SEE,
                item=_DRILL,
            )
        },
    ),
    Route(
        name="api-drill",
        path="drills/<str:kind>/",
        about="One kind of drill.",
        variables={"kind": "Such as rollback, page or stop."},
        operations={
            "POST": Operation(
                summary="Begin one. While a run waits or runs, that one is told with 200 and none is begun.",
                handle=rooms.begin_drill,
                action=SiteAction.DRILL,
                answer=RUN,
                status=201,
                also={200: "a run waits or runs already", 409: "the plan does not allow it now"},
            )
        },
    ),
    Route(
        name="api-events",
        path="events/",
        about="Events that people raised, and what ended GO otherwise.",
        operations={
            "GET": Operation(
                summary="The events, newest first. To raise one takes somebody's own key, on the site.",
                handle=rooms.events,
                action=SiteAction.SEE,
                item=_EVENT,
            )
        },
    ),
    Route(
        name="api-alarm-acknowledge",
        path="alarms/<str:alarm>/acknowledge/",
        about="The acknowledgement of an alarm.",
        variables={"alarm": "The alarm's id."},
        operations={
            "POST": Operation(
                summary="One of the system's people is on it: nobody else is paged.",
                handle=rooms.acknowledged,
                action=Action.RECORD_EVENT,
                answer=ANYTHING,
                also={409: "there is no such alarm, or it is not open"},
            )
        },
    ),
    Route(
        name="api-alarm-close",
        path="alarms/<str:alarm>/close/",
        about="The end of an alarm.",
        variables={"alarm": "The alarm's id."},
        operations={
            "POST": Operation(
                summary="One of the system's people has dealt with it: it is closed, and listens anew.",
                handle=rooms.closed,
                action=Action.RECORD_EVENT,
                answer=ANYTHING,
                also={409: "there is no such alarm, or it is closed already"},
            )
        },
    ),
    Route(
        name="api-silences",
        path="silences/",
        about="Monitors about which nobody is paged for a while.",
        operations={
            "GET": Operation(
                summary="The silences that hold now.", handle=rooms.silences, action=SiteAction.SEE, item=ANYTHING
            ),
            "POST": Operation(
                summary="Silence a monitor for a while, for a reason that goes on record.",
                handle=rooms.silence,
                action=Action.RECORD_EVENT,
                takes=record(
                    {
                        "monitor": written("Its name, or the beginning of several.", 200),
                        "why": written("What is going on: others will read it.", 500),
                        "seconds": {"type": "number", "exclusiveMinimum": 0, "description": "For how long."},
                    }
                ),
                answer=ANYTHING,
                status=201,
                also={409: "there is no such monitor, or the time is too long"},
            ),
        },
    ),
    Route(
        name="api-retraining",
        path="retraining/",
        about="What the watch asks to be trained anew.",
        operations={
            "GET": Operation(
                summary="The requests, newest first, with their answers. To answer takes somebody's own key.",
                handle=rooms.retraining,
                action=SiteAction.SEE,
                item=ANYTHING,
            )
        },
    ),
)
