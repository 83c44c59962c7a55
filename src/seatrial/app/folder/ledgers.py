"""The ledger of a workspace: opened, read and written with its keys and its trust."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from seatrial.adapters.signers.keystore import Ed25519Signer, Keystore
from seatrial.app.folder.keeping import Keeping, NotReadYet
from seatrial.app.folder.states import States, inside, states
from seatrial.app.folder.workspace import CHECKPOINTS, TRUST, Workspace
from seatrial.core.codec import to_data
from seatrial.core.errors import Refused
from seatrial.core.record import Evidence, Record
from seatrial.core.vocabulary import GateName, RecordType
from seatrial.evidence.database import Mark, mark_of
from seatrial.evidence.entry import Checkpoint
from seatrial.evidence.envelope import seal
from seatrial.evidence.index import LONGEST_S, Index, Indexes, Patience
from seatrial.evidence.ledger import Ledger
from seatrial.evidence.trust import TrustRoot
from seatrial.evidence.verification import Reading

_INDEXES = Indexes()
KEEPING = Keeping()
"""Who reads chains beside the pages of this process, and what pages have asked for."""


_DECISION = 25.0
_OPENING = 25.0
_CONNECTING = 5.0
_TRUSTING = 6.0
_RECALLING = 15.0
_SHOWING = 0.4
"""What a decision, reading a system file, opening a ledger, reading whose signatures count, reading what was decided
before, and showing one of many systems cost a page's patience."""


@dataclass(frozen=True, slots=True)
class _Heads:
    """The heads of a ledger's chains, all or some, as they stood at a time on the monotonic clock, in seconds."""

    mark: Mark | None
    at: float
    whole: bool
    heads: Mapping[str, Checkpoint | None]

    def tells(self, system: str) -> bool:
        """Whether that system's head is known, were it that its chain is empty."""
        return self.whole or system in self.heads


@dataclass(slots=True)
class _Page:
    """What is answered now: since when on the monotonic clock, in seconds, and whether something may come of it."""

    since: float
    writes: bool
    patience: Patience | None
    """What it does itself of reading and deciding; None where it does all of it."""
    many: bool
    """Whether it asks for many systems."""
    heads: dict[str, _Heads] = field(default_factory=dict)
    """Ledger to the heads of its chains, as they stood when this page asked first."""


_page: ContextVar[_Page | None] = ContextVar("page", default=None)
_heads: dict[str, _Heads] = {}
"""Ledger to the heads of its chains as they were read last."""
_trusts: dict[tuple[Path, str], tuple[States | None, TrustRoot]] = {}
"""System file and pinned root to whose signatures count, and how the files that say so stood before they were read."""


def keystore(workspace: Workspace) -> Keystore:
    """The keys on this machine."""
    return Keystore(workspace.folder / "keys")


def trust(workspace: Workspace) -> TrustRoot:
    """Whose signatures count: the root given from outside, else the local keystore's own word.

    Whatever the root says, keys of several people on this machine are local: whoever sits here can be them all. Within
    `following` the files are read again where they were written to.
    """
    pinned = workspace.environment.get(TRUST) or ""
    page = _page.get()
    if page is None or page.writes:
        return _trusted(workspace, pinned)
    state = states(trust_files(workspace))
    place = workspace.file, pinned
    before, root = _trusts.get(place, (None, None))
    if root is None or state is None or state != before:
        _may(_TRUSTING, workspace.system.system, workspace.file, workspace.gate.name)
        root = _trusted(workspace, pinned)
        _trusts[place] = state, root
    return root


def trust_files(workspace: Workspace) -> Sequence[str]:
    """The files that say whose signatures count."""
    pinned = workspace.environment.get(TRUST)
    return (*inside(workspace.folder / "keys"), *([pinned] if pinned else []))


