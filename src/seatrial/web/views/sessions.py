"""One's own sessions: what is open where, and ending it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from seatrial.core.wording import count
from seatrial.web import sessions
from seatrial.web.access import Door, at_the_door
from seatrial.web.language import ngettext
from seatrial.web.models import Account, Deed, Entry
from seatrial.web.pages import page
from seatrial.web.views.visiting import signed_in

_SHOWN = 30


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """The list; one of them, or all others, can be ended."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - `signed_in` saw to it
    here = sessions.here(request)
    if request.method == "POST":
        wanted = request.POST.get("session", "")
        ended = sessions.end(account, only=int(wanted)) if wanted.isdecimal() else sessions.end(account, but=here)
        at_the_door(account, Door.END_SESSION, about=count(ended, "session"))
        messages.success(request, ngettext("Ended: %(n)s session.", "Ended: %(n)s sessions.", ended))
        return redirect("sessions")
    open_ = Entry.objects.filter(account=account, ended_at=None)
    deeds = Deed.objects.filter(account=account, system="")[:_SHOWN]
    return page(request, "sessions.html", {"open": open_, "here": here, "deeds": deeds})
