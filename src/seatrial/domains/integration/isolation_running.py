"""The places of the integrations disturbed in turn while all flows run, until all is well again or its time is over.

A disturbance after which the next one came before anybody could tell when all was well is executed again by itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from seatrial.core.check import HandedOn, Trial
from seatrial.core.ports import LoadResult
from seatrial.core.wording import span
from seatrial.domains.flows import disturbed
from seatrial.domains.flows.answers_meanwhile import Answers, Drive, answers_meanwhile, away
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.disturbed import Disturbed, Due, Turn
from seatrial.domains.flows.disturbing import Disturbance, Period, planned
from seatrial.domains.flows.driving import Lane, Passage, drive, patience_s
from seatrial.domains.flows.isolating import (
    KINDS,
    SLOW_S,
    counted,
    limit_of_model_s,
    lines,
    places,
    taken_over,
)
from seatrial.domains.flows.lanes import MODEL, ModelPeak, drives_model, lane_of, model_peak
from seatrial.domains.flows.lateness import SHARE, Lateness
from seatrial.domains.flows.line_findings import possible
from seatrial.domains.flows.marking import marker
from seatrial.domains.flows.undisturbed import Undisturbed, seen_later, undisturbed
from seatrial.spec.system import System
from seatrial.stats import proportions
from seatrial.stats.arrivals import expected_for

_STEADY_S = (1.0, 2.0)
"""Before the first turn the flows run undisturbed: what is slow because all connections are new tells of none."""
_LONGER = 3.0
"""A disturbance lasts at most so many times as long as the policy has it, where records take that long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What came of it. `before`: each flow with nothing disturbed; `disturbed` is empty where some were not well then.

    `model_before`: share of the model's answers in time then, None where it did not run. `each_s`: how long each
    disturbance lasted. `late_s`: by how much a timer of our own was late in one of a hundred looks, `judged_s` the
    shortest time that is judged.
    """

    before: Sequence[Undisturbed]
    model_before: float | None
    disturbed: Sequence[Disturbed] = ()
    answers: Mapping[str, Sequence[Answers]] = field(default_factory=dict)
    """For each place, by its name, the answers of the flows that declare some."""
    taken_over: Mapping[str, HandedOn] = field(default_factory=dict)
    """Places of which another check of this run saw all of this, while it disturbed them."""
    each_s: float = 0.0
    late_s: float = 0.0
    judged_s: float = math.inf

    @property
    def busy(self) -> bool:
        """Whether the machine on which this ran was too busy to tell times."""
        return self.late_s > SHARE * self.judged_s


def longest_s(system: System) -> float:
    """How long all of it takes at most."""
    slowest_s = max(flow.within for flow in system.flows)
    one_s = 12.0 * _LONGER * system.policy.outage_duration + 4.0 * slowest_s + 20.0
    last_s = system.policy.recovery + 2.0 * max(patience_s(flow) for flow in system.flows)
    again_s = len(KINDS) * (2.0 * _LONGER * system.policy.outage_duration + last_s)
    return 2.0 * ((one_s + again_s) * max(1, len(places(system))) + last_s)


def drive_disturbed(system: System, trial: Trial, cleanup: Cleanup) -> Driven:
    """All flows with nothing disturbed, and then with each place in its turn, told in the order of the system file."""
    for name in lines(system):
        # Where nobody holds a line open, it is opened here: closed it would be a disturbance itself.
        trial.line(name).counts()
    mark, quiet_s = marker(trial), max(system.policy.outage_duration, _STEADY_S[0])
    trial.say(f"all {len(system.flows)} flow(s) with nothing disturbed for {span(quiet_s)}")
    peak = model_peak(system, trial, quiet_s)
    before, answers = undisturbed(
        trial, system.flows, cleanup.add, mark, quiet_s, beside=[] if peak is None else [peak.stream]
    )
    in_time = None
    if peak is not None and answers is not None:
        asked = disturbed.of_answers(peak.answerable(trial, answers), limit_of_model_s(system))
        in_time = sum(each.kept for each in asked) / len(asked) if asked else None
    if _unable(system, before) or (in_time is not None and in_time < system.policy.isolated):
        return Driven(before=before, model_before=in_time)
    driven = _in_turns(system, trial, cleanup, mark, before, in_time)
    # What was doubled before anything was disturbed has had all this time to arrive.
    before = [seen_later(trial, each) for each in before]
    return Driven(before=before, model_before=in_time) if _unable(system, before) else replace(driven, before=before)


def _unable(system: System, before: Sequence[Undisturbed]) -> bool:
    """Whether a flow did not keep its limits while nothing was disturbed."""
    return any(True for each in before for _ in each.findings(system.policy.isolated))


def _each_s(system: System, before: Sequence[Undisturbed]) -> float:
    """As the policy has it, and longer where a rest of that length is too short to see a record that came after it.

    Or where chance could bring fewer records or requests in the disturbances of a place than its share takes.
    """
    policy_s = system.policy.outage_duration
    usual_s = max((each.usual_s for each in before if not math.isnan(each.usual_s)), default=0.0)
    return min(max(policy_s, disturbed.rest_s(usual_s), telling_s(system)), _LONGER * policy_s)


def telling_s(system: System) -> float:
    """How long each disturbance must last, so that those of one place bring enough to bound each stream's share."""
    fewest_kinds = min(len(possible(system, names, KINDS)) for names in places(system))
    slowest = min(flow.peak for flow in system.flows)
    if system.load is not None and drives_model(system):
        slowest = min(slowest, system.load.peak)
    if not fewest_kinds or system.policy.isolated >= 1.0:
        return 0.0
    enough = proportions.clean_trials(system.policy.isolated, 1.0 - system.policy.confidence)
    return expected_for(enough) / (fewest_kinds * slowest)


