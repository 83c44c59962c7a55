"""Do all integrations work together: every flow driven end to end at once, with every record accounted for.

Each flow runs alone first, for a shorter time, then all of them at once, with the model's own peak beside them. Each
record is one of ours under a key of its own. It is delivered once, late, lost, doubled or altered; a record that the
entry did not take counts as not delivered. When a record was seen is known to within one look, always to its
disadvantage.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import TEST_MARK, LoadResult
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.flows import cleaning, lanes, window
from seatrial.domains.flows.accounts import Account, account
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.driving import Lane, Passage, drive, patience_s
from seatrial.domains.flows.lanes import MODEL, lane_of, model_stream, unready
from seatrial.domains.flows.marking import marker
from seatrial.domains.integration import passed_answers
from seatrial.spec.integration import Flow
from seatrial.spec.system import System
from seatrial.stats import proportions

_ID = "integration.combined-load"
_LAG = "p99 lag of the load generator"
_ISSUED = "share of planned records that were issued"
_LAG_SHARE = 0.1
_ISSUED_LEAST = 0.99
_ALONE_SHARE = 1 / 3
_ALONE_LEAST_S = 2.0
_BETWEEN_S = 5.0
_AFTERWARDS = "test records afterwards"
_GROWTH = 2.0
_NOTABLE_S = 0.2
_SHOWN = 6
_SPARE = 1.2
"""Arrivals are chance: so many times the records that the bound needs are expected."""
_LONGEST_S = 900.0
_WHY = "Integrations that each work alone fail together, in the first busy week."
_CODES = {
    **lanes.CODES,
    **cleaning.CODES,
    **window.CODES,
    **passed_answers.CODES,
    "no-flows": "No flow is declared, so nothing says what must arrive where.",
    "records-lost": "Records that the entry took never arrived.",
    "records-doubled": "Records arrived more than once.",
    "records-altered": "Records arrived with other contents.",
    "records-refused": "The entry did not take records at the declared peak.",
    "records-late": "Too many records arrived after the declared time.",
    "contents-not-compared": "Nothing says which fields of a record must arrive as they were sent.",
    "slower-together": "Records take much longer when all flows run than when the flow runs alone.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    if not system.flows:
        finding = Finding(
            code="no-flows",
            summary="No flow is declared.",
            fields=("flows",),
            why="What nobody declares to arrive, nobody misses.",
            remedy="Declare each flow: where records go in and come out, by which key, within what time, how many.",
        )
        return Observation(done="Looked for flows.", findings=(finding,))
    findings = [f for flow in system.flows for f in unready(system, flow, windows=True)]
    if findings := findings or list(window.closed(system, trial.clock.now(), lasts_s(system))):
        return Observation(done="Nothing was put in: not every flow can be driven.", findings=tuple(findings))
    with Cleanup(system, trial) as cleanup:
        driven = _driven(system, trial, cleanup)
    if not isinstance(driven, _Driven):
        done = f"Stopped the test in production; put in nothing further. {_left(cleanup)}"
        return Observation(done=done, findings=(*driven, *cleanup.findings()), facts={_AFTERWARDS: cleanup.told()})
    return _observation(system, driven, cleanup, passed_answers.compared(system, trial, driven.passages))


def _driven(system: System, trial: Trial, cleanup: Cleanup) -> _Driven | tuple[Finding, ...]:
    """Each flow alone and then all at once; findings where one was stopped in production before that."""
    mark, each_s, duration_s = marker(trial), alone_s(system), together_s(system)
    alone: dict[str, Account] = {}
    before: list[Lane] = []
    for number, flow in enumerate(system.flows):
        trial.say(f"{flow.name} alone, {flow.peak:g} records a second for {each_s:g} s")
        most = window.most_failed(system, flow, each_s)
        lane = cleanup.add(lane_of(trial, flow, f"{mark}-a{number}", each_s, most_failed=most))
        before.append(lane)
        passages, _ = drive(trial, [lane], duration_s=each_s)
        alone[flow.name] = account(passages[flow.name])
        if stopped := tuple(window.stopped(flow, most, passages[flow.name])):
            return stopped
    driven = [
        cleanup.add(
            lane_of(
                trial,
                lane.flow,
                f"{mark}-b{number}",
                duration_s,
                most_failed=_most(system, lane.flow),
                behind=lane,
            )
        )
        for number, lane in enumerate(before)
    ]
    beside = model_stream(system, trial)
    what = " and the model's own peak" if beside else ""
    trial.say(f"all {len(driven)} flow(s){what} at once for {duration_s:g} s")
    together, results = drive(trial, driven, beside=beside, duration_s=duration_s)
    return _Driven(alone=alone, passages=together, results=results)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Driven:
    """Each flow's account when it ran alone, and what became of all flows at once."""

    alone: Mapping[str, Account]
    passages: Mapping[str, Passage]
    results: Mapping[str, LoadResult]


