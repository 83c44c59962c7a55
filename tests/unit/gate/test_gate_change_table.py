"""The change table, row by row: what a change stops, and that nothing else stops with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plants.go_world import LATENCY, RECALL, SIGNED, THRESHOLDS, World, go_world, part_digests, system
from seatrial.core.bodies import DepartureBody
from seatrial.core.observation import Threshold
from seatrial.core.vocabulary import Answer, Outcome, RecordType, Role, Sense
from seatrial.gate.catalogue import PRODUCTION_READINESS
from seatrial.gate.deciding import decide

ALL_ROLES = set(Role)
_IDS = [r.id for r in PRODUCTION_READINESS]
MODEL = {i for i in _IDS if i.startswith("model.")}
DATA = {i for i in _IDS if i.startswith("data.")}
INTEGRATION = {i for i in _IDS if i.startswith("integration.")}
OF_WORKFLOWS = {"organization.training", "organization.process-documents", "governance.fallback"}
BASED_ON_SOURCES = {"model.out-of-sample", "model.threshold", "integration.format"} | DATA


_SVEN = (
    "organization.accountability",
    "organization.change-management",
    "organization.escalation",
    "ownership.monitor",
    "ownership.escalation-point",
)


THROUGH_INTEGRATIONS = {"data.faults", "data.freshness", "data.interruption", "data.schema-change"}
"""What was seen of the data by going through integrations."""


def stopped(world: World) -> tuple[set[str], set[Role]]:
    """Which requirements are no longer MET, and which roles' sign-offs no longer count."""
    verdict = world.decided()
    assert verdict.verdict is Answer.NO_GO
    unmet = {a.id for a in verdict.requirements if a.outcome is not Outcome.MET}
    return unmet, {s.role for s in verdict.signatures if not s.valid}


def with_part(part: str) -> World:
    world = go_world()
    assert part in world.parts
    return replace(world, parts={**world.parts, part: "another digest"})


