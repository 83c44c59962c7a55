"""People: who answers for what, and whether they accepted it."""

from __future__ import annotations

import hashlib

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.app.people.duties import duty_text, named_later
from seatrial.app.people.papers import slots
from seatrial.app.people.people import accept as state_acceptance
from seatrial.core.errors import Refused
from seatrial.gate.permissions import Action, holders
from seatrial.web.access import context_of, demand, put_down, refused
from seatrial.web.keys import key_of
from seatrial.web.language import _
from seatrial.web.models import Membership
from seatrial.web.pages import page
from seatrial.web.standing import accepted_duties
from seatrial.web.trusting import trusted
from seatrial.web.views.visiting import Visit, of_system


@of_system
def people(visit: Visit) -> HttpResponse:
    """The ownership questions, deputies, acceptances, and who has an account here."""
    system = visit.workspace.system
    accounts = {m.person: m.account for m in Membership.objects.filter(system=visit.system).select_related("account")}
    accepted = accepted_duties(visit.workspace)
    rows = [
        {
            "duty": duty,
            "person": who,
            "name": system.people[who].name if who in system.people else "",
            "at": accepted.get((duty, who or "")),
            "first": named_later(system, duty),
        }
        for duty, who in holders(system).items()
    ]
    context = {"visit": visit, "system": system, "rows": rows, "accounts": accounts, "verdict": visit.verdict()}
    return page(visit.request, "people.html", context)


@of_system
def accept(visit: Visit, duty: str) -> HttpResponse:
    """The person themselves accepts a duty, having seen what it says, with their own key."""
    declared = holders(visit.workspace.system)
    if duty not in declared:
        raise Http404(duty)
    demand(visit.who, Action.ACCEPT, context_of(visit.workspace, duty=duty), about=duty)
    shown = duty_text(visit.workspace, duty)
    seen = hashlib.sha256(shown.encode()).hexdigest()
    problem = ""
    if visit.request.method == "POST" and visit.request.POST.get("seen") != seen:
        problem = _("The duty has changed while you were reading. This is how it stands now.")
    elif visit.request.method == "POST":
        person = str(visit.who.person)
        try:
            key = trusted(visit.workspace, key_of(visit.request, visit.who))
            evidence = state_acceptance(visit.workspace, person, duty, shown=shown, signer=key)
        except Refused as error:
            problem = refused(visit.who, Action.ACCEPT, error, about=duty)
        else:
            put_down(visit.who, Action.ACCEPT, about=duty, record=evidence.digest)
            messages.success(visit.request, _("You accepted: %(duty)s. It is on record.", duty=duty))
            return redirect("people", visit.system.slug)
    context = {
        "visit": visit,
        "duty": duty,
        "shown": shown,
        "seen": seen,
        "problem": problem,
        "first": named_later(visit.workspace.system, duty),
        "handed_in": {slot.field for slot in slots(visit.workspace.system)},
        "verdict": visit.verdict(),
    }
    return page(visit.request, "accept.html", context, status=422 if problem else 200)
