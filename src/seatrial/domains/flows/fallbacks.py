"""Records that came from a flow's fallback at its peak, put in again at rest: what falls back there too is a rule.

A pipeline that answers by its fallback as soon as it is busy delivers every record in time, and not one is the model's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from seatrial.core.check import Trial
from seatrial.core.observation import Finding, Measure, Threshold
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.flows.driving import Lane, Passage, drive, patience_s
from seatrial.domains.flows.lanes import lane_of
from seatrial.spec.integration import Flow
from seatrial.spec.policy import Policy
from seatrial.spec.system import System
from seatrial.stats import proportions

_MOST = 300
_BESIDE = 30
"""Records that were answered at the peak, put in beside those that were not: a fallback that stays would take them."""
_REST_SHARE = 1 / 3
_REST_LEAST = 1.0
_LONGER = 3.0
"""So many times the policy's flow_duration the records may be put in again."""
_SPARE = 1.3
"""Arrivals are chance: time for so many more than are to be put in again."""
CODES = {
    "fell-back-at-peak": "Records came from the fallback at the peak that do not at rest.",
    "only-the-fallback": "All records but as few as may be lost came from the fallback, at the peak and at rest.",
    "still-falls-back": "After the peak records came from the fallback that had been answered before.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FellBack:
    """Of `n` records at the peak `fell` came from the fallback; `again` of these were put in at rest.

    Of those `answered` did not come from the fallback then. Of `beside` others, answered at the peak, `stuck` did.
    """

    flow: str
    n: int
    fell: int = 0
    again: int = 0
    answered: int = 0
    beside: int = 0
    stuck: int = 0

    @property
    def caused(self) -> float | None:
        """The share of all records that fell back for the load; None where nobody could tell."""
        if not self.n or (self.fell and not self.again):
            return None
        return self.fell * (self.answered / self.again if self.again else 0.0) / self.n

    def upper(self, alpha: float) -> float | None:
        """The bound above it: exact where every one of them was put in again."""
        if self.caused is None:
            return None
        if self.again == self.fell:
            return proportions.upper(self.answered, self.n, alpha)
        part = alpha / 2.0
        return proportions.upper(self.fell, self.n, part) * proportions.upper(self.answered, self.again, part)


def measure_of(flow: str) -> str:
    """The name under which records that fell back for the load are counted."""
    return f"share of records of {flow} that came from the fallback only at the peak"


def longest_s(system: System) -> float:
    """How long putting in again takes at most."""
    return sum(_LONGER * system.policy.flow_duration + 2.0 * patience_s(flow) for flow in system.flows if flow.fallback)


def limits(system: System, requirement: str) -> Iterator[Threshold]:
    """As many as may be lost or late may fall back."""
    for flow in system.flows:
        if flow.fallback:
            yield Threshold(
                requirement=requirement,
                measure=measure_of(flow.name),
                sense=Sense.AT_MOST,
                limit=1.0 - system.policy.flow_delivered,
                unit="share",
                confidence=system.policy.confidence,
            )


def fell_back(flow: Flow, copies: Sequence[Row]) -> bool:
    """Whether a record came from the declared fallback."""
    return bool(flow.fallback) and any(
        all(copy.get(field) == value for field, value in flow.fallback.items()) for copy in copies
    )


def put_in_again(
    trial: Trial, policy: Policy, added: Callable[[Lane], Lane], lane: Lane, passage: Passage, mark: str
) -> FellBack:
    """What fell back in this passage of the lane, driven once more at a tenth of the peak.

    `added` is told of the lane of these records before any is put in. Raises SeatrialError like `drive`.
    """
    flow = passage.flow
    fell = [fell_back(flow, passage.copies.get(str(row[flow.key]), ())) for row in passage.sent]
    found = FellBack(flow=flow.name, n=len(fell), fell=sum(fell))
    if not found.fell:
        return found
    chosen = _mixed(
        _spread([row for row, was in zip(passage.sent, fell, strict=True) if was], _MOST),
        _spread([row for row, was in zip(passage.sent, fell, strict=True) if not was], _BESIDE),
    )
    rate = min(flow.peak, max(_REST_SHARE * flow.peak, _REST_LEAST))
    duration_s = min(_SPARE * (len(chosen) + 3.0) / rate, _LONGER * policy.flow_duration)
    trial.say(f"{flow.name}: records that came from the fallback once more, at rest")
    calm = added(
        lane_of(
            trial,
            flow.model_copy(update={"peak": rate}),
            mark,
            duration_s,
            most_failed=lane.most_failed,
            behind=lane,
            templates=[row for row, _ in chosen],
        )
    )
    passages, _ = drive(trial, [calm], duration_s=duration_s)
    now = passages[flow.name]
    falls = [fell_back(flow, now.copies.get(str(row[flow.key]), ())) for row in now.sent]
    each = [(was, falls_now) for (_, was), falls_now in zip(chosen, falls, strict=False)]
    return replace(
        found,
        again=sum(was for was, _ in each),
        answered=sum(was and not falls_now for was, falls_now in each),
        beside=sum(not was for was, _ in each),
        stuck=sum(not was and falls_now for was, falls_now in each),
    )


def _spread(rows: Sequence[Row], most: int) -> Sequence[Row]:
    return [rows[at * len(rows) // most] for at in range(most)] if len(rows) > most else rows


def _mixed(fell: Sequence[Row], others: Sequence[Row]) -> list[tuple[Row, bool]]:
    """Both in their order, evenly among each other, each with whether it fell back."""
    placed = [
        ((at + 0.5) / len(rows), row, was)
        for rows, was in ((fell, True), (others, False))
        for at, row in enumerate(rows)
    ]
    return [(row, was) for _, row, was in sorted(placed, key=lambda one: one[0])]


def measures(policy: Policy, found: Sequence[FellBack]) -> Iterator[Measure]:
    """For each flow with a fallback."""
    alpha = 1.0 - policy.confidence
    limit = 1.0 - policy.flow_delivered
    for each in found:
        certain = each.again == each.fell and each.n > 0 and limit > 0.0
        yield Measure(
            name=measure_of(each.flow),
            value=each.caused,
            lower=None if each.caused is None else proportions.lower(each.answered, each.n, alpha),
            upper=each.upper(alpha),
            limit=limit,
            sense=Sense.AT_MOST,
            unit="share",
            n=each.n,
            method="Clopper-Pearson; what fell back at the peak was put in again at rest",
            confidence=policy.confidence,
            needed=(proportions.more_to_clear_ceiling(each.answered, each.n, limit, alpha) or None)
            if certain
            else None,
            needed_unit="records",
        )


def findings(policy: Policy, found: Sequence[FellBack]) -> Iterator[Finding]:
    """What fell back for the load, and a fallback that is all there is."""
    allowed = 1.0 - policy.flow_delivered
    for each in found:
        if each.stuck:
            yield Finding(
                code="still-falls-back",
                summary=f"{each.flow}: of {each.beside} records that were answered at the peak {each.stuck} came from "
                "the fallback when they were put in again afterwards.",
                weight=Weight.GAP if each.stuck > allowed * each.beside else Weight.NOTE,
                fields=(f"flows.{each.flow}.fallback",),
                why="A pipeline that stays with its fallback after the busy hour has lost its model unnoticed.",
                remedy="Find out what keeps the pipeline from asking the model again, such as an open breaker.",
            )
        models = each.n - each.fell
        if each.fell and models <= allowed * each.n and not each.answered:
            yield Finding(
                code="only-the-fallback",
                summary=f"{each.flow}: {f'all but {models} of' if models else 'all'} {each.n} records came "
                f"from the fallback, and so did the {each.again} that were put in again at rest: "
                f"{'no more than may be lost were' if models else 'nothing was'} the model's.",
                weight=Weight.OPEN if models else Weight.GAP,
                fields=(f"flows.{each.flow}.fallback",),
                why="What always falls back was never tested with the model.",
                remedy=f"Find out why the model is not asked, or not believed, for the records of {each.flow}; where "
                "its own answers look like the fallback's, declare in `fallback` what tells them apart.",
            )
        elif each.caused is not None and each.caused > allowed:
            yield Finding(
                code="fell-back-at-peak",
                summary=f"{each.flow}: {each.fell} of {each.n} records came from the fallback at the peak; of "
                f"{each.again} of these that were put in again at rest {each.answered} did not.",
                fields=(f"flows.{each.flow}.fallback",),
                explains=(measure_of(each.flow),),
                why="Everything arrives in time, and the system is gone in the hour for which it was bought.",
                remedy="Find out what the pipeline waits for at the peak, such as the model beyond its time-out, and "
                "make that fast enough or its peak smaller.",
                detail={"fell_back": each.fell, "again": each.again, "answered": each.answered},
            )