@pytest.mark.parametrize(
    ("part", "requirements", "roles"),
    [
        (
            "model",
            MODEL
            | INTEGRATION
            | {"data.faults", "data.load", "data.interruption", "data.schema-change"}
            | {"governance.rollback", "governance.offline-thresholds", "governance.compliance"},
            ALL_ROLES,
        ),
        ("failure-modes", OF_WORKFLOWS | {"model.failure-modes"}, {Role.OPERATIONS}),
        ("do-not-trust", OF_WORKFLOWS | {"model.trust"}, {Role.OPERATIONS}),
        ("workflow.dock-planning", OF_WORKFLOWS, {Role.OPERATIONS}),
        ("data.training", BASED_ON_SOURCES, {Role.IT, Role.AI_TEAM}),
        ("data.evaluation", BASED_ON_SOURCES, {Role.IT, Role.AI_TEAM}),
        ("data.live", BASED_ON_SOURCES, {Role.IT, Role.AI_TEAM}),
        ("schema", BASED_ON_SOURCES | INTEGRATION | {"model.stress", "model.adversarial"}, {Role.IT, Role.AI_TEAM}),
        ("integration.sensors", INTEGRATION | THROUGH_INTEGRATIONS, {Role.IT, Role.OPERATIONS}),
        (
            "flow.warn",
            {"integration.inventory", "integration.combined-load", "integration.isolation"}
            | {"data.faults", "data.interruption", "data.schema-change"},
            {Role.IT, Role.OPERATIONS},
        ),
        ("plan", {"model.threshold", "governance.offline-thresholds", "governance.compliance"}, ALL_ROLES),
        (
            "policy",
            {
                "data.faults",
                "data.load",
                "data.interruption",
                "data.schema-change",
                "model.stress",
                "model.adversarial",
                "model.failure-modes",
                "integration.combined-load",
                "integration.isolation",
                "organization.training",
                "governance.fallback",
                "governance.rollback",
            },
            ALL_ROLES,
        ),
        ("declaration", {"governance.compliance"}, ALL_ROLES),
        ("procedure.procedures/rollback.yaml", {"governance.rollback"}, set()),
        ("procedure.procedures/offline.yaml", {"governance.offline-thresholds"}, set()),
        ("procedure.procedures/by-hand.yaml", {"governance.fallback"}, set()),
        ("procedure.procedures/stop.yaml", {"organization.accountability"}, set()),
        ("document.docs/dock-planning.md", {"organization.process-documents", "governance.compliance"}, set()),
        ("document.docs/storm.md", {"organization.process-documents", "governance.compliance"}, set()),
        ("document.docs/limits.md", {"organization.training", "governance.compliance"}, set()),
        ("document.docs/change-plan.md", {"organization.change-management", "governance.compliance"}, set()),
        ("document.docs/retraining.md", {"ownership.retraining", "governance.compliance"}, set()),
        ("document.docs/review.md", {"governance.compliance"}, set()),
        ("document.docs/governance-plan.md", {"governance.compliance"}, set()),
        ("procedure.procedures/doubt.yaml", {"organization.escalation"}, set()),
        ("escalation", {"organization.escalation"}, {Role.OPERATIONS}),
        ("inventory", {"integration.inventory"}, {Role.IT}),
        ("compliance", {"governance.compliance"}, {Role.LEGAL}),
        ("users", {"organization.training"}, set()),
        ("load", {"data.load"}, {Role.IT}),
        ("freshness", {"data.freshness"}, {Role.IT}),
        ("format", {"integration.format"}, {Role.IT}),
        ("data.faults", {"data.faults"}, {Role.IT}),
        ("stress", {"model.stress", "model.adversarial"}, set()),
        ("rollback", {"governance.rollback"}, {Role.OPERATIONS, Role.LEGAL}),
        ("offline", {"governance.offline-thresholds"}, {Role.OPERATIONS, Role.LEGAL}),
        ("change", {"organization.change-management"}, {Role.OPERATIONS}),
        ("owner", {"organization.accountability"}, {Role.OPERATIONS}),
        ("duty.monitor", {"ownership.monitor"}, {Role.OPERATIONS}),
        ("duty.pipeline-alert", {"ownership.pipeline-alert"}, {Role.OPERATIONS}),
        ("duty.retraining", {"ownership.retraining"}, {Role.OPERATIONS}),
        ("duty.escalation-point", {"ownership.escalation-point", "organization.escalation"}, {Role.OPERATIONS}),
        ("route.ivo", {"ownership.pipeline-alert", "ownership.retraining"}, {Role.OPERATIONS}),
        (
            "route.olga",
            {
                "ownership.monitor",
                "ownership.pipeline-alert",
                "ownership.escalation-point",
                "organization.escalation",
                "organization.accountability",
            },
            {Role.OPERATIONS},
        ),
    ],
)
def test_a_changed_part_stops_exactly_what_rests_on_it(part: str, requirements: set[str], roles: set[Role]) -> None:
    assert stopped(with_part(part)) == (requirements, roles)


def test_every_part_of_the_subject_is_rested_on() -> None:
    world = go_world()
    for part in world.parts:
        if not part.startswith(("person.", "route.")):
            assert with_part(part).decided().verdict is Answer.NO_GO, part


def test_a_new_integration_that_nothing_was_tested_with_stops_what_rests_on_integrations() -> None:
    world = go_world()
    grown = replace(world, parts={**world.parts, "integration.erp": "new"})
    assert stopped(grown) == (INTEGRATION | THROUGH_INTEGRATIONS, {Role.IT, Role.OPERATIONS})


def test_an_integration_that_is_gone_stops_what_rested_on_it() -> None:
    world = go_world()
    shrunk = replace(world, parts={p: d for p, d in world.parts.items() if p != "integration.planner"})
    assert stopped(shrunk) == (INTEGRATION | THROUGH_INTEGRATIONS, {Role.IT, Role.OPERATIONS})


def limited(measure: str, limit: float) -> tuple[Threshold, ...]:
    return tuple(replace(t, limit=limit) if t.measure == measure else t for t in THRESHOLDS)


def test_a_stricter_limit_is_judged_anew_from_what_was_recorded_and_flags_the_sign_offs() -> None:
    verdict = replace(go_world(), thresholds=limited("recall@0.5", 0.72)).decided()
    assert verdict.verdict is Answer.GO
    assert {s.review for s in verdict.signatures} == {("model.threshold/recall@0.5",)}
    (judged,) = next(a.measures for a in verdict.requirements if a.id == "model.threshold")
    assert judged.measure.limit == 0.72


def test_a_limit_stricter_than_what_was_reached_is_not_met() -> None:
    unmet, roles = stopped(replace(go_world(), thresholds=limited("recall@0.5", 0.9)))
    assert unmet == {"model.threshold"}
    assert roles == set()


