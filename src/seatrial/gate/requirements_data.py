"""The requirements of data pipeline integrity: the most common cause of incidents, so they come first."""

from __future__ import annotations

from seatrial.core.vocabulary import Assurance, Domain, Role
from seatrial.gate.requirement import Requirement

_SOURCES = ("data.training", "data.evaluation", "data.live", "schema")

DATA = (
    Requirement(
        id="data.faults",
        domain=Domain.DATA,
        question="What does it do with incomplete or malformed input?",
        establishes="Faults are injected field by field: missing, null, wrong type, out of range, wrong unit or scale, "
        "decimal comma, date format, time zone, encoding, truncation, duplicates, reordering, unseen category, stale "
        "value, swapped columns. Each ends as refused with a clear error, handled within tolerance, silent harm, or "
        "crash. Silent harm and crashes on plausible faults are gaps.",
        why="Live feeds break in small ways every week; a wrong answer given in silence is acted on.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=("model", "data.faults", "policy", "integration.*", "flow.*", *_SOURCES),
        effort_days=5,
        remedy="Put a guard before the model that refuses or repairs each fault that got through, then run the check.",
    ),
    Requirement(
        id="data.load",
        domain=Domain.DATA,
        question="Does the pipeline carry peak production volume at a latency that keeps the output useful?",
        establishes="Open-model arrivals at the declared peak times a headroom, long enough to bound the declared "
        "percentile: errors, the bounded percentile and the capacity knee, with latency measured from the intended "
        "start.",
        why="At the hour with the most work the output comes too late to be used, and people stop waiting for it.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=("model", "load", "policy", *_SOURCES),
        effort_days=5,
        remedy="Raise the capacity or lower the declared peak with operations' agreement, then run the check.",
    ),
    Requirement(
        id="data.freshness",
        domain=Domain.DATA,
        question="How fresh must its data be, and is it?",
        establishes="The requirement is declared per source, from near real time to daily batch; the age of the data "
        "is measured at the source; the accuracy cost of staleness is measured by replaying lagged data.",
        why="An answer from yesterday's data looks exactly like one from today's.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=7,
        rests_on=("freshness", "integration.*", *_SOURCES),
        effort_days=3,
        remedy="Declare how old each source's data may be, and bring the late ones within it.",
    ),
    Requirement(
        id="data.interruption",
        domain=Domain.DATA,
        question="What happens during a maintenance window or an outage of a source?",
        establishes="The source is really taken away and given back: nothing lost, nothing doubled, caught up within "
        "the declared time, alarms raised.",
        why="Every source has a maintenance window; what is lost or doubled in it is found weeks later.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=("model", "policy", "interruption", "integration.*", "flow.*", *_SOURCES),
        effort_days=5,
        after=("data.freshness",),
        remedy="Let the pipeline buffer and catch up, and alarm while a source is away; then rehearse the outage.",
    ),
    Requirement(
        id="data.schema-change",
        domain=Domain.DATA,
        question="What happens when a source changes its schema?",
        establishes="Columns are added, removed, renamed, retyped and reordered at the source: each change is detected "
        "and refused or handled, never silently absorbed.",
        why="A renamed column in a source is a routine release for its team and a blind model for yours.",
        reviewer=Role.IT,
        demands=Assurance.EXECUTED,
        lease_days=90,
        rests_on=("model", "policy", "schema-change", "integration.*", "flow.*", *_SOURCES),
        effort_days=3,
        after=("data.faults",),
        remedy="Check each source's schema on arrival and refuse what is not declared.",
    ),
)
