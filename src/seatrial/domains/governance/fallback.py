"""How each workflow runs without the system: its fallback, rehearsed, against the volume that it must carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense
from seatrial.core.wording import count
from seatrial.domains.governance.landing import LandingSteps, counted
from seatrial.domains.rehearsing import drill, open_procedure, recorded
from seatrial.drills.journal import Journal, Phase
from seatrial.spec.fallback import Fallback
from seatrial.spec.system import System
from seatrial.stats import rates

_ID = "governance.fallback"
_HOUR_S = 3600.0
_EXECUTABLE = (".yaml", ".yml")
_CODES = {
    "no-workflow": "No workflow is declared.",
    "no-fallback": "A workflow has no fallback.",
    "fallback-not-executable": "The fallback is a text that nobody can rehearse step by step.",
    "no-landing": "It is not declared where what is finished by hand is seen.",
    "nothing-landed": "The steps were carried out, and nothing new is where the work should land.",
    "target-proves-nothing": "The proof that the workflow runs by hand holds before the first step.",
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
        lands = workflow.fallback.lands if workflow.fallback is not None else None
        if problem is not None or workflow.fallback is None or lands is None:
            findings.extend([problem] if problem else [])
            continue
        trial.say(f"rehearsing {name} by hand")
        steps = LandingSteps(trial, name, lands)
        procedure = counted(open_procedure(trial, workflow.fallback.procedure))
        journal = drill(system, trial, "fallback", procedure, changes=True, steps=steps)
        journals[name] = recorded((journal,))
        findings.extend(_findings(name, workflow.fallback, journal))
        if journal.succeeded:
            measures.extend(_measures(system, name, workflow.fallback, journal, steps.items))
            findings.extend(_nothing_landed(name, workflow.fallback) if steps.items == 0 else ())
    return Observation(
        done=f"Rehearsed the fallback of {len(journals)} of {count(len(system.workflows), 'workflow')} step by "
        "step, and counted what was finished by hand, where it lands, against the volume that it must carry.",
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
    if fallback.lands is None:
        return Finding(
            code="no-landing",
            summary=f"It is not declared where what is finished by hand in {workflow} is seen.",
            fields=(f"{field}.lands",),
            why="Steps that print what they would have done carry no work.",
            remedy=f"Declare in {field}.lands where it lands, and by which field items are told apart: "
            "{integration: planner, key: id} or {source: sheet.csv, key: id}.",
        )
    return None


def _measures(system: System, workflow: str, fallback: Fallback, journal: Journal, items: int) -> Iterator[Measure]:
    # The last of the steps is our own look.
    seconds = sum([e.duration_s for e in journal.entries if e.phase is Phase.STEPS][:-1])
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
        method="items counted where they land, exact Poisson bound",
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
    if journal.idle:
        yield Finding(
            code="target-proves-nothing",
            summary=f"{fallback.procedure} was not begun: its `target` holds while {workflow} runs with the system.",
            fields=(field,),
            why="A proof that also holds on any other day does not show that anybody works by hand.",
            remedy=f"Let `target` of {fallback.procedure} look at what is true only while {workflow} runs without it.",
        )
    elif not journal.succeeded:
        yield Finding(
            code="fallback-failed",
            summary=f"The rehearsal of {workflow} by hand failed: {journal.problem}.",
            fields=(field,),
            why=_WHY,
            remedy=f"Mend {fallback.procedure} with the people who would do it, then rehearse it again.",
        )
    if journal.restored is not True and not journal.idle:
        problem = journal.problem or "nothing proves that it is as it was"
        yield Finding(
            code="not-restored",
            summary=f"After the rehearsal {workflow} was not proven to be brought back: {problem}.",
            fields=(field,),
            remedy=f"Bring {workflow} back now; mend the restore steps of {fallback.procedure} and its proof under "
            "`restored`.",
        )


def _nothing_landed(workflow: str, fallback: Fallback) -> Iterator[Finding]:
    field = f"workflows.{workflow}.fallback"
    yield Finding(
        code="nothing-landed",
        summary=f"{fallback.procedure} was carried out, and nothing new is where the work of {workflow} lands.",
        fields=(f"{field}.procedure", f"{field}.lands"),
        explains=(_rate_name(workflow),),
        why="Steps that leave nothing behind carry no work.",
        remedy=f"Let the steps put what is finished where {field}.lands says, or correct that; then rehearse again.",
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
    version=3,
    title="Each workflow by hand",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    budget_s=_budget,
    grace_s=_budget,
)
