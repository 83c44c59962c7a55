"""What legal and compliance review beside the plan: the review itself, and the duties to keep and to log."""

from __future__ import annotations

from pydantic import Field

from seatrial.spec.quantities import Day, Duration
from seatrial.spec.section import Path, Section


class Kept(Section):
    """One duty to keep or to log something: what, for how long, where, since when, and who sees to it."""

    what: str = Field(min_length=1)
    keep: Duration
    where: str = Field(min_length=1)
    since: Day
    who: str


class Compliance(Section):
    """The review by legal and compliance. `who` did it: another person than the one who signs for the role."""

    who: str | None = None
    review: Path | None = None
    """The document of the review, with what was looked at and what was found."""
    frameworks: dict[str, Day] = Field(default_factory=dict)
    """Framework (`seatrial frameworks` names them) to the day of the edition that was considered."""
    retention: tuple[Kept, ...] = ()
    logging: tuple[Kept, ...] = ()
