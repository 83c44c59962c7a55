"""The trust root of a company: who adds, retires and revokes keys in the file that is kept outside the signing hosts.

The same rules hold as for KEY records in a chain: a key is added once, and an end is never lifted or moved later.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from seatrial.adapters.signers.keystore import Ed25519Signer
from seatrial.app.folder.ledgers import keystore, read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Refused, Unreachable
from seatrial.core.vocabulary import Role
from seatrial.evidence.trust import TrustedKey, TrustRoot, checked, key_id

_LEAST_DIGITS = 8


def own_key(workspace: Workspace, holder: str) -> Ed25519Signer:
    """The key of `person:<id>`, `worker:<name>`, `token:<name>` or `root:<name>` here, made where there is none yet."""
    kind, _, name = holder.partition(":")
    here = keystore(workspace)
    makers: Mapping[str, Callable[[str], Ed25519Signer]] = {
        "person": here.person,
        "worker": here.worker,
        "token": here.token,
        "root": here.root,
    }
    if kind not in makers or not name:
        raise Refused(f"{holder[:80]!r} is no holder of a key", remedy="Such as person:olga, worker:ci or root:main.")
    return makers[kind](name)


def counting(workspace: Workspace) -> Sequence[TrustedKey]:
    """The keys that count in this system's chain, as its KEY records leave them; by holder."""
    reading = read_ledger(workspace, quick=True)
    return sorted(reading.keys.all(), key=lambda key: (key.holder, key.key))


def read(path: Path) -> TrustRoot:
    """The trust root in the file; an empty one where there is none yet. Raises Unreachable, Malformed."""
    return TrustRoot.load(path) if path.exists() else TrustRoot(keys=(), pinned=True)


def add(
    root: TrustRoot, holder: str, public: str, *, at: datetime | None, until: datetime | None, roles: Sequence[Role]
) -> TrustRoot:
    """The trust root with another key: `public` is its 32 bytes in base64. Raises Malformed, Refused."""
    try:
        key = key_id(base64.b64decode(public, validate=True))
    except (binascii.Error, ValueError):
        raise Refused(f"{public[:60]!r} is no public key", remedy="It is 44 characters; its holder has it.") from None
    if any(each.key == key for each in root.keys):
        raise Refused(f"the key {key[:16]} is listed already", remedy="One key belongs to one holder.")
    if roles and not holder.startswith("person:"):
        raise Refused("only a person signs for a role", remedy="Leave the roles out.")
    added = TrustedKey(
        key=key, public=public, holder=holder, roles=tuple(roles) or None, valid_from=at, valid_until=until
    )
    return replace(root, keys=(*root.keys, checked(added)))


def end(root: TrustRoot, name: str, *, at: datetime, revoked: bool) -> TrustRoot:
    """The trust root in which a key ends at `at`: retired, or revoked as stolen. Raises Refused.

    `name` is the key's id or its first digits, or a holder who has one key that has not ended.
    """
    key = _named(root, name)
    field = "revoked_at" if revoked else "valid_until"
    already = getattr(key, field)
    if already is not None and already <= at:
        raise Refused(f"the key {key.key[:16]} ended already at {already:%Y-%m-%d %H:%M} UTC", remedy="Leave it so.")
    ended = replace(key, revoked_at=at) if revoked else replace(key, valid_until=at)
    return replace(root, keys=tuple(ended if each.key == key.key else each for each in root.keys))


def write(root: TrustRoot, path: Path) -> None:
    """Put the whole file in place of the one before, or leave that one. Raises Unreachable."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with draft.open("xb") as file:
            file.write(root.spell())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise Unreachable(
            f"the trust root {path} cannot be written: {error.strerror}", remedy="Name a place that you may write to."
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def _named(root: TrustRoot, name: str) -> TrustedKey:
    running = [each for each in root.keys if each.holder == name and each.revoked_at is None]
    found = running or [each for each in root.keys if len(name) >= _LEAST_DIGITS and each.key.startswith(name)]
    if len(found) == 1:
        return found[0]
    problem = "has several keys" if found else "names no key of this trust root"
    raise Refused(f"{name[:80]!r} {problem}", remedy=f"Name the key by its first {_LEAST_DIGITS} digits or more.")
