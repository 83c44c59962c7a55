"""Places in a system that are given to people: by a link that works once, made by an administrator."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils import timezone

from seatrial.app.folder.workspace import Workspace
from seatrial.app.people.training import users_of
from seatrial.web.access import SiteAction, Visitor, put_down
from seatrial.web.digests import digest_of
from seatrial.web.language import _
from seatrial.web.models import Account, Invitation, Membership, Registered

INVITED_FOR = timedelta(days=14)


def person_problems(system: Registered, workspace: Workspace, person: str, email: str) -> dict[str, str]:
    """Why a declared person cannot be invited so, by field; nothing where they can."""
    if person not in workspace.system.people:
        return {"person": _("Nobody is declared under this id.")}
    return _address_problems(system, person, email)


def user_problems(system: Registered, workspace: Workspace, user: str, email: str) -> dict[str, str]:
    """The same for somebody on the user list who is no declared person."""
    errors = {}
    if user not in {each.id for each in users_of(workspace)}:
        errors["user"] = _("Nobody on the user list has this id.")
    elif user in workspace.system.people:
        errors["user"] = _("This is one of the declared people: invite them under people and duties.")
    if errors:
        return errors if "@" in email else errors | {"email": _("Give their own e-mail address.")}
    return _address_problems(system, user, email)


def make_invitation(who: Visitor, system: Registered, person: str, email: str, *, listed: bool = False) -> str:
    """The secret of a new invitation for a declared person, or with `listed` a user; earlier ones for them end."""
    Invitation.objects.filter(system=system, person=person, used_at=None).update(used_at=timezone.now())
    secret = secrets.token_urlsafe(32)
    Invitation.objects.create(
        digest=digest_of(secret),
        email=email,
        system=system,
        person=person,
        listed=listed,
        by=who.account,
        until=timezone.now() + INVITED_FOR,
    )
    put_down(who, SiteAction.INVITE, about=f"{person} <{email}>{' as a user' if listed else ''}")
    return secret


def _address_problems(system: Registered, person: str, email: str) -> dict[str, str]:
    if "@" not in email:
        return {"email": _("Give their own e-mail address.")}
    taken = _taken(system, person, email)
    return {"email": taken} if taken else {}


def _taken(system: Registered, person: str, email: str) -> str:
    """Why the place cannot be given to whoever has this address; empty when it can."""
    if Membership.objects.filter(system=system, person=person).exists():
        return _("Somebody has an account for this place already.")
    if Account.objects.filter(email=email, admin=True).exists():
        return _("An administrator cannot be one of them.")
    if Membership.objects.filter(system=system, account__email=email).exists():
        return _("Whoever has this address has another place in this system.")
    return ""
