"""Signing in over the company's own provider: with an account, with an invitation, or to show that it is still they."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_texts
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from seatrial.adapters.open_id import SKEW_S, Asked, Identity
from seatrial.core.errors import Refused, SeatrialError
from seatrial.web.access import Door, at_the_door
from seatrial.web.digests import digest_of
from seatrial.web.factors import factors_of
from seatrial.web.keys import confirm, make_key, reseal
from seatrial.web.language import _, sentences
from seatrial.web.models import Account, Invitation, LinkedIdentity, SigningKey
from seatrial.web.pages import page
from seatrial.web.sso import provider
from seatrial.web.tries import address_of
from seatrial.web.views.accounts import home, joined, weak
from seatrial.web.views.entering import destination, enter, half_in
from seatrial.web.views.second_factor import account_of, just_shown, shown_now
from seatrial.web.views.visiting import signed_in

_KEY = "sso"
_HOW = "over the company's provider"
_BACK_WITHIN_S = 900
_PURPOSES = ("sign-in", "join", "link", "show")


@never_cache
@require_http_methods(["GET"])
def leave(request: HttpRequest) -> HttpResponse:
    """To the provider, with what its answer will be held against."""
    found = provider()
    purpose = request.GET.get("for", "sign-in")
    if found is None or purpose not in _PURPOSES:
        raise Http404
    if purpose == "link" and not (isinstance(request.user, Account) and just_shown(request)):
        return redirect("second-factor")
    if purpose == "show" and not isinstance(request.user, Account):
        return redirect("sign-in")
    where, asked = found.ask(request.build_absolute_uri(reverse("sso-back")), anew=purpose == "show")
    request.session[_KEY] = {
        **asdict(asked),
        "for": purpose,
        "at": time.time(),
        "next": destination(request),
        "invitation": digest_of(request.GET.get("invitation", "")),
    }
    return redirect(where)


@never_cache
@require_http_methods(["GET"])
def back(request: HttpRequest) -> HttpResponse:
    """Back from the provider: the answer is taken once, and held against what was asked."""
    found = provider()
    kept: dict[str, Any] = request.session.pop(_KEY, {})
    if found is None:
        raise Http404
    try:
        if not kept or time.time() - kept["at"] > _BACK_WITHIN_S:
            raise Refused(_("nobody here asked the provider"), remedy=_("Begin again at the sign-in."))
        asked = Asked(**{name: kept[name] for name in Asked.__dataclass_fields__})
        identity = found.answered(asked, request.GET.dict(), now=time.time())
        return _came(request, kept, identity)
    except SeatrialError as error:
        account = request.user if isinstance(request.user, Account) else None
        at_the_door(account, Door.SINGLE_SIGN_ON, about=f"from {address_of(request)}", otherwise=error.what)
        return page(request, "problem.html", {"what": error.what, "remedy": error.remedy}, status=403)


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def passphrase(request: HttpRequest) -> HttpResponse:
    """The phrase that seals the signing key of somebody who has no password here."""
    account = account_of(request)
    if account.has_usable_password():
        return redirect("account")
    key = SigningKey.objects.filter(account=account).first()
    fresh = just_shown(request)
    errors: dict[str, str] = {}
    if request.method == "POST":
        old, new = request.POST.get("old", ""), request.POST.get("password", "")
        errors = weak(new, account)
        try:
            if old and key is not None:
                confirm(account, old)
            elif not fresh:
                raise Refused(_("show first that it is you"), remedy=_("Sign in with the company's provider again."))
        except Refused as error:
            at_the_door(account, Door.CHANGE_PASSPHRASE, otherwise=error.what)
            errors["old"] = sentences(error.what, error.remedy)
        if not errors:
            if old and key is not None:
                reseal(account, old, new)
                said = _("the key opens with a new phrase")
            else:
                make_key(account, new)
                said = _("a new signing key") if key is not None else _("a signing key")
            at_the_door(account, Door.CHANGE_PASSPHRASE, about=said)
            messages.success(request, _("Done: %(said)s.", said=said))
            return redirect("account")
    context = {"errors": errors, "help": password_validators_help_texts(), "key": key, "fresh": fresh}
    return page(request, "passphrase.html", context, status=422 if errors else 200)


def _came(request: HttpRequest, kept: dict[str, Any], identity: Identity) -> HttpResponse:
    known = LinkedIdentity.objects.filter(issuer=identity.issuer, subject=identity.subject).first()
    account = None if known is None else known.account
    match kept["for"]:
        case "show":
            return _shown_again(request, account, identity, str(kept["next"]))
        case "link":
            return _linked(request, account, identity)
        case "join":
            return _joined(request, account, identity, str(kept["invitation"]))
    if account is None:
        raise Refused(
            _("nobody here is %(subject)s", subject=identity.email or identity.subject),
            remedy=_(
                "Open the invitation that you were given. If you have an account, sign in, and link it on its page."
            ),
        )
    return _let_in(request, account, str(kept["next"]))


def _let_in(request: HttpRequest, account: Account, wanted: str) -> HttpResponse:
    if not account.is_active:
        raise Refused(_("this account is closed"), remedy=_("Ask whoever administers this site."))
    if factors_of(account).any:
        half_in(request, account, "sign-in", wanted=wanted, how=_HOW)
        return redirect("second-step")
    return enter(request, account, _HOW, wanted=wanted)


def _shown_again(request: HttpRequest, account: Account | None, identity: Identity, wanted: str) -> HttpResponse:
    if account is None or account != request.user:
        raise Refused(
            _("that is not the account that you are signed in with"), remedy=_("Sign out, then sign in as that.")
        )
    if identity.signed_in_at is not None and time.time() - identity.signed_in_at > SKEW_S + _BACK_WITHIN_S:
        raise Refused(_("the provider did not ask for you again"), remedy=_("Sign out there, then try again."))
    if factors_of(account).any:
        return redirect("second-factor")
    shown_now(request)
    return redirect(wanted)


def _linked(request: HttpRequest, account: Account | None, identity: Identity) -> HttpResponse:
    own = account_of(request)
    if account is not None and account != own:
        raise Refused(_("another account here belongs to them already"), remedy=_("Sign in with that one."))
    LinkedIdentity.objects.get_or_create(issuer=identity.issuer, subject=identity.subject, defaults={"account": own})
    at_the_door(own, Door.SINGLE_SIGN_ON, about=f"linked {identity.email or identity.subject}")
    messages.success(request, _("From now on you can sign in over the company's provider too."))
    return redirect("account")


def _joined(request: HttpRequest, account: Account | None, identity: Identity, invitation: str) -> HttpResponse:
    found = Invitation.objects.filter(digest=invitation).select_related("system").first()
    if found is None or not found.valid:
        raise Refused(
            _("this invitation was used already, or has ended"), remedy=_("Ask whoever invited you for a new one.")
        )
    if account is None:
        if not identity.verified or identity.email != found.email:
            raise Refused(
                _(
                    "this invitation is for %(email)s, and the provider does not say that this is your address",
                    email=found.email,
                ),
                remedy=_("Ask for an invitation to the address that the provider knows, or make an account here."),
            )
        if Account.objects.filter(email=found.email).exists():
            raise Refused(_("this address has an account here"), remedy=_("Sign in with it, and link it on its page."))
        with transaction.atomic():
            account = Account(email=found.email, name=identity.name or found.email)
            account.set_unusable_password()
            account.save()
            LinkedIdentity.objects.create(account=account, issuer=identity.issuer, subject=identity.subject)
            joined(found, account)
        at_the_door(account, Door.NEW_ACCOUNT, about=f"from {address_of(request)}, {_HOW}")
    else:
        joined(found, account)
    return _let_in(request, account, reverse(home(found), args=[found.system.slug]))
