"""Tokens of programs: made once, kept as digests, looked up by what a request carries."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from seatrial.web.access import Scope
from seatrial.web.digests import digest_of
from seatrial.web.language import _
from seatrial.web.models import AccessToken, Account, Registered

MOST_DAYS: Final = 366
_PREFIX = "seatrial_"
"""Lets those who look for secrets in code and logs know one."""
_MINUTE = timedelta(minutes=1)


def make(
    system: Registered, label: str, scopes: Sequence[Scope], *, days: int | None, by: Account
) -> tuple[str, AccessToken]:
    """A new token and its secret, which nobody can tell again."""
    secret = _PREFIX + secrets.token_urlsafe(32)
    made = AccessToken.objects.create(
        system=system,
        digest=digest_of(secret),
        label=label,
        scopes=[scope.value for scope in scopes],
        by=by,
        expires_at=None if days is None else timezone.now() + timedelta(days=days),
    )
    return secret, made


def problems(label: str, scopes: Sequence[str], days: str) -> dict[str, str]:
    """By field, why no such token is made."""
    found = {}
    if not label or len(label) > 80:
        found["label"] = _("Say in up to 80 characters which program holds it, such as nightly pipeline.")
    if not scopes or not set(scopes) <= set(Scope):
        found["scopes"] = _("Choose what it may do.")
    if not days and set(scopes) != {Scope.DOUBTS}:
        found["days"] = _("Only a token that reports doubts and does nothing else has no end: say for how many days.")
    elif days and not (days.isascii() and days.isdigit() and len(days) < 5 and 1 <= int(days) <= MOST_DAYS):
        found["days"] = _("Give a number of days from 1 to %(most_days)s.", most_days=MOST_DAYS)
    return found


def of_secret(secret: str) -> AccessToken | None:
    """The token, whether or not it has ended; None for a secret that is none."""
    found = AccessToken.objects.filter(digest=digest_of(secret.strip())).select_related("system").first()
    if found is not None and (found.used_at is None or timezone.now() - found.used_at > _MINUTE):
        AccessToken.objects.filter(pk=found.pk).update(used_at=timezone.now())
    return found


def open_tokens(system: Registered) -> QuerySet[AccessToken]:
    """Those with which something is still taken."""
    return AccessToken.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now()), system=system, ended_at=None
    )


def end(token: AccessToken) -> bool:
    """Take it away; False where it had ended."""
    return bool(AccessToken.objects.filter(pk=token.pk, ended_at=None).update(ended_at=timezone.now()))
