"""The dossier as a file, a page or a PDF: written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from seatrial.core.errors import Unreachable
from seatrial.gate.verdict import Verdict
from seatrial.present.dossier import dossier
from seatrial.present.pdf import dossier_pdf


def write_dossier(verdict: Verdict, target: Path) -> None:
    """Write the dossier of a verdict: a PDF where the target's name ends with `.pdf`, else one HTML file.

    Raises Unreachable where the file cannot be written; then none is there. Raises MissingExtra for
    a PDF where Typst is not installed.
    """
    content = dossier_pdf(verdict) if target.suffix.lower() == ".pdf" else dossier(verdict).encode()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise Unreachable(
            f"the dossier {target} cannot be written: {error.strerror or error}",
            remedy="Name a file that can be written.",
        ) from None
