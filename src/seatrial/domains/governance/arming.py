"""Between drills: would the ways out still work? Everything that they need is looked at, and nothing is changed.

Each day the procedures are read anew, every target is asked whether it would take the step, what was rehearsed is
looked at again and must show what it showed then, and the routes to whoever decides are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from seatrial.core.bodies import ObservationBody
from seatrial.core.check import Check, Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding, Json, Measure, Observation, Reason
from seatrial.core.record import Record
from seatrial.core.vocabulary import MeasureKind, RecordType, Weight
from seatrial.domains.rehearsing import open_procedure, shown_by
from seatrial.domains.touching import targets_of
from seatrial.spec.procedure import Procedure, Step
from seatrial.spec.system import System

ID = "governance.rollback-armed"
HOLDS_S = 24 * 3600.0
_DRILL = "governance.rollback"
_CODES = {
    "no-rollback": "No way back is declared.",
    "procedure-unreadable": "A procedure cannot be read, or something that it names is not given.",
    "not-armed": "Something that a way out needs is not there, or no longer permits it.",
    "state-before-not-there": "Production is not in the state from which the way out begins.",
    "nothing-to-look-at": "The procedure does not say how one sees that what it goes back to is still there.",
    "never-rehearsed": "No drill is on record that what is there now could be compared with.",
    "changed-since-rehearsed": "What the way back needs is not what it was when it was rehearsed.",
    "route-closed": "A page to somebody who decides would not be delivered.",
    "route-not-probed": "Whether a page to somebody who decides would be delivered cannot be told without sending one.",
    "no-decider": "Nobody is named who decides, or they have no page route.",
}
_GONE = (404, 410)
_WHY = "What was rehearsed weeks ago may have been cleaned up, rotated or closed since; that shows on the worst day."


@dataclass(slots=True)
class _Probed:
    """What was asked so far, and what was wrong with it."""

    asked: list[Json] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    open_ones: int = 0

    def note(self, path: str, name: str, how: str, *, ok: bool, output: str) -> None:
        """One thing that was asked, and what it answered."""
        self.asked.append({"of": path, "what": name, "how": how, "ok": ok, "answer": output.splitlines()[:1]})


def _run(system: System, trial: Trial) -> Observation | Reason:
    probed = _Probed()
    if system.rollback is None:
        probed.findings.append(
            Finding(
                code="no-rollback",
                summary="No way back is declared, so nothing can be armed.",
                fields=("rollback",),
                why=_WHY,
                remedy="Write the way back as a procedure, and name it in rollback.procedure.",
            )
        )
    for path in ways_out(system):
        _probe(system, trial, path, probed)
    probed.findings += _routes(system, trial, probed)
    well = sum(bool(each["ok"]) for each in probed.asked if isinstance(each, Mapping))
    return Observation(
        done=f"Asked {len(probed.asked)} things that the ways out need whether they are still there: targets, "
        "credentials, artefacts, permissions and routes. Nothing was changed.",
        measures=(
            Measure(
                name="share of what the ways out need that is there",
                value=well / len(probed.asked) if probed.asked else None,
                unit="share",
                n=len(probed.asked),
                kind=MeasureKind.INFORMATIVE,
            ),
        ),
        findings=tuple(probed.findings),
        proof=well,
        facts={"asked": probed.asked},
    )


def ways_out(system: System) -> tuple[str, ...]:
    """The procedures that must work at any hour: the way back, the take-offline procedure, the owner's stop."""
    named = [system.rollback.procedure if system.rollback else None, system.governance.offline, system.owner.stop]
    return tuple(dict.fromkeys(path for path in named if path))


