"""Does one failing integration take the rest down: each is disturbed in turn while all else runs at its peak.

The line to it is slow, refuses, is cut and corrupts the answers that it carries; integrations that one server holds are
disturbed together. What does not end there must keep its limits meanwhile. What ends there must be well again soon
after, with nothing lost, doubled or altered. Whatever a flow answers meanwhile must be what the same contents are
answered before and afterwards, or come from its declared fallback. Well again is what is served as before: where
contents were answered the normal way while nothing was disturbed, an answer of the fallback is no recovery.

Where `data.interruption` disturbed a source in this run in all these ways with all flows and the model at their peak,
and left nothing to be said of it, that is taken over with its digest; else it has its turn here.

All turns follow each other while the flows go on. Between two of them lies the time that a record may take, so that
what kept its limits was through before the next one's turn; and what is lost in one is waited for during the next.
After the last one whatever is not well goes on being driven until it is, or until the time for that is over. Where the
next disturbance came before all was well, and too late to tell when it was, a disturbance is executed again by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from seatrial.core.check import Check, Trial
from seatrial.core.observation import Figure, Finding, Json, Measure, Observation, Reason, Threshold
from seatrial.core.vocabulary import Sense, Weight
from seatrial.core.wording import count
from seatrial.domains.flows import cleaning, lanes
from seatrial.domains.flows.answers_meanwhile import flow_findings
from seatrial.domains.flows.cleaning import Cleanup
from seatrial.domains.flows.disturbed import Disturbed, named
from seatrial.domains.flows.isolating import lines, places
from seatrial.domains.flows.lanes import MODEL, drives_model, unready
from seatrial.domains.flows.line_findings import by_link, no_line
from seatrial.domains.integration import isolation_findings
from seatrial.domains.integration.isolation_findings import (
    WHY,
    astray,
    findings_of,
    kept,
    not_recovered,
    not_well_before,
    recovered,
    spoken,
    taken_down,
)
from seatrial.domains.integration.isolation_running import Driven, drive_disturbed, longest_s
from seatrial.spec.integration import fetched
from seatrial.spec.one_place import one_address
from seatrial.spec.system import System
from seatrial.stats import proportions

_ID = "integration.isolation"
_CODES = {
    **lanes.CODES,
    **cleaning.CODES,
    **isolation_findings.CODES,
    "no-flows": "No flow is declared, so nobody can say what a failing integration takes down.",
    "no-lines": "No integration can be disturbed.",
}


def _run(system: System, trial: Trial) -> Observation | Reason:
    if (unable := _unable(system)) is not None:
        return unable
    with Cleanup(system, trial) as cleanup:
        driven = drive_disturbed(system, trial, cleanup)
    disturbed = driven.disturbed
    afterwards: Mapping[str, Json] = {"test records afterwards": cleanup.told()}
    if not disturbed:
        return Observation(
            done="Disturbed nothing: not everything kept its limits without that.",
            findings=(*not_well_before(system, driven), *cleanup.findings()),
            facts=afterwards,
        )
    return Observation(
        done=_done(system, driven),
        measures=tuple(m for each in disturbed for m in _measures(system, driven, each)),
        findings=(
            *(f for each in disturbed for f in findings_of(system, driven, each)),
            *(f for each in disturbed for name in each.names for f in by_link(system, name)),
            *flow_findings(system.flows, driven.answers),
            *cleanup.findings(),
        ),
        figures=(_figure(system, driven),),
        facts={
            **{each.name: _told(driven, each) for each in disturbed},
            "each disturbance lasted s": round(driven.each_s, 3),
            "a timer was late by s": round(driven.late_s, 3),
            **{f"{name} disturbed by {left.check}": left.digest for name, left in driven.taken_over.items()},
            **afterwards,
        },
    )


def _done(system: System, driven: Driven) -> str:
    here = [each.name for each in driven.disturbed if each.name not in driven.taken_over]
    flows = f"with {count(len(system.flows), 'flow')} at peak"
    there = ", ".join(f"{name} by {left.check}" for name, left in driven.taken_over.items())
    told = f"Made {', '.join(here)} slow, refusing, cut and corrupt in turn, as far as each can be, {flows}, and looked"
    told = told if here else f"Drove {flows.removeprefix('with ')}, and looked"
    beside = f" Disturbed in this run already, and all of it well: {there}." if there else ""
    return f"{told} at what else suffered and when all was well again.{beside}"


def _unable(system: System) -> Observation | None:
    if not system.flows:
        finding = Finding(
            code="no-flows",
            summary="No flow is declared.",
            fields=("flows",),
            why=WHY,
            remedy="Declare each flow: where records go in and come out, by which key, within what time, how many.",
        )
        return Observation(done="Looked for flows.", findings=(finding,))
    findings = [f for flow in system.flows for f in unready(system, flow)]
    findings += [
        no_line(name, kind=section.kind, done="disturbed", why=WHY)
        for name, section in system.integrations.items()
        if name not in (*_own(system), *lines(system))
    ]
    if not lines(system) and not findings:
        findings.append(
            Finding(
                code="no-lines",
                summary="No integration can be disturbed: none declares a line.",
                weight=Weight.OPEN,
                fields=("integrations",),
                why=WHY,
                remedy="Give the test ends that the system asks or writes to a `via`, and run `seatrial proxy`.",
            )
        )
    return Observation(done="Nothing was disturbed.", findings=tuple(findings)) if findings else None


def _own(system: System) -> list[str]:
    """Where the tested system itself is spoken to: the entries of flows, and what is seen at the same address.

    What it reads is not its own, also where it is behind the same gateway; nor is a broker, a table or a folder from
    which it gets what is put in.
    """
    entries = [
        name for name in dict.fromkeys(flow.from_ for flow in system.flows) if not fetched(system.integrations[name])
    ]
    seen = {flow.to for flow in system.flows}
    return [
        name
        for name, section in system.integrations.items()
        if name in entries
        or ((name in seen or section.direction != "in") and any(one_address(system, name, entry) for entry in entries))
    ]


def _measures(system: System, driven: Driven, found: Disturbed) -> Iterator[Measure]:
    for stream in dict.fromkeys(name for name, _ in found.shares):
        if stream not in found.ends_here:
            told = not (driven.busy and taken_down(system, found, stream))
            yield _kept_share(system, found, stream, told=told)
        told = not (driven.busy and not_recovered(system, found, stream))
        slowest_s = found.slowest_s(stream) if told else math.nan
        yield _exact(recovered(stream, found.name), slowest_s, system.policy.recovery, found.n, unit="s")
    for what, number in (("lost", found.lost), ("doubled", found.doubled), ("altered", found.altered)):
        yield _exact(astray(what, found.name), float(number), 0.0, found.n)


def _kept_share(system: System, found: Disturbed, stream: str, *, told: bool) -> Measure:
    """`told` is False where this machine was too busy to say what was late."""
    alpha, limit = 1.0 - system.policy.confidence, system.policy.isolated
    share = found.pooled(stream)
    told = told and share.due > 0
    return Measure(
        name=kept(stream, found.name),
        value=share.kept / share.due if told else None,
        lower=proportions.lower(share.kept, share.due, alpha) if told else None,
        upper=proportions.upper(share.kept, share.due, alpha) if told else None,
        limit=limit,
        sense=Sense.AT_LEAST,
        unit="share",
        n=share.due,
        method="Clopper-Pearson",
        confidence=system.policy.confidence,
        needed=proportions.more_to_clear_floor(share.kept, share.due, limit, alpha) if told else None,
        needed_unit="records",
    )


def _exact(name: str, value: float, limit: float, n: int, *, unit: str = "") -> Measure:
    # What nobody saw end, or could tell, has no time that anybody measured; a finding says so in words.
    shown = value if math.isfinite(value) else None
    return Measure(name=name, value=shown, lower=shown, upper=shown, limit=limit, sense=Sense.AT_MOST, unit=unit, n=n)


def _figure(system: System, driven: Driven) -> Figure:
    rows: list[Mapping[str, Json]] = []
    for found in driven.disturbed:
        others = {each.flow: {*each.other, *each.moved} for each in driven.answers.get(found.name, ())}
        for (stream, period), share in found.shares.items():
            recovered_s = found.recovered_s[stream, period]
            whole = share.due and share.kept / share.due >= system.policy.isolated
            state = (
                "did not recover"
                if not recovered_s <= system.policy.recovery
                else "gave other answers"
                if period in others.get(stream, ())
                else "kept its limits"
                if whole
                else "degraded, recovered"
                if share.kept
                else "stopped, recovered"
            )
            rows.append({"disturbed": f"{found.name} {period}", "stream": spoken(stream), "state": state})
    return Figure(kind="isolation", title="What each failing integration took down", rows=tuple(rows))


def _told(driven: Driven, found: Disturbed) -> Mapping[str, Json]:
    told: dict[str, Json] = {f"answers of {each.flow}": each.told() for each in driven.answers.get(found.name, ())}
    for (stream, period), share in found.shares.items():
        well_s = found.recovered_s[stream, period]
        told[f"{spoken(stream)} while {period}"] = {
            "due": share.due,
            "kept": share.kept,
            "well_after_s": well_s if math.isfinite(well_s) else None,
        }
    return told


def _limits(system: System) -> Sequence[Threshold]:
    found: list[Threshold] = []
    for names in places(system) if system.flows else ():
        name = named(names)
        ends = {f.name for f in system.flows if {f.from_, f.to} & {*names}}
        streams = [*[flow.name for flow in system.flows], *([MODEL] if drives_model(system) else [])]
        for stream in streams:
            if stream not in ends:
                found.append(
                    Threshold(
                        requirement=_ID,
                        measure=kept(stream, name),
                        sense=Sense.AT_LEAST,
                        limit=system.policy.isolated,
                        unit="share",
                        confidence=system.policy.confidence,
                    )
                )
            found.append(
                Threshold(
                    requirement=_ID,
                    measure=recovered(stream, name),
                    sense=Sense.AT_MOST,
                    limit=system.policy.recovery,
                    unit="s",
                )
            )
        found += [
            Threshold(requirement=_ID, measure=astray(what, name), sense=Sense.AT_MOST, limit=0.0)
            for what in ("lost", "doubled", "altered")
        ]
    return found


def _budget(system: System) -> float:
    return 60.0 + (longest_s(system) if system.flows else 0.0)


CHECK: Check[System] = Check(
    id=_ID,
    requirement=_ID,
    version=9,
    title="Each integration disturbed while the others run",
    run=_run,
    codes=_CODES,
    limits=_limits,
    alone=True,
    draws_anew=True,
    budget_s=_budget,
)
