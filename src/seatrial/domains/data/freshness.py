"""How fresh the data are at each source, against what is declared, and what staleness would cost.

Staleness cannot be seen from accuracy on a table: the age is read at the source, several times, and the worst counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.data.staleness import CODES as STALENESS_CODES
from seatrial.domains.data.staleness import cost_of_staleness
from seatrial.domains.sending import inputs_of
from seatrial.spec.system import Freshness, InputField, System

REQUIREMENT = "data.freshness"
READINGS = 3
PAUSE_S = 1.0
RECORDS = 500
FUTURE_S = 60.0
"""Clocks of two machines may differ by this much; a record further in the future tells that one of them is wrong."""
_EPOCH_S, _EPOCH_MS = (1e9, 1e11), (1e12, 1e14)
_WHY = "The model answers on old data as confidently as on new, and nobody sees the difference."
_CODES = {
    **STALENESS_CODES,
    "nothing-feeds-the-model": "No integration is declared to feed the model, and no freshness is declared.",
    "freshness-not-declared": "A source feeds the model and nobody has declared how old its data may be.",
    "starts-a-flow": "A source pushes its records into a flow; how late they may be is that flow's own limit.",
    "source-unreachable": "The source could not be read.",
    "no-records": "The source has no records.",
    "time-missing": "Records of the source lack the time field.",
    "time-unreadable": "The time field of some records cannot be read as a time.",
    "time-without-zone": "The time field has no time zone, so its age is unknown by hours.",
    "clock-disagrees": "Records of the source are from the future.",
    "partly-stale": "Part of a source is older than its newest record.",
}


def measure_of(source: str) -> str:
    """The name under which the age of a source is measured."""
    return f"age of {source}"


def _limits(system: System) -> Sequence[Threshold]:
    return tuple(
        Threshold(
            requirement=REQUIREMENT,
            measure=measure_of(each.source),
            sense=Sense.AT_MOST,
            limit=each.at_most,
            unit="s",
            confidence=system.policy.confidence,
        )
        for each in system.data.freshness
    )


def _run(system: System, trial: Trial) -> Observation | Reason:
    inputs = inputs_of(system, trial)
    feeding = _feeding(system, inputs)
    if not feeding and not system.data.freshness:
        return Reason(
            code="nothing-feeds-the-model",
            summary="No integration is declared to feed the model, so no source's freshness can be looked at.",
            remedy="Name for each model input the integration that feeds it, and under data.freshness its limit.",
            fields=("data.freshness",),
        )
    findings = list(_undeclared(system, feeding))
    measures: list[Measure] = []
    ages: dict[str, Json] = {}
    for place, declared in enumerate(system.data.freshness):
        trial.say(f"reading {declared.source}", place / len(system.data.freshness) / 2)
        seen = _look(trial, declared, inputs)
        findings += seen.findings
        if seen.ages_s:
            measures.append(_measure(declared, seen.ages_s))
            ages[declared.source] = {"ages_s": list(seen.ages_s), "records": seen.records}
    cost = cost_of_staleness(system, trial, inputs)
    return Observation(
        done=f"Read the newest records of {len(system.data.freshness)} source(s) {READINGS} times each; the worst age "
        f"counts. Then it {cost.done}",
        measures=(*measures, *cost.measures),
        findings=(*findings, *cost.findings),
        figures=cost.figures,
        facts={"ages": ages, "staleness": cost.facts},
    )


def _feeding(system: System, inputs: Mapping[str, InputField]) -> tuple[str, ...]:
    """Every integration that is declared to feed the model, by its own `feeds` or by an input's `fed_by`."""
    by_feeds = [name for name, each in system.integrations.items() if each.direction != "out" and each.feeds]
    by_input = [field.fed_by for field in inputs.values() if field.fed_by]
    return tuple(dict.fromkeys([*by_feeds, *by_input]))


def _undeclared(system: System, feeding: Sequence[str]) -> Iterator[Finding]:
    declared = {each.source for each in system.data.freshness}
    starts = {flow.from_: flow.name for flow in system.flows}
    for name in feeding:
        if name in declared:
            continue
        if name in starts:
            yield Finding(
                code="starts-a-flow",
                summary=f"{name} pushes its records into the flow {starts[name]}; their lateness is that flow's limit.",
                weight=Weight.NOTE,
                fields=(f"integrations.{name}",),
            )
        else:
            yield Finding(
                code="freshness-not-declared",
                summary=f"{name} feeds the model, and nobody has declared how old its data may be.",
                fields=(f"integrations.{name}", "data.freshness"),
                remedy=f"Declare under data.freshness which field of {name}'s records is the time, and at_most.",
                why=_WHY,
            )


class _Seen:
    """What the readings of one source told: the age of its newest record at each, and what is wrong."""

    def __init__(self) -> None:
        self.ages_s: list[float] = []
        self.records = 0
        self.findings: list[Finding] = []


