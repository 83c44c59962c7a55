"""The ledger of a workspace: opened, read and written with its keys and its trust."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.app.workspace import CHECKPOINTS, TRUST, Workspace
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence, Record
from seatrial.core.vocabulary import RecordType
from seatrial.evidence.database import Mark, mark_of
from seatrial.evidence.entry import Checkpoint
from seatrial.evidence.envelope import seal
from seatrial.evidence.index import Indexes
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Reading

_INDEXES = Indexes()


@dataclass(frozen=True, slots=True)
class _Page:
    """What is answered now: since when on the monotonic clock, in seconds, and whether something may come of it."""

    since: float
    writes: bool


_page: ContextVar[_Page | None] = ContextVar("page", default=None)
_heads: dict[str, tuple[Mark | None, float, Mapping[str, Checkpoint]]] = {}
"""Ledger to the heads of its chains, and when they were read."""


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


def read_ledger(workspace: Workspace, *, quick: bool, compared: bool = False) -> Reading:
    """The verified chain of this system. See `Reading` for what a quick one leaves open.

    Within `following` it comes from the index of this process, which verifies every signature once; `compared` then
    says that what it verified before must be compared with what stands in the database now.
    """
    system, trusted, kept = workspace.system.system, trust(workspace), tuple(checkpoints(workspace))
    page = _page.get()
    if page is None:
        with open_ledger(workspace) as ledger:
            return ledger.read(system, trusted, kept, quick=quick)
    index = _INDEXES.of(workspace.ledger_url, system, trusted)
    compared = compared or page.writes
    current = index.current(mark_of(workspace.ledger_url), kept, compared=compared)
    if current is not None:
        return current
    with open_ledger(workspace) as ledger:
        return index.read(ledger, kept, compared=compared, since=page.since)


def compared_now(workspace: Workspace, reading: Reading) -> Reading:
    """The reading once all that it holds was compared with what stands in the database: before GO is said."""
    return reading if _page.get() is None else read_ledger(workspace, quick=True, compared=True)


def head_of(workspace: Workspace) -> Checkpoint | None:
    """The head of this system's chain as it stands, unverified; None for an empty chain."""
    url, system, page = workspace.ledger_url, workspace.system.system, _page.get()
    if page is None:
        with open_ledger(workspace) as ledger:
            return ledger.checkpoint(system)
    mark = mark_of(url)
    then, at, heads = _heads.get(url, (None, -float("inf"), {}))
    unchanged = mark is not None and mark == then
    if not unchanged and (page.writes or at < page.since):
        at = time.monotonic()
        with open_ledger(workspace) as ledger:
            heads = ledger.heads()
        _heads[url] = mark, at, heads
    return heads.get(system)


@contextmanager
def following(*, writes: bool) -> Iterator[None]:
    """Within it a chain is verified once in this process, and then kept up with. For one page of the site.

    `writes` where something may be put on record: then what was verified before is compared first.
    """
    before = _page.set(_Page(since=time.monotonic(), writes=writes))
    try:
        yield
    finally:
        _page.reset(before)


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
