"""What may be asked of the ledger and the log, and how evidence of other runs is filed."""

from __future__ import annotations

from typing import Final

from seatrial.app.deciding.filing import MOST_BYTES
from seatrial.core.vocabulary import RecordType
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction
from seatrial.web.api import bundles, reading
from seatrial.web.api.route import Operation, Route, Schema, choice
from seatrial.web.api.shapes import ANYTHING, COUNT, TEXT, TEXT_OR_NONE, TIME, TRUTH, listing, one_of, record

_ON_RECORD: Final[dict[str, Schema]] = {
    "digest": TEXT,
    "sequence": COUNT,
    "type": one_of([kind.value for kind in RecordType]),
    "at": TIME,
    "received_at": TIME,
    "by": TEXT,
    "signed_by": TEXT_OR_NONE,
    "problem": {"type": "string", "description": "why it does not count; empty where its signature and chain hold"},
}
_DEED: Final = record(
    {"at": TIME, "who": TEXT, "action": TEXT, "about": TEXT, "allowed": TRUTH, "reason": TEXT, "record": TEXT}
)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-records",
        path="records/",
        about="The ledger.",
        operations={
            "GET": Operation(
                summary="Everything on record, newest first.",
                handle=reading.records,
                action=SiteAction.SEE,
                item=record(_ON_RECORD),
                asks=(choice("type", [kind.value for kind in RecordType], "Only records of this type."),),
            )
        },
    ),
    Route(
        name="api-record",
        path="records/<str:digest>/",
        about="One record.",
        variables={"digest": "The SHA-256 of its envelope, 64 hex digits, as `evidence` names it elsewhere."},
        operations={
            "GET": Operation(
                summary="One record with what it says and what it rests on.",
                handle=reading.record,
                action=SiteAction.SEE,
                answer=record(
                    {
                        **_ON_RECORD,
                        "id": TEXT,
                        "depends": {"type": "object", "additionalProperties": TEXT},
                        "body": ANYTHING,
                    }
                ),
            )
        },
    ),
    Route(
        name="api-bundles",
        path="bundles/",
        about="Evidence of runs made elsewhere.",
        operations={
            "POST": Operation(
                summary="File a bundle, as `seatrial export` writes it: verified, and what machines observed is taken.",
                handle=bundles.filed,
                action=Action.IMPORT,
                raw=bundles.TYPES,
                most_bytes=MOST_BYTES,
                answer=record(
                    {
                        "bundle": {"type": "string", "description": "its SHA-256; the same bundle is filed once"},
                        "taken": {**listing(TEXT), "description": "digests of the records that were filed"},
                        "known": {**COUNT, "description": "how many were on record here already"},
                        "left_out": {**COUNT, "description": "how many are no evidence of machines, or do not count"},
                        "record": {"type": "string", "description": "digest of the record that says who filed it"},
                    }
                ),
                status=201,
                also={200: "this very bundle was filed before; nothing was done"},
            )
        },
    ),
    Route(
        name="api-deeds",
        path="deeds/",
        about="The log.",
        operations={
            "GET": Operation(
                summary="What anybody did or tried here, newest first, with the record that came of it.",
                handle=reading.deeds,
                action=SiteAction.SEE_DEEDS,
                item=_DEED,
            )
        },
    ),
)