def _steady_s(each_s: float) -> float:
    return min(max(each_s, _STEADY_S[0]), _STEADY_S[1])


def _turns(system: System, wanted: Sequence[tuple[str, ...]], each_s: float) -> list[Turn]:
    """Those first at which flows end: what they do not take may be lost, and is waited for longest."""
    apart_s = max(each_s, *(flow.within for flow in system.flows))
    exits = {flow.to for flow in system.flows}
    turns: list[Turn] = []
    for names in sorted(wanted, key=lambda names: not exits & {*names}):
        starts_s = turns[-1].ends_s if turns else 0.0
        kinds = [(word, mode, each_s) for word, mode in possible(system, names, KINDS)]
        periods = planned(kinds, rest_s=each_s, from_s=starts_s or _steady_s(each_s))
        turns.append(Turn(names=names, periods=periods, starts_s=starts_s, ends_s=periods[-1].ends_s + apart_s))
    return [*turns[:-1], *(replace(turn, ends_s=math.inf) for turn in turns[-1:])]


def _in_turns(
    system: System, trial: Trial, cleanup: Cleanup, mark: str, before: Sequence[Undisturbed], in_time: float | None
) -> Driven:
    each_s = _each_s(system, before)
    flows = _Flows(trial, cleanup, before, mark)
    seen_before = {names: left for names in places(system) if (left := taken_over(system, trial, names)) is not None}
    turns = _turns(system, [names for names in places(system) if names not in seen_before], each_s)
    with Lateness(trial) as lateness:
        found = list(_disturbed(system, trial, flows, turns, each_s)) if turns else []
        if found and not disturbed.unwell(found):
            for place in found:
                _once_more(system, trial, flows, place, each_s)
    everything = [*found, *(seen.found for seen, _ in seen_before.values())]
    return Driven(
        before=before,
        model_before=in_time,
        disturbed=sorted(everything, key=lambda each: places(system).index(each.names)),
        answers={**flows.answers(), **{seen.found.name: seen.answers for seen, _ in seen_before.values()}},
        taken_over={seen.found.name: left for seen, left in seen_before.values()},
        each_s=each_s,
        late_s=lateness.p99_s if found else 0.0,
        judged_s=min(*(flow.within for flow in system.flows), limit_of_model_s(system) if _peaks(found) else math.inf),
    )


def _peaks(found: Sequence[Disturbed]) -> bool:
    """Whether the model's own peak ran beside the flows."""
    return any(stream == MODEL for each in found for stream, _ in each.windows)


def _once_more(system: System, trial: Trial, flows: _Flows, found: Disturbed, each_s: float) -> None:
    """Execute by itself each disturbance after which nobody could tell when all was well, for the next one came."""
    for name, mode in KINDS:
        if any(name == period for _, period in found.untold()):
            periods = planned([(name, mode, each_s)], rest_s=each_s, from_s=_steady_s(each_s))
            (again,) = _disturbed(system, trial, flows, [Turn(names=found.names, periods=periods)], each_s)
            found.takes(again)


