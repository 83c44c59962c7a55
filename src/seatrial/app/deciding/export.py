"""What leaves the machine: the chain of a system as one file that verifies without a server."""

from __future__ import annotations

from pathlib import Path

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.ledgers import open_ledger, trust
from seatrial.app.folder.workspace import Workspace
from seatrial.evidence.bundle import export_bundle
from seatrial.evidence.report import VerificationReport


def export(workspace: Workspace, target: Path, *, with_artifacts: bool = False) -> VerificationReport:
    """Write the bundle; what verification found of it. Artifacts may be personal, and go along only when asked for."""
    artifacts = ArtifactFolder(workspace.folder / "artifacts") if with_artifacts else None
    with open_ledger(workspace, create=False) as ledger:
        return export_bundle(ledger, workspace.system.system, target, trust=trust(workspace), artifacts=artifacts)
