"""What happens during a maintenance window or an outage of a source: each is really taken away and given back.

While all flows run at their peak, the line to one source after the other refuses, hangs, is slow, breaks half-way and
is cut as by a restart, and is then away for a whole maintenance window. Every record that was put in is accounted for.
What the entry refused is sent again once the source is back, where the real sender does that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.allowing import allow
from seatrial.domains.data.trips import Alarm, Trip, account
from seatrial.domains.flows import cleaning, lanes, line_findings
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.disturbing import Disturbance, planned
from seatrial.domains.flows.driving import drive
from seatrial.domains.flows.lanes import lane_of, unready
from seatrial.domains.flows.line_findings import line_trouble, no_line
from seatrial.domains.flows.marking import marker
from seatrial.spec.data import Interruption
from seatrial.spec.procedure import Step
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
_AFTER_ALARM_S = 0.5
_WHY = "Every source has a maintenance window; what is lost or doubled in it is found weeks later."
_CODES = {
    **lanes.CODES,
    **line_findings.CODES,
    **cleaning.CODES,
    "interruption-undeclared": "Nobody declares how long sources may be away and by when all must be caught up.",
    "no-flows": "No flow is declared, so nothing can be lost or doubled that anybody would see.",
    "no-sources": "No integration feeds the system, so there is no source that could be taken away.",
    "no-records-due": "No record was due in one of the outages, so that it showed nothing.",
    "records-lost": "Records that were put in around an outage never arrived.",
    "records-refused": "Records were refused during an outage, and no sender sends them again.",
    "records-doubled": "Records that were put in around an outage arrived more than once.",
    "records-altered": "Records that were put in around an outage arrived with other contents.",
    "caught-up-late": "Records arrived later after the return of the source than declared.",
    "no-alarm": "Nobody is told while the source is away.",
    "alarm-silent": "The declared alarm was not raised in time while the source was away.",
    "alarm-always-on": "The declared alarm was up before the source went away, so that it tells nothing.",
    "window-shortened": "The maintenance window was executed shorter than declared.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    wanted = system.data.interruption
    if (missing := _missing(system, wanted)) is not None or wanted is None:
        return Observation(done="Looked for what may be taken away.", findings=(missing,) if missing else ())
    sources = _sources(system)
    findings = [f for flow in system.flows for f in unready(system, flow)]
    findings += [no_line(name, done="taken away", why=_WHY) for name in sources if not _via(system, name)]
    if findings or not sources:
        return Observation(
            done="Nothing was taken away: not every flow can be driven, or not every source be reached.",
            findings=(*findings, *([] if sources else [_no_sources()])),
        )
    allow(system, trial, "outage")
    with Cleanup(system, trial) as cleanup:
        trips = [_taken_away(system, trial, wanted, name, cleanup) for name in sources]
    return Observation(
        done=f"Took {', '.join(sources)} away in {len(_KINDS)} ways and for a maintenance window while every flow ran "
        f"at its peak; accounted for {sum(t.n for t in trips):,} records, and looked for the alarms.",
        measures=tuple(m for trip in trips for m in _measures(wanted, trip)),
        findings=(*(f for trip in trips for f in _findings(system, wanted, trip)), *cleanup.findings()),
        figures=(_figure(trips, wanted.catch_up),),
        facts={
            **{trip.source: {"caught_up_s": dict(trip.caught_up_s), "records": trip.n} for trip in trips},
            "test records afterwards": cleanup.told(),
        },
    )


def _missing(system: System, wanted: Interruption | None) -> Finding | None:
    if wanted is None:
        return Finding(
            code="interruption-undeclared",
            summary="Nobody says how long a source may be away, and by when everything must be made up for.",
            fields=("data.interruption",),
            why=_WHY,
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
    """What feeds the system and is asked by it. What pushes records in is interrupted by its own sender."""
    entries = {flow.from_ for flow in system.flows}
    declared = system.data.interruption.sources if system.data.interruption else {}
    feeding = [
        n for n, s in system.integrations.items() if s.direction != "out" and (n not in entries or _via(system, n))
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


def _lengths(system: System, wanted: Interruption, alarm: Step | None, within_s: float | None) -> tuple[float, float]:
    """How long each disturbance and the maintenance window last. The window leaves the alarm its time."""
    outage_s = system.policy.outage_duration
    window_s = min(wanted.window, max(system.policy.window_duration, outage_s))
    if alarm is not None and within_s is not None:
        window_s = max(window_s, within_s + _AFTER_ALARM_S)
    return outage_s, window_s


def _taken_away(system: System, trial: Trial, wanted: Interruption, name: str, cleanup: Cleanup) -> Trip:
    told = wanted.sources.get(name)
    alarm, within_s = (told.alarm, told.within) if told else (None, None)
    outage_s, window_s = _lengths(system, wanted, alarm, within_s)
    periods = planned(
        [*((word, mode, outage_s) for word, mode in _KINDS), (_WINDOW, LineMode.REFUSED, window_s)], rest_s=outage_s
    )
    lasts_s = periods[-1].ends_s + outage_s
    trial.say(f"{name} is taken away and given back for {span(lasts_s)} while {len(system.flows)} flow(s) run")
    mark = marker(trial)
    driven = [cleanup.add(lane_of(trial, flow, f"{mark}-{at}", lasts_s)) for at, flow in enumerate(system.flows)]
    trip = Trip(source=name)
    looks = Alarm(trial, alarm, within_s)
    trip.alarm_before = looks.up()
    slow_s = max(outage_s, 0.5)
    with Disturbance(
        trial,
        trial.line(name),
        periods,
        slow_s=slow_s,
        during=lambda period: looks.watched() if period.name == _WINDOW else None,
    ) as disturbance:
        passages, _ = drive(trial, driven, duration_s=lasts_s, longer_s=wanted.catch_up + outage_s)
    trip.alarm_s, trip.used = looks.after_s, disturbance.used
    if disturbance.problem is not None:
        trip.problem = disturbance.problem.what
    for passage in passages.values():
        account(trial, wanted, trip, passage, periods)
    return trip


def _counted(what: str, source: str) -> str:
    return f"number of records {what} while {source} was away"


def _caught_up(source: str) -> str:
    return f"time until all was caught up after {source} came back"


def _alarmed(source: str) -> str:
    return f"time until the alarm that {source} is away"


def _measures(wanted: Interruption, trip: Trip) -> Iterator[Measure]:
    told = wanted.sources.get(trip.source)
    plain = [(_counted(w, trip.source), float(n), 0.0, "") for w, n in _counts(trip)]
    plain.append((_caught_up(trip.source), trip.slowest_s, wanted.catch_up, "s"))
    if told is not None and told.alarm is not None and told.within is not None and trip.alarm_s is not None:
        plain.append((_alarmed(trip.source), trip.alarm_s, told.within, "s"))
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


def _counts(trip: Trip) -> tuple[tuple[str, int], ...]:
    return ("lost", trip.lost + trip.refused), ("doubled", trip.doubled), ("altered", trip.altered)


def _findings(system: System, wanted: Interruption, trip: Trip) -> Iterator[Finding]:
    name, place = trip.source, f"integrations.{trip.source}"
    yield from line_trouble(name, problem=trip.problem, used=trip.used)
    if trip.without:
        yield Finding(
            code="no-records-due",
            summary=f"No record was due while {name} was away: {', '.join(trip.without)}.",
            weight=Weight.OPEN,
            fields=("flows",),
            why="An outage in which nothing was to be done shows nothing.",
            remedy="Let the policy's outage_duration be longer than the time between two records of the flow.",
        )
    yield from _record_findings(trip)
    if trip.slowest_s > wanted.catch_up:
        worst = max(trip.caught_up_s, key=lambda period: trip.caught_up_s[period])
        yield Finding(
            code="caught-up-late",
            summary=f"After {name} was {worst}, it took {span(trip.slowest_s)} until the last record had arrived; "
            f"{span(wanted.catch_up)} are declared.",
            fields=(place,),
            explains=(_caught_up(name),),
            why="Whoever waits for a late record has acted without it.",
            remedy="Give every call a time-out, ask in the background, and work through what waited in parallel.",
        )
    yield from _alarm_findings(wanted, trip)
    _, window_s = _lengths(system, wanted, None, None)
    if window_s < wanted.window:
        yield Finding(
            code="window-shortened",
            summary=f"The maintenance window of {span(wanted.window)} was executed for {span(window_s)}.",
            weight=Weight.NOTE,
            fields=("data.interruption.window",),
            remedy="Raise window_duration in the policy to execute all of it.",
        )


def _record_findings(trip: Trip) -> Iterator[Finding]:
    name = trip.source
    told = (
        ("records-lost", trip.lost, "lost", "never arrived, although the entry took them or they were sent again"),
        ("records-refused", trip.refused, "lost", "were refused, and the flow declares no sender that sends again"),
        ("records-doubled", trip.doubled, "doubled", "arrived more than once"),
        ("records-altered", trip.altered, "altered", f"arrived with another {', '.join(trip.changed)}"),
    )
    for code, count, what, words in told:
        if count:
            yield Finding(
                code=code,
                summary=f"While {name} was away or had just come back, {count} of {trip.n} records {words}.",
                fields=trip.changed if code == "records-altered" else (f"integrations.{name}",),
                explains=(_counted(what, name),),
                why=_WHY,
                remedy="Let the pipeline keep what it cannot pass on, and pass it on once under its own key; or let "
                "the sender send again and declare `resend: true` in the flow.",
            )


def _alarm_findings(wanted: Interruption, trip: Trip) -> Iterator[Finding]:
    name = trip.source
    told = wanted.sources.get(name)
    place = f"data.interruption.sources.{name}"
    if told is None or told.alarm is None or told.within is None:
        yield Finding(
            code="no-alarm",
            summary=f"Nobody is told while {name} is away.",
            fields=(place,),
            why="An outage that nobody is told of lasts until a user complains.",
            remedy=f"Raise an alarm when {name} stays away, and declare under {place} a step that sees it (`alarm`), "
            "and by when it must be up (`within`).",
        )
    elif trip.alarm_before:
        yield Finding(
            code="alarm-always-on",
            summary=f"The alarm that {name} is away was up before it went away.",
            fields=(f"{place}.alarm",),
            why="An alarm that is always on wakes nobody.",
            remedy="Let the step look for the alarm of this source alone, and clear old alarms first.",
        )
    elif trip.alarm_s is None:
        yield Finding(
            code="alarm-silent",
            summary=f"{name} was away for {span(told.within)} and longer, and its alarm was not raised.",
            fields=(f"{place}.alarm",),
            why="An outage that nobody is told of lasts until a user complains.",
            remedy=f"Let the pipeline raise its alarm within {span(told.within)} after {name} stopped answering.",
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
            Threshold(requirement=_ID, measure=_counted(what, name), sense=Sense.AT_MOST, limit=0.0)
            for what in ("lost", "doubled", "altered")
        ]
        found.append(
            Threshold(requirement=_ID, measure=_caught_up(name), sense=Sense.AT_MOST, limit=wanted.catch_up, unit="s")
        )
        told = wanted.sources.get(name)
        if told is not None and told.alarm is not None and told.within is not None:
            found.append(
                Threshold(requirement=_ID, measure=_alarmed(name), sense=Sense.AT_MOST, limit=told.within, unit="s")
            )
    return found


def _budget(system: System) -> float:
    wanted = system.data.interruption
    if wanted is None:
        return 30.0
    within_s = max((s.within or 0.0 for s in wanted.sources.values()), default=0.0)
    outage_s, window_s = system.policy.outage_duration, min(wanted.window, system.policy.window_duration) + within_s
    one_s = (
        12.0 * outage_s + window_s + 2.0 * wanted.catch_up + 3.0 * max((f.within for f in system.flows), default=0.0)
    )
    return 60.0 + 2.0 * one_s * max(1, len(_sources(system)))


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=1,
    title="Sources taken away and given back",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
)