@pytest.mark.parametrize(
    ("measure", "limit", "requirement"),
    [("recall@0.5", 0.69, "model.threshold"), ("p99", 0.31, "data.load"), ("power", 0.5, "model.failure-modes")],
)
def test_a_loosened_limit_stops_what_it_judged_and_all_sign_offs(measure: str, limit: float, requirement: str) -> None:
    world = replace(go_world(), thresholds=limited(measure, limit))
    assert stopped(world) == ({requirement}, ALL_ROLES)
    (found,) = (a for a in world.decided().requirements if a.id == requirement)
    assert found.reason_code == "limit-loosened"


def test_a_loosened_confidence_voids_the_sign_offs() -> None:
    world = go_world()
    strict = tuple(replace(t, confidence=0.99) for t in THRESHOLDS)
    signed = replace(world, thresholds=strict, evidence=()).plus(
        *(replace(world, thresholds=strict).signed(r) for r in Role)
    )
    unsigned = tuple(e for e in world.evidence if e.record.type is not RecordType.SIGN_OFF)
    now = replace(world, evidence=(*unsigned, *signed.evidence))
    assert stopped(now) == (set(), ALL_ROLES)


def test_a_limit_that_disappeared_establishes_nothing_and_voids_the_sign_offs() -> None:
    world = replace(go_world(), thresholds=tuple(t for t in THRESHOLDS if t.measure != "recall@0.5"))
    assert stopped(world) == ({"model.threshold"}, ALL_ROLES)


def test_a_limit_that_is_new_and_was_not_measured_is_not_determined() -> None:
    new = Threshold(requirement="model.trust", measure="overconfidence", sense=Sense.AT_MOST, limit=0.05)
    unmet, roles = stopped(replace(go_world(), thresholds=(*THRESHOLDS, new)))
    assert unmet == {"model.trust"}
    assert roles == set()


def test_a_check_that_changed_is_run_again_and_the_product_version_alone_changes_nothing() -> None:
    world = go_world()
    assert stopped(replace(world, versions={**world.versions, "data.load": 2})) == ({"data.load"}, set())
    assert decide(replace(world.inputs(), product="2.0")).verdict is Answer.GO


@pytest.mark.parametrize(
    ("person", "requirements", "roles"),
    [
        (
            "carl",
            {
                "organization.accountability",
                "organization.change-management",
                "organization.process-documents",
                "model.failure-modes",
            },
            set(),
        ),
        ("nora", {"governance.compliance"}, set()),
        ("sven", {*_SVEN}, {Role.OPERATIONS}),
        ("lena", {"governance.compliance"}, {Role.LEGAL}),
        ("amir", {"ownership.retraining", "integration.inventory"}, {Role.AI_TEAM}),
        ("ivo", {"ownership.pipeline-alert", "ownership.retraining"}, {Role.IT}),
        (
            "olga",
            {
                "organization.accountability",
                "organization.escalation",
                "ownership.monitor",
                "ownership.pipeline-alert",
                "ownership.escalation-point",
            },
            set(),
        ),
    ],
)
def test_a_person_who_leaves_takes_along_what_they_accepted_and_signed(
    person: str, requirements: set[str], roles: set[Role]
) -> None:
    world = go_world()
    left = world.said(RecordType.DEPARTURE, DepartureBody(person=person), by="person:carl")
    assert stopped(world.plus(left)) == (requirements, roles)


def test_when_the_owner_leaves_that_is_the_first_gap() -> None:
    world = go_world()
    left = world.said(RecordType.DEPARTURE, DepartureBody(person="olga"), by="person:carl")
    first = world.plus(left).decided().gaps[0]
    assert first.code == "no-owner"
    assert "Olga Brandt left" in first.summary


def test_a_leaving_date_in_the_system_file_counts_like_a_departure() -> None:
    people = {p: s.model_dump() for p, s in system().people.items()}
    gone = system(people={**people, "olga": {**people["olga"], "left_on": SIGNED.date()}})
    world = replace(go_world(), system=gone, parts=part_digests(gone))
    assert world.decided().gaps[0].code == "no-owner"


def test_the_world_holds_measures_with_room_on_both_sides() -> None:
    assert RECALL.lower is not None
    assert RECALL.lower > 0.72
    assert LATENCY.upper is not None
    assert LATENCY.upper < 0.3
