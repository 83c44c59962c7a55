"""The files of other tools whose results seatrial reads; a tool's own verdict is never taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from seatrial.adapters.imports import garak, inspect_ai, junit, promptfoo
from seatrial.adapters.imports.result import Result
from seatrial.core.errors import Malformed


class Reading(Protocol):
    """Reads a file of one format."""

    def __call__(self, content: bytes, *, score: str | None = None) -> Result:
        """The result, as far as `score` selects it. Raises Malformed."""


READERS: Final[Mapping[str, Reading]] = {
    "inspect": inspect_ai.read,
    "garak": garak.read,
    "promptfoo": promptfoo.read,
    "junit": junit.read,
}


def read_result(kind: str, content: bytes, *, score: str | None = None) -> Result:
    """What the file holds. Raises Malformed for another format, and for a result without a single attempt."""
    if kind not in READERS:
        raise Malformed(f"there is no format {kind!r}", remedy=f"Formats: {', '.join(READERS)}.")
    if not content.strip():
        raise Malformed("the file is empty", remedy="Give the file that the tool wrote.")
    result = READERS[kind](content, score=score)
    if not result.attempts:
        raise Malformed(f"the {result.tool} result holds nothing that was tried", remedy="Let the tool run first.")
    if result.ended_at < result.started_at:
        raise Malformed(f"the {result.tool} result ended before it started", remedy="Give the file unchanged.")
    return result
