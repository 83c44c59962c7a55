"""The log of what anybody did or tried on the site, with the ledger's record that came of it."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse

from seatrial.web.access import SiteAction, demand
from seatrial.web.models import Deed
from seatrial.web.pages import page
from seatrial.web.views.visiting import Visit, of_system

_A_PAGE = 100


@of_system
def deeds(visit: Visit) -> HttpResponse:
    """Newest first."""
    demand(visit.who, SiteAction.SEE_DEEDS)
    found = Paginator(Deed.objects.filter(system=visit.system.slug), _A_PAGE)
    shown = found.get_page(visit.request.GET.get("page"))
    return page(visit.request, "deeds.html", {"visit": visit, "shown": shown, "verdict": visit.verdict()})
