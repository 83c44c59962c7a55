"""Verification for people and pipelines: of the ledger of a system, or of an exported bundle, offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seatrial.app.folder.ledgers import checkpoints, open_ledger, trust
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Refused
from seatrial.evidence.bundle import verify_bundle
from seatrial.evidence.entry import Checkpoint
from seatrial.evidence.report import VerificationReport
from seatrial.evidence.trust import TrustRoot

_NAMED = 3
"""So many other systems of the ledger are named."""


def verify_ledger(
    workspace: Workspace, *, trust_file: Path | None = None, pin: Sequence[Checkpoint] = ()
) -> VerificationReport:
    """Every digest and every signature of the system's chain. Raises LedgerError where there is no ledger.

    Raises Refused for a ledger without any record of this system: nothing was verified, and it may be another's. Where
    a checkpoint knows of records the report says that they are gone.
    """
    root = trust(workspace) if trust_file is None else TrustRoot.load(trust_file)
    with open_ledger(workspace, create=False) as ledger:
        found = ledger.verify(workspace.system.system, root, (*pin, *checkpoints(workspace)))
        if found.entries or found.problems:
            return found
        others = ", ".join(ledger.systems()[:_NAMED])
    raise Refused(
        f"nothing is on record of {workspace.system.system} in this ledger"
        + (f", which holds the record of {others}" if others else ""),
        remedy="Look whether this is the right folder and ledger; for a new system run the checks: `seatrial run`.",
    )


def verify_exported(
    bundle: Path, *, trust_file: Path | None = None, pin: Sequence[Checkpoint] = ()
) -> VerificationReport:
    """Everything in a bundle. Without a trust root from outside, the bundle's own word is taken: not anchored."""
    return verify_bundle(bundle, trust=None if trust_file is None else TrustRoot.load(trust_file), pin=pin)


def checkpoint(workspace: Workspace) -> Checkpoint:
    """The head of the chain as it stands, to be kept outside. Raises Refused for an empty chain."""
    with open_ledger(workspace, create=False) as ledger:
        head = ledger.checkpoint(workspace.system.system)
    if head is None:
        raise Refused("nothing is on record yet", remedy="Run the checks first: `seatrial run`.")
    return head
