"""The first account, invitations, one's own account, and a new password for it."""

from __future__ import annotations

import base64

from django.contrib import messages
from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from seatrial.app.people.training import users_of
from seatrial.core.errors import Refused
from seatrial.core.wording import count
from seatrial.web import sessions
from seatrial.web.access import Door, SiteAction, at_the_door, demand, put_down, visitor
from seatrial.web.digests import digest_of
from seatrial.web.factors import factors_of, show
from seatrial.web.first import fits, spend
from seatrial.web.fleet import workspace_of
from seatrial.web.invitations import make_invitation, person_problems
from seatrial.web.keys import confirm, make_key, reseal
from seatrial.web.language import LANGUAGES, _, later, sentences
from seatrial.web.models import Account, Invitation, Membership, ResetLink
from seatrial.web.pages import page
from seatrial.web.tries import address_of, coming_from, entering, forgiven, missed, waits
from seatrial.web.views.entering import half_in
from seatrial.web.views.visiting import Visit, of_system, signed_in


@never_cache
@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, token: str = "") -> HttpResponse:
    """The first account, which administers the site: for whoever was told the secret by the site itself."""
    if Account.objects.exists():
        raise Http404
    key = coming_from(request)
    if not token or waits(key) is not None:
        return page(request, "not-begun.html", {"tried": bool(token)}, status=403 if token else 200)
    if not fits(token):
        missed(key)
        at_the_door(None, Door.FIRST_ACCOUNT, about=_from(request), otherwise="the secret was wrong")
        return page(request, "not-begun.html", {"tried": True}, status=403)
    return _new_account(request, template="begin.html", admin=True)


@never_cache
@require_http_methods(["GET", "POST"])
def accept_invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Who was invited makes an account, or adds the system to the one that they have."""
    found = Invitation.objects.filter(digest=digest_of(secret)).select_related("system").first()
    if found is None or not found.valid:
        at_the_door(_whoever(request), Door.OPEN_INVITATION, about=_from(request), otherwise=_EXPIRED["what"])
        return page(request, "problem.html", _EXPIRED, status=410)
    if isinstance(request.user, Account) and request.user.email == found.email:
        if request.method == "POST":
            joined(found, request.user)
            return redirect(home(found), found.system.slug)
        return page(request, "join.html", {"invitation": found})
    if Account.objects.filter(email=found.email).exists():
        messages.info(request, _("You have an account here: sign in, then open the invitation again."))
        return redirect("sign-in")
    return _new_account(request, template="invitation.html", admin=False, invitation=found)


@of_system
def invite(visit: Visit) -> HttpResponse:
    """An administrator invites a declared person; the link is shown once."""
    demand(visit.who, SiteAction.INVITE, about=visit.system.slug)
    person = visit.request.POST.get("person", "")
    email = visit.request.POST.get("email", "").strip().lower()
    if visit.request.method != "POST" or person not in visit.workspace.system.people or "@" not in email:
        said = _("Choose one of the declared people who has no account here yet, and give their own e-mail address.")
        messages.error(visit.request, said)
        return redirect("people", visit.system.slug)
    if errors := person_problems(visit.system, visit.workspace, person, email):
        messages.error(visit.request, next(iter(errors.values())))
        return redirect("people", visit.system.slug)
    return invited(visit, person, email, name=visit.workspace.system.people[person].name)


def invited(visit: Visit, person: str, email: str, *, name: str, listed: bool = False) -> HttpResponse:
    """The page with a new invitation's link, for a declared person or with `listed` a user; earlier ones end."""
    secret = make_invitation(visit.who, visit.system, person, email, listed=listed)
    link = visit.request.build_absolute_uri(f"/invitations/{secret}/")
    back = "training" if listed else "people"
    return page(visit.request, "invited.html", {"visit": visit, "link": link, "name": name, "back": back})