def _probe(system: System, trial: Trial, path: str, probed: _Probed) -> None:
    try:
        procedure = open_procedure(trial, path)
    except SeatrialError as error:
        probed.findings.append(
            Finding(
                code="procedure-unreadable",
                summary=f"{path} cannot be read: {error.what}",
                fields=(path,),
                why="A procedure that cannot be read cannot be carried out.",
                remedy=error.remedy or f"Mend {path}.",
            )
        )
        return
    trial.say(f"{path}: asking what it needs")
    is_rollback = system.rollback is not None and path == system.rollback.procedure
    looked_at = {target for look in procedure.armed for target in targets_of(look)}
    for step in _steps(procedure):
        result = trial.steps.probe(step.kind, step.settings, timeout_s=step.deadline)
        gone = result.value in _GONE and not looked_at & set(targets_of(step))
        output = f"it answers with status {result.value}: nothing is there" if gone and result.ok else result.output
        ok = result.ok and not gone
        probed.note(path, step.name, "probed", ok=ok, output=output)
        if not ok:
            probed.findings.append(_not_armed(path, step, output))
        elif result.value is False:
            probed.findings.append(_not_told(str(step.settings.get("who"))))
    shown = shown_by(trial, procedure)
    for look in procedure.armed:
        digest, output = shown[look.name]
        probed.note(path, look.name, "looked", ok=digest is not None, output=output)
        if digest is None:
            probed.findings.append(_not_armed(path, look, output))
    if is_rollback:
        probed.findings += _as_rehearsed(trial, path, procedure, {name: seen[0] for name, seen in shown.items()})
    probed.findings += _still_there(trial, path, procedure, probed)


def _steps(procedure: Procedure) -> Iterator[Step]:
    """Every step of the way there and back; what is asked twice alike is asked once."""
    seen = set()
    for step in (
        *procedure.steps,
        *procedure.target,
        *(step.undo for step in procedure.steps if step.undo is not None),
        *procedure.restore,
        *procedure.restored,
    ):
        key = repr((step.kind, sorted(step.settings.items(), key=str)))
        if key not in seen:
            seen.add(key)
            yield step


def _still_there(trial: Trial, path: str, procedure: Procedure, probed: _Probed) -> Iterator[Finding]:
    """The state before holds, looked at last: so it also shows that the probe itself changed nothing."""
    for proof in procedure.before:
        result = trial.steps.look(proof.kind, proof.settings, timeout_s=proof.deadline)
        how = "looked"
        if not result.ok and not _only_looks(proof):
            result, how = trial.steps.probe(proof.kind, proof.settings, timeout_s=proof.deadline), "probed"
        probed.note(path, proof.name, how, ok=result.ok, output=result.output)
        if not result.ok:
            yield Finding(
                code="state-before-not-there",
                summary=f"{path} begins where {proof.name!r} holds, which it does not now: {_first(result.output)}",
                fields=(path,),
                why="A way out that starts from another state than production's may not arrive.",
                remedy=f"Bring production into that state, or correct `before` of {path} and drill it again.",
            )


def _only_looks(step: Step) -> bool:
    settings = step.settings
    return step.kind in ("command", "sql") or (
        step.kind == "http" and str(settings.get("method", "GET")).upper() in ("GET", "HEAD") and "json" not in settings
    )


def _as_rehearsed(trial: Trial, path: str, procedure: Procedure, shown: Mapping[str, str | None]) -> Iterator[Finding]:
    if not procedure.armed:
        yield Finding(
            code="nothing-to-look-at",
            summary=f"{path} does not say how one sees that what it goes back to is still there.",
            fields=(path,),
            why="The previous version may be cleaned up any day, and the way back would end in nothing.",
            remedy=f"Add under `armed` of {path} a step that only looks: the artefact's digest in its registry or on "
            "its disk, and the permission to activate it. Then drill: seatrial drill rollback.",
        )
        return
    rehearsed = _rehearsed(trial)
    if rehearsed is None:
        yield Finding(
            code="never-rehearsed",
            summary="No drill of the way back is on record that what is there now could be compared with.",
            weight=Weight.OPEN,
            fields=("rollback.procedure",),
            remedy="Drill it: seatrial drill rollback.",
        )
        return
    record, then = rehearsed
    for name, digest in shown.items():
        if digest is not None and then.get(name) != digest:
            yield Finding(
                code="changed-since-rehearsed",
                summary=f"What {name!r} shows is not what it showed when the way back was rehearsed on "
                f"{record.at.date().isoformat()}.",
                fields=(path,),
                detail={"then": str(then.get(name)), "now": digest},
                why="Whoever goes back now does not arrive where the rehearsal arrived.",
                remedy="Find out who replaced it and put back what was rehearsed, or rehearse what is there now: "
                "seatrial drill rollback. Where it changes by itself, let `take` cut the digest out of it.",
            )


