"""Signing keys of people, as the site keeps them: opened for one signature, after they have shown who they are."""

from __future__ import annotations

from django.http import HttpRequest

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.adapters.signers.sealed import SealedKey, new_sealed_key, opened, resealed
from seatrial.core.errors import Refused
from seatrial.web.access import Visitor
from seatrial.web.factors import factors_of, show
from seatrial.web.language import _
from seatrial.web.models import Account, SigningKey
from seatrial.web.tries import forgiven, missed, not_waiting, signing


def make_key(account: Account, password: str) -> SigningKey:
    """A new key for the account, sealed with its password; one that it had before is replaced."""
    made = new_sealed_key(password)
    SigningKey.objects.filter(account=account).delete()
    return SigningKey.objects.create(account=account, public=made.public, sealed=made.sealed, salt=made.salt)


def has_key(account: Account) -> bool:
    """Whether the account has a signing key."""
    return _kept(account) is not None


def reseal(account: Account, old: str, new: str) -> None:
    """The same key under a new password. Raises Refused for a wrong old one."""
    kept = _kept(account)
    if kept is not None:
        again = resealed(_plain(kept), old, new)
        kept.sealed, kept.salt = again.sealed, again.salt
        kept.save()


def key_of(request: HttpRequest, who: Visitor, *, second: bool = True) -> Ed25519Signer:
    """The person's signer for one statement, by what the form shows: the password, and the second factor.

    The latter where they have one, or the system demands it; with `second` false never, for what must not fail for a
    lost phone. Raises Refused.
    """
    password = request.POST.get("password", "")
    confirm(who.account, password)
    if second and factors_of(who.account).any:
        show(request, who.account, key=signing(who.account))
    elif second and who.system is not None and who.system.second_factor:
        raise Refused(
            _("this system takes no statement without a second factor, and you have none"),
            remedy=_("Set one up on the page of your account, then come back."),
        )
    kept = _kept(who.account) or make_key(who.account, password)
    return opened(_plain(kept), str(who.person), password)


def confirm(account: Account, password: str) -> None:
    """That it is they who sit there. Raises Refused for a wrong password, and while there were too many."""
    key = signing(account)
    not_waiting(key)
    right = account.check_password(password) if account.has_usable_password() else _opens(account, password)
    if not right:
        missed(key)
        raise Refused(_("that is not your password"), remedy=_("Type it again; nothing is on record."))
    forgiven(key)


def _opens(account: Account, phrase: str) -> bool:
    """Whether it is the phrase with which somebody signs who signs in elsewhere."""
    kept = _kept(account)
    if kept is None:
        raise Refused(
            _("you have no signing phrase yet"), remedy=_("Choose one on the page of your account, then come back.")
        )
    try:
        opened(_plain(kept), "", phrase)
    except Refused:
        return False
    return True


def _kept(account: Account) -> SigningKey | None:
    return SigningKey.objects.filter(account=account).first()


def _plain(kept: SigningKey) -> SealedKey:
    return SealedKey(public=bytes(kept.public), sealed=bytes(kept.sealed), salt=bytes(kept.salt))
