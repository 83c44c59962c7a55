"""A request for retraining on the site: what speaks for it, and the answer of the person named, with their own key."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.app.people.people import departed
from seatrial.app.people.retraining import Told, answer, criteria_now, lines, on_record
from seatrial.core.errors import Refused
from seatrial.gate.permissions import Action
from seatrial.web.access import allowed, context_of, demand, put_down, refused
from seatrial.web.keys import key_of
from seatrial.web.language import _
from seatrial.web.pages import page
from seatrial.web.trusting import trusted
from seatrial.web.views.visiting import Visit, of_system

_LONGEST = 1000


@of_system
def retraining(visit: Visit, asked: str) -> HttpResponse:
    """One request: the alarms, the criteria, who answers, and what came of it. Its answer is a signed statement."""
    about = context_of(visit.workspace, departed=departed(visit.workspace))
    told = _found(visit, asked)
    given = {name: visit.request.POST.get(name, "").strip()[:_LONGEST] for name in ("do", "because")}
    errors: dict[str, str] = {}
    problem = ""
    if visit.request.method == "POST":
        demand(visit.who, Action.ANSWER_RETRAINING, about, about=asked)
        if given["do"] not in ("approve", "decline"):
            errors["do"] = _("Choose one of the two.")
        if not given["because"]:
            errors["because"] = _("Say why: others will read it later.")
        problem = "" if errors else _answered(visit, told, given)
        if not errors and not problem:
            return redirect("retraining", visit.system.slug, asked)
    context = {
        "visit": visit,
        "told": told,
        "lines": list(lines(visit.workspace, told))[1:],
        "criteria": criteria_now(visit.workspace),
        "may": told.request.state == "open" and allowed(visit.who, Action.ANSWER_RETRAINING, about).allowed,
        "given": given,
        "errors": errors,
        "problem": problem,
        "verdict": visit.verdict(),
    }
    return page(visit.request, "retraining.html", context, status=422 if errors or problem else 200)


def _answered(visit: Visit, told: Told, given: dict[str, str]) -> str:
    """Put the answer on record; what keeps it from that, empty when it is there."""
    person, approved = str(visit.who.person), given["do"] == "approve"
    try:
        key = trusted(visit.workspace, key_of(visit.request, visit.who))
        evidence = answer(
            visit.workspace,
            person,
            told.request.digest,
            approved=approved,
            because=given["because"],
            signer=key,
        )
    except Refused as error:
        return refused(visit.who, Action.ANSWER_RETRAINING, error, about=told.request.id)
    put_down(visit.who, Action.ANSWER_RETRAINING, about=told.request.id, record=evidence.digest)
    approves, declines = _("You approved it. It is on record."), _("You declined it. It is on record.")
    messages.success(visit.request, approves if approved else declines)
    return ""


def _found(visit: Visit, asked: str) -> Told:
    found = next((each for each in on_record(visit.workspace) if each.request.id == asked), None)
    if found is None:
        raise Http404(asked)
    return found
