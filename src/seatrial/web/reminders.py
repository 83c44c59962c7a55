"""Reminders, sent by a worker: each once, over a restart too, and tried again while a channel refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone

from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.notices import tell
from seatrial.core.errors import SeatrialError
from seatrial.gate.reminding import reminders
from seatrial.gate.timeline import Promise
from seatrial.web.fleet import verdict_of, workspace_of
from seatrial.web.models import Registered, Reminder
from seatrial.web.undertakings import as_planned, undertaken

EVERY_S = 900.0
"""So often a worker looks for what is to be said."""
_AGAIN = timedelta(minutes=10)
"""A reminder that was not sent, or whose worker died over it, is tried again after this time."""
_MOST_ATTEMPTS = 12


def remind(say: Callable[[str], None] = lambda _: None) -> int:
    """Send what is to be said of all systems; how many messages went out."""
    sent = 0
    for system in Registered.objects.order_by("slug"):
        try:
            workspace = workspace_of(system)
            _note(system, workspace)
            sent += sum(_send(system, workspace, person, say) for person in _waiting_for(system))
        except SeatrialError as error:
            say(f"no reminders of {system.slug}: {error.what}")
    return sent


def _note(system: Registered, workspace: Workspace) -> None:
    """Put down what is to be said and is not on the list yet."""
    told = undertaken(system)
    verdict = as_planned(verdict_of(system, workspace), workspace.system, told)
    promised = {name: Promise(owner=each.owner or None, due=each.due) for name, each in told.items()}
    known = set(Reminder.objects.filter(system=system).values_list("key", flat=True))
    for each in reminders(verdict, workspace.system, promised):
        if each.key in known:
            continue
        try:
            with transaction.atomic():
                Reminder.objects.create(
                    system=system, key=each.key, person=each.person, text=each.text, claimed_at=timezone.now() - _AGAIN
                )
        except IntegrityError:
            # Another worker put it down at this moment.
            continue


def _waiting_for(system: Registered) -> Iterator[str]:
    waiting = _unsent(system).values_list("person", flat=True)
    yield from sorted(set(waiting))


def _unsent(system: Registered) -> QuerySet[Reminder]:
    return Reminder.objects.filter(
        system=system, sent_at=None, attempts__lt=_MOST_ATTEMPTS, claimed_at__lte=timezone.now() - _AGAIN
    )


def _send(system: Registered, workspace: Workspace, person: str, say: Callable[[str], None]) -> bool:
    """One message to one person with all that is to be said to them now."""
    own = list(_unsent(system).filter(person=person))
    now = timezone.now()
    # By one conditional update each, so that of several workers one sends it.
    held = [
        each
        for each in own
        if Reminder.objects.filter(pk=each.pk, sent_at=None, claimed_at=each.claimed_at).update(
            claimed_at=now, attempts=F("attempts") + 1
        )
    ]
    if not held:
        return False
    keys = [each.pk for each in held]
    text = "\n".join(each.text for each in held)
    try:
        channel = tell(
            workspace,
            person,
            key=hashlib.sha256("\n".join(each.key for each in held).encode()).hexdigest()[:32],
            title=f"{system.slug}: {held[0].text if len(held) == 1 else f'{len(held)} things to see to'}",
            text=text,
            link=f"{settings.SITE_URL}{reverse('gaps', args=[system.slug])}",
        )
    except SeatrialError as error:
        Reminder.objects.filter(pk__in=keys).update(problem=error.what)
        say(f"{system.slug}: {person} was not reminded: {error.what}")
        return False
    Reminder.objects.filter(pk__in=keys).update(sent_at=timezone.now(), problem="")
    say(f"{system.slug}: {person} was reminded over {channel}")
    return True
