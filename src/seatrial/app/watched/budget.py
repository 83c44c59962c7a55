"""How many false alarms a watch may raise: at most a tenth in 90 days over everything that pages, a hundredth offline.

The budget is shared out among the detectors, and kept for as many rows as the declared rates bring in that time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from seatrial.spec.system import System
from seatrial.stats.change import threshold
from seatrial.watch.detectors import DAY_S, Detector, Level

WINDOW_S = 90 * DAY_S
FALSE_PAGES = 0.10
FALSE_TRIPS = 0.01
LOOKS = 100.0
"""A look is asked for at a hundredth of the evidence that a page takes."""
_UNDECLARED = 10_000.0
"""Rows in 90 days where no rate is declared anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Rows that are expected in 90 days, all and those with an outcome; how many detectors share the chance."""

    predictions: float
    labels: float
    pages: int
    trips: int

    def changes(
        self, asks: Literal["rises", "falls"], mark: float, says: str, *, units: float, pages: bool = True
    ) -> tuple[Detector, ...]:
        """A look and, where wanted, a page about a change of what the gate established."""
        line = math.log(threshold(units, FALSE_PAGES / max(1, self.pages)))
        look = Detector(
            name=f"{asks}-look", asks=asks, mark=mark, line=line - math.log(LOOKS), level=Level.LOOK, says=says
        )
        if not pages:
            return (look,)
        return look, Detector(name=asks, asks=asks, mark=mark, line=line, level=Level.PAGE, says=says)

    def look(self, asks: Literal["rises", "falls"], mark: float, says: str, *, units: float, among: int) -> Detector:
        """A look, and nothing more, about what lies beyond `mark`: one false in 90 days with 10 % over `among` such."""
        line = math.log(threshold(units, FALSE_PAGES / max(1, among)))
        return Detector(name=f"{asks}-look", asks=asks, mark=mark, line=line, level=Level.LOOK, says=says)

    def breach(self, mark: float, says: str, *, counts: bool) -> tuple[Detector, ...]:
        """A page when the governed limit has certainly been broken."""
        line = math.log(max(1, self.pages) / FALSE_PAGES)
        return (
            Detector(name="limit", asks="exceeds", mark=mark, line=line, level=Level.PAGE, says=says, counts=counts),
        )

    def units(self, *, labelled: bool, by_day: bool) -> float:
        """How much is judged in 90 days: days where rows of one day depend on each other, else rows."""
        if by_day:
            return WINDOW_S / DAY_S
        return self.labels if labelled else self.predictions

    def trip(self, name: str, mark: float, says: str, *, units: float) -> tuple[Detector, ...]:
        """A take-offline rule: it fires when what it names has certainly come about, now and not in a long past."""
        line = math.log(threshold(units, FALSE_TRIPS / max(1, self.trips)))
        return (Detector(name=name, asks="rises", mark=mark, line=line, level=Level.OFFLINE, says=says),)


def budget_of(system: System, *, pages: int, trips: int) -> Budget:
    """The budget of a system."""
    days = WINDOW_S / DAY_S
    predictions, labels = (_UNDECLARED if rate is None else max(1.0, rate * days) for rate in rates_of(system))
    return Budget(predictions=predictions, labels=min(labels, predictions), pages=pages, trips=trips)


def rates_of(system: System) -> tuple[float | None, float | None]:
    """Predictions and outcomes a day as declared, None where they are not.

    The peak of the load counts for predictions, and all predictions count as labelled, where nothing else is declared.
    """
    rate = system.watch.predictions or (system.load.peak if system.load is not None else None)
    predictions = rate * DAY_S if rate else None
    return predictions, system.watch.labels * DAY_S if system.watch.labels else predictions
