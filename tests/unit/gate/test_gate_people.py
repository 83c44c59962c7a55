"""What people say: sign-offs, withholding, revocation, exemptions, waivers, and the rehearsal without separation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from plants.go_world import NOW, OBSERVED, SIGNED, World, bad, go_world, good, part_digests, system
from seatrial.core.bodies import (
    AttestationBody,
    EventBody,
    ExemptionBody,
    WaiverBody,
    WithholdingBody,
)
from seatrial.core.observation import Reason
from seatrial.core.record import Evidence
from seatrial.core.vocabulary import Answer, Outcome, RecordType, Role
from seatrial.gate.acceptances import may_speak
from seatrial.gate.catalogue import by_id
from seatrial.gate.verdict import Gap, Verdict
from seatrial.spec.policy import Policy

LATER = SIGNED + timedelta(hours=1)


def only_gap(world: World) -> Gap:
    verdict = world.decided()
    assert verdict.verdict is Answer.NO_GO
    (gap,) = verdict.gaps
    return gap


def problem(verdict: Verdict, role: Role) -> str:
    return next(s.problem for s in verdict.signatures if s.role is role)


@pytest.mark.parametrize("role", Role)
def test_a_missing_signature_is_a_rehearsal_with_that_one_gap(role: Role) -> None:
    world = go_world().unsigned(role)
    verdict = world.decided()
    assert verdict.rehearsal is True
    gap = only_gap(world)
    assert (gap.code, gap.owner) == ("separation-of-duties", world.system.signers[role])
    assert "Everything is established; four distinct people have not signed" in gap.summary
    assert problem(verdict, role) == "has not signed"


def test_on_a_laptop_everything_established_is_a_rehearsal() -> None:
    world = go_world()
    alone = replace(
        world,
        ledger=replace(world.ledger, anchored=False),
        policy=Policy(name="short-demo", demonstration=True),
        evidence=tuple(
            replace(e, signer=replace(e.signer, local=True)) for e in world.evidence if e.signer is not None
        ),
    )
    gap = only_gap(alone)
    assert alone.decided().rehearsal is True
    for said in ("held on the machine", "not anchored", "short-demo is for demonstration"):
        assert said in gap.summary


@pytest.mark.parametrize(
    "which", ["unanchored", "anchored before what counts", "local sign-off", "local worker", "demonstration"]
)
def test_each_lack_of_separation_alone_makes_it_a_rehearsal(which: str) -> None:
    world = go_world()
    lacking = {
        "unanchored": replace(world, ledger=replace(world.ledger, anchored=False)),
        "anchored before what counts": replace(world, ledger=replace(world.ledger, anchored_to=0)),
        "local sign-off": world.unsigned(Role.IT).plus(world.signed(Role.IT, local=True)),
        "local worker": replace(world, evidence=tuple(local_worker(e) for e in world.evidence)),
        "demonstration": replace(world, policy=Policy(demonstration=True)),
    }[which]
    assert only_gap(lacking).code == "separation-of-duties"
    assert lacking.decided().rehearsal is True


def local_worker(evidence: Evidence) -> Evidence:
    if evidence.record.body.get("requirement") != "data.load" or evidence.signer is None:
        return evidence
    return replace(evidence, signer=replace(evidence.signer, local=True))


def test_an_open_requirement_is_no_rehearsal_and_asks_for_no_signatures_yet() -> None:
    world = go_world().unsigned(*Role).instead("data.load", bad(by_id("data.load")))
    assert world.decided().rehearsal is False
    assert only_gap(world).code == "planted"


def test_one_person_never_signs_for_two_roles() -> None:
    twice = system(signers={"it": "ivo", "operations": "ivo", "legal": "lena", "ai-team": "amir"})
    empty = replace(go_world(), system=twice, parts=part_digests(twice))
    world = empty.unsigned(*Role).plus(*(empty.signed(role) for role in Role))
    verdict = world.decided()
    assert verdict.verdict is Answer.NO_GO
    assert "never holds two roles" in problem(verdict, Role.IT)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"person": "carl"}, "is declared to sign for it, not carl"),
        ({"person": "max"}, "did not sign this with their own key"),
        ({"holder": "person:lena"}, "did not sign this with their own key"),
        ({"holder": "worker:ci"}, "did not sign this with their own key"),
        ({"problem": "key revoked"}, "does not verify: key revoked"),
        ({"verdict": "GO"}, "which verdict was on the screen"),
    ],
)
def test_a_sign_off_by_the_wrong_hand_counts_for_nothing(said: dict[str, str], expected: str) -> None:
    world = go_world().unsigned(Role.IT)
    verdict = world.plus(world.signed(Role.IT, **said)).decided()  # type: ignore[arg-type]  # text arguments only
    assert verdict.verdict is Answer.NO_GO
    assert expected in problem(verdict, Role.IT)


def test_a_token_never_signs() -> None:
    world = go_world().unsigned(Role.IT)
    seen = world.signed(Role.IT, holder="token:ci")
    filed = replace(seen, record=replace(seen.record, by="token:ci"))
    assert world.plus(filed).decided().verdict is Answer.NO_GO


def test_a_sign_off_never_turns_no_go_into_go() -> None:
    broken = go_world().instead("data.load", bad(by_id("data.load")))
    signed = broken.plus(*(broken.signed(role, at=LATER) for role in Role))
    assert only_gap(signed).code == "planted"


def test_who_attested_evidence_of_a_domain_does_not_sign_it() -> None:
    world = go_world()
    body = AttestationBody(person="sven", kind="process", document="docs/dock-planning.md", digest="d")
    attested = world.plus(world.said(RecordType.ATTESTATION, body, by="person:sven", at=OBSERVED))
    verdict = attested.decided()
    assert verdict.verdict is Answer.NO_GO
    assert "attested evidence of what they would sign" in problem(verdict, Role.OPERATIONS)
    anew = replace(body, person="olga")
    replaced = attested.plus(world.said(RecordType.ATTESTATION, anew, by="person:olga", at=LATER))
    assert replaced.decided().verdict is Answer.GO


def test_whose_word_cannot_count_takes_nobody_elses_place() -> None:
    world = go_world()
    change = world.system.change
    body = AttestationBody(person=str(change.who), kind="change-plan", document=str(change.plan), digest="d")
    own_word = world.plus(world.said(RecordType.ATTESTATION, body, by=f"person:{change.who}", at=LATER))
    assert not may_speak("change-plan", str(change.who), world.system)
    assert may_speak("change-plan", "carl", world.system)
    assert may_speak("process", str(change.who), world.system)
    assert own_word.decided().verdict is Answer.GO, "it is no evidence, so it bars nobody from signing"


def test_a_person_withholds_go_until_they_sign_again() -> None:
    world = go_world()
    body = WithholdingBody(person="lena", role=Role.LEGAL, reason="the retention duty is open")
    withheld = world.plus(world.said(RecordType.WITHHOLDING, body, by="person:lena", at=LATER))
    gap = only_gap(withheld)
    assert (gap.code, withheld.decided().rehearsal) == ("withheld", False)
    assert "the retention duty is open" in gap.summary
    by_another = withheld.plus(withheld.signed(Role.IT, at=LATER + timedelta(hours=1)))
    assert only_gap(by_another).code == "withheld"
    lifted = withheld.plus(withheld.signed(Role.LEGAL, at=LATER + timedelta(hours=1)))
    assert lifted.decided().verdict is Answer.GO


def test_an_outsider_cannot_withhold() -> None:
    world = go_world()
    body = WithholdingBody(person="max", role=Role.LEGAL, reason="because")
    assert world.plus(world.said(RecordType.WITHHOLDING, body, by="person:max")).decided().verdict is Answer.GO


def test_an_event_that_revokes_stands_until_all_four_signed_after_it() -> None:
    world = go_world()
    body = EventBody(kind="regulator-notice", summary="stop", revokes=True)
    revoked = world.plus(world.said(RecordType.EVENT, body, by="person:lena", at=LATER))
    assert only_gap(revoked).code == "revoked"
    after = LATER + timedelta(hours=1)
    three = revoked.plus(*(revoked.signed(role, at=after) for role in Role if role is not Role.IT))
    assert only_gap(three).code == "revoked"
    assert three.plus(three.signed(Role.IT, at=after)).decided().verdict is Answer.GO
    moved = three.plus(three.signed(Role.IT, at=after))
    moved = replace(moved, parts={**moved.parts, "load": "another"})
    assert {g.code for g in moved.decided().gaps} == {"changed"}
    harmless = replace(body, revokes=False)
    assert world.plus(world.said(RecordType.EVENT, harmless, by="person:lena")).decided().verdict is Answer.GO


def test_a_signature_from_before_a_revocation_never_counts_again() -> None:
    world = go_world()
    body = EventBody(kind="regulator-notice", summary="stop", revokes=True)
    after = LATER + timedelta(hours=1)
    elsewhere = replace(world, parts={**world.parts, "load": "another"})
    answered = world.plus(
        world.said(RecordType.EVENT, body, by="person:lena", at=LATER),
        *(world.signed(role, at=after) for role in Role if role is not Role.IT),
        elsewhere.signed(Role.IT, at=after),
    )
    assert only_gap(answered).code == "separation-of-duties"
    assert answered.plus(answered.signed(Role.IT, at=after)).decided().verdict is Answer.GO


ADVERSARIAL = "model.adversarial"
PEOPLE = ("amir", "lena", "max", "ivo", "carl", "olga")


def asking(world: World, requirement: str, kind: str = "exemption-request") -> World:
    """The world in which everybody has asked for it themselves."""
    return world.plus(*(world.requested(kind, requirement, person) for person in PEOPLE))


def exemption(world: World, requirement: str = ADVERSARIAL, *, asked: str = "amir", by: str = "lena") -> Evidence:
    body = ExemptionBody(requirement=requirement, reason="nobody profits", requested_by=asked, approved_by=by)
    return world.said(RecordType.EXEMPTION, body, by=f"person:{by}", requirement=requirement)


def test_not_applicable_needs_two_people_and_a_catalogue_that_allows_it() -> None:
    world = asking(go_world().without(ADVERSARIAL), ADVERSARIAL)
    verdict = world.plus(exemption(world)).decided()
    assert verdict.verdict is Answer.GO
    found = next(a for a in verdict.requirements if a.id == ADVERSARIAL)
    assert (found.outcome, found.reason) == (Outcome.NOT_APPLICABLE, "Not applicable: nobody profits.")


def test_what_was_found_wanting_is_not_exempted_after_an_attempt_that_saw_nothing() -> None:
    world = asking(go_world().without(ADVERSARIAL), ADVERSARIAL)
    wanting = world.plus(world.observed(ADVERSARIAL, bad(by_id(ADVERSARIAL)), at=OBSERVED - timedelta(hours=2)))
    unseen = wanting.plus(world.observed(ADVERSARIAL, Reason(code="unreachable", summary="the endpoint is down")))
    exempted = unseen.plus(exemption(world))
    assert exempted.decided().verdict is Answer.NO_GO
    assert only_gap(exempted).requirement == ADVERSARIAL
    for refused in (
        exemption(world, asked="lena"),
        exemption(world, asked="max"),
        exemption(world, by="max"),
        replace(exemption(world), problem="bad signature"),
    ):
        assert only_gap(world.plus(refused)).code == "not-run"
    other = asking(go_world().without("data.load"), "data.load")
    assert only_gap(other.plus(exemption(other, "data.load"))).code == "not-run"


@pytest.mark.parametrize(
    ("later", "answer"),
    [
        ({}, Answer.GO),
        ({"check": f"{ADVERSARIAL}.imported"}, Answer.NO_GO),
        ({"check": "model.nobody-knows"}, Answer.NO_GO),
        ({"version": 2}, Answer.NO_GO),
        ({"problem": "bad signature"}, Answer.NO_GO),
    ],
)
def test_what_was_found_wanting_is_refuted_by_the_same_check_as_it_is_today_alone(
    later: dict[str, Any], answer: Answer
) -> None:
    world = asking(go_world().without(ADVERSARIAL), ADVERSARIAL)
    wanting = world.plus(world.observed(ADVERSARIAL, bad(by_id(ADVERSARIAL)), at=OBSERVED - timedelta(hours=2)))
    mended = wanting.plus(
        world.observed(ADVERSARIAL, good(by_id(ADVERSARIAL)), at=OBSERVED - timedelta(hours=1), **later)
    )
    unseen = mended.plus(world.observed(ADVERSARIAL, Reason(code="unreachable", summary="the endpoint is down")))
    assert unseen.plus(exemption(world)).decided().verdict is answer


def test_an_exemption_covers_nothing_that_was_measured_and_ends_with_the_model() -> None:
    failed = asking(go_world().instead(ADVERSARIAL, bad(by_id(ADVERSARIAL))), ADVERSARIAL)
    assert only_gap(failed.plus(exemption(failed))).code == "planted"
    world = asking(go_world().without(ADVERSARIAL), ADVERSARIAL)
    moved = replace(world.plus(exemption(world)), parts={**world.parts, "model": "v2"})
    assert ADVERSARIAL in {g.requirement for g in moved.decided().gaps}


WAIVED = "data.schema-change"
ALLOWING = Policy(waivers=(WAIVED, "model.threshold"))


def waiver(
    world: World,
    *,
    requirement: str = WAIVED,
    asked: str = "ivo",
    by: str = "lena",
    at: datetime = SIGNED,
    days: float = 30,
    control: str = "data.faults",
    renewal: int = 0,
) -> Evidence:
    body = WaiverBody(
        requirement=requirement,
        reason="the source is frozen",
        requested_by=asked,
        approved_by=by,
        expires_at=at + timedelta(days=days),
        control=control,
        renewal=renewal,
    )
    return world.said(RecordType.WAIVER, body, by=f"person:{by}", at=at, requirement=requirement)


def waivable(policy: Policy = ALLOWING) -> World:
    return replace(asking(go_world().without(WAIVED), WAIVED, "waiver-request"), policy=policy)


def test_a_waiver_that_the_policy_allows_is_shown_waived_and_ends_the_lease() -> None:
    world = waivable()
    verdict = world.plus(waiver(world)).decided()
    assert verdict.verdict is Answer.GO
    assert next(a for a in verdict.requirements if a.id == WAIVED).outcome is Outcome.WAIVED


def test_a_waiver_outside_its_rules_holds_nothing() -> None:
    world = waivable()
    assert only_gap(waivable(Policy()).plus(waiver(world))).code == "not-run"
    for refused in (
        waiver(world, days=31),
        waiver(world, days=0.5),
        waiver(world, asked="lena"),
        waiver(world, by="max"),
        waiver(world, control=WAIVED),
        waiver(world, control="nothing"),
        waiver(world, renewal=1),
    ):
        assert only_gap(world.plus(refused)).code == "not-run"
    unmet = asking(go_world().without("model.threshold"), "model.threshold", "waiver-request")
    threshold = replace(unmet, policy=ALLOWING)
    assert only_gap(threshold.plus(waiver(threshold, requirement="model.threshold"))).code == "not-run"


def test_a_waiver_ends_when_its_compensating_control_fails() -> None:
    world = waivable().instead("data.faults", bad(by_id("data.faults")))
    assert {g.requirement for g in world.plus(waiver(world)).decided().gaps} == {WAIVED, "data.faults"}


def test_a_waiver_is_renewed_once_by_another_person_and_ends_90_days_after_it_began() -> None:
    world = waivable()
    begun = NOW - timedelta(days=35)
    first = waiver(world, at=begun)
    assert only_gap(world.plus(first)).code == "not-run"
    good_renewal = waiver(world, by="carl", days=50, renewal=1)
    assert world.plus(first, good_renewal).decided().verdict is Answer.GO
    for refused in (
        waiver(world, by="lena", days=50, renewal=1),
        waiver(world, by="carl", days=60, renewal=1),
        waiver(world, by="carl", renewal=0),
    ):
        assert only_gap(world.plus(first, refused)).code == "not-run"
    second = waiver(world, by="olga", at=LATER, days=20, renewal=1)
    expired_first = waiver(world, by="carl", at=NOW - timedelta(days=3), days=1, renewal=1)
    assert only_gap(world.plus(first, expired_first, second)).code == "not-run"
