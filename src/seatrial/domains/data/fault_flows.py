"""The same faults through every flow, and unknown keys: which of them its entry is given, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json
from seatrial.core.ports import Row
from seatrial.core.vocabulary import Weight
from seatrial.domains.data import fault_budget
from seatrial.domains.data.campaign import Probe
from seatrial.domains.data.fault_entry import EntryCampaign, not_tried, went_down
from seatrial.domains.data.fault_kinds import Fault, Place, unknown_key
from seatrial.domains.data.fault_pairs import pairs
from seatrial.domains.data.fault_scope import unfinished
from seatrial.domains.flows.lanes import has_own_form, templates_of, unready
from seatrial.domains.flows.master_data import lookups, masters
from seatrial.domains.legality import profile_of
from seatrial.spec.faults import FaultField
from seatrial.spec.integration import Flow
from seatrial.spec.model import InputField
from seatrial.spec.system import System

_OF_FORM = ("extra-field", "missing")
"""Where records take the form of a table, our own statement would refuse or fill these: they say nothing of others."""


@dataclass(slots=True)
class Entered:
    """What became of faulty records at the flows' entries. `tried` are the inputs at each flow's entry, by flow."""

    probes: list[Probe] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    asked: int = 0
    tried: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entering:
    """How a flow is tried: with so many records at `most`, and these fields and faults."""

    most: int
    place: Callable[[System, str, InputField, Sequence[Row]], Place]
    faults: Callable[..., Iterator[Fault]]
    texts: bool
    passes: Callable[[Json], bool] | None = None


def through_all_flows(
    system: System, trial: Trial, inputs: Mapping[str, InputField], known: Sequence[Row], how: Entering
) -> Entered:
    """Every flow that can be driven, as far as its records hold the model's inputs."""
    found = Entered()
    sources = masters(system, trial).rows
    for flow in system.flows:
        if blocked := list(unready(system, flow)):
            found.findings += [replace(f, weight=Weight.OPEN) for f in blocked]
            continue
        begun = EntryCampaign.begun(
            trial,
            flow,
            most=how.most,
            tolerance=system.data.faults.tolerance,
            texts=how.texts,
            passes=how.passes,
        )
        if isinstance(begun, Finding):
            if begun.code == "blind-exit" and not _concerns(trial, flow, inputs, sources):
                found.tried[flow.name] = ()
            else:
                found.findings.append(begun)
            continue
        _through(system, trial, inputs, known, how, begun, found, sources)
        found.asked += begun.asked
    return found


def _through(
    system: System,
    trial: Trial,
    inputs: Mapping[str, InputField],
    known: Sequence[Row],
    how: Entering,
    begun: EntryCampaign,
    found: Entered,
    sources: Mapping[str, Sequence[Row]],
) -> None:
    flow, rows = begun.flow, list(begun.templates)
    here = {name: each for name, each in inputs.items() if name in rows[0] and name != flow.key}
    found.tried[flow.name] = tuple(here)
    # A few records show less of what is usual than all rows that the model is tried with.
    places = {
        name: replace(how.place(system, name, each, rows), profile=profile_of([*known, *rows], name))
        for name, each in here.items()
    }
    faults = list(how.faults(places, texts=how.texts))
    if has_own_form(system.integrations[flow.from_]):
        faults = [fault for fault in faults if fault.kind not in _OF_FORM]
    faults += pairs(places, faults, dict.fromkeys(places, flow.from_))
    faults += _unknown_keys(system, sources, begun, known=here)
    longest_s = fault_budget.at_an_entry_s(flow, len(faults))
    until = trial.clock.monotonic() + longest_s
    trial.say(fault_budget.told_of(flow, len(faults), longest_s))
    for number, fault in enumerate(faults):
        if trial.clock.monotonic() > until:
            found.findings.append(unfinished(faults[number:], at=flow.from_))
            return
        trial.say(f"{flow.from_}.{fault.name}", number / len(faults))
        try:
            probe = begun.probe(fault, places)
        except SeatrialError as error:
            found.findings.append(not_tried(flow, error.what))
            return
        if probe is not None:
            found.probes.append(probe)
        if begun.down:
            found.findings.append(went_down(flow, fault, faults[number + 1 :]))
            return


def _concerns(trial: Trial, flow: Flow, inputs: Mapping[str, InputField], sources: Mapping[str, Sequence[Row]]) -> bool:
    """Whether a flow's records hold an input of the model, or a key by which master data are looked up.

    One that only passes on what has nothing to do with the model has no exit at which its faults could show.
    """
    rows = templates_of(trial, flow)
    looked_up = (next(lookups(name, held, rows, key=flow.key), None) for name, held in sources.items())
    return any(name in row for row in rows for name in inputs if name != flow.key) or any(looked_up)


def _unknown_keys(
    system: System, sources: Mapping[str, Sequence[Row]], begun: EntryCampaign, *, known: Mapping[str, InputField]
) -> Iterator[Fault]:
    """One for each field of the records by which master data are looked up; a model's input has faults of its own."""
    seen = set(known)
    for source, rows in sources.items():
        for lookup in lookups(source, rows, begun.templates, key=begun.flow.key):
            skipped = system.data.faults.fields.get(lookup.field, FaultField()).skip
            if lookup.field not in seen and "unknown-key" not in skipped:
                seen.add(lookup.field)
                yield unknown_key(lookup)
