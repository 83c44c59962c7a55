"""Codes that change every half minute (TOTP, RFC 6238), and how their secrets and recovery codes rest in a database.

The secret is sealed under the site's own secret, which stands outside that database: a stolen database makes no code.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from seatrial.core.errors import Refused

STEP_S: Final = 30
SKEW: Final = 1
"""Steps by which a phone's clock may be before or behind ours."""
RECOVERY_CODES: Final = 10
_NONCE = 12
_SECRET = 20
_DIGITS = 6
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> bytes:
    """A new secret of 160 bits, as RFC 4226 recommends."""
    return secrets.token_bytes(_SECRET)


def step_of(secret: bytes, code: str, *, at: float, after: int) -> int | None:
    """Which step of 30 s the code belongs to, among those now (`at`, Unix seconds) give or take the skew.

    None for a wrong code, and for one of a step that is not `after` the last one used: no code is taken twice.
    """
    given = "".join(code.split())
    if len(given) != _DIGITS or not given.isascii() or not given.isdecimal():
        return None
    generator, now = _totp(secret), int(at) // STEP_S
    found = None
    for step in range(now - SKEW, now + SKEW + 1):
        if hmac.compare_digest(generator.generate(step * STEP_S), given.encode()) and step > after:
            found = step
    return found


def code_at(secret: bytes, at: float) -> str:
    """The code of that time (Unix seconds), as a phone shows it."""
    return _totp(secret).generate(int(at)).decode()


def address(secret: bytes, account: str, issuer: str) -> str:
    """The `otpauth` address that a phone reads from the picture."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def typed(secret: bytes) -> str:
    """The secret in groups of four, for whoever cannot read the picture."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))


def new_recovery_codes() -> list[str]:
    """Codes of 49 bits each, for when the phone is lost; shown once."""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(2)) for _ in range(RECOVERY_CODES)
    ]


def recovery_digest(site_secret: str, account: int, code: str) -> str:
    """What is kept of a recovery code, however it is spelled: useless without the site's secret."""
    plain = "".join(c for c in code.lower() if c.isalnum())
    return hmac.digest(_derived(site_secret, b"recovery codes"), f"{account}:{plain}".encode(), "sha256").hex()


def sealed(site_secret: str, account: int, secret: bytes) -> bytes:
    """The secret as it rests, bound to its account."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_derived(site_secret, b"second factor")).encrypt(nonce, secret, str(account).encode())


def unsealed(site_secret: str, account: int, kept: bytes) -> bytes:
    """The secret again. Raises Refused where the site has another secret by now."""
    cipher = AESGCM(_derived(site_secret, b"second factor"))
    try:
        return cipher.decrypt(kept[:_NONCE], kept[_NONCE:], str(account).encode())
    except InvalidTag:
        raise Refused(
            "your second factor cannot be read: the site's own secret has changed since",
            remedy="Whoever administers this site takes the second factor away; then set it up anew.",
        ) from None


def _totp(secret: bytes) -> TOTP:
    # SHA-1 is what authenticator apps take; RFC 6238 rests on it as a keyed hash, where it is sound.
    return TOTP(secret, _DIGITS, SHA1(), STEP_S)  # noqa: S303


def _derived(site_secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"seatrial " + purpose).derive(site_secret.encode())
