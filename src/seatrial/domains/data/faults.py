"""What does the system do with incomplete or malformed input: faults injected field by field at its real entry.

Each injected request ends as *refused* with words, *handled* within the tolerance, **silent harm** or **crash**. One
silent harm or crash that comes again when asked again is a gap; how often is informative. What can be silent harm is
decided by what a guard could know (`fault_kinds.Stance`), never by a moved score alone: a legal other input may well
have another answer. That nothing was found counts only with the power to have found it: each fault goes into so many
rows that a harm on `policy.smallest_fault_harm` of all rows is met with probability `policy.search_power`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from seatrial.core.check import Check, Trial
from seatrial.core.codec import to_data
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.ports import Prediction, Row
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.domains.data import fault_budget, fault_entry, fault_findings, fault_scope, free_answers, request_faults
from seatrial.domains.data.campaign import AT_ONCE, BADNESS, Campaign, Clean, Ending, Moved, Probe, answered_clean
from seatrial.domains.data.fault_flows import Entered, Entering, through_all_flows
from seatrial.domains.data.fault_kinds import Fault, Place, faults_of, oversize, swaps, wider_row
from seatrial.domains.data.fault_pairs import pairs
from seatrial.domains.data.few_at_once import few_at_once
from seatrial.domains.data.free_answers import FreeAnswers
from seatrial.domains.flows import lanes
from seatrial.domains.legality import profile_of
from seatrial.domains.sending import inputs_of, may_be_tried, rows_to_send
from seatrial.domains.yardstick import yardstick
from seatrial.spec.faults import FaultField
from seatrial.spec.model import InputField
from seatrial.spec.system import System
from seatrial.stats.clusters import proportion_interval
from seatrial.stats.detection import seen_at_least_once

_ID = "data.faults"
_POWER = "power to find the smallest harmful fault"
_KILLED = "share of faults that the guards stopped or withstood"
_PROFILED = 4000
_BASE = 400
_FREE_EACH = 3
"""So many clean rows are asked for each that is needed, where only those count that are answered rightly, twice."""
_EXAMPLES = 60
_OF_REQUESTS = frozenset({"missing", "null", "wrong-type", "extra-field"})
"""What an OpenAI-compatible endpoint never sees: the prompt that is made of a row is a text in any case."""
_CODES = {
    **fault_findings.CODES,
    **fault_entry.CODES,
    **fault_scope.CODES,
    **lanes.CODES,
    "no-inputs-declared": "The model's inputs are not declared, so nothing says what a fault is.",
    "not-a-test-endpoint": "The model's endpoint is not declared as one that may be given faulty input.",
    "no-evaluation-data": "No evaluation data are declared from which clean rows could be taken.",
    "no-expected-answers": "Nothing says which free answers are right, so that none to a faulty row can be judged.",
    "clean-rows-refused": "The model answers too few clean rows to make them faulty.",
    "not-repeatable": "The model answers the same clean row differently from one request to the next.",
    "undeclared-range": "Fields without a declared range or values: only the data's own profile stands in for it.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    inputs = inputs_of(system, trial)
    if stop := next(_preconditions(system, inputs), None):
        return stop
    trial.say("reading clean rows")
    base = (_free if system.model.task in free_answers.TASKS else _labelled)(system, trial, inputs)
    if not isinstance(base, _Base):
        return base
    rows, clean, moved = base.rows, base.clean, base.moved
    wanted = fault_budget.rows_each(system)
    places = {name: _place(system, name, field, rows) for name, field in inputs.items() if name in rows[0]}
    campaign = Campaign(
        trial,
        places=places,
        moved=moved,
        clean=clean.rows,
        batches=clean.agree,
        deadline=trial.clock.monotonic() + fault_budget.at_the_model_s(system, len(inputs)),
        texts=_texts(system),
    )
    faults = list(_faults(places, texts=_texts(system)))
    if system.model.chat is not None:
        faults = [fault for fault in faults if fault.kind not in _OF_REQUESTS]
    faults += pairs(places, faults, _sources(system, inputs))
    trial.say(fault_budget.told(system, len(faults), wanted, clean.latency_s))
    probes, missed = _injected(system, trial, campaign, faults)
    entered = Entered()
    if not campaign.killed and system.model.chat is None:
        probes += request_faults.probed(trial, campaign.clean, moved, batches=clean.takes_batches)
    if not campaign.killed:
        entered = through_all_flows(
            system,
            trial,
            inputs,
            rows,
            Entering(
                most=wanted,
                place=_place,
                faults=_faults,
                texts=_texts(system),
                passes=base.declined,
            ),
        )
    return _observation(system, trial, inputs, [*probes, *entered.probes], missed, campaign, entered)


def _preconditions(system: System, inputs: Mapping[str, InputField]) -> Iterator[Observation | Reason]:
    if not inputs:
        finding = Finding(
            code="no-inputs-declared",
            summary="The model's inputs are not declared.",
            fields=("model.inputs",),
            why="Where nothing says what a legal input is, nothing can refuse an illegal one.",
            remedy="Declare model.inputs: each field with its type, unit, range or values, and whether it may be null.",
        )
        yield Observation(done="Looked for the model's declared inputs.", findings=(finding,))
    if not may_be_tried(system.model):
        finding = Finding(
            code="not-a-test-endpoint",
            summary="The model's endpoint is not declared as one that may be given faulty input.",
            weight=Weight.OPEN,
            fields=("model.test_endpoint",),
            why="Nobody knows what a broken feed does to the answers until somebody tries.",
            remedy="Point model.endpoint at a copy of what production runs and declare model.test_endpoint: true.",
        )
        yield Observation(done="Nothing was sent: the endpoint may not be given faulty input.", findings=(finding,))
    if system.data.evaluation is None:
        yield Reason(
            code="no-evaluation-data",
            summary="No evaluation data are declared from which clean rows could be taken.",
            remedy="Declare data.evaluation with its source.",
            fields=("data.evaluation",),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """Rows of the evaluation data, those of them that the model answers, and when an answer is another."""

    rows: Sequence[Row]
    clean: Clean
    moved: Moved
    declined: Callable[[Json], bool] | None = None
    """Whether what came out of a flow claims nothing; None where every change of it counts."""


def _labelled(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> _Base | Observation | Reason:
    """For labels and numbers, which every clean row must have again when it is asked again."""
    wanted = fault_budget.rows_each(system)
    rows = rows_to_send(trial, inputs, table="evaluation", most=_PROFILED, seed=trial.seed)
    clean = answered_clean(trial, rows, most=max(_BASE, 4 * wanted), batch=system.model.batch)
    if len(clean.rows) < wanted:
        return _too_few(
            clean, wanted, "", "Give evaluation rows as production sends them, with the declared types and units."
        )
    stick = yardstick(system, [answer for _, answer in clean.rows])
    base = _Base(rows=rows, clean=clean, moved=lambda _, before, after: stick.moved(before, after))
    unsteady = _unsteady(trial, clean.rows[:wanted], base.moved)
    if unsteady is not None:
        return Observation(done="Asked the model for the same clean rows twice.", findings=(unsteady,))
    return base


def _free(system: System, trial: Trial, inputs: Mapping[str, InputField]) -> _Base | Reason:
    """For free answers: only rows that are answered well twice."""
    wanted = fault_budget.rows_each(system)
    read = FreeAnswers.read(system, trial, inputs, most=_PROFILED, seed=trial.seed)
    if isinstance(read, Reason):
        return read
    rows, free = read
    clean = answered_clean(trial, rows, most=_FREE_EACH * wanted, batch=system.model.batch)
    clean = replace(clean, rows=free.steady(trial, clean.rows, wanted=wanted))
    if len(clean.rows) < wanted:
        chat = system.model.task == "chat"
        remedy = (
            "Give evaluation rows as production sends them: only what is answered well shows what a fault does."
            + (" See that data.evaluation.match fits the expected answers." if chat else "")
        )
        return _too_few(clean, wanted, " rightly, twice" if chat else " with a record, twice", remedy)
    return _Base(rows=rows, clean=clean, moved=free.moved, declined=free.declined)


def _too_few(clean: Clean, wanted: int, how: str, remedy: str) -> Reason:
    return Reason(
        code="clean-rows-refused",
        summary=f"The model answered {len(clean.rows)} of {clean.tried} clean rows{how}, and {wanted} are needed"
        + (f"; the first problem: {clean.problem}" if clean.problem else "")
        + ".",
        remedy=remedy,
        fields=("data.evaluation",),
    )


def _unsteady(trial: Trial, clean: Sequence[tuple[Row, Prediction]], moved: Moved) -> Finding | None:
    changed = 0
    asked = [[row] for row, _ in clean]
    for at, again in few_at_once(trial.model.predict, asked, first=AT_ONCE, most=AT_ONCE):
        changed += not again.predictions or moved(*clean[at], again.predictions[0])
    if not changed:
        return None
    return Finding(
        code="not-repeatable",
        summary=f"{changed} of {len(clean)} clean rows were answered differently, or not at all, when asked again.",
        weight=Weight.OPEN,
        why="Where the same row has two answers, a harmful one cannot be told from chance.",
        remedy="Make the test endpoint answer the same row the same way, then run the check.",
    )


def _place(system: System, name: str, field: InputField, rows: Sequence[Row]) -> Place:
    known = system.data.faults.fields.get(name, FaultField())
    return Place(name=name, declared=field, profile=profile_of(rows, name), known=known, others=rows[:_BASE])


def _texts(system: System) -> bool:
    return system.model.task == "text" or system.model.task in free_answers.TASKS


def _faults(places: Mapping[str, Place], *, texts: bool) -> Iterator[Fault]:
    yield wider_row()
    for place in places.values():
        yield from faults_of(place)
    yield from swaps(list(places.values()))
    yield from oversize(list(places.values()), every=texts)


def _injected(
    system: System, trial: Trial, campaign: Campaign, faults: Sequence[Fault]
) -> tuple[list[Probe], list[Fault]]:
    """What was told of each fault, and the faults for which no time was left."""
    probes: list[Probe] = []
    missed: list[Fault] = []
    wanted, smallest = fault_budget.rows_each(system), system.policy.smallest_fault_harm
    for number, fault in enumerate(faults):
        if campaign.over:
            missed.append(fault)
            continue
        trial.say(fault.name, number / len(faults))
        probe = campaign.probe(fault, wanted=wanted, smallest=smallest)
        if probe is not None:
            probes.append(probe)
    return probes, missed


def _sources(system: System, inputs: Mapping[str, InputField]) -> Mapping[str, str]:
    """Where each input comes from: what goes wrong there goes wrong in all of its fields."""
    fed = {name: source for source, section in system.integrations.items() for name in section.feeds}
    return fed | {name: each.fed_by for name, each in inputs.items() if each.fed_by}


def _observation(
    system: System,
    trial: Trial,
    inputs: Mapping[str, InputField],
    probes: Sequence[Probe],
    missed: Sequence[Fault],
    campaign: Campaign,
    entered: Entered,
) -> Observation:
    findings = [
        *fault_findings.findings(probes, inputs),
        *fault_findings.unguarded_findings(probes),
        *entered.findings,
        *fault_scope.left_out(system, inputs, probes, [] if campaign.killed else missed),
        *(() if campaign.killed else fault_scope.entries_left_out(system, entered.tried)),
        *fault_findings.undeclared_findings(inputs),
    ]
    caught = any(f.weight is Weight.GAP for f in findings)
    told = [t for p in probes for t in p.told]
    kept = json.dumps(to_data(fault_findings.examples(probes, _EXAMPLES))).encode()
    return Observation(
        done=f"Made clean rows faulty in {len(probes)} ways, alone and together, over "
        f"{len({p.fault.field for p in probes})} fields, sent {campaign.asked:,} requests to the model and put "
        f"{entered.asked:,} records in at the flows' entries, and compared every answer and every record that came out "
        "with that of the clean row.",
        measures=_measures(system, probes, missed, caught=caught),
        findings=tuple(findings),
        figures=(_figure(probes),),
        proof=sum(t.ending in (Ending.REFUSED, Ending.HANDLED) for t in told),
        artifacts={"examples": trial.artifacts.put(kept, media_type="application/json")},
        facts={
            "requests": campaign.asked,
            "records": entered.asked,
            "outcomes": {str(e): sum(t.ending is e for t in told) for e in BADNESS},
            "tolerance": system.data.faults.tolerance,
            "skipped": {
                name: {str(kind): why for kind, why in known.skip.items()}
                for name, known in system.data.faults.fields.items()
                if known.skip
            },
            "faults": [_fact(p) for p in probes],
        },
    )


def _fact(probe: Probe) -> Mapping[str, Json]:
    counts = {str(e): n for e in BADNESS if (n := sum(t.ending is e for t in probe.told))}
    return {"fault": probe.fault.name, "moved": sum(t.moved for t in probe.told), **counts}


def _measures(system: System, probes: Sequence[Probe], missed: Sequence[Fault], *, caught: bool) -> tuple[Measure, ...]:
    import numpy as np

    # What was caught needs no power to be caught; what was not begun has none.
    quiet = [(_power(system, p), len(p.told)) for p in probes if not _caught(p)]
    weakest, fewest = min(quiet, default=(0.0, 0)) if not missed else (0.0, 0)
    measures = [
        Measure(
            name=_POWER,
            value=weakest,
            lower=weakest,
            upper=weakest,
            limit=system.policy.search_power,
            sense=Sense.AT_LEAST,
            unit="share",
            n=fewest,
            method=f"1 - (1 - {system.policy.smallest_fault_harm:g})^n for the fault with the fewest rows",
            kind=MeasureKind.INFORMATIVE if caught else MeasureKind.VALIDITY,
        )
    ]
    stopped, groups = _stopped(probes)
    if len(set(groups)) > 1:
        found = proportion_interval(np.array(stopped), np.array(groups, dtype=np.int64), 1.0 - system.policy.confidence)
        measures.append(
            Measure(
                name=_KILLED,
                value=found.value,
                lower=found.lower,
                upper=found.upper,
                unit="share",
                n=found.n,
                method=f"{found.method} of fields",
                confidence=system.policy.confidence,
                kind=MeasureKind.INFORMATIVE,
                approximate=True,
            )
        )
    return tuple(measures)


def _stopped(probes: Sequence[Probe]) -> tuple[list[float], list[int]]:
    """For each fault that a guard could have known, whether none of its rows did harm or crashed, and its field.

    A fault counts once: what was settled early went into fewer rows than what was stopped each time.
    """
    fields: dict[str, int] = {}
    stopped, groups = [], []
    for probe in probes:
        if endings := [t.ending for t in probe.told if t.case.guarded]:
            stopped.append(float(all(e in (Ending.REFUSED, Ending.HANDLED) for e in endings)))
            groups.append(fields.setdefault(probe.fault.place, len(fields)))
    return stopped, groups


def _caught(probe: Probe) -> bool:
    return probe.worst in (Ending.HARM, Ending.CRASH)


def _power(system: System, probe: Probe) -> float:
    """The probability that these rows would have met a harm on the smallest share of all rows that matters."""
    if probe.fault.field == request_faults.FIELD:
        return 1.0
    return seen_at_least_once(min(1.0, system.policy.smallest_fault_harm / probe.applies), len(probe.told))


def _figure(probes: Sequence[Probe]) -> Figure:
    worst: dict[tuple[str, str], Ending] = {}
    for probe in probes:
        place = (probe.fault.place, probe.fault.kind)
        worst[place] = max((worst.get(place, Ending.REFUSED), probe.worst), key=BADNESS.index)
    rows = tuple({"field": field, "kind": kind, "outcome": str(e)} for (field, kind), e in worst.items())
    return Figure(kind="faults", title="The worst that each fault did", rows=rows)


def _limits(system: System) -> Sequence[Threshold]:
    return (
        Threshold(
            requirement=_ID,
            measure=_POWER,
            sense=Sense.AT_LEAST,
            limit=system.policy.search_power,
            unit="share",
        ),
    )


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=5,
    title="Faulty input at the real entry",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone_at_system=True,
    budget_s=fault_budget.whole_s,
)
