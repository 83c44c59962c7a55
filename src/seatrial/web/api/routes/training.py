"""What may be asked of the users and their training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.core.observation import Json
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction
from seatrial.web.api import bringing, completing, reading
from seatrial.web.api.route import Operation, Route
from seatrial.web.api.shapes import (
    COUNT,
    EMAIL,
    MOST_BROUGHT,
    MOST_BROUGHT_BYTES,
    TEXT,
    brought,
    listing,
    record,
    written,
)

_TEAM: Final = record({"team": TEXT, "users": COUNT, "passed": COUNT})
_USER: Final = record({"id": TEXT, "group": TEXT})
_LISTED: Final = record(
    {
        "id": written("Their id, by which they are known here.", 200),
        "group": written("Their team.", 200),
        "name": {"type": "string", "maxLength": 200},
    },
    may_lack=("name",),
)
_RESULT: Final = record(
    {
        "user": written("Their id on the user list.", 200),
        "passed": {"type": "boolean"},
        "at": {"type": "string", "format": "date", "description": "The day, such as 2026-11-27."},
    }
)
_COUNTS: Final[Mapping[str, Json]] = {"type": "object", "additionalProperties": COUNT}

ROUTES: Final[tuple[Route, ...]] = (
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
        name="api-users",
        path="training/users/",
        about="The user list.",
        operations={
            "GET": Operation(
                summary="Whoever is on the user list, by their id and team.",
                handle=bringing.users,
                action=SiteAction.SEE,
                item=_USER,
            ),
            "PUT": Operation(
                summary="Put this list in its place: all of it, or none where a user is wrong.",
                handle=bringing.list_users,
                action=Action.RECORD_EVENT,
                takes=record(
                    {
                        "users": brought(_LISTED, MOST_BROUGHT),
                    }
                ),
                answer=record(
                    {"users": COUNT, "teams": _COUNTS, "added": listing(TEXT), "removed": listing(TEXT), "record": TEXT}
                ),
                status=201,
                most_bytes=MOST_BROUGHT_BYTES,
            ),
        },
    ),
    Route(
        name="api-results",
        path="training/results/",
        about="Results of a course in another tool.",
        operations={
            "POST": Operation(
                summary="Put them on record as observed: shown beside the questions of this version, they pass nobody.",
                handle=bringing.bring_results,
                action=Action.RECORD_EVENT,
                takes=record(
                    {
                        "source": written("Which tool they are from.", 100),
                        "about": written("The version of the system that the course was about.", 100),
                        "results": brought(_RESULT, MOST_BROUGHT),
                    }
                ),
                answer=record({"passed": COUNT, "not_passed": COUNT, "left_out": _COUNTS, "record": TEXT}),
                status=201,
                most_bytes=MOST_BROUGHT_BYTES,
            )
        },
    ),
    Route(
        name="api-user-invitations",
        path="training/invitations/",
        about="Invitations of users.",
        operations={
            "POST": Operation(
                summary="An administrator invites somebody on the user list. The link is told once.",
                handle=completing.invite_user,
                action=SiteAction.INVITE,
                takes=record({"user": written("Their id on the user list.", 100), "email": EMAIL}),
                answer=record({"user": TEXT, "email": TEXT, "link": TEXT}),
                status=201,
            )
        },
    ),
)
