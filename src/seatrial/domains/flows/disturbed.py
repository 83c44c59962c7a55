"""One place disturbed: what everything else did meanwhile, and when it was served the normal way again."""

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
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.undisturbed import Undisturbed, kept_limits

_USUAL = 3.0
_LEAST_S = 0.1


def rest_s(usual_s: float) -> float:
    """How long a rest must be at least, so that what is put in during its first half is through before it ends."""
    return 2.0 * (_USUAL * usual_s + _LEAST_S)


def named(names: Sequence[str]) -> str:
    """What people call the place of these integrations."""
    return " and ".join(names)


@dataclass(slots=True, kw_only=True)
class Share:
    """How much of what was due kept its limits."""

    kept: int = 0
    due: int = 0


@dataclass(slots=True, kw_only=True)
class Window:
    """The time after a disturbance until the next one, both in seconds since the flows began: what is due in it."""

    starts_s: float
    ends_s: float
    after: list[tuple[float, bool]] = field(default_factory=list)
    """For each in order how long after the disturbance it was due, and whether it was served the normal way."""

    @property
    def well(self) -> bool:
        """Whether the last thing in it was."""
        return bool(self.after) and self.after[-1][1]

    @property
    def late_s(self) -> float:
        """Until when after the disturbance something was not."""
        return max((since for since, well in self.after if not well), default=0.0)


