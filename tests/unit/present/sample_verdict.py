"""A verdict with everything a page can be asked to show: every outcome, every kind of figure, hostile texts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from seatrial.core.observation import Figure, Finding, Measure
from seatrial.core.vocabulary import Answer, Assurance, Domain, GateName, MeasureKind, Outcome, Role, Sense, Weight
from seatrial.gate.verdict import Assessment, Gap, Judged, Signature, Timeline, Verdict

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TODAY = NOW.date()

FIGURES = {
    "metric": Figure(
        kind="metric",
        title="Recall against its minimum",
        rows=(
            {"name": "recall@0.5", "value": 0.714, "lower": 0.688, "upper": 0.74, "limit": 0.7, "sense": "at_least"},
            {"name": "re-weighted", "value": 0.72, "lower": 0.69, "upper": 0.75, "limit": 0.7, "sense": "at_least"},
        ),
    ),
    "slices": Figure(
        kind="slices",
        title="Where it is wrong more often",
        rows=(
            {"label": "carrier EV, visibility under 1 km", "error": 0.41, "rest": 0.12, "share": 0.03, "n": 211},
            {"label": "origin JFK, hour 20 to 23", "error": 0.29, "rest": 0.12, "share": 0.08, "n": 560},
        ),
    ),
    "reliability": Figure(
        kind="reliability",
        title="What it says against what happened",
        rows=tuple({"score": s / 10, "observed": (s / 10) ** 1.2, "n": 400} for s in range(11)),
    ),
    "drift": Figure(
        kind="drift",
        title="How far live data has moved",
        rows=tuple(
            {"field": f, "distance": d, "cutoff": 0.5} for f, d in [("temp", 1.8), ("wind", 0.1), ("hour", 0.2)]
        ),
    ),
    "staleness": Figure(
        kind="staleness",
        title="What stale weather costs",
        rows=tuple({"lag_h": h, "metric": 0.72 - h / 400} for h in (0, 1, 3, 6, 12, 24)),
        options={"metric": "recall@0.5", "minimum": 0.7},
    ),
    "latency": Figure(
        kind="latency",
        title="Latency by share of requests",
        rows=tuple({"share": p / 100, "latency_s": 0.02 + (p / 100) ** 12 * 0.4} for p in range(101)),
        options={"limit_s": 0.3, "percentile": "p99"},
    ),
    "throughput": Figure(
        kind="throughput",
        title="Latency over the test",
        rows=tuple({"at_s": t / 10, "latency_s": 0.02 + (t % 7) / 100} for t in range(80)),
        options={"limit_s": 0.3},
    ),
    "capacity": Figure(
        kind="capacity",
        title="Latency against load",
        rows=tuple(
            {
                "rate": 40 * 1.25**step,
                "latency_s": 0.03 * 1.4**step,
                "upper_s": 0.04 * 1.4**step,
                "state": "held" if step < 6 else "broke a limit",
            }
            for step in range(8)
        ),
        options={"limit_s": 0.3, "percentile": "p99", "peak": 40, "needed": 52},
    ),
    "faults": Figure(
        kind="faults",
        title="What each fault led to",
        rows=tuple(
            {"field": f, "kind": k, "outcome": o}
            for f, outcomes in {
                "temp": ("refused", "handled", "silent harm"),
                "carrier": ("refused", "crash", "refused"),
            }.items()
            for k, o in zip(("missing", "out of range", "wrong unit"), outcomes, strict=True)
        ),
    ),
    "flows": Figure(
        kind="flows",
        title="Every record accounted for",
        rows=(
            {"flow": "warn-planner", "state": "delivered once", "records": 117},
            {"flow": "warn-planner", "state": "lost", "records": 3},
        ),
    ),
    "durations": Figure(
        kind="durations",
        title="Three rollbacks",
        rows=tuple(
            {"name": f"drill {i}", "part": p, "seconds": s}
            for i in (1, 2, 3)
            for p, s in [("execute", 4.0), ("verify", 1.5)]
        ),
        options={"limit_s": 14.0},
    ),
    "catch-up": Figure(
        kind="catch-up",
        title="Time to catch up",
        rows=({"label": "weather refused", "seconds": 0.4}, {"label": "weather slow", "seconds": 2.1}),
        options={"limit_s": 3.0},
    ),
    "isolation": Figure(
        kind="isolation",
        title="What each failing integration took down",
        rows=tuple(
            {"disturbed": f"{name} {how}", "stream": stream, "state": state}
            for name, how, states in (
                ("weather", "slow", ("kept its limits", "degraded, recovered")),
                ("planner", "refusing", ("stopped, recovered", "did not recover")),
                ("tides", "cut", ("gave other answers", "kept its limits")),
            )
            for stream, state in zip(("warn-planner", "the model's answers"), states, strict=True)
        ),
    ),
    "people": Figure(
        kind="people",
        title="Who passed",
        rows=tuple({"name": f"dock {i % 2}", "state": "passed" if i % 5 else "not passed"} for i in range(12)),
    ),
    "fingerprint": Figure(
        kind="fingerprint",
        title="Fields as trained and as live",
        rows=({"field": "temp", "training": "12 to 98", "live": "-11 to 36", "verdict": "looks like °C"},),
    ),
}


def judged(outcome: Outcome, **changes: object) -> Judged:
    measure = Measure(
        name="recall@0.5",
        value=0.714,
        lower=0.688,
        upper=0.74,
        limit=0.7,
        sense=Sense.AT_LEAST,
        unit="share",
        n=4215,
        method="Clopper-Pearson, one-sided",
        confidence=0.95,
        needed=203,
        needed_unit="labelled rows",
    )
    return Judged(measure=measure, outcome=outcome, bound=0.688)


def assessment(id_: str, domain: Domain, outcome: Outcome, *figures: str, **more: object) -> Assessment:
    blocked = outcome in (Outcome.NOT_MET, Outcome.NOT_DETERMINED)
    finding = Finding(
        code="wrong-unit",
        summary="temp looks like °C where training had °F: ×1.8 + 32 fits with r = 0.99",
        fields=("temp",),
        why="The planner is warned of deliveries that are not late.",
        remedy="Convert temp to °F in the feed, or retrain on °C.",
    )
    hostile = Finding(code="note", summary="<script>alert('x')</script> & \"quotes\"", weight=Weight.NOTE)
    informative = Judged(
        measure=Measure(name="mean risk", value=0.216, kind=MeasureKind.INFORMATIVE), outcome=Outcome.MET, bound=None
    )
    return Assessment(
        id=id_,
        domain=domain,
        question=f"Is {id_} as it must be before anybody may rely on it in real operations?",
        outcome=outcome,
        assurance=Assurance.EXECUTED if outcome is not Outcome.NOT_DETERMINED else None,
        demands=Assurance.EXECUTED,
        reason="The lower bound of recall@0.5, 68.8 %, is below the minimum of 70 %."
        if blocked
        else "Bound clears limit.",
        done="Scored 12 000 evaluation rows through the model and compared the lower bound with the plan's minimum.",
        measures=(judged(outcome), informative),
        findings=(finding, hostile) if outcome is Outcome.NOT_MET else (),
        figures=tuple(FIGURES[f] for f in figures),
        evidence=("ab" * 32,) if outcome is not Outcome.NOT_DETERMINED else (),
        observed_at=NOW,
        valid_until=NOW + timedelta(days=7),
        reviewer=Role.AI_TEAM,
        policy="short-demo",
        checks=(id_,),
    )


def sample() -> Verdict:
    requirements = (
        assessment("ownership.monitor", Domain.OWNERSHIP, Outcome.NOT_MET),
        assessment("ownership.pipeline-alert", Domain.OWNERSHIP, Outcome.MET),
        assessment("data.faults", Domain.DATA, Outcome.NOT_MET, "faults"),
        assessment("data.load", Domain.DATA, Outcome.MET, "latency", "throughput", "capacity"),
        assessment("data.freshness", Domain.DATA, Outcome.MET, "staleness"),
        assessment("model.threshold", Domain.MODEL, Outcome.NOT_DETERMINED, "metric", "reliability"),
        assessment("model.adversarial", Domain.MODEL, Outcome.NOT_APPLICABLE),
        assessment("model.failure-modes", Domain.MODEL, Outcome.NOT_MET, "slices"),
        assessment("integration.format", Domain.INTEGRATION, Outcome.NOT_MET, "drift", "fingerprint"),
        assessment("integration.combined-load", Domain.INTEGRATION, Outcome.WAIVED, "flows"),
        assessment("organization.training", Domain.ORGANIZATION, Outcome.MET, "people"),
        assessment("governance.rollback", Domain.GOVERNANCE, Outcome.MET, "durations"),
    )
    gaps = tuple(
        Gap(
            requirement=a.id,
            code="wrong-unit",
            summary=a.reason,
            why="The planner is warned of deliveries that are not late.",
            remedy="Label 203 more rows; the plan says which.",
            owner="olga" if i else None,
            owner_name="Olga Brandt" if i else "nobody declared",
            effort_days=3.0,
            starts=TODAY + timedelta(days=i),
            due=TODAY + timedelta(days=3 + 2 * i),
            outcome=a.outcome,
        )
        for i, a in enumerate(x for x in requirements if x.outcome in (Outcome.NOT_MET, Outcome.NOT_DETERMINED))
    )
    return Verdict(
        system="arrival-delay",
        version="2026.11.1",
        purpose="Warns the dock planner of inbound deliveries that will arrive more than 30 minutes late.",
        subject="5f" * 32,
        gate=GateName.PRODUCTION_READINESS,
        verdict=Answer.NO_GO,
        rehearsal=False,
        decided_at=NOW,
        valid_until=NOW + timedelta(days=7),
        policy="short-demo",
        demonstration=True,
        sentence="NO-GO: five requirements are open; first, nobody is named who watches it after launch.",
        requirements=requirements,
        gaps=gaps,
        signatures=tuple(
            Signature(role=r, person=None, name="", signed_at=None, valid=False, problem="not signed") for r in Role
        ),
        timeline=Timeline(
            today=TODAY,
            planned_go_live=date(2027, 1, 11),
            gaps_closed=TODAY + timedelta(days=11),
            review_from=date(2026, 11, 30),
            review_to=date(2026, 12, 14),
            earliest_go_live=date(2027, 1, 18),
            planned_holds=False,
            sentence="The gaps can be closed by 4 Dec 2026; a review then allows go-live on 18 Jan 2027.",
        ),
        anchored=False,
        ledger_head="9c" * 32,
        ledger_entries=61,
        ledger_problems=(),
        product="0.1.0",
        notes=("Made under the policy short-demo: shortened loads and drills; under it no verdict can be GO.",),
    )
