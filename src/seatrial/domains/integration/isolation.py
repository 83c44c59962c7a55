"""Does one failing integration take the rest down: each is disturbed in turn while all else runs at its peak.

The line to it is slow, refuses, is cut and corrupts the answers that it carries. What does not end at this integration
must keep its limits meanwhile; what ends there must be well again soon after, with nothing lost, doubled or altered.

All turns follow each other while the flows go on. Between two of them lies the time that a record may take, so that
what kept its limits was through before the next one's turn; and what is lost in one is waited for during the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

from seatrial.core.check import Check, Trial
from seatrial.core.disturbing import LineMode
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import LoadResult
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import percent, span
from seatrial.domains.flows import cleaning, lanes, line_findings
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.disturbing import Disturbance, Period, planned
from seatrial.domains.flows.driving import Passage, drive
from seatrial.domains.flows.lanes import MODEL, lane_of, model_stream, unready
from seatrial.domains.flows.line_findings import line_trouble, no_line
from seatrial.domains.flows.marking import marker
from seatrial.domains.integration.disturbed import Disturbed, Turn, count_answers, count_records
from seatrial.spec.integration import Flow
from seatrial.spec.system import System
from seatrial.stats import proportions

_ID = "integration.isolation"
_KINDS = (
    ("slow", LineMode.SLOW),
    ("refusing", LineMode.REFUSED),
    ("cut", LineMode.CUT),
    ("corrupt", LineMode.CORRUPT),
)
_SLOW_S = 2.0
_STEADY_S = 2.0
"""Before the first turn the flows run undisturbed: what is slow because all connections are new tells of none."""
_WHY = "One slow neighbour stops everything that waits for it."
_CODES = {
    **lanes.CODES,
    **line_findings.CODES,
    **cleaning.CODES,
    "no-flows": "No flow is declared, so nobody can say what a failing integration takes down.",
    "no-lines": "No integration can be disturbed.",
    "no-records-due": "Nothing was due while the integration was disturbed.",
    "taken-down": "What does not end at the disturbed integration lost its limits.",
    "not-recovered": "Something was not well again in time after the disturbance.",
    "records-lost": "Records that the entry took while the integration was disturbed never arrived.",
    "records-doubled": "Records that were put in around the disturbance arrived more than once.",
    "records-altered": "Records that were put in around the disturbance arrived with other contents.",
    "fallback-engaged": "The declared fallback answered while the integration was disturbed.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    if (unable := _unable(system)) is not None:
        return unable
    with Cleanup(system, trial) as cleanup:
        disturbed = _disturbed(system, trial, cleanup)
    return Observation(
        done=f"Made {', '.join(d.name for d in disturbed)} slow, refusing, cut and corrupt in turn while "
        f"{len(system.flows)} flow(s) ran at their peak, and looked at what else suffered and when all was well again.",
        measures=tuple(m for each in disturbed for m in _measures(system, each)),
        findings=(*(f for each in disturbed for f in _findings(system, each)), *cleanup.findings()),
        figures=(_figure(system, disturbed),),
        facts={**{each.name: _told(each) for each in disturbed}, "test records afterwards": cleanup.told()},
    )


def _unable(system: System) -> Observation | None:
    if not system.flows:
        finding = Finding(
            code="no-flows",
            summary="No flow is declared.",
            fields=("flows",),
            why=_WHY,
            remedy="Declare each flow: where records go in and come out, by which key, within what time, how many.",
        )
        return Observation(done="Looked for flows.", findings=(finding,))
    findings = [f for flow in system.flows for f in unready(system, flow)]
    findings += [
        no_line(name, done="disturbed", why=_WHY)
        for name in system.integrations
        if name not in (*_own(system), *_lines(system))
    ]
    if not _lines(system) and not findings:
        findings.append(
            Finding(
                code="no-lines",
                summary="No integration can be disturbed: none declares a line.",
                weight=Weight.OPEN,
                fields=("integrations",),
                why=_WHY,
                remedy="Give the test ends that the system asks or writes to a `via`, and run `seatrial proxy`.",
            )
        )
    return Observation(done="Nothing was disturbed.", findings=tuple(findings)) if findings else None


def _own(system: System) -> list[str]:
    """Where the tested system itself is spoken to: the entries of flows, and what is seen at the same server."""

    def server(name: str) -> str:
        end = system.integrations[name].test
        return urlsplit(end.url).netloc if end is not None else ""

    entries = {flow.from_ for flow in system.flows}
    servers = {server(name) for name in entries} - {""}
    return [name for name in system.integrations if name in entries or server(name) in servers]


def _lines(system: System) -> list[str]:
    return [name for name, section in system.integrations.items() if section.test is not None and section.test.via]


def _turns(system: System) -> list[Turn]:
    """Those first at which flows end: what they do not take may be lost, and is waited for longest."""
    each_s = system.policy.outage_duration
    apart_s = max(each_s, *(flow.within for flow in system.flows))
    exits = {flow.to for flow in system.flows}
    turns: list[Turn] = []
    for name in sorted(_lines(system), key=lambda name: name not in exits):
        starts_s = turns[-1].ends_s if turns else 0.0
        periods = planned([(w, mode, each_s) for w, mode in _KINDS], rest_s=each_s, from_s=starts_s or _STEADY_S)
        turns.append(Turn(name=name, periods=periods, starts_s=starts_s, ends_s=periods[-1].ends_s + apart_s))
    return [*turns[:-1], replace(turns[-1], ends_s=math.inf)]


def _disturbed(system: System, trial: Trial, cleanup: Cleanup) -> list[Disturbed]:
    """Each line in its turn, in the order in which the integrations are declared."""
    each_s, turns = system.policy.outage_duration, _turns(system)
    lasts_s = turns[-1].periods[-1].ends_s + each_s
    names = " and then ".join(turn.name for turn in turns)
    trial.say(f"{names} disturbed, {span(lasts_s)} in all, while {len(system.flows)} flow(s) run")
    mark = marker(trial)
    driven = [cleanup.add(lane_of(trial, flow, f"{mark}-{at}", lasts_s)) for at, flow in enumerate(system.flows)]
    beside = model_stream(system, trial)
    with ExitStack() as stack:
        disturbances = {
            turn.name: stack.enter_context(
                Disturbance(trial, trial.line(turn.name), turn.periods, slow_s=_SLOW_S, during=_telling(trial, turn))
            )
            for turn in turns
        }
        passages, results = drive(
            trial, driven, beside=beside, duration_s=lasts_s, longer_s=min(system.policy.recovery, 2.0 * each_s)
        )
    found = [_counted(system, turn, disturbances[turn.name], passages, results) for turn in turns]
    return sorted(found, key=lambda each: _lines(system).index(each.name))


def _telling(trial: Trial, turn: Turn) -> Callable[[Period], None]:
    return lambda period: trial.say(f"{turn.name} is {period.name}")


def _counted(
    system: System,
    turn: Turn,
    disturbance: Disturbance,
    passages: Mapping[str, Passage],
    results: Mapping[str, LoadResult],
) -> Disturbed:
    """What everything else did in that turn."""
    ends_here = frozenset(f.name for f in system.flows if turn.name in (f.from_, f.to))
    found = Disturbed(name=turn.name, ends_here=ends_here, used=disturbance.used)
    found.problem = disturbance.problem.what if disturbance.problem else ""
    for passage in passages.values():
        count_records(found, passage, turn)
    if MODEL in results:
        limit_s = max(system.load.latency.values()) if system.load else math.inf
        count_answers(found, results[MODEL], turn, stream=MODEL, limit_s=limit_s)
    return found


def _kept(stream: str, name: str) -> str:
    return f"share of {_spoken(stream)} that kept its limits while {name} was disturbed"


def _spoken(stream: str) -> str:
    return "the model's answers" if stream == MODEL else stream


def _recovered(stream: str, name: str) -> str:
    return f"time until {_spoken(stream)} was well after {name} was disturbed"


def _astray(what: str, name: str) -> str:
    return f"number of records {what} while {name} was disturbed"


def _streams(system: System) -> list[str]:
    return [flow.name for flow in system.flows]


def _measures(system: System, found: Disturbed) -> Iterator[Measure]:
    alpha, limit = 1.0 - system.policy.confidence, system.policy.isolated
    for stream in dict.fromkeys(name for name, _ in found.shares):
        if stream not in found.ends_here:
            share = found.pooled(stream)
            yield Measure(
                name=_kept(stream, found.name),
                value=share.kept / share.due if share.due else None,
                lower=proportions.lower(share.kept, share.due, alpha) if share.due else None,
                upper=proportions.upper(share.kept, share.due, alpha) if share.due else None,
                limit=limit,
                sense=Sense.AT_LEAST,
                unit="share",
                n=share.due,
                method="Clopper-Pearson",
                confidence=system.policy.confidence,
                needed=proportions.more_to_clear_floor(share.kept, share.due, limit, alpha) if share.due else None,
                needed_unit="records",
            )
        slowest_s = found.slowest_s(stream)
        yield _exact(_recovered(stream, found.name), slowest_s, system.policy.recovery, found.n, unit="s")
    for what, count in (("lost", found.lost), ("doubled", found.doubled), ("altered", found.altered)):
        yield _exact(_astray(what, found.name), float(count), 0.0, found.n)


def _exact(name: str, value: float, limit: float, n: int, *, unit: str = "") -> Measure:
    # What was not seen to end has no time that anybody measured; a finding says so in words.
    shown = value if math.isfinite(value) else None
    return Measure(name=name, value=shown, lower=shown, upper=shown, limit=limit, sense=Sense.AT_MOST, unit=unit, n=n)


def _findings(system: System, found: Disturbed) -> Iterator[Finding]:
    name = found.name
    yield from line_trouble(name, problem=found.problem, used=found.used)
    idle = sorted(
        {
            f"{_spoken(s)} {p}"
            for (s, p), share in found.shares.items()
            if not share.due or math.isnan(found.recovered_s[s, p])
        }
    )
    if idle:
        yield Finding(
            code="no-records-due",
            summary=f"Nothing was due while {name} was disturbed, or right after: {', '.join(idle)}.",
            weight=Weight.OPEN,
            fields=("flows",),
            remedy="Let the policy's outage_duration be longer than the time between two records of the flow.",
        )
    for stream in dict.fromkeys(s for s, _ in found.shares):
        yield from _stream_findings(system, found, stream)
    yield from _record_findings(found)
    for flow in system.flows:
        if flow.fallback and found.fallbacks[flow.name]:
            yield Finding(
                code="fallback-engaged",
                summary=f"{found.fallbacks[flow.name]} records of {flow.name} came from the fallback while {name} was "
                "disturbed.",
                weight=Weight.NOTE,
                fields=(f"flows.{flow.name}",),
            )


def _stream_findings(system: System, found: Disturbed, stream: str) -> Iterator[Finding]:
    name = found.name
    worst = min(
        (p for s, p in found.shares if s == stream),
        key=lambda p: found.shares[stream, p].kept / max(1, found.shares[stream, p].due),
    )
    share = found.shares[stream, worst]
    pooled = found.pooled(stream)
    if stream not in found.ends_here and pooled.due and pooled.kept / pooled.due < system.policy.isolated:
        yield Finding(
            code="taken-down",
            summary=f"While {name} was {worst}, only {percent(share.kept / max(1, share.due))} of {_spoken(stream)} "
            f"kept its limits, although it does not end at {name}.",
            fields=(f"integrations.{name}",),
            explains=(_kept(stream, name),),
            why=_WHY,
            remedy=f"Give every call to {name} a time-out and a fallback, and let nothing else wait for it.",
        )
    slowest_s = found.slowest_s(stream)
    if slowest_s > system.policy.recovery:
        took = "was not well again before the next disturbance" if math.isinf(slowest_s) else f"took {span(slowest_s)}"
        yield Finding(
            code="not-recovered",
            summary=f"After {name} was disturbed, {_spoken(stream)} {took}; "
            f"{span(system.policy.recovery)} are allowed.",
            fields=(f"integrations.{name}",),
            explains=(_recovered(stream, name),),
            why="What does not come back by itself waits for the morning.",
            remedy="Let connections be made anew after an error, and let what waited be worked through in parallel.",
        )


def _record_findings(found: Disturbed) -> Iterator[Finding]:
    for code, count, what in (
        ("records-lost", found.lost, "were taken by the entry and never arrived"),
        ("records-doubled", found.doubled, "arrived more than once"),
        ("records-altered", found.altered, "arrived with other contents"),
    ):
        if count:
            yield Finding(
                code=code,
                summary=f"While {found.name} was disturbed, {count} of {found.n} records {what}.",
                fields=(f"integrations.{found.name}",),
                explains=(_astray(code.removeprefix("records-"), found.name),),
                why=_WHY,
                remedy="Check what arrives before it is used, pass on under the record's own key, and tell the sender "
                "what was not passed on.",
            )


def _figure(system: System, disturbed: Sequence[Disturbed]) -> Figure:
    rows: list[Mapping[str, Json]] = []
    for found in disturbed:
        for (stream, period), share in found.shares.items():
            recovered_s = found.recovered_s[stream, period]
            whole = share.due and share.kept / share.due >= system.policy.isolated
            state = (
                "did not recover"
                if not recovered_s <= system.policy.recovery
                else "kept its limits"
                if whole
                else "degraded, recovered"
                if share.kept
                else "stopped, recovered"
            )
            rows.append({"disturbed": f"{found.name} {period}", "stream": _spoken(stream), "state": state})
    return Figure(kind="isolation", title="What each failing integration took down", rows=tuple(rows))


def _told(found: Disturbed) -> Mapping[str, Json]:
    return {
        f"{_spoken(stream)} while {period}": {
            "due": share.due,
            "kept": share.kept,
            "well_after_s": None
            if not math.isfinite(found.recovered_s[stream, period])
            else found.recovered_s[stream, period],
        }
        for (stream, period), share in found.shares.items()
    }


def _limits(system: System) -> Sequence[Threshold]:
    found: list[Threshold] = []
    for name in _lines(system) if system.flows else ():
        ends: set[str] = {f.name for f in system.flows if name in (f.from_, f.to)}
        streams = [*_streams(system), *([MODEL] if _drives_model(system) else [])]
        for stream in streams:
            if stream not in ends:
                found.append(
                    Threshold(
                        requirement=_ID,
                        measure=_kept(stream, name),
                        sense=Sense.AT_LEAST,
                        limit=system.policy.isolated,
                        unit="share",
                        confidence=system.policy.confidence,
                    )
                )
            found.append(
                Threshold(
                    requirement=_ID,
                    measure=_recovered(stream, name),
                    sense=Sense.AT_MOST,
                    limit=system.policy.recovery,
                    unit="s",
                )
            )
        found += [
            Threshold(requirement=_ID, measure=_astray(what, name), sense=Sense.AT_MOST, limit=0.0)
            for what in ("lost", "doubled", "altered")
        ]
    return found


def _drives_model(system: System) -> bool:
    """Whether the model's own peak runs beside the flows."""
    return (
        system.load is not None
        and system.model.test_endpoint
        and system.data.evaluation is not None
        and system.model.endpoint is not None
    )


def _budget(system: System) -> float:
    slowest: Flow | None = max(system.flows, key=lambda f: f.within, default=None)
    one_s = 12.0 * system.policy.outage_duration + 4.0 * (slowest.within if slowest else 0.0) + 20.0
    return 60.0 + 2.0 * one_s * max(1, len(_lines(system)))


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=1,
    title="Each integration disturbed while the others run",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
)
