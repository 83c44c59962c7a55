"""The section `stress` of the system file: what must hold at the edges, and what the source's noise is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from seatrial.spec.quantities import Duration, Number, Rate, Share
from seatrial.spec.section import Path, Section

TextChange = Literal[
    "typo",
    "case",
    "whitespace",
    "punctuation",
    "homoglyph",
    "zero-width",
    "contraction",
    "person",
    "place",
    "number",
]


class Edit(Section):
    """What a relation changes in a row. Several keys are done together, in the order in which they stand here."""

    set_: dict[str, Any] = Field(default_factory=dict, alias="set")
    """Field to the value that it gets."""
    each: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Field to values, of which another one than the row's own is taken."""
    multiply: dict[str, Number] = Field(default_factory=dict)
    """Field to a factor."""
    add: dict[str, Number] = Field(default_factory=dict)
    """Field to what is added, after multiplying: with `set` and `multiply` the same quantity in another unit."""
    swap: tuple[str, ...] = ()
    """Two fields that change places."""
    text: tuple[TextChange, ...] = ()
    """Changes of spelling or of names, in the `fields`."""
    paraphrases: tuple[tuple[str, ...], ...] = ()
    """Lists of wordings that mean the same: where the text has one of a list, it gets another."""
    shuffle: str | None = None
    """What stands between options whose order does not matter, such as a line break."""
    before: str | None = None
    """Text put in front, such as context that is beside the point."""
    after: str | None = None
    """Text put at the end."""
    fields: tuple[str, ...] = ()
    """The text inputs that text is changed in; without it all inputs of free text."""


class Case(Section):
    """An input with the answer that it must get. What `given` leaves out is taken from an evaluation row."""

    given: dict[str, Any] = Field(min_length=1)
    answer: Any = None
    """The answer itself, compared without regard to case and space."""
    contains: tuple[str, ...] = ()
    """Texts that the answer must contain."""
    lacks: tuple[str, ...] = ()
    """Texts that the answer must not contain."""


class Relation(Section):
    """Something that must hold between inputs and answers, whatever the right answer is."""

    name: str = Field(min_length=1, max_length=60)
    kind: Literal["invariance", "direction", "must-answer"]
    """`invariance`: the `change` leaves the answer as it is. `direction`: it moves the score to one side at most.
    `must-answer`: the `cases`, or all rows `where` the condition holds, get the answer that is given.
    """
    where: str | None = None
    """A condition over the inputs: only such rows."""
    change: Edit | None = None
    score: Literal["not-lower", "not-higher"] | None = None
    """Where the score may go under the change (`direction`); for a regression the prediction."""
    cases: tuple[Case, ...] = ()
    file: Path | None = None
    """More cases, JSON lines with the keys of a case."""
    answer: Any = None
    """The answer of all rows `where` the condition holds."""
    contains: tuple[str, ...] = ()
    """Texts that the answer to all rows `where` the condition holds must contain."""
    lacks: tuple[str, ...] = ()
    """Texts that it must not contain."""
    tolerance: Number | None = Field(default=None, ge=0)
    """How far the score (for a regression the prediction) may move; for free text the share of words that may differ.
    Without it the decision must stay, and a number within `data.faults.tolerance` of the answers' spread.
    """
    at_most: Share | None = None
    """The share of rows that may break it; only stricter than the policy's `relation_violations`."""


class Stress(Section):
    """What must hold at the edges: relations, the noise of the sources, and how much may be asked of the endpoint."""

    relations: tuple[Relation, ...] = ()
    immutable: tuple[str, ...] = ()
    """Fields that stress leaves as they are. One that is no input may have any value without moving an answer."""
    noise: dict[str, Number] = Field(default_factory=dict)
    """Field to how far its source may be off, in the field's unit. At least half a unit of the last decimal counts."""
    insensitive: tuple[str, ...] = ()
    """Text inputs in which case and surrounding space do not matter."""
    rate: Rate | None = None
    """The most requests that may be sent to the endpoint."""
    time: Duration = 600.0
    """How long the check may ask."""
