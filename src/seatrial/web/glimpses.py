"""What a list of systems shows of each: taken once from the verdict that the gate gave, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from seatrial.core.vocabulary import Answer, Domain, Outcome
from seatrial.gate.verdict import Gap, Timeline, Verdict
from seatrial.web.models import Registered

_BLOCKING = frozenset({Outcome.NOT_MET, Outcome.NOT_DETERMINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Glimpse:
    """A verdict as a list shows it."""

    answer: Answer
    sentence: str
    valid_until: datetime | None
    timeline: Timeline
    gaps: int
    first_gap: Gap | None
    """The gap that matters most."""
    open_in: frozenset[Domain]
    """The groups in which something is not established."""
    ends: tuple[tuple[str, datetime], ...]
    """The requirements that are established, each with when its evidence runs out, the next one first."""

    @classmethod
    def of(cls, verdict: Verdict) -> Self:
        """What the verdict says of it."""
        return cls(
            answer=verdict.verdict,
            sentence=verdict.sentence,
            valid_until=verdict.valid_until,
            timeline=verdict.timeline,
            gaps=len(verdict.gaps),
            first_gap=verdict.gaps[0] if verdict.gaps else None,
            open_in=frozenset(each.domain for each in verdict.requirements if each.outcome in _BLOCKING),
            ends=tuple(sorted(_ends(verdict), key=lambda each: each[1])),
        )


def _ends(verdict: Verdict) -> Iterator[tuple[str, datetime]]:
    for each in verdict.requirements:
        if each.valid_until is not None and each.outcome is Outcome.MET:
            yield each.id, each.valid_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A system as lists show it: its verdict in short, or why there is none."""

    system: Registered
    verdict: Glimpse | None
    problem: str = ""
    remedy: str = ""
    again: bool = False
    """Whether there will be a verdict in a moment."""

    @property
    def go(self) -> bool:
        """Whether the answer is GO."""
        return self.verdict is not None and self.verdict.answer is Answer.GO

    def days_to_go_live(self, today: date) -> int | None:
        """Days to the planned go-live, None where none is planned."""
        planned = None if self.verdict is None else self.verdict.timeline.planned_go_live
        return None if planned is None else (planned - today).days

    def ending(self, today: date, days: int) -> list[tuple[str, datetime]]:
        """The requirements whose evidence runs out within so many days, the next one first."""
        last = today + timedelta(days=days)
        return [] if self.verdict is None else [each for each in self.verdict.ends if each[1].date() <= last]
