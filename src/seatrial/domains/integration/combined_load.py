"""Do all integrations work together: every flow driven end to end at once, with every record accounted for.

Each flow runs alone first, for a shorter time, then all of them at once, with the model's own peak beside them. Each
record is one of ours under a key of its own. It is delivered once, late, lost, doubled or altered; a record that the
entry did not take counts as not delivered. When a record was seen is known to within one look, always to its
disadvantage.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import LoadResult, ReplyKind, Row, Stream
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.core.wording import span
from seatrial.domains.integration.flow_run import Lane, Passage, drive, spare
from seatrial.domains.integration.marked_records import marked, marker
from seatrial.domains.integration.same_value import same
from seatrial.domains.sending import inputs_of, rows_to_send
from seatrial.spec.system import Flow, System
from seatrial.stats import proportions

_ID = "integration.combined-load"
_LAG = "p99 lag of the load generator"
_ISSUED = "share of planned records that were issued"
_LAG_SHARE = 0.1
_ISSUED_LEAST = 0.99
_ALONE_SHARE = 1 / 3
_ALONE_LEAST_S = 2.0
_MODEL = "(model)"
_MODEL_ROWS = 64
_GROWTH = 2.0
_NOTABLE_S = 0.2
_MOST_TEMPLATES = 5000
_WHY = "Integrations that each work alone fail together, in the first busy week."
_CODES = {
    "no-flows": "No flow is declared, so nothing says what must arrive where.",
    "unknown-integration": "A flow names an integration that is not declared.",
    "not-writable": "The entry of a flow may not be written to, so no test record can be put in.",
    "not-observable": "The exit of a flow cannot be observed.",
    "no-flow-records": "There are no records from which test records could be made.",
    "records-lost": "Records that the entry took never arrived.",
    "records-doubled": "Records arrived more than once.",
    "records-altered": "Records arrived with other contents.",
    "records-refused": "The entry did not take records at the declared peak.",
    "records-late": "Too many records arrived after the declared time.",
    "slower-together": "Records take much longer when all flows run than when the flow runs alone.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Every record of one flow, once. `overtaken` is informative and beside the rest."""

    delivered: int
    late: int
    lost: int
    doubled: int
    altered: int
    refused: int
    overtaken: int
    n: int
    p95_s: float
    changed: tuple[str, ...]


def account(passage: Passage) -> Account:
    """What became of each record; the worst that happened to it counts."""
    flow = passage.flow
    counts = dict.fromkeys(("delivered", "late", "lost", "doubled", "altered", "refused"), 0)
    changed: set[str] = set()
    for row, accepted, after_s in zip(passage.sent, passage.accepted, passage.after_s, strict=True):
        copies = passage.copies.get(str(row[flow.key]), ())
        differing = {f for copy in copies for f in _differing(flow, row, copy)}
        changed |= differing
        if not copies:
            counts["lost" if accepted else "refused"] += 1
        elif differing:
            counts["altered"] += 1
        elif len(copies) > 1:
            counts["doubled"] += 1
        else:
            counts["delivered" if after_s <= flow.within else "late"] += 1
    seen = sorted(s for s in passage.after_s if not math.isnan(s))
    return Account(
        **counts,
        overtaken=_overtaken(passage),
        n=len(passage.sent),
        p95_s=seen[max(0, math.ceil(0.95 * len(seen)) - 1)] if seen else math.nan,
        changed=tuple(sorted(changed)),
    )


def _differing(flow: Flow, sent: Row, arrived: Row) -> Iterator[str]:
    for there, here in flow.expect.items():
        if there not in arrived or not same(arrived[there], sent.get(here)):
            yield there


def _overtaken(passage: Passage) -> int:
    """Records seen at least two looks before one that was put in earlier."""
    newest = -math.inf
    count = 0
    gaps = [s for s in passage.after_s if not math.isnan(s)]
    for after_s in gaps:
        count += after_s < newest - 2.0 * passage.step_s
        newest = max(newest, after_s)
    return count


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
    if findings := [f for flow in system.flows for f in _unready(system, flow)]:
        return Observation(done="Nothing was put in: not every flow can be driven.", findings=tuple(findings))
    duration_s = system.policy.flow_duration
    alone_s = max(_ALONE_LEAST_S, duration_s * _ALONE_SHARE)
    mark = marker(trial)
    alone: dict[str, Account] = {}
    for flow in system.flows:
        trial.say(f"{flow.name} alone, {flow.peak:g} records a second for {alone_s:g} s")
        passages, _ = drive(trial, [_lane(trial, flow, f"{mark}-a", alone_s)], duration_s=alone_s)
        alone[flow.name] = account(passages[flow.name])
    lanes = [_lane(trial, flow, f"{mark}-b{number}", duration_s) for number, flow in enumerate(system.flows)]
    beside = _model_stream(system, trial)
    what = " and the model's own peak" if beside else ""
    trial.say(f"all {len(lanes)} flow(s){what} at once for {duration_s:g} s")
    together, results = drive(trial, lanes, beside=beside, duration_s=duration_s)
    return _observation(system, {n: account(p) for n, p in together.items()}, alone, together, results)


