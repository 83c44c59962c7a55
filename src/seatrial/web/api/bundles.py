"""Bundles of runs made elsewhere, sent as they are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from django.conf import settings

from seatrial.app.deciding.filing import Filed, file_bundle
from seatrial.app.deciding.sending import MEDIA_TYPE
from seatrial.core.errors import Refused
from seatrial.core.observation import Json
from seatrial.gate.permissions import Action
from seatrial.web.access import Program, put_down
from seatrial.web.api.receiving import pieces
from seatrial.web.api.route import Inside, Reply
from seatrial.web.api.serving import refuse

TYPES: Final = (MEDIA_TYPE, "application/zip", "application/octet-stream")


def filed(call: Inside) -> Reply:
    """Verify the bundle and take its evidence; the same bundle again is told as it was filed then."""
    by = (
        f"token:{call.who.token.pk} {call.who.token.label}"
        if isinstance(call.who, Program)
        else f"person:{call.person}"
    )
    with TemporaryDirectory(dir=settings.SITE_FOLDER) as folder:
        bundle = Path(folder) / "bundle"
        with bundle.open("xb") as file:
            file.writelines(pieces(call.request))
        try:
            done = file_bundle(call.workspace, bundle, by=by)
        except Refused as error:
            raise refuse(call, Action.IMPORT, error, about="a bundle", status=422) from None
    if not done.again:
        put_down(call.who, Action.IMPORT, about=f"a bundle, {len(done.taken)} records", record=done.record)
    return Reply(content=_told(done), status=200 if done.again else 201)


def _told(done: Filed) -> Json:
    return {
        "bundle": done.bundle,
        "taken": list(done.taken),
        "known": done.known,
        "left_out": done.left_out,
        "record": done.record,
    }
