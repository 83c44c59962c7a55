"""Attempts to get a GO that is not deserved, and sound worlds that must not lose theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from plants.go_world import FILE, NOW, OBSERVED, SIGNED, World, bad, go_world, good, part_digests, system
from seatrial.core.bodies import DepartureBody, EventBody, ExemptionBody, WaiverBody, WithholdingBody
from seatrial.core.observation import Reason
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Answer, Assurance, Outcome, RecordType, Role
from seatrial.gate.catalogue import PRODUCTION_READINESS, by_id
from seatrial.gate.permissions import holders
from seatrial.spec.policy import Policy

ASKED = list(holders(go_world().system))


def codes(world: World) -> list[str]:
    verdict = world.decided()
    assert verdict.verdict is Answer.NO_GO
    return [gap.code for gap in verdict.gaps]


def holder(duty: str) -> str:
    who = holders(go_world().system)[duty]
    assert who is not None
    return who


@pytest.mark.parametrize("duty", ASKED)
def test_a_duty_that_its_holder_has_not_accepted_is_a_gap_whatever_a_check_once_saw(duty: str) -> None:
    assert codes(go_world().never_accepted(duty)) == ["not-accepted"]


@pytest.mark.parametrize("duty", ["owner", "manager", "monitor.deputy"])
def test_an_acceptance_by_another_hand_or_of_another_duty_stands_for_nobody(duty: str) -> None:
    world = go_world().never_accepted(duty)
    who = holder(duty)
    accepted = world.accepted(duty, who)
    by_worker = replace(accepted, record=replace(accepted.record, by="worker:k1"))
    for forged in (
        world.accepted(duty, who, problem="the key was revoked"),
        replace(accepted, signer=None),
        by_worker,
        world.accepted(duty, "max"),
        replace(accepted, record=replace(accepted.record, system="another")),
        replace(accepted, record=replace(accepted.record, depends={})),
        world.accepted(f"{duty}.other", who),
    ):
        assert codes(world.plus(forged)) == ["not-accepted"]
    assert world.plus(accepted).decided().verdict is Answer.GO


def test_an_acceptance_made_with_a_key_on_the_machine_of_the_ledger_is_a_rehearsal_until_made_elsewhere() -> None:
    world = go_world().never_accepted("owner")
    local = world.plus(world.accepted("owner", "olga", at=OBSERVED + timedelta(hours=1), local=True))
    assert codes(local) == ["separation-of-duties"]
    assert local.plus(world.accepted("owner", "olga")).decided().verdict is Answer.GO


def said(world: World) -> tuple[Evidence, ...]:
    """What people must have attested in the world that is GO."""
    return (
        world.attested("change-plan", "docs/change-plan.md", "carl"),
        world.attested("compliance", "docs/review.md", "nora"),
        world.attested("process", "docs/dock-planning.md", "carl"),
        world.attested("failure-modes", "failure-modes.yaml", "carl"),
    )


@pytest.mark.parametrize(
    ("kind", "document", "who", "not_by"),
    [
        ("change-plan", "docs/change-plan.md", "carl", "sven"),
        ("compliance", "docs/review.md", "nora", "lena"),
        ("process", "docs/dock-planning.md", "carl", "max"),
        ("failure-modes", "failure-modes.yaml", "carl", "max"),
    ],
)
def test_a_document_counts_by_the_word_of_one_who_may_give_it_and_by_no_other(
    kind: str, document: str, who: str, not_by: str
) -> None:
    world = go_world().unattested(kind)
    assert codes(world) == ["not-attested"]
    given = world.attested(kind, document, who)
    for forged in (
        world.attested(kind, document, not_by),
        world.attested(kind, document, who, problem="the key was revoked"),
        world.attested(kind, document, who, holder="person:max"),
        world.attested("objective", document, who),
        world.attested(kind, "docs/limits.md", who),
        world.attested(kind, document, who, at=NOW + timedelta(days=1)),
        world.attested(kind, document, who, at=NOW - timedelta(days=366)),
        replace(given, record=replace(given.record, depends={})),
        replace(given, record=replace(given.record, by="worker:k1")),
    ):
        if forged.record.at <= NOW:
            assert codes(world.plus(forged)) == ["not-attested"], forged
        else:
            assert world.plus(forged).decided().verdict is Answer.NO_GO
    verdict = world.plus(given).decided()
    assert verdict.verdict is Answer.GO
    assert given.digest in verdict.rests_on


@pytest.mark.parametrize(
    ("kind", "document", "parts", "requirements"),
    [
        ("process", "docs/dock-planning.md", "document.docs/dock-planning.md", {"organization.process-documents"}),
        ("process", "docs/dock-planning.md", "workflow.dock-planning", {"organization.process-documents"}),
        ("failure-modes", "failure-modes.yaml", "failure-modes", {"model.failure-modes"}),
    ],
)
def test_a_word_for_what_stood_there_before_ends_although_the_check_was_run_again(
    kind: str, document: str, parts: str, requirements: set[str]
) -> None:
    world = go_world().unattested(kind)
    before = world.attested(kind, document, "carl")
    stale = replace(before, record=replace(before.record, depends={**before.record.depends, parts: "of before"}))
    open_ = {a.id for a in world.plus(stale).decided().requirements if a.reason_code == "not-attested"}
    assert open_ == requirements
    assert world.plus(stale, world.attested(kind, document, "carl")).decided().verdict is Answer.GO


@pytest.mark.parametrize(
    ("kind", "document"), [("process", "docs/dock-planning.md"), ("failure-modes", "failure-modes.yaml")]
)
def test_who_stood_for_a_document_and_leaves_takes_their_word_along_at_once(kind: str, document: str) -> None:
    world = go_world(people={**FILE["people"], "pia": {"name": "Pia Lund"}}).unattested(kind)
    told = world.plus(world.attested(kind, document, "pia"))
    assert told.decided().verdict is Answer.GO
    left = told.plus(told.said(RecordType.DEPARTURE, DepartureBody(person="pia"), by="person:carl", at=SIGNED))
    assert codes(left) == ["not-attested"]
    assert left.plus(left.attested(kind, document, "carl")).decided().verdict is Answer.GO


def test_every_workflow_needs_a_word_of_its_own_and_a_place_in_the_document_changes_nothing() -> None:
    workflow = {
        "process": "docs/yard.md#role",
        "users": "yard",
        "fallback": FILE["workflows"]["dock-planning"]["fallback"],
    }
    world = go_world(workflows={**FILE["workflows"], "yard": workflow})
    assert codes(world) == ["not-attested"]
    assert world.plus(world.attested("process", "docs/yard.md", "carl")).decided().verdict is Answer.GO


def test_a_word_for_the_register_outlasts_the_lease_of_what_is_measured() -> None:
    world = go_world().unattested("failure-modes")
    early = world.attested("failure-modes", "failure-modes.yaml", "carl", at=NOW - timedelta(days=300))
    assert world.plus(early).decided().verdict is Answer.GO


def test_what_a_supplier_says_needs_a_word_that_stands() -> None:
    vendor = {"name": "Acme", "version": "4", "document": "docs/acme.md"}
    world = go_world(model={**FILE["model"], "vendor": vendor})
    assert codes(world) == ["not-attested"]
    given = world.attested("supplier", "docs/acme.md", "carl")
    assert world.plus(given).decided().verdict is Answer.GO
    assert codes(world.plus(replace(given, problem="the key was revoked"))) == ["not-attested"]


def test_a_review_ends_with_its_own_lease_however_often_it_was_looked_up_since() -> None:
    world = go_world().unattested("compliance")
    early = world.attested("compliance", "docs/review.md", "nora", at=NOW - timedelta(days=179))
    (found,) = (a for a in world.plus(early).decided().requirements if a.id == "governance.compliance")
    assert found.valid_until == NOW + timedelta(days=1)


def test_who_answers_for_the_inventory_does_not_sign_for_it() -> None:
    declared = system(inventory={"who": "ivo"})
    world = replace(World(), system=declared, parts=part_digests(declared))
    world = world.plus(
        *(world.accepted(duty, who) for duty, who in holders(declared).items() if who),
        *said(world),
        *(world.observed(r.id, good(r)) for r in PRODUCTION_READINESS),
        *(world.signed(role) for role in Role),
    )
    verdict = world.decided()
    assert verdict.verdict is Answer.NO_GO
    assert [s.role for s in verdict.signatures if not s.valid] == [Role.IT]
    assert any("integration.inventory" in s.problem for s in verdict.signatures)


def test_the_verdict_owes_the_verification_of_the_acceptances_that_it_rests_on() -> None:
    world = go_world()
    accepted = {e.digest for e in world.evidence if e.record.type is RecordType.ACCEPTANCE}
    assert accepted <= set(world.decided().rests_on)


ADVERSARIAL = "model.adversarial"


def test_one_person_cannot_exempt_by_naming_another_who_never_asked() -> None:
    world = go_world().without(ADVERSARIAL)
    body = ExemptionBody(requirement=ADVERSARIAL, reason="no", requested_by="amir", approved_by="lena")
    approved = world.said(RecordType.EXEMPTION, body, by="person:lena", requirement=ADVERSARIAL)
    assert codes(world.plus(approved)) == ["not-run"]
    asked = world.requested("exemption-request", ADVERSARIAL, "amir")
    for forged in (
        replace(asked, record=replace(asked.record, at=SIGNED + timedelta(hours=1))),
        replace(asked, record=replace(asked.record, by="person:lena")),
        replace(asked, problem="bad signature"),
        replace(asked, record=replace(asked.record, depends={**asked.record.depends, "model": "v0"})),
        world.requested("waiver-request", ADVERSARIAL, "amir"),
        world.requested("exemption-request", "model.trust", "amir"),
    ):
        assert codes(world.plus(approved, forged)) == ["not-run"]
    assert world.plus(approved, asked).decided().verdict is Answer.GO


def test_an_exemption_after_the_reviewer_signed_asks_for_their_signature_again() -> None:
    world = go_world().without(ADVERSARIAL)
    later = SIGNED + timedelta(hours=1)
    body = ExemptionBody(requirement=ADVERSARIAL, reason="no", requested_by="carl", approved_by="lena")
    exempted = world.plus(
        world.requested("exemption-request", ADVERSARIAL, "carl"),
        world.said(RecordType.EXEMPTION, body, by="person:lena", requirement=ADVERSARIAL, at=later),
    )
    verdict = exempted.decided()
    assert [gap.code for gap in verdict.gaps] == ["separation-of-duties"]
    assert "Amir Nasser (the AI team): signed before model.adversarial was exempted" in verdict.gaps[0].summary
    again = exempted.plus(exempted.signed(Role.AI_TEAM, at=later + timedelta(hours=1)))
    assert again.decided().verdict is Answer.GO


def test_one_person_cannot_waive_by_naming_another_who_never_asked() -> None:
    waived = "data.schema-change"
    world = replace(go_world().without(waived), policy=Policy(waivers=(waived,)))
    body = WaiverBody(
        requirement=waived,
        reason="frozen",
        requested_by="ivo",
        approved_by="lena",
        expires_at=SIGNED + timedelta(days=20),
        control="data.faults",
    )
    approved = world.plus(world.said(RecordType.WAIVER, body, by="person:lena", requirement=waived))
    assert codes(approved) == ["not-run"]
    assert approved.plus(world.requested("waiver-request", waived, "ivo")).decided().verdict is Answer.GO


def test_a_signature_under_a_screen_on_which_the_own_domain_was_open_is_none() -> None:
    world = go_world().unsigned(Role.IT)
    early = world.plus(world.signed(Role.IT, unestablished=("data.load",)))
    verdict = early.decided()
    assert [gap.code for gap in verdict.gaps] == ["separation-of-duties"]
    assert "signed while data.load was not established" in verdict.gaps[0].summary
    assert early.plus(world.signed(Role.IT, at=NOW - timedelta(hours=1))).decided().verdict is Answer.GO


@pytest.mark.parametrize("seconds", [1, 299, 300])
def test_clocks_that_disagree_by_minutes_cost_no_go_and_revive_nothing(seconds: int) -> None:
    world = go_world()
    ahead = replace(world, ledger=replace(world.ledger, newest=NOW + timedelta(seconds=seconds)))
    verdict = ahead.decided()
    assert verdict.verdict is Answer.GO
    assert verdict.decided_at == NOW + timedelta(seconds=seconds)
    lease = (NOW - OBSERVED) + timedelta(seconds=seconds)
    ends = replace(ahead, policy=Policy(leases={"data.load": f"{int(lease.total_seconds())}s"}))
    assert codes(ends) == ["expired"]


def test_a_clock_set_back_by_more_than_minutes_establishes_nothing() -> None:
    world = go_world()
    back = replace(world, ledger=replace(world.ledger, newest=NOW + timedelta(seconds=301)))
    assert codes(back) == ["clock-behind"]
    assert Outcome.MET not in {a.outcome for a in back.decided().requirements}


def test_a_model_that_did_not_tell_its_version_is_said_to_be_unknown_and_not_to_have_changed() -> None:
    world = go_world()
    silent = replace(world, parts={**world.parts, "model": "without a version"}, probed_at=None)
    verdict = silent.decided()
    gaps = {gap.code for gap in verdict.gaps if "model" in by_id(gap.requirement).rests_on}
    assert gaps == {"identity-unknown"}
    assert "endpoint tells its version" in verdict.gaps[-1].remedy + verdict.gaps[0].remedy


@pytest.mark.parametrize(
    ("problem", "remedy"),
    [
        ("entry 7: signed with key 12ab [unknown-key]", "added to the trust root"),
        ("ledger: no checkpoint belongs to x [other-checkpoint]", "SEATRIAL_CHECKPOINTS"),
        ("entry 7: the signature does not fit [bad-signature]", "restore the ledger"),
    ],
)
def test_each_problem_of_the_ledger_has_a_remedy_that_mends_it(problem: str, remedy: str) -> None:
    world = go_world()
    tampered = replace(world, ledger=replace(world.ledger, problems=(problem,)))
    assert remedy in tampered.decided().gaps[0].remedy


def test_who_has_not_signed_is_told_the_very_command() -> None:
    verdict = go_world().unsigned(Role.LEGAL).decided()
    assert "seatrial sign legal --as lena" in verdict.gaps[0].remedy


def test_go_ends_on_the_day_on_which_somebody_it_rests_on_leaves() -> None:
    world = go_world()
    today, tomorrow = NOW.date(), NOW.date() + timedelta(days=1)
    people = {**FILE["people"], "carl": {**FILE["people"]["carl"], "left_on": tomorrow.isoformat()}}
    leaving = system(people=people)
    fresh = replace(world, system=leaving, parts=part_digests(leaving), evidence=(), probed_at=NOW)
    again = replace(
        fresh,
        evidence=(
            *(fresh.accepted(duty, who) for duty, who in holders(leaving).items() if who),
            *said(fresh),
            *(fresh.observed(r.id, good(r)) for r in PRODUCTION_READINESS),
            *(fresh.signed(role) for role in Role),
        ),
    )
    verdict = again.decided()
    assert verdict.verdict is Answer.GO
    assert verdict.valid_until == datetime.combine(tomorrow, time.min, UTC)
    assert today < verdict.valid_until.date()


@pytest.mark.parametrize("demanded", [r.id for r in PRODUCTION_READINESS if r.demands is Assurance.ATTESTED])
def test_a_service_token_cannot_say_what_people_attested(demanded: str) -> None:
    told = go_world().observed(demanded, good(by_id(demanded)), at=SIGNED, by="token:ci", holder="token:ci")
    assert codes(go_world().plus(told)) == ["not-permitted"]


def test_an_objection_outlasts_the_objector_who_was_taken_out_of_the_system_file() -> None:
    world = go_world()
    body = WithholdingBody(person="zoe", role=Role.LEGAL, reason="the retention duty is open")
    said = world.said(RecordType.WITHHOLDING, body, by="person:zoe", at=SIGNED + timedelta(hours=1))
    declared_then = replace(said, record=replace(said.record, depends={"person.zoe": "as declared then"}))
    for harmless in (
        said,
        replace(declared_then, problem="bad signature"),
        replace(declared_then, signer=None),
        replace(declared_then, record=replace(declared_then.record, by="worker:k1")),
    ):
        assert world.plus(harmless).decided().verdict is Answer.GO
    withheld = world.plus(declared_then)
    assert codes(withheld) == ["withheld"]
    lifted = withheld.plus(withheld.signed(Role.LEGAL, at=SIGNED + timedelta(hours=2)))
    assert lifted.decided().verdict is Answer.GO


def later_in_the_chain(said: Evidence) -> Evidence:
    return replace(said, sequence=said.sequence + 1)


@pytest.mark.parametrize(
    ("kind", "body", "by", "code"),
    [
        (RecordType.EVENT, EventBody(kind="offline", summary="too wrong", revokes=True), "worker:k1", "revoked"),
        (
            RecordType.WITHHOLDING,
            WithholdingBody(person="lena", role=Role.LEGAL, reason="no"),
            "person:lena",
            "withheld",
        ),
    ],
)
def test_what_went_on_record_after_the_signatures_is_not_answered_by_them_whenever_it_happened(
    kind: RecordType, body: object, by: str, code: str
) -> None:
    world = go_world()
    happened = SIGNED - timedelta(hours=1)
    known = world.plus(world.said(kind, body, by=by, at=happened))
    assert known.decided().verdict is Answer.GO
    late = world.plus(later_in_the_chain(world.said(kind, body, by=by, at=happened)))
    assert codes(late) == [code]
    answered = late.plus(*(later_in_the_chain(late.signed(role, at=NOW - timedelta(hours=1))) for role in Role))
    assert answered.decided().verdict is Answer.GO


def test_an_older_revocation_that_came_late_is_not_covered_by_a_newer_one_that_was_answered() -> None:
    world = go_world()
    first = EventBody(kind="offline", summary="too wrong", revokes=True)
    second = EventBody(kind="regulator-notice", summary="stop", revokes=True)
    answered = world.plus(world.said(RecordType.EVENT, second, by="worker:k1", at=SIGNED - timedelta(hours=1)))
    assert answered.decided().verdict is Answer.GO
    late = later_in_the_chain(world.said(RecordType.EVENT, first, by="worker:k1", at=SIGNED - timedelta(days=1)))
    (gap,) = answered.plus(late).decided().gaps
    assert (gap.code, "too wrong" in gap.summary) == ("revoked", True)


PROCESS = "docs/dock-planning.md"


def test_nobody_frees_themselves_of_their_word_by_one_of_another_that_does_not_stand() -> None:
    world = go_world()
    own = world.attested("process", PROCESS, "sven")
    barred = world.plus(own)
    later = OBSERVED + timedelta(hours=1)
    others = world.attested("process", PROCESS, "amir", at=later)
    of_another_version = {**others.record.depends, f"document.{PROCESS}": "another text"}
    for beside in (
        replace(others, problem="the key was revoked"),
        replace(others, signer=None),
        world.attested("process", PROCESS, "amir", at=later, holder="worker:ci"),
        replace(others, record=replace(others.record, depends=of_another_version)),
    ):
        verdict = barred.plus(beside).decided()
        assert verdict.verdict is Answer.NO_GO, beside
        assert [s.role for s in verdict.signatures if not s.valid] == [Role.OPERATIONS]
    renamed = replace(own, record=replace(own.record, depends={**own.record.depends, "person.sven": "Sven Holm."}))
    assert codes(world.plus(renamed)) == ["separation-of-duties"]
    elsewhere = replace(others, record=replace(others.record, depends=of_another_version))
    assert codes(world.plus(renamed, elsewhere)) == ["separation-of-duties"]
    assert barred.plus(others).decided().verdict is Answer.GO


def test_what_was_found_wanting_is_taken_back_only_by_what_is_known_as_well_and_go_rests_on_that() -> None:
    world = go_world().without(ADVERSARIAL)
    body = ExemptionBody(requirement=ADVERSARIAL, reason="no", requested_by="carl", approved_by="lena")
    exempted = world.plus(
        world.requested("exemption-request", ADVERSARIAL, "carl"),
        world.said(RecordType.EXEMPTION, body, by="person:lena", requirement=ADVERSARIAL),
        world.observed(ADVERSARIAL, bad(by_id(ADVERSARIAL))),
        world.observed(ADVERSARIAL, Reason(code="silent", summary="Nobody answered."), at=SIGNED),
    )
    assert codes(exempted) == ["silent"]
    hour = OBSERVED + timedelta(hours=1)
    reported = world.observed(ADVERSARIAL, good(by_id(ADVERSARIAL)), at=hour, by="token:ci", holder="token:ci")
    assert codes(exempted.plus(reported)) == ["silent"]
    executed = world.observed(ADVERSARIAL, good(by_id(ADVERSARIAL)), at=hour)
    verdict = exempted.plus(executed).decided()
    assert verdict.verdict is Answer.GO
    assert executed.digest in verdict.rests_on, "or nobody would look at its signature"
    unanchored = exempted.plus(replace(executed, sequence=20_000))
    assert codes(unanchored) == ["separation-of-duties"]