@never_cache
@signed_in
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """One's own account: the language, the password, and the public half of the signing key."""
    account = request.user
    assert isinstance(account, Account)  # noqa: S101 - `signed_in` saw to it
    errors: dict[str, str] = {}
    if request.method == "POST" and request.POST.get("do") == "language":
        chosen = request.POST.get("language", "")
        account.language = chosen if chosen in dict(LANGUAGES) else ""
        account.save(update_fields=["language"])
        return redirect("account")
    if request.method == "POST" and account.has_usable_password():
        old, new = request.POST.get("old", ""), request.POST.get("password", "")
        try:
            confirm(account, old)
        except Refused as error:
            at_the_door(account, Door.CHANGE_PASSWORD, otherwise=error.what)
            errors["old"] = sentences(error.what, error.remedy)
        errors |= weak(new, account)
        if not errors:
            with transaction.atomic():
                reseal(account, old, new)
                account.set_password(new)
                account.save()
                ended = sessions.end(account, but=sessions.here(request))
            update_session_auth_hash(request, account)
            at_the_door(account, Door.CHANGE_PASSWORD, about=f"ended {count(ended, 'other session')}")
            messages.success(
                request,
                _(
                    "Your password is changed, and your signing key opens with the new one. Whoever "
                    "was signed in elsewhere as you is signed out."
                ),
            )
            return redirect("account")
    key = getattr(account, "signing_key", None)
    context = {
        "errors": errors,
        "help": password_validators_help_texts(),
        "key": key,
        "public": "" if key is None else base64.b64encode(bytes(key.public)).decode(),
    }
    return page(request, "account.html", context, status=422 if errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
def reset(request: HttpRequest, secret: str) -> HttpResponse:
    """A new password by a link that an administrator made. The old key stays shut for ever: there is a new one."""
    link = ResetLink.objects.filter(digest=digest_of(secret)).select_related("account", "by").first()
    if link is None or not link.valid or not link.account.is_active:
        at_the_door(None, Door.RESET_PASSWORD, about=_from(request), otherwise=_ENDED["what"])
        return page(request, "problem.html", _ENDED, status=410)
    errors: dict[str, str] = {}
    asked = factors_of(link.account)
    if asked.any:
        half_in(request, link.account, "reset")
    if request.method == "POST":
        new = request.POST.get("password", "")
        errors = weak(new, link.account)
        if not errors and asked.any:
            try:
                show(request, link.account, key=entering(link.account.email))
            except Refused as error:
                at_the_door(link.account, Door.RESET_PASSWORD, about=_from(request), otherwise=error.what)
                errors["code"] = sentences(error.what, error.remedy)
        if not errors:
            with transaction.atomic():
                if not ResetLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()):
                    raise Http404
                link.account.set_password(new)
                link.account.save()
                make_key(link.account, new)
                sessions.end(link.account)
            forgiven(entering(link.account.email))
            by = "" if link.by is None else f" by {link.by.name}"
            at_the_door(link.account, Door.RESET_PASSWORD, about=f"{_from(request)}, let in{by}; a new signing key")
            messages.success(request, _("Your password is changed. Sign in with it."))
            return redirect("sign-in")
    context = {"errors": errors, "help": password_validators_help_texts(), "about": link.account, "factors": asked}
    return page(request, "reset.html", context, status=422 if errors else 200)


def _new_account(
    request: HttpRequest, *, template: str, admin: bool, invitation: Invitation | None = None
) -> HttpResponse:
    given = {key: request.POST.get(key, "").strip() for key in ("name", "email")}
    if invitation is not None:
        given["email"] = invitation.email
        people = _declared(invitation)
        given["name"] = given["name"] or people
    errors: dict[str, str] = {}
    if request.method == "POST":
        password = request.POST.get("password", "")
        if not given["name"]:
            errors["name"] = _("Give your name, as colleagues know it.")
        if "@" not in given["email"]:
            errors["email"] = _("Give an e-mail address.")
        errors |= weak(password, Account(email=given["email"], name=given["name"]))
        if not errors:
            with transaction.atomic():
                if admin and (Account.objects.exists() or not spend()):
                    raise Http404
                account = Account.objects.create(
                    email=given["email"], name=given["name"], password=password, admin=admin
                )
                make_key(account, password)
                if invitation is not None:
                    joined(invitation, account)
            login(request, account, backend="django.contrib.auth.backends.ModelBackend")
            at_the_door(account, Door.FIRST_ACCOUNT if admin else Door.NEW_ACCOUNT, about=_from(request))
            return redirect("fleet") if invitation is None else redirect(home(invitation), invitation.system.slug)
    context = {
        "errors": errors,
        "given": given,
        "help": password_validators_help_texts(),
        "invitation": invitation,
        "secret": request.path.rstrip("/").rpartition("/")[2],
    }
    return page(request, template, context, status=422 if errors else 200)


def joined(invitation: Invitation, account: Account) -> None:
    """Give the account the place that it was invited to, once. Raises Http404, Refused."""
    with transaction.atomic():
        used = Invitation.objects.filter(pk=invitation.pk, used_at=None).update(used_at=timezone.now())
        if not used:
            raise Http404
        seats = Q(person=invitation.person) | Q(account=account)
        if account.admin or Membership.objects.filter(seats, system=invitation.system).exists():
            raise Refused(
                _("somebody has this place in the system already, or you have another one there"),
                remedy=_("Ask whoever administers this site."),
            )
        Membership.objects.create(
            system=invitation.system, account=account, person=invitation.person, listed=invitation.listed
        )
    place = SiteAction.USE if invitation.listed else SiteAction.SEE
    put_down(visitor(account, invitation.system), place, about=f"joined as {invitation.person}")


def home(invitation: Invitation) -> str:
    """Where somebody begins who has just come in."""
    return "training" if invitation.listed else "board"


def _declared(invitation: Invitation) -> str:
    workspace = workspace_of(invitation.system)
    if invitation.listed:
        return next((user.name or "" for user in users_of(workspace) if user.id == invitation.person), "")
    person = workspace.system.people.get(invitation.person)
    return "" if person is None else person.name


def weak(password: str, account: Account) -> dict[str, str]:
    """What is wrong with a password, at its field."""
    try:
        validate_password(password, account)
    except ValidationError as error:
        return {"password": " ".join(error.messages)}
    return {}


def _whoever(request: HttpRequest) -> Account | None:
    return request.user if isinstance(request.user, Account) else None


def _from(request: HttpRequest) -> str:
    return f"from {address_of(request)}"


_ENDED = {
    "what": later("This link was used already, or has ended."),
    "remedy": later("Ask whoever administers this site for a new one."),
}
_EXPIRED = {
    "what": later("This invitation was used already, or has ended."),
    "remedy": later("Ask whoever invited you for a new one."),
}
