"""The whole API as one table, from which it is served, described and tested."""

from __future__ import annotations

from typing import Final

from seatrial.app.filing import MOST_BYTES
from seatrial.core.vocabulary import Answer, Domain, Outcome, RecordType
from seatrial.gate.encoding import gap_schema, requirement_schema, verdict_schema
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction
from seatrial.web.api import bundles, doing, reading
from seatrial.web.api.describing import openapi
from seatrial.web.api.route import Call, Operation, Parameter, Reply, Route, Schema
from seatrial.web.api.serving import GATE
from seatrial.web.api.shapes import (
    ANYTHING,
    COUNT,
    DAY_OR_NONE,
    SECONDS_OR_NONE,
    TEXT,
    TEXT_OR_NONE,
    TIME,
    TIME_OR_NONE,
    TRUTH,
    TRUTH_OR_NONE,
    listing,
    one_of,
    record,
    with_more,
    writable,
    written,
)
from seatrial.web.models import Job, Undertaking
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
_REMARK: Final = record({"id": COUNT, "at": TIME, "by": TEXT_OR_NONE, "text": TEXT})
_REQUIREMENT: Final = record(
    {"assessment": requirement_schema(), "why": TEXT, "establishes": TEXT, "remedy": TEXT, "remarks": listing(_REMARK)}
)
_DECISION: Final = record(
    {"at": TIME, "verdict": TEXT, "rehearsal": TRUTH, "subject": TEXT, "gaps": listing(TEXT), "record": TEXT}
)
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
_RUN: Final = record(
    {
        "id": COUNT,
        "state": one_of([Job.QUEUED, Job.RUNNING, Job.CANCELLING, Job.DONE, Job.FAILED, Job.CANCELLED]),
        "only": listing(TEXT),
        "by": TEXT_OR_NONE,
        "created_at": TIME,
        "started_at": TIME_OR_NONE,
        "ended_at": TIME_OR_NONE,
        "doing": TEXT,
        "checks": listing(TEXT),
        "done": {"type": "object", "additionalProperties": TEXT},
        "problem": TEXT,
    }
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
_DEED: Final = record(
    {"at": TIME, "who": TEXT, "action": TEXT, "about": TEXT, "allowed": TRUTH, "reason": TEXT, "record": TEXT}
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


def _choice(name: str, values: list[str], says: str) -> Parameter:
    return Parameter(name=name, schema={"enum": [*values, None]}, says=says)


def _described(call: Call) -> Reply:
    """The description of everything that is served."""
    del call
    return Reply(content=openapi(ROUTES))


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        name="api-description",
        path="openapi.json",
        about="This description.",
        inside=False,
        public=True,
        operations={
            "GET": Operation(
                summary="This description, as OpenAPI 3.1.", handle=_described, action=None, answer=ANYTHING
            )
        },
    ),
    Route(
        name="api-systems",
        path="systems/",
        about="The systems that you may see.",
        inside=False,
        operations={
            "GET": Operation(
                summary="The systems with their verdicts in one word; with a token, its own.",
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
                summary="The verdict of now, exactly as `seatrial verdict --json` prints it.",
                handle=reading.verdict,
                action=SiteAction.SEE,
                answer=verdict_schema(),
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
                    _choice("domain", [domain.value for domain in Domain], "Only those of this domain."),
                    _choice("outcome", [outcome.value for outcome in Outcome], "Only those with this outcome."),
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
        name="api-records",
        path="records/",
        about="The ledger.",
        operations={
            "GET": Operation(
                summary="Everything on record, newest first.",
                handle=reading.records,
                action=SiteAction.SEE,
                item=record(_ON_RECORD),
                asks=(_choice("type", [kind.value for kind in RecordType], "Only records of this type."),),
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
                asks=(_choice("all", ["yes"], "`yes` for closed ones too."),),
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
                asks=(_choice("waiting", ["yes"], "`yes` for those without an answer."),),
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
    Route(
        name="api-runs",
        path="runs/",
        about="Runs and drills that were started on the site.",
        operations={
            "GET": Operation(summary="Runs, newest first.", handle=doing.runs, action=SiteAction.SEE, item=_RUN),
            "POST": Operation(
                summary="Start a run. While one waits or runs, that one is told with 200 and none is started.",
                handle=doing.begin,
                action=SiteAction.RUN,
                takes=record(
                    {
                        "only": {
                            "type": "array",
                            "items": TEXT,
                            "maxItems": 200,
                            "description": "Ids of checks or names of domains; all checks where it is left out.",
                        }
                    },
                    may_lack=("only",),
                ),
                answer=_RUN,
                status=201,
                also={200: "one waits or runs already"},
            ),
        },
    ),
    Route(
        name="api-run",
        path="runs/<int:number>/",
        about="One run.",
        variables={"number": "Its number."},
        operations={
            "GET": Operation(
                summary="One run: what it does now and what it has done.",
                handle=doing.run,
                action=SiteAction.SEE,
                answer=_RUN,
            )
        },
    ),
    Route(
        name="api-run-cancel",
        path="runs/<int:number>/cancel/",
        about="The end of a run.",
        variables={"number": "The run's number."},
        operations={
            "POST": Operation(
                summary="Cancel it: a running one restores what it changed first. Again changes nothing.",
                handle=doing.stop,
                action=SiteAction.CANCEL,
                answer=_RUN,
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
