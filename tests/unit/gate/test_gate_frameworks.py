"""Frameworks are dated data that support and never comply: every clause leads to requirements that exist."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from plants.go_world import OBSERVED, bad, go_world
from seatrial.core.vocabulary import Outcome
from seatrial.gate.catalogue import PRODUCTION_READINESS, by_id
from seatrial.gate.frameworks import FRAMEWORKS, crosswalk, frameworks_data
from seatrial.present.frameworks import DISCLAIMER, framework_lines


def test_every_clause_leads_to_requirements_that_exist_and_every_requirement_is_led_to() -> None:
    known = {row.id for row in PRODUCTION_READINESS}
    for framework in FRAMEWORKS:
        ids = [clause.id for clause in framework.clauses]
        assert len(set(ids)) == len(ids)
        for clause in framework.clauses:
            assert clause.supported_by, clause.id
            assert len(set(clause.supported_by)) == len(clause.supported_by)
            assert set(clause.supported_by) <= known, clause.id
    assert known == {r for f in FRAMEWORKS for c in f.clauses for r in c.supported_by}


def test_every_framework_is_dated_and_versioned() -> None:
    assert [f.id for f in FRAMEWORKS] == ["nist-ai-rmf", "iso-iec-42001", "eu-ai-act"]
    for framework in FRAMEWORKS:
        assert framework.edition < framework.reviewed_on
        assert framework.edition >= date(2023, 1, 1)
        assert framework.data_version >= 1
        assert framework.note


def test_nothing_ever_says_that_it_complies() -> None:
    lines = list(framework_lines(go_world().decided().requirements))
    assert lines[0] == DISCLAIMER
    assert not any(word in line.lower() for line in lines[1:] for word in ("complies", "compliant", "conforms"))


def test_only_what_is_established_supports_with_its_evidence_and_its_day() -> None:
    world = go_world()
    verdict = world.decided()
    by = {a.id: a for a in verdict.requirements}
    for framework in FRAMEWORKS:
        for row in crosswalk(framework, verdict.requirements):
            assert all(s.supports for s in row.by)
            assert row.latest == OBSERVED
            assert all(s.evidence == by[s.requirement].evidence for s in row.by)
    broken = world.instead("organization.training", bad(by_id("organization.training"))).decided()
    row = next(r for r in crosswalk(FRAMEWORKS[2], broken.requirements) if r.clause.id == "Article 4")
    assert row.latest is None
    assert [(s.supports, s.evidence, s.outcome) for s in row.by] == [(False, (), Outcome.NOT_MET)]
    waived = [replace(a, outcome=Outcome.WAIVED) for a in verdict.requirements]
    assert not any(s.supports for r in crosswalk(FRAMEWORKS[0], waived) for s in r.by)


def test_as_data_it_is_plain_json_with_or_without_a_verdict() -> None:
    for assessments in ((), go_world().decided().requirements):
        told = json.loads(json.dumps(frameworks_data(assessments)))
        assert [f["id"] for f in told] == [f.id for f in FRAMEWORKS]
        assert (told[0]["clauses"][0]["latest"] is None) == (not assessments)
