"""What became of outputs, over the API: said by whoever works with them, counted for the system's people."""

from __future__ import annotations

from collections import Counter

from django.utils import timezone

from seatrial.app.folder.mapped_csv import Line, MappedCsv
from seatrial.app.people.response_log import (
    SHOWN,
    begin_log,
    recorded_here,
    said_problems,
    shown_outputs,
    workflows_of,
)
from seatrial.app.people.training import users_of
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction, Visitor, allowed, put_down
from seatrial.web.api.problem import Problem
from seatrial.web.api.route import Inside, Reply
from seatrial.web.api.serving import refuse
from seatrial.web.fleet import workspace_of
from seatrial.web.models import OutputUse
from seatrial.web.uses import counted_here, keep_shown, say_use

_COUNTED = 20_000
_SHOWN = 50
_MOST_TOLD = 200
_NOT_HERE = Refused("nothing is recorded here", remedy="One of the system's people begins the log: POST uses/log/.")


def uses(call: Inside) -> Reply:
    """For the system's people the counts and the workarounds without names; for users what they said last."""
    return Reply(content=_uses(call))


def said(call: Inside) -> Reply:
    """Keep what the user who asks did with an output; what they said of it before is replaced."""
    user = call.who.user if isinstance(call.who, Visitor) else None
    team = next((each.group for each in users_of(call.workspace) if each.id == user), "")
    possible = workflows_of(call.workspace.system, team)
    given = {key: str(call.given.get(key, "")).strip() for key in ("output", "workflow", "response", "workaround")}
    if not given["workflow"] and len(possible) == 1:
        given["workflow"] = possible[0]
    errors = {f"/{key}": wrong for key, wrong in said_problems(given, possible).items()}
    if errors:
        raise Problem(422, "what was sent cannot be taken", errors=errors)
    if not recorded_here(call.workspace.system):
        raise refuse(call, SiteAction.SAY_USE, _NOT_HERE, about=given["output"], status=409)
    say_use(call.system, call.workspace, given, user=str(user), team=team)
    told: Json = dict(given)
    return Reply(content=told, status=201)


def begun(call: Inside) -> Reply:
    """Begin the log, and name it in the system file."""
    try:
        begin_log(call.workspace)
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about="change.log", status=409) from None
    put_down(call.who, Action.RECORD_EVENT, about="change.log: begun over the API")
    anew = workspace_of(call.system, call.workspace.gate.name)
    log = anew.system.change.log
    return Reply(content={"log": "" if log is None else log.source}, status=201)


def brought(call: Inside) -> Reply:
    """Keep that these outputs were shown: they count as ignored until somebody says more."""
    if not recorded_here(call.workspace.system):
        raise refuse(call, Action.RECORD_EVENT, _NOT_HERE, about="outputs that were shown", status=409)
    lines = tuple(
        Line(number=place, cells={name: str(each[name]).strip() for name in SHOWN})
        for place, each in enumerate(call.given["outputs"])
    )
    shown, bad = shown_outputs(MappedCsv(columns=SHOWN, lines=lines, bad=()), call.workspace.system, timezone.now())
    if bad:
        errors = {f"/outputs/{each.line}": each.what for each in bad[:_MOST_TOLD]}
        raise Problem(422, f"{len(bad)} of them cannot be taken, so that none is", errors=errors)
    new = keep_shown(call.system, call.workspace, shown)
    put_down(call.who, Action.RECORD_EVENT, about=f"{new} outputs that were shown, over the API")
    return Reply(content={"new": new, "known": len(shown) - new}, status=201)


def _uses(call: Inside) -> Json:
    system = call.workspace.system
    inside = allowed(call.who, SiteAction.SEE).allowed
    user = call.who.user if isinstance(call.who, Visitor) else None
    kept = OutputUse.objects.filter(system=call.system)
    listed = list(kept[:_COUNTED]) if inside else []
    workarounds = Counter(use.workaround for use in listed if use.workaround).most_common(_SHOWN)
    return {
        "recorded_here": recorded_here(system),
        "counted": [dict(each) for each in (counted_here(call.workspace) if inside else ())],
        "workarounds": [{"said": text, "times": times} for text, times in workarounds],
        "mine": [
            {"output": use.output, "workflow": use.workflow, "response": use.response, "workaround": use.workaround}
            for use in (kept.filter(user=user)[:_SHOWN] if user else ())
        ],
    }
