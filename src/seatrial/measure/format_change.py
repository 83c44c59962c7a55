"""One way in which a field's live format differs from the one that the model was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.core.vocabulary import Weight
from seatrial.stats import proportions

CODES: Mapping[str, str] = {
    "field-missing": "A field that the model was trained on does not arrive.",
    "field-empty": "A field that had values in training arrives without any.",
    "nulls-increased": "A field is missing much more often than in training.",
    "type-changed": "A field arrives as another type.",
    "numbers-as-text": "Numbers arrive as text.",
    "decimal-comma": "Numbers arrive as text with a decimal comma.",
    "unit-changed": "Numbers arrive in another unit or scale.",
    "clock-format-changed": "Clock times arrive in another notation.",
    "time-zone-shifted": "Times arrive shifted by whole hours.",
    "hour-of-clock-change": "Times lie an hour apart as a change of clocks between training and live would have it.",
    "date-order-swapped": "Day and month have changed places.",
    "default-value-spike": "A value that was rare in training stands for something else now, such as missing values.",
    "sentinel-value": "A value outside all that training had marks missing values.",
    "constant-field": "A field that varied in training does not change any more.",
    "precision-lost": "Numbers arrive without the decimals that they had in training.",
    "columns-swapped": "Two fields have changed places.",
    "codes-shifted": "The codes of a category stand for others than in training.",
    "categories-respelled": "Categories arrive in another spelling.",
    "categories-replaced": "Categories arrive that training mostly did not have.",
    "categories-new": "A few categories arrive that training did not have.",
    "mask-changed": "Texts arrive in another pattern of letters and digits.",
    "leading-zeros-lost": "Codes arrive without the zeros that they began with.",
    "text-rewritten": "Texts were processed on their way: escapes left in, another case, line breaks lost.",
    "text-cut": "Texts arrive cut off at one length.",
    "encoding-damaged": "Texts arrive with damaged encoding.",
    "zone-marker-changed": "Times arrive with another mark of their zone, at the same hours.",
    "outside-training": "Numbers arrive outside what training had, and no known change of format explains them.",
}
"""Every code, and what it means. A code never changes its meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`weight` GAP: the model was not trained on this. OPEN: nobody can tell. NOTE: worth reading.

    `evidence` holds the figures behind it.
    """

    code: str
    fields: tuple[str, ...]
    summary: str
    weight: Weight = Weight.GAP
    evidence: Mapping[str, Any] = field(default_factory=dict)


def surely_more(live: int, live_n: int, training: int, training_n: int) -> float:
    """By how much the live share surely exceeds the training's: the difference of two one-sided 95 % bounds."""
    if not live_n or not training_n:
        return 0.0
    return proportions.lower(live, live_n) - proportions.upper(training, training_n)
