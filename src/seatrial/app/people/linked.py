"""A document whose original stands elsewhere, read from there: of such origins alone as whoever runs the site names.

Nobody who may hand in a document can have the site read any other address, its own network's least of all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from urllib.parse import unquote, urlsplit

from seatrial.adapters.http import Http
from seatrial.adapters.wire import target_of
from seatrial.app.folder.uploads import MOST_BYTES, Upload, received
from seatrial.app.folder.workspace import Workspace
from seatrial.core.errors import Refused, Unreachable

ORIGINS: Final = "SEATRIAL_DOCUMENTS"
"""The environment variable with the origins from which documents are read, separated by commas."""
_TIMEOUT_S: Final = 20.0
_FOUND: Final = 200


def origins(workspace: Workspace) -> frozenset[str]:
    """The origins from which documents are read. Raises Malformed for one that is none."""
    named = [each.strip() for each in workspace.environment.get(ORIGINS, "").split(",") if each.strip()]
    return frozenset(target_of(each).origin for each in named)


def read_linked(workspace: Workspace, link: str, *, only: Collection[str]) -> Upload:
    """The document as it stands at its address now, held to what is taken of any file that is handed in.

    Raises Refused where it may not be read or is not taken, Unreachable where it cannot be read.
    """
    allowed = origins(workspace)
    if target_of(link).origin not in allowed:
        listed = ", ".join(sorted(allowed)) or "none"
        raise Refused(
            "this site does not read documents from there",
            remedy=f"Choose the file itself, or have whoever runs the site add it to {ORIGINS} (there now: {listed}).",
        )
    with Http(origins=allowed, most_bytes=MOST_BYTES) as http:
        answer = http.get(link, timeout_s=_TIMEOUT_S)
    if answer.status != _FOUND:
        raise Unreachable(
            f"the original answers with {answer.status}",
            remedy="See that it stands there and can be read without signing in, or choose the file itself.",
        )
    return received(unquote(urlsplit(link).path).rpartition("/")[2], answer.body, only=only)