def alone_s(system: System) -> float:
    """How long each flow runs alone."""
    return max(_ALONE_LEAST_S, system.policy.flow_duration * _ALONE_SHARE)


def together_s(system: System) -> float:
    """How long all flows run: as the policy has it, and until the slowest can have brought enough for its bound.

    A demonstration is as short as its policy.
    """
    least_s = system.policy.flow_duration
    if system.policy.demonstration or not system.flows or system.policy.flow_delivered >= 1.0:
        return least_s
    enough = proportions.clean_trials(system.policy.flow_delivered, 1.0 - system.policy.confidence) * _SPARE
    return max(least_s, min(_LONGEST_S, enough / min(flow.peak for flow in system.flows)))


def lasts_s(system: System) -> float:
    """How long it takes at most until the last record is given up."""
    each = sum(alone_s(system) + patience_s(flow) + _BETWEEN_S for flow in system.flows)
    return each + together_s(system) + max(patience_s(flow) for flow in system.flows) + _BETWEEN_S


def _observation(
    system: System, driven: _Driven, cleanup: Cleanup, answers: Sequence[passed_answers.Compared]
) -> Observation:
    passages, results, alone = driven.passages, driven.results, driven.alone
    accounts = {name: account(passage) for name, passage in passages.items()}
    measures = [m for name, found in accounts.items() for m in _measures(system, name, found)]
    facts: dict[str, Json] = {
        name: {"together": _told(found), "alone": _told(alone[name])} for name, found in accounts.items()
    }
    if MODEL in results:
        statuses = list(results[MODEL].status)
        facts[MODEL] = {"requests": len(statuses), "answered": sum(200 <= s < 300 for s in statuses)}
    facts[_AFTERWARDS] = cleanup.told()
    total = sum(a.n for a in accounts.values())
    beside = ", with the model's own peak beside them" if MODEL in results else ""
    rows: tuple[Mapping[str, Json], ...] = tuple(
        {"flow": name, "state": state, "records": count} for name, a in accounts.items() for state, count in _states(a)
    )
    return Observation(
        done=f"Drove {len(accounts)} flow(s) end to end, each alone and then all at once at the declared peak{beside}: "
        f"put in {total:,} marked records, and accounted for each at the exit. {_left(cleanup)}",
        measures=(*measures, *passed_answers.measures(answers), *_validity(system, passages, results)),
        findings=(
            *(f for n, a in accounts.items() for f in _findings(system, n, a, alone[n], passages[n])),
            *(f for n, passage in passages.items() for f in _not_compared(n, passage)),
            *(f for lane in passages.values() for f in window.stopped(lane.flow, _most(system, lane.flow), lane)),
            *passed_answers.findings(answers),
            *cleanup.findings(),
        ),
        figures=(Figure(kind="flows", title="What became of every record, all flows at once", rows=rows),),
        facts=facts,
    )


def _most(system: System, flow: Flow) -> int | None:
    return window.most_failed(system, flow, together_s(system))


def _left(cleanup: Cleanup) -> str:
    kept = sorted({left.integration for left in cleanup.remains if not left.declared})
    if not kept:
        return "They were taken away again."
    return f"They remain at {', '.join(kept)} under keys that begin with {TEST_MARK}."


def _told(found: Account) -> Mapping[str, Json]:
    states = {state: count for state, count in _states(found) if count}
    return {**states, "records": found.n, "p95_s": None if math.isnan(found.p95_s) else round(found.p95_s, 3)}


