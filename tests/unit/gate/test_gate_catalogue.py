"""The catalogue is the contract as data: every requirement, none invented, none weakened."""

from __future__ import annotations

import jsonschema_rs
import pytest

from seatrial.core.vocabulary import Assurance, Criticality, Domain, Role
from seatrial.gate.catalogue import (
    PRODUCTION_READINESS,
    UnknownRequirement,
    as_shown,
    by_id,
    catalogue_data,
    catalogue_schema,
    scaled,
)

CONTRACT = """
data.faults executed 90
data.load executed 90
data.freshness executed 7
data.interruption executed 90
data.schema-change executed 90
model.out-of-sample executed 7
model.threshold executed 30
model.stress executed 30
model.adversarial executed 90
model.failure-modes executed 30
model.trust executed 30
integration.inventory executed 90
integration.contracts executed 30
integration.versions executed 30
integration.combined-load executed 90
integration.format executed 7
integration.isolation executed 90
organization.training executed 365
organization.process-documents attested 365
organization.change-management observed 90
organization.escalation executed 90
organization.accountability executed 90
governance.offline-thresholds executed 90
governance.fallback executed 180
governance.rollback executed 90
governance.compliance attested 180
ownership.monitor attested 90
ownership.pipeline-alert executed 30
ownership.retraining attested 90
ownership.escalation-point executed 90
"""
REVIEWERS = {
    Domain.MODEL: Role.AI_TEAM,
    Domain.DATA: Role.IT,
    Domain.INTEGRATION: Role.IT,
    Domain.ORGANIZATION: Role.OPERATIONS,
    Domain.GOVERNANCE: Role.LEGAL,
    Domain.OWNERSHIP: Role.OPERATIONS,
}


def test_every_requirement_of_the_contract_is_there_in_order_with_its_assurance_and_lease() -> None:
    rows = [f"{r.id} {r.demands.value} {r.lease_days:g}" for r in PRODUCTION_READINESS]
    assert rows == CONTRACT.strip().splitlines()


def test_each_domain_is_reviewed_by_its_role() -> None:
    assert {r.id: r.reviewer for r in PRODUCTION_READINESS} == {r.id: REVIEWERS[r.domain] for r in PRODUCTION_READINESS}


def test_only_the_adversarial_search_may_be_not_applicable() -> None:
    assert [r.id for r in PRODUCTION_READINESS if r.may_be_not_applicable] == ["model.adversarial"]


def test_threshold_rollback_and_ownership_can_never_be_waived() -> None:
    fixed = {r.id for r in PRODUCTION_READINESS if not r.may_be_waived}
    ownership = {r.id for r in PRODUCTION_READINESS if r.domain is Domain.OWNERSHIP}
    assert fixed == {"model.threshold", "governance.rollback"} | ownership


def test_the_catalogue_keeps_its_own_schema() -> None:
    jsonschema_rs.validator_for(catalogue_schema()).validate(catalogue_data())


def test_the_schema_refuses_a_row_without_a_question() -> None:
    data = catalogue_data()
    assert isinstance(data, dict)
    broken = {**data, "requirements": [{**data["requirements"][0], "question": "none"}]}
    assert not jsonschema_rs.validator_for(catalogue_schema()).is_valid(broken)


def test_what_comes_first_exists_and_never_runs_in_a_circle() -> None:
    after = {r.id: set(r.after) for r in PRODUCTION_READINESS}
    assert set().union(*after.values()) <= set(after)
    while after:
        free = {r for r, before in after.items() if not before & set(after)}
        assert free, f"a circle among {sorted(after)}"
        after = {r: before for r, before in after.items() if r not in free}


def test_ownership_is_shown_above_all() -> None:
    shown = as_shown(PRODUCTION_READINESS)
    assert [r.domain for r in shown[:4]] == [Domain.OWNERSHIP] * 4
    assert shown[4:] == PRODUCTION_READINESS[:-4]


@pytest.mark.parametrize("criticality", Criticality)
def test_criticality_scales_the_lease_and_removes_nothing(criticality: Criticality) -> None:
    for requirement in PRODUCTION_READINESS:
        shorter = scaled(requirement, criticality)
        assert 0 < shorter.lease_days <= requirement.lease_days
        assert (shorter.id, shorter.demands, shorter.rests_on) == (
            requirement.id,
            requirement.demands,
            requirement.rests_on,
        )
    critical = scaled(by_id("data.load"), Criticality.CRITICAL).lease_days
    assert critical < scaled(by_id("data.load"), Criticality.OPERATIONAL).lease_days


def test_an_unknown_id_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(UnknownRequirement, match=r"model\.threshold"):
        by_id("model.treshold")


def test_an_attested_part_complements_only_where_the_contract_says_so() -> None:
    both = {r.id for r in PRODUCTION_READINESS if Assurance.ATTESTED in r.complements}
    assert both == {
        "model.failure-modes",
        "integration.inventory",
        "organization.change-management",
        "organization.accountability",
        "ownership.escalation-point",
    }
