"""Tokens of programs, made, listed and taken away; and the API that they open, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from seatrial.web.access import Scope, SiteAction, allowed, demand, put_down
from seatrial.web.api.reference import shown
from seatrial.web.api.table import ROUTES
from seatrial.web.language import _, later
from seatrial.web.models import AccessToken
from seatrial.web.pages import page
from seatrial.web.tokens import MOST_DAYS, end, make, open_tokens, problems
from seatrial.web.views.visiting import Visit, of_system, signed_in

SAYS: Mapping[Scope, str] = {
    Scope.READ: later("Read the verdict and everything that the rooms of this system show, its log aside"),
    Scope.EVIDENCE: later("File evidence of runs made elsewhere, as bundles that are verified"),
    Scope.RUNS: later("Start and cancel runs here"),
    Scope.DRILLS: later("Begin drills: the system is taken off its usual way for a while"),
    Scope.DOUBTS: later("Report outputs that users do not trust"),
}


@never_cache
@of_system
def tokens(visit: Visit) -> HttpResponse:
    """The list; an administrator makes one, which is shown once, and any of the system's people takes one away."""
    form = visit.request.POST
    if visit.request.method != "POST":
        return _room(visit)
    if form.get("end", ""):
        return _ended(visit, form["end"])
    demand(visit.who, SiteAction.ADMIT_PROGRAM, about="a token")
    given = {name: form.get(name, "").strip() for name in ("label", "days")}
    scopes = form.getlist("scopes")
    errors = problems(given["label"], scopes, given["days"])
    if errors:
        return _room(visit, given=given, scopes=scopes, errors=errors)
    chosen = [scope for scope in Scope if scope.value in scopes]
    days = int(given["days"]) if given["days"] else None
    secret, made = make(visit.system, given["label"], chosen, days=days, by=visit.who.account)
    put_down(visit.who, SiteAction.ADMIT_PROGRAM, about=f"{made}: {', '.join(made.scopes)}")
    address = visit.request.build_absolute_uri("/").rstrip("/")
    context = {"visit": visit, "secret": secret, "made": made, "site": address, "verdict": visit.verdict()}
    return page(visit.request, "token.html", context)


@signed_in
def reference(request: HttpRequest) -> HttpResponse:
    """The API as people read it, from the table that serves it."""
    return page(request, "api.html", {"groups": shown(ROUTES)})


def _ended(visit: Visit, number: str) -> HttpResponse:
    demand(visit.who, SiteAction.END_PROGRAM, about=f"token {number}")
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
    token = AccessToken.objects.filter(system=visit.system, pk=wanted).first()
    if token is not None and end(token):
        put_down(visit.who, SiteAction.END_PROGRAM, about=token)
        messages.success(visit.request, _("That token has ended: nothing is taken with it any more."))
    return redirect("tokens", visit.system.slug)


def _room(
    visit: Visit,
    *,
    given: Mapping[str, str] | None = None,
    scopes: Sequence[str] = (),
    errors: Mapping[str, str] | None = None,
) -> HttpResponse:
    context = {
        "visit": visit,
        "tokens": open_tokens(visit.system).select_related("by"),
        "may_make": allowed(visit.who, SiteAction.ADMIT_PROGRAM).allowed,
        "says": SAYS,
        "most_days": MOST_DAYS,
        "given": given or {"label": "", "days": "90"},
        "scopes": scopes,
        "errors": errors or {},
        "verdict": visit.verdict(),
    }
    return page(visit.request, "tokens.html", context, status=422 if errors else 200)
