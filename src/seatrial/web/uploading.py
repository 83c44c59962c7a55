"""Files in forms: cut off where they grow too large, refused at their field, and served as something to save."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse

from seatrial.adapters.store.artifacts import ArtifactFolder
from seatrial.app.folder.uploads import MOST_BYTES, Upload, media_type, received
from seatrial.core.errors import Refused
from seatrial.web.language import _

MOST_RECEIVED: Final = 64 * 1024 * 1024
"""No file of any form is read beyond this, whoever sends it."""
_CUT = "seatrial.cut"


class Bounded(FileUploadHandler):
    """Stands before the others: what grows too large is dropped, and the rest of the form is still read."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Hand the piece on, or drop the file."""
        if start + len(raw_data) > MOST_RECEIVED and self.request is not None:
            self.request.META.setdefault(_CUT, set()).add(self.field_name)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002 - the handler after this one keeps it
        """Nothing: the handler after this one keeps it."""
        return


def uploaded(request: HttpRequest, field: str, *, only: Collection[str], most: int = MOST_BYTES) -> Upload | None:
    """The file in that field, or the one of the last try; None where none was chosen.

    Raises Refused with the reason that stands at the field.
    """
    if field in request.META.get(_CUT, ()):
        raise Refused(
            _("the file is larger than %(most)s MB", most=most // 1024**2), remedy=_("Hand in a smaller one.")
        )
    chosen: Any = request.FILES.get(field)
    if chosen is None:
        return _of_last_try(request, field, only=only, most=most)
    if chosen.size > most:
        raise Refused(
            _("%(name)s is larger than %(most)s MB", name=chosen.name, most=most // 1024**2),
            remedy=_("Hand in a smaller one."),
        )
    return received(str(chosen.name), chosen.read(), only=only, most=most)


def kept_for_now(request: HttpRequest, field: str, upload: Upload | None) -> None:
    """Keep the file for the next try of this form, in the session of whoever sent it; None forgets it."""
    before = request.session.pop(_name(request, field), None)
    if before is not None and (upload is None or before["digest"] != upload.digest):
        _shelf().erase(before["digest"])
    if upload is not None:
        _shelf().put(upload.content, media_type=upload.media_type)
        request.session[_name(request, field)] = {"name": upload.name, "digest": upload.digest}


def name_kept(request: HttpRequest, field: str) -> str:
    """The name of the file that is kept from the last try; empty where none is."""
    return str(request.session.get(_name(request, field), {}).get("name", ""))


def _of_last_try(request: HttpRequest, field: str, *, only: Collection[str], most: int) -> Upload | None:
    kept = request.session.get(_name(request, field))
    if kept is None:
        return None
    content = _shelf().get(kept["digest"])
    return None if content is None else received(kept["name"], content, only=only, most=most)


def _name(request: HttpRequest, field: str) -> str:
    return f"kept {request.path} {field}"


def _shelf() -> ArtifactFolder:
    return ArtifactFolder(Path(settings.SITE_FOLDER) / "uploads")


def saved(content: bytes, name: str) -> HttpResponse:
    """The content as a file to save: no browser shows it, runs it, or guesses what it is."""
    response = HttpResponse(content, content_type=media_type(name))
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    response["Content-Disposition"] = f'attachment; filename="{plain}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
