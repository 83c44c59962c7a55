"""What administrators do with accounts: never getting into one, only keeping people out or letting them in again."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from seatrial.web import sessions
from seatrial.web.access import SiteAction, Visitor, demand, put_down, visitor
from seatrial.web.factors import factors_of, take_away
from seatrial.web.language import _, ngettext
from seatrial.web.models import Account, Deed, Entry, Membership
from seatrial.web.pages import page
from seatrial.web.resets import reset_link
from seatrial.web.tries import entering, forgiven, signing, waits
from seatrial.web.views.visiting import signed_in


@never_cache
@signed_in
@require_http_methods(["GET"])
def accounts(request: HttpRequest) -> HttpResponse:
    """Everybody who has an account: who waits after wrong passwords, and when they were here last."""
    demand(_who(request), SiteAction.ADMINISTER, about="accounts")
    found = Account.objects.annotate(seen_at=Max("entries__seen_at")).order_by("name")
    shown = Paginator(found, 100).get_page(request.GET.get("page"))
    rows = [{"account": each, "waits": waits(entering(each.email), signing(each))} for each in shown]
    return page(request, "accounts.html", {"rows": rows, "shown": shown})


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, number: int) -> HttpResponse:
    """One account, and what can be done about it."""
    who = _who(request)
    about = get_object_or_404(Account, pk=number) if who.admin else None
    demand(who, SiteAction.ADMINISTER, about=f"account {number}")
    assert about is not None  # noqa: S101 - only an administrator comes as far
    if request.method == "POST":
        doing = request.POST.get("do", "")
        if doing == "reset" and about.has_usable_password():
            return _reset(request, about)
        said = _done(request, about, doing)
        if said:
            put_down(who, SiteAction.ADMINISTER, about=said)
            messages.success(request, _("Done: %(said)s.", said=said))
        return redirect("an-account", number)
    context = {
        "about": about,
        "waits": waits(entering(about.email), signing(about)),
        "open": Entry.objects.filter(account=about, ended_at=None),
        "seats": Membership.objects.filter(account=about).select_related("system", "group").order_by("system__slug"),
        "factors": factors_of(about),
        "key": getattr(about, "signing_key", None),
    }
    return page(request, "an-account.html", context)


@never_cache
@signed_in
@require_http_methods(["GET"])
def log(request: HttpRequest) -> HttpResponse:
    """What was done and tried at the doors of the site; what concerns a system is in that system's own log."""
    demand(_who(request), SiteAction.ADMINISTER, about="the site's log")
    wanted = request.GET.get("who", "").strip()
    found = Deed.objects.filter(system="")
    if wanted:
        found = found.filter(Q(who__icontains=wanted) | Q(about__icontains=wanted))
    if request.GET.get("refused"):
        found = found.filter(allowed=False)
    shown = Paginator(found, 100).get_page(request.GET.get("page"))
    refused = bool(request.GET.get("refused"))
    return page(request, "site-log.html", {"shown": shown, "who": wanted, "refused": refused})


def _who(request: HttpRequest) -> Visitor:
    assert isinstance(request.user, Account)  # noqa: S101 - `signed_in` saw to it
    return visitor(request.user, None)


def _done(request: HttpRequest, about: Account, doing: str) -> str:
    """What was done, in words; empty where nothing was."""
    match doing:
        case "lift":
            lifted = [forgiven(entering(about.email)), forgiven(signing(about))]
            return _("lifted the wait of %(email)s", email=about.email) if any(lifted) else ""
        case "end":
            return ngettext(
                "ended %(n)s session of %(email)s",
                "ended %(n)s sessions of %(email)s",
                sessions.end(about),
                email=about.email,
            )
        case "factor":
            ended = take_away(about) and sessions.end(about) >= 0
            return _("took away the second factor of %(email)s", email=about.email) if ended else ""
        case "close" if about != request.user:
            about.is_active = False
            about.save(update_fields=["is_active"])
            sessions.end(about)
            return _("closed the account of %(email)s", email=about.email)
        case "open":
            about.is_active = True
            about.save(update_fields=["is_active"])
            return _("opened the account of %(email)s", email=about.email)
        case _:
            pass
    messages.error(request, _("That cannot be done here. Nobody closes the account that they are signed in with."))
    return ""


def _reset(request: HttpRequest, about: Account) -> HttpResponse:
    who = _who(request)
    path = reset_link(about, who.account)
    put_down(who, SiteAction.ADMINISTER, about=f"made a link for a new password of {about.email}")
    return page(request, "reset-link.html", {"about": about, "link": request.build_absolute_uri(path)})
