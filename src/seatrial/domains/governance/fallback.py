"""How each workflow runs without the system: its fallback, rehearsed, against the volume that it must carry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense, Weight
from seatrial.domains.rehearsing import drill, open_procedure, recorded
from seatrial.drills.journal import Journal, Phase
from seatrial.spec.system import Fallback, System
from seatrial.stats import rates

_ID = "governance.fallback"
_HOUR_S = 3600.0
_EXECUTABLE = (".yaml", ".yml")
_CODES = {
    "no-workflow": "No workflow is declared.",
    "no-fallback": "A workflow has no fallback.",
    "fallback-not-executable": "The fallback is a text that nobody can rehearse step by step.",
    "nothing-to-count": "It is not declared how one finished item is recognised.",
    "fallback-failed": "The rehearsal of a fallback failed.",
    "not-restored": "After the rehearsal the workflow was not brought back.",
}
_WHY = "When the system is taken offline, the work does not stop coming."


def _rate_name(workflow: str) -> str:
    return f"rate of {workflow} by hand"


def _length_name(workflow: str) -> str:
    return f"length of the rehearsal of {workflow}"


def _run(system: System, trial: Trial) -> Observation | Reason:
    if not system.workflows:
        finding = Finding(
            code="no-workflow",
            summary="No workflow is declared, so none has a fallback.",
            fields=("workflows",),
            why=_WHY,
            remedy="Declare each workflow that the outputs enter, with its fallback.",
        )
        return Observation(done="Looked for workflows.", findings=(finding,))
    measures: list[Measure] = []
    findings: list[Finding] = []
    journals: dict[str, Json] = {}
    for name, workflow in system.workflows.items():
        problem = _not_rehearsable(name, workflow.fallback)
        if problem is not None or workflow.fallback is None:
            findings.extend([problem] if problem else [])
            continue
        trial.say(f"rehearsing {name} by hand")
        journal = drill(trial, open_procedure(trial, workflow.fallback.procedure))
        journals[name] = recorded((journal,))
        findings.extend(_findings(name, workflow.fallback, journal))
        if journal.succeeded:
            measures.extend(_measures(system, name, workflow.fallback, journal))
    return Observation(
        done=f"Rehearsed the fallback of {len(journals)} of {len(system.workflows)} workflow(s) step by "
        f"step, and counted "
        "what was finished by hand against the volume that it must carry.",
        measures=tuple(measures),
        findings=tuple(findings),
        proof=0 if findings else len(journals),
        facts={"journals": journals},
    )


def _not_rehearsable(workflow: str, fallback: Fallback | None) -> Finding | None:
    field = f"workflows.{workflow}.fallback"
    if fallback is None:
        return Finding(
            code="no-fallback",
            summary=f"The workflow {workflow} has no fallback.",
            fields=(field,),
            why=_WHY,
            remedy=f"Write down how {workflow} runs without the system, as a procedure that can be "
            f"rehearsed; name it in "
            f"{field}.",
        )
    if not fallback.procedure.endswith(_EXECUTABLE):
        return Finding(
            code="fallback-not-executable",
            summary=f"The fallback of {workflow}, {fallback.procedure}, is a text: nobody can rehearse "
            f"it step by step.",
            fields=(f"{field}.procedure",),
            why=_WHY,
            remedy="Write its steps as a procedure file (YAML); a step for a person is of the kind `ask`.",
        )
    if fallback.counts is None:
        return Finding(
            code="nothing-to-count",
            summary=f"Nothing tells how a finished item of {workflow} is recognised in the rehearsal.",
            weight=Weight.OPEN,
            fields=(f"{field}.counts",),
            remedy=f"Give {field}.counts: a pattern that matches once for each finished item in the steps' output.",
        )
    return None


def _measures(system: System, workflow: str, fallback: Fallback, journal: Journal) -> Iterator[Measure]:
    steps = [e for e in journal.entries if e.phase is Phase.STEPS]
    seconds = sum(e.duration_s for e in steps)
    pattern = re.compile(fallback.counts or "", re.MULTILINE)
    items = sum(len(pattern.findall(e.output)) for e in steps)
    hours = seconds / _HOUR_S
    alpha = 1.0 - system.policy.confidence
    yield Measure(
        name=_rate_name(workflow),
        value=items / hours if hours else None,
        lower=rates.lower(items, hours, alpha),
        upper=rates.upper(items, hours, alpha),
        limit=fallback.needed * _HOUR_S,
        sense=Sense.AT_LEAST,
        unit="/h",
        n=items,
        method="items counted in the rehearsal, exact Poisson bound",
        confidence=system.policy.confidence,
    )
    yield Measure(
        name=_length_name(workflow),
        value=seconds,
        lower=seconds,
        upper=seconds,
        limit=system.policy.fallback_duration,
        sense=Sense.AT_LEAST,
        unit="s",
        n=1,
        kind=MeasureKind.VALIDITY,
    )


def _findings(workflow: str, fallback: Fallback, journal: Journal) -> Iterator[Finding]:
    field = f"workflows.{workflow}.fallback.procedure"
    if not journal.succeeded:
        yield Finding(
            code="fallback-failed",
            summary=f"The rehearsal of {workflow} by hand failed: {journal.problem}.",
            fields=(field,),
            why=_WHY,
            remedy=f"Mend {fallback.procedure} with the people who would do it, then rehearse it again.",
        )
    if journal.restored is False:
        yield Finding(
            code="not-restored",
            summary=f"After the rehearsal {workflow} was not brought back: {journal.problem}.",
            fields=(field,),
            remedy=f"Bring {workflow} back now; mend the restore steps of {fallback.procedure}.",
        )


def _limits(system: System) -> Sequence[Threshold]:
    limits = []
    for name, workflow in system.workflows.items():
        if workflow.fallback is None or _not_rehearsable(name, workflow.fallback) is not None:
            continue
        limits.append(
            Threshold(
                requirement=_ID,
                measure=_rate_name(name),
                sense=Sense.AT_LEAST,
                limit=workflow.fallback.needed * _HOUR_S,
                unit="/h",
                confidence=system.policy.confidence,
            )
        )
    return tuple(limits)


def _budget(system: System) -> float:
    return 120.0 + len(system.workflows) * (600.0 + 2.0 * system.policy.fallback_duration)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=1,
    title="Each workflow by hand",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
    grace_s=_budget,
)
