"""Passkeys (WebAuthn) as second factor: made and asked for in the browser, each challenge answered once."""

from __future__ import annotations

import ipaddress
import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from seatrial.core.errors import Refused
from seatrial.web.language import _, later
from seatrial.web.models import Account, Passkey

_ANSWERED_WITHIN_S = 300
_CHALLENGE = "challenge"
_AGAIN = later("Ask your passkey again.")


def possible(request: HttpRequest) -> bool:
    """Whether browsers allow passkeys at this address: at a name, never at a bare IP address."""
    try:
        ipaddress.ip_address(_name(request).strip("[]"))
    except ValueError:
        return True
    return False


def to_make(request: HttpRequest, account: Account) -> str:
    """What the browser needs to make a passkey, as JSON."""
    options = generate_registration_options(
        rp_id=_name(request),
        rp_name="seatrial",
        user_name=account.email,
        user_display_name=account.name,
        user_id=f"account-{account.pk}".encode(),
        exclude_credentials=_known(account),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.PREFERRED
        ),
    )
    _remember(request, account, "make", options.challenge)
    return options_to_json(options)


def make(request: HttpRequest, account: Account, answer: str, name: str) -> Passkey:
    """Keep the new passkey that the browser made. Raises Refused for an answer that is not to our question."""
    challenge = _challenge(request, account, "make")
    try:
        made = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=_name(request),
            expected_origin=_origin(request),
        )
    except WebAuthnException as error:
        raise Refused(
            _("this passkey cannot be taken: %(error)s", error=error), remedy=_("Try again, or use another one.")
        ) from None
    credential = bytes_to_base64url(made.credential_id)
    if Passkey.objects.filter(credential=credential).exists():
        raise Refused(_("this passkey is known here already"), remedy=_("Use another one."))
    return Passkey.objects.create(
        account=account,
        credential=credential,
        public=made.credential_public_key,
        count=made.sign_count,
        name=name.strip()[:60] or "passkey",
    )


def to_ask(request: HttpRequest, account: Account) -> str:
    """What the browser needs to ask one of the account's passkeys, as JSON."""
    options = generate_authentication_options(
        rp_id=_name(request), allow_credentials=_known(account), user_verification=UserVerificationRequirement.PREFERRED
    )
    _remember(request, account, "ask", options.challenge)
    return options_to_json(options)


def asked(request: HttpRequest, account: Account, answer: str) -> Passkey:
    """The passkey that answered. Raises Refused for a stranger's, a replayed answer, or a copy of the passkey."""
    challenge = _challenge(request, account, "ask")
    try:
        credential = parse_authentication_credential_json(answer)
        passkey = Passkey.objects.filter(account=account, credential=bytes_to_base64url(credential.raw_id)).first()
        if passkey is None:
            raise Refused(_("this passkey is not one of yours"), remedy=_(_AGAIN))
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_name(request),
            expected_origin=_origin(request),
            credential_public_key=bytes(passkey.public),
            credential_current_sign_count=passkey.count,
        )
    except WebAuthnException as error:
        raise Refused(_("your passkey's answer does not hold: %(error)s", error=error), remedy=_(_AGAIN)) from None
    passkey.count, passkey.used_at = verified.new_sign_count, timezone.now()
    passkey.save(update_fields=["count", "used_at"])
    return passkey


def _known(account: Account) -> list[PublicKeyCredentialDescriptor]:
    found = Passkey.objects.filter(account=account)
    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential)) for each in found]


def _remember(request: HttpRequest, account: Account, purpose: str, challenge: bytes) -> None:
    kept = {"account": account.pk, "for": purpose, "value": bytes_to_base64url(challenge), "at": time.time()}
    request.session[_CHALLENGE] = kept


def _challenge(request: HttpRequest, account: Account, purpose: str) -> bytes:
    """What was asked, used up with that."""
    kept: dict[str, Any] = request.session.pop(_CHALLENGE, {})
    mine = kept.get("account") == account.pk and kept.get("for") == purpose
    if not mine or time.time() - kept["at"] > _ANSWERED_WITHIN_S:
        raise Refused(_("this answer of a passkey is not to a question of now"), remedy=_(_AGAIN))
    return base64url_to_bytes(kept["value"])


def _name(request: HttpRequest) -> str:
    host = request.get_host()
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host


def _origin(request: HttpRequest) -> str:
    scheme = "https" if settings.SESSION_COOKIE_SECURE else request.scheme
    return f"{scheme}://{request.get_host()}"