def _states(found: Account) -> list[tuple[str, int]]:
    return [
        ("delivered once", found.delivered),
        ("late", found.late),
        ("lost", found.lost + found.refused),
        ("doubled", found.doubled),
        ("altered", found.altered),
    ]


def _delivered(name: str) -> str:
    return f"share of records of {name} delivered once and in time"


def _counted(what: str, name: str) -> str:
    return f"number of records of {name} {what}"


def _measures(system: System, name: str, found: Account) -> Iterator[Measure]:
    alpha, n = 1.0 - system.policy.confidence, found.n
    limit = system.policy.flow_delivered
    yield Measure(
        name=_delivered(name),
        value=found.delivered / n if n else None,
        lower=proportions.lower(found.delivered, n, alpha) if n else None,
        upper=proportions.upper(found.delivered, n, alpha) if n else None,
        limit=limit,
        sense=Sense.AT_LEAST,
        unit="share",
        n=n,
        method="Clopper-Pearson",
        confidence=system.policy.confidence,
        needed=(proportions.more_to_clear_floor(found.delivered, n, limit, alpha) or None) if limit < 1.0 else None,
        needed_unit="records",
    )
    for what, count in _exact(system, name, found):
        yield Measure(
            name=_counted(what, name),
            value=float(count),
            lower=float(count),
            upper=float(count),
            limit=0.0,
            sense=Sense.AT_MOST,
            n=n,
        )
    yield Measure(
        name=_counted("overtaken by later ones", name),
        value=float(found.overtaken),
        n=n,
        kind=MeasureKind.INFORMATIVE,
    )


def _exact(system: System, name: str, found: Account) -> tuple[tuple[str, int], ...]:
    """What is counted and must be none. Where nothing is compared, nothing is known of what was altered."""
    compared = any(flow.name == name and flow.expect for flow in system.flows)
    counted = (("lost", found.lost), ("doubled", found.doubled))
    return (*counted, ("altered", found.altered)) if compared else counted


def _not_compared(name: str, passage: Passage) -> Iterator[Finding]:
    """Without a declared expectation contents may be swapped or cut: open where both ends have fields in common."""
    flow = passage.flow
    sent = {field for row in passage.sent for field in row} - {flow.key}
    shared = sorted(sent & {field for rows in passage.copies.values() for row in rows for field in row})
    if flow.expect or not passage.copies:
        return
    told = f"{', '.join(shared[:_SHOWN])} stand at both ends" if shared else "the two ends have only the key in common"
    yield Finding(
        code="contents-not-compared",
        summary=f"{name}: nothing says what must arrive as it was sent, so contents were not compared; {told}.",
        weight=Weight.OPEN if shared else Weight.NOTE,
        fields=(f"flows.{name}.expect",),
        why="A record that arrives with another one's contents counts as delivered.",
        remedy=f"Declare flows.{name}.expect, such as {{{', '.join(f'{f}: {f}' for f in shared[:_SHOWN])}}}."
        if shared
        else f"Where the exit carries something of the entry under another name, declare flows.{name}.expect.",
    )


def _validity(
    system: System, passages: Mapping[str, Passage], results: Mapping[str, LoadResult]
) -> tuple[Measure, Measure]:
    lags = sorted(lag for passage in passages.values() for lag in passage.lag_s)
    lag = lags[max(0, math.ceil(0.99 * len(lags)) - 1)] if lags else math.inf
    planned = sum(len(results[name].status) for name in passages)
    dropped = sum(s == -1 for name in passages for s in results[name].status)
    issued = 1.0 - dropped / planned if planned else 0.0
    made = [
        (_LAG, lag, _lag_limit_s(system), Sense.AT_MOST, "s"),
        (_ISSUED, issued, _ISSUED_LEAST, Sense.AT_LEAST, "share"),
    ]
    first, second = (
        Measure(
            name=name,
            value=value,
            lower=value,
            upper=value,
            limit=limit,
            sense=sense,
            unit=unit,
            n=planned,
            kind=MeasureKind.VALIDITY,
        )
        for name, value, limit, sense, unit in made
    )
    return first, second


