"""What a verdict is about, part by part: the digest of everything on which evidence can rest.

A limit (a minimum, a latency, a window) is in no part: a changed limit re-judges evidence, it does not void it.
What a trial exercises (peaks, durations, operating points) is in one, and so is a limit that no recorded measure can be
judged against anew: the tolerance of faults, the limits in take-offline rules, how long a flow may take, the longest
way back that a policy lets a system declare, how many replayed rows may differ.
No part holds a secret or can be turned back into one: of an address it covers scheme, host and path; a page route
enters salted with system and person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from pydantic import BaseModel

from seatrial.core.record import Subject
from seatrial.spec.adversarial_chat import NO_PROMPT
from seatrial.spec.canonical import digest
from seatrial.spec.data import Source
from seatrial.spec.fallback import Fallback
from seatrial.spec.integration import End, IntegrationSection
from seatrial.spec.model import ModelSection, Output
from seatrial.spec.public import public
from seatrial.spec.system import System

_METHOD = (
    "demonstration",
    "load_duration",
    "load_headroom",
    "load_blocks",
    "capacity_level",
    "soak_duration",
    "soak_horizon",
    "flow_duration",
    "rehearsals",
    "fallback_duration",
    "outage_duration",
    "window_duration",
    "schema_changes",
    "smallest_harm",
    "smallest_slice",
    "smallest_rise",
    "smallest_fault_harm",
    "adversarial_edits",
    "adversarial_cost",
    "adversarial_rows",
    "adversarial_words",
    "smallest_attack",
)
OWN_STEPS = "the system file"
"""Stands for a procedure's path where steps stand in the system file itself."""
_SECRET = frozenset({"private_key", "page", "test_page", "headers"})
_ADDRESS = frozenset({"url", "endpoint", "mlflow", "openai", "identity", "source"})


def subject(
    system: System,
    *,
    files: Mapping[str, str],
    identities: Mapping[str, str],
    called: Mapping[str, Sequence[str]] = MappingProxyType({}),
    probed_at: datetime | None = None,
) -> Subject:
    """The subject that a verdict on this system is about. Arguments as for `parts`."""
    found = parts(system, files=files, identities=identities, called=called)
    data = {part: identity for part, identity in identities.items() if part.startswith("data.")}
    silent = parts(system, files=files, identities=data, called=called)
    return Subject(
        system=system.system,
        digest=digest_of(system.system, found),
        parts=found,
        probed_at=probed_at,
        unprobed={part: as_unknown for part, as_unknown in silent.items() if as_unknown != found[part]},
    )


def digest_of(system: str, parts: Mapping[str, str]) -> str:
    """The digest of a subject whose parts have these digests."""
    return digest({"system": system, "parts": dict(parts)})


def system_digest(system: System) -> str:
    """Digest of everything that the system file says and of its policy, limits included, secrets left out."""
    return digest({"system": _declared(system), "policy": system.policy.model_dump(mode="json")})


def parts(
    system: System,
    *,
    files: Mapping[str, str],
    identities: Mapping[str, str],
    called: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, str]:
    """Part name to digest, for every part that the system has.

    `files` maps each of `referenced_files`, and each that steps call, to its SHA-256 where it could be read. `called`
    maps a procedure's path, or `OWN_STEPS`, to the files that its commands call. `identities` holds what probing found:
    `model`, `integration.<name>`, and for tables that are no files `data.training`, `data.evaluation`, `data.live`.
    What could not be read or probed enters as unknown, and so differs from anything known.
    """
    return {name: digest(content) for name, content in _contents(system, files, identities, called)}


def documents(system: System) -> tuple[str, ...]:
    """The documents that people read and approve, by path."""
    named = [
        system.governance.plan.document,
        *(w.process for w in system.workflows.values()),
        *(r.handling for r in system.do_not_trust),
        system.duties.retraining.criteria if system.duties.retraining else None,
        system.change.plan,
        system.compliance.review,
        system.training.material,
        system.model.vendor.document if system.model.vendor else None,
    ]
    return _distinct(named)