def _unready(system: System, flow: Flow) -> Iterator[Finding]:
    where = f"flows.{flow.name}"
    for name in (flow.from_, flow.to):
        if name not in system.integrations:
            yield Finding(
                code="unknown-integration",
                summary=f"The flow {flow.name} names {name}, which is not declared.",
                fields=(where,),
                remedy=f"Declare integrations.{name}.",
            )
            return
    entry, exit_ = system.integrations[flow.from_].test, system.integrations[flow.to].test
    if entry is None or not entry.writable or entry.read_only:
        yield Finding(
            code="not-writable",
            summary=f"No test record can be put into {flow.name}: {flow.from_} has no writable test end.",
            weight=Weight.OPEN,
            fields=(f"integrations.{flow.from_}.test",),
            why=_WHY,
            remedy=f"Declare integrations.{flow.from_}.test with url, write and writable: true.",
        )
    if exit_ is None or (not exit_.observe and system.integrations[flow.to].kind != "files"):
        yield Finding(
            code="not-observable",
            summary=f"Nobody can see what arrives of {flow.name}: {flow.to} declares no observe at a test end.",
            weight=Weight.OPEN,
            fields=(f"integrations.{flow.to}.test.observe",),
            why=_WHY,
            remedy=f"Declare integrations.{flow.to}.test with url and observe.",
        )


def _lane(trial: Trial, flow: Flow, mark: str, duration_s: float) -> Lane:
    templates = _templates(trial, flow)
    count = spare(flow.peak, duration_s)
    records = tuple(marked(templates[at % len(templates)], flow.key, mark, at) for at in range(count))
    entry = trial.integration(flow.from_)
    if entry.request(records[0]) is None:
        return Lane(flow=flow, records=records, requests=None)
    return Lane(
        flow=flow, records=records, requests=tuple(r for row in records if (r := entry.request(row)) is not None)
    )


def _templates(trial: Trial, flow: Flow) -> list[Row]:
    """Records to make ours of: the declared file, else what the entry shows. Raises SeatrialError for none."""
    if flow.records is None:
        found = list(trial.integration(flow.from_).read(200))
    else:
        lines = trial.files.read(flow.records).decode("utf-8", "replace").splitlines()
        found = [_record(line, flow.records, at) for at, line in enumerate(lines, start=1) if line.strip()]
    if not found:
        raise SeatrialError(
            f"there are no records from which test records for {flow.name} could be made",
            remedy=f"Name a JSON-lines file with some in flows.{flow.name}.records.",
        )
    return found[:_MOST_TEMPLATES]


def _record(line: str, path: str, at: int) -> Row:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, Mapping):
        raise SeatrialError(f"{path}, line {at}, is no JSON record", remedy="One JSON object a line.")
    return content


def _model_stream(system: System, trial: Trial) -> list[Stream]:
    """The model's declared peak beside the flows, where it may be put under load."""
    if system.load is None or not system.model.test_endpoint or system.data.evaluation is None:
        return []
    inputs = inputs_of(system, trial)
    rows = rows_to_send(trial, inputs, table="evaluation", most=_MODEL_ROWS, seed=trial.seed) if inputs else []
    rows = [row for row in rows if trial.model.predict([row]).kind is ReplyKind.OK]
    requests = [r for row in rows if (r := trial.model.request([row])) is not None]
    return [Stream(name=_MODEL, requests=requests, rate_per_s=system.load.peak)] if requests else []


def _observation(
    system: System,
    accounts: Mapping[str, Account],
    alone: Mapping[str, Account],
    passages: Mapping[str, Passage],
    results: Mapping[str, LoadResult],
) -> Observation:
    measures = [m for name, found in accounts.items() for m in _measures(system, name, found)]
    facts: dict[str, Json] = {
        name: {"together": _told(found), "alone": _told(alone[name])} for name, found in accounts.items()
    }
    if _MODEL in results:
        statuses = list(results[_MODEL].status)
        facts[_MODEL] = {"requests": len(statuses), "answered": sum(200 <= s < 300 for s in statuses)}
    total = sum(a.n for a in accounts.values())
    beside = ", with the model's own peak beside them" if _MODEL in results else ""
    rows: tuple[Mapping[str, Json], ...] = tuple(
        {"flow": name, "state": state, "records": count} for name, a in accounts.items() for state, count in _states(a)
    )
    return Observation(
        done=f"Drove {len(accounts)} flow(s) end to end, each alone and then all at once at the declared peak{beside}: "
        f"put in {total:,} marked records, and accounted for each at the exit. They remain at the test ends under "
        "keys that begin with seatrial.",
        measures=(*measures, *_validity(system, passages, results)),
        findings=tuple(f for n, a in accounts.items() for f in _findings(system, n, a, alone[n], passages[n].flow)),
        figures=(Figure(kind="flows", title="What became of every record, all flows at once", rows=rows),),
        facts=facts,
    )


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
    for what, count in (("lost", found.lost), ("doubled", found.doubled), ("altered", found.altered)):
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


def _findings(system: System, name: str, found: Account, alone: Account, flow: Flow) -> Iterator[Finding]:
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
            f"({alone.refused} of {alone.n} when it ran alone).",
            fields=(f"flows.{name}",),
            explains=(_delivered(name),),
            why=_WHY,
            remedy=f"Find in the log of {flow.from_} why it refuses, times out or fails.",
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
        limits += [
            Threshold(requirement=_ID, measure=_counted(what, flow.name), sense=Sense.AT_MOST, limit=0.0)
            for what in ("lost", "doubled", "altered")
        ]
    return limits


def _budget(system: System) -> float:
    one_s = sum(system.policy.flow_duration * _ALONE_SHARE + 3.0 * flow.within + 20.0 for flow in system.flows)
    return 120.0 + 2.0 * one_s + 2.0 * system.policy.flow_duration


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=1,
    title="All flows at once, every record accounted for",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
)