def _rehearsed(trial: Trial) -> tuple[Record, Mapping[str, Json]] | None:
    """The newest drill of the way back on record, and what it was shown of what it needs."""
    for record in reversed(trial.records(RecordType.OBSERVATION)):
        if record.body.get("check") != _DRILL:
            continue
        try:
            seen = from_data(ObservationBody, record.body).observation
        except CodecError:
            continue
        shown = None if seen is None else seen.facts.get("armed")
        if isinstance(shown, Mapping):
            return record, shown
    return None


def _routes(system: System, trial: Trial, probed: _Probed) -> Iterator[Finding]:
    """Whoever decides on the way out can be reached."""
    who = system.owner.who
    if who is None or who not in system.people or system.people[who].page is None:
        yield Finding(
            code="no-decider",
            summary="Whoever decides on the way out cannot be paged: no owner with a page route is declared.",
            fields=("owner.who",),
            why="The procedure is quick; finding somebody who may order it is not.",
            remedy="Name the owner in owner.who, and their route in people.….page.",
        )
    for person in deciders(system):
        try:
            told = trial.pager.probe(person)
        except SeatrialError as error:
            probed.note("people", person, "probed", ok=False, output=error.what)
            yield Finding(
                code="route-closed",
                summary=f"A page to {system.people[person].name} would not be delivered: {error.what}",
                fields=(f"people.{person}.page",),
                why="The alarm would reach nobody.",
                remedy=error.remedy or f"Correct people.{person}.page.",
            )
            continue
        probed.note("people", person, "probed", ok=told, output="the channel answers" if told else "not told")
        if not told:
            yield _not_told(person)


def deciders(system: System) -> Sequence[str]:
    """Who is paged when the way out is to be taken, as far as they have a route: the owner and whoever watches."""
    monitor = system.duties.monitor
    named = [system.owner.who, system.owner.deputy, *((monitor.who, monitor.deputy) if monitor else ())]
    people = system.people
    return tuple(dict.fromkeys(p for p in named if p is not None and p in people and people[p].page is not None))


def _not_told(person: str) -> Finding:
    return Finding(
        code="route-not-probed",
        summary=f"Whether a page to {person} would be delivered cannot be told without sending one.",
        weight=Weight.OPEN,
        fields=(f"people.{person}.test_page",),
        why="A route that was closed since the last page drill would show only at the alarm.",
        remedy=f"Declare in people.{person}.test_page a route over the same service that wakes nobody, such as a "
        "channel for tests.",
    )


def _not_armed(path: str, step: Step, output: str) -> Finding:
    return Finding(
        code="not-armed",
        summary=f"{path} could not be carried out now: {step.name!r}: {_first(output)}",
        fields=(path,),
        detail={"answer": output},
        why=_WHY,
        remedy=f"Bring back what {step.name!r} needs (the target, the credential, the artefact, the permission), then "
        "probe again: seatrial arm.",
    )


def _first(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[0] if lines else "it said nothing"


def _budget(system: System) -> float:
    return 120.0 + 60.0 * len(ways_out(system))


CHECK: Check[System] = Check(
    id=ID,
    requirement=_DRILL,
    version=1,
    title="The ways out, armed",
    run=_run,
    codes=_CODES,
    alone=True,
    budget_s=_budget,
    lease_s=HOLDS_S,
)
"""It runs alone, and after the drill: what the drill was shown is what it compares with."""
