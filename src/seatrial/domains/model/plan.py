"""The governance plan as the source of the limits: who approved it, when, and what it says each limit is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from seatrial.core.check import Trial
from seatrial.core.errors import SeatrialError
from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Sense, Weight
from seatrial.domains.scored.metrics import Governed
from seatrial.spec.reading import read_yaml
from seatrial.spec.system import System
from seatrial.spec.tree import Node

CODES: Mapping[str, str] = {
    "no-plan": "No governance plan is declared, or its document cannot be read.",
    "plan-not-approved": "The plan has no approver, an approver who is not declared or has left, or no approval date.",
    "approval-differs-from-plan": "The system file names another approver or date than the plan document.",
    "minimum-differs-from-plan": "The declared limit is not the one that the plan document states.",
    "plan-has-no-limits": "The plan document states no limit that a program can read.",
}
_FRONT = re.compile(r"\A﻿?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(%)?(?![\w.]*\d)")
_WHY = "A limit that the plan does not state is the team's own, and moves when the result does not fit."
_NEAR = 1e-9


def plan_findings(system: System, metrics: tuple[Governed, ...], trial: Trial) -> list[Finding]:
    """Everything that is wrong with the plan as the source of these limits."""
    plan = system.governance.plan
    if plan.document is None:
        return [
            _gap(
                "no-plan",
                "no governance plan document is declared",
                "Write the plan with its limits, have it approved, and name it in governance.plan.document.",
            )
        ]
    try:
        text = trial.files.read(plan.document).decode("utf-8", "replace")
    except SeatrialError as error:
        return [_gap("no-plan", f"the governance plan cannot be read: {error.what}", "Put the document in its place.")]
    front = _front_matter(text, plan.document)
    return [
        *_approval(system, trial.clock.now()),
        *_differing_approval(system, front),
        *_limits(metrics, front, text, plan.document),
    ]


def _approval(system: System, now: datetime) -> Iterator[Finding]:
    plan = system.governance.plan
    remedy = "Name in governance.plan the declared person who approved it, and the date."
    person = None if plan.approved_by is None else system.people.get(plan.approved_by)
    today = now.astimezone(UTC).date()
    if plan.approved_by is None:
        yield _gap("plan-not-approved", "nobody is named who approved the governance plan", remedy)
    elif person is None:
        yield _gap("plan-not-approved", f"{plan.approved_by}, who approved the plan, is not declared", remedy)
    elif person.left_on is not None and person.left_on <= today:
        yield _gap("plan-not-approved", f"{person.name}, who approved the plan, has left", "Have it approved anew.")
    if plan.approved_on is None:
        yield _gap("plan-not-approved", "the governance plan has no date of approval", remedy)
    elif plan.approved_on > today:
        yield _gap("plan-not-approved", f"the plan's approval is dated {plan.approved_on}, in the future", remedy)


def _differing_approval(system: System, front: Mapping[str, object]) -> Iterator[Finding]:
    plan = system.governance.plan
    for key, declared in (("approved_by", plan.approved_by), ("approved_on", plan.approved_on)):
        stated = front.get(key)
        if stated is not None and declared is not None and str(stated) != _text(declared):
            yield _gap(
                "approval-differs-from-plan",
                f"the plan document says {key} {stated}, the system file {_text(declared)}",
                "Make both say who really approved this version, and when.",
            )


def _text(value: str | date) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _limits(metrics: tuple[Governed, ...], front: Mapping[str, object], text: str, document: str) -> Iterator[Finding]:
    stated = front.get("limits")
    for metric in metrics:
        if metric.limit is None:
            continue
        planned = _planned(stated, metric)
        if planned is None:
            if not _said_in_text(text, metric):
                yield _unstated(metric, document)
        elif abs(planned - metric.limit) > _NEAR:
            side = "minimum" if metric.sense is Sense.AT_LEAST else "maximum"
            yield Finding(
                code="minimum-differs-from-plan",
                summary=f"{metric.name}: the plan's {side} is {planned:g}, the declared one is {metric.limit:g}",
                fields=(metric.name,),
                remedy="Declare the plan's limit, or have the plan changed and approved anew.",
                why=_WHY,
            )


def _planned(stated: object, metric: Governed) -> float | None:
    if not isinstance(stated, Mapping):
        return None
    value = stated.get(metric.name)
    if isinstance(value, Mapping):
        value = value.get("minimum" if metric.sense is Sense.AT_LEAST else "maximum")
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value.strip())):
        return float(match[1]) / 100.0
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _said_in_text(text: str, metric: Governed) -> bool:
    """Whether a line names the metric together with its limit, as a number or in percent."""
    limit = metric.limit
    if limit is None:
        return False
    for line in text.splitlines():
        if metric.name not in line:
            continue
        rest = line.replace(metric.name, " ")
        said = {float(n) / (100.0 if percent else 1.0) for n, percent in _NUMBER.findall(rest)}
        if any(abs(number - limit) <= _NEAR for number in said):
            return True
    return False


def _unstated(metric: Governed, document: str) -> Finding:
    return Finding(
        code="plan-has-no-limits",
        weight=Weight.OPEN,
        summary=f"{document} states no limit for {metric.name}, so the declared {metric.limit:g} has no source",
        fields=(metric.name,),
        remedy=f"Put at the top of {document}, between two lines of ---:  limits:  and below it, indented:  "
        f"{metric.name}: {metric.limit:g}. Then have it approved.",
        why=_WHY,
    )


def _gap(code: str, summary: str, remedy: str) -> Finding:
    return Finding(code=code, summary=summary, remedy=remedy, fields=("governance.plan",), why=_WHY)


def _front_matter(text: str, document: str) -> Mapping[str, object]:
    """The YAML between the first two `---` lines; empty where there is none that can be read."""
    match = _FRONT.match(text)
    if match is None:
        return {}
    try:
        value = _plain(read_yaml(match[1].encode(), name=document).root)
    except SeatrialError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _plain(node: Node) -> object:
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    return node.value