def _look(trial: Trial, declared: Freshness, inputs: Mapping[str, InputField]) -> _Seen:
    seen = _Seen()
    found: dict[str, Finding] = {}
    for reading in range(READINGS):
        if reading:
            trial.clock.sleep(PAUSE_S)
        try:
            records = trial.integration(declared.source).read(RECORDS)
        except SeatrialError as error:
            found.setdefault("source-unreachable", _unreachable(declared, error))
            continue
        now = trial.clock.now()
        times, problems = _times(declared, records)
        for problem in problems:
            found.setdefault(problem.code, problem)
        if times:
            newest = max(times)
            seen.records = len(records)
            seen.ages_s.append(max(0.0, (now - newest).total_seconds()))
            for problem in (*_future(declared, newest, now), *_parts(declared, records, inputs, now)):
                found.setdefault(problem.code, problem)
    seen.findings = list(found.values())
    return seen


def _unreachable(declared: Freshness, error: SeatrialError) -> Finding:
    return Finding(
        code="source-unreachable",
        summary=f"{declared.source} could not be read: {error.what}",
        weight=Weight.OPEN,
        fields=(f"integrations.{declared.source}",),
        remedy=error.remedy or "See whether the source runs, and try again.",
    )


def _times(declared: Freshness, records: Sequence[Row]) -> tuple[list[datetime], list[Finding]]:
    """The times that could be read, and one finding for each kind of problem with the others."""
    if not records:
        return [], [_wrong(declared, "no-records", f"{declared.source} has no records")]
    times: list[datetime] = []
    counts: dict[str, int] = {}
    for record in records:
        at = _time(record.get(declared.at))
        if isinstance(at, datetime):
            times.append(at)
        else:
            counts[at] = counts.get(at, 0) + 1
    words = {
        "time-missing": "have no value in it",
        "time-unreadable": "hold something that is no time",
        "time-without-zone": "have no time zone",
    }
    whole = len(records)
    return times, [
        _wrong(declared, code, f"{declared.source}.{declared.at}: {n} of {whole} records {words[code]}")
        for code, n in counts.items()
    ]


def _wrong(declared: Freshness, code: str, summary: str) -> Finding:
    return Finding(
        code=code,
        summary=f"{summary}.",
        fields=(f"{declared.source}.{declared.at}",),
        remedy="Let the source stamp every record with its time and zone, best in UTC as 2026-01-31T08:00:00Z.",
        why=_WHY,
    )


def _time(value: Json) -> datetime | str:
    """The time, or the code of what is wrong with it. Numbers are seconds or milliseconds since 1970."""
    if value is None or value == "":
        return "time-missing"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _EPOCH_S[0] <= value < _EPOCH_S[1]:
            return datetime.fromtimestamp(value, UTC)
        return datetime.fromtimestamp(value / 1e3, UTC) if _EPOCH_MS[0] <= value < _EPOCH_MS[1] else "time-unreadable"
    try:
        at = datetime.fromisoformat(str(value).strip())
    except ValueError:
        return "time-unreadable"
    return "time-without-zone" if at.tzinfo is None else at.astimezone(UTC)


def _future(declared: Freshness, newest: datetime, now: datetime) -> Iterator[Finding]:
    ahead = (newest - now).total_seconds()
    if ahead > FUTURE_S:
        yield Finding(
            code="clock-disagrees",
            summary=f"The newest record of {declared.source} is {ahead:,.0f} s in the future: a clock is wrong, or "
            f"{declared.at} is in local time and marked as UTC.",
            fields=(f"{declared.source}.{declared.at}",),
            remedy="Synchronise both clocks and check the source's time zone; until then no age can be told.",
            why=_WHY,
        )


def _parts(
    declared: Freshness, records: Sequence[Row], inputs: Mapping[str, InputField], now: datetime
) -> Iterator[Finding]:
    """Parts of a source, such as its stations, that are older than they may be while another part is fresh."""
    for name, field in inputs.items():
        if field.type != "string" or field.fed_by == declared.source:
            continue
        newest: dict[str, datetime] = {}
        for record in records:
            at = _time(record.get(declared.at))
            if isinstance(at, datetime) and isinstance(record.get(name), str):
                key = str(record[name])
                newest[key] = max(at, newest.get(key, at))
        limit = timedelta(seconds=declared.at_most)
        old = sorted(key for key, at in newest.items() if now - at > limit)
        if old and len(old) < len(newest) <= len(records) // 3:
            yield Finding(
                code="partly-stale",
                summary=f"{declared.source} is fresh as a whole, but too old for {name} {', '.join(old[:5])}.",
                weight=Weight.NOTE,
                fields=(f"{declared.source}.{declared.at}", name),
                remedy="See whether these parts of the source still report.",
            )


def _measure(declared: Freshness, ages_s: Sequence[float]) -> Measure:
    worst = max(ages_s)
    return Measure(
        name=measure_of(declared.source),
        value=worst,
        lower=worst,
        upper=worst,
        limit=declared.at_most,
        sense=Sense.AT_MOST,
        unit="s",
        n=len(ages_s),
        method="age of the newest record at the source, worst reading",
    )


CHECK: Check[System] = Check(
    id="data.freshness",
    requirement=REQUIREMENT,
    version=1,
    title="Data as fresh as declared, measured at the source",
    run=_run,
    codes=_CODES,
    limits=_limits,
    budget_s=lambda system: 60.0 + 90.0 * len(system.data.freshness) + 120.0,
)
