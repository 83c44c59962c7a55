"""What can go wrong with single fields of the input, and what people know of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from seatrial.spec.quantities import Number
from seatrial.spec.section import Section

FaultKind = Literal[
    "missing",
    "null",
    "wrong-type",
    "empty-text",
    "stale",
    "out-of-range",
    "wrong-unit",
    "wrong-scale",
    "decimal-comma",
    "number-as-text",
    "nan",
    "sentinel",
    "whole-number",
    "encoding",
    "truncation",
    "case-or-space",
    "unseen-category",
    "unknown-key",
    "date-format",
    "time-zone",
    "swapped",
    "oversize",
]
"""What can go wrong with one field."""


def _words(value: str) -> str:
    if len(value.split()) < 2:
        raise ValueError("expected a reason in words, such as 'The source is a binary protocol'")
    return value


Words = Annotated[str, AfterValidator(_words)]
"""A reason that somebody can read: two words at least."""


class FaultField(Section):
    """What people know of one input's plausible faults, beyond what its declaration and profile tell."""

    formats: tuple[str, ...] = ()
    sentinels: tuple[Any, ...] = ()
    skip: dict[FaultKind, Words] = Field(default_factory=dict)
    """Fault kinds that cannot happen here, each with the reason why not."""


class Faults(Section):
    """How `data.faults` judges: `tolerance` is the change of the score that still counts as handled.

    For predicted numbers it counts in interquartile ranges of the answers.
    """

    tolerance: Number = Field(default=0.05, ge=0, le=0.25)
    fields: dict[str, FaultField] = Field(default_factory=dict)
