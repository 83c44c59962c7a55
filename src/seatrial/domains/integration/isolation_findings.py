"""What a disturbed place is found to have done to everything else, and why that could not be told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from seatrial.core.observation import Finding
from seatrial.core.vocabulary import Weight
from seatrial.core.wording import percent, span
from seatrial.domains.flows import answers_meanwhile, line_findings, undisturbed
from seatrial.domains.flows.answers_meanwhile import findings_of_answers
from seatrial.domains.flows.disturbed import Disturbed
from seatrial.domains.flows.lanes import MODEL
from seatrial.domains.flows.lateness import SHARE
from seatrial.domains.flows.line_findings import line_trouble
from seatrial.domains.integration.isolation_running import Driven
from seatrial.spec.system import System

WHY = "One slow neighbour stops everything that waits for it."
CODES = {
    **line_findings.CODES,
    **undisturbed.CODES,
    **answers_meanwhile.CODES,
    "no-records-due": "Nothing was due while the integration was disturbed.",
    "taken-down": "What does not end at the disturbed integration lost its limits.",
    "not-recovered": "Something was not well again in time after the disturbance.",
    "records-lost": "Records that the entry took while the integration was disturbed never arrived.",
    "records-doubled": "Records that were put in around the disturbance arrived more than once.",
    "records-altered": "Records that were put in around the disturbance arrived with other contents.",
    "recovery-not-told": "The next disturbance came before all was well, and nobody can tell when it was.",
    "stays-in-fallback": "After the disturbance the fallback still answered what had been answered the normal way.",
    "machine-too-busy": "This machine was too busy to tell whether something was late.",
    "fallback-engaged": "The declared fallback answered while the integration was disturbed.",
    "disturbed-together": "Several integrations of one server, or of one line, were disturbed together.",
}


def spoken(stream: str) -> str:
    """As people call it."""
    return "the model's answers" if stream == MODEL else stream


def kept(stream: str, name: str) -> str:
    """The name under which is measured what kept its limits meanwhile."""
    return f"share of {spoken(stream)} that kept its limits while {name} was disturbed"


def recovered(stream: str, name: str) -> str:
    """The name under which is measured when it was well again."""
    return f"time until {spoken(stream)} was well after {name} was disturbed"


def astray(what: str, name: str) -> str:
    """The name under which records are counted that went astray."""
    return f"number of records {what} while {name} was disturbed"


def taken_down(system: System, found: Disturbed, stream: str) -> bool:
    """Whether it lost its limits although it does not end there."""
    share = found.pooled(stream)
    return stream not in found.ends_here and share.due > 0 and share.kept / share.due < system.policy.isolated


def not_recovered(system: System, found: Disturbed, stream: str) -> bool:
    """Whether it was not well again in time."""
    return found.slowest_s(stream) > system.policy.recovery


def not_well_before(system: System, driven: Driven) -> Iterator[Finding]:
    """Why nothing was disturbed."""
    for each in driven.before:
        yield from each.findings(system.policy.isolated)
    if driven.model_before is not None and driven.model_before < system.policy.isolated:
        yield Finding(
            code="not-well-before",
            summary=f"While nothing was disturbed only {percent(driven.model_before)} of the model's answers came in "
            "time.",
            weight=Weight.OPEN,
            fields=("load",),
            why="What is late without a failure says nothing about the failure.",
            remedy="Run it where nothing else takes the processors; if it is the same there, mend what data.load told.",
        )


def findings_of(system: System, driven: Driven, found: Disturbed) -> Iterator[Finding]:
    """All that is to be said of one place."""
    name = found.name
    for each in found.names:
        yield from line_trouble(each, problem=found.problems.get(each, ""), used=each not in found.unused)
    if len(found.names) > 1:
        yield Finding(
            code="disturbed-together",
            summary=f"{name} are reached at one server or through one line, so that they fail together: they were "
            "disturbed as one.",
            weight=Weight.NOTE,
            fields=tuple(f"integrations.{each}.test.url" for each in found.names),
        )
    idle = sorted(
        {
            f"{spoken(s)} {p}"
            for (s, p), share in found.shares.items()
            if not share.due or (math.isnan(found.recovered_s[s, p]) and (s, p) not in found.untold())
        }
    )
    if idle:
        yield Finding(
            code="no-records-due",
            summary=f"Nothing was due while {name} was disturbed, or right after: {', '.join(idle)}.",
            weight=Weight.OPEN,
            fields=("flows",),
            remedy="Let the policy's outage_duration be longer than the time between two records of the flow.",
        )
    for stream in dict.fromkeys(s for s, _ in found.shares):
        yield from _too_busy(system, driven, found, stream) if driven.busy else _stream_findings(system, found, stream)
    yield from _record_findings(found)
    for answers in driven.answers.get(name, ()):
        yield from findings_of_answers(system, found.names, name, answers)
    for flow in system.flows:
        if flow.fallback and found.fallbacks[flow.name]:
            yield Finding(
                code="fallback-engaged",
                summary=f"{found.fallbacks[flow.name]} records of {flow.name} came from the fallback while {name} was "
                "disturbed.",
                weight=Weight.NOTE,
                fields=(f"flows.{flow.name}",),
            )


def _too_busy(system: System, driven: Driven, found: Disturbed, stream: str) -> Iterator[Finding]:
    """What was late on a machine on which a timer is late too was not certainly late for the disturbance."""
    down = taken_down(system, found, stream)
    gone = not_recovered(system, found, stream) or any(stream == name for name, _ in found.untold())
    if down or gone:
        yield Finding(
            code="machine-too-busy",
            summary=f"What {found.name} does to {spoken(stream)} cannot be told: a timer of this machine went off "
            f"{span(driven.late_s)} late, where {span(SHARE * driven.judged_s)} are little enough to judge.",
            weight=Weight.OPEN,
            fields=_fields(found),
            explains=(
                *((kept(stream, found.name),) if down else ()),
                *((recovered(stream, found.name),) if gone else ()),
            ),
            why="What is late because the processors are taken says nothing about the failure.",
            remedy="Run it again where nothing else takes the processors of this machine.",
        )


def _stream_findings(system: System, found: Disturbed, stream: str) -> Iterator[Finding]:
    name = found.name
    if taken_down(system, found, stream):
        worst = min(
            (p for s, p in found.shares if s == stream),
            key=lambda p: found.shares[stream, p].kept / max(1, found.shares[stream, p].due),
        )
        share = found.shares[stream, worst]
        yield Finding(
            code="taken-down",
            summary=f"While {name} was {worst}, only {percent(share.kept / max(1, share.due))} of {spoken(stream)} "
            f"kept its limits, although it does not end at {name}.",
            fields=_fields(found),
            explains=(kept(stream, name),),
            why=WHY,
            remedy=f"Give every call to {name} a time-out and a fallback, and let nothing else wait for it.",
        )
    untold = [period for name, period in found.untold() if name == stream]
    if untold and not not_recovered(system, found, stream):
        yield _not_told(system, found, stream, untold)
    if not not_recovered(system, found, stream):
        return
    slowest_s = found.slowest_s(stream)
    if math.isinf(slowest_s) and stream in found.stuck:
        yield Finding(
            code="stays-in-fallback",
            summary=f"After {name} was disturbed, records of {spoken(stream)} went on coming from the fallback that "
            f"had been answered the normal way before; {span(system.policy.recovery)} are allowed.",
            fields=(f"flows.{stream}.fallback", *_fields(found)),
            explains=(recovered(stream, name),),
            why="A pipeline that stays with its fallback after an outage has lost its model unnoticed.",
            remedy="Find out what keeps the pipeline from going back, such as a breaker that stays open or a "
            "connection that is not made anew.",
        )
        return
    took = "was not well again" if math.isinf(slowest_s) else f"took {span(slowest_s)}"
    yield Finding(
        code="not-recovered",
        summary=f"After {name} was disturbed, {spoken(stream)} {took}; {span(system.policy.recovery)} are allowed.",
        fields=_fields(found),
        explains=(recovered(stream, name),),
        why="What does not come back by itself waits for the morning.",
        remedy="Let connections be made anew after an error, and let what waited be worked through in parallel.",
    )


def _not_told(system: System, found: Disturbed, stream: str, periods: Sequence[str]) -> Finding:
    allowed = span(system.policy.recovery)
    return Finding(
        code="recovery-not-told",
        summary=f"After {found.name} was {' and '.join(periods)}, {spoken(stream)} was not well when the next "
        f"disturbance came, nor {allowed} later: whose doing that was cannot be told.",
        weight=Weight.OPEN,
        fields=_fields(found),
        explains=(recovered(stream, found.name),),
        why="What does not come back by itself waits for the morning.",
        remedy="Mend first what else was not well again or could not be disturbed; where all was, let the policy's "
        "outage_duration, which is also the rest between two disturbances, be longer than coming back takes.",
    )


def _fields(found: Disturbed) -> tuple[str, ...]:
    return tuple(f"integrations.{name}" for name in found.names)


def _record_findings(found: Disturbed) -> Iterator[Finding]:
    for code, count, what in (
        ("records-lost", found.lost, "were taken by the entry and never arrived"),
        ("records-doubled", found.doubled, "arrived more than once"),
        ("records-altered", found.altered, "arrived with other contents"),
    ):
        if count:
            yield Finding(
                code=code,
                summary=f"While {found.name} was disturbed, {count} of {found.n} records {what}.",
                fields=_fields(found),
                explains=(astray(code.removeprefix("records-"), found.name),),
                why=WHY,
                remedy="Check what arrives before it is used, pass on under the record's own key, and tell the sender "
                "what was not passed on.",
            )
