"""Reviews, drills, events, alarms and retraining over the API. What takes somebody's own key is done on the site."""

from __future__ import annotations

from django.urls import reverse

from seatrial.app.drill_history import standings
from seatrial.app.events import declared_events
from seatrial.app.retraining import on_record, told_data
from seatrial.app.watched.dealing import SITE, dealing
from seatrial.app.watched.place import watched
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.gate.permissions import Action
from seatrial.spec.drills import KINDS
from seatrial.web.access import SiteAction, put_down
from seatrial.web.api.doing import run_data
from seatrial.web.api.problem import Problem
from seatrial.web.api.route import Inside, Listed, Reply
from seatrial.web.api.serving import listed, refuse
from seatrial.web.jobs import start
from seatrial.web.models import Job, Meeting


def meetings(call: Inside) -> Listed:
    """The reviews that were called at a gate, the latest first."""
    found = Meeting.objects.filter(system=call.system, gate=call.workspace.gate.name.value).order_by("-at")
    found = found.select_related("by")
    return Listed(total=found.count(), some=lambda first, end: [_meeting(each) for each in found[first:end]])


def _meeting(each: Meeting) -> dict[str, Json]:
    return {
        "id": each.pk,
        "gate": each.gate,
        "at": to_data(each.at),
        "place": each.place,
        "invited": [str(person) for person in each.invited],
        "called_by": None if each.by is None else str(each.by.name),
        "called_off": each.called_off,
        "minutes": [{name: str(note.get(name, "")) for name in ("text", "by", "at")} for note in each.minutes],
    }


def drills(call: Inside) -> Listed:
    """Every kind of drill as the record has it."""
    return listed(
        [
            {
                "kind": each.kind,
                "state": each.state,
                "who": each.who,
                "due_at": to_data(each.due_at),
                "closed": each.closed,
                "trend": each.trend,
                "held": [
                    {
                        "requirement": one.requirement,
                        "at": to_data(one.at),
                        "outcome": one.outcome.value,
                        "said": one.said,
                        "seconds": one.seconds,
                        "record": one.record,
                    }
                    for one in reversed(each.held)
                ],
            }
            for each in standings(call.workspace)
        ]
    )


def begin_drill(call: Inside, kind: str) -> Reply:
    """Queue a drill, where it may be held now; a run that waits or runs already is told instead, with 200."""
    if kind not in KINDS:
        raise Problem(404, f"there is no drill {kind[:40]}", remedy=f"There are {', '.join(KINDS)}.")
    closed = next(each.closed for each in standings(call.workspace) if each.kind == kind)
    if closed:
        raise Problem(409, f"not now: {closed}")
    before = Job.objects.filter(system=call.system).order_by("-pk").values_list("pk", flat=True).first() or 0
    job = start(call.system, call.account, list(KINDS[kind]))
    location = reverse("api-run", args=(call.system.slug, job.pk))
    if job.pk <= before:
        return Reply(content=run_data(job), location=location)
    put_down(call.who, SiteAction.RUN, about=f"drill {kind}")
    return Reply(content=run_data(job), status=201, location=location)


def events(call: Inside) -> Listed:
    """What people raised and what ended GO otherwise, newest first."""
    return listed(
        [
            {
                "at": to_data(each.at),
                "by": each.by,
                "kind": each.kind,
                "summary": each.summary,
                "revokes": each.revokes,
            }
            for each in declared_events(call.workspace)
        ]
    )


def acknowledged(call: Inside, alarm: str) -> Reply:
    """The person who asks is on it: nobody else is paged."""
    try:
        if not watched(call.workspace):
            raise Refused(f"there is no alarm {alarm[:80]}: no watch is declared")
        with dealing(call.workspace, over=SITE) as people:
            found = people.acknowledge(alarm, person=str(call.person))
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about=f"acknowledge {alarm}", status=409) from None
    put_down(call.who, Action.RECORD_EVENT, about=f"acknowledge {alarm}")
    return Reply(content=to_data(found))


def retraining(call: Inside) -> Listed:
    """What the watch asked to be trained anew, newest first, with the answers."""
    return listed([to_data(told_data(each)) for each in on_record(call.workspace)])
