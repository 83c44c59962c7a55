"""The review as a meeting: called four to six weeks before go-live, with invitations, minutes, and the decision."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from seatrial.app.deciding.deciding import record_decision
from seatrial.core.vocabulary import Answer
from seatrial.gate.verdict import Verdict
from seatrial.present.calendar import appointment
from seatrial.web.access import SiteAction, demand, put_down
from seatrial.web.language import _, day
from seatrial.web.meetings import LONGEST_MINUTES, Told, add_minutes, call_off, call_review, problems, time_of
from seatrial.web.models import Meeting
from seatrial.web.views.reviewing import review_page
from seatrial.web.views.visiting import Visit, of_system

_LASTS = timedelta(minutes=90)


@of_system
def call(visit: Visit) -> HttpResponse:
    """Call the review: everybody concerned is told over their own route, and who has none is named."""
    demand(visit.who, SiteAction.CALL_REVIEW, about=visit.gate.name.value)
    if visit.request.method != "POST":
        return redirect(visit.url("review"))
    given = {name: visit.request.POST.get(name, "").strip() for name in ("at", "place")}
    verdict, at = visit.verdict(), time_of(given["at"])
    errors = problems(given["at"], given["place"])
    if errors or at is None:
        return review_page(visit, verdict, given=given, errors=errors)
    _called, told = call_review(
        visit.system, visit.workspace, verdict, at=at, place=given["place"], by=visit.who.account
    )
    put_down(visit.who, SiteAction.CALL_REVIEW, about=f"{visit.gate.name.value} {at.isoformat()}")
    _outside_of_window(visit, verdict, at)
    _say(visit, told)
    return redirect(visit.url("review"))


def _outside_of_window(visit: Visit, verdict: Verdict, at: datetime) -> None:
    dates = verdict.timeline
    if not dates.review_from <= at.date() <= dates.review_to:
        messages.warning(
            visit.request,
            _(
                "This day is outside the window from %(first)s to %(last)s in which the "
                "review stands before %(event)s.",
                first=day(dates.review_from),
                last=day(dates.review_to),
                event=_(visit.gate.event),
            ),
        )


def _say(visit: Visit, told: Told) -> None:
    """How many were told; whom nothing reached is named to the one who called."""
    invited = told.reached + len(told.unreached)
    messages.success(visit.request, _("%(told)s of %(invited)s people were told.", told=told.reached, invited=invited))
    if told.unreached:
        said = _("Tell these yourself: %(unreached)s.", unreached=", ".join(told.unreached))
        messages.warning(visit.request, said)


@of_system
def calendar(visit: Visit, number: int) -> HttpResponse:
    """The meeting for one's own calendar."""
    meeting = _meeting(visit, number)
    content = appointment(
        uid=f"review-{meeting.pk}@{visit.system.slug}.seatrial",
        begins=meeting.at,
        lasts=_LASTS,
        title=_("%(system)s: review (%(gate)s)", system=visit.system.slug, gate=_(visit.gate.title)),
        place=meeting.place,
        text=f"{settings.SITE_URL}{visit.url('review')}",
    )
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{visit.system.slug}-review.ics"'
    return response


@of_system
def keep(visit: Visit, number: int) -> HttpResponse:
    """Add to the minutes, or call the meeting off. Nothing that was written is overwritten."""
    meeting = _meeting(visit, number)
    demand(visit.who, SiteAction.CALL_REVIEW, about=number)
    if visit.request.method != "POST":
        return redirect(visit.url("review"))
    if visit.request.POST.get("do") == "call-off":
        told = call_off(meeting, visit.workspace)
        if told is not None:
            put_down(visit.who, SiteAction.CALL_REVIEW, about=f"{meeting.at.isoformat()} called off")
            _say(visit, told)
        return redirect(visit.url("review"))
    text = visit.request.POST.get("minutes", "").strip()
    if not 0 < len(text) <= LONGEST_MINUTES:
        said = _("Write what was said, at most %(longest_minutes)s characters.", longest_minutes=LONGEST_MINUTES)
        return review_page(visit, visit.verdict(), given={"minutes": text}, errors={f"minutes-{number}": said})
    add_minutes(meeting, text, by=visit.who.account)
    put_down(visit.who, SiteAction.CALL_REVIEW, about=f"minutes of {meeting.at.isoformat()}")
    return redirect(visit.url("review"))


@require_POST
@of_system
def decide(visit: Visit) -> HttpResponse:
    """Put on record what the gate says at this moment. Nobody chooses the answer: it is computed anew."""
    demand(visit.who, SiteAction.DECIDE, about=visit.gate.name.value)
    verdict = visit.verdict(anew=True)
    evidence = record_decision(visit.workspace, verdict)
    put_down(visit.who, SiteAction.DECIDE, about=visit.gate.name.value, record=evidence.digest)
    level = messages.success if verdict.verdict is Answer.GO else messages.warning
    level(
        visit.request,
        _("On record as entry %(sequence)s: %(answer)s.", sequence=evidence.sequence, answer=verdict.verdict.value),
    )
    return redirect(visit.url("review"))


def _meeting(visit: Visit, number: int) -> Meeting:
    found = Meeting.objects.filter(system=visit.system, gate=visit.gate.name.value, pk=number).first()
    if found is None:
        raise Http404(number)
    return found
