"""What a verdict is about, part by part: the digest of everything on which evidence can rest.

A limit (a minimum, a latency, a window) is in no part: a changed limit re-judges evidence, it does not void it.
What a trial exercises (peaks, durations, operating points) is in one, and so is a limit that no recorded measure can be
judged against anew: the tolerance of faults, the limits in take-offline rules, how long a flow may take.
No part holds a secret or can be turned back into one: of an address it covers scheme, host and path; a page route
enters salted with system and person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from pydantic import BaseModel

from seatrial.core.record import Subject
from seatrial.spec.canonical import digest
from seatrial.spec.public import public
from seatrial.spec.system import End, IntegrationSection, Source, System

_METHOD = (
    "demonstration",
    "load_duration",
    "load_headroom",
    "load_blocks",
    "flow_duration",
    "rehearsals",
    "fallback_duration",
    "smallest_harm",
    "smallest_slice",
    "smallest_fault_harm",
)
_SECRET = frozenset({"page", "headers"})
_ADDRESS = frozenset({"url", "endpoint", "mlflow", "identity", "source"})


def subject(
    system: System,
    *,
    files: Mapping[str, str],
    identities: Mapping[str, str],
    probed_at: datetime | None = None,
) -> Subject:
    """The subject that a verdict on this system is about. Arguments as for `parts`."""
    found = parts(system, files=files, identities=identities)
    overall = digest({"system": system.system, "parts": found})
    return Subject(system=system.system, digest=overall, parts=found, probed_at=probed_at)


def system_digest(system: System) -> str:
    """Digest of everything that the system file says and of its policy, limits included, secrets left out."""
    return digest({"system": _declared(system), "policy": system.policy.model_dump(mode="json")})


def parts(system: System, *, files: Mapping[str, str], identities: Mapping[str, str]) -> dict[str, str]:
    """Part name to digest, for every part that the system has.

    `files` maps each of `referenced_files` that could be read to its SHA-256. `identities` holds what probing found:
    `model`, `integration.<name>`, and for tables that are no files `data.training`, `data.evaluation`, `data.live`.
    What could not be read or probed enters as unknown, and so differs from anything known.
    """
    return {name: digest(content) for name, content in _contents(system, files, identities)}


def documents(system: System) -> tuple[str, ...]:
    """The documents that people read and approve, by path."""
    named = [
        system.governance.plan.document,
        *(w.process for w in system.workflows.values()),
        *(r.handling for r in system.do_not_trust),
        system.duties.retraining.criteria if system.duties.retraining else None,
        system.change.plan,
        system.training.material,
    ]
    return _distinct(named)


def procedures(system: System) -> tuple[str, ...]:
    """The procedures that machines or people carry out, by path."""
    named = [
        system.rollback.procedure if system.rollback else None,
        system.governance.offline,
        system.owner.stop,
        *(w.fallback.procedure for w in system.workflows.values() if w.fallback),
    ]
    return _distinct(named)


def referenced_files(system: System) -> tuple[str, ...]:
    """Every file that the system file names, by path relative to it, sorted."""
    model = system.model
    data = (system.data.training, system.data.evaluation, system.data.live)
    policy = system.governance.policy
    named = [
        *documents(system),
        *procedures(system),
        model.inputs if isinstance(model.inputs, str) else None,
        _python_file(model.python),
        *(s.source for s in data if s is not None and not _is_address(s.source)),
        *(i.contract for i in system.integrations.values()),
        *(f.records for f in system.flows),
        system.failure_modes,
        system.training.users,
        policy if policy not in ("default", "short-demo") else None,
    ]
    return tuple(sorted(_distinct(named)))


def _contents(system: System, files: Mapping[str, str], identities: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    def file(path: str | None) -> object:
        return None if path is None else {"path": path, "sha256": files.get(path.partition("#")[0])}

    yield (
        "declaration",
        {
            "system": system.system,
            "version": system.version,
            "purpose": system.purpose,
            "criticality": system.criticality.value,
        },
    )
    yield from _model(system, files, identities)
    yield "plan", _plan(system, file(system.governance.plan.document))
    yield "policy", {key: getattr(system.policy, key) for key in _METHOD}
    for name, source in (
        ("training", system.data.training),
        ("evaluation", system.data.evaluation),
        ("live", system.data.live),
    ):
        yield f"data.{name}", _source(source, files, identities.get(f"data.{name}"))
    yield "data.faults", _plain(system.data.faults)
    yield "freshness", sorted([f.source, f.at] for f in system.data.freshness)
    for name, integration in system.integrations.items():
        contract = file(integration.contract)
        yield f"integration.{name}", _integration(integration, contract, identities.get(f"integration.{name}"))
    for flow in system.flows:
        yield f"flow.{flow.name}", {**_plain(flow), "records": file(flow.records)}
    yield "load", _load(system)
    for name, workflow in system.workflows.items():
        fallback = workflow.fallback
        yield (
            f"workflow.{name}",
            {
                **_plain(workflow, leave={"fallback"}),
                "fallback": None if fallback is None else _plain(fallback, leave={"needed"}),
            },
        )
    yield "users", file(system.training.users)
    for path in documents(system):
        yield f"document.{path}", file(path)
    for path in procedures(system):
        yield f"procedure.{path}", file(path)
    yield "failure-modes", file(system.failure_modes)
    yield "do-not-trust", [_plain(rule) for rule in system.do_not_trust]
    yield from _people(system)
    yield "rollback", None if system.rollback is None else _plain(system.rollback, leave={"within"})
    yield (
        "offline",
        {
            "rules": [_plain(rule) for rule in system.governance.offline_when],
            "procedure": system.governance.offline,
        },
    )
    yield "change", {"plan": system.change.plan, "who": system.change.who}
    yield "stress", _plain(system.stress)


def _model(system: System, files: Mapping[str, str], identities: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    model = system.model
    code = _python_file(model.python)
    yield (
        "model",
        {
            "endpoint": public(model.endpoint) if model.endpoint else None,
            "mlflow": public(model.mlflow) if model.mlflow else None,
            "python": model.python,
            "code": None if code is None else files.get(code),
            "task": model.task,
            "output": _plain(model.output),
            "told_by": public(model.identity) if model.identity else None,
            "identity": identities.get("model"),
        },
    )
    if isinstance(model.inputs, str):
        yield "schema", {"path": model.inputs, "sha256": files.get(model.inputs)}
    else:
        yield "schema", None if model.inputs is None else {n: _plain(f) for n, f in model.inputs.items()}


def _plan(system: System, document: object) -> object:
    governance = system.governance
    metrics = {m.metric for m in governance.metrics} | ({governance.metric} if governance.metric else set())
    return {**_plain(governance.plan), "document": document, "metrics": sorted(metrics)}


def _source(source: Source | None, files: Mapping[str, str], identity: str | None) -> object:
    if source is None:
        return None
    content = files.get(source.source) if not _is_address(source.source) else None
    return {**_plain(source), "source": public(source.source), "content": content, "identity": identity}


def _integration(integration: IntegrationSection, contract: object, identity: str | None) -> object:
    return {
        "kind": integration.kind,
        "direction": integration.direction,
        "contract": contract,
        "feeds": sorted(set(integration.feeds)),
        "topic": integration.topic,
        "test": _end(integration.test),
        "production": _end(integration.production),
        "version": identity,
    }


def _end(end: End | None) -> object:
    if end is None:
        return None
    return {**_plain(end, leave={"headers"}), "url": public(end.url), "headers": sorted(end.headers)}


def _load(system: System) -> object:
    load, policy = system.load, system.policy
    return {
        "peak": load.peak if load else None,
        "headroom": (load.headroom if load else None) or policy.load_headroom,
        "duration": (load.duration if load else None) or policy.load_duration,
        "flows": {flow.name: flow.peak for flow in system.flows},
    }


def _people(system: System) -> Iterator[tuple[str, object]]:
    yield "owner", _plain(system.owner, leave={"acknowledge_within"})
    for name, duty in (
        ("monitor", system.duties.monitor),
        ("pipeline-alert", system.duties.pipeline_alert),
        ("retraining", system.duties.retraining),
        ("escalation-point", system.duties.escalation_point),
    ):
        yield f"duty.{name}", None if duty is None else _plain(duty, leave={"acknowledge_within", "answer_within"})
    for name, person in system.people.items():
        yield f"route.{name}", {"system": system.system, "person": name, "route": person.page}
        yield f"person.{name}", {"name": person.name, "left_on": person.left_on}


def _plain(section: BaseModel, *, leave: set[str] | frozenset[str] = frozenset()) -> dict[str, object]:
    return section.model_dump(mode="python", by_alias=True, exclude=set(leave))


def _declared(value: object, key: str = "") -> object:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="python", by_alias=True)
    if isinstance(value, dict):
        if key in _SECRET:
            return sorted(value)
        return {k: _declared(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_declared(v) for v in value]
    if isinstance(value, str) and key in _SECRET:
        return digest({"secret": value})
    return public(value) if isinstance(value, str) and key in _ADDRESS else value


def _is_address(source: str) -> bool:
    return "://" in source


def _python_file(target: str | None) -> str | None:
    return target.rpartition(":")[0] or target if target else None


def _distinct(paths: list[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(p.partition("#")[0] for p in paths if p))
