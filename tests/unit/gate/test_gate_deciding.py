"""The verdict on whole worlds: what gives GO, and what a single missing or odd piece does to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from plants.go_world import NOW, OBSERVED, POWER, RECALL, SIGNED, World, bad, go_world, good, part_digests, system
from seatrial.core.observation import Finding, Observation, Reason
from seatrial.core.record import LedgerState
from seatrial.core.vocabulary import Answer, Assurance, Outcome, RecordType, Role, Weight
from seatrial.gate.catalogue import PRODUCTION_READINESS, by_id
from seatrial.gate.deciding import decide, standing
from seatrial.gate.verdict import Assessment
from seatrial.spec.policy import Policy
from seatrial.spec.subject import subject


def assessed(world: World, requirement: str) -> Assessment:
    return next(a for a in world.decided().requirements if a.id == requirement)


def codes(world: World) -> list[str]:
    verdict = world.decided()
    assert verdict.verdict is Answer.NO_GO
    assert verdict.valid_until is None
    return [gap.code for gap in verdict.gaps]


def test_everything_established_and_signed_by_four_is_go_without_a_gap() -> None:
    verdict = go_world().decided()
    assert verdict.verdict is Answer.GO
    assert (verdict.gaps, verdict.rehearsal) == ((), False)
    assert {a.outcome for a in verdict.requirements} == {Outcome.MET}
    assert "GO for arrival-delay" in verdict.sentence


def test_go_is_a_lease_until_the_earliest_expiry_of_everything() -> None:
    world = go_world()
    assert world.decided().valid_until == NOW + timedelta(hours=23)
    early = replace(world, policy=Policy(leases={"data.load": "49h"}))
    assert early.decided().valid_until == OBSERVED + timedelta(hours=49)


def test_no_evidence_at_all_is_no_go_with_a_gap_for_every_requirement() -> None:
    verdict = World().decided()
    assert {g.requirement for g in verdict.gaps} >= {r.id for r in PRODUCTION_READINESS}
    assert {g.code for g in verdict.gaps} == {"not-run"}


def test_what_is_said_of_evidence_alone_stands_after_the_question_that_it_leaves_open() -> None:
    question = by_id("data.load").question
    expired = replace(go_world(), policy=Policy(leases={"data.load": "1s"})).decided()
    assert f"Most important: {question} {expired.gaps[0].summary}" in expired.sentence
    missed = go_world().instead("data.load", bad(by_id("data.load"))).decided()
    assert f"Most important: {missed.gaps[0].summary}" in missed.sentence
    assert question not in missed.sentence


def test_an_empty_set_of_requirements_is_no_go() -> None:
    assert codes(replace(go_world(), requirements=())) == ["no-requirements"]


@pytest.mark.parametrize("requirement", [r.id for r in PRODUCTION_READINESS])
def test_any_single_requirement_that_was_not_run_failed_or_has_no_check_is_no_go(requirement: str) -> None:
    world = go_world()
    assert codes(world.without(requirement)) == ["not-run"]
    assert codes(world.instead(requirement, bad(by_id(requirement)))) == ["planted"]
    assert codes(world.instead(requirement, Reason(code="crashed", summary="it crashed"))) == ["crashed"]
    unchecked = replace(world, checks={r: c for r, c in world.checks.items() if r != requirement})
    assert codes(unchecked) == ["no-check"]
    assert assessed(unchecked, requirement).reason == "No check establishes this yet."


@pytest.mark.parametrize("demanded", [r.id for r in PRODUCTION_READINESS if r.demands is not Assurance.ATTESTED])
def test_less_assurance_than_demanded_establishes_nothing(demanded: str) -> None:
    observation = replace(good(by_id(demanded)), assurance=Assurance.ATTESTED)
    assert codes(go_world().instead(demanded, observation)) == ["assurance-too-low"]


def test_a_person_can_attest_and_a_token_report_but_neither_executes() -> None:
    world = go_world().without("data.load")
    for by in ("person:carl", "token:ci"):
        told = world.observed("data.load", good(by_id("data.load")), by=by, holder=by)
        assert codes(world.plus(told)) == ["assurance-too-low"]


def test_evidence_expires_exactly_at_the_end_of_its_lease() -> None:
    world = replace(go_world(), policy=Policy(leases={"data.load": "48h"}))
    assert codes(world) == ["expired"]
    moment = timedelta(microseconds=1)
    last = replace(world, now=NOW - moment)
    assert last.decided().verdict is Answer.GO


def test_a_check_whose_evidence_holds_for_a_day_ends_go_after_a_day() -> None:
    daily = {"governance.rollback": ("governance.rollback", "governance.rollback-armed")}
    world = go_world()
    armed = world.observed(
        "governance.rollback",
        good(by_id("governance.rollback")),
        check="governance.rollback-armed",
        at=NOW - timedelta(hours=20),
    )
    world = replace(
        world.plus(armed),
        checks={**world.checks, **daily},
        versions={**world.versions, "governance.rollback-armed": 1},
        check_leases={"governance.rollback-armed": 86_400.0},
    )
    decided = world.decided()
    assert (decided.verdict, decided.valid_until) == (Answer.GO, NOW + timedelta(hours=4))
    late = NOW + timedelta(hours=4)
    assert codes(replace(world, now=late, probed_at=late)) == ["expired"]


def test_a_policy_cannot_stretch_a_lease() -> None:
    world = replace(go_world(), policy=Policy(leases={"data.freshness": "900d"}))
    late = replace(world, now=OBSERVED + timedelta(days=7), probed_at=OBSERVED + timedelta(days=7))
    assert "expired" in codes(late)


def test_the_identity_of_the_model_holds_for_24_hours() -> None:
    world = go_world()
    resting = {r.id for r in PRODUCTION_READINESS if "model" in r.rests_on}
    stale = replace(world, probed_at=NOW - timedelta(hours=24))
    assert {a.id for a in stale.decided().requirements if a.outcome is not Outcome.MET} == resting
    assert set(codes(stale)) == {"identity-stale"}
    for unknown in (None, NOW + timedelta(seconds=1)):
        assert set(codes(replace(world, probed_at=unknown))) == {"identity-unknown"}


def test_a_model_that_could_not_be_identified_is_a_gap_that_says_why() -> None:
    why = "the model's identity is not declared. Declare model.identity."
    inputs = replace(go_world(), probed_at=None).inputs()
    said = {
        gap.summary for gap in decide(replace(inputs, remarks={"model": why})).gaps if gap.code == "identity-unknown"
    }
    assert said == {f"What the model endpoint serves now could not be identified: {why}"}


@pytest.mark.parametrize("parts", [{}, {"model": "without a version"}])
def test_what_was_found_before_the_model_fell_silent_is_told_beside_it(parts: Mapping[str, str]) -> None:
    harmed = Finding(code="silent-harm", summary="A null in temp is answered as if nothing were wrong.")
    ended = Finding(code="crash", summary="A text far too long in body: the answer is a crash.")
    world = go_world().instead("data.faults", Observation(done="Tried faults.", findings=(harmed, ended)))
    silent = replace(world, parts={**world.parts, **parts}, probed_at=None)
    said = {gap.requirement: gap.summary for gap in silent.decided().gaps if gap.code == "identity-unknown"}
    assert said["data.faults"].endswith("The last time that it was tested this was found: " + ended.summary)
    assert "The last time" not in said["data.load"]
    assert {a.outcome for a in silent.decided().requirements if a.id == "data.faults"} == {Outcome.NOT_DETERMINED}


def test_a_clock_before_the_newest_record_determines_nothing() -> None:
    world = go_world()
    behind = replace(world, now=SIGNED - timedelta(minutes=5, seconds=1), probed_at=None)
    assert "clock-behind" in codes(behind)
    assert Outcome.MET not in {a.outcome for a in behind.decided().requirements}
    ahead = replace(world, ledger=replace(world.ledger, newest=NOW + timedelta(minutes=5, seconds=1)))
    assert codes(ahead) == ["clock-behind"]


def test_a_record_from_the_end_of_time_is_no_go_and_no_crash() -> None:
    world = go_world()
    last = datetime.max.replace(tzinfo=UTC)
    assert codes(world.plus(world.observed("data.load", good(by_id("data.load")), at=last))) == ["clock-behind"]


def test_a_ledger_that_does_not_verify_leaves_nothing_met_and_is_named() -> None:
    tampered = replace(
        go_world(), ledger=LedgerState(entries=34, head="x", anchored=True, problems=("entry 7 altered",))
    )
    verdict = tampered.decided()
    assert codes(tampered) == ["ledger-problem"]
    assert "entry 7 altered" in verdict.gaps[0].summary
    assert {a.outcome for a in verdict.requirements} == {Outcome.NOT_DETERMINED}


def test_a_record_that_does_not_verify_counts_for_nothing_and_hides_no_older_one() -> None:
    world = go_world()
    load = good(by_id("data.load"))
    assert codes(world.without("data.load").plus(world.observed("data.load", load, problem="bad signature"))) == [
        "unverified"
    ]
    newer = world.observed("data.load", load, at=OBSERVED + timedelta(hours=1), problem="bad signature")
    assert codes(world.plus(newer)) == ["unverified"]


def test_a_record_signed_by_somebody_else_than_it_names_counts_for_nothing() -> None:
    world = go_world().without("data.load")
    forged = world.observed("data.load", good(by_id("data.load")), by="worker:k1", holder="person:max")
    assert codes(world.plus(forged)) == ["unverified"]
    unsigned = replace(world.observed("data.load", good(by_id("data.load"))), signer=None)
    assert codes(world.plus(unsigned)) == ["unverified"]


def test_an_outsiders_word_counts_for_nothing() -> None:
    world = go_world().without("ownership.monitor")
    said = world.observed("ownership.monitor", good(by_id("ownership.monitor")), by="person:max", holder="person:max")
    assert codes(world.plus(said)) == ["not-permitted"]


def test_evidence_of_another_system_counts_for_nothing() -> None:
    world = go_world().without("data.load")
    foreign = world.observed("data.load", good(by_id("data.load")))
    other = replace(foreign, record=replace(foreign.record, system="another"))
    assert codes(world.plus(other)) == ["not-run"]
    elsewhere = replace(go_world(), system=system(system="another"))
    assert elsewhere.decided().verdict is Answer.NO_GO


def test_evidence_that_does_not_say_what_it_rests_on_counts_for_nothing() -> None:
    world = go_world().without("data.load")
    vague = world.observed("data.load", good(by_id("data.load")), depends_on={})
    assert codes(world.plus(vague)) == ["changed"]


def test_a_newer_failing_or_undetermined_record_beats_an_older_good_one_and_a_good_rerun_beats_both() -> None:
    world = go_world()
    failed = world.observed("data.load", bad(by_id("data.load")), at=OBSERVED + timedelta(hours=1))
    assert codes(world.plus(failed)) == ["planted"]
    stopped = world.observed("data.load", Reason(code="timed-out", summary="stopped"), at=OBSERVED + timedelta(hours=2))
    assert codes(world.plus(failed, stopped)) == ["timed-out"]
    mended = world.observed("data.load", good(by_id("data.load")), at=OBSERVED + timedelta(hours=3))
    assert world.plus(failed, stopped, mended).decided().verdict is Answer.GO


def test_of_two_records_of_one_moment_the_worse_decides() -> None:
    world = go_world()
    assert codes(world.plus(world.observed("data.load", bad(by_id("data.load"))))) == ["planted"]


def test_what_failed_on_another_subject_does_not_speak_about_this_one() -> None:
    world = go_world()
    other = {**world.parts, "model": "another model"}
    failed = replace(world, parts=other).observed(
        "data.load", bad(by_id("data.load")), at=OBSERVED + timedelta(hours=1)
    )
    assert world.plus(failed).decided().verdict is Answer.GO


def test_what_failed_while_nobody_could_tell_what_answered_hides_no_longer_behind_an_older_good_record() -> None:
    untold = World()
    told = {"model": "m 4.2"}
    silent, known = (subject(untold.system, files={}, identities=each).parts for each in ({}, told))
    world = replace(untold, identities=told, parts=known)
    world = world.plus(world.observed("data.load", good(by_id("data.load"))))
    failed = replace(world, parts=silent).observed(
        "data.load", bad(by_id("data.load")), at=OBSERVED + timedelta(hours=1)
    )
    again = world.observed("data.load", good(by_id("data.load")), at=OBSERVED + timedelta(hours=2))
    for evidence, code in (((), ""), ((failed,), "version-untold"), ((failed, again), "")):
        found = assessed(world.plus(*evidence), "data.load")
        assert (found.outcome is Outcome.MET, found.reason_code == "version-untold") == (not code, bool(code))


def test_all_checks_of_a_requirement_must_be_good() -> None:
    world = go_world()
    two = replace(
        world,
        checks={**world.checks, "data.load": ("data.load", "data.load.burst")},
        versions={**world.versions, "data.load.burst": 1},
    )
    assert codes(two) == ["not-run"]
    burst = replace(good(by_id("data.load")), measures=())
    assert two.plus(two.observed("data.load", burst, check="data.load.burst")).decided().verdict is Answer.GO
    empty = replace(burst, proof=0)
    assert codes(two.plus(two.observed("data.load", empty, check="data.load.burst"))) == ["empty"]


def test_an_attested_complement_stands_only_beside_what_was_executed() -> None:
    world = go_world()
    row = by_id("model.failure-modes")
    two = replace(
        world,
        checks={**world.checks, row.id: (row.id, "register")},
        versions={**world.versions, "register": 1},
    )
    answers = Observation(done="Read the register.", proof=2, assurance=Assurance.ATTESTED)
    both = two.plus(two.observed(row.id, answers, check="register"))
    assert both.decided().verdict is Answer.GO
    assert assessed(both, row.id).assurance is Assurance.ATTESTED
    searched = replace(good(row), assurance=Assurance.ATTESTED)
    neither = both.without(row.id).plus(two.observed(row.id, searched), two.observed(row.id, answers, check="register"))
    assert codes(neither) == ["assurance-too-low"]


def test_a_record_that_cannot_be_read_or_says_two_things_counts_for_nothing() -> None:
    world = go_world().without("data.load")
    seen = world.observed("data.load", good(by_id("data.load")))
    unread = replace(seen, record=replace(seen.record, body={**seen.record.body, "seed": "seven"}))
    assert codes(world.plus(unread)) == ["malformed"]
    said = {"code": "crashed", "summary": "it crashed"}
    twofold = replace(seen, record=replace(seen.record, body={**seen.record.body, "reason": said}))
    assert codes(world.plus(twofold)) == ["malformed"]


def test_a_requirement_that_nobody_knows_is_passed_over() -> None:
    world = go_world()
    seen = world.observed("data.load", good(by_id("data.load")))
    unknown = replace(seen, record=replace(seen.record, body={**seen.record.body, "requirement": "model.magic"}))
    assert world.plus(unknown).decided().verdict is Answer.GO
    assert codes(world.without("data.load").plus(unknown)) == ["not-run"]


def test_gaps_carry_finding_codes_fields_remedies_and_the_persons_who_close_them() -> None:
    found = Finding(
        code="weak-slice", summary="carrier OO", fields=("carrier",), remedy="Answer it.", why="Docks idle."
    )
    worse = replace(good(by_id("model.failure-modes")), findings=(found, replace(found, summary="carrier EV")))
    first, second = go_world().instead("model.failure-modes", worse).decided().gaps
    assert (first.code, first.fields, first.remedy, first.why) == (
        "weak-slice",
        ("carrier",),
        "Answer it.",
        "Docks idle.",
    )
    assert (first.owner, first.owner_name, second.summary) == ("amir", "Amir Nasser", "carrier EV.")


def test_an_open_bound_becomes_a_gap_with_the_number_of_rows_that_would_close_it() -> None:
    short = replace(good(by_id("model.threshold")), measures=(replace(RECALL, lower=0.66),))
    (gap,) = go_world().instead("model.threshold", short).decided().gaps
    assert (gap.code, gap.remedy, gap.outcome) == ("insufficient", "Label 203 more rows.", Outcome.NOT_DETERMINED)


def test_all_measures_of_a_requirement_that_fall_short_are_one_gap() -> None:
    missed = replace(RECALL, value=0.6, lower=0.55, upper=0.65)
    other = replace(missed, name="precision@0.5", limit=None, sense=None)
    short = replace(good(by_id("model.threshold")), measures=(missed, other))
    (gap,) = go_world().instead("model.threshold", short).decided().gaps
    assert (gap.code, gap.outcome) == ("limit-missed", Outcome.NOT_MET)
    assert gap.fields == ("recall@0.5", "precision@0.5")
    assert gap.summary.endswith("; and 1 more.")


def test_a_measure_that_a_finding_explains_is_no_second_gap_and_an_open_finding_explains_nothing() -> None:
    missed = replace(RECALL, value=0.6, lower=0.55, upper=0.65)
    told = Finding(code="blind", summary="It misses fog.", explains=("recall@0.5",))
    both = replace(good(by_id("model.threshold")), measures=(missed,), findings=(told,))
    assert codes(go_world().instead("model.threshold", both)) == ["blind"]
    opened = replace(both, findings=(replace(told, weight=Weight.OPEN),))
    assert set(codes(go_world().instead("model.threshold", opened))) == {"blind", "limit-missed"}


def test_a_search_without_power_proves_nothing() -> None:
    blind = replace(good(by_id("model.failure-modes")), measures=(replace(POWER, value=0.4, lower=0.3, upper=0.5),))
    assert codes(go_world().instead("model.failure-modes", blind)) == ["not-valid"]
    told = Finding(code="search-too-weak", summary="It misses one in two.", weight=Weight.OPEN, explains=(POWER.name,))
    explained = go_world().instead("model.failure-modes", replace(blind, findings=(told,)))
    assert codes(explained) == ["search-too-weak"]


def test_the_remedy_of_a_reason_is_the_one_that_the_check_named() -> None:
    reason = Reason(code="unreachable", summary="no answer", remedy="Start the model.", fields=("model.endpoint",))
    (gap,) = go_world().instead("data.load", reason).decided().gaps
    assert (gap.remedy, gap.fields) == ("Start the model.", ("model.endpoint",))


@pytest.mark.parametrize("owner", [{}, {"who": "max"}])
def test_without_a_named_owner_that_stands_first(owner: dict[str, str]) -> None:
    declared = system(owner=owner)
    first = replace(go_world(), system=declared).decided().gaps[0]
    assert (first.code, first.outcome) == ("no-owner", Outcome.NOT_MET)
    assert "No named production operations owner" in first.summary
    verdict = replace(World(), system=declared).decided()
    assert verdict.gaps[0].code == "no-owner"
    assert [g.code for g in verdict.gaps].count("no-owner") == 1


def test_ownership_gaps_stand_above_the_others() -> None:
    gaps = World().decided().gaps
    assert [g.requirement.partition(".")[0] for g in gaps[:4]] == ["ownership"] * 4


def test_what_is_left_as_todo_is_a_gap_on_the_requirement_that_it_belongs_to() -> None:
    undecided = system().model_copy(update={"undecided": ("governance.minimum", "duties.monitor.who", "purpose")})
    verdict = replace(go_world(), system=undecided).decided()
    assert {(g.requirement, g.fields) for g in verdict.gaps} == {
        ("model.threshold", ("governance.minimum",)),
        ("ownership.monitor", ("duties.monitor.who",)),
        ("governance.compliance", ("purpose",)),
    }
    assert verdict.rehearsal is False


def test_a_gap_without_anybody_declared_says_so() -> None:
    nobody = system(owner={}, duties={}, signers={}, change={}, people={})
    verdict = replace(World(), system=nobody, parts=part_digests(nobody)).decided()
    assert {(g.owner, g.owner_name) for g in verdict.gaps} == {(None, "nobody declared")}


def test_only_what_is_met_need_not_be_run_again() -> None:
    world = go_world()
    failed = world.instead("data.load", bad(by_id("data.load")))
    assert set(standing(world.inputs())) == {r.id for r in PRODUCTION_READINESS}
    assert set(standing(failed.inputs())) == {r.id for r in PRODUCTION_READINESS} - {"data.load"}


def test_the_ready_system_shows_exactly_the_requirements_that_no_check_establishes() -> None:
    world = go_world().unsigned(*Role)
    some = replace(world, checks={r: c for r, c in world.checks.items() if not r.startswith("model.")})
    assert codes(some) == ["no-check"] * 6
    assert some.decided().rehearsal is False


def test_a_drill_on_record_is_not_taken_for_an_observation() -> None:
    world = go_world().without("governance.rollback")
    seen = world.observed("governance.rollback", good(by_id("governance.rollback")))
    drill = replace(seen, record=replace(seen.record, type=RecordType.DRILL))
    assert codes(world.plus(drill)) == ["not-run"]
