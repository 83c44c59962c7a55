"""What happens when a source changes its schema: each source's schema is really changed, column by column, and back.

Answers of a source that is asked over HTTP are rewritten on the line to it; a table or a folder is altered in a copy to
which the tested system is led; records that are pushed into a flow are put in with the other schema. Where the model's
inputs list the values of a column, on the line and at an entry it also has one that is not listed. The same records
go through the flows before, meanwhile and afterwards. A change is *refused* (somebody is told) or *handled* (the same
comes out), or it is a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.check import Check, Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Row
from seatrial.core.schema_change import ChangeKind, SchemaChange
from seatrial.core.vocabulary import Sense
from seatrial.domains.data import schema_findings
from seatrial.domains.data.schema_findings import absorbed_findings, open_findings
from seatrial.domains.data.schema_trying import ABSORBED, ENDED, NEW, Bench, Fate, Tried
from seatrial.domains.data.schema_ways import AtTheEntry, InACopy, OnTheLine, Way
from seatrial.domains.data.trips import Alarm
from seatrial.domains.flows import lanes, line_findings
from seatrial.domains.flows.lanes import has_own_form, templates_of, unready
from seatrial.domains.flows.line_findings import line_trouble
from seatrial.domains.flows.samples import Sampler
from seatrial.domains.sending import inputs_of
from seatrial.spec.integration import Flow
from seatrial.spec.model import InputField
from seatrial.spec.procedure import Step
from seatrial.spec.system import System

_ID = "data.schema-change"
_KINDS = (ChangeKind.DROPPED, ChangeKind.RENAMED, ChangeKind.RETYPED)
_OF_A_COLUMN = (*_KINDS, ChangeKind.CODED)
_READ = 500
_MOST_COLUMNS = 40
_BEGUN_ANEW = 3
_NUMBERS = (int, float)
_UNLISTED = "ZQXYW9876"
_CODES = {
    **lanes.CODES,
    **{code: line_findings.CODES[code] for code in ("line-failed", "line-not-used")},
    **schema_findings.CODES,
}


@dataclass(slots=True, kw_only=True)
class _Source:
    """One source and what its changes came to. `problem` ended it early."""

    name: str
    tried: list[Tried] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def _run(system: System, trial: Trial) -> Observation | Reason:
    sources = _sources(system)
    findings = [*_unable(system, sources), *_unlisted(system, trial, sources)]
    if findings:
        return Observation(
            done="Nothing was changed: not every flow can be driven, or no source is known.", findings=tuple(findings)
        )
    unsteady: dict[str, set[str]] = {}
    done = [_changed(system, trial, name, unsteady) for name in sources]
    absorbed = [f for each in done for f in absorbed_findings(each.name, each.tried, _measure(each.name))]
    tried = sum(len(each.tried) for each in done)
    return Observation(
        done=f"Changed the schema of {', '.join(sources)} in {tried} ways, one at a time, put the same records through "
        "the flows before, meanwhile and afterwards, and looked at what came out and who was told.",
        measures=tuple(m for each in done for m in _measures(each)),
        findings=(*absorbed, *(f for each in done for f in each.findings)),
        figures=(_figure(done),) if tried else (),
        proof=sum(t.fate in ENDED for each in done for t in each.tried),
        facts={
            each.name: [{"change": t.change.told, "fate": str(t.fate), "alarm_s": t.alarm_s} for t in each.tried]
            for each in done
        },
    )


def _sources(system: System) -> list[str]:
    """Everything that feeds the model, or that is declared to change."""
    fed_by = [f.fed_by for f in (system.model.inputs.values() if isinstance(system.model.inputs, Mapping) else ())]
    feeding = [
        name
        for name, section in system.integrations.items()
        if section.direction != "out" and (section.feeds or name in fed_by)
    ]
    return list(dict.fromkeys((*feeding, *system.data.schema_change.sources)))


def _unlisted(system: System, trial: Trial, sources: Sequence[str]) -> Iterator[Finding]:
    """Sources that only the file of inputs names: they must not be left out in silence."""
    fed: dict[str, list[str]] = {}
    for name, declared in inputs_of(system, trial).items():
        if declared.fed_by is not None and declared.fed_by not in sources:
            fed.setdefault(declared.fed_by, []).append(name)
    for source, names in fed.items():
        yield schema_findings.not_listed(source, names)


def _unable(system: System, sources: Sequence[str]) -> Iterator[Finding]:
    if not system.flows:
        yield schema_findings.no_flows()
    if not sources:
        yield schema_findings.no_sources()
    for flow in system.flows:
        yield from unready(system, flow)


def _ways(system: System, trial: Trial, name: str) -> Iterator[Way | Finding]:
    """How the tested system can be made to meet another schema; more than one where it fetches what is put in there."""
    section = system.integrations[name]
    declared = system.data.schema_change.sources.get(name)
    entry = name in {flow.from_ for flow in system.flows}
    led = section.test is not None and bool(section.test.via)
    if declared is not None and declared.scratch is not None and (not entry or has_own_form(section)):
        yield InACopy(trial, trial.scratch(name), declared.scratch, entered=entry)
        return
    if section.kind == "http" and section.test is not None and led:
        encrypted = section.test.url.startswith("https:")
        yield schema_findings.encrypted(name) if encrypted else OnTheLine(trial.line(name))
    elif not entry or has_own_form(section):
        yield schema_findings.no_way(name, section.kind)
        return
    # Last, because what is put in with another schema may be shown by the source afterwards.
    if entry:
        yield AtTheEntry()


def _changed(system: System, trial: Trial, name: str, unsteady: dict[str, set[str]]) -> _Source:
    """One source, all its changes. `unsteady` holds the fields of each flow that are known to tell nothing."""
    source = _Source(name=name)
    try:
        for way in _ways(system, trial, name):
            if isinstance(way, Finding):
                source.findings.append(way)
                continue
            before = trial.integration(name).schema() if isinstance(way, InACopy) else None
            with way:
                _all_changes(system, trial, source, way, unsteady)
            if before is not None and trial.integration(name).schema() != before:
                source.findings.append(schema_findings.not_as_before(name, "its schema is another than before"))
    except SeatrialError as error:
        source.findings.append(schema_findings.failed(name, error))
    return source


def _all_changes(system: System, trial: Trial, source: _Source, way: Way, unsteady: dict[str, set[str]]) -> None:
    name = source.name
    inputs = inputs_of(system, trial)
    feeds = {*system.integrations[name].feeds, *(n for n, f in inputs.items() if f.fed_by == name)}
    bench = Bench(
        trial=trial,
        way=way,
        samplers=[Sampler.of(trial, flow, at) for at, flow in enumerate(_watched(system, name, way))],
        alarm=Alarm(trial, *_alarm_of(system, name)),
        fed=frozenset(feeds),
        within_s=_alarm_of(system, name)[1],
        longest_s=_longest_s(system, name),
        recovery_s=system.policy.recovery,
        may_be_thrown_away=not isinstance(way, AtTheEntry),
    )
    trial.say(f"looking at what comes out while {name} is as it is")
    bench.begin_with(unsteady)
    if bench.alarm.up():
        source.findings.append(schema_findings.always_on(name))
        return
    if problem := _unwell(bench):
        source.findings.append(schema_findings.not_well(name, problem))
        return
    records = _records(system, trial, name, way)
    columns = _columns(system, name, records, feeds, source)
    if bench.may_be_thrown_away:
        trial.say(f"finding out whether what comes out follows {name}")
        bench.probe(columns[0], list(_candidates(records, feeds & set(columns))))
    trial.say(f"finding out whether the alarm of {name} stays down while its schema is as it is")
    if not bench.quiet(columns[0]):
        source.findings.append(schema_findings.rings_anyway(name))
        return
    changes = _changes(columns, each=system.policy.schema_changes)
    if not isinstance(way, InACopy):
        changes += _more_codes(columns, {name: each for name, each in inputs.items() if name in feeds})
    here = _carried_out(trial, name, bench, changes, records)
    rang = any(t.alarm_s is not None for t in here)
    if rang and not any(t.stays_up or not t.recovered for t in here) and not bench.quiet(columns[0]):
        source.findings.append(schema_findings.rings_anyway(name))
    source.tried += here
    source.findings += open_findings(name, here, len(changes))
    if isinstance(way, OnTheLine) and all(t.fate is Fate.NOT_MET for t in here):
        source.findings += line_trouble(name, problem="", used=False)


def _carried_out(
    trial: Trial, name: str, bench: Bench, changes: Sequence[SchemaChange], records: Sequence[Row]
) -> list[Tried]:
    """Each change, until one after which nothing can be told any more."""
    begun, here = 0, list[Tried]()
    for at, change in enumerate(changes):
        trial.say(f"{name}: {change.told}", at / len(changes))
        tried = bench.tried(SchemaChange(kind=change.kind, field=change.field, name=change.name, held=bench.held))
        if not tried.recovered and begun < _BEGUN_ANEW and _moved(trial, name, bench.way, records):
            # The source went on by itself meanwhile: what usually comes out is another now.
            begun += 1
            bench.begin()
            if bench.may_be_thrown_away:
                bench.probe(changes[0].field, [bench.held])
            tried = bench.tried(SchemaChange(kind=change.kind, field=change.field, name=change.name, held=bench.held))
        here.append(tried)
        if not tried.recovered or tried.stays_up or tried.fate is Fate.NOT_MET:
            break
    return here


def _watched(system: System, name: str, way: Way) -> list[Flow]:
    """The flows whose records are looked at: all, or those that begin at the source that changes."""
    return [flow for flow in system.flows if not isinstance(way, AtTheEntry) or flow.from_ == name]


def _alarm_of(system: System, name: str) -> tuple[Step | None, float | None]:
    """The alarm of the change, and by when it must be up.

    That of an outage stands in: a source that nobody understands any more is away.
    """
    declared = system.data.schema_change.sources.get(name)
    if declared is not None and declared.alarm is not None:
        return declared.alarm, declared.within
    away = system.data.interruption.sources.get(name) if system.data.interruption else None
    return (None, None) if away is None else (away.alarm, away.within)


def _longest_s(system: System, name: str) -> float:
    """How long one change is looked at before it counts as absorbed."""
    return max(_alarm_of(system, name)[1] or 0.0, system.policy.outage_duration)


def _unwell(bench: Bench) -> str:
    for sampler, sample in zip(bench.samplers, bench.usual, strict=True):
        for passed in sample:
            if passed.refused is not None:
                return f"{sampler.flow.name} refuses its own records: {passed.refused}"
            if passed.out is None:
                return f"a record of {sampler.flow.name} never came out"
    return ""


def _records(system: System, trial: Trial, name: str, way: Way) -> Sequence[Row]:
    """Records of the source, oldest first. Raises SeatrialError where there are none."""
    if isinstance(way, AtTheEntry):
        return [row for flow in _watched(system, name, way) for row in templates_of(trial, flow)[:1]]
    records = trial.integration(name).read(_READ)
    if not records:
        raise SeatrialError(f"{name} has no records", remedy="Let the source hold some at its test end.")
    return records


def _moved(trial: Trial, name: str, way: Way, records: Sequence[Row]) -> bool:
    """Whether the source has another newest record than it had."""
    return not isinstance(way, AtTheEntry) and list(trial.integration(name).read(1)) != list(records[-1:])


def _columns(system: System, name: str, records: Sequence[Row], feeds: set[str], source: _Source) -> list[str]:
    """The columns that are changed, those that feed the model first; never the key by which a record is known again."""
    keys = {flow.key for flow in system.flows if flow.from_ == name}
    known = [c for c in records[-1] if c not in keys]
    chosen = sorted(known, key=lambda c: c not in feeds)
    if not chosen:
        raise SeatrialError(f"the records of {name} have no column but their key")
    if len(chosen) > _MOST_COLUMNS:
        source.findings.append(schema_findings.left_out(name, chosen[_MOST_COLUMNS:]))
    return chosen[:_MOST_COLUMNS]


def _candidates(records: Sequence[Row], fed: set[str]) -> Iterator[Mapping[str, Json]]:
    """Values of whole other records of the source, those first that differ most from its newest: plausible together."""
    newest = records[-1]
    names = [n for n in newest if n in fed]
    numbers = [n for n in names if isinstance(newest[n], _NUMBERS) and not isinstance(newest[n], bool)]
    spans = {n: _span(records, n) for n in numbers}

    def off(name: str, row: Row) -> float:
        value, now = row.get(name), newest[name]
        if name in spans and isinstance(value, _NUMBERS) and isinstance(now, _NUMBERS):
            return abs(float(value) - float(now)) / spans[name]
        return float(value != now)

    def far(row: Row) -> float:
        return sum(off(name, row) for name in names)

    for row in sorted(records, key=far, reverse=True):
        if all(row.get(n) is not None for n in names) and far(row) > 0.0:
            yield {n: row[n] for n in names}


def _span(records: Sequence[Row], name: str) -> float:
    values = [float(v) for r in records if isinstance(v := r.get(name), _NUMBERS)]
    return max(max(values) - min(values), 1e-9)


def _changes(columns: Sequence[str], *, each: int) -> list[SchemaChange]:
    """A column more, another order, and for every column `each` of the kinds, in turn."""
    made = [
        SchemaChange(kind=ChangeKind.ADDED, field=columns[0], name=NEW),
        *([SchemaChange(kind=ChangeKind.REORDERED, field=columns[0])] if len(columns) > 1 else []),
    ]
    for at, column in enumerate(columns):
        kinds = [_KINDS[(at + step) % len(_KINDS)] for step in range(each)]
        made += [SchemaChange(kind=kind, field=column, name=NEW) for kind in kinds]
    return made


def _more_codes(columns: Sequence[str], inputs: Mapping[str, InputField]) -> Iterator[SchemaChange]:
    """A code more in every column whose texts the model's inputs list: one as long as the others, and none of them."""
    for column in columns:
        listed = inputs[column].values if column in inputs else None
        codes = {value for value in listed or () if isinstance(value, str)}
        if not codes or len(codes) < len(listed or ()):
            continue
        known, length = {code.casefold() for code in codes}, max(1, min(len(code) for code in codes))
        new = next((sign * length for sign in _UNLISTED if (sign * length).casefold() not in known), NEW)
        yield SchemaChange(kind=ChangeKind.CODED, field=column, name=new)


