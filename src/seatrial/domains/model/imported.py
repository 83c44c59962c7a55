"""What other tools found, as observed evidence beside what was executed: bounded anew, against our own limit.

A tool's verdict is never taken over. The share of units that passed is bounded from the counts; a unit that was tried
several times passed only if it did each time, and whatever did not pass counts against the system.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from seatrial.core.bodies import EventBody, ImportBody
from seatrial.core.check import Check, Trial
from seatrial.core.codec import CodecError, from_data
from seatrial.core.observation import Finding, Json, Measure, Observation, Threshold
from seatrial.core.record import Record
from seatrial.core.vocabulary import Assurance, MeasureKind, RecordType, Sense, Weight
from seatrial.spec.system import Import, System

REQUIREMENTS: Final = ("model.threshold", "model.stress", "model.adversarial")
_ALL: Final = "all"
_PASSED: Final = "passed"
_IDENTITY: Final = "identity"
_DAY_S: Final = 86_400.0
_CODES: Final[Mapping[str, str]] = {
    "import-missing": "A result of another tool is declared and was never filed.",
    "import-changed": "The result was filed for another model, or its declaration has changed since.",
    "import-of-another-target": "The tool tested something else than what is declared.",
    "import-of-another-model": "The model changed while the tool ran, or between its run and the filing.",
    "import-before-identity": "Nobody had identified the model before the tool started: it may have been another one.",
    "import-too-old": "The result is older than declared.",
    "import-from-the-future": "The result ended after it was filed, or before it began.",
    "import-incomplete": "The tool did not do all that was planned: cut off, cancelled, limited, or from a cache.",
    "import-failed-units": "What did not pass, by the tool's own groups.",
    "import-several": "More than one result was filed under this name; the newest counts.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filed:
    record: Record
    body: ImportBody


def _declared(system: System, requirement: str) -> Mapping[str, Import]:
    return {name: section for name, section in system.imports.items() if section.requirement == requirement}


def _measure_name(name: str) -> str:
    return f"{name}: passed"


def _limits(system: System, requirement: str) -> Sequence[Threshold]:
    return [
        Threshold(
            requirement=requirement,
            measure=_measure_name(name),
            sense=Sense.AT_LEAST,
            limit=section.passed,
            unit="share",
            confidence=system.governance.confidence,
        )
        for name, section in _declared(system, requirement).items()
    ]


def _run(system: System, trial: Trial, requirement: str) -> Observation:
    filed = _on_record(trial)
    told: list[str] = []
    measures: list[Measure] = []
    findings: list[Finding] = []
    facts: dict[str, Json] = {}
    for name, section in _declared(system, requirement).items():
        mine = [one for one in filed if one.body.name == name]
        if not mine:
            findings.append(_missing(name, section))
            continue
        newest = mine[-1]
        body = newest.body
        counts = body.counts.get(_ALL, {})
        told.append(
            f"Read the result of {body.tool} {body.tool_version} on {body.target}, from {body.ended_at:%Y-%m-%d}: "
            f"{counts.get(_PASSED, 0)} of {sum(counts.values())} units passed."
        )
        findings += [*_doubts(trial, requirement, section, newest), *_failed(name, body)]
        measures += _measured(system, trial, requirement, newest)
        facts[name] = {group: dict(ended) for group, ended in sorted(body.counts.items())}
        if len(mine) > 1:
            findings.append(_several(name, mine))
    return Observation(
        done=" ".join(told) or "Looked for the declared results of other tools; none was filed.",
        measures=tuple(measures),
        findings=tuple(findings),
        assurance=Assurance.OBSERVED,
        facts=facts,
    )


def _on_record(trial: Trial) -> list[_Filed]:
    found = []
    for record in trial.records(RecordType.IMPORT):
        try:
            found.append(_Filed(record=record, body=from_data(ImportBody, record.body)))
        except CodecError:
            continue
    return sorted(found, key=lambda one: one.record.at)


def _measured(system: System, trial: Trial, requirement: str, filed: _Filed) -> Iterator[Measure]:
    from seatrial.stats import proportions

    counts = filed.body.counts.get(_ALL, {})
    n, passed = sum(counts.values()), counts.get(_PASSED, 0)
    name = _measure_name(filed.body.name)
    threshold = trial.threshold(requirement, name)
    if n <= 0 or threshold is None:
        return
    alpha = 1 - system.governance.confidence
    yield Measure(
        name=name,
        value=passed / n,
        lower=proportions.lower(passed, n, alpha),
        upper=proportions.upper(passed, n, alpha),
        limit=threshold.limit,
        sense=threshold.sense,
        unit="share",
        n=n,
        method="Clopper-Pearson",
        confidence=system.governance.confidence,
        kind=MeasureKind.GATE,
        needed=proportions.more_to_clear_floor(passed, n, threshold.limit, alpha),
        needed_unit="prompts",
    )


def _missing(name: str, section: Import) -> Finding:
    return Finding(
        code="import-missing",
        summary=f"The declared result of {section.format}, {name}, was never filed.",
        weight=Weight.OPEN,
        fields=(f"imports.{name}",),
        why="What is announced as evidence and never shown may have been bad.",
        remedy=f"Run the tool against {section.target}, then: seatrial import {section.format} RESULT --name {name}.",
    )


def _doubts(trial: Trial, requirement: str, section: Import, filed: _Filed) -> Iterator[Finding]:
    """Why the result may not be about this model, of this time, and whole."""
    body, at = filed.body, filed.record.at
    again = f"Run {body.tool} again on {section.target}, and file what it writes."
    rests_on = ("model", f"import.{requirement}.{body.name}")
    if any(filed.record.depends.get(part) != trial.part(part) for part in rests_on):
        yield _open("import-changed", body, "was filed for another model, or for another declaration", again)
    if body.target != section.target:
        said = f"is about {body.target}, and {section.target} is declared"
        yield _open("import-of-another-target", body, said, again)
    if not body.started_at <= body.ended_at <= at:
        said = "ended after it was filed" if body.ended_at > at else "ended before it began"
        yield _open("import-from-the-future", body, f"{said}: a clock is wrong", again)
    age_s = (trial.clock.now() - body.ended_at).total_seconds()
    if age_s > section.at_most:
        said = f"is {age_s / _DAY_S:.0f} days old, where {section.at_most / _DAY_S:g} are allowed"
        yield _open("import-too-old", body, said, again)
    yield from _identified(trial, filed, again)
    for problem in body.problems:
        yield _open("import-incomplete", body, f"is not the whole of what was planned: {problem}", again)


def _identified(trial: Trial, filed: _Filed, again: str) -> Iterator[Finding]:
    """Whether one and the same model was served from before the tool's start until the filing."""
    seen = sorted(_identities(trial), key=lambda pair: pair[0])
    before = [identity for at, identity in seen if at <= filed.body.started_at]
    since = [identity for at, identity in seen if filed.body.started_at < at <= filed.record.at]
    if not before:
        yield _open(
            "import-before-identity",
            filed.body,
            "began before anybody had identified the model, so it may be about another one",
            f"The model is identified now. {again}",
        )
    elif set(since) - {before[-1]}:
        yield _open("import-of-another-model", filed.body, "began with another model than the one of today", again)


