"""What checks disturb on purpose, as they see it: the line to an integration, and a copy of what a source holds.

Like every port these raise only `SeatrialError` subclasses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from seatrial.core.ports import Row
from seatrial.core.schema_change import SchemaChange


class LineMode(StrEnum):
    """What a line does to the connections that run through it."""

    PASS = "pass"  # noqa: S105 - a mode, no password
    """Everything goes through untouched."""
    REFUSED = "refused"
    """Nobody listens: connecting fails at once, and what was open is reset."""
    BLACK_HOLE = "black-hole"
    """Connections are taken and nothing moves, as behind a dead link; what waited goes on with the line."""
    SLOW = "slow"
    """Every part of an answer comes late."""
    RESET = "reset"
    """Connections are reset half-way through an answer."""
    CUT = "cut"
    """Connections are closed, and every new one as soon as it is taken, as by a server that restarts."""
    CORRUPT = "corrupt"
    """Single bits of the answers are turned over."""
    REWRITE = "rewrite"
    """The records in HTTP answers come with another schema: JSON, JSON lines and CSV, in every framing."""


TO_A_FOLDER: Final = (LineMode.PASS, LineMode.REFUSED, LineMode.CUT)
"""What can be done to a folder of this machine that no server holds: refused it is gone, cut it is no folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCounts:
    """What went through a line since it was opened: evidence that the tested system really uses it."""

    connections: int
    bytes_there: int
    bytes_back: int
    disturbed: int
    """Connections that a mode other than PASS did something to."""
    rewritten: int = 0
    """Answers that went on with another schema."""


class Line(Protocol):
    """The line through which the tested system reaches an integration, ours to disturb; left alone it passes."""

    def set(
        self, mode: LineMode, *, delay_s: float = 1.0, after_bytes: int = 1, change: SchemaChange | None = None
    ) -> None:
        """From now on, for connections that are open and for new ones.

        `delay_s` is for SLOW, `after_bytes` for RESET, `change` for REWRITE. Connections that are open when answers
        begin to be rewritten are ended in order as soon as nothing moves on them, so that a new one is rewritten from
        its beginning. A line whose holder goes away passes again by itself. Raises Unreachable when the line is gone.
        """

    def counts(self) -> LineCounts:
        """What went through so far."""


class Scratch(Protocol):
    """A copy of what a source holds, beside the source and never the source itself, whose schema may be altered."""

    def make(self, change: SchemaChange) -> None:
        """A fresh copy with its schema altered, in place of one from before.

        Raises Refused where something stands in its place that is none of ours, SeatrialError where it cannot be made.
        """

    def put(self, record: Row) -> None:
        """A record of the source into the copy, in the copy's schema. Raises Refused where it cannot be put there."""

    def left_over(self) -> bool:
        """Whether a copy of ours stands there, such as a run that was killed leaves behind."""

    def drop(self) -> None:
        """Take the copy away; nothing where there is none of ours."""
