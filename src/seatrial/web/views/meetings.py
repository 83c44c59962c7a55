"""The review as a meeting: called four to six weeks before go-live, with invitations, minutes, and the decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from seatrial.app.deciding import record_decision
from seatrial.app.notices import reachable, tell
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import Answer, Role
from seatrial.gate.verdict import Verdict
from seatrial.present.calendar import appointment
from seatrial.web.access import SiteAction, demand, put_down
from seatrial.web.language import RECORD, _, day, english, language, moment, sentences, speaking
from seatrial.web.models import Meeting, Membership
from seatrial.web.views.reviewing import review_page
from seatrial.web.views.visiting import Visit, of_system

_LASTS = timedelta(minutes=90)
_LONGEST_PLACE = 300
_LONGEST_MINUTES = 20_000


@of_system
def call(visit: Visit) -> HttpResponse:
    """Call the review: everybody concerned is told over their own route, and who has none is named."""
    demand(visit.who, SiteAction.CALL_REVIEW, about=visit.gate.name.value)
    if visit.request.method != "POST":
        return redirect(visit.url("review"))
    given = {name: visit.request.POST.get(name, "").strip() for name in ("at", "place")}
    errors = {}
    at = _time(given["at"])
    if at is None:
        errors["at"] = _("Give a day and a time, such as 2027-01-11 14:00.")
    elif at <= timezone.now():
        errors["at"] = _("This time has passed.")
    if not 0 < len(given["place"]) <= _LONGEST_PLACE:
        errors["place"] = _(
            "Say where: a room or a link, at most %(longest_place)s characters.", longest_place=_LONGEST_PLACE
        )
    if errors or at is None:
        return review_page(visit, visit.verdict(), given=given, errors=errors)
    verdict = visit.verdict()
    invited = tuple(_concerned(visit))
    meeting = Meeting.objects.create(
        system=visit.system,
        gate=visit.gate.name.value,
        at=at,
        place=given["place"],
        invited=list(invited),
        by=visit.who.account,
    )
    put_down(visit.who, SiteAction.CALL_REVIEW, about=f"{visit.gate.name.value} {at.isoformat()}")
    _outside_of_window(visit, verdict, at)

    def words() -> tuple[str, str]:
        text = _(
            "The review is on %(moment)s, %(place)s. It is about: %(gate)s.",
            moment=moment(at),
            place=given["place"],
            gate=_(visit.gate.title),
        )
        # The gate's own sentence is English: it stands in no message of another language.
        said = sentences(text, verdict.sentence) if language() == RECORD else text
        return _("review on %(moment)s", moment=moment(at)), said

    _invite(visit, meeting, invited, words)
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


def _invite(visit: Visit, meeting: Meeting, invited: tuple[str, ...], words: Callable[[], tuple[str, str]]) -> None:
    """Tell each of them in their own language; whom nothing reached is named to the one who called."""
    seats = Membership.objects.filter(system=visit.system, listed=False)
    languages = dict(seats.values_list("person", "account__language"))
    unreached = []
    for person in invited:
        try:
            if not reachable(visit.workspace, person):
                unreached.append(_("%(person)s (no page route)", person=person))
                continue
            with speaking(languages.get(person, "")):
                title, text = words()
            tell(
                visit.workspace,
                person,
                key=f"meeting-{meeting.pk}-{person}-{english(title)}"[:200],
                title=f"{visit.system.slug}: {title}",
                text=text,
                link=f"{settings.SITE_URL}{visit.url('review')}",
            )
        except SeatrialError as error:
            unreached.append(f"{person} ({error.what})")
    told = len(invited) - len(unreached)
    messages.success(visit.request, _("%(told)s of %(invited)s people were told.", told=told, invited=len(invited)))
    if unreached:
        messages.warning(visit.request, _("Tell these yourself: %(unreached)s.", unreached=", ".join(unreached)))


def _concerned(visit: Visit) -> Iterator[str]:
    """Who signs, and who answers for it: each once, those who left not."""
    system, today = visit.workspace.system, timezone.now().date()
    named = [*(system.signers.get(role) for role in Role), system.owner.who, system.owner.deputy, system.owner.manager]
    for person in dict.fromkeys(name for name in named if name):
        declared = system.people.get(person)
        if declared is not None and (declared.left_on is None or declared.left_on > today):
            yield person


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
        if Meeting.objects.filter(pk=meeting.pk, called_off=False).update(called_off=True):
            put_down(visit.who, SiteAction.CALL_REVIEW, about=f"{meeting.at.isoformat()} called off")

            def words() -> tuple[str, str]:
                title = _("the review on %(moment)s is called off", moment=moment(meeting.at))
                return title, _("The review on %(moment)s is called off.", moment=moment(meeting.at))

            _invite(visit, meeting, tuple(meeting.invited), words)
        return redirect(visit.url("review"))
    text = visit.request.POST.get("minutes", "").strip()
    if not 0 < len(text) <= _LONGEST_MINUTES:
        said = _("Write what was said, at most %(longest_minutes)s characters.", longest_minutes=_LONGEST_MINUTES)
        return review_page(visit, visit.verdict(), given={"minutes": text}, errors={f"minutes-{number}": said})
    written = {"text": text, "by": visit.who.account.name, "at": timezone.now().isoformat()}
    Meeting.objects.filter(pk=meeting.pk).update(minutes=[*meeting.minutes, written])
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


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None
