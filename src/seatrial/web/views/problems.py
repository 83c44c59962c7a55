"""What is shown where nothing is, where a form is not believed, and where the site itself failed."""

from __future__ import annotations

from typing import Final

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from seatrial.core.errors import SeatrialError
from seatrial.web.language import _
from seatrial.web.pages import page

_LAST_WORDS: Final = (
    "<!doctype html><title>seatrial</title><p>Something failed here. Nothing that was not confirmed is on record. "
    "Try again; if it stays, its log tells whoever runs this site why.</p>"
)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """No page, no system, or nothing of that name in it: which one is told to nobody."""
    del exception
    context = {
        "what": _("There is no such page."),
        "remedy": _("Check the address, or begin at the systems: what you may see is listed there."),
    }
    return page(request, "problem.html", context, status=404)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from a page of this site, or from one that was open for too long."""
    del reason
    context = {
        "what": _("This form could not be taken: it does not come from a page of this session."),
        "remedy": _("Go back, load the page again, and send it once more. Nothing is on record."),
    }
    return page(request, "problem.html", context, status=403)


def failed(request: HttpRequest) -> HttpResponse:
    """An error of the site's own. Where even the page fails, as without its database, a few words are left."""
    try:
        context = {
            "what": _("Something failed here."),
            "remedy": _(
                "Nothing that was not confirmed is on record. Try again; if it stays, its log tells whoever runs this "
                "site why."
            ),
        }
        return page(request, "problem.html", context, status=500)
    except (DatabaseError, OSError, SeatrialError):
        return HttpResponse(_LAST_WORDS, status=500)
