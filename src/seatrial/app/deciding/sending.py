"""A bundle sent to a site, by a program that holds a token of the system there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from seatrial.adapters.http import Answer, Http
from seatrial.adapters.redaction import Redactor
from seatrial.adapters.wire import target_of
from seatrial.app.deciding.filing import MOST_BYTES
from seatrial.core.errors import Malformed, Refused, Unreachable
from seatrial.core.ports import Request
from seatrial.evidence.bundle import verify_bundle

TOKEN: Final = "SEATRIAL_TOKEN"  # noqa: S105 - the name of a variable
"""The token of the system at the site, from the environment alone: on a command line others would read it."""
MEDIA_TYPE: Final = "application/vnd.seatrial.bundle"
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
_TIMEOUT_S: Final = 300.0
_OK: Final = (200, 201)
_SERVER: Final = 500


def send_bundle(bundle: Path, site: str, token: str) -> Mapping[str, Any]:
    """What the site says it did. The bundle is verified first: what is damaged here already is not sent.

    Raises Refused for what the site refuses, with its reason; Unreachable where it cannot be asked; Malformed for a
    file that is no bundle and for an answer that is none of a site.
    """
    if not token.strip():
        raise Refused(
            "there is no token", remedy=f"Put one with the scope evidence into {TOKEN}, as the site shows it."
        )
    target = target_of(site)
    if target.scheme != "https" and target.host not in _LOCAL:
        raise Refused(f"{target.origin} would get the token in the clear", remedy="Name the site with https://.")
    found = verify_bundle(bundle)
    if not found.intact:
        raise Refused(found.sentence, remedy="See `seatrial verify`; export it again.")
    if bundle.stat().st_size > MOST_BYTES:
        raise Refused(f"the bundle is larger than {MOST_BYTES // 1024**2} MiB", remedy="Send it without artifacts.")
    url = f"{target.origin}{target.path.rstrip('/')}/api/v1/systems/{quote(found.system, safe='')}/bundles/"
    headers = {"Authorization": f"Bearer {token.strip()}", "Content-Type": MEDIA_TYPE}
    request = Request(method="POST", url=url, headers=headers, body=bundle.read_bytes())
    with Http(origins={target.origin}, redact=Redactor([token.strip()])) as http:
        # The site knows a bundle again by its digest: one that arrives twice is filed once.
        answer = http.send(request, timeout_s=_TIMEOUT_S, repeatable=True)
    return _understood(answer, target.origin)


def _understood(answer: Answer, origin: str) -> Mapping[str, Any]:
    try:
        told = answer.json()
    except Malformed:
        told = None
    if not isinstance(told, Mapping):
        raise Malformed(
            f"{origin} answers with {answer.status} and not as a site of seatrial",
            remedy="See that the address is the site's own, as a browser opens it.",
        )
    if answer.status in _OK:
        return told
    said, remedy = str(told.get("detail", answer.status)), str(told.get("remedy", ""))
    if answer.status >= _SERVER:
        raise Unreachable(f"{origin} could not take it: {said}", remedy=remedy, permanent=False)
    raise Refused(f"{origin} refuses it: {said}", remedy=remedy)
