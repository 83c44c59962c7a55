"""Wrong passwords and codes: counted by account and by network address, and after too many, nobody gets in for a while.

An address that nobody has here is counted like one that somebody has, so that waiting tells nothing about it. What is
typed to sign a statement is counted apart: nobody outside can keep a signer from signing.
"""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone

from seatrial.core.errors import Refused
from seatrial.web.language import _, moment
from seatrial.web.models import Account, Tries

BY_ACCOUNT = 8
"""Wrong secrets for one account, within `COUNTED`, after which it waits."""
BY_ADDRESS = 40
"""The same for one network address, whatever accounts were tried from there."""
COUNTED = timedelta(hours=1)
WAIT = timedelta(minutes=15)
_KEPT = timedelta(days=1)
_V6_NETWORK = 64


def entering(email: str) -> str:
    """The key for signing in with an e-mail address, known or not."""
    return f"enter:{hashlib.sha256(email.strip().lower().encode()).hexdigest()}"


def signing(account: Account) -> str:
    """The key for what is typed by somebody who is signed in."""
    return f"sign:{account.pk}"


def coming_from(request: HttpRequest) -> str:
    """The key for the network address; of IPv6 its /64, which is one subscriber."""
    address = address_of(request)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"from:{address}"
    if parsed.version == 6:
        return f"from:{ipaddress.ip_network((parsed, _V6_NETWORK), strict=False)}"
    return f"from:{parsed}"


def address_of(request: HttpRequest) -> str:
    """Where the request comes from; behind proxies that the site was told of, what the outermost of them saw."""
    address = str(request.META.get("REMOTE_ADDR") or "")
    for before in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if address not in settings.SITE_PROXIES or not before.strip():
            break
        address = before.strip()
    return address[:45]


def waits(*keys: str) -> datetime | None:
    """Until when nobody gets in under these keys; None when nothing keeps them."""
    found = Tries.objects.filter(key__in=keys, locked_until__gt=timezone.now())
    until: datetime | None = found.aggregate(until=models.Max("locked_until"))["until"]
    return until


def missed(key: str, *, most: int = BY_ACCOUNT) -> datetime | None:
    """A wrong secret was given; until when it waits from now on, None while there may be more."""
    now = timezone.now()
    with transaction.atomic():
        Tries.objects.filter(since__lt=now - _KEPT).exclude(locked_until__gt=now).delete()
        tries, _ = Tries.objects.select_for_update().get_or_create(key=key, defaults={"since": now})
        if now - tries.since > COUNTED:
            tries.wrong, tries.since = 0, now
        tries.wrong += 1
        if tries.wrong >= most:
            tries.wrong, tries.since, tries.locked_until = 0, now, now + WAIT
        tries.save()
    return tries.locked_until if tries.locked_until is not None and tries.locked_until > now else None


def forgiven(key: str) -> bool:
    """The right secret was given, or an administrator lifts the wait; whether there was anything to forgive."""
    return Tries.objects.filter(key=key).delete()[0] > 0


def told(until: datetime) -> str:
    """The sentence for whoever waits."""
    return _(
        "Too many were wrong: wait until %(until)s, or ask whoever administers this site to lift it.",
        until=moment(until),
    )


def not_waiting(key: str) -> None:
    """Raises Refused while there were too many wrong secrets."""
    if (until := waits(key)) is not None:
        raise Refused(
            _("too many were wrong"),
            remedy=_("Wait until %(until)s, or ask an administrator to lift it.", until=moment(until)),
        )