def _disturbed(
    system: System, trial: Trial, flows: _Flows, turns: Sequence[Turn], each_s: float
) -> Sequence[Disturbed]:
    """What the places did in their turns, until all is well or the time for that is over."""
    lasts_s = turns[-1].periods[-1].ends_s + each_s
    names = " and then ".join(turn.name for turn in turns)
    trial.say(f"{names} disturbed, {span(lasts_s)} in all, while {len(system.flows)} flow(s) run")
    peak = model_peak(system, trial, lasts_s)
    longer_s = min(system.policy.recovery, 2.0 * each_s)
    with ExitStack() as stack:
        disturbances = {
            turn.name: [
                stack.enter_context(
                    Disturbance(trial, trial.line(name), turn.periods, slow_s=SLOW_S, during=_telling(trial, name))
                )
                for name in turn.names
            ]
            for turn in turns
        }
        began = trial.clock.monotonic()
        passages, answers = flows.driven([f.name for f in system.flows], peak, lasts_s, longer_s=longer_s, turns=turns)
    before = {flow.name: flows.before(flow.name) for flow in system.flows}
    found = [counted(system, turn, disturbances[turn.name], passages, answers, before) for turn in turns]
    _until_well(system, trial, flows, peak, found, began, each_s)
    disturbed.settle(found, system.policy.recovery)
    return found


def _telling(trial: Trial, name: str) -> Callable[[Period], None]:
    return lambda period: trial.say(f"{name} is {period.name}")


class _Flows:
    """The flows driven again and again, each time with new records of the same contents."""

    def __init__(self, trial: Trial, cleanup: Cleanup, before: Sequence[Undisturbed], mark: str) -> None:
        self._trial = trial
        self._cleanup = cleanup
        self._before = before
        self._mark = mark
        self._behind: dict[str, Lane] = {each.flow.name: each.lane for each in before}
        self._times = 0
        self._drives: list[Drive] = []

    def before(self, name: str) -> Undisturbed:
        """How this flow ran with nothing disturbed."""
        return next(each for each in self._before if each.flow.name == name)

    def answers(self) -> Mapping[str, Sequence[Answers]]:
        """For each place, by its name, the answers of the flows around its disturbances."""
        found: dict[str, list[Answers]] = {}
        for each in self._before:
            for place, answers in answers_meanwhile(each, self._drives).items():
                found.setdefault(place, []).append(answers)
        return found

    def away(self) -> list[str]:
        """The flows some of whose answers have not come back to what they were before."""
        return [each.flow.name for each in self._before if away(each, self._drives)]

    def driven(
        self,
        names: Sequence[str],
        peak: ModelPeak | None,
        duration_s: float,
        *,
        longer_s: float,
        turns: Sequence[Turn] = (),
    ) -> tuple[Mapping[str, Passage], LoadResult | None]:
        """These flows, and beside them the model at its peak: what became of the records and of its requests.

        `turns` are those in which something is disturbed meanwhile.
        """
        self._times += 1
        lanes = [self._lane(each, at, duration_s) for at, each in enumerate(self._before) if each.flow.name in names]
        beside = [] if peak is None else [peak.stream]
        began_s = self._trial.clock.monotonic()
        passages, results = drive(self._trial, lanes, beside=beside, duration_s=duration_s, longer_s=longer_s)
        self._drives.append(Drive(began_s=began_s, turns=turns, passages=passages))
        return passages, None if peak is None else peak.answerable(self._trial, results[MODEL])

    def _lane(self, each: Undisturbed, at: int, duration_s: float) -> Lane:
        name = each.flow.name
        lane = lane_of(
            self._trial,
            each.flow,
            f"{self._mark}-{self._times}-{at}",
            duration_s,
            behind=self._behind[name],
            templates=each.templates,
        )
        self._behind[name] = self._cleanup.add(lane)
        return lane


def _until_well(
    system: System,
    trial: Trial,
    flows: _Flows,
    peak: ModelPeak | None,
    found: Sequence[Disturbed],
    began: float,
    each_s: float,
) -> None:
    """Go on with what was not well at the end, or not answered as before, until it is or the time allowed is over."""
    last = found[-1]
    windows = {stream: window for (stream, _), window in last.windows.items()}
    ended_s = max(window.starts_s for window in windows.values())
    while trial.clock.monotonic() - began - ended_s < system.policy.recovery:
        waiting = list(dict.fromkeys((*disturbed.unwell(found), *flows.away())))
        if not waiting:
            return
        trial.say(f"waiting for {', '.join(waiting)} to be well again")
        from_s = trial.clock.monotonic() - began
        names = [name for name in waiting if name != MODEL] or [system.flows[0].name]
        passages, answers = flows.driven(names, peak if MODEL in waiting else None, each_s, longer_s=0.0)
        for stream in waiting:
            due = (
                disturbed.of_records(passages[stream], flows.before(stream))
                if stream != MODEL
                else disturbed.of_answers(answers, limit_of_model_s(system))
                if answers is not None
                else []
            )
            later = [Due(due_s=d.due_s + from_s, took_s=d.took_s, kept=d.kept, normal=d.normal) for d in due]
            disturbed.look_after(last, stream, windows[stream], later)
