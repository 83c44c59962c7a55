"""The section `adversarial` of the system file: who would turn an answer, what they can change, and what is tried."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from seatrial.spec.adversarial_chat import ChatAttacks
from seatrial.spec.quantities import Duration, Number, Rate
from seatrial.spec.section import Path, Section

NOBODY = "nobody"


class Threat(Section):
    """Who gains when an answer turns. Nobody is an answer too, and takes a second person who approves it."""

    who: str = Field(min_length=1)
    """Who could gain from another answer and can reach an input; `nobody` where there is no such person."""
    why: str = Field(min_length=1)
    """What they would gain; for `nobody` why that is so."""
    from_: tuple[Any, ...] = Field(default=(), alias="from")
    """The labels that they would turn away from; without it any."""
    to: tuple[Any, ...] = ()
    """The labels that they would turn to; without it any other."""


class Adversarial(Section):
    """Who would turn an answer, what they can change, and what is tried."""

    threat: Threat | None = None
    mutable: tuple[str, ...] = ()
    """The inputs that can be changed; without it all but the immutable ones and times."""
    immutable: tuple[str, ...] = ()
    """Inputs that nobody can change; those of `stress.immutable` are not changed either."""
    only_up: tuple[str, ...] = ()
    """Inputs that can only be raised."""
    only_down: tuple[str, ...] = ()
    """Inputs that can only be lowered."""
    relations: tuple[str, ...] = ()
    """What a changed row must still keep: `arrives_at >= leaves_at`. In `gross == net + tare` the left side follows."""
    cost: dict[str, Number] = Field(default_factory=dict)
    """Input to the cost of one unit of change; of a text, of one change. Without it a change costs the share of all
    rows that lie between the old and the new value, and another text a quarter.
    """
    edits: int | None = Field(default=None, ge=1, le=4)
    """How many inputs of a row are changed at most; at least the policy's `adversarial_edits`."""
    budget: Number | None = Field(default=None, gt=0)
    """What all changes of a row cost at most; at least the policy's `adversarial_cost`."""
    queries: int = Field(default=500, ge=50, le=5000)
    """How many changed rows are tried for one row."""
    rate: Rate | None = None
    """The most requests that may be sent to the endpoint."""
    time: Duration = 900.0
    """How long the check may ask."""
    moved_by: Number | None = Field(default=None, gt=0)
    """For a regression: by how much an answer must move to count as turned."""
    synonyms: Path | None = None
    """For texts: a file with words that mean the same, one group a line, separated by commas."""
    chat: ChatAttacks = ChatAttacks()
