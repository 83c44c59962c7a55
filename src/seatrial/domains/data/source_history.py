"""How old a source's newest record was in the time before the check, by the times of the records that it still has.

Between two records the newest one grows as old as they lie apart, whatever the delay with which the second one came:
the time between them is a certain lower bound of the age just before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from seatrial.core.observation import Finding, Json, Measure
from seatrial.core.vocabulary import MeasureKind
from seatrial.core.wording import percent, span
from seatrial.spec.data import Freshness

CODES = {
    "was-too-old": "In the last day a source's newest record was older than it may be, by the times of its records.",
}
_LEAST_S = 86_400.0
_LIMITS = 12.0
"""So many times the limit is looked back at least, and a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The worst age (seconds), when it was reached, and the share of the time looked back in which it was too old."""

    worst_s: float
    at: datetime
    share: float
    looked_back_s: float

    @property
    def facts(self) -> Mapping[str, Json]:
        """As it goes into the evidence."""
        return {
            "worst_age_s": round(self.worst_s, 3),
            "at": self.at.isoformat(),
            "share_too_old": self.share,
            "looked_back_s": round(self.looked_back_s, 3),
        }


def history(declared: Freshness, times: Sequence[datetime]) -> History | None:
    """Over the source's last day or 12 limits, as far back as its records go; None for fewer than two times."""
    stamps = np.array(sorted({t.timestamp() for t in times}), dtype=np.float64)
    if stamps.size < 2:
        return None
    begins = stamps[-1] - max(_LEAST_S, _LIMITS * declared.at_most)
    # The record before the window was the newest one when the window began.
    first = max(0, int(np.searchsorted(stamps, begins)) - 1)
    stamps = stamps[first:]
    gaps = np.diff(stamps)
    worst = int(np.argmax(gaps))
    whole = float(stamps[-1] - stamps[0])
    return History(
        worst_s=float(gaps[worst]),
        at=datetime.fromtimestamp(float(stamps[worst + 1]), tz=times[0].tzinfo),
        share=float(np.maximum(gaps - declared.at_most, 0.0).sum()) / whole,
        looked_back_s=whole,
    )


def measures(declared: Freshness, seen: History, name: str) -> Iterator[Measure]:
    """To show: the worst age and the share of the time."""
    yield Measure(
        name=f"worst {name} in the last {span(seen.looked_back_s)}",
        value=seen.worst_s,
        lower=seen.worst_s,
        unit="s",
        method="time between two records that the source still has",
        kind=MeasureKind.INFORMATIVE,
    )
    yield Measure(
        name=f"share of that time in which the {name} was above {span(declared.at_most)}",
        value=seen.share,
        unit="share",
        method="by the times of its records",
        kind=MeasureKind.INFORMATIVE,
    )


def too_old(declared: Freshness, seen: History, why: str) -> Iterator[Finding]:
    """A gap where it certainly was older than it may be."""
    if seen.worst_s > declared.at_most:
        yield Finding(
            code="was-too-old",
            summary=f"The newest record of {declared.source} was {span(seen.worst_s)} old at "
            f"{seen.at:%d %b %H:%M} UTC, and {span(declared.at_most)} are allowed; in the last "
            f"{span(seen.looked_back_s)} it was too old {percent(seen.share)} of the time.",
            fields=(f"{declared.source}.{declared.at}",),
            remedy=f"Find out why {declared.source} delivered nothing then, and mend it; run again when a day has "
            "passed without it; or allow the age that it has, if the plan's minimum bears it.",
            why=why,
        )
