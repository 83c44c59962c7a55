"""What stands between a system and GO: in groups, on one picture, and with what people said of it."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.gate.grouping import By, grouped
from seatrial.present.dossier import vocabulary
from seatrial.web.access import SiteAction, allowed, demand, put_down
from seatrial.web.language import _, later, shortened
from seatrial.web.models import Undertaking
from seatrial.web.pages import page
from seatrial.web.undertakings import as_planned, problems, undertake, undertaken
from seatrial.web.views.visiting import Visit, of_system

_EACH = "each"
_WAYS = {
    By.CAUSE.value: later("By cause"),
    By.OWNER.value: later("By owner"),
    By.DOMAIN.value: later("By domain"),
    _EACH: later("Each by itself"),
}
"""How gaps are put together, and what that is called."""


@of_system
def gaps(visit: Visit) -> HttpResponse:
    """Who closes what, how and by when; many gaps of one cause are one line."""
    verdict = visit.verdict()
    told = undertaken(visit.system)
    planned = as_planned(verdict, visit.workspace.system, told)
    owner = visit.request.GET.get("owner", "")
    wanted = visit.request.GET.get("by", By.CAUSE.value)
    by = By(wanted) if wanted in set(By) else None
    shown = [gap for gap in planned.gaps if not owner or gap.owner == owner]
    context = {
        **vocabulary(planned),
        "visit": visit,
        "shown": shown,
        "groups_of_gaps": grouped(shown, by) if by is not None else (),
        "by": by.value if by is not None else _EACH,
        "ways": [(key, _(title)) for key, title in _WAYS.items()],
        "owners": sorted({(gap.owner or "", gap.owner_name) for gap in planned.gaps}, key=lambda o: o[1]),
        "owner": owner,
        "told": told,
        "states": Undertaking.STATES,
        "by_effort": verdict.timeline,
        "moved": planned.timeline.earliest_go_live != verdict.timeline.earliest_go_live,
        "shortened": shortened,
        "late": [each for each in told.values() if each.due is not None and each.due < verdict.timeline.today],
        "may_plan": allowed(visit.who, SiteAction.UNDERTAKE).allowed,
    }
    return page(visit.request, "gaps.html", context)


@of_system
def plan(visit: Visit, requirement: str) -> HttpResponse:
    """Who closes the gaps of one requirement, by when, and how far they are: a promise, which closes nothing."""
    verdict = visit.verdict()
    own = [gap for gap in verdict.gaps if gap.requirement == requirement]
    if not own:
        raise Http404(requirement)
    demand(visit.who, SiteAction.UNDERTAKE, about=requirement)
    known = Undertaking.objects.filter(system=visit.system, requirement=requirement).first()
    before = known or Undertaking(system=visit.system, requirement=requirement)
    given = {
        "state": before.state,
        "owner": before.owner,
        "due": before.due.isoformat() if before.due else "",
        "note": before.note,
    }
    errors: dict[str, str] = {}
    if visit.request.method == "POST":
        given = {name: visit.request.POST.get(name, "").strip() for name in given}
        errors = problems(visit.workspace.system, given)
        if not errors:
            undertake(visit.system, requirement, given, by=visit.who.account)
            put_down(visit.who, SiteAction.UNDERTAKE, about=f"{requirement}: {given['state']} {given['due']}".strip())
            return redirect(visit.url("gaps"))
    context = {
        "visit": visit,
        "verdict": verdict,
        "requirement": requirement,
        "own": own,
        "given": given,
        "errors": errors,
        "states": list(Undertaking.STATES.items()),
        "people": [(name, person.name) for name, person in visit.workspace.system.people.items()],
        "known": known,
    }
    return page(visit.request, "plan.html", context, status=422 if errors else 200)
