"""What may be asked of verdicts: requirements, gaps and who closes them, and what was decided before."""

from __future__ import annotations

from typing import Final

from seatrial.core.vocabulary import Answer, Domain, Outcome
from seatrial.gate.encoding import gap_schema, requirement_schema, verdict_schema
from seatrial.web.access import SiteAction
from seatrial.web.api import doing, reading
from seatrial.web.api.route import Operation, Parameter, Route, Schema, choice
from seatrial.web.api.serving import GATE
from seatrial.web.api.shapes import (
    ANYTHING,
    COUNT,
    DAY_OR_NONE,
    TEXT,
    TEXT_OR_NONE,
    TIME,
    TIME_OR_NONE,
    TRUTH,
    listing,
    one_of,
    record,
    with_more,
    writable,
    written,
)
from seatrial.web.models import Undertaking
from seatrial.web.undertakings import LONGEST_NOTE

_SYSTEM: Final = record(
    {
        "system": TEXT,
        "verdict": {"enum": [*(answer.value for answer in Answer), None]},
        "sentence": TEXT,
        "gaps": {"type": ["integer", "null"]},
        "valid_until": TIME_OR_NONE,
        "earliest_go_live": DAY_OR_NONE,
        "problem": {"type": "string", "description": "why there is no verdict"},
    }
)
_STOOD_AT: Final[Schema] = {
    **TIME,
    "description": "Up to when all that was read of the record is known to stand in the ledger as it was verified. "
    "GO is answered up to 30 seconds after that, anything else up to 5 minutes; whatever is signed or put on record "
    "is compared in that moment.",
}
_VERDICT: Final[Schema] = {**verdict_schema(), **with_more(verdict_schema(), {"record_stood_at": _STOOD_AT})}
_REMARK: Final = record({"id": COUNT, "at": TIME, "by": TEXT_OR_NONE, "text": TEXT})
_REQUIREMENT: Final = record(
    {"assessment": requirement_schema(), "why": TEXT, "establishes": TEXT, "remedy": TEXT, "remarks": listing(_REMARK)}
)
_DECISION: Final = record(
    {"at": TIME, "verdict": TEXT, "rehearsal": TRUTH, "subject": TEXT, "gaps": listing(TEXT), "record": TEXT}
)
_PLAN: Final = record(
    {
        "state": one_of(list(Undertaking.STATES)),
        "owner": TEXT_OR_NONE,
        "due": DAY_OR_NONE,
        "note": TEXT,
        "by": TEXT_OR_NONE,
        "at": TIME,
    }
)
_PLANNED: Final = with_more(gap_schema(), {"plan": {"anyOf": [_PLAN, {"type": "null"}]}})

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-systems",
        path="systems/",
        about="The systems that you may see.",
        inside=False,
        operations={
            "GET": Operation(
                summary="The systems with their verdicts in one word; with a token, its own. GO may be 30 s old here.",
                handle=reading.systems,
                action=SiteAction.SEE,
                item=_SYSTEM,
            )
        },
    ),
    Route(
        name="api-system",
        path="",
        about="The verdict of one system.",
        operations={
            "GET": Operation(
                summary="The verdict of now as `seatrial verdict --json` prints it, and how fresh its record is.",
                handle=reading.verdict,
                action=SiteAction.SEE,
                answer=_VERDICT,
                asks=(GATE,),
            )
        },
    ),
    Route(
        name="api-requirements",
        path="requirements/",
        about="What must be true, and what is known of it.",
        operations={
            "GET": Operation(
                summary="Each requirement with its outcome, its measures against their limits, and its findings.",
                handle=reading.requirements,
                action=SiteAction.SEE,
                item=requirement_schema(),
                asks=(
                    GATE,
                    choice("domain", [domain.value for domain in Domain], "Only those of this domain."),
                    choice("outcome", [outcome.value for outcome in Outcome], "Only those with this outcome."),
                ),
            )
        },
    ),
    Route(
        name="api-requirement",
        path="requirements/<str:requirement>/",
        about="One requirement.",
        variables={"requirement": "Its id, such as model.threshold."},
        operations={
            "GET": Operation(
                summary="One requirement with why it matters, its evidence, and the discussion.",
                handle=reading.requirement,
                action=SiteAction.SEE,
                answer=_REQUIREMENT,
                asks=(GATE,),
            )
        },
    ),
    Route(
        name="api-remarks",
        path="requirements/<str:requirement>/remarks/",
        about="The discussion of a requirement.",
        variables={"requirement": "Its id, such as model.threshold."},
        operations={
            "POST": Operation(
                summary="Add a line to the discussion.",
                handle=doing.remark,
                action=SiteAction.DISCUSS,
                takes=record({"text": written("What you say.", 4000)}),
                answer=_REMARK,
                status=201,
            )
        },
    ),
    Route(
        name="api-gaps",
        path="gaps/",
        about="What stands between the system and GO.",
        operations={
            "GET": Operation(
                summary="Each gap with who closes it, how and by when.",
                handle=reading.gaps,
                action=SiteAction.SEE,
                item=_PLANNED,
                asks=(
                    GATE,
                    Parameter(
                        name="owner",
                        schema={"type": ["string", "null"], "maxLength": 100},
                        says="Only those of this person.",
                    ),
                ),
            )
        },
    ),
    Route(
        name="api-plan",
        path="gaps/<str:requirement>/",
        about="Who closes the gaps of one requirement.",
        variables={"requirement": "Its id, such as model.threshold."},
        operations={
            "PUT": Operation(
                summary="Say who closes them, by when, and how far they are: a promise, which closes nothing.",
                handle=doing.plan,
                action=SiteAction.UNDERTAKE,
                takes=record(
                    {
                        "state": one_of(list(Undertaking.STATES), "How far it is."),
                        "owner": writable("A declared person; empty for whoever the gate names.", 100),
                        "due": writable("A day, such as 2027-01-11; empty for the one that follows.", 10),
                        "note": writable("A few words.", LONGEST_NOTE),
                    },
                    may_lack=("owner", "due", "note"),
                ),
                answer=_PLAN,
                asks=(GATE,),
            )
        },
    ),
    Route(
        name="api-history",
        path="history/",
        about="The verdicts that were put on record.",
        operations={
            "GET": Operation(
                summary="Every verdict of a gate that was put on record, newest first.",
                handle=reading.history,
                action=SiteAction.SEE,
                item=_DECISION,
                asks=(GATE,),
            )
        },
    ),
    Route(
        name="api-frameworks",
        path="frameworks/",
        about="What the evidence of now supports in each framework.",
        operations={
            "GET": Operation(
                summary="Clause by clause the requirements that support it; never that it complies.",
                handle=reading.frameworks,
                action=SiteAction.SEE,
                answer=record({"frameworks": listing(ANYTHING)}),
                asks=(GATE,),
            )
        },
    ),
)
