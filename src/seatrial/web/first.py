"""The first account: whoever reads what `seatrial serve` says, or the site's own folder, makes it, and nobody else."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from django.conf import settings

from seatrial.web.models import Account


def first_token() -> str | None:
    """The secret in the address of the first account, made where there is none; None once there is an account."""
    file = _file()
    if Account.objects.exists():
        file.unlink(missing_ok=True)
        return None
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii").strip()
    token = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(token + "\n")
    return token


def fits(token: str) -> bool:
    """Whether this is the secret, and there is no account yet."""
    expected = first_token()
    return expected is not None and hmac.compare_digest(expected.encode(), token.encode())


def spend() -> bool:
    """Use the secret up; False for whoever comes second."""
    try:
        _file().unlink()
    except FileNotFoundError:
        return False
    return True


def _file() -> Path:
    return Path(settings.SITE_FOLDER) / "first-account"