@dataclass(slots=True, kw_only=True)
class Disturbed:
    """One place disturbed: what everything else did, and when it was well again. `names`: the integrations there."""

    names: tuple[str, ...]
    shares: dict[tuple[str, str], Share] = field(default_factory=dict)
    """Stream and period to what kept its limits in it."""
    windows: dict[tuple[str, str], Window] = field(default_factory=dict)
    recovered_s: dict[tuple[str, str], float] = field(default_factory=dict)
    """Stream and period to the time after it until the last thing was not well; infinite for never."""
    ends_here: frozenset[str] = frozenset()
    lost: int = 0
    doubled: int = 0
    altered: int = 0
    n: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)
    stuck: set[str] = field(default_factory=set)
    """Streams whose last record that was looked at still came from the fallback."""
    unused: list[str] = field(default_factory=list)
    """Integrations that were not reached through their lines meanwhile."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why a line could not be disturbed, by integration."""

    @property
    def name(self) -> str:
        """As people call it."""
        return named(self.names)

    def pooled(self, stream: str) -> Share:
        """Over all periods."""
        mine = [share for (name, _), share in self.shares.items() if name == stream]
        return Share(kept=sum(s.kept for s in mine), due=sum(s.due for s in mine))

    def slowest_s(self, stream: str) -> float:
        """The longest time until it was well again; infinite for never seen, NaN where one of them is not told."""
        mine = [s for (name, _), s in self.recovered_s.items() if name == stream]
        if any(map(math.isinf, mine)):
            return math.inf
        return math.nan if not mine or any(map(math.isnan, mine)) else max(mine)

    def untold(self) -> list[tuple[str, str]]:
        """Stream and period after which it was not well when the next disturbance came, so that no time is told."""
        return [at for at, own_s in self.recovered_s.items() if math.isnan(own_s) and self.windows[at].after]

    def takes(self, again: Disturbed) -> None:
        """Take over what came of one of its periods that was executed once more, by itself."""
        if not (again.unused or again.problems):
            for at, again_s in again.recovered_s.items():
                own_s = self.recovered_s[at]
                self.recovered_s[at] = again_s if math.isnan(own_s) else max(own_s, again_s)
        self.unused += [name for name in again.unused if name not in self.unused]
        self.problems = {**again.problems, **self.problems}
        self.lost += again.lost
        self.doubled += again.doubled
        self.altered += again.altered
        self.n += again.n
        self.fallbacks += again.fallbacks
        self.stuck |= again.stuck


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The time that belongs to one place, seconds since the flows began: what is due in it tells of this one.

    `names` are the integrations that are disturbed together, since they are reached at one place.
    """

    names: tuple[str, ...]
    periods: Sequence[Period]
    starts_s: float = 0.0
    ends_s: float = math.inf
    """When the next one's turn begins; infinite for the last."""

    @property
    def name(self) -> str:
        """As people call it."""
        return named(self.names)

    def holds(self, due_s: float) -> bool:
        """Whether what is due then belongs to it."""
        return self.starts_s <= due_s < self.ends_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One record or request: when it was due and how long it took, whether it kept its limits, and how it was served.

    `normal` is None for what came from the fallback as it did before anything was disturbed: it tells nothing of
    whether the normal way is there again.
    """

    due_s: float
    took_s: float
    kept: bool
    normal: bool | None = True


def count_records(found: Disturbed, passage: Passage, turn: Turn, before: Undisturbed) -> None:
    """Count what became of the records of a flow that were due in this turn."""
    flow = passage.flow
    for row, accepted, due_s in zip(passage.sent, passage.accepted, passage.scheduled_s, strict=True):
        if not turn.holds(due_s):
            continue
        copies = passage.copies.get(str(row[flow.key]), ())
        other = any(True for copy in copies for _ in differing(flow, row, copy))
        found.n += 1
        found.lost += not copies and accepted
        found.altered += other
        found.doubled += len(copies) > 1 and not other
        found.fallbacks[flow.name] += fell_back(flow, copies)
    _counted(found, flow.name, [each for each in of_records(passage, before) if turn.holds(each.due_s)], turn)


def of_records(passage: Passage, before: Undisturbed) -> list[Due]:
    """What became of each record of a flow."""
    flow = passage.flow
    found: list[Due] = []
    for row, due_s, after_s in zip(passage.sent, passage.scheduled_s, passage.after_s, strict=True):
        copies = passage.copies.get(str(row[flow.key]), ())
        kept = kept_limits(flow, row, copies, after_s)
        found.append(Due(due_s=due_s, took_s=after_s, kept=kept, normal=before.normal(row, copies)))
    return found


def count_answers(found: Disturbed, result: LoadResult, turn: Turn, *, stream: str, limit_s: float) -> None:
    """Count the answers of a stream that were due in this turn, and which of them came in time."""
    _counted(found, stream, [each for each in of_answers(result, limit_s) if turn.holds(each.due_s)], turn)


def of_answers(result: LoadResult, limit_s: float) -> list[Due]:
    """What became of each request: an answer in time or not."""
    each = zip(result.scheduled_s, result.latency_s, result.status, strict=True)
    return [Due(due_s=due, took_s=took, kept=200 <= status < 300 and took <= limit_s) for due, took, status in each]


def _counted(found: Disturbed, stream: str, all_due: Sequence[Due], turn: Turn) -> None:
    periods = turn.periods
    usual_s = median([each.took_s for each in all_due if each.kept] or [0.0])
    for at, period in enumerate(periods):
        share = found.shares.setdefault((stream, period.name), Share())
        meanwhile = [each.kept for each in all_due if period.starts_s <= each.due_s <= period.ends_s]
        share.due += len(meanwhile)
        share.kept += sum(meanwhile)
        next_s = periods[at + 1].starts_s if at + 1 < len(periods) else turn.ends_s
        # What is still under way when the next disturbance begins tells of that one.
        until_s = max(next_s - _USUAL * usual_s - _LEAST_S, (period.ends_s + next_s) / 2)
        window = found.windows.setdefault((stream, period.name), Window(starts_s=period.ends_s, ends_s=until_s))
        look_after(found, stream, window, [each for each in all_due if period.ends_s < each.due_s < until_s])


def look_after(found: Disturbed, stream: str, window: Window, due: Sequence[Due]) -> None:
    """Have a window tell of these too, in order; what tells nothing of the normal way is left out."""
    for each in due:
        if each.kept and each.normal is None:
            continue
        window.after.append((each.due_s - window.starts_s, each.kept and bool(each.normal)))
        (found.stuck.add if each.kept and not each.normal else found.stuck.discard)(stream)


def settle(in_turn: Sequence[Disturbed], allowed_s: float) -> None:
    """Tell for each stream and period when it was well again, from all windows in the order of their turns.

    Where a window ends with something that is not well, nobody saw it recover. One that is shorter than the time that
    is allowed shows no more than that the next disturbance came too early: it was well by then where the next window
    shows it so within that time, counted from this one's start. What took longer may be the next one's doing, and is
    NaN: not told. The last one was looked at until all was well or the allowed time was over. Where nothing was due at
    all, nobody looked.
    """
    for stream in dict.fromkeys(stream for found in in_turn for stream, _ in found.windows):
        next_s, next_starts_s = math.inf, math.inf
        for found in reversed(in_turn):
            for (name, period), window in reversed(found.windows.items()):
                if name != stream:
                    continue
                if not window.after:
                    own_s = math.nan
                elif window.well:
                    own_s = window.late_s
                elif window.ends_s - window.starts_s >= allowed_s:
                    own_s = math.inf
                else:
                    own_s = next_s + next_starts_s - window.starts_s
                    own_s = own_s if own_s <= allowed_s or math.isinf(next_s) else math.nan
                found.recovered_s[stream, period] = own_s
                next_s, next_starts_s = own_s, window.starts_s


def unwell(in_turn: Sequence[Disturbed]) -> list[str]:
    """The streams that were not well at the end of the last window of all."""
    last = in_turn[-1]
    ends = {stream: window for (stream, _), window in last.windows.items()}
    return [stream for stream, window in ends.items() if window.after and not window.well]
