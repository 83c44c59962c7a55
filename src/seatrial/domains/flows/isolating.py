"""What a disturbed place does to everything else, seen by whoever disturbs it, and handed on within a run.

`data.interruption` takes a source away in several ways while all flows run, and `integration.isolation` asks what that
does to the rest. Only what leaves nothing to be said is handed on: nothing was lost, doubled or altered, all was well
again in time, every share lies certainly above its limit. Anything else is disturbed once more by the check whose
finding it would be.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seatrial.core.check import HandedOn, Trial
from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Json
from seatrial.core.ports import LoadResult
from seatrial.core.wording import span
from seatrial.domains.flows import answers_meanwhile
from seatrial.domains.flows.disturbed import Disturbed, Share, Turn, count_answers, count_records, named, settle
from seatrial.domains.flows.disturbing import Disturbance, Period, planned
from seatrial.domains.flows.driving import Lane, Passage, again, drive
from seatrial.domains.flows.lanes import MODEL, drives_model, lane_of, model_peak
from seatrial.domains.flows.line_findings import possible
from seatrial.domains.flows.undisturbed import Undisturbed
from seatrial.spec.one_place import one_line, one_server
from seatrial.spec.system import System
from seatrial.stats import proportions

ISOLATION = "integration.isolation"
"""The check that asks for it."""
KINDS = (
    ("slow", LineMode.SLOW),
    ("refusing", LineMode.REFUSED),
    ("cut", LineMode.CUT),
    ("corrupt", LineMode.CORRUPT),
)
SLOW_S = 2.0
AS_ISOLATION = (LineMode.REFUSED, LineMode.CUT)
"""Outages that are carried out in the same way by either check."""
_BESIDE_OUTAGES = (("slower", LineMode.SLOW), ("corrupt", LineMode.CORRUPT))
"""What outages are not: these are carried out after them where isolation asks, too."""
_STEADY_S = 1.0


def lines(system: System) -> list[str]:
    """The integrations with a line, which can be disturbed."""
    return [name for name, section in system.integrations.items() if section.test is not None and section.test.via]


def places(system: System) -> list[tuple[str, ...]]:
    """Those of them that fail together: one server holds them, as two exchanges of a broker, or they share a line."""
    found: list[tuple[str, ...]] = []
    for name in lines(system):
        beside = next((at for at, names in enumerate(found) if any(_together(system, n, name) for n in names)), None)
        if beside is None:
            found.append((name,))
        else:
            found[beside] = (*found[beside], name)
    return found


def _together(system: System, name: str, other: str) -> bool:
    return one_server(system, name, other) or one_line(system, name, other)


def limit_of_model_s(system: System) -> float:
    """By when the model must answer."""
    return max(system.load.latency.values()) if system.load else math.inf


def counted(
    system: System,
    turn: Turn,
    disturbances: Sequence[Disturbance],
    passages: Mapping[str, Passage],
    answers: LoadResult | None,
    before: Mapping[str, Undisturbed],
) -> Disturbed:
    """What everything else did in that turn; `answers` are the model's own, `before` is by flow."""
    ends_here = frozenset(f.name for f in system.flows if {f.from_, f.to} & {*turn.names})
    found = Disturbed(names=turn.names, ends_here=ends_here)
    for name, disturbance in zip(turn.names, disturbances, strict=True):
        if not disturbance.used:
            found.unused.append(name)
        if disturbance.problem is not None:
            found.problems[name] = disturbance.problem.what
    for name, passage in passages.items():
        count_records(found, passage, turn, before[name])
    if answers is not None:
        count_answers(found, answers, turn, stream=MODEL, limit_s=limit_of_model_s(system))
    return found


