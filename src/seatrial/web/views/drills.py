"""Drills on the site: what came of them and when they are due, the stop for real, and events that end GO."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.drilling.history import DrillStanding, standings
from seatrial.app.drilling.stopping import procedure_of, stop_now
from seatrial.app.folder.ledgers import keystore, known
from seatrial.app.people.events import declared_events, raise_event
from seatrial.core.errors import Refused, SeatrialError
from seatrial.core.observation import Figure, Json
from seatrial.gate.permissions import Action
from seatrial.present import charts
from seatrial.spec.drills import KINDS
from seatrial.web.access import SiteAction, allowed, context_of, demand, put_down, refused
from seatrial.web.jobs import start
from seatrial.web.keys import key_of
from seatrial.web.language import _, later, sentences
from seatrial.web.models import Job
from seatrial.web.pages import page
from seatrial.web.trusting import trusted
from seatrial.web.views.visiting import Visit, of_system

_REHEARSED = {
    "rollback": later("the way back to the version before"),
    "page": later("the alert at night, and who answers it"),
    "escalation": later("an output that somebody does not believe"),
    "fallback": later("the work by hand"),
    "stop": later("the stop by whoever may pull it"),
    "outage": later("a source that is cut off"),
    "offline": later("taking it offline by its rules"),
}
"""What each kind of drill rehearses, for somebody who does not know its name."""
_SHOWN = 12
_LONGEST = 500


@of_system
def drills(visit: Visit) -> HttpResponse:
    """Every kind of drill; a person of the system begins one, which a worker holds."""
    if visit.request.method == "POST":
        kind = visit.request.POST.get("kind", "")
        demand(visit.who, SiteAction.DRILL, about=f"drill {kind}")
        if kind not in KINDS:
            messages.error(visit.request, _("Choose one of the drills."))
            return redirect("drills", visit.system.slug)
        closed = next(each.closed for each in standings(visit.workspace) if each.kind == kind)
        if closed:
            error = Refused(_("Not now: %(closed)s.", closed=closed))
            messages.error(visit.request, refused(visit.who, SiteAction.DRILL, error, about=f"drill {kind}"))
            return redirect("drills", visit.system.slug)
        job = start(visit.system, visit.who.account, list(KINDS[kind]))
        put_down(visit.who, SiteAction.DRILL, about=f"drill {kind}")
        return redirect("run", visit.system.slug, job.pk)
    rows = [
        {"standing": each, "picture": _picture(each), "rehearsed": _REHEARSED[each.kind]}
        for each in standings(visit.workspace)
    ]
    context = {
        "visit": visit,
        "rows": rows,
        "running": Job.objects.filter(system=visit.system, state__in=Job.OPEN).first(),
        "may_hold": allowed(visit.who, SiteAction.DRILL).allowed,
        "may_stop": allowed(visit.who, Action.PULL_STOP, context_of(visit.workspace)).allowed,
        "verdict": visit.verdict(),
    }
    return page(visit.request, "drills.html", context)


def _picture(standing: DrillStanding) -> str:
    """How the times of a drill develop, part by part; empty while there are fewer than two to compare."""
    timed = [each for each in standing.held if each.seconds is not None][-_SHOWN:]
    if len(timed) < 2:
        return ""
    rows: tuple[Mapping[str, Json], ...] = tuple(
        {"name": f"{each.at:%Y-%m-%d %H:%M}", "part": part, "seconds": seconds}
        for each in timed
        for part, seconds in each.parts.items()
    )
    return charts.svg(Figure(kind="durations", title=f"{standing.kind} drills", rows=rows, options={"limit_s": None}))


@of_system
def stop(visit: Visit) -> HttpResponse:
    """The stop, for whoever may pull it: one field and one button, on a page that needs nothing else to work."""
    about = context_of(visit.workspace)
    may = allowed(visit.who, Action.PULL_STOP, about)
    context = {
        "visit": visit,
        "may": may,
        "procedure": procedure_of(visit.workspace.system),
        "problem": "",
        "stopped": None,
        "why": visit.request.POST.get("why", "").strip()[:_LONGEST],
    }
    if visit.request.method == "POST":
        demand(visit.who, Action.PULL_STOP, about, about="stop")
        person = str(visit.who.person)
        try:
            # A lost second factor must not keep the system running: the password is enough for this alone.
            own = key_of(visit.request, visit.who, second=False)
            stopped = stop_now(visit.workspace, person, why=str(context["why"]), signer=_counting(visit, own))
        except Refused as error:
            context["problem"] = refused(visit.who, Action.PULL_STOP, error, about="stop")
        except SeatrialError as error:
            context["problem"] = sentences(error.what, error.remedy, _("Stop it by hand now."))
            put_down(visit.who, Action.PULL_STOP, about=f"failed: {error.what}")
        else:
            put_down(visit.who, Action.PULL_STOP, about=stopped.said, record=stopped.record)
            context["stopped"] = stopped
    return page(visit.request, "stop.html", context, status=422 if context["problem"] else 200)


def _counting(visit: Visit, own: Ed25519Signer) -> Ed25519Signer:
    """Their own key where it counts in the ledger, else the worker's: the stop waits for no keeper of keys."""
    try:
        return trusted(visit.workspace, own)
    except SeatrialError:
        return known(visit.workspace, keystore(visit.workspace).worker())


@of_system
def events(visit: Visit) -> HttpResponse:
    """Declared events, such as a regulator's notice: what was raised, and the form that raises one."""
    rules = [rule.event for rule in visit.workspace.system.governance.offline_when if rule.event]
    given = {key: visit.request.POST.get(key, "").strip()[:_LONGEST] for key in ("kind", "summary")}
    problem = ""
    if visit.request.method == "POST":
        demand(visit.who, Action.RECORD_EVENT, context_of(visit.workspace), about=given["kind"])
        person = str(visit.who.person)
        if not given["kind"] or not given["summary"]:
            problem = _("Say what kind of event it is, and what happened.")
        else:
            try:
                key = trusted(visit.workspace, key_of(visit.request, visit.who))
                raised = raise_event(
                    visit.workspace, person, given["kind"], summary=given["summary"], revokes=False, signer=key
                )
            except Refused as error:
                problem = refused(visit.who, Action.RECORD_EVENT, error, about=given["kind"])
            else:
                put_down(visit.who, Action.RECORD_EVENT, about=given["kind"], record=raised.digest)
                ends = bool(raised.record.body["revokes"])
                said = (
                    _("GO is revoked, and the watch pages whoever takes it offline.")
                    if ends
                    else _("No rule names it.")
                )
                messages.success(visit.request, sentences(_("The event is on record."), said))
                return redirect("events", visit.system.slug)
    context = {
        "visit": visit,
        "rules": rules,
        "raised": declared_events(visit.workspace),
        "may_raise": allowed(visit.who, Action.RECORD_EVENT, context_of(visit.workspace)).allowed,
        "given": given,
        "problem": problem,
        "verdict": visit.verdict(),
    }
    return page(visit.request, "events.html", context, status=422 if problem else 200)
