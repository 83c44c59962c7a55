"""Reviews, drills, events, alarms and retraining over the API. What takes somebody's own key is done on the site."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.urls import reverse

from seatrial.app.deciding.deciding import record_decision
from seatrial.app.drilling.history import standings
from seatrial.app.people.events import declared_events
from seatrial.app.people.retraining import on_record, told_data
from seatrial.app.watched.dealing import SITE, Dealing, dealing
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
from seatrial.web.fleet import verdict_of
from seatrial.web.jobs import start
from seatrial.web.meetings import Told, add_minutes, call_off, call_review, problems, time_of
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


def call_meeting(call: Inside) -> Reply:
    """Call the review at a gate, and tell everybody concerned over their own route."""
    at, place = time_of(call.given["at"]), call.given["place"].strip()
    errors = {f"/{name}": wrong for name, wrong in problems(call.given["at"], place).items()}
    if errors or at is None or call.account is None:
        raise Problem(422, "what was sent cannot be taken", errors=errors)
    verdict = verdict_of(call.system, call.workspace)
    meeting, told = call_review(call.system, call.workspace, verdict, at=at, place=place, by=call.account)
    put_down(call.who, SiteAction.CALL_REVIEW, about=f"{meeting.gate} {at.isoformat()}")
    return Reply(content={"meeting": _meeting(meeting), **_told(told)}, status=201)


def write_minutes(call: Inside, number: int) -> Reply:
    """Add to the minutes of a meeting."""
    found = _called(call, number)
    if call.account is None:
        raise Problem(403, "only this system's people do this")
    add_minutes(found, call.given["text"].strip(), by=call.account)
    put_down(call.who, SiteAction.CALL_REVIEW, about=f"minutes of {found.at.isoformat()}")
    found.refresh_from_db()
    return Reply(content=_meeting(found), status=201)


def call_meeting_off(call: Inside, number: int) -> Reply:
    """Call a meeting off, and tell everybody who was invited."""
    found = _called(call, number)
    told = call_off(found, call.workspace)
    if told is None:
        raise Problem(409, "it was called off already")
    put_down(call.who, SiteAction.CALL_REVIEW, about=f"{found.at.isoformat()} called off")
    found.refresh_from_db()
    return Reply(content={"meeting": _meeting(found), **_told(told)})


def decide(call: Inside) -> Reply:
    """Put on record what the gate says at this moment: the answer is computed, not sent."""
    verdict = verdict_of(call.system, call.workspace, anew=True)
    evidence = record_decision(call.workspace, verdict)
    put_down(call.who, SiteAction.DECIDE, about=call.workspace.gate.name.value, record=evidence.digest)
    content = {"verdict": verdict.verdict.value, "sequence": evidence.sequence, "record": evidence.digest}
    return Reply(content=content, status=201)


def _called(call: Inside, number: int) -> Meeting:
    gate = call.workspace.gate.name.value
    found = Meeting.objects.filter(system=call.system, gate=gate, pk=number).select_related("by", "system").first()
    if found is None:
        raise Problem(404, f"there is no meeting {number} at this gate")
    return found


def _told(told: Told) -> dict[str, Json]:
    return {"told": told.reached, "not_told": [str(each) for each in told.unreached]}


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
        error = Refused(f"not now: {closed}")
        raise refuse(call, SiteAction.DRILL, error, about=f"drill {kind}", status=409)
    before = Job.objects.filter(system=call.system).order_by("-pk").values_list("pk", flat=True).first() or 0
    job = start(call.system, call.account, list(KINDS[kind]))
    location = reverse("api-run", args=(call.system.slug, job.pk))
    if job.pk <= before:
        return Reply(content=run_data(job), location=location)
    put_down(call.who, SiteAction.DRILL, about=f"drill {kind}")
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
    with _dealing(call, f"acknowledge {alarm}") as people:
        found = people.acknowledge(alarm, person=str(call.person))
    put_down(call.who, Action.RECORD_EVENT, about=f"acknowledge {alarm}")
    return Reply(content=to_data(found))


def closed(call: Inside, alarm: str) -> Reply:
    """The person who asks has dealt with it, and it listens anew."""
    with _dealing(call, f"close {alarm}") as people:
        found = people.close(alarm, person=str(call.person))
    put_down(call.who, Action.RECORD_EVENT, about=f"close {alarm}")
    return Reply(content=to_data(found))


def silences(call: Inside) -> Listed:
    """The silences that hold now; none where no watch is declared."""
    if not watched(call.workspace):
        return listed([])
    with dealing(call.workspace, over=SITE) as people:
        return listed([to_data(each) for each in people.silences()])


def silence(call: Inside) -> Reply:
    """Nobody is paged about a monitor for a while, for a reason that goes on record."""
    monitor = call.given["monitor"].strip()
    with _dealing(call, f"silence {monitor}") as people:
        made = people.silence(
            monitor, person=str(call.person), why=call.given["why"], for_s=float(call.given["seconds"])
        )
    put_down(call.who, Action.RECORD_EVENT, about=f"silence {monitor}")
    return Reply(content=to_data(made), status=201)


@contextmanager
def _dealing(call: Inside, about: str) -> Iterator[Dealing]:
    """Dealing with alarms as the person who asks; what a rule refuses is on record, and answered with 409."""
    try:
        if not watched(call.workspace):
            raise Refused("no watch is declared, so that there is no alarm")
        with dealing(call.workspace, over=SITE) as people:
            yield people
    except Refused as error:
        raise refuse(call, Action.RECORD_EVENT, error, about=about, status=409) from None


def retraining(call: Inside) -> Listed:
    """What the watch asked to be trained anew, newest first, with the answers."""
    return listed([to_data(told_data(each)) for each in on_record(call.workspace)])
