"""What people have accepted, read from the ledger for the pages about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from seatrial.app.folder.ledgers import read_ledger
from seatrial.app.folder.workspace import Workspace
from seatrial.gate.acceptances import accepted


def accepted_duties(workspace: Workspace) -> Mapping[tuple[str, str], datetime]:
    """Duty and person to when they accepted it last. Whether it still counts, the verdict says."""
    on_record = accepted(read_ledger(workspace, quick=True).evidence)
    return {(body.duty, body.person): evidence.record.at for evidence, body in on_record}