def _measure(name: str) -> str:
    return f"number of schema changes of {name} that were silently absorbed"


def _measures(source: _Source) -> Iterator[Measure]:
    seen = [t for t in source.tried if t.fate in ABSORBED or t.fate in ENDED]
    if not seen:
        return
    count = float(sum(t.fate in ABSORBED for t in seen))
    yield Measure(
        name=_measure(source.name),
        value=count,
        lower=count,
        upper=count,
        limit=0.0,
        sense=Sense.AT_MOST,
        n=len(seen),
        method="every change carried out and looked at",
    )


_SHOWN = {Fate.REFUSED: "refused", Fate.HANDLED: "handled", **dict.fromkeys(ABSORBED, "silent harm")}


def _figure(done: Sequence[_Source]) -> Figure:
    rows: list[Mapping[str, Json]] = [
        {
            "field": f"{each.name}.{t.change.field}" if t.change.kind in _OF_A_COLUMN else each.name,
            "kind": str(t.change.kind),
            "outcome": _SHOWN[t.fate],
        }
        for each in done
        for t in each.tried
        if t.fate in _SHOWN
    ]
    return Figure(kind="faults", title="What became of each change of a source's schema", rows=tuple(rows))


def _limits(system: System) -> Sequence[Threshold]:
    return [
        Threshold(requirement=_ID, measure=_measure(name), sense=Sense.AT_MOST, limit=0.0) for name in _sources(system)
    ]


def _budget(system: System) -> float:
    within_s = max((f.within for f in system.flows), default=0.0) + 1.0
    names = _sources(system)
    one_s = max((_longest_s(system, n) for n in names), default=0.0) + 3.0 * within_s + 2.0
    columns = max(len(system.model.inputs) if isinstance(system.model.inputs, Mapping) else 0, 20)
    each = min(_MOST_COLUMNS, columns) * (system.policy.schema_changes + 1)
    return 120.0 + system.policy.recovery + one_s * len(names) * each


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=3,
    title="The schema of every source really changed",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone_at_system=True,
    draws_anew=True,
    budget_s=_budget,
    grace_s=lambda _: 30.0,
)
