"""The dossier as a file: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from seatrial.core.errors import Unreachable
from seatrial.gate.verdict import Verdict
from seatrial.present.dossier import dossier


def write_dossier(verdict: Verdict, target: Path) -> None:
    """Write the HTML dossier of a verdict. Raises Unreachable where the file cannot be written; then none is there."""
    page = dossier(verdict)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unreachable(
            f"the dossier {target} cannot be written: {error.strerror or error}",
            remedy="Name a file that can be written.",
        ) from None
