"""Whose signatures count: the trust root, which lives outside the host that signs.

- `TrustRoot.load(path)` reads the JSON file that was given from outside: `pinned` is true.
- `Keystore.trust()` (`seatrial.adapters.signers.keystore`) is the local keystore's own word: `pinned` is false, and
  whatever it verifies is *not anchored*.

The file is `{"format": "seatrial-trust-1", "keys": [{"key", "public", "holder", "roles", "valid_from", "valid_until",
"revoked_at", "local"}]}`; `key` is the SHA-256 of the 32 public bytes, `public` their base64, `holder` one of
`person:<id>`, `worker:<name>`, `token:<name>`, `root:<name>`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from seatrial.core.bodies import KeyBody
from seatrial.core.codec import CodecError, from_data, to_data
from seatrial.core.errors import Malformed, Unreachable
from seatrial.core.vocabulary import Role
from seatrial.evidence.envelope import Envelope, canonical, pae, sha256

FORMAT = "seatrial-trust-1"
_KINDS = ("person", "worker", "token", "root")
_MAX_BYTES = 8 * 1024 * 1024
_AGAIN = "Take the file from whoever keeps it; a hand must not have changed it."


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key, whose it is, and when it counts.

    `roles` limits which roles' sign-offs a person's key may give; None sets no limit here. `valid_until` (rotation) and
    `revoked_at` (theft) both end it: nothing that was signed or received from then on counts.
    """

    key: str
    public: str
    holder: str
    roles: tuple[Role, ...] | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    revoked_at: datetime | None = None
    local: bool = False

    @property
    def kind(self) -> str:
        """`person`, `worker`, `token` or `root`."""
        return self.holder.partition(":")[0]

    @property
    def name(self) -> str:
        """The holder without its kind."""
        return self.holder.partition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """The keys that count. `pinned` is true only when they were given from outside the host that signs."""

    keys: tuple[TrustedKey, ...]
    pinned: bool = False

    @staticmethod
    def load(path: Path) -> TrustRoot:
        """The trust root from a file kept outside. Raises Unreachable, Malformed."""
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise Unreachable(
                f"the trust root {path} cannot be read: {error.strerror}",
                remedy="Name the file that its keeper gave you, by --trust or in SEATRIAL_TRUST.",
            ) from None
        return TrustRoot.parse(content, where=str(path), pinned=True)

    @staticmethod
    def parse(content: bytes, *, where: str, pinned: bool) -> TrustRoot:
        """The trust root that these bytes spell. Raises Malformed, naming `where`."""
        if len(content) > _MAX_BYTES:
            raise Malformed(f"{where}: more than {_MAX_BYTES} bytes are no trust root", remedy=_AGAIN)
        try:
            data = json.loads(content)
        except (ValueError, RecursionError):
            raise Malformed(f"{where}: not JSON", remedy=_AGAIN) from None
        if not isinstance(data, dict) or data.get("format") != FORMAT or set(data) != {"format", "keys"}:
            raise Malformed(
                f'{where}: not a trust root: expected {{"format": "{FORMAT}", "keys": [...]}}', remedy=_AGAIN
            )
        if not isinstance(data["keys"], list):
            raise Malformed(f"{where}: `keys` must be a list", remedy=_AGAIN)
        try:
            keys = tuple(checked(from_data(TrustedKey, key)) for key in data["keys"])
        except (CodecError, Malformed) as error:
            raise Malformed(f"{where}: {error.what}", remedy=error.remedy or _AGAIN) from None
        if len({key.key for key in keys}) != len(keys):
            raise Malformed(f"{where}: a key is listed twice", remedy="List each key once.")
        return TrustRoot(keys=keys, pinned=pinned)

    def spell(self) -> bytes:
        """The file's canonical bytes."""
        return canonical({"format": FORMAT, "keys": [to_data(key) for key in self.keys]})


