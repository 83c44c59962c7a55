"""What the evidence of now supports in each framework, clause by clause, to be printed."""

from __future__ import annotations

from django.http import HttpResponse

from seatrial.gate.frameworks import FRAMEWORKS, crosswalk
from seatrial.present.frameworks import DISCLAIMER
from seatrial.web.pages import page
from seatrial.web.views.visiting import Visit, of_system


@of_system
def frameworks(visit: Visit) -> HttpResponse:
    """Each clause with the requirements whose evidence supports it, and the newest day; never that it complies."""
    verdict = visit.verdict()
    told = [(framework, crosswalk(framework, verdict.requirements)) for framework in FRAMEWORKS]
    everything = visit.request.GET.get("all") == "yes"
    context = {"visit": visit, "verdict": verdict, "told": told, "disclaimer": DISCLAIMER, "everything": everything}
    return page(visit.request, "frameworks.html", context)
