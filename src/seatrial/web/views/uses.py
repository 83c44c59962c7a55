"""What became of an output: two clicks by whoever works with it, where the workflow keeps no log of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from seatrial.app.folder.mapped_csv import read_csv
from seatrial.app.people.response_log import FILE, begin_log, recorded_here, said_problems, shown_outputs, workflows_of
from seatrial.app.people.training import users_of
from seatrial.core.errors import SeatrialError
from seatrial.domains.organization.responses import ACTED_ON, IGNORED, OVERRIDDEN
from seatrial.gate.permissions import Action
from seatrial.web.access import SiteAction, allowed, context_of, demand, put_down
from seatrial.web.language import _, later, sentences
from seatrial.web.models import OutputUse
from seatrial.web.pages import page
from seatrial.web.uploading import uploaded
from seatrial.web.uses import counted_here, keep_shown, say_use
from seatrial.web.views.visiting import Visit, of_system, of_users

_FIELDS = ("output", "workflow", "response", "workaround")
_TITLES = ((ACTED_ON, later("I acted on it")), (OVERRIDDEN, later("I did otherwise")), (IGNORED, later("I ignored it")))
_COUNTED = 20_000
_SHOWN = 50


@of_users
def uses(visit: Visit) -> HttpResponse:
    """The two clicks, what this user said last, and for the system's people what became of the outputs."""
    if visit.request.method != "POST":
        given = {"output": visit.request.GET.get("output", "")[:200], "workflow": visit.request.GET.get("workflow", "")}
        return _room(visit, given, {})
    demand(visit.who, SiteAction.SAY_USE, about=visit.request.POST.get("output", ""))
    given = {key: visit.request.POST.get(key, "").strip() for key in _FIELDS}
    team = _team(visit)
    possible = workflows_of(visit.workspace.system, team)
    if not given["workflow"] and len(possible) == 1:
        given["workflow"] = possible[0]
    errors = said_problems(given, possible)
    if not errors and not recorded_here(visit.workspace.system):
        errors["output"] = _("Nothing is recorded here: one of the system's people begins the log.")
    if not errors:
        try:
            say_use(visit.system, visit.workspace, given, user=str(visit.who.user), team=team)
        except SeatrialError as error:
            errors["output"] = sentences(error.what, error.remedy)
        else:
            messages.success(
                visit.request,
                _("%(output)s: %(response)s. Thank you.", output=given["output"], response=_(given["response"])),
            )
            return redirect(visit.url("uses"))
    return _room(visit, given, errors)


@of_system
def log(visit: Visit) -> HttpResponse:
    """One of the system's people begins the log, or brings the list of the outputs that were shown."""
    demand(visit.who, Action.RECORD_EVENT, context_of(visit.workspace), about="the log of what became of outputs")
    errors: dict[str, Any] = {}
    try:
        if visit.request.POST.get("do") == "begin":
            begin_log(visit.workspace)
            put_down(visit.who, Action.RECORD_EVENT, about=f"change.log: {FILE}")
            messages.success(
                visit.request, _("%(file)s is begun, and the system file names it in change.log.", file=FILE)
            )
            return redirect(visit.url("uses"))
        upload = uploaded(visit.request, "file", only=(".csv",))
        if upload is None:
            errors["file"] = _("Choose the file.")
        else:
            shown, bad = shown_outputs(read_csv(upload.content), visit.workspace.system, timezone.now())
            errors = {"file": _("Nothing was taken over: see the lines below."), "lines": bad[:_SHOWN]} if bad else {}
            if not bad and recorded_here(visit.workspace.system):
                new = keep_shown(visit.system, visit.workspace, shown)
                put_down(visit.who, Action.RECORD_EVENT, about=f"{new} outputs that were shown, from {upload.name}")
                messages.success(
                    visit.request,
                    _("%(new)s outputs are new: they count as ignored until somebody says more.", new=new),
                )
                return redirect(visit.url("uses"))
    except SeatrialError as error:
        errors["file"] = sentences(error.what, error.remedy)
    return _room(visit, {}, errors or {"file": _("Nothing is recorded here: begin the log first.")})


def _team(visit: Visit) -> str:
    return next((user.group for user in users_of(visit.workspace) if user.id == visit.who.user), "")


def _room(visit: Visit, given: Mapping[str, str], errors: Mapping[str, Any]) -> HttpResponse:
    system = visit.workspace.system
    said = OutputUse.objects.filter(system=visit.system)
    listed = list(said[:_COUNTED]) if visit.inside else []
    counts: Sequence[Mapping[str, str | int]] = ()
    uncounted = ""
    try:
        counts = counted_here(visit.workspace) if visit.inside else ()
    except SeatrialError as error:
        uncounted = sentences(error.what, error.remedy)
    context = {
        "visit": visit,
        "here": recorded_here(system),
        "elsewhere": system.change.log.source.partition("?")[0] if system.change.log else "",
        "workflows": workflows_of(system, _team(visit)) if visit.who.user else (),
        "answers": _TITLES,
        "may_say": allowed(visit.who, SiteAction.SAY_USE).allowed,
        "may_begin": visit.inside and allowed(visit.who, Action.RECORD_EVENT, context_of(visit.workspace)).allowed,
        "given": given,
        "errors": errors,
        "mine": said.filter(user=visit.who.user)[:5] if visit.who.user else (),
        "counted": counts,
        "uncounted": uncounted,
        "workarounds": Counter(use.workaround for use in listed if use.workaround).most_common(_SHOWN),
        "verdict": visit.verdict() if visit.inside else None,
    }
    return page(visit.request, "uses.html", context, status=422 if errors else 200)
