"""The part `model.vendor` of the system file: a model of which only its answers are known."""

from __future__ import annotations

from pydantic import Field

from seatrial.spec.quantities import Number
from seatrial.spec.section import Path, Section


class Vendor(Section):
    """A vendor's black box: who makes it, the version that they declare, and how a change would be noticed.

    `data.training` is then the accepted pilot data: what the vendor trained on is not known, and copies, entities and
    time are compared with the pilot instead.
    """

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    """As the vendor declares it."""
    probes: Path | None = None
    """Fixed rows of inputs, JSON lines; they are asked anew, and a changed answer is a changed model."""
    repeats: int = Field(default=10, ge=5, le=50)
    """How often each probe is asked where answers vary."""
    tolerance: Number = Field(default=1e-6, ge=0)
    """Scores and numbers that differ by no more count as equal."""
    document: Path | None = None
    """What only the vendor can know: training data, their time and origin, evaluation, known limits."""
