"""Sessions: each is on the list of whose it is, and one that was ended there opens nothing any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from seatrial.web.models import Account, Entry
from seatrial.web.tries import address_of

_KEY = "entry"
_MINUTE = timedelta(minutes=1)
_KEPT = timedelta(days=90)
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
_MACHINES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def begun(sender: object, request: HttpRequest, user: Account, **_: Any) -> None:
    """Put a new session on its owner's list: Django calls this whenever somebody signs in."""
    del sender
    now = timezone.now()
    Entry.objects.filter(account=user, seen_at__lt=now - _KEPT).delete()
    entry = Entry.objects.create(
        account=user,
        device=device(str(request.META.get("HTTP_USER_AGENT", ""))),
        address=address_of(request),
        seen_at=now,
    )
    request.session[_KEY] = entry.pk


def only_listed(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Signs out whoever comes with a session that is not on the list, or was ended there."""

    def answered(request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, Account):
            entry = Entry.objects.filter(pk=here(request), account=request.user, ended_at=None).first()
            if entry is None:
                logout(request)
            elif timezone.now() - entry.seen_at > _MINUTE:
                entry.seen_at, entry.address = timezone.now(), address_of(request)
                entry.save(update_fields=["seen_at", "address"])
        return get_response(request)

    return answered


def here(request: HttpRequest) -> int:
    """Which entry of the list the request's own session is; 0 for none."""
    return int(request.session.get(_KEY, 0))


def end(account: Account, *, but: int = 0, only: int = 0) -> int:
    """End the account's sessions: all, all but one, or only one. How many were open."""
    found = Entry.objects.filter(account=account, ended_at=None).exclude(pk=but)
    if only:
        found = found.filter(pk=only)
    return found.update(ended_at=timezone.now())


def device(agent: str) -> str:
    """A browser and a machine in words, of what a browser says of itself."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    machine = next((name for sign, name in _MACHINES if sign in agent), "")
    if browser and machine:
        return f"{browser} on {machine}"
    return browser or machine or agent.split(" ", maxsplit=1)[0][:80] or "unknown"
