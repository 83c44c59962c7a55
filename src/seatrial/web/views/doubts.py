"""A user who does not trust an output: they report it, the escalation point answers, and what repeats is shown."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from seatrial.app.people.doubting import Said, candidates, known_conditions
from seatrial.web.access import SiteAction, allowed, context_of, demand, put_down
from seatrial.web.language import _
from seatrial.web.models import Doubt
from seatrial.web.pages import page
from seatrial.web.reports import answer, cleaned, reaches, report
from seatrial.web.views.visiting import Visit, of_users

_A_PAGE = 50
_COUNTED = 5000
"""The newest reports that are looked through for what repeats."""
_LONGEST_ANSWER = 2000


@of_users
def doubts(visit: Visit) -> HttpResponse:
    """The form, and what was reported: users see their own, the system's people all. `?output=` fills it in."""
    if visit.request.method != "POST":
        return _room(visit, given={"output": visit.request.GET.get("output", "")[:200]})
    demand(visit.who, SiteAction.DOUBT, about=visit.request.POST.get("output", ""))
    texts, errors = cleaned(visit.request.POST.dict())
    if errors:
        return _room(visit, given=texts, errors=errors)
    kept = report(visit.system, texts, account=visit.who.account)
    put_down(visit.who, SiteAction.DOUBT, about=f"report {kept.pk}: {kept.output}")
    return redirect("doubt", visit.system.slug, kept.pk)


@of_users
def doubt(visit: Visit, number: int) -> HttpResponse:
    """One report and its answer, or the form with which the escalation point answers."""
    found = _visible(visit, number)
    context = context_of(visit.workspace)
    errors: dict[str, str] = {}
    given = {key: visit.request.POST.get(key, "").strip() for key in ("stands", "answer")}
    if visit.request.method == "POST":
        demand(visit.who, SiteAction.ANSWER_DOUBT, context, about=f"report {number}")
        if given["stands"] not in ("yes", "no"):
            errors["stands"] = _("Choose one of the two: somebody waits for it.")
        if not given["answer"]:
            errors["answer"] = _("Say what they should do now.")
        elif len(given["answer"]) > _LONGEST_ANSWER:
            errors["answer"] = _(
                "These are %(length)s characters; at most %(longest)s are kept.",
                length=len(given["answer"]),
                longest=_LONGEST_ANSWER,
            )
        if not errors:
            if answer(found, visit.who.account, stands=given["stands"] == "yes", text=given["answer"]):
                put_down(visit.who, SiteAction.ANSWER_DOUBT, about=f"report {number}")
                messages.success(visit.request, _("Your answer is there for whoever asked."))
            else:
                messages.error(visit.request, _("It was answered meanwhile; this is the answer that stands."))
            return redirect("doubt", visit.system.slug, number)
    content = {
        "visit": visit,
        "doubt": found,
        "reaches": reaches(visit.workspace),
        "may_answer": allowed(visit.who, SiteAction.ANSWER_DOUBT, context).allowed,
        "given": given,
        "errors": errors,
        "verdict": visit.verdict() if visit.inside else None,
    }
    return page(visit.request, "doubt.html", content, status=422 if errors else 200)


def _visible(visit: Visit, number: int) -> Doubt:
    """The report, where the visitor may see it: all of them the system's people, their own its users."""
    found = Doubt.objects.filter(system=visit.system, pk=number).select_related("account", "token", "answered_by")
    if not visit.inside:
        found = found.filter(account=visit.who.account)
    one = found.first()
    if one is None:
        raise Http404(number)
    return one


def _room(
    visit: Visit, *, given: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> HttpResponse:
    found = Doubt.objects.filter(system=visit.system)
    repeated: tuple[object, ...] = ()
    if visit.inside:
        told = found.exclude(condition="").values_list("output", "condition", "at")[:_COUNTED]
        repeated = candidates(visit.workspace, [Said(output=o, condition=c, at=at) for o, c, at in told])
    else:
        found = found.filter(account=visit.who.account)
    shown = Paginator(found.select_related("account", "token", "answered_by"), _A_PAGE)
    context = {
        "visit": visit,
        "shown": shown.get_page(visit.request.GET.get("page")),
        "waiting": found.filter(answered_at=None).count(),
        "candidates": repeated,
        "known": known_conditions(visit.workspace),
        "reaches": reaches(visit.workspace),
        "may_report": allowed(visit.who, SiteAction.DOUBT).allowed,
        "now": timezone.now(),
        "given": {"output": "", "why": "", "condition": "", **(given or {})},
        "errors": errors or {},
        "verdict": visit.verdict() if visit.inside else None,
    }
    return page(visit.request, "doubts.html", context, status=422 if errors else 200)
