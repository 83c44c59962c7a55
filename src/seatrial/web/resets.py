"""Links for a new password: made by an administrator, or on the site's own machine where no administrator gets in."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils import timezone

from seatrial.core.errors import Refused
from seatrial.web import sessions
from seatrial.web.access import Door, at_the_door
from seatrial.web.digests import digest_of
from seatrial.web.factors import take_away
from seatrial.web.language import _
from seatrial.web.models import Account, ResetLink
from seatrial.web.tries import entering, forgiven, signing

RESET_FOR = timedelta(days=1)


def reset_link(about: Account, by: Account | None) -> str:
    """The path of a link that works once, for a day; earlier ones end. `by` None: made on the site's machine."""
    ResetLink.objects.filter(account=about, used_at=None).update(used_at=timezone.now())
    secret = secrets.token_urlsafe(32)
    until = timezone.now() + RESET_FOR
    ResetLink.objects.create(digest=digest_of(secret), account=about, by=by, until=until)
    return f"/reset/{secret}/"


def let_in(email: str, *, without_factor: bool) -> str:
    """The path of a link for the account, its waits lifted, its second factor taken away if wanted. Raises Refused."""
    account = Account.objects.filter(email=email.strip().lower()).first()
    if account is None or not account.has_usable_password():
        raise Refused(
            _("no account with a password has the address %(email)s", email=email),
            remedy=_("See the list of accounts on the site."),
        )
    forgiven(entering(account.email))
    forgiven(signing(account))
    about = "a link was made on the site's machine"
    if without_factor and take_away(account):
        sessions.end(account)
        about += ", the second factor was taken away"
    at_the_door(account, Door.RESET_PASSWORD, about=about)
    return reset_link(account, None)
