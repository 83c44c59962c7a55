"""How a flow serves its records while nothing is disturbed, so that recovery means: served in that way again.

A record that a fallback answers arrives in time too. Only where the same contents were answered the normal way before
does a fallback afterwards tell that the flow has not come back; contents for which a rule falls back tell nothing.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from seatrial.core.check import Trial
from seatrial.core.observation import Finding
from seatrial.core.ports import LoadResult, Row, Stream
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent
from seatrial.domains.flows.accounts import differing
from seatrial.domains.flows.driving import Lane, Passage, again, drive
from seatrial.domains.flows.fallbacks import fell_back
from seatrial.domains.flows.lanes import lane_of, templates_of
from seatrial.spec.integration import Flow

_EACH = 2.0
"""So many records of the same contents are expected before anything is disturbed."""
_FEW = 5.0
"""So many records at least are expected in each look at whether a flow has come back."""
CODES = {
    "not-well-before": "A flow did not keep its limits while nothing was disturbed.",
    "always-fell-back": "All records of a flow came from its fallback while nothing was disturbed.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """One flow while nothing was disturbed: `kept` of `n` records kept its limits, half of these within `usual_s`."""

    lane: Lane
    passage: Passage
    templates: tuple[Row, ...]
    n: int
    kept: int
    usual_s: float
    answered: frozenset[str]
    """The contents that were put in and that the fallback never answered."""

    @property
    def flow(self) -> Flow:
        """Which flow this is."""
        return self.lane.flow

    def normal(self, row: Row, copies: Sequence[Row]) -> bool | None:
        """Whether this record was served the normal way; None where it came from the fallback as it did before."""
        if not fell_back(self.flow, copies):
            return True
        return False if contents(row, self.flow.key) in self.answered else None

    def findings(self, least: float) -> Iterator[Finding]:
        """Why nothing could be told of what a disturbance does: fewer than this share kept the limits without one."""
        flow = self.flow
        if self.n and self.kept / self.n < least:
            yield Finding(
                code="not-well-before",
                summary=f"While nothing was disturbed only {percent(self.kept / self.n)} of the {self.n} records of "
                f"{flow.name} arrived once, whole and within {flow.within:g} s: what a disturbance does to it cannot "
                "be told.",
                weight=Weight.OPEN,
                fields=(f"flows.{flow.name}",),
                why="What is late without a failure says nothing about the failure.",
                remedy="Run it where nothing else takes the processors; if it is the same there, mend the flow first, "
                "as integration.combined-load tells.",
            )
        elif self.n and flow.fallback and not self.answered:
            yield always_fell_back(flow.name, "it comes back after a disturbance")


def always_fell_back(flow: str, what: str) -> Finding:
    """That nobody can tell of a flow whether `what`, since it never did anything but fall back."""
    return Finding(
        code="always-fell-back",
        summary=f"No record of {flow} was seen to be answered otherwise than by the fallback while nothing was "
        f"disturbed, or none was due afterwards: whether {what} cannot be told.",
        weight=Weight.OPEN,
        fields=(f"flows.{flow}.fallback",),
        why="What always falls back was never tested with the model.",
        remedy="Find out why the model is not asked; where its own answers look like the fallback's, declare in "
        f"flows.{flow}.fallback what tells them apart.",
    )


def kept_limits(flow: Flow, row: Row, copies: Sequence[Row], after_s: float) -> bool:
    """Whether a record arrived once, whole and in time, by whatever way."""
    return len(copies) == 1 and after_s <= flow.within and not any(True for _ in differing(flow, row, copies[0]))


def undisturbed(
    trial: Trial,
    flows: Sequence[Flow],
    added: Callable[[Lane], Lane],
    mark: str,
    duration_s: float,
    *,
    beside: Sequence[Stream] = (),
) -> tuple[list[Undisturbed], LoadResult | None]:
    """All flows at their peak for that long with nothing disturbed, and what the stream `beside` them did.

    Nobody waits for second copies of the last records: whoever asks for them looks again later (`seen_later`). `added`
    is told of each lane before its records are put in. Raises SeatrialError like `drive`.
    """
    templates = {flow.name: _templates(trial, flow, duration_s) for flow in flows}
    driven = [
        added(lane_of(trial, flow, f"{mark}-q{at}", duration_s, templates=templates[flow.name]))
        for at, flow in enumerate(flows)
    ]
    passages, results = drive(trial, driven, beside=beside, duration_s=duration_s, settled=False)
    found = [_seen(lane, templates[lane.flow.name], passages[lane.flow.name]) for lane in driven]
    return found, next((results[stream.name] for stream in beside), None)


def seen_later(trial: Trial, before: Undisturbed) -> Undisturbed:
    """The same with all copies that are there by now. Raises SeatrialError when the exit cannot be observed."""
    return _seen(before.lane, before.templates, again(trial, before.passage))


def served_as_before(
    trial: Trial,
    before: Undisturbed,
    behind: Lane,
    added: Callable[[Lane], Lane],
    mark: str,
    *,
    each_s: float,
    within_s: float,
) -> bool | None:
    """Whether a flow is served the normal way again within that time from now; it is driven until it is.

    The last record whose contents had been answered the normal way tells; None where none was. Raises SeatrialError
    like `drive`.
    """
    last: bool | None = None
    began, times = trial.clock.monotonic(), 0
    each_s = max(each_s, min(within_s, _FEW / before.flow.peak))
    while True:
        lane = added(lane_of(trial, before.flow, f"{mark}-{times}", each_s, behind=behind, templates=before.templates))
        passages, _ = drive(trial, [lane], duration_s=each_s, settled=False)
        passage = passages[before.flow.name]
        told = [
            normal
            for row in passage.sent
            if (copies := passage.copies.get(str(row[before.flow.key])))
            and (normal := before.normal(row, copies)) is not None
        ]
        last = told[-1] if told else last
        if last or trial.clock.monotonic() - began > within_s:
            return last
        behind, times = lane, times + 1


def _seen(lane: Lane, templates: Sequence[Row], passage: Passage) -> Undisturbed:
    flow = lane.flow
    took, fell, put_in = list[float](), Counter[str](), set[str]()
    for row, after_s in zip(passage.sent, passage.after_s, strict=True):
        copies = passage.copies.get(str(row[flow.key]), ())
        if kept_limits(flow, row, copies, after_s):
            took.append(after_s)
        if copies:
            put_in.add(contents(row, flow.key))
            fell[contents(row, flow.key)] += fell_back(flow, copies)
    return Undisturbed(
        lane=lane,
        passage=passage,
        templates=tuple(templates),
        n=len(passage.sent),
        kept=len(took),
        usual_s=median(took) if took else math.nan,
        answered=frozenset(contents for contents in put_in if not fell[contents]),
    )


def _templates(trial: Trial, flow: Flow, duration_s: float) -> Sequence[Row]:
    """So few that each is put in more than once while nothing is disturbed, or answers would be compared with none."""
    rows = templates_of(trial, flow)
    most = max(1, int(flow.peak * duration_s / _EACH))
    if len(rows) <= most:
        return rows
    return [rows[at * len(rows) // most] for at in range(most)]


def contents(row: Row, key: str) -> str:
    """What a record holds beside its key, as text."""
    return json.dumps({name: value for name, value in row.items() if name != key}, sort_keys=True, default=str)
