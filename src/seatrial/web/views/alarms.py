"""Alarms of the watch on the site: what is wrong, what became of it, and that somebody is on it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.app.people.retraining import on_record
from seatrial.app.watched.dealing import SITE, dealing
from seatrial.app.watched.place import watched
from seatrial.core.errors import Refused
from seatrial.gate.permissions import Action
from seatrial.watch.states import CLOSED, OPEN
from seatrial.web.access import allowed, context_of, demand, put_down, refused
from seatrial.web.language import _
from seatrial.web.pages import page
from seatrial.web.views.visiting import Visit, of_system


@of_system
def alarms(visit: Visit) -> HttpResponse:
    """The alarms that are not closed, or all of them, and what the watch asks to be trained anew."""
    everything = visit.request.GET.get("show") == "all"
    context = {
        "visit": visit,
        "watched": watched(visit.workspace),
        "everything": everything,
        "alarms": _alarms(visit, everything=everything)[::-1],
        "requests": on_record(visit.workspace),
        "verdict": visit.verdict(),
    }
    return page(visit.request, "alarms.html", context)


@of_system
def alarm(visit: Visit, alarm: str) -> HttpResponse:
    """One alarm with its trail. One of the system's people says that they are on it, or that it is dealt with.

    Neither is a statement that counts for GO, so that it takes no signature: at night one press must do.
    """
    about = context_of(visit.workspace)
    problem = ""
    if visit.request.method == "POST":
        doing = "close" if visit.request.POST.get("do") == "close" else "acknowledge"
        demand(visit.who, Action.RECORD_EVENT, about, about=f"{doing} {alarm}")
        _found(visit, alarm)
        try:
            with dealing(visit.workspace, over=SITE) as people:
                (people.close if doing == "close" else people.acknowledge)(alarm, person=str(visit.who.person))
        except Refused as error:
            problem = refused(visit.who, Action.RECORD_EVENT, error, about=f"{doing} {alarm}")
        else:
            put_down(visit.who, Action.RECORD_EVENT, about=f"{doing} {alarm}")
            closed, on_it = _("It is closed, and listens anew."), _("You are on it: nobody else is paged.")
            messages.success(visit.request, closed if doing == "close" else on_it)
            return redirect("alarm", visit.system.slug, alarm)
    found = _found(visit, alarm)
    context = {
        "visit": visit,
        "alarm": found,
        "open": found["state"] == OPEN,
        "closed": found["state"] == CLOSED,
        "may": allowed(visit.who, Action.RECORD_EVENT, about).allowed,
        "problem": problem,
        "verdict": visit.verdict(),
    }
    return page(visit.request, "alarm.html", context, status=422 if problem else 200)


def _alarms(visit: Visit, *, everything: bool) -> list[dict[str, Any]]:
    if not watched(visit.workspace):
        return []
    with dealing(visit.workspace, over=SITE) as people:
        return people.alarms(everything=everything)


def _found(visit: Visit, alarm: str) -> dict[str, Any]:
    found = next((each for each in _alarms(visit, everything=True) if each["id"] == alarm), None)
    if found is None:
        raise Http404(alarm)
    return found
