"""What may be asked of the documents that people answer for."""

from __future__ import annotations

from typing import Final

from seatrial.app.folder.uploads import DOCUMENTS, MOST_BYTES, media_type
from seatrial.app.people.line_differences import Change
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction
from seatrial.web.api import papers
from seatrial.web.api.route import Operation, Parameter, Route
from seatrial.web.api.shapes import TEXT, TEXT_OR_NONE, TIME, TRUTH, listing, one_of, record, writable, written

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
        "takes": {"type": "array", "items": TEXT, "description": "the endings that may be handed in"},
        "stands": {"type": "string", "description": "the digest of what stands there; empty where nothing does"},
        "does_not_state": {"type": "array", "items": TEXT, "description": "what it must state and does not"},
        "versions": listing(_VERSION),
    }
)
_LINE_NUMBER: Final = {"type": ["integer", "null"]}
_LINE: Final = record(
    {"change": one_of([each.value for each in Change]), "before": _LINE_NUMBER, "after": _LINE_NUMBER, "text": TEXT}
)
_DIGEST: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_FIELD: Final = {"field": "Its place in the system file, such as workflows.docks.process."}
_SEEN: Final = "The digest of the version that it replaces; empty for none."
_LINK: Final = "Where its original stands, for people."

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-documents",
        path="documents/",
        about="The documents that people answer for.",
        operations={
            "GET": Operation(
                summary="Every document with its versions, newest first, and who answers for which.",
                handle=papers.documents,
                action=SiteAction.SEE,
                item=_DOCUMENT,
            )
        },
    ),
    Route(
        name="api-document",
        path="documents/<str:field>/",
        about="One document.",
        variables=_FIELD,
        operations={
            "GET": Operation(
                summary="One document. To answer for it takes somebody's own key, on the site.",
                handle=papers.document,
                action=SiteAction.SEE,
                answer=_DOCUMENT,
            ),
            "PUT": Operation(
                summary="Put a new version in its place; it counts once somebody answers for it.",
                handle=papers.hand_in,
                action=Action.RECORD_EVENT,
                raw=tuple(dict.fromkeys(media_type(f"document{ending}") for ending in DOCUMENTS)),
                most_bytes=MOST_BYTES,
                answer=_DOCUMENT,
                status=201,
                also={409: "another version stands there than the one that was seen"},
                asks=(
                    Parameter(name="name", schema={"type": "string", "maxLength": 120}, says="The file's name."),
                    Parameter(name="seen", schema={"type": "string", "maxLength": 64}, says=_SEEN),
                    Parameter(name="link", schema={"type": "string", "maxLength": 500}, says=_LINK),
                ),
            ),
        },
    ),
    Route(
        name="api-document-original",
        path="documents/<str:field>/original/",
        about="The original of a document, elsewhere.",
        variables=_FIELD,
        operations={
            "POST": Operation(
                summary="Read it from its address, of origins that the site names, and put it in place if it differs.",
                handle=papers.read_original,
                action=Action.RECORD_EVENT,
                takes=record({"link": written(_LINK, 500), "seen": writable(_SEEN, 64)}),
                answer=_DOCUMENT,
                status=201,
                also={200: "it says the same", 409: "another version stands there than the one that was seen"},
            )
        },
    ),
    Route(
        name="api-document-differences",
        path="documents/<str:field>/differences/",
        about="What changed between two versions of a document.",
        variables=_FIELD,
        operations={
            "GET": Operation(
                summary="The changed lines with a few around them; null where they cannot be compared by lines.",
                handle=papers.differences,
                action=SiteAction.SEE,
                answer=record({"from": TEXT, "to": TEXT, "lines": {"type": ["array", "null"], "items": _LINE}}),
                asks=(
                    Parameter(name="from", schema=_DIGEST, says="The older one; the last but one by itself."),
                    Parameter(name="to", schema=_DIGEST, says="The newer one; the newest by itself."),
                ),
            )
        },
    ),
    Route(
        name="api-document-version",
        path="documents/<str:field>/versions/<str:digest>/",
        about="One version of a document.",
        variables={**_FIELD, "digest": "The version's digest."},
        operations={
            "GET": Operation(
                summary="One version with its content.",
                handle=papers.version,
                action=SiteAction.SEE,
                answer=record(
                    {
                        "digest": TEXT,
                        "name": TEXT,
                        "media_type": TEXT,
                        "content": {"type": "string", "contentEncoding": "base64"},
                    }
                ),
            )
        },
    ),
)
