"""What may be asked of the people: their duties, their places, and the connections that they complete."""

from __future__ import annotations

from typing import Final

from seatrial.web.access import SiteAction
from seatrial.web.api import completing, reading
from seatrial.web.api.route import Operation, Route
from seatrial.web.api.shapes import EMAIL, TEXT, TEXT_OR_NONE, TIME_OR_NONE, listing, record, written

_DUTY: Final = record(
    {
        "duty": TEXT,
        "person": TEXT_OR_NONE,
        "name": TEXT,
        "accepted_at": TIME_OR_NONE,
        "first": {
            **listing(TEXT),
            "description": "Documents that the system file does not name yet: naming one ends an acceptance before it.",
        },
    }
)
_CONNECTIONS: Final = record(
    {
        "seen": {"type": "string", "description": "the SHA-256 of the system file's text", "maxLength": 64},
        "values": {"type": "object", "additionalProperties": TEXT, "description": "by the place in the system file"},
    }
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-people",
        path="people/",
        about="Who answers for what.",
        operations={
            "GET": Operation(
                summary="The duties, for whom each is declared, when they accepted it, and which documents come first.",
                handle=reading.people,
                action=SiteAction.SEE,
                item=_DUTY,
            )
        },
    ),
    Route(
        name="api-invitations",
        path="people/invitations/",
        about="Invitations of the declared people.",
        operations={
            "POST": Operation(
                summary="An administrator invites a declared person. The link is told once; an earlier one ends.",
                handle=completing.invite_person,
                action=SiteAction.INVITE,
                takes=record({"person": written("Their id in the system file.", 100), "email": EMAIL}),
                answer=record({"person": TEXT, "email": TEXT, "link": TEXT}),
                status=201,
            )
        },
    ),
    Route(
        name="api-connections",
        path="connections/",
        about="Where the model, its data and its integrations are.",
        operations={
            "GET": Operation(
                summary="What the system file says of each connection, and the digest of its text.",
                handle=completing.connected,
                action=SiteAction.SEE,
                answer=_CONNECTIONS,
            ),
            "PUT": Operation(
                summary="Whoever signs for IT, or an administrator, writes values; every comment of the file stays.",
                handle=completing.complete,
                action=SiteAction.CONNECT,
                takes=_CONNECTIONS,
                answer=_CONNECTIONS,
                also={409: "the system file has changed since it was seen"},
                most_bytes=64 * 1024,
            ),
        },
    ),
)