def key_id(public: bytes) -> str:
    """The name of a key: SHA-256 of its 32 public bytes, as hex."""
    return sha256(public)


def checked(key: TrustedKey) -> TrustedKey:
    """The key, when its id follows from its public bytes and its holder is of a known kind. Raises Malformed."""
    try:
        public = base64.b64decode(key.public, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"key {key.key[:16]}: `public` is not base64") from None
    if len(public) != 32 or key_id(public) != key.key:
        raise Malformed(f"key {key.key[:16]}: the id is not the SHA-256 of the 32 public bytes")
    if key.kind not in _KINDS or not key.name:
        raise Malformed(f"key {key.key[:16]}: holder {key.holder!r} is none of {', '.join(f'{k}:…' for k in _KINDS)}")
    return key


class Keyring:
    """The trusted keys while a chain is read: the root's, as the chain's own KEY records change them."""

    def __init__(self, trust: TrustRoot) -> None:
        self._keys: dict[str, TrustedKey] = {key.key: key for key in trust.keys}
        self._retired: dict[str, datetime] = {}
        self._revoked: dict[str, datetime] = {}
        self._verifiers: dict[str, _Verify] = {}

    def get(self, key: str) -> TrustedKey | None:
        """The key of that id, as it stands now, or None."""
        known = self._keys.get(key)
        if known is None or (key not in self._retired and key not in self._revoked):
            return known
        return replace(
            known,
            valid_until=_earlier(known.valid_until, self._retired.get(key)),
            revoked_at=_earlier(known.revoked_at, self._revoked.get(key)),
        )

    def all(self) -> tuple[TrustedKey, ...]:
        """Every key that is known, as it stands now."""
        return tuple(known for key in self._keys if (known := self.get(key)) is not None)

    def holds(self, envelope: Envelope) -> bool:
        """True when the envelope's signature was made with the key that it names."""
        return self.signed(envelope.key_id, pae(envelope.payload_type, envelope.payload), envelope.signature)

    def signed(self, key: str, content: bytes, signature: bytes) -> bool:
        """True when that known key made that signature over that content."""
        verify = self._verifiers.get(key)
        if verify is None:
            trusted = self._keys.get(key)
            if trusted is None:
                return False
            verify = self._verifiers[key] = _Verify(base64.b64decode(trusted.public))
        return verify(signature, content)

    def change(self, body: Mapping[str, object]) -> None:
        """Apply a KEY record that a root key signed. Raises Malformed when it is not one that may be applied."""
        try:
            change = from_data(KeyBody, body)
        except CodecError as error:
            raise Malformed(f"not a change of keys: {error.what}") from None
        known = self._keys.get(change.key)
        if known is not None and known.kind == "root":
            raise Malformed("a root key is changed only in the trust root itself")
        if change.action == "add":
            self._add(change, known)
        elif change.action in ("retire", "revoke") and change.effective_at is not None:
            # Kept for a key that is not known yet, too; an end is moved earlier, never later.
            ends = self._retired if change.action == "retire" else self._revoked
            ends[change.key] = min(change.effective_at, ends.get(change.key, change.effective_at))
        else:
            raise Malformed(f"{change.action!r} is no change of keys, or lacks the time from which it holds")

    def _add(self, change: KeyBody, known: TrustedKey | None) -> None:
        if known is not None:
            raise Malformed(f"key {change.key[:16]} is already known")
        added = checked(
            TrustedKey(
                key=change.key,
                public=change.public,
                holder=change.holder,
                roles=change.roles,
                valid_from=change.valid_from,
                valid_until=change.valid_until,
                local=change.local,
            )
        )
        if added.kind == "root":
            raise Malformed("a root key is added only in the trust root itself")
        self._keys[added.key] = added


class _Verify:
    """Verifies with one public key."""

    def __init__(self, public: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        self._key = Ed25519PublicKey.from_public_bytes(public)

    def __call__(self, signature: bytes, content: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((when for when in (one, other) if when is not None), default=None)
