"""What may be asked and done in the labelling room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seatrial.app.labels.label_answers import MOST_OPTIONS
from seatrial.web.access import SiteAction
from seatrial.web.api import labels
from seatrial.web.api.route import Operation, Route, Schema
from seatrial.web.api.shapes import (
    COUNT,
    MOST_BROUGHT_BYTES,
    TEXT,
    TEXT_OR_NONE,
    TIME,
    TRUTH,
    brought,
    listing,
    record,
    written,
)
from seatrial.web.labelling import MOST_ROWS

_NUMBER_OR_NONE: Final[Schema] = {"type": ["number", "null"]}
_INTERVAL: Final[Schema] = {
    "type": ["array", "null"],
    "items": {"type": "number"},
    "description": "lower, value, upper",
}
_SCALE: Final[Mapping[str, Schema]] = {
    "unit": written("What is counted, such as min or EUR.", 20),
    "low": {"type": "number", "description": "The lowest number that can be right."},
    "high": {"type": "number", "description": "The highest one."},
    "tolerance": {"type": "number", "description": "How far two people may lie apart and still say the same."},
}
_PLACE: Final[Schema] = {"type": "integer", "minimum": 1, "description": "The row, counted from 1."}
_VALUE: Final[Schema] = {
    "type": ["string", "number", "null"],
    "maxLength": 100,
    "description": "One of the answers, or a number on the scale; null for: cannot tell.",
}
_ROW: Final = record({"row": COUNT, "values": {"type": "object"}, "labelled": TRUTH, "mine": TEXT_OR_NONE})
_ROW_OR_NONE: Final[Schema] = {**_ROW, "type": ["object", "null"]}
_SAID: Final = listing(record({"by": TEXT, "value": TEXT_OR_NONE}))
_ROUND: Final = record(
    {
        "id": COUNT,
        "begun_at": TIME,
        "label": TEXT,
        "options": listing(record({"value": TEXT, "title": TEXT})),
        "scale": {**record(_SCALE), "type": ["object", "null"]},
        "rows": COUNT,
        "by_two": COUNT,
        "labelled": COUNT,
        "standing": COUNT,
        "counted": COUNT,
        "left_for_you": TRUTH,
        "agreement": record(
            {"rows": COUNT, "agreed": COUNT, "kappa": _INTERVAL, "within": _INTERVAL, "apart": _NUMBER_OR_NONE}
        ),
        "to_decide": {
            "type": ["array", "null"],
            "items": record({"row": COUNT, "said": _SAID}),
            "description": "null for users, for programs, and for whoever still has rows to label",
        },
        "file": TEXT_OR_NONE,
    }
)
_NUMBER: Final = {"number": "The round's number."}

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-label-rounds",
        path="labels/",
        about="Rounds of labelling.",
        operations={
            "GET": Operation(
                summary="The rounds, the latest first.", handle=labels.rounds, action=SiteAction.USE, item=_ROUND
            ),
            "POST": Operation(
                summary="Draw the rows that the plan asks for, and begin a round with them.",
                handle=labels.drawn,
                action=SiteAction.PREPARE_LABELS,
                takes=record(
                    {
                        "rows": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": MOST_ROWS,
                            "description": "As many as the plan asks for where it is left out.",
                        },
                        "share": {
                            "type": "number",
                            "minimum": 0.1,
                            "maximum": 1,
                            "description": "The share of the rows that a second person labels too.",
                        },
                        "options": {
                            "type": "array",
                            "maxItems": MOST_OPTIONS,
                            "items": record(
                                {
                                    "value": written("As it stands in the data.", 100),
                                    "title": {"type": "string", "maxLength": 100},
                                },
                                may_lack=("title",),
                            ),
                            "description": "The answers to choose from.",
                        },
                        "scale": {**record(_SCALE), "description": "In their place where the model tells numbers."},
                    },
                    may_lack=("rows", "options", "scale"),
                ),
                answer=_ROUND,
                status=201,
            ),
        },
    ),
    Route(
        name="api-label-round",
        path="labels/<int:number>/",
        about="One round of labelling.",
        variables=_NUMBER,
        operations={
            "GET": Operation(
                summary="How far it is, how far two people agree, and which rows are to be decided.",
                handle=labels.one,
                action=SiteAction.USE,
                answer=_ROUND,
            )
        },
    ),
    Route(
        name="api-label-rows",
        path="labels/<int:number>/rows/",
        about="The rows of a round.",
        variables=_NUMBER,
        operations={
            "GET": Operation(
                summary="All rows with the labels of whoever asks, without what the model or others say of them.",
                handle=labels.rows,
                action=SiteAction.LABEL,
                item=_ROW,
            )
        },
    ),
    Route(
        name="api-label-wanted",
        path="labels/<int:number>/wanted/",
        about="The row that is wanted next.",
        variables=_NUMBER,
        operations={
            "GET": Operation(
                summary="The row that is wanted next of whoever asks; null where none is left for them.",
                handle=labels.wanted,
                action=SiteAction.LABEL,
                answer=record({"row": _ROW_OR_NONE}),
            )
        },
    ),
    Route(
        name="api-labels",
        path="labels/<int:number>/labels/",
        about="The labels of whoever asks.",
        variables=_NUMBER,
        operations={
            "POST": Operation(
                summary="Say what was right of one row or of many, all or none; what was said before stays.",
                handle=labels.labelled,
                action=SiteAction.LABEL,
                takes=record(
                    {
                        "labels": brought(record({"row": _PLACE, "value": _VALUE}), MOST_ROWS),
                    }
                ),
                answer=record({"new": COUNT, "known": COUNT}),
                status=201,
                most_bytes=MOST_BROUGHT_BYTES,
            ),
            "DELETE": Operation(
                summary="Take back the newest one.",
                handle=labels.taken_back,
                action=SiteAction.LABEL,
                answer=record({"row": COUNT}),
            ),
        },
    ),
    Route(
        name="api-label-decisions",
        path="labels/<int:number>/decisions/",
        about="Rows on which two people differ.",
        variables=_NUMBER,
        operations={
            "POST": Operation(
                summary="Settle a row on which two differ, or of which somebody could not tell.",
                handle=labels.decided,
                action=SiteAction.PREPARE_LABELS,
                takes=record({"row": _PLACE, "value": {**_VALUE, "type": ["string", "number"]}}),
                answer=_ROUND,
                status=201,
                also={409: "there is nothing to decide about this row any more"},
            )
        },
    ),
    Route(
        name="api-label-file",
        path="labels/<int:number>/file/",
        about="The label file.",
        variables=_NUMBER,
        operations={
            "POST": Operation(
                summary="Write it into the system's folder, on record with who labelled and how they agree.",
                handle=labels.written,
                action=SiteAction.PREPARE_LABELS,
                answer=record({"file": TEXT, "declared": TRUTH, "declare": TEXT, "record": TEXT}),
                status=201,
                also={409: "no row has a label that stands, or it cannot be written"},
            )
        },
    ),
)
