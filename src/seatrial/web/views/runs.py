"""Runs and drills started on the site, with live progress."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect

from seatrial.app.folder.catalogue import checks
from seatrial.web.access import SiteAction, demand, put_down
from seatrial.web.jobs import cancel, start
from seatrial.web.language import _
from seatrial.web.models import Job
from seatrial.web.pages import page
from seatrial.web.views.visiting import Visit, of_system

_SHOWN = 30


@of_system
def runs(visit: Visit) -> HttpResponse:
    """What ran and runs, and a new run of all checks, of a domain, or of one check."""
    if visit.request.method == "POST":
        demand(visit.who, SiteAction.RUN, about=visit.request.POST.get("only", ""))
        only = visit.request.POST.get("only", "")
        known = {c.id for c in checks()} | {c.id.partition(".")[0] for c in checks()}
        if only and only not in known:
            messages.error(visit.request, _("There is no check %(only)s.", only=only))
            return redirect("runs", visit.system.slug)
        job = start(visit.system, visit.who.account, [only] if only else [])
        put_down(visit.who, SiteAction.RUN, about=only or "all checks")
        return redirect("run", visit.system.slug, job.pk)
    jobs = Job.objects.filter(system=visit.system).select_related("by")[:_SHOWN]
    context = {"visit": visit, "jobs": jobs, "checks": checks(), "verdict": visit.verdict()}
    return page(visit.request, "runs.html", context)


@of_system
def one(visit: Visit, number: int) -> HttpResponse:
    """One run: what it does now and what it has done. `?part` is the piece that the page renews."""
    job = Job.objects.filter(system=visit.system, pk=number).select_related("by").first()
    if job is None:
        raise Http404(number)
    if visit.request.method == "POST":
        demand(visit.who, SiteAction.CANCEL, about=number)
        cancel(job)
        put_down(visit.who, SiteAction.CANCEL, about=number)
        return redirect("run", visit.system.slug, number)
    template = "run-part.html" if "part" in visit.request.GET else "run.html"
    context = {"visit": visit, "job": job}
    if template == "run.html":
        context["verdict"] = visit.verdict()
    return page(visit.request, template, context)