def _trusted(workspace: Workspace, pinned: str) -> TrustRoot:
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
    says that what it verified before must be compared with what stands in the database now. Raises NotReadYet where
    that takes longer than a page may, and somebody does it beside the page.
    """
    system, trusted, kept = workspace.system.system, trust(workspace), tuple(checkpoints(workspace))
    page = _page.get()
    if page is None:
        with open_ledger(workspace) as ledger:
            return ledger.read(system, trusted, kept, quick=quick)
    index = _INDEXES.of(workspace.ledger_url, system, trusted)
    compared = compared or page.writes
    at = time.monotonic()
    current = index.current(mark_of(workspace.ledger_url), kept, compared=compared, at=at)
    if current is not None and (page.patience is None or index.sorted):
        return current
    if page.patience is not None:
        return _shortly(workspace, index, page, kept, compared=compared)
    with open_ledger(workspace) as ledger:
        return index.read(ledger, kept, compared=compared, since=page.since)


def _shortly(workspace: Workspace, index: Index, page: _Page, kept: Sequence[Checkpoint], *, compared: bool) -> Reading:
    assert page.patience is not None  # noqa: S101 - the caller saw to it
    reading = None
    if index.sorted and page.patience.takes(_CONNECTING):
        with open_ledger(workspace) as ledger:
            reading = index.shortly(ledger, page.patience, kept, compared=compared, since=page.since)
    if reading is None:
        KEEPING.ask(workspace.file, workspace.gate.name, compared=compared)
        raise NotReadYet(workspace.system.system)
    return reading


def is_kept(workspace: Workspace) -> bool:
    """Whether its chain was read in this process and not let go for others."""
    return _INDEXES.holds(workspace.ledger_url, workspace.system.system)


def keep_up(workspace: Workspace, *, compared: bool) -> Index:
    """Read all of this chain, beside the pages. It is compared too where that is asked for, or soon will be due."""
    index = _INDEXES.of(workspace.ledger_url, workspace.system.system, trust(workspace))
    soon = time.monotonic() - index.compared_at > LONGEST_S / 2
    with following(writes=False, waits=True):
        if compared or soon or not index.sorted or index.known != head_of(workspace):
            read_ledger(workspace, quick=True, compared=compared or soon)
    return index


def may_decide(workspace: Workspace) -> None:
    """Raises NotReadYet where this page has done as much as a page may: then it is decided beside it."""
    _may(_DECISION, workspace.system.system, workspace.file, workspace.gate.name)


def may_recall(workspace: Workspace) -> None:
    """The same for reading what was decided before this process began."""
    _may(_RECALLING, workspace.system.system, workspace.file, workspace.gate.name)


def leaves_long() -> bool:
    """Whether this page leaves what takes long to somebody beside it."""
    page = _page.get()
    return page is not None and page.patience is not None


def is_long(shown: int) -> None:
    """Have a page that shows so many systems do less for each, and ask once for what it needs of all."""
    page = _page.get()
    if page is not None:
        page.many = shown > 1
    if page is not None and page.patience is not None:
        page.patience.takes(min(page.patience.left, shown * _SHOWING))


def may_open(system: str, file: Path, gate: GateName) -> None:
    """The same for opening a system file that was not opened before."""
    _may(_OPENING, system, file, gate)


def _may(cost: float, system: str, file: Path, gate: GateName) -> None:
    page = _page.get()
    if page is not None and page.patience is not None and not page.patience.takes(cost):
        KEEPING.ask(file, gate, compared=False)
        raise NotReadYet(system)


def compared_now(workspace: Workspace, reading: Reading) -> Reading:
    """The reading once all that it holds was compared with what stands in the database: before GO is said.

    For a page that only shows it, the comparison of a long chain may have begun up to `SHOWN_S` before.
    """
    return reading if _page.get() is None else read_ledger(workspace, quick=True, compared=True)


def stood_at(workspace: Workspace) -> datetime:
    """Up to when what was read of this chain is known to stand in the ledger as it was verified. Within `following`."""
    index = _INDEXES.of(workspace.ledger_url, workspace.system.system, trust(workspace))
    ago = time.monotonic() - index.stood_at(mark_of(workspace.ledger_url))
    return workspace.clock.now() - timedelta(seconds=ago)


def head_of(workspace: Workspace) -> Checkpoint | None:
    """The head of this system's chain as it stands, unverified; None for an empty chain.

    Within `following`, where nothing is put on record, as it stood when the first one was asked for.
    """
    url, system, page = workspace.ledger_url, workspace.system.system, _page.get()
    if page is None:
        with open_ledger(workspace) as ledger:
            return ledger.checkpoint(system)
    known = None if page.writes else page.heads.get(url)
    if known is None or not known.tells(system):
        known = page.heads[url] = _heads_at(workspace, page)
    return known.heads.get(system)


def _heads_at(workspace: Workspace, page: _Page) -> _Heads:
    """The heads of this ledger's chains, read anew where it was written to since they were read last.

    All of them for who asks for many systems, else this one's beside those that stand as they were read.
    """
    url, system = workspace.ledger_url, workspace.system.system
    mark, known = mark_of(url), _heads.get(url)
    if known is not None:
        unchanged = mark is not None and mark == known.mark
        if not unchanged and (page.writes or known.at < page.since):
            known = None
    if known is None or not known.tells(system):
        at, before = (time.monotonic(), {}) if known is None else (known.at, known.heads)
        with open_ledger(workspace) as ledger:
            more = ledger.heads() if page.many else {system: ledger.checkpoint(system)}
        known = _heads[url] = _Heads(mark=mark, at=at, whole=page.many, heads={**before, **more})
    return known


@contextmanager
def following(*, writes: bool, waits: bool = False) -> Iterator[None]:
    """Within it a chain is verified once in this process, and then kept up with. For one page of the site.

    `writes` where something may be put on record: then what was verified before is compared first. Where somebody reads
    beside the pages, who only looks and does not say that it `waits` raises NotReadYet instead of reading for long.
    """
    patience = None if writes or waits or not KEEPING.goes_on else Patience()
    before = _page.set(_Page(since=time.monotonic(), writes=writes, patience=patience, many=waits))
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
