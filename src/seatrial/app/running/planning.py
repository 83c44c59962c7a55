"""What a run will do: which checks, which stages they need, and which evidence of an interrupted run is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from seatrial.app.folder.catalogue import check_by_id, checks
from seatrial.app.folder.files import Digests
from seatrial.app.folder.stages import MEASURING, MEASURING_SCORED, SCORED, SCORING
from seatrial.app.folder.subject import Identities
from seatrial.app.folder.workspace import Workspace
from seatrial.core.bodies import ObservationBody
from seatrial.core.check import Check, MeasureRequest
from seatrial.core.codec import CodecError, from_data, to_data
from seatrial.core.observation import Json
from seatrial.core.record import Evidence, Subject
from seatrial.core.vocabulary import Domain, RecordType
from seatrial.engine.plan import Plan, Work, ordered
from seatrial.gate.binding import depends, resolved
from seatrial.gate.catalogue import by_id
from seatrial.gate.inputs import Inputs
from seatrial.gate.standing import departed, observation_objection, subject_objection
from seatrial.spec.system import System

_STAGE_BUDGET_S = 6 * 3600.0
_STAGE_TITLES: Mapping[str, str] = {
    SCORING: "Scoring rows through the model",
    MEASURING: "Reading the data once",
    MEASURING_SCORED: "Reading the scored rows once",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What all work of a run is about: subject, digests of files, what is served, and the run's private folder."""

    subject: Subject
    files: Digests
    identities: Identities
    work: Path


def chosen(only: Sequence[str] | None) -> tuple[Check[System], ...]:
    """The checks to run: all, or those of the named checks, requirements and domains. Raises SeatrialError.

    One entry may name several, separated by commas.
    """
    if not only:
        return checks()
    domains = {domain.value for domain in Domain}
    wanted: dict[str, Check[System]] = {}
    for name in [name.strip() for each in only for name in each.split(",") if name.strip()] or only:
        found = [
            c for c in checks() if name == c.requirement or (name in domains and c.requirement.startswith(f"{name}."))
        ]
        for check in found or [check_by_id(name)]:
            wanted[check.id] = check
    return tuple(check for check in checks() if check.id in wanted)


def plan(
    workspace: Workspace, basis: Basis, selected: Iterable[Check[System]], *, run: str, seed: int, kept: Sequence[str]
) -> Plan:
    """The plan over what is not kept."""
    system = workspace.system
    due = [check for check in selected if check.id not in kept]
    requests = _requests(due, system)
    tables = {check.id: _tables(check, system) for check in due}
    wanted = {table for each in tables.values() for table in each}
    shared: dict[str, Json] = {
        "file": str(workspace.file),
        "expected": workspace.digest,
        "work": str(basis.work),
        "digests": dict(basis.files.digests),
    }
    stages = _stages(shared, requests, scored=[table for table in SCORED if table in wanted])
    names = {stage.id for stage in stages}
    told = {**shared, "due": [check.id for check in due]}
    works = [_work(check, system, basis, told, _needs(check, system, tables[check.id]) & names) for check in due]
    return Plan(run=run, system=system.system, seed=seed, stages=tuple(stages), checks=ordered(works), kept=tuple(kept))


def _requests(due: Iterable[Check[System]], system: System) -> list[MeasureRequest]:
    return [request for check in due for request in check.measures(system)]


def _tables(check: Check[System], system: System) -> set[str]:
    return {*check.tables(system), *(request.table for request in check.measures(system))}


def _needs(check: Check[System], system: System, tables: set[str]) -> set[str]:
    measured = {request.table for request in check.measures(system)}
    needs = {SCORING} if tables & set(SCORED) else set()
    if measured & set(SCORED):
        needs.add(MEASURING_SCORED)
    if measured - set(SCORED):
        needs.add(MEASURING)
    return needs


def _stages(shared: Mapping[str, Json], requests: Sequence[MeasureRequest], *, scored: Sequence[str]) -> list[Work]:
    stages = []
    if scored:
        stages.append(_stage(SCORING, "run_scoring", {**shared, "tables": list(scored)}))
    for stage, over_scored in ((MEASURING, False), (MEASURING_SCORED, True)):
        asked: list[Json] = [to_data(request) for request in requests if (request.table in SCORED) is over_scored]
        if asked:
            needs = (SCORING,) if over_scored else ()
            stages.append(_stage(stage, "run_measuring", {**shared, "requests": asked}, needs=needs, only_reads=True))
    return stages


def _stage(
    name: str, entry: str, arguments: Mapping[str, Json], *, needs: tuple[str, ...] = (), only_reads: bool = False
) -> Work:
    return Work(
        id=name,
        title=_STAGE_TITLES[name],
        entry=f"seatrial.app.running.worker:{entry}",
        arguments=arguments,
        needs=needs,
        only_reads=only_reads,
        budget_s=_STAGE_BUDGET_S,
    )


def _work(check: Check[System], system: System, basis: Basis, shared: Mapping[str, Json], needs: set[str]) -> Work:
    rests_on = depends(by_id(check.requirement), system, basis.subject.parts)
    arguments: dict[str, Json] = {
        **shared,
        "check": check.id,
        "parts": dict(basis.subject.parts),
        "served": {part: version for part, version in basis.identities.versions.items() if part in rests_on},
    }
    return Work(
        id=check.id,
        title=check.title,
        entry="seatrial.app.running.worker:run_check",
        arguments=arguments,
        requirement=check.requirement,
        needs=tuple(sorted(needs)),
        alone=check.alone,
        alone_at_system=check.alone_at_system,
        only_reads=check.only_reads,
        before_traffic=check.before_traffic,
        draw=None if check.draws_anew else f"model {basis.subject.parts.get('model')}",
        budget_s=check.budget_s(system),
        grace_s=check.grace_s(system),
    )


def interrupted_run(evidence: Iterable[Evidence]) -> str | None:
    """The id of the newest run, when it observed something and did not come to its decision."""
    newest: str | None = None
    for item in evidence:
        if item.problem:
            continue
        if item.record.type is RecordType.OBSERVATION:
            newest = str(item.record.body.get("run"))
        elif item.record.type is RecordType.DECISION:
            newest = None
    return newest


def kept_from(run: str, inputs: Inputs) -> tuple[str, ...]:
    """The checks whose observation of that run still holds for this subject, whatever it says."""
    gone = departed(inputs)
    kept = set()
    for item in inputs.evidence:
        if item.record.type is not RecordType.OBSERVATION or item.problem:
            continue
        try:
            body = from_data(ObservationBody, item.record.body)
        except CodecError:
            continue
        if body.run != run or body.observation is None:
            continue
        requirement = by_id(body.requirement)
        if (
            subject_objection(item, resolved(requirement.rests_on, inputs.system), inputs) is None
            and observation_objection(item, body, requirement, inputs, gone) is None
        ):
            kept.add(body.check)
    return tuple(check.id for check in checks() if check.id in kept)
