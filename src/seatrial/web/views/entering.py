"""Signing in and out."""

from __future__ import annotations

import time

from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from seatrial.core.errors import Refused
from seatrial.web import passkeys, sessions
from seatrial.web.access import Door, at_the_door
from seatrial.web.factors import factors_of, show
from seatrial.web.language import _, later, ngettext, sentences
from seatrial.web.models import Account, Deed
from seatrial.web.pages import page
from seatrial.web.tries import BY_ADDRESS, address_of, coming_from, entering, forgiven, missed, told, waits

BACKEND = "django.contrib.auth.backends.ModelBackend"
_HALF = "half"
_HALF_FOR_S = 300
_WRONG = later("This address and this password do not go together.")


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in. Whether an address is known is not told."""
    if not Account.objects.exists():
        return redirect("begin")
    email = request.POST.get("email", "").strip().lower()
    wrong = ""
    if request.method == "POST":
        account = Account.objects.filter(email=email).first()
        wrong = _wrong_password(request, email, account)
        if account is not None and not wrong:
            if factors_of(account).any:
                half_in(request, account, "sign-in", how="with a password")
                return redirect("second-step")
            return enter(request, account, "with a password")
    errors = {"password": wrong} if wrong else {}
    return page(request, "sign-in.html", {"errors": errors, "email": email}, status=422 if wrong else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """The second factor, for whoever gave the right password a moment ago."""
    account = half(request, "sign-in")
    if account is None:
        messages.info(request, _("That took too long. Begin again with your password."))
        return redirect("sign-in")
    problem = ""
    if request.method == "POST":
        try:
            shown = show(request, account, key=entering(account.email))
        except Refused as error:
            missed(coming_from(request), most=BY_ADDRESS)
            about = f"from {address_of(request)}"
            at_the_door(
                account, Door.SIGN_IN, about=about, otherwise=f"{request.session[_HALF]['how']}, but {error.what}"
            )
            problem = sentences(error.what, error.remedy)
        else:
            return enter(request, account, f"{request.session[_HALF]['how']} and {shown}")
    context = {"factors": factors_of(account), "problem": problem}
    return page(request, "second-step.html", context, status=422 if problem else 200)


@require_POST
def passkey_question(request: HttpRequest) -> HttpResponse:
    """What a browser asks a passkey, for somebody who is signed in, or has shown the rest of what they need."""
    account = request.user if isinstance(request.user, Account) else half(request, "sign-in") or half(request, "reset")
    if account is None:
        return JsonResponse({"what": _("You are not signed in.")}, status=403)
    if not factors_of(account).passkeys:
        return JsonResponse({"what": _("You have no passkey here.")}, status=422)
    return HttpResponse(passkeys.to_ask(request, account), content_type="application/json")


def half_in(request: HttpRequest, account: Account, purpose: str, *, wanted: str = "", how: str = "") -> None:
    """Remember who has shown the first half of what they need, for a few minutes."""
    request.session.cycle_key()
    there = wanted or destination(request)
    request.session[_HALF] = {"account": account.pk, "for": purpose, "at": time.time(), "next": there, "how": how}


def half(request: HttpRequest, purpose: str) -> Account | None:
    """Who that is."""
    kept = request.session.get(_HALF, {})
    if kept.get("for") != purpose or time.time() - kept["at"] > _HALF_FOR_S:
        return None
    return Account.objects.filter(pk=kept["account"], is_active=True).first()


def enter(request: HttpRequest, account: Account, how: str, *, wanted: str = "") -> HttpResponse:
    """Begin the session of somebody who has shown who they are, and tell them what was tried meanwhile."""
    before = account.last_login
    wanted = wanted or request.session.pop(_HALF, {}).get("next") or destination(request)
    forgiven(entering(account.email))
    login(request, account, backend=BACKEND)
    at_the_door(account, Door.SIGN_IN, about=f"from {address_of(request)}, {how}")
    if before is not None:
        vain = Deed.objects.filter(account=account, action=Door.SIGN_IN.value, allowed=False, at__gt=before)
        if number := vain.count():
            said = ngettext(
                "Since you were here last, somebody tried to get into your account %(n)s time in vain.",
                "Since you were here last, somebody tried to get into your account %(n)s times in vain.",
                number,
            )
            messages.warning(request, sentences(said, _("See your sessions.")))
    return redirect(wanted)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    if isinstance(request.user, Account):
        sessions.end(request.user, only=sessions.here(request))
        at_the_door(request.user, Door.SIGN_OUT)
    logout(request)
    return redirect("sign-in")


def destination(request: HttpRequest) -> str:
    """Where they wanted to go, if that is on this site."""
    wanted = request.POST.get("next") or request.GET.get("next") or "/"
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else "/"


def failed(request: HttpRequest, key: str, account: Account | None, reason: str) -> str:
    """Count and put on record what was tried in vain; the sentence for whoever tried, if they have to wait now."""
    until = [missed(key), missed(coming_from(request), most=BY_ADDRESS)]
    locked = max((each for each in until if each is not None), default=None)
    said = reason if locked is None else f"{reason}; it waits now"
    at_the_door(account, Door.SIGN_IN, about=f"from {address_of(request)}", otherwise=said)
    return "" if locked is None else told(locked)


def _wrong_password(request: HttpRequest, email: str, account: Account | None) -> str:
    """Why they do not get in with this password; empty where they do."""
    key = entering(email)
    if (until := waits(key, coming_from(request))) is not None:
        at_the_door(account, Door.SIGN_IN, about=f"from {address_of(request)}", otherwise="it waits")
        return told(until)
    given = request.POST.get("password", "")
    if account is None:
        # As slow as for an account that there is.
        make_password(given)
        return failed(request, key, None, "nobody has this address") or _(_WRONG)
    if not account.check_password(given):
        return failed(request, key, account, "the password was wrong") or _(_WRONG)
    if not account.is_active:
        return failed(request, key, account, "the account is closed") or _(_WRONG)
    return ""
