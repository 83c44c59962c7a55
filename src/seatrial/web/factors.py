"""The second factor: what an account has, and showing it once the password was right."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from seatrial.adapters.signers.second_factor import (
    new_recovery_codes,
    new_secret,
    recovery_digest,
    sealed,
    step_of,
    unsealed,
)
from seatrial.core.errors import Refused
from seatrial.web import passkeys
from seatrial.web.language import _
from seatrial.web.models import Account, CodeDevice, Passkey, RecoveryCode
from seatrial.web.tries import forgiven, missed, not_waiting


@dataclass(frozen=True, slots=True)
class Factors:
    """What an account has set up: codes from a phone, and how many passkeys and unused recovery codes."""

    codes: bool
    passkeys: int
    recovery: int

    @property
    def any(self) -> bool:
        """Whether there is a second factor at all."""
        return self.codes or self.passkeys > 0


def factors_of(account: Account) -> Factors:
    """What the account has."""
    return Factors(
        codes=CodeDevice.objects.filter(account=account).exclude(confirmed_at=None).exists(),
        passkeys=Passkey.objects.filter(account=account).count(),
        recovery=RecoveryCode.objects.filter(account=account, used_at=None).count(),
    )


def show(request: HttpRequest, account: Account, *, key: str) -> str:
    """Which second factor the form shows, in words; wrong ones are counted under the key. Raises Refused."""
    not_waiting(key)
    code, answer = request.POST.get("code", "").strip(), request.POST.get("assertion", "").strip()
    if not code and not answer:
        raise Refused(
            _("your second factor is missing"), remedy=_("Type a code, or use your passkey; nothing is on record.")
        )
    try:
        shown = _passkey(request, account, answer) if answer else _code(account, code)
    except Refused:
        missed(key)
        raise
    forgiven(key)
    return shown


def begin_codes(account: Account) -> CodeDevice:
    """A new secret for codes, which counts once the first code was shown."""
    CodeDevice.objects.filter(account=account, confirmed_at=None).delete()
    kept = sealed(settings.SECRET_KEY, account.pk, new_secret())
    return CodeDevice.objects.create(account=account, sealed=kept)


def secret_of(device: CodeDevice) -> bytes:
    """The secret of the device. Raises Refused where it cannot be opened any more."""
    return unsealed(settings.SECRET_KEY, device.account.pk, bytes(device.sealed))


def confirm_codes(account: Account, code: str) -> None:
    """The first code shows that the phone has the secret; an earlier phone ends. Raises Refused."""
    device = CodeDevice.objects.filter(account=account, confirmed_at=None).first()
    if device is None:
        raise Refused(_("there is no picture to confirm"), remedy=_("Begin again."))
    with transaction.atomic():
        if not _taken(device, code):
            raise Refused(
                _("that code does not fit"), remedy=_("Look at the clock of your phone, and type the newest code.")
            )
        CodeDevice.objects.filter(account=account).exclude(pk=device.pk).delete()
        CodeDevice.objects.filter(pk=device.pk).update(confirmed_at=timezone.now())


def new_codes_for_recovery(account: Account) -> list[str]:
    """New recovery codes, shown this once; earlier ones end."""
    codes = new_recovery_codes()
    with transaction.atomic():
        RecoveryCode.objects.filter(account=account).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(account=account, digest=recovery_digest(settings.SECRET_KEY, account.pk, code))
            for code in codes
        )
    return codes


def take_away(account: Account) -> bool:
    """Remove every second factor of the account; whether there was one."""
    with transaction.atomic():
        gone = [model.objects.filter(account=account).delete()[0] for model in (CodeDevice, Passkey, RecoveryCode)]
    return any(gone)


def _passkey(request: HttpRequest, account: Account, answer: str) -> str:
    return f"passkey {passkeys.asked(request, account, answer).name}"


def _code(account: Account, code: str) -> str:
    device = CodeDevice.objects.filter(account=account).exclude(confirmed_at=None).first()
    if device is not None and _taken(device, code):
        return "code"
    digest = recovery_digest(settings.SECRET_KEY, account.pk, code)
    if RecoveryCode.objects.filter(account=account, digest=digest, used_at=None).update(used_at=timezone.now()):
        return "recovery code"
    raise Refused(
        _("that code is wrong, or was used already"),
        remedy=_("Wait for the next one, at most half a minute, and type that."),
    )


def _taken(device: CodeDevice, code: str) -> bool:
    """Whether the code fits; it is used up with that, whoever else shows it at the same moment."""
    step = step_of(secret_of(device), code, at=time.time(), after=device.last_step)
    if step is None:
        return False
    return CodeDevice.objects.filter(pk=device.pk, last_step__lt=step).update(last_step=step) == 1
