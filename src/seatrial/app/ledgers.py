"""The ledger of a workspace: opened, read and written with its keys and its trust."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.app.workspace import CHECKPOINTS, TRUST, Workspace
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence, Record
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.entry import Checkpoint
from seatrial.evidence.envelope import seal
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Reading

_readings: ContextVar[dict[object, Reading] | None] = ContextVar("readings", default=None)


def keystore(workspace: Workspace) -> Keystore:
    """The keys on this machine."""
    return Keystore(workspace.folder / "keys")


def trust(workspace: Workspace) -> TrustRoot:
    """Whose signatures count: the root given from outside, else the local keystore's own word.

    Whatever the root says, keys of several people on this machine are local: whoever sits here can be them all.
    """
    pinned = workspace.environment.get(TRUST)
    here = keystore(workspace).trust()
    if not pinned:
        return here
    root = TrustRoot.load(Path(pinned))
    together = {key.key for key in here.keys if key.kind == "person"}
    if len(together) < 2:
        return root
    return replace(root, keys=tuple(replace(key, local=key.local or key.key in together) for key in root.keys))


def known(workspace: Workspace, signer: Ed25519Signer) -> Ed25519Signer:
    """The signer, when its signature will count: in an append-only ledger one by a stranger's key spoils all of it.

    Raises Refused under a trust root from outside that does not know the key.
    """
    root = trust(workspace)
    if not root.pinned or any(key.key == signer.key_id for key in root.keys):
        return signer
    if read_ledger(workspace, quick=True).keys.get(signer.key_id) is None:
        raise Refused(
            f"the trust root does not know the key of {signer.holder} on this machine",
            remedy="Have whoever keeps the trust root add this public key for "
            f"{signer.holder}: {base64.b64encode(signer.public).decode()}",
        )
    return signer


def checkpoints(workspace: Workspace) -> Sequence[Checkpoint]:
    """The checkpoints kept outside."""
    kept = workspace.environment.get(CHECKPOINTS)
    return Checkpoint.load(Path(kept)) if kept else ()


@contextmanager
def open_ledger(workspace: Workspace, *, create: bool = True) -> Iterator[Ledger]:
    """The workspace's ledger; closed afterwards. Raises LedgerError."""
    ledger = Ledger.open(workspace.ledger_url, create=create, clock=workspace.clock)
    try:
        yield ledger
    finally:
        ledger.close()


def read_ledger(workspace: Workspace, *, quick: bool) -> Reading:
    """The verified chain of this system. See `Reading` for what a quick one leaves open, and `read_once`."""
    system, trusted, kept = workspace.system.system, trust(workspace), tuple(checkpoints(workspace))
    with open_ledger(workspace) as ledger:
        readings = _readings.get()
        if readings is None:
            return ledger.read(system, trusted, kept, quick=quick)
        key = (workspace.ledger_url, ledger.checkpoint(system), system, trusted, kept, quick)
        if key not in readings:
            readings[key] = ledger.read(system, trusted, kept, quick=quick)
        return readings[key]


@contextmanager
def read_once() -> Iterator[None]:
    """Within it a chain is read and verified once for each head that it has, however often it is asked for.

    For one page, which tells several things of one chain. What is put on record meanwhile is read, as the head moves.
    """
    before = _readings.set({})
    try:
        yield
    finally:
        _readings.reset(before)


def record(
    ledger: Ledger,
    signer: Ed25519Signer,
    workspace: Workspace,
    kind: RecordType,
    body: object,
    *,
    depends: Mapping[str, str] | None = None,
) -> Evidence:
    """Sign one statement and append it; durable when this returns."""
    data = to_data(body)
    if not isinstance(data, Mapping):
        raise TypeError(f"{type(body).__name__} is no body of a record")
    said = Record(
        type=kind,
        id=uuid4().hex,
        system=workspace.system.system,
        at=workspace.clock.now(),
        by=signer.by,
        depends=depends or {},
        body=data,
    )
    return ledger.append(seal(said, signer))
