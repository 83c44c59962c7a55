"""Where a requirement does not apply: one person asks with their own key, another one approves with theirs."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.app.people.people import exempt, exemption_requests, request_exemption
from seatrial.core.errors import Refused
from seatrial.gate.catalogue import by_id
from seatrial.gate.permissions import Action
from seatrial.web.access import allowed, context_of, demand, put_down, refused
from seatrial.web.keys import key_of
from seatrial.web.language import _
from seatrial.web.pages import page
from seatrial.web.trusting import trusted
from seatrial.web.views.visiting import Visit, of_system

LONGEST: Final = 2000


@of_system
def exemption(visit: Visit, requirement: str) -> HttpResponse:
    """Ask that the requirement does not apply, or approve what somebody else asked for."""
    if requirement not in {row.id for row in visit.gate.requirements} or not by_id(requirement).may_be_not_applicable:
        raise Http404(requirement)
    form = visit.request.POST
    given = {name: form.get(name, "").strip() for name in ("reason", "asked_by")}
    requests = exemption_requests(visit.workspace, requirement)
    errors: dict[str, str] = {}
    if visit.request.method == "POST":
        asked_by = given["asked_by"]
        action = Action.APPROVE_EXEMPTION if asked_by else Action.REQUEST_EXEMPTION
        context = context_of(visit.workspace, requirement=by_id(requirement), requested_by=asked_by or None)
        demand(visit.who, action, context, about=requirement)
        if not given["reason"]:
            errors["reason"] = _("Say why, in a sentence that others will understand later.")
        elif len(given["reason"]) > LONGEST:
            errors["reason"] = _(
                "These are %(length)s characters; at most %(longest)s are kept.",
                length=len(given["reason"]),
                longest=LONGEST,
            )
        else:
            try:
                _stated(visit, action, requirement, asked_by, given["reason"])
            except Refused as error:
                errors["password"] = refused(visit.who, action, error, about=requirement)
        if not errors:
            return redirect(visit.url("requirement", requirement))
    shown = {
        "visit": visit,
        "verdict": visit.verdict(),
        "row": by_id(requirement),
        "requests": [(who, _name(visit, who), why) for who, why in requests.items()],
        "may_approve": {
            who
            for who in requests
            if allowed(
                visit.who,
                Action.APPROVE_EXEMPTION,
                context_of(visit.workspace, requirement=by_id(requirement), requested_by=who),
            ).allowed
        },
        "may_ask": allowed(
            visit.who, Action.REQUEST_EXEMPTION, context_of(visit.workspace, requirement=by_id(requirement))
        ).allowed,
        "given": given,
        "errors": errors,
        "longest": LONGEST,
    }
    return page(visit.request, "exemption.html", shown, status=422 if errors else 200)


def _stated(visit: Visit, action: Action, requirement: str, asked_by: str, reason: str) -> None:
    person = str(visit.who.person)
    key = trusted(visit.workspace, key_of(visit.request, visit.who))
    if action is Action.APPROVE_EXEMPTION:
        stated = exempt(visit.workspace, person, requirement, requested_by=asked_by, reason=reason, signer=key)
        told = _("You approved it: %(requirement)s does not apply. It is on record.", requirement=requirement)
    else:
        stated = request_exemption(visit.workspace, person, requirement, reason=reason, signer=key)
        told = _("You asked for it. It counts once somebody else approves it.")
    put_down(visit.who, action, about=requirement, record=stated.digest)
    messages.success(visit.request, told)


def _name(visit: Visit, person: str) -> str:
    declared = visit.workspace.system.people.get(person)
    return person if declared is None else declared.name
