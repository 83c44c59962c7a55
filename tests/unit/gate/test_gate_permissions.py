"""Who may do what: works, wrong role, outsider, own request, machine."""

from __future__ import annotations

import pytest

from plants.go_world import system
from seatrial.core.vocabulary import Role
from seatrial.gate.catalogue import PRODUCTION_READINESS, by_id
from seatrial.gate.permissions import Action, Actor, Context, may
from seatrial.spec.policy import Policy

HERE = Context(system=system())
MACHINE_ACTIONS = {Action.READ, Action.RUN, Action.IMPORT, Action.DRILL, Action.RECORD_EVENT}


def person(name: str) -> Actor:
    return Actor(kind="person", name=name)


def signing(role: Role, *requirements: str) -> Context:
    return Context(system=system(), role=role, reviewed=PRODUCTION_READINESS, attested=frozenset(requirements))


@pytest.mark.parametrize("kind", ["token", "worker"])
@pytest.mark.parametrize("action", Action)
def test_a_machine_runs_and_files_and_never_speaks_for_a_person(kind: str, action: Action) -> None:
    context = Context(
        system=system(), role=Role.IT, requirement=by_id("model.adversarial"), requested_by="ivo", duty="owner"
    )
    assert may(Actor(kind=kind, name="ivo"), action, context).allowed is (action in MACHINE_ACTIONS)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("actor", [person("max"), Actor(kind="administrator", name="olga"), person("")])
def test_an_outsider_and_an_administrator_may_nothing(actor: Actor, action: Action) -> None:
    context = Context(
        system=system(), role=Role.IT, requirement=by_id("model.adversarial"), requested_by="ivo", duty="owner"
    )
    permission = may(actor, action, context)
    assert not permission.allowed
    assert permission.reason


@pytest.mark.parametrize(
    ("name", "role"),
    [("ivo", Role.IT), ("sven", Role.OPERATIONS), ("lena", Role.LEGAL), ("amir", Role.AI_TEAM)],
)
def test_the_declared_person_signs_for_their_role_and_for_no_other(name: str, role: Role) -> None:
    for asked in Role:
        assert may(person(name), Action.SIGN, signing(asked)).allowed is (asked is role)
        assert may(person(name), Action.WITHHOLD, signing(asked)).allowed is (asked is role)
    assert not may(person(name), Action.SIGN, HERE).allowed


def test_nobody_signs_a_domain_whose_evidence_they_attested_but_may_withhold() -> None:
    own = signing(Role.OPERATIONS, "organization.process-documents")
    assert not may(person("sven"), Action.SIGN, own).allowed
    assert may(person("sven"), Action.WITHHOLD, own).allowed
    assert may(person("sven"), Action.SIGN, signing(Role.OPERATIONS, "model.failure-modes")).allowed


def test_one_person_never_holds_two_roles() -> None:
    twice = system(signers={"it": "ivo", "operations": "ivo", "legal": "lena", "ai-team": "amir"})
    assert not may(person("ivo"), Action.SIGN, Context(system=twice, role=Role.IT)).allowed


def test_who_left_may_nothing() -> None:
    gone = Context(system=system(), role=Role.IT, departed=frozenset({"ivo"}))
    assert not any(may(person("ivo"), action, gone).allowed for action in Action)


@pytest.mark.parametrize(
    ("name", "duty", "allowed"),
    [
        ("olga", "owner", True),
        ("sven", "owner.deputy", True),
        ("carl", "manager", True),
        ("ivo", "pipeline-alert", True),
        ("olga", "pipeline-alert.deputy", True),
        ("sven", "owner", False),
        ("olga", "king", False),
    ],
)
def test_people_accept_what_is_declared_for_them(name: str, duty: str, allowed: bool) -> None:
    assert may(person(name), Action.ACCEPT, Context(system=system(), duty=duty)).allowed is allowed


def test_nobody_accepts_what_was_not_named() -> None:
    assert not may(person("olga"), Action.ACCEPT, HERE).allowed


def exempting(requirement: str, asked: str | None) -> Context:
    return Context(system=system(), requirement=by_id(requirement), requested_by=asked)


def test_an_exemption_needs_a_second_declared_person_and_a_requirement_that_allows_it() -> None:
    assert may(person("lena"), Action.APPROVE_EXEMPTION, exempting("model.adversarial", "amir")).allowed
    for refused in (
        exempting("model.adversarial", "lena"),
        exempting("model.adversarial", "max"),
        exempting("model.adversarial", None),
        exempting("model.threshold", "amir"),
        HERE,
    ):
        assert not may(person("lena"), Action.APPROVE_EXEMPTION, refused).allowed


def waiving(requirement: str, *, asked: str = "ivo", allowed: str = "data.load", before: str | None = None) -> Context:
    return Context(
        system=system(),
        policy=Policy(waivers=(allowed,)),
        requirement=by_id(requirement),
        requested_by=asked,
        previous_approver=before,
    )


def test_a_waiver_needs_a_policy_that_allows_it_and_another_person_each_time() -> None:
    assert may(person("lena"), Action.APPROVE_WAIVER, waiving("data.load")).allowed
    assert may(person("lena"), Action.APPROVE_WAIVER, waiving("data.load", before="carl")).allowed
    for refused in (
        waiving("data.load", asked="lena"),
        waiving("data.load", before="lena"),
        waiving("data.load", allowed="data.faults"),
        waiving("model.threshold", allowed="model.threshold"),
        waiving("governance.rollback", allowed="governance.rollback"),
        waiving("ownership.monitor", allowed="ownership.monitor"),
        HERE,
    ):
        assert not may(person("lena"), Action.APPROVE_WAIVER, refused).allowed


def test_a_listed_user_answers_the_comprehension_check_without_being_declared() -> None:
    listed = Context(system=system(), listed_users=frozenset({"u17"}))
    assert may(person("u17"), Action.ANSWER, listed).allowed
    assert not may(person("u17"), Action.RUN, listed).allowed
    assert not may(person("u18"), Action.ANSWER, listed).allowed
