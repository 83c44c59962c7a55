"""Three gates, one machinery: what was signed or decided at one counts at no other."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

import seatrial.examples
from plants.go_world import NOW, World, go_world, good, system
from seatrial.app.folder.catalogue import thresholds
from seatrial.app.folder.workspace import open_workspace
from seatrial.core.bodies import DecisionBody, WithholdingBody
from seatrial.core.vocabulary import Answer, Criticality, GateName, RecordType, Role
from seatrial.gate.catalogue import EVERY, PRODUCTION_READINESS, by_id
from seatrial.gate.gates import GATES, PRODUCTION, Gate
from seatrial.gate.requirements_scale import WATCH_RECORD
from seatrial.gate.verdict import Stage
from seatrial.spec.adversarial import Threat
from seatrial.spec.policy import HIGHER_IS_TIGHTER, LOWER_IS_TIGHTER, GateLimits, Policy, policy_for
from seatrial.spec.resolution import resolve_policy
from seatrial.spec.subject import parts
from seatrial.spec.system import System

PILOT, SCALE = GATES[GateName.PILOT_EXIT], GATES[GateName.ENTERPRISE_SCALE]


def at(name: GateName) -> World:
    """A world that is GO at that gate."""
    gate = GATES[name]
    empty = World(requirements=gate.requirements, gate=gate)
    return replace(
        empty,
        evidence=(
            *(e for e in go_world().evidence if e.record.type not in (RecordType.OBSERVATION, RecordType.SIGN_OFF)),
            *(empty.observed(r.id, good(r)) for r in gate.requirements),
            *(empty.signed(role) for role in Role),
        ),
    )


@pytest.mark.parametrize("name", GateName)
def test_each_gate_comes_to_go_by_its_own_requirements_and_signatures(name: GateName) -> None:
    verdict = at(name).decided()
    assert (verdict.verdict, verdict.gate) == (Answer.GO, name), verdict.gaps
    assert [a.id for a in verdict.requirements] == [r.id for r in GATES[name].requirements]
    for requirement in GATES[name].requirements:
        assert at(name).without(requirement.id).decided().verdict is Answer.NO_GO, requirement.id


@pytest.mark.parametrize("signed", GateName)
@pytest.mark.parametrize("asked", GateName)
def test_a_signature_counts_at_its_own_gate_alone(signed: GateName, asked: GateName) -> None:
    world = at(asked).unsigned(*Role)
    elsewhere = replace(world, gate=GATES[signed])
    verdict = world.plus(*(elsewhere.signed(role) for role in Role)).decided()
    assert (verdict.verdict is Answer.GO) is (signed is asked)
    assert all(s.valid is (signed is asked) for s in verdict.signatures)


def test_who_withholds_at_one_gate_withholds_there_alone() -> None:
    for named, stands in ((GateName.PILOT_EXIT, Answer.GO), (GateName.PRODUCTION_READINESS, Answer.NO_GO)):
        body = WithholdingBody(person="lena", role=Role.LEGAL, reason="no", gate=named)
        world = at(GateName.PRODUCTION_READINESS)
        said = replace(body, person=str(world.system.signers[Role.LEGAL]))
        against = world.said(RecordType.WITHHOLDING, said, by=f"person:{said.person}", at=NOW)
        assert world.plus(against).decided().verdict is stands


def test_a_decision_on_record_is_told_on_the_way_and_decides_nothing() -> None:
    world = at(GateName.PRODUCTION_READINESS)
    subject = world.inputs().subject.digest
    passed = DecisionBody(answer="GO", subject=subject, rehearsal=False, verdict="v", gate=GateName.ENTERPRISE_SCALE)
    failed = replace(passed, answer="NO-GO", subject="another", gaps=("data.load",), gate=GateName.PILOT_EXIT)
    lied = replace(passed, gate=GateName.PILOT_EXIT)
    told = world.plus(
        world.said(RecordType.DECISION, passed, by="worker:ci", at=NOW - timedelta(days=2)),
        world.said(RecordType.DECISION, failed, by="worker:ci", at=NOW - timedelta(days=1)),
        world.said(RecordType.DECISION, lied, by="person:olga", at=NOW),
    )
    verdict = told.decided()
    pilot, production, scale = verdict.way
    assert (pilot.answer, pilot.open, pilot.same_subject, pilot.since) == (Answer.NO_GO, 1, False, None)
    assert production == Stage(gate=PRODUCTION.name, title="Production readiness", question=PRODUCTION.question)
    assert (scale.answer, scale.same_subject, scale.since) == (Answer.GO, True, NOW - timedelta(days=2))
    assert at(GateName.ENTERPRISE_SCALE).unsigned(*Role).plus(*told.evidence[-3:]).decided().verdict is Answer.NO_GO


def test_the_third_gate_demands_the_watchs_record_and_only_it_does() -> None:
    assert {r.id for r in SCALE.requirements} - {r.id for r in PRODUCTION_READINESS} == {WATCH_RECORD}
    assert {r.id for r in PILOT.requirements} < {r.id for r in PRODUCTION_READINESS}
    assert not by_id(WATCH_RECORD).may_be_waived
    assert len({r.id for r in EVERY}) == len(EVERY)
    gap = next(g for g in at(GateName.ENTERPRISE_SCALE).without(WATCH_RECORD).decided().gaps)
    assert gap.requirement == WATCH_RECORD


@pytest.mark.parametrize("gate", GATES.values(), ids=lambda g: g.name.value)
@pytest.mark.parametrize("criticality", Criticality)
def test_a_gate_only_tightens_and_changes_no_way_of_checking(gate: object, criticality: Criticality) -> None:
    assert isinstance(gate, type(PRODUCTION))
    declared = system().model_copy(update={"criticality": criticality, "policy": policy_for(criticality)})
    own, here = declared.policy, gate.policy(declared)
    for key in Policy.model_fields:
        before, after = getattr(own, key), getattr(here, key)
        if before != after:
            assert key in gate.limits
            assert (key in HIGHER_IS_TIGHTER and after > before) or (key in LOWER_IS_TIGHTER and after < before)
    before, after = (parts(s, files={}, identities={}) for s in (declared, gate.system(declared)))
    assert before == after, "the same evidence is about the same subject at every gate"
    stricter = declared.model_copy(update={"policy": own.model_copy(update={"isolated": 0.9999})})
    assert gate.policy(stricter).isolated == 0.9999, "what the company tightened further stays"


def test_a_policy_file_makes_one_gate_stricter_and_leaves_the_others_and_the_subject() -> None:
    text = b"gates: {pilot-exit: {isolated: 99 %}, enterprise-scale: {held_back: 10 %, contract_violations: 0.1 %}}"
    named = system().model_copy(update={"governance": system().governance.model_copy(update={"policy": "own.yaml"})})
    declared = named.model_copy(update={"policy": resolve_policy(named, text)})
    found = {name: gate.policy(declared) for name, gate in GATES.items()}
    assert [p.isolated for p in found.values()] == [0.99, 0.95, 0.98]
    assert [p.held_back for p in found.values()] == [0.5, 0.5, 0.1]
    assert [p.contract_violations for p in found.values()] == [0.01, 0.01, 0.001]
    for gate in GATES.values():
        assert parts(gate.system(declared), files={}, identities={}) == parts(declared, files={}, identities={})


EXAMPLES = Path(seatrial.examples.__file__).parent


def _limits_by(declared: System, key: str) -> dict[str, float]:
    """Today's limits where the policy's value of that key is as strict as it can be."""
    strictest = 1.0 if key in HIGHER_IS_TIGHTER else 0.0001
    stricter = declared.policy.model_copy(update={key: strictest} if key else {})
    found = thresholds(declared.model_copy(update={"policy": stricter}))
    return {f"{each.requirement}/{each.measure}": each.limit for each in found}


@pytest.fixture(scope="module")
def examples() -> list[System]:
    found = []
    for file in EXAMPLES.glob("*/files/ready/seatrial.yaml"):
        named = dict.fromkeys(re.findall(r"\$\{(\w+)\}", file.read_text()), "http://127.0.0.1:9")
        declared = open_workspace(file, environment=named).system
        gained = declared.adversarial.model_copy(update={"threat": Threat(who="rivals", why="They come first.")})
        found.append(declared.model_copy(update={"adversarial": gained}))
    assert len(found) == 3
    return found


@pytest.mark.parametrize("key", sorted(GateLimits.model_fields))
def test_every_limit_that_a_gate_may_tighten_is_one_that_is_judged(examples: list[System], key: str) -> None:
    assert any(_limits_by(declared, key) != _limits_by(declared, "") for declared in examples)


@pytest.mark.parametrize("gate", GATES.values(), ids=lambda g: g.name.value)
def test_the_products_own_limits_of_a_gate_are_among_those(gate: Gate) -> None:
    assert set(gate.limits) <= set(GateLimits.model_fields)


def test_the_watch_is_asked_for_thirty_to_ninety_days() -> None:
    days = [policy_for(c).watched_days for c in (Criticality.ADVISORY, Criticality.OPERATIONAL, Criticality.CRITICAL)]
    assert days == [30, 60, 90]


def test_each_gate_has_its_own_day() -> None:
    live = date(2027, 3, 1)
    declared = system().model_copy(update={"go_live": live, "scale_up": None})
    pilot = replace(at(GateName.PILOT_EXIT), system=declared).decided().timeline
    assert pilot.planned_go_live == live
    assert (live - pilot.review_to).days == 70
    scale = replace(at(GateName.ENTERPRISE_SCALE), system=declared).decided().timeline
    assert scale.planned_go_live is None
    assert scale.earliest_go_live >= live + timedelta(days=60), "the watch must first see its days"
    assert "scale-up" in scale.sentence
    planned = declared.model_copy(update={"scale_up": date(2027, 4, 1)})
    sooner = replace(at(GateName.ENTERPRISE_SCALE), system=planned).decided().timeline
    assert not sooner.planned_holds
    assert "does not hold" in sooner.sentence


def test_what_is_still_to_be_decided_for_production_does_not_keep_a_pilot_from_its_exit() -> None:
    for path, pilot in (("rollback.procedure", Answer.GO), ("model.inputs", Answer.NO_GO)):
        declared = system().model_copy(update={"undecided": (path,)})
        assert replace(at(GateName.PILOT_EXIT), system=declared).decided().verdict is pilot
        assert replace(at(GateName.PRODUCTION_READINESS), system=declared).decided().verdict is Answer.NO_GO
