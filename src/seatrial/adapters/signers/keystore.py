"""Keys on this machine: one file per signer and per worker, created when first used, readable by their owner only.

- `Keystore(folder).worker(name="local") -> Ed25519Signer` signs observations, drills and decisions.
- `Keystore(folder).person("olga") -> Ed25519Signer` signs what Olga herself states.
- `.token(name)` files evidence only; `.root(name)` signs KEY records.
- `Keystore(folder).trust() -> TrustRoot` trusts all of them, as local keys; it is not pinned.

A record's `by` is the signer's `by`; `seatrial.evidence.envelope.seal(record, signer)` makes the envelope.
The keystore of a system file stands at `.seatrial/keys` beside it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.evidence.trust import TrustedKey, TrustRoot, key_id

_FORMAT = "seatrial-key-1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SUFFIX = ".key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ed25519Signer:
    """Signs with a private key held in memory; fulfils the Signer port. The key never appears in its `repr`."""

    holder: str
    key_id: str
    public: bytes
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"Ed25519Signer(holder={self.holder!r}, key_id={self.key_id!r})"

    @property
    def by(self) -> str:
        """What a record signed with it says in `Record.by`."""
        return f"worker:{self.key_id}" if self.holder.startswith("worker:") else self.holder

    def sign(self, pae: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self.private.sign(pae)


class Keystore:
    """A folder of private keys.

    Raises Unreachable when it cannot be read or written, Refused when others than the owner can read a key.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def worker(self, name: str = "local") -> Ed25519Signer:
        """The worker's signer; its key is created at first use."""
        return self._signer("worker", name)

    def person(self, person: str) -> Ed25519Signer:
        """The person's signer; their key is created at first use."""
        return self._signer("person", person)

    def token(self, name: str) -> Ed25519Signer:
        """The service token's signer; its key is created at first use."""
        return self._signer("token", name)

    def root(self, name: str = "local") -> Ed25519Signer:
        """The signer of KEY records; its key is created at first use."""
        return self._signer("root", name)

    def trust(self) -> TrustRoot:
        """All keys of this folder, as local ones. Not pinned: who can write here can also add a key."""
        try:
            files = sorted(self._folder.glob(f"*{_SUFFIX}"))
        except OSError as error:
            raise Unreachable(f"the keystore {self._folder} cannot be read: {error.strerror}") from None
        signers = [_load(path) for path in files]
        return TrustRoot(
            keys=tuple(
                TrustedKey(key=s.key_id, public=base64.b64encode(s.public).decode(), holder=s.holder, local=True)
                for s in signers
            )
        )

    def _signer(self, kind: str, name: str) -> Ed25519Signer:
        if not _NAME.fullmatch(name):
            raise Refused(
                f"{name[:100]!r} cannot name a key",
                remedy="use letters, digits, dot, dash and underscore, beginning with a letter or digit",
            )
        path = self._folder / f"{kind}-{name}{_SUFFIX}"
        if not path.exists():
            _create(path, f"{kind}:{name}")
        signer = _load(path)
        if signer.holder != f"{kind}:{name}":
            raise Malformed(f"the key file {path} belongs to {signer.holder}, not to {kind}:{name}")
        return signer


def _create(path: Path, holder: str) -> None:
    """Write a new key completely, then give it its name: of two that create it at once, one wins, both use that one."""
    seed = Ed25519PrivateKey.generate().private_bytes_raw()
    content = json.dumps({"format": _FORMAT, "holder": holder, "private": base64.b64encode(seed).decode()})
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        except FileExistsError:
            return
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise Unreachable(f"the key {path} cannot be created: {error.strerror}") from None


def _load(path: Path) -> Ed25519Signer:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(65536)
    except OSError as error:
        raise Unreachable(f"the key {path} cannot be read: {error.strerror}") from None
    if os.name == "posix" and mode & 0o077:
        raise Refused(
            f"the key {path} can be read by others than its owner",
            remedy=f"run `chmod 600 {path}`, and replace the key if others use this machine",
        )
    try:
        data = json.loads(content)
        if data["format"] != _FORMAT or not isinstance(data["holder"], str):
            raise ValueError
        private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(data["private"], validate=True))
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise Malformed(f"the file {path} is not a seatrial key") from None
    public = private.public_key().public_bytes_raw()
    return Ed25519Signer(holder=data["holder"], key_id=key_id(public), public=public, private=private)
