"""What may be asked of the people: duties, training and the documents that they answer for."""

from __future__ import annotations

from typing import Final

from seatrial.web.access import SiteAction
from seatrial.web.api import reading
from seatrial.web.api.route import Operation, Route
from seatrial.web.api.shapes import COUNT, TEXT, TEXT_OR_NONE, TIME, TIME_OR_NONE, TRUTH, listing, record

_DUTY: Final = record({"duty": TEXT, "person": TEXT_OR_NONE, "name": TEXT, "accepted_at": TIME_OR_NONE})
_TEAM: Final = record({"team": TEXT, "users": COUNT, "passed": COUNT})
_VERSION: Final = record(
    {
        "digest": TEXT,
        "at": TIME,
        "by": TEXT,
        "name": TEXT,
        "link": TEXT,
        "size": {"type": ["integer", "null"], "description": "bytes"},
        "current": TRUTH,
        "answered_for": listing(record({"person": TEXT, "at": TIME, "moved": listing(TEXT)})),
    }
)
_DOCUMENT: Final = record(
    {
        "field": TEXT,
        "title": TEXT,
        "path": TEXT_OR_NONE,
        "requirement": TEXT,
        "takes": listing(TEXT),
        "versions": listing(_VERSION),
    }
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-people",
        path="people/",
        about="Who answers for what.",
        operations={
            "GET": Operation(
                summary="The duties, for whom each is declared, and when they accepted it.",
                handle=reading.people,
                action=SiteAction.SEE,
                item=_DUTY,
            )
        },
    ),
    Route(
        name="api-training",
        path="training/",
        about="Who passed the questions of this version.",
        operations={
            "GET": Operation(
                summary="How many of each team passed; nobody's own answers.",
                handle=reading.training,
                action=SiteAction.SEE,
                item=_TEAM,
            )
        },
    ),
    Route(
        name="api-documents",
        path="documents/",
        about="The documents that people answer for.",
        operations={
            "GET": Operation(
                summary="Every document with its versions, newest first, and who answers for which.",
                handle=reading.documents,
                action=SiteAction.SEE,
                item=_DOCUMENT,
            )
        },
    ),
)