def procedures(system: System) -> tuple[str, ...]:
    """The procedures that machines or people carry out, by path."""
    named = [
        system.rollback.procedure if system.rollback else None,
        system.governance.offline,
        system.owner.stop,
        system.escalation.procedure,
        *(w.fallback.procedure for w in system.workflows.values() if w.fallback),
    ]
    return _distinct(named)


def own_metrics(system: System) -> tuple[str, ...]:
    """The Python files of governed metrics that are the user's own, by path."""
    named = [system.governance.metric, *(m.metric for m in system.governance.metrics)]
    return _distinct([_python_file(name) for name in named if name and own_function(name)])


def own_function(metric: str) -> bool:
    """Whether a metric is the user's own: `path/to/file.py:function`.

    >>> own_function("metrics/cost.py:saved"), own_function("recall:late")
    (True, False)
    """
    path, colon, function = metric.rpartition(":")
    return bool(colon) and path.endswith(".py") and function.isidentifier()


def referenced_files(system: System) -> tuple[str, ...]:
    """Every file that the system file names, by path relative to it, sorted."""
    model = system.model
    data = (system.data.training, system.data.evaluation, system.data.live)
    policy = system.governance.policy
    named = [
        *documents(system),
        *procedures(system),
        model.inputs if isinstance(model.inputs, str) else None,
        *_model_files(model),
        *own_metrics(system),
        model.recorded,
        model.vendor.probes if model.vendor else None,
        *_prompts(model),
        *model.knowledge,
        *(s.source for s in data if s is not None and not _is_address(s.source)),
        *(i.contract for i in system.integrations.values()),
        *(file for i in system.integrations.values() for end in (i.test, i.production) for file in _files_of(end)),
        *(f.records for f in system.flows),
        system.load.trace if system.load else None,
        *(r.file for r in system.stress.relations),
        _secret_prompt(system),
        system.adversarial.chat.judge.labelled if system.adversarial.chat.judge else None,
        system.adversarial.synonyms,
        system.failure_modes,
        system.training.users,
        policy if policy not in ("default", "short-demo") else None,
    ]
    return tuple(sorted(_distinct(named)))


def _contents(
    system: System, files: Mapping[str, str], identities: Mapping[str, str], called: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, object]]:
    def file(path: str | None) -> object:
        return None if path is None else {"path": path, "sha256": files.get(path.partition("#")[0])}

    def calls(path: str) -> dict[str, str | None]:
        return {name: files.get(name) for name in called.get(path, ())}

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
    yield "plan", _plan(system, file(system.governance.plan.document), files)
    yield "policy", {key: getattr(system.policy, key) for key in _METHOD}
    for name, source in (
        ("training", system.data.training),
        ("evaluation", system.data.evaluation),
        ("live", system.data.live),
    ):
        yield f"data.{name}", _source(source, files, identities.get(f"data.{name}"))
    yield "data.faults", _plain(system.data.faults)
    interruption = system.data.interruption
    own = {"calls": calls(OWN_STEPS)}
    yield "interruption", None if interruption is None else {**_plain(interruption), **own}
    yield "schema-change", {**_plain(system.data.schema_change), **own}
    read = sorted([f.source, f.at, *([f.per] if f.per else [])] for f in system.data.freshness)
    yield "freshness", {"read": read, "over": system.policy.freshness_duration}
    yield "format", {"mismatches": system.policy.mismatches}
    for name, integration in system.integrations.items():
        yield f"integration.{name}", _integration(integration, file, identities.get(f"integration.{name}"))
    for flow in system.flows:
        yield f"flow.{flow.name}", {**_plain(flow), "records": file(flow.records)}
    yield "load", _load(system, file)
    for name, workflow in system.workflows.items():
        yield f"workflow.{name}", {**_plain(workflow, leave={"fallback"}), "fallback": _fallback(workflow.fallback)}
    yield "users", file(system.training.users)
    for path in documents(system):
        yield f"document.{path}", file(path)
    for path in procedures(system):
        yield f"procedure.{path}", {"procedure": file(path), "calls": calls(path)}
    yield "failure-modes", file(system.failure_modes)
    yield "do-not-trust", [_plain(rule) for rule in system.do_not_trust]
    yield from _people(system)
    rollback = system.rollback
    longest = {"longest": system.policy.rollback_window}
    yield "rollback", None if rollback is None else {**_plain(rollback, leave={"within"}), **longest}
    yield (
        "offline",
        {
            "rules": [_plain(rule) for rule in system.governance.offline_when],
            "procedure": system.governance.offline,
        },
    )
    yield "change", _change(system)
    yield "escalation", {"procedure": system.escalation.procedure}
    yield "inventory", _inventory(system, files)
    yield "compliance", _plain(system.compliance)
    yield "stress", _stress(system, files)
    for name, imported in system.imports.items():
        yield f"import.{imported.requirement}.{name}", _plain(imported, leave={"passed", "at_most"})
    yield "adversarial", _adversarial(system, files)