def _lag_limit_s(system: System) -> float:
    return _LAG_SHARE * min(flow.within for flow in system.flows)


def _findings(system: System, name: str, found: Account, alone: Account, passage: Passage) -> Iterator[Finding]:
    flow = passage.flow
    told: Sequence[tuple[str, int, int, str]] = (
        ("records-lost", found.lost, alone.lost, "were taken by the entry and never arrived"),
        ("records-doubled", found.doubled, alone.doubled, "arrived more than once"),
        ("records-altered", found.altered, alone.altered, f"arrived with another {', '.join(found.changed)}"),
    )
    for code, count, before, what in told:
        if count:
            beside = f"{before} of {alone.n} when it ran alone" if before else "none when it ran alone"
            yield Finding(
                code=code,
                summary=f"{name}: {count} of {found.n} records {what} ({beside}).",
                fields=found.changed if code == "records-altered" else (f"flows.{name}",),
                explains=(_counted(code.removeprefix("records-"), name), _delivered(name)),
                why=_WHY,
                remedy=f"Follow one of the keys that begin with seatrial from {flow.from_} to {flow.to}.",
                detail={"together": count, "alone": before},
            )
    allowed = (1.0 - system.policy.flow_delivered) * found.n
    if found.refused > allowed:
        yield Finding(
            code="records-refused",
            summary=f"{name}: {flow.from_} did not take {found.refused} of {found.n} records at {flow.peak:g} a second "
            f"({alone.refused} of {alone.n} when it ran alone){f': {passage.problem}' if passage.problem else ''}.",
            fields=(f"flows.{name}",),
            explains=(_delivered(name),),
            why=_WHY,
            remedy=f"Find in the log of {flow.from_} why it refuses, times out or fails."
            + (f" If it is the key that does not fit there, declare flows.{name}.keys." if passage.problem else ""),
        )
    if found.late > allowed:
        yield Finding(
            code="records-late",
            summary=f"{name}: {found.late} of {found.n} records took more than {flow.within:g} s "
            f"({alone.late} of {alone.n} when it ran alone).",
            fields=(f"flows.{name}",),
            explains=(_delivered(name),),
            why=_WHY,
            remedy="Find the shared bottleneck, or agree with operations on a longer time.",
        )
    if found.p95_s > _GROWTH * alone.p95_s and found.p95_s - alone.p95_s > _NOTABLE_S:
        yield Finding(
            code="slower-together",
            summary=f"{name}: p95 goes from {span(alone.p95_s)} alone to {span(found.p95_s)} with everything running.",
            weight=Weight.NOTE,
            fields=(f"flows.{name}",),
            remedy="Look for what the flows share.",
        )


def _limits(system: System) -> Sequence[Threshold]:
    if not system.flows:
        return ()
    limits = [
        Threshold(requirement=_ID, measure=_LAG, sense=Sense.AT_MOST, limit=_lag_limit_s(system), unit="s"),
        Threshold(requirement=_ID, measure=_ISSUED, sense=Sense.AT_LEAST, limit=_ISSUED_LEAST, unit="share"),
    ]
    for flow in system.flows:
        limits.append(
            Threshold(
                requirement=_ID,
                measure=_delivered(flow.name),
                sense=Sense.AT_LEAST,
                limit=system.policy.flow_delivered,
                unit="share",
                confidence=system.policy.confidence,
            )
        )
        if flow.answers:
            name = passed_answers.measure_of(flow.name)
            limits.append(Threshold(requirement=_ID, measure=name, sense=Sense.AT_MOST, limit=0.0))
        limits += [
            Threshold(requirement=_ID, measure=_counted(what, flow.name), sense=Sense.AT_MOST, limit=0.0)
            for what in ("lost", "doubled", *(("altered",) if flow.expect else ()))
        ]
    return limits


def _budget(system: System) -> float:
    one_s = sum(alone_s(system) + 3.0 * flow.within + 40.0 for flow in system.flows)
    return 120.0 + 2.0 * one_s + 2.0 * together_s(system) + passed_answers.longest_s(system)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=2,
    title="All flows at once, every record accounted for",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
)
