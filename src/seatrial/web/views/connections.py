"""The connections of a system, which IT completes here or in the system file itself."""

from __future__ import annotations

from itertools import groupby

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from seatrial.app.proposing.connecting import Connection, connect, stands
from seatrial.app.proposing.connecting import connections as declared
from seatrial.core.errors import SeatrialError
from seatrial.web.access import SiteAction, allowed, context_of, demand, put_down
from seatrial.web.language import _, sentences
from seatrial.web.pages import page
from seatrial.web.views.visiting import Visit, of_system


@of_system
def connections(visit: Visit) -> HttpResponse:
    """Everything that can be completed here, and what is said there now."""
    given: dict[str, str] = {}
    errors: dict[str, str] = {}
    context = context_of(visit.workspace)
    seen = stands(visit.workspace)
    if visit.request.method == "POST":
        demand(visit.who, SiteAction.CONNECT, context, about="the connections")
        given = {each.field: visit.request.POST.get(each.field, "") for each in declared(visit.workspace)}
        written: tuple[str, ...] = ()
        try:
            written, errors = connect(visit.workspace, given, seen=visit.request.POST.get("seen", ""))
        except SeatrialError as error:
            errors = {"": sentences(error.what, error.remedy)}
        if written:
            put_down(visit.who, SiteAction.CONNECT, about=", ".join(written))
            messages.success(visit.request, _("Written: %(fields)s.", fields=", ".join(written)))
        elif not errors:
            messages.info(visit.request, _("Nothing differs from what the file says already."))
        if not errors:
            return redirect(visit.url("connections"))
    may_connect = allowed(visit.who, SiteAction.CONNECT, context).allowed
    rows = [each for each in declared(visit.workspace) if may_connect or each.value]
    shown = {
        "visit": visit,
        "verdict": visit.verdict(),
        "sections": [(title, list(each)) for title, each in groupby(rows, key=_section)],
        "given": given,
        "errors": errors,
        "seen": seen,
        "may_connect": may_connect,
    }
    return page(visit.request, "connections.html", shown, status=422 if errors else 200)


def _section(each: Connection) -> str:
    """What a value belongs to: `model`, or `integrations.weather`."""
    return ".".join(each.path[: 2 if each.path[0] == "integrations" else 1])