def _identities(trial: Trial) -> Iterator[tuple[datetime, str]]:
    for record in trial.records(RecordType.EVENT):
        try:
            body = from_data(EventBody, record.body)
        except CodecError:
            continue
        found = body.detail.get("found")
        if body.kind == _IDENTITY and record.by.startswith("worker:") and isinstance(found, Mapping):
            yield record.at, str(found.get("model"))


def _open(code: str, body: ImportBody, said: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        summary=f"The result {body.name} {said}.",
        weight=Weight.OPEN,
        fields=(f"imports.{body.name}",),
        why="A result counts only for exactly what it was made on.",
        remedy=remedy,
        detail={"file_sha256": body.file_sha256, "tool": body.tool, "version": body.tool_version},
    )


def _failed(name: str, body: ImportBody) -> Iterator[Finding]:
    worst = sorted(
        ((group, counts) for group, counts in body.counts.items() if group != _ALL and _short(counts)),
        key=lambda pair: -_short(pair[1]),
    )
    if worst:
        listed = ", ".join(f"{group} {_short(counts)} of {sum(counts.values())}" for group, counts in worst[:5])
        yield Finding(
            code="import-failed-units",
            summary=f"In {name} these did not pass: {listed}.",
            weight=Weight.NOTE,
            fields=(f"imports.{name}",),
            remedy=f"Read them in {body.tool}'s own report, and repair what they show.",
            explains=(_measure_name(name),),
        )


def _short(counts: Mapping[str, int]) -> int:
    return sum(counts.values()) - counts.get(_PASSED, 0)


def _several(name: str, filed: Sequence[_Filed]) -> Finding:
    shares = ", ".join(
        f"{counts.get(_PASSED, 0)} of {sum(counts.values())}"
        for counts in (one.body.counts.get(_ALL, {}) for one in filed)
    )
    return Finding(
        code="import-several",
        summary=f"{len(filed)} results were filed as {name}, and the newest counts; they passed {shares}.",
        weight=Weight.NOTE,
        fields=(f"imports.{name}",),
        why="Whoever tries until it passes has shown less than whoever passes at once.",
    )


def _of(requirement: str) -> Check[System]:
    return Check(
        id=f"{requirement}.imported",
        requirement=requirement,
        version=2,
        title="Results of other tools, bounded anew",
        run=lambda system, trial: _run(system, trial, requirement),
        codes=_CODES,
        limits=lambda system: _limits(system, requirement),
        applies=lambda system: bool(_declared(system, requirement)),
        supplements=True,
    )


CHECKS: Final[tuple[Check[System], ...]] = tuple(_of(requirement) for requirement in REQUIREMENTS)
