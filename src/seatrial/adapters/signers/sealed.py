"""A person's signing key under their password: whoever holds the sealed form alone can sign nothing."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.core.errors import Refused
from seatrial.evidence.trust import key_id

_NONCE = 12
_COST = 2**15


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """The key as it is kept: its public half, and the private one encrypted with AES-GCM under scrypt."""

    public: bytes
    sealed: bytes
    salt: bytes


def new_sealed_key(password: str) -> SealedKey:
    """A new key, sealed with the password."""
    return _sealed(Ed25519PrivateKey.generate(), password)


def resealed(key: SealedKey, old: str, new: str) -> SealedKey:
    """The same key under a new password. Raises Refused for a wrong old one."""
    return _sealed(_opened(key, old), new)


def opened(key: SealedKey, person: str, password: str) -> Ed25519Signer:
    """The person's signer. Raises Refused for a wrong password."""
    private = _opened(key, password)
    public = private.public_key().public_bytes_raw()
    return Ed25519Signer(holder=f"person:{person}", key_id=key_id(public), public=public, private=private)


def _sealed(private: Ed25519PrivateKey, password: str) -> SealedKey:
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(_NONCE)
    sealed = nonce + AESGCM(_derived(password, salt)).encrypt(nonce, private.private_bytes_raw(), b"")
    return SealedKey(public=private.public_key().public_bytes_raw(), sealed=sealed, salt=salt)


def _opened(key: SealedKey, password: str) -> Ed25519PrivateKey:
    try:
        seed = AESGCM(_derived(password, key.salt)).decrypt(key.sealed[:_NONCE], key.sealed[_NONCE:], b"")
    except InvalidTag:
        raise Refused(
            "your signing key does not open with this password",
            remedy="If your password was reset, ask for a new key: its holder must then be trusted anew.",
        ) from None
    return Ed25519PrivateKey.from_private_bytes(seed)


def _derived(password: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(password.encode())
