"""A body that is read as it comes, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.http import HttpRequest

from seatrial.web.api.problem import Problem

_PIECE: Final = 256 * 1024


def pieces(request: HttpRequest) -> Iterator[bytes]:
    """The body, whose length was said and is no larger than allowed. Raises Problem where a part is missing."""
    length = int(request.headers["Content-Length"])
    got = 0
    while got < length and (piece := request.read(min(_PIECE, length - got))):
        got += len(piece)
        yield piece
    if got < length:
        raise Problem(400, f"{got:,} of {length:,} bytes arrived", remedy="Send it again.")
