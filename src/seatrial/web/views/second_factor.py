"""One's own second factor: set up and taken away by whoever has just shown that it is they; and who demands one."""

from __future__ import annotations

import time

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from seatrial.adapters.signers.second_factor import address, typed
from seatrial.core.errors import Refused
from seatrial.web import passkeys
from seatrial.web.access import Door, SiteAction, at_the_door, demand, put_down
from seatrial.web.factors import (
    begin_codes,
    confirm_codes,
    factors_of,
    new_codes_for_recovery,
    secret_of,
    show,
)
from seatrial.web.keys import confirm
from seatrial.web.language import _, sentences
from seatrial.web.models import Account, CodeDevice, Passkey
from seatrial.web.pages import page
from seatrial.web.tries import signing
from seatrial.web.views.visiting import Visit, of_system, signed_in

_SHOWN = "shown_at"
_SHOWN_FOR_S = 600


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """What there is; changed only by whoever showed password and second factor within the last minutes."""
    account = account_of(request)
    if not just_shown(request):
        return _show_yourself(request, account)
    problem, codes = "", []
    if request.method == "POST":
        try:
            codes = _changed(request, account)
        except Refused as error:
            at_the_door(account, Door.SECOND_FACTOR, otherwise=error.what)
            problem = sentences(error.what, error.remedy)
        else:
            if not codes:
                return redirect("second-factor")
    pending = CodeDevice.objects.filter(account=account, confirmed_at=None).first()
    picture = secret = ""
    if pending is not None:
        plain = secret_of(pending)
        secret = typed(plain)
        made = segno.make_qr(address(plain, account.email, "seatrial"), error="m")
        picture = made.svg_inline(omitsize=True, border=3, dark="#000", light="#fff", svgclass=None, lineclass=None)
    context = {
        "factors": factors_of(account),
        "keys": Passkey.objects.filter(account=account),
        "picture": picture,
        "secret": secret,
        "problem": problem,
        "codes": codes,
        "possible": passkeys.possible(request),
    }
    return page(request, "second-factor.html", context, status=422 if problem else 200)


@require_POST
@signed_in
def new_passkey(request: HttpRequest) -> HttpResponse:
    """What the browser needs to make a passkey."""
    account = account_of(request)
    if not just_shown(request):
        return JsonResponse({"what": _("Show again that it is you: load the page anew.")}, status=403)
    return HttpResponse(passkeys.to_make(request, account), content_type="application/json")


@of_system
def demanded(visit: Visit) -> HttpResponse:
    """An administrator has a system take no statement without a second factor, or lifts that."""
    demand(visit.who, SiteAction.DEMAND_FACTOR, about=visit.system.slug)
    wanted = visit.request.POST.get("demand")
    if visit.request.method == "POST" and wanted in ("yes", "no"):
        visit.system.second_factor = wanted == "yes"
        visit.system.save(update_fields=["second_factor"])
        put_down(visit.who, SiteAction.DEMAND_FACTOR, about="demanded" if wanted == "yes" else "demanded no longer")
        messages.success(visit.request, _("That is how it is from now on; it is in the log."))
    return redirect("people", visit.system.slug)


def account_of(request: HttpRequest) -> Account:
    """Whose request it is, behind `signed_in`."""
    assert isinstance(request.user, Account)  # noqa: S101 - `signed_in` saw to it
    return request.user


def shown_now(request: HttpRequest) -> None:
    """Remember for some minutes that they have shown who they are."""
    request.session[_SHOWN] = time.time()


def just_shown(request: HttpRequest) -> bool:
    """Whether they have shown who they are within the last minutes."""
    return time.time() - float(request.session.get(_SHOWN, 0)) < _SHOWN_FOR_S


def _show_yourself(request: HttpRequest, account: Account) -> HttpResponse:
    problem = ""
    factors = factors_of(account)
    if request.method == "POST":
        try:
            # Who signs in elsewhere has no password here: the second factor shows it, or the provider does again.
            if account.has_usable_password() or not factors.any:
                confirm(account, request.POST.get("password", ""))
            if factors.any:
                show(request, account, key=signing(account))
        except Refused as error:
            at_the_door(account, Door.SECOND_FACTOR, otherwise=error.what)
            problem = sentences(error.what, error.remedy)
        else:
            shown_now(request)
            return redirect("second-factor")
    return page(request, "show-yourself.html", {"factors": factors, "problem": problem}, status=422 if problem else 200)


def _changed(request: HttpRequest, account: Account) -> list[str]:
    """Do what the form asks; new recovery codes, where there are any to show. Raises Refused."""
    form = request.POST
    before = factors_of(account).any
    match form.get("do"):
        case "begin":
            begin_codes(account)
            return []
        case "confirm":
            confirm_codes(account, form.get("code", ""))
            said = _("set up codes from a phone")
        case "passkey":
            said = _(
                "set up the passkey %(name)s",
                name=passkeys.make(request, account, form.get("made", ""), form.get("name", "")).name,
            )
        case "recovery" if before:
            said = _("made new recovery codes")
        case "no-codes":
            CodeDevice.objects.filter(account=account).delete()
            return _gone(request, account, _("took away the codes from a phone"))
        case "no-passkey":
            number = form.get("passkey", "")
            Passkey.objects.filter(account=account, pk=int(number) if number.isdecimal() else 0).delete()
            return _gone(request, account, _("took away a passkey"))
        case _:
            raise Refused(_("that cannot be done here"), remedy=_("Load the page anew."))
    at_the_door(account, Door.SECOND_FACTOR, about=said)
    messages.success(request, _("Done: %(said)s.", said=said))
    return new_codes_for_recovery(account) if not before or form.get("do") == "recovery" else []


def _gone(request: HttpRequest, account: Account, said: str) -> list[str]:
    at_the_door(account, Door.SECOND_FACTOR, about=said)
    messages.success(request, _("Done: %(said)s.", said=said))
    return []
