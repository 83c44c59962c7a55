"""Which named person answers for it, by their own objectives, and may pull it: shown by pulling it in a drill."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import MeasureKind, Sense
from seatrial.domains.acceptance import CODES, Post, acceptance, gone, holding
from seatrial.domains.allowing import allow
from seatrial.domains.paging import CODES as PAGE_CODES
from seatrial.domains.paging import Drill, page
from seatrial.domains.rehearsing import drill, durations, open_procedure, recorded
from seatrial.drills.journal import Journal
from seatrial.spec.system import System

_ID = "organization.accountability"
_PATIENCE_S = 900.0
_PULLED = "time until the owner pulled the stop"
_POST = Post(duty="owner", part="owner", field="owner.who", what="answers for the system in production")
_MANAGER = Post(duty="manager", part="owner", field="owner.manager", what="confirms the owner's objective")
_CODES = {
    **CODES,
    **PAGE_CODES,
    "no-objective": "No objective of the owner depends on the system.",
    "objective-not-confirmed": "The owner's manager has not confirmed that the objective is among their "
    "performance metrics.",
    "may-not-pull": "The owner may not take the system offline on their own.",
    "no-stop-control": "No procedure lets the owner stop the system in one action.",
    "stop-failed": "The stop was pulled in the drill, and the system did not stop.",
    "stop-not-restored": "After the stop drill the system was not brought back to where it was.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    owner = system.owner
    found = holding(system, trial, _POST, owner.who, owner.deputy)
    findings = [*found.findings, *_objective(system, trial)]
    if not owner.may_pull:
        findings.append(
            Finding(
                code="may-not-pull",
                summary="The owner may not take the system offline on their own.",
                fields=("owner.may_pull",),
                why="While permission is sought, the harm goes on.",
                remedy="Let the owner's management decide it, and write owner.may_pull: true.",
            )
        )
    if owner.stop is None:
        findings.append(
            Finding(
                code="no-stop-control",
                summary="No stop control is declared.",
                fields=("owner.stop",),
                why="Whoever answers for the system must be able to stop it in one action.",
                remedy="Write the procedure that takes it offline, and name it in owner.stop.",
            )
        )
    stopped = _Stopped()
    if owner.who is not None and owner.stop is not None and not gone(system, trial, owner.who):
        stopped = _stop_drill(system, trial, owner.who, owner.stop)
    return Observation(
        done="Looked up the owner, the deputy, the objective and who signed for them, then asked the "
        "owner over their page "
        "route to stop the system, stopped it on their word, looked at what was served, and brought it back.",
        measures=stopped.measures,
        findings=(*findings, *stopped.findings),
        figures=(durations("The stop drill", stopped.journals, limit_s=None),) if stopped.journals else (),
        proof=found.verified + len(stopped.journals),
        facts={**stopped.facts, "journals": recorded(stopped.journals)},
    )


def _objective(system: System, trial: Trial) -> Iterator[Finding]:
    owner = system.owner
    if owner.objective is None:
        yield Finding(
            code="no-objective",
            summary="No objective of the owner depends on the system.",
            fields=("owner.objective",),
            why="What is in nobody's objectives is nobody's work.",
            remedy="Name the objective in owner.objective, and have the owner's manager confirm it.",
        )
    if owner.manager is None or gone(system, trial, owner.manager):
        yield Finding(
            code="objective-not-confirmed",
            summary="No manager is named who confirms the owner's objective.",
            fields=("owner.manager",),
            remedy="Name the owner's manager in owner.manager.",
        )
    elif acceptance(trial, _MANAGER, owner.manager) is None:
        name = system.people[owner.manager].name
        yield Finding(
            code="objective-not-confirmed",
            summary=f"{name} has not confirmed that the objective is among the owner's performance metrics.",
            fields=("owner.manager",),
            remedy=f"{name} confirms it: seatrial accept --as {owner.manager} manager.",
        )


class _Stopped:
    """What the stop drill showed; nothing when it could not be held."""

    def __init__(self) -> None:
        self.measures: tuple[Measure, ...] = ()
        self.findings: tuple[Finding, ...] = ()
        self.journals: tuple[Journal, ...] = ()
        self.facts: dict[str, Json] = {}


def _stop_drill(system: System, trial: Trial, who: str, path: str) -> _Stopped:
    stopped = _Stopped()
    procedure = open_procedure(trial, path)
    allow(system, trial, "stop", procedure)
    answered = page(
        system,
        trial,
        Drill(
            person=who,
            within_s=system.owner.acknowledge_within or _PATIENCE_S,
            field="owner.acknowledge_within",
            title=f"Drill: stop {system.system}",
            text="This is a drill by seatrial. Pressing the button really takes the system offline; "
            "seatrial looks whether "
            "it stopped, and brings it back.",
            action="Stop the system now",
        ),
    )
    stopped.findings, stopped.facts = answered.findings, answered.facts
    if not answered.measures:
        return stopped
    journal = drill(system, trial, "stop", procedure, changes=True)
    stopped.journals = (journal,)
    stopped.measures = (
        *(_timed(system, m) for m in answered.measures),
        Measure(name="time to stop", value=journal.duration_s, unit="s", kind=MeasureKind.INFORMATIVE, n=1),
    )
    stopped.findings += tuple(_stop_findings(journal, path))
    return stopped


def _timed(system: System, measure: Measure) -> Measure:
    """Judged where the owner declared a time; without one the drill's patience is no limit."""
    kind = MeasureKind.GATE if system.owner.acknowledge_within is not None else MeasureKind.INFORMATIVE
    return replace(measure, name=_PULLED, kind=kind)


def _limits(system: System) -> Sequence[Threshold]:
    limit = system.owner.acknowledge_within
    if limit is None:
        return ()
    return (Threshold(requirement=_ID, measure=_PULLED, sense=Sense.AT_MOST, limit=limit, unit="s"),)


def _stop_findings(journal: Journal, path: str) -> Iterator[Finding]:
    if not journal.succeeded:
        yield Finding(
            code="stop-failed",
            summary=f"The stop was pulled, and nothing shows that the system stopped: {journal.problem}.",
            fields=("owner.stop",),
            why="On the day when it matters, nobody could stop it.",
            remedy=f"Mend {path} until its target is proven, then run the drill again.",
        )
    if journal.restored is False or (journal.succeeded and journal.restored is None):
        yield Finding(
            code="stop-not-restored",
            summary=f"After the stop drill the system was not brought back: {journal.problem}.",
            fields=("owner.stop",),
            remedy=f"Bring the system back by hand now, and mend the restore steps of {path}.",
        )


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=3,
    title="The owner, and the stop control",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    grace_s=lambda _: 600.0,
    budget_s=lambda system: 300.0 + (system.owner.acknowledge_within or _PATIENCE_S),
)
