"""Every flow driven end to end: each alone first, then all at once with the model's own peak beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.check import Trial
from seatrial.core.observation import Finding
from seatrial.core.ports import LoadResult
from seatrial.domains.flows import fallbacks, window
from seatrial.domains.flows.accounts import Account, account
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.driving import Lane, Passage, again, drive, followed, patience_s
from seatrial.domains.flows.lanes import MODEL, lane_of, model_peak
from seatrial.domains.flows.marking import marker
from seatrial.domains.flows.order import HEARD, InOrder, in_order
from seatrial.domains.integration import model_beside, one_field
from seatrial.domains.integration.model_beside import Beside
from seatrial.domains.integration.one_field import Tried
from seatrial.domains.load.served import SHOWN_LONGER
from seatrial.spec.integration import Flow
from seatrial.spec.system import System
from seatrial.stats import proportions
from seatrial.stats.arrivals import expected_for

_ALONE_SHARE = 1 / 3
_ALONE_LEAST_S = 2.0
_BETWEEN_S = 5.0
_LONGEST_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """Each flow's account when it ran alone, what became of all flows at once, and what the model did beside them."""

    alone: Mapping[str, Account]
    passages: Mapping[str, Passage]
    results: Mapping[str, LoadResult]
    model: Beside | None
    fell_back: Sequence[fallbacks.FellBack]
    exchanged: Sequence[Tried | None]


def alone_s(system: System) -> float:
    """How long each flow runs alone."""
    return max(_ALONE_LEAST_S, system.policy.flow_duration * _ALONE_SHARE)


def together_s(system: System) -> float:
    """How long all flows run: as the policy has it, and until flows and model have brought enough for their bounds.

    A demonstration does not wait for the model, whose limits it only shows.
    """
    least_s = system.policy.flow_duration
    longest_s = SHOWN_LONGER * least_s if system.policy.demonstration else _LONGEST_S
    if not system.flows:
        return least_s
    needed_s = 0.0 if system.policy.demonstration else model_beside.needs_s(system)
    if system.policy.flow_delivered < 1.0:
        enough = expected_for(proportions.clean_trials(system.policy.flow_delivered, 1.0 - system.policy.confidence))
        needed_s = max(needed_s, enough / min(flow.peak for flow in system.flows))
    return max(least_s, min(longest_s, needed_s))


def lasts_s(system: System) -> float:
    """How long it takes at most until the last record is given up."""
    each = sum(alone_s(system) + patience_s(flow) + _BETWEEN_S for flow in system.flows)
    return (
        each
        + together_s(system)
        + fallbacks.longest_s(system)
        + one_field.longest_s(system)
        + max(patience_s(flow) for flow in system.flows)
        + _BETWEEN_S
    )


def drive_all(system: System, trial: Trial, cleanup: Cleanup) -> Driven | tuple[Finding, ...]:
    """Each flow alone and then all at once; findings where one was stopped in production before that."""
    mark, each_s, duration_s = marker(trial), alone_s(system), together_s(system)
    alone: dict[str, Passage] = {}
    before: list[Lane] = []
    for number, flow in enumerate(system.flows):
        trial.say(f"{flow.name} alone, {flow.peak:g} records a second for {each_s:g} s")
        most = window.most_failed(system, flow, each_s)
        lane = cleanup.add(lane_of(trial, flow, f"{mark}-a{number}", each_s, most_failed=most))
        before.append(lane)
        passages, _ = drive(trial, [lane], duration_s=each_s, settled=False)
        alone[flow.name] = passages[flow.name]
        if stopped := tuple(window.stopped(flow, most, passages[flow.name])):
            return stopped
    driven = [
        cleanup.add(
            lane_of(
                trial,
                lane.flow,
                f"{mark}-b{number}",
                duration_s,
                most_failed=most_failed(system, lane.flow),
                behind=lane,
            )
        )
        for number, lane in enumerate(before)
    ]
    peak = model_peak(system, trial, duration_s)
    beside = [peak.stream] if peak is not None else []
    what = " and the model's own peak" if peak is not None else ""
    trial.say(f"all {len(driven)} flow(s){what} at once for {duration_s:g} s")
    together, results = drive(trial, driven, beside=beside, duration_s=duration_s, settled=False)
    since = trial.clock.monotonic()
    last = {lane.flow.name: lane for lane in driven}

    def added(lane: Lane) -> Lane:
        last[lane.flow.name] = lane
        return cleanup.add(lane)

    fell_back = [
        fallbacks.put_in_again(trial, system.policy, added, lane, together[lane.flow.name], f"{mark}-c{number}")
        for number, lane in enumerate(driven)
        if lane.flow.fallback
    ]
    exchanged = [
        one_field.put_in(system, trial, cleanup.add, last[name], together[name], f"{mark}-d{number}")
        for number, name in enumerate(together)
    ]
    # What was doubled when a flow ran alone has had all this time to arrive.
    apart = {name: again(trial, passage) for name, passage in alone.items()}
    accounts = {name: account(passage, overtaken(ordered(system, passage))) for name, passage in apart.items()}
    return Driven(
        alone=accounts,
        passages=followed(trial, together, since),
        results=results,
        fell_back=fell_back,
        exchanged=exchanged,
        model=Beside.of(trial, peak, results[MODEL]) if peak is not None else None,
    )


def ordered(system: System, passage: Passage) -> InOrder | None:
    """In which order its records came out, where it declares one."""
    flow = passage.flow
    if flow.order is None:
        return None
    return in_order(passage, flow.order, heard=system.integrations[flow.to].kind in HEARD)


def overtaken(order: InOrder | None) -> frozenset[int]:
    """The numbers of records that came out of order."""
    return order.overtaken if order is not None else frozenset()


def most_failed(system: System, flow: Flow) -> int | None:
    """After how many refused records a flow is stopped in production; None elsewhere."""
    return window.most_failed(system, flow, together_s(system))