def asked_for(system: System, trial: Trial, name: str) -> bool:
    """Whether what an outage of this source does to the rest may spare the check of isolation a turn in this run."""
    alone = (name,) in places(system) and len(possible(system, [name], KINDS)) == len(KINDS)
    return alone and trial.in_run(ISOLATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One place and what its disturbances did, with the answers of the flows that declare some."""

    found: Disturbed
    answers: Sequence[answers_meanwhile.Answers]

    def spotless(self, system: System) -> bool:
        """Whether it leaves nothing to be said: all was well, and every share that must be kept was certainly kept."""
        return self.well(system) and self._kept(system)

    def well(self, system: System) -> bool:
        """Whether nothing went astray, all was well again in time, and there was enough to see that by."""
        found, policy = self.found, system.policy
        if found.unused or found.problems or found.stuck or found.lost or found.doubled or found.altered:
            return False
        if drives_model(system) and MODEL not in {stream for stream, _ in found.shares}:
            return False
        if not all(own_s <= policy.recovery for own_s in found.recovered_s.values()):
            return False
        if any(each.varied or each.other or each.moved or not each.compared for each in self.answers):
            return False
        return bool(found.shares) and all(share.due for share in found.shares.values())

    def _kept(self, system: System) -> bool:
        """Whether what does not end there certainly kept its limits."""
        alpha = 1.0 - system.policy.confidence
        shares = [self.found.pooled(s) for s in {s for s, _ in self.found.shares} - self.found.ends_here]
        return all(proportions.lower(s.kept, s.due, alpha) >= system.policy.isolated for s in shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """All flows, with the model's own peak beside them, driven once while one place was disturbed in these periods."""

    name: str
    periods: Sequence[Period]
    judged: Sequence[Period]
    """Those of them that the check of isolation would carry out itself."""
    disturbance: Disturbance
    before: Sequence[Undisturbed]
    began_s: float
    passages: Mapping[str, Passage]
    answers: LoadResult | None

    def seen(self, system: System, trial: Trial) -> Seen:
        """What it did to everything else, with all copies of the records that are there by now."""
        passages = {name: again(trial, passage) for name, passage in self.passages.items()}
        turn, before = Turn(names=(self.name,), periods=self.periods), {each.flow.name: each for each in self.before}
        found = counted(system, turn, [self.disturbance], passages, self.answers, before)
        settle([found], system.policy.recovery)
        names = {period.name for period in self.judged}
        found.shares = {at: share for at, share in found.shares.items() if at[1] in names}
        found.recovered_s = {at: own_s for at, own_s in found.recovered_s.items() if at[1] in names}
        drives = [answers_meanwhile.Drive(began_s=self.began_s, turns=[turn], passages=passages)]
        told = [of[self.name] for each in self.before if (of := answers_meanwhile.answers_meanwhile(each, drives))]
        return Seen(found=found, answers=told)


def rest_carried_out(
    system: System, trial: Trial, outages: Drive, added: Callable[[Lane], Lane], mark: str, each_s: float
) -> Drive | None:
    """The disturbances that are no outages, in a drive of their own; None where the outages left something to be said.

    `added` is told of each lane before its records are put in. Raises SeatrialError like `drive`.
    """
    if any(True for each in outages.before for _ in each.findings(system.policy.isolated)):
        return None
    if not outages.seen(system, trial).well(system):
        return None
    periods = planned([(word, mode, each_s) for word, mode in _BESIDE_OUTAGES], rest_s=each_s, from_s=_STEADY_S)
    lasts_s = periods[-1].ends_s + each_s
    trial.say(f"{outages.name} is slow and corrupt for {span(lasts_s)}, to see what that does to the rest")
    peak = model_peak(system, trial, lasts_s)
    lanes = [
        added(lane_of(trial, each.flow, f"{mark}-{at}", lasts_s, templates=each.templates))
        for at, each in enumerate(outages.before)
    ]
    with Disturbance(trial, trial.line(outages.name), periods, slow_s=SLOW_S) as disturbance:
        began_s = trial.clock.monotonic()
        beside = [] if peak is None else [peak.stream]
        passages, results = drive(trial, lanes, beside=beside, duration_s=lasts_s, longer_s=each_s, settled=False)
    return replace(
        outages,
        periods=periods,
        judged=periods,
        disturbance=disturbance,
        began_s=began_s,
        passages=passages,
        answers=None if peak is None else peak.answerable(trial, results[MODEL]),
    )


def hand_on(system: System, trial: Trial, drives: Sequence[Drive]) -> str:
    """Leave for the check of isolation what both drives showed, if nothing is to be said of it: its digest, or ""."""
    both = [drive.seen(system, trial) for drive in drives]
    seen = Seen(
        found=Disturbed(
            names=both[0].found.names,
            shares={at: share for each in both for at, share in each.found.shares.items()},
            recovered_s={at: own_s for each in both for at, own_s in each.found.recovered_s.items()},
            ends_here=both[0].found.ends_here,
            n=sum(each.found.n for each in both),
            fallbacks=sum((each.found.fallbacks for each in both), Counter[str]()),
        ),
        answers=[answers for each in both for answers in each.answers],
    )
    if not (all(each.well(system) for each in both) and seen.spotless(system)):
        return ""
    found = seen.found
    answers: dict[str, Json] = {
        flow: {
            "compared": sum(each.compared for each in seen.answers if each.flow == flow),
            "alike": [name for each in both[0].answers if each.flow == flow for name in each.alike],
        }
        for flow in dict.fromkeys(each.flow for each in seen.answers)
    }
    shares: list[Json] = [[s, p, share.kept, share.due] for (s, p), share in found.shares.items()]
    recovered: list[Json] = [[s, p, own_s] for (s, p), own_s in found.recovered_s.items()]
    return trial.hand_on(
        _name(found.names),
        {
            "shares": shares,
            "recovered": recovered,
            "records": found.n,
            "fallbacks": dict(found.fallbacks),
            "answers": answers,
        },
    )


def taken_over(system: System, trial: Trial, names: tuple[str, ...]) -> tuple[Seen, HandedOn] | None:
    """What another check of this run saw while it disturbed this place; None where none did, or not all was well."""
    left = trial.handed_on(_name(names))
    if left is None:
        return None
    content: Mapping[str, Any] = left.content
    found = Disturbed(
        names=names,
        shares={(stream, period): Share(kept=kept, due=due) for stream, period, kept, due in content["shares"]},
        recovered_s={(stream, period): own_s for stream, period, own_s in content["recovered"]},
        ends_here=frozenset(f.name for f in system.flows if {f.from_, f.to} & {*names}),
        n=content["records"],
        fallbacks=Counter(content["fallbacks"]),
    )
    answers = [
        answers_meanwhile.Answers(flow=flow, compared=told["compared"], alike=tuple(told["alike"]))
        for flow, told in content["answers"].items()
    ]
    return Seen(found=found, answers=answers), left


def _name(names: Sequence[str]) -> str:
    return f"what {named(names)} does to the rest"