def _model(system: System, files: Mapping[str, str], identities: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    model = system.model
    yield (
        "model",
        {
            "endpoint": public(model.endpoint) if model.endpoint else None,
            "mlflow": public(model.mlflow) if model.mlflow else None,
            **_chat(model, files),
            **_vendor(model, files),
            **({"knowledge": {path: files.get(path) for path in model.knowledge}} if model.knowledge else {}),
            "python": model.python,
            "protocol": model.protocol,
            "onnx": model.onnx,
            "code": {path: files.get(path) for path in _model_files(model)},
            "task": model.task,
            "output": _output(model.output),
            "told_by": public(model.identity) if model.identity else None,
            "identity": identities.get("model"),
        },
    )
    if isinstance(model.inputs, str):
        yield "schema", {"path": model.inputs, "sha256": files.get(model.inputs)}
    else:
        yield "schema", None if model.inputs is None else {n: _plain(f) for n, f in model.inputs.items()}


def _output(output: Output) -> Mapping[str, object]:
    """Systems that name no unit stay what they were before one could be named."""
    return _plain(output, leave=set() if output.unit else {"unit"})


def _vendor(model: ModelSection, files: Mapping[str, str]) -> Mapping[str, object]:
    """A vendor's model is what they declare, the probes by which it is known again, or its past predictions."""
    found: dict[str, object] = {}
    if model.recorded is not None:
        found["recorded"] = {"path": model.recorded, "sha256": files.get(model.recorded)}
    if model.vendor is not None:
        probes = model.vendor.probes
        found["vendor"] = {
            **_plain(model.vendor, leave={"document"}),
            "probes": None if probes is None else files.get(probes),
        }
    return found


def _prompts(model: ModelSection) -> tuple[str | None, ...]:
    """The files that make a chat endpoint this application."""
    return () if model.chat is None else (model.chat.system, model.chat.template, model.chat.tools)


def _chat(model: ModelSection, files: Mapping[str, str]) -> Mapping[str, object]:
    if model.openai is None:
        return {}
    asked = {} if model.chat is None else _plain(model.chat, leave={"parallel", "attempts"})
    return {
        "openai": public(model.openai),
        "chat": asked,
        "prompts": {path: files.get(path) for path in _prompts(model) if path},
    }


def _plan(system: System, document: object, files: Mapping[str, str]) -> object:
    governance = system.governance
    metrics = {m.metric for m in governance.metrics} | ({governance.metric} if governance.metric else set())
    own = {path: files.get(path) for path in own_metrics(system)}
    return {**_plain(governance.plan), "document": document, "metrics": sorted(metrics), "own_metrics": own}


def _source(source: Source | None, files: Mapping[str, str], identity: str | None) -> object:
    if source is None:
        return None
    content = files.get(source.source) if not _is_address(source.source) else None
    return {**_plain(source), "source": public(source.source), "content": content, "identity": identity}


def _integration(integration: IntegrationSection, file: Callable[[str | None], object], identity: str | None) -> object:
    return {
        "kind": integration.kind,
        "direction": integration.direction,
        "contract": file(integration.contract),
        "feeds": sorted(set(integration.feeds)),
        "topic": integration.topic,
        "test": _end(integration.test, file),
        "production": _end(integration.production, file),
        "version": identity,
    }


def _files_of(end: End | None) -> tuple[str | None, ...]:
    if end is None:
        return ()
    described = [text for text in (end.openapi, end.wsdl) if text is not None and not _is_address(text)]
    return (end.ca, end.known_hosts, *described)


def _end(end: End | None, file: Callable[[str | None], object]) -> object:
    if end is None:
        return None
    told = {"url": public(end.url), "headers": sorted(end.headers), "files": [file(path) for path in _files_of(end)]}
    return {**_plain(end, leave={"headers", "private_key"}), **told}


def _load(system: System, file: Callable[[str | None], object]) -> object:
    load, policy = system.load, system.policy
    arrivals = {"arrivals": load.arrivals, "trace": file(load.trace), "ramp": load.ramp} if load else {}
    return {
        **arrivals,
        "peak": load.peak if load else None,
        "headroom": (load.headroom if load else None) or policy.load_headroom,
        "duration": (load.duration if load else None) or policy.load_duration,
        "flows": {flow.name: flow.peak for flow in system.flows},
    }


def _adversarial(system: System, files: Mapping[str, str]) -> object:
    """What the attacks rest on; how fast and how dear they are changes nothing that they show."""
    section = system.adversarial
    chat = section.chat
    plan = system.governance.plan.document if system.model.task == "chat" and chat.forbidden is None else None
    named = [chat.judge.labelled if chat.judge else None, _secret_prompt(system), plan, section.synonyms]
    told = _plain(chat, leave={"rate", "price", "requests", "limits", "judge"})
    judge = None
    if chat.judge is not None:
        judge = {**_plain(chat.judge, leave={"headers", "timeout"}), "openai": public(chat.judge.openai)}
    files_of = {path: files.get(path) for path in _distinct(named)}
    return {**_plain(section, leave={"chat", "rate", "time"}), "chat": {**told, "judge": judge, "files": files_of}}


def _secret_prompt(system: System) -> str | None:
    prompt = system.adversarial.chat.prompt
    return None if prompt == NO_PROMPT else prompt


def _stress(system: System, files: Mapping[str, str]) -> object:
    """How fast and how long is asked says nothing of the answers; how many may break a relation is a limit."""
    relations = [
        {**_plain(r, leave={"at_most"}), "content": None if r.file is None else files.get(r.file)}
        for r in system.stress.relations
    ]
    return {**_plain(system.stress, leave={"relations", "rate", "time"}), "relations": relations}


def _fallback(fallback: Fallback | None) -> object:
    if fallback is None:
        return None
    lands = fallback.lands
    where = None if lands is None else {**_plain(lands), "source": public(lands.source) if lands.source else None}
    return {**_plain(fallback, leave={"needed", "lands"}), "lands": where}


def _change(system: System) -> object:
    """The log of what people did grows every day: where it is and how it is read is a part, its content is not."""
    change = system.change
    log = None
    if change.log is not None:
        log = {**_plain(change.log), "source": public(change.log.source)}
    return {"plan": change.plan, "who": change.who, "teams": sorted(change.teams), "log": log}


def _inventory(system: System, files: Mapping[str, str]) -> object:
    """Everything for whose completeness somebody answers; what is in the logs is seen, not declared."""
    inputs = system.model.inputs
    fed = files.get(inputs) if isinstance(inputs, str) else {n: f.fed_by for n, f in (inputs or {}).items()}
    return {
        **_plain(system.inventory),
        "inputs": fed,
        "integrations": {n: [i.kind, i.direction, sorted(i.feeds), i.topic] for n, i in system.integrations.items()},
        "flows": {flow.name: [flow.from_, flow.to] for flow in system.flows},
        "workflows": {n: [w.users, sorted(w.outputs)] for n, w in system.workflows.items()},
        "users": files.get(system.training.users) if system.training.users else None,
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


def _model_files(model: ModelSection) -> tuple[str, ...]:
    """The files that stand for a model that is declared as files; of a directory, the one that describes it."""
    described = f"{model.mlflow.rstrip('/')}/MLmodel" if model.mlflow and not _is_address(model.mlflow) else None
    return _distinct([_python_file(model.python), model.onnx, described])


def _python_file(target: str | None) -> str | None:
    return target.rpartition(":")[0] or target if target else None


def _distinct(paths: list[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(p.partition("#")[0] for p in paths if p))
