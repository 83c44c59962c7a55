"""How fresh the data are at each source, against what is declared, and what staleness would cost.

Staleness cannot be seen from accuracy on a table: the age is read at the source, several times, and the worst counts;
the times of the records that it still has tell how old the newest one was before. Test records of ours say nothing of a
source and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import count, span
from seatrial.domains.data.source_ages import CODES as AGE_CODES
from seatrial.domains.data.source_ages import WHY, Watched
from seatrial.domains.data.staleness import CODES as STALENESS_CODES
from seatrial.domains.data.staleness import cost_of_staleness
from seatrial.domains.sending import inputs_of
from seatrial.spec.model import InputField
from seatrial.spec.system import System

REQUIREMENT = "data.freshness"
READINGS = 5
"""The last one comes after the replay, so that they span all of the check."""
_CODES = {
    **STALENESS_CODES,
    **AGE_CODES,
    "nothing-feeds-the-model": "No integration is declared to feed the model, and no freshness is declared.",
    "freshness-not-declared": "A source feeds the model and nobody has declared how old its data may be.",
    "starts-a-flow": "A source pushes its records into a flow; how late they may be is that flow's own limit.",
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
    entries = {flow.from_ for flow in system.flows}
    watched = [
        Watched(
            declared=each,
            comes_by_itself=each.source not in entries,
            keys=frozenset(f.key for f in system.flows if each.source in (f.from_, f.to)),
            flows=system.flows,
        )
        for each in system.data.freshness
    ]
    pause_s = system.policy.freshness_duration / (READINGS - 1)
    for reading in range(READINGS - 1):
        for each in watched:
            trial.say(f"reading {each.declared.source}", reading / READINGS / 2)
            each.read(trial, inputs)
        trial.clock.sleep(pause_s)
    cost = cost_of_staleness(system, trial, inputs)
    for each in watched:
        each.read(trial, inputs)
        findings += each.told()
    return Observation(
        done=f"Read the newest records of {count(len(watched), 'source')} {READINGS} times each over "
        f"{span(max((each.watched_s for each in watched), default=0.0))}, and asked the servers for their time; the "
        f"worst age counts. Meanwhile it {cost.done}",
        measures=(*(m for each in watched for m in each.measures(measure_of(each.declared.source))), *cost.measures),
        findings=(*findings, *cost.findings),
        figures=cost.figures,
        facts={
            "ages": {each.declared.source: each.facts for each in watched if each.ages_s},
            "staleness": cost.facts,
        },
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
                why=WHY,
            )


CHECK: Check[System] = Check(
    id="data.freshness",
    requirement=REQUIREMENT,
    version=7,
    title="Data as fresh as declared, measured at the source",
    run=_run,
    codes=_CODES,
    limits=_limits,
    before_traffic=True,
    budget_s=lambda system: 240.0 + 180.0 * len(system.data.freshness) + system.policy.freshness_duration,
)
