"""What happens during a maintenance window or an outage of a source: each is really taken away and given back.

While all flows run at their peak, the line to one source after the other is away for a whole maintenance window, and
then refuses, hangs, is slow, breaks half-way and is cut as by a restart. The window comes first, since an alarm that an
earlier disturbance raised would be up at once. Every record that was put in is accounted for, and looked for again at
the very end, since what was kept meanwhile may be passed on twice. What the entry refused is sent again once the source
is back, where the real sender does that.

The source being back means that records are served as before it went away: not by a declared fallback, and not without
asking the source where it had been asked all the time. Each flow is driven alone before and afterwards, since
what one of them asks hides that another one does not. What was answered meanwhile, and not by the fallback, must be
what the same contents are answered before and afterwards.

Where `integration.isolation` is executed in the same run, too, the model's own peak runs beside the flows. Once all is
told here, the source is made slower and corrupt, which is no outage and is not judged here; what all of it did to
everything else is handed on where it leaves nothing to be said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.allowing import allow
from seatrial.domains.data.asking_flows import asking
from seatrial.domains.data.asking_flows import longest_s as asking_s
from seatrial.domains.data.interruption_findings import (
    CODES,
    WHY,
    alarmed,
    caught_up,
    counted,
    counts,
    findings_of,
    lengths,
)
from seatrial.domains.data.trips import Alarm, Trip, account, look_again
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.disturbing import Disturbance, planned
from seatrial.domains.flows.driving import Lane, Passage, drive
from seatrial.domains.flows.isolating import AS_ISOLATION, ISOLATION, asked_for, hand_on, rest_carried_out
from seatrial.domains.flows.isolating import Drive as Isolating
from seatrial.domains.flows.lanes import MODEL, lane_of, model_peak, unready
from seatrial.domains.flows.line_findings import by_link, no_line, possible
from seatrial.domains.flows.marking import marker
from seatrial.domains.flows.same_answers import Otherwise, answers_of, otherwise, undeclared_finding
from seatrial.domains.flows.undisturbed import Undisturbed, served_as_before, undisturbed
from seatrial.spec.data import Interruption
from seatrial.spec.integration import fetched
from seatrial.spec.system import System

_ID = "data.interruption"
_KINDS = (
    ("refused", LineMode.REFUSED),
    ("hanging", LineMode.BLACK_HOLE),
    ("slow", LineMode.SLOW),
    ("broken half-way", LineMode.RESET),
    ("restarted", LineMode.CUT),
)
_WINDOW = "in its maintenance window"
_BEFORE_LEAST_S = 1.0
_SETTLE_S = 1.0


def _run(system: System, trial: Trial) -> Observation | Reason:
    wanted = system.data.interruption
    if (missing := _missing(system, wanted)) is not None or wanted is None:
        return Observation(done="Looked for what may be taken away.", findings=(missing,) if missing else ())
    sources = _sources(system)
    findings = [f for flow in system.flows for f in unready(system, flow)]
    findings += [
        no_line(name, kind=system.integrations[name].kind, done="taken away", why=WHY)
        for name in sources
        if not _via(system, name)
    ]
    if findings or not sources:
        return Observation(
            done="Nothing was taken away: not every flow can be driven, or not every source be reached.",
            findings=(*findings, *([] if sources else [_no_sources()])),
        )
    allow(system, trial, "outage")
    with Cleanup(system, trial) as cleanup:
        mark, alone_s = marker(trial), max(system.policy.outage_duration, _BEFORE_LEAST_S)
        for name in sources:
            # Where nobody holds a line open, it is opened here: closed it would be an outage itself.
            trial.line(name).counts()
        before = asking(system, trial, sources, cleanup.add, f"{mark}-a", alone_s)
        trips = [_taken_away(system, trial, wanted, name, cleanup) for name in sources]
        # Where flows are asked one by one again, nothing more is disturbed before that; else it fills the wait.
        several = len(system.flows) > 1
        rests = {} if several else _rests(system, trial, trips, cleanup, mark)
        again_at = trips[-1].back_at + max(wanted.catch_up, _SETTLE_S)
        trial.clock.sleep(max(0.0, again_at - trial.clock.monotonic()))
        after = asking(system, trial, sources, cleanup.add, f"{mark}-z", alone_s)
        for trip in trips:
            trip.asking = before.of(trip.source)
            trip.silent = sorted(before.not_again(trip.source, after))
            for flow in system.flows:
                look_again(trial, trip, flow)
        if several:
            rests = _rests(system, trial, trips, cleanup, mark)
        handed_on = {
            f"what {trip.source} does to the rest, for {ISOLATION}": digest
            for trip in trips
            if trip.isolating is not None
            and (rest := rests.get(trip.source)) is not None
            and (digest := hand_on(system, trial, [trip.isolating, rest]))
        }
    return Observation(
        done=f"Took {', '.join(sources)} away in up to {len(_KINDS)} ways and for a maintenance window while every "
        f"flow ran at its peak; accounted for {sum(t.n for t in trips):,} records, and looked for the alarms.",
        measures=tuple(m for trip in trips for m in _measures(wanted, trip)),
        findings=(
            *(f for trip in trips for f in findings_of(system, wanted, trip)),
            *(f for name in sources for f in by_link(system, name)),
            *(undeclared_finding(flow, trips[0].alike.get(flow.name, ())) for flow in system.flows if not flow.answers),
            *cleanup.findings(),
        ),
        figures=(_figure(trips, wanted.catch_up),),
        facts={
            **{trip.source: {"caught_up_s": dict(trip.caught_up_s), "records": trip.n} for trip in trips},
            "test records afterwards": cleanup.told(),
            **handed_on,
        },
    )


def _rests(
    system: System, trial: Trial, trips: Sequence[Trip], cleanup: Cleanup, mark: str
) -> Mapping[str, Isolating | None]:
    """For each source of which that is asked, what isolation does beside outages."""
    return {
        trip.source: rest_carried_out(
            system, trial, trip.isolating, cleanup.add, f"{mark}-i{at}", system.policy.outage_duration
        )
        for at, trip in enumerate(trips)
        if trip.isolating is not None
    }


def _missing(system: System, wanted: Interruption | None) -> Finding | None:
    if wanted is None:
        return Finding(
            code="interruption-undeclared",
            summary="Nobody says how long a source may be away, and by when everything must be made up for.",
            fields=("data.interruption",),
            why=WHY,
            remedy="Declare data.interruption with window, catch_up and, for each source, its alarm.",
        )
    if not system.flows:
        return Finding(
            code="no-flows",
            summary="No flow is declared.",
            fields=("flows",),
            why="What nobody declares to arrive, nobody misses.",
            remedy="Declare each flow: where records go in and come out, by which key, within what time, how many.",
        )
    return None


def _sources(system: System) -> list[str]:
    """What feeds the system and is asked by it. What pushes records in is interrupted by its own sender.

    A broker, a table or a folder at which a flow begins is reached by a connection of the system's own, which breaks.
    """
    entries = {flow.from_ for flow in system.flows}
    declared = system.data.interruption.sources if system.data.interruption else {}
    feeding = [
        n
        for n, s in system.integrations.items()
        if s.direction != "out" and (n not in entries or fetched(s) or _via(system, n))
    ]
    return list(dict.fromkeys((*feeding, *declared)))


def _via(system: System, name: str) -> bool:
    section = system.integrations.get(name)
    return section is not None and section.test is not None and bool(section.test.via)


def _no_sources() -> Finding:
    return Finding(
        code="no-sources",
        summary="No integration is declared that the system asks for data.",
        weight=Weight.OPEN,
        fields=("integrations",),
        remedy="Declare what feeds the model, each with a test end and the line through which it is reached.",
    )


def _taken_away(system: System, trial: Trial, wanted: Interruption, name: str, cleanup: Cleanup) -> Trip:
    told = wanted.sources.get(name)
    alarm, within_s = (told.alarm, told.within) if told else (None, None)
    outage_s, window_s = lengths(system, wanted, alarm, within_s)
    before_s = max(outage_s, _BEFORE_LEAST_S)
    kinds = [(word, mode, outage_s) for word, mode in possible(system, [name], _KINDS)]
    periods = planned([(_WINDOW, LineMode.REFUSED, window_s), *kinds], rest_s=outage_s, from_s=before_s)
    lasts_s = periods[-1].ends_s + outage_s
    trial.say(f"{name} is taken away and given back for {span(lasts_s)} while {len(system.flows)} flow(s) run")
    mark = marker(trial)
    before, _ = undisturbed(trial, system.flows, cleanup.add, mark, before_s)
    driven = [
        cleanup.add(lane_of(trial, each.flow, f"{mark}-{at}", lasts_s, behind=each.lane, templates=each.templates))
        for at, each in enumerate(before)
    ]
    asked = asked_for(system, trial, name)
    peak = model_peak(system, trial, lasts_s) if asked else None
    trip = Trip(source=name)
    looks = Alarm(trial, alarm, within_s)
    looks.ahead()
    with Disturbance(
        trial,
        trial.line(name),
        periods,
        slow_s=max(outage_s, 0.5),
        ahead=lambda period: looks.ahead() if period.name == _WINDOW else None,
        during=lambda period: looks.watched() if period.name == _WINDOW else None,
    ) as disturbance:
        began_s = trial.clock.monotonic()
        passages, results = drive(
            trial,
            driven,
            beside=[] if peak is None else [peak.stream],
            duration_s=lasts_s,
            longer_s=wanted.catch_up + outage_s,
            settled=False,
        )
    trip.back_at = trial.clock.monotonic()
    if asked:
        trip.isolating = Isolating(
            name=name,
            periods=periods,
            judged=[period for period in periods if period.name != _WINDOW and period.mode in AS_ISOLATION],
            disturbance=disturbance,
            before=before,
            began_s=began_s,
            passages=passages,
            answers=None if peak is None else peak.answerable(trial, results[MODEL]),
        )
    trip.alarm_s, trip.alarm_before, trip.alarm_said = looks.after_s, looks.before, looks.said
    trip.used, trip.steady = disturbance.used, disturbance.steady
    if disturbance.problem is not None:
        trip.problem = disturbance.problem.what
    for passage in passages.values():
        account(trial, wanted, trip, passage, periods)
    trip.alike = {each.flow.name: answers_of(each) for each in before}
    behind = {lane.flow.name: lane for lane in driven}
    trip.otherwise = [
        _answered(trial, wanted, each, (began_s, passages[each.flow.name]), behind, cleanup, f"{mark}-o{at}", before_s)
        for at, each in enumerate(before)
    ]
    for each in before:
        if each.flow.fallback:
            _back_to_normal(trial, wanted, trip, each, behind, cleanup, f"{mark}-r", outage_s)
    trip.asked_again = _asked_again(trial, wanted, disturbance, before, behind, cleanup, f"{mark}-s", before_s)
    return trip


def _answered(
    trial: Trial,
    wanted: Interruption,
    each: Undisturbed,
    passage: tuple[float, Passage],
    behind: dict[str, Lane],
    cleanup: Cleanup,
    mark: str,
    each_s: float,
) -> Otherwise:
    """What a flow answered otherwise; where that has not come back it is driven on, as long as catching up may take."""
    began, passages = trial.clock.monotonic(), [passage]
    found = otherwise(each, passages)
    while found.moved and trial.clock.monotonic() - began <= wanted.catch_up:
        name = each.flow.name
        lane = lane_of(
            trial, each.flow, f"{mark}{len(passages)}", each_s, behind=behind[name], templates=each.templates
        )
        behind[name] = cleanup.add(lane)
        began_s = trial.clock.monotonic()
        further, _ = drive(trial, [lane], duration_s=each_s, settled=False)
        passages.append((began_s, further[name]))
        found = otherwise(each, passages)
    return found


def _back_to_normal(
    trial: Trial,
    wanted: Interruption,
    trip: Trip,
    each: Undisturbed,
    behind: dict[str, Lane],
    cleanup: Cleanup,
    mark: str,
    each_s: float,
) -> None:
    """Whether a flow with a fallback is served as before; it is driven behind the lanes `behind` until it is."""

    def added(lane: Lane) -> Lane:
        behind[lane.flow.name] = lane
        return cleanup.add(lane)

    again = None
    if each.answered:
        again = served_as_before(
            trial, each, behind[each.flow.name], added, mark, each_s=each_s, within_s=wanted.catch_up
        )
    if again is None:
        trip.untold.append(each.flow.name)
    elif not again:
        trip.stuck.append(each.flow.name)


def _asked_again(
    trial: Trial,
    wanted: Interruption,
    disturbance: Disturbance,
    before: Sequence[Undisturbed],
    behind: Mapping[str, Lane],
    cleanup: Cleanup,
    mark: str,
    each_s: float,
) -> bool:
    """Whether the source is asked again, where it was all the time before; the flows are driven until it is."""
    began, lanes = trial.clock.monotonic(), dict(behind)
    while (again := disturbance.asked_again()) is False and trial.clock.monotonic() - began <= wanted.catch_up:
        for at, each in enumerate(before):
            name = each.flow.name
            lanes[name] = cleanup.add(
                lane_of(trial, each.flow, f"{mark}{at}", each_s, behind=lanes[name], templates=each.templates)
            )
        drive(trial, list(lanes.values()), duration_s=each_s, settled=False)
    return again is not False


def _measures(wanted: Interruption, trip: Trip) -> Iterator[Measure]:
    if trip.problem:
        # What a line of ours did that did not come back says nothing about the pipeline.
        return
    told = wanted.sources.get(trip.source)
    plain = [(counted(w, trip.source), float(n), 0.0, "") for w, n in counts(trip)]
    plain.append((caught_up(trip.source), trip.slowest_s, wanted.catch_up, "s"))
    if told is not None and told.alarm is not None and told.within is not None and trip.alarm_s is not None:
        plain.append((alarmed(trip.source), trip.alarm_s, told.within, "s"))
    for name, value, limit, unit in plain:
        yield Measure(
            name=name,
            value=value,
            lower=value,
            upper=value,
            limit=limit,
            sense=Sense.AT_MOST,
            unit=unit,
            n=trip.n,
            method="every record accounted for" if not unit else "timed",
        )


def _figure(trips: Sequence[Trip], limit_s: float) -> Figure:
    rows: list[dict[str, Json]] = [
        {"label": f"{trip.source} {period}", "seconds": seconds}
        for trip in trips
        for period, seconds in trip.caught_up_s.items()
    ]
    return Figure(
        kind="catch-up", title="Time to catch up after each outage", rows=tuple(rows), options={"limit_s": limit_s}
    )


def _limits(system: System) -> Sequence[Threshold]:
    wanted = system.data.interruption
    if wanted is None or not system.flows:
        return ()
    found: list[Threshold] = []
    for name in _sources(system):
        found += [
            Threshold(requirement=_ID, measure=counted(what, name), sense=Sense.AT_MOST, limit=0.0)
            for what in ("lost", "doubled", "altered")
        ]
        found.append(
            Threshold(requirement=_ID, measure=caught_up(name), sense=Sense.AT_MOST, limit=wanted.catch_up, unit="s")
        )
        told = wanted.sources.get(name)
        if told is not None and told.alarm is not None and told.within is not None:
            found.append(
                Threshold(requirement=_ID, measure=alarmed(name), sense=Sense.AT_MOST, limit=told.within, unit="s")
            )
    return found


def _budget(system: System) -> float:
    wanted = system.data.interruption
    if wanted is None:
        return 30.0
    within_s = max((s.within or 0.0 for s in wanted.sources.values()), default=0.0)
    outage_s, window_s = system.policy.outage_duration, min(wanted.window, system.policy.window_duration) + within_s
    one_s = (
        21.0 * outage_s
        + 2.0 * _BEFORE_LEAST_S
        + window_s
        + (6.0 + len(system.flows)) * wanted.catch_up
        + 8.0 * max((f.within for f in system.flows), default=0.0)
    )
    alone_s = 2.0 * asking_s(system, max(outage_s, _BEFORE_LEAST_S))
    return 60.0 + 2.0 * (one_s * max(1, len(_sources(system))) + alone_s)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=7,
    title="Sources taken away and given back",
    run=_run,
    codes=CODES,
    limits=_limits,
    alone=True,
    draws_anew=True,
    budget_s=_budget,
)
