"""The review as a meeting: called, told to everybody whom it concerns, minuted, called off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.notices import reachable, tell
from seatrial.core.errors import SeatrialError
from seatrial.core.vocabulary import GateName, Role
from seatrial.gate.verdict import Verdict
from seatrial.web.language import RECORD, _, english, language, moment, sentences, speaking
from seatrial.web.models import Account, Meeting, Membership, Registered

LONGEST_PLACE: Final = 300
LONGEST_MINUTES: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How many were told over their own route, and whom somebody must tell by hand, each with the reason."""

    reached: int
    unreached: tuple[str, ...]


def problems(at: str, place: str) -> dict[str, str]:
    """What is wrong with the time and the place of a review, by field."""
    errors = {}
    when = time_of(at)
    if when is None:
        errors["at"] = _("Give a day and a time, such as 2027-01-11 14:00.")
    elif when <= timezone.now():
        errors["at"] = _("This time has passed.")
    if not 0 < len(place) <= LONGEST_PLACE:
        errors["place"] = _(
            "Say where: a room or a link, at most %(longest_place)s characters.", longest_place=LONGEST_PLACE
        )
    return errors


def time_of(text: str) -> datetime | None:
    """The time in UTC; None for a text that is none. One with another offset is converted."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def call_review(
    system: Registered, workspace: Workspace, verdict: Verdict, *, at: datetime, place: str, by: Account
) -> tuple[Meeting, Told]:
    """Call it at the workspace's gate, and tell everybody concerned."""
    invited = tuple(_concerned(workspace))
    meeting = Meeting.objects.create(
        system=system, gate=workspace.gate.name.value, at=at, place=place, invited=list(invited), by=by
    )

    def words() -> tuple[str, str]:
        text = _(
            "The review is on %(moment)s, %(place)s. It is about: %(gate)s.",
            moment=moment(at),
            place=place,
            gate=_(workspace.gate.title),
        )
        # The gate's own sentence is English: it stands in no message of another language.
        said = sentences(text, verdict.sentence) if language() == RECORD else text
        return _("review on %(moment)s", moment=moment(at)), said

    return meeting, _tell(meeting, workspace, words)


def call_off(meeting: Meeting, workspace: Workspace) -> Told | None:
    """Call it off, and tell everybody who was invited; None where that was done before."""
    if not Meeting.objects.filter(pk=meeting.pk, called_off=False).update(called_off=True):
        return None

    def words() -> tuple[str, str]:
        title = _("the review on %(moment)s is called off", moment=moment(meeting.at))
        return title, _("The review on %(moment)s is called off.", moment=moment(meeting.at))

    return _tell(meeting, workspace, words)


def add_minutes(meeting: Meeting, text: str, *, by: Account) -> None:
    """Add to the minutes. Nothing that was written is overwritten, whoever else writes at this moment."""
    written = {"text": text, "by": by.name, "at": timezone.now().isoformat()}
    with transaction.atomic():
        kept = Meeting.objects.select_for_update().get(pk=meeting.pk)
        kept.minutes = [*kept.minutes, written]
        kept.save(update_fields=["minutes"])


def _tell(meeting: Meeting, workspace: Workspace, words: Callable[[], tuple[str, str]]) -> Told:
    """Tell each of them in their own language."""
    seats = Membership.objects.filter(system=meeting.system, listed=False)
    languages = dict(seats.values_list("person", "account__language"))
    gate = workspace.gate.name
    link = settings.SITE_URL + reverse("review", args=(meeting.system.slug,))
    if gate is not GateName.PRODUCTION_READINESS:
        link += f"?gate={gate.value}"
    unreached = []
    for person in meeting.invited:
        try:
            if not reachable(workspace, person):
                unreached.append(_("%(person)s (no page route)", person=person))
                continue
            with speaking(languages.get(person, "")):
                title, text = words()
            tell(
                workspace,
                person,
                key=f"meeting-{meeting.pk}-{person}-{english(title)}"[:200],
                title=f"{meeting.system.slug}: {title}",
                text=text,
                link=link,
            )
        except SeatrialError as error:
            unreached.append(f"{person} ({error.what})")
    return Told(reached=len(meeting.invited) - len(unreached), unreached=tuple(unreached))


def _concerned(workspace: Workspace) -> Iterator[str]:
    """Who signs, and who answers for it: each once, those who left not."""
    system, today = workspace.system, timezone.now().date()
    named = [*(system.signers.get(role) for role in Role), system.owner.who, system.owner.deputy, system.owner.manager]
    for person in dict.fromkeys(name for name in named if name):
        declared = system.people.get(person)
        if declared is not None and (declared.left_on is None or declared.left_on > today):
            yield person
