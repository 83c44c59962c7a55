"""One integration disturbed: what everything else did meanwhile, and when it was well again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from seatrial.core.ports import LoadResult
from seatrial.domains.flows.accounts import differing
from seatrial.domains.flows.disturbing import Period
from seatrial.domains.flows.driving import Passage

_USUAL = 3.0
_LEAST_S = 0.1


@dataclass(slots=True, kw_only=True)
class Share:
    """How much of what was due kept its limits."""

    kept: int = 0
    due: int = 0


@dataclass(slots=True, kw_only=True)
class Disturbed:
    """One integration disturbed: what everything else did, and when it was well again."""

    name: str
    shares: dict[tuple[str, str], Share] = field(default_factory=dict)
    """Stream and period to what kept its limits in it."""
    recovered_s: dict[tuple[str, str], float] = field(default_factory=dict)
    """Stream and period to the time after it until the last thing was late; infinite for never."""
    ends_here: frozenset[str] = frozenset()
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    n: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)
    used: bool = True
    problem: str = ""

    def pooled(self, stream: str) -> Share:
        """Over all periods."""
        mine = [share for (name, _), share in self.shares.items() if name == stream]
        return Share(kept=sum(s.kept for s in mine), due=sum(s.due for s in mine))

    def slowest_s(self, stream: str) -> float:
        """The longest time until it was well again; infinite for never seen, NaN where after one nothing was due."""
        mine = [s for (name, _), s in self.recovered_s.items() if name == stream]
        return math.nan if not mine or any(map(math.isnan, mine)) else max(mine)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The time that belongs to one integration, seconds since the flows began: what is due in it tells of this one."""

    name: str
    periods: Sequence[Period]
    starts_s: float = 0.0
    ends_s: float = math.inf
    """When the next one's turn begins; infinite for the last."""

    def holds(self, due_s: float) -> bool:
        """Whether what is due then belongs to it."""
        return self.starts_s <= due_s < self.ends_s


def count_records(found: Disturbed, passage: Passage, turn: Turn) -> None:
    """Count what became of the records of a flow that were due in this turn."""
    flow = passage.flow
    all_due: list[tuple[float, float, bool]] = []
    each = zip(passage.sent, passage.accepted, passage.scheduled_s, passage.after_s, strict=True)
    for row, accepted, due_s, after_s in each:
        if not turn.holds(due_s):
            continue
        copies = passage.copies.get(str(row[flow.key]), ())
        other = any(True for copy in copies for _ in differing(flow, row, copy))
        found.n += 1
        found.lost += not copies and accepted
        found.altered += other
        found.doubled += len(copies) > 1 and not other
        fell_back = flow.fallback and any(
            all(copy.get(f) == value for f, value in flow.fallback.items()) for copy in copies
        )
        found.fallbacks[flow.name] += bool(fell_back)
        kept = bool(copies) and not other and len(copies) == 1 and after_s <= flow.within
        all_due.append((due_s, after_s, kept))
    _counted(found, flow.name, all_due, turn)


def count_answers(found: Disturbed, result: LoadResult, turn: Turn, *, stream: str, limit_s: float) -> None:
    """Count the answers of a stream that were due in this turn, and which of them came in time."""
    each = zip(result.scheduled_s, result.latency_s, result.status, strict=True)
    all_due = [
        (due_s, took_s, 200 <= status < 300 and took_s <= limit_s)
        for due_s, took_s, status in each
        if turn.holds(due_s)
    ]
    _counted(found, stream, all_due, turn)


def _counted(found: Disturbed, stream: str, all_due: Sequence[tuple[float, float, bool]], turn: Turn) -> None:
    """`all_due`: when each was due, how long it took, and whether it kept its limits."""
    periods = turn.periods
    usual_s = median([took for _, took, well in all_due if well] or [0.0])
    for at, period in enumerate(periods):
        share = found.shares.setdefault((stream, period.name), Share())
        meanwhile = [well for due, _, well in all_due if period.starts_s <= due <= period.ends_s]
        share.due += len(meanwhile)
        share.kept += sum(meanwhile)
        next_s = periods[at + 1].starts_s if at + 1 < len(periods) else turn.ends_s
        # What is still under way when the next disturbance begins tells of that one.
        until_s = max(next_s - _USUAL * usual_s - _LEAST_S, (period.ends_s + next_s) / 2)
        after = [(due - period.ends_s, well) for due, _, well in all_due if period.ends_s < due < until_s]
        late = max((since for since, well in after if not well), default=0.0)
        # Where even the last thing before the next disturbance was not well, nobody saw it recover; where nothing was
        # due at all, nobody looked.
        found.recovered_s[stream, period.name] = math.nan if not after else late if after[-1][1] else math.inf
