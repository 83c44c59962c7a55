"""Whether not one answer differs from its label: labels that the model wrote itself look so, and prove nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.scored.outcomes import Outcomes
from seatrial.stats import proportions

CODES: Final[Mapping[str, str]] = {
    "labels-equal-answers": "Not one of many answers differs from its label, as where the labels are the model's own.",
}
_SURE: Final = 0.99
"""So few models are right so often that whoever signs should know where the labels come from."""


def labels_alike(found: Outcomes, *, label: str, confidence: float) -> Iterator[Finding]:
    """A note where all answers are exactly their labels, in so many rows that 99 % are certainly right.

    A note and no gap: an easy task is answered without an error, and the rows do not say who labelled them.
    """
    answered = int(np.count_nonzero(found.answered))
    least = proportions.lower(answered, answered, 1.0 - confidence) if answered else 0.0
    if least < _SURE or bool(found.wrong[found.answered].any()):
        return
    yield Finding(
        code="labels-equal-answers",
        weight=Weight.NOTE,
        summary=f"not one of {answered} answers differs from {label}: the model is right in at least {percent(least)} "
        "of such rows, or it wrote the labels itself",
        fields=(f"data.evaluation.{label}",),
        remedy=f"Ask who or what filled {label}, and whether they saw the model's answer; label a few dozen rows anew "
        "without showing it.",
        why="Labels that are the model's answers, unchecked or waved through, make every metric perfect.",
    )
