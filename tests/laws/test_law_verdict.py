"""Laws of the verdict: what can never give GO, what can never help, and what never matters."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from plants.go_world import NOW, OBSERVED, RECALL, World, bad, go_world, good
from seatrial.core.observation import Measure, Observation, Reason
from seatrial.core.record import Evidence
from seatrial.core.records import Records
from seatrial.core.vocabulary import Answer, MeasureKind, Outcome, RecordType, Sense
from seatrial.gate.catalogue import PRODUCTION_READINESS, by_id
from seatrial.gate.deciding import decide
from seatrial.gate.encoding import verdict_data
from seatrial.gate.judging import judge, judge_measure

GO_WORLD = go_world()
IDS = [r.id for r in PRODUCTION_READINESS]
a_requirement = st.sampled_from(IDS)
an_age = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))
any_number = st.none() | st.floats(allow_nan=True, allow_infinity=True)
few = settings(max_examples=60, deadline=None)


def failing(requirement: str, kind: str) -> Observation | Reason:
    """Something that establishes nothing, of one kind or another."""
    row = by_id(requirement)
    kinds: dict[str, Observation | Reason] = {
        "gap": bad(row),
        "reason": Reason(code="crashed", summary="it crashed"),
        "empty": Observation(done="", assurance=row.demands),
        "nan": replace(good(row), measures=(replace(RECALL, value=math.nan),)),
        "short": replace(good(row), measures=(replace(RECALL, value=0.1, lower=0.05, upper=0.2),)),
    }
    return kinds[kind]


a_failure = st.sampled_from(["gap", "reason", "empty", "nan", "short"])


@st.composite
def some_world(draw: st.DrawFn) -> World:
    """A world from which pieces were taken, or in which pieces are odd; the GO world itself among them."""
    world = GO_WORLD
    for index in draw(st.lists(st.integers(0, len(world.evidence) - 1), max_size=3, unique=True)):
        odd = draw(st.sampled_from(["drop", "problem", "unsigned", "system", "old", "moved"]))
        world = replace(world, evidence=tuple(_odd(e, odd, i == index) for i, e in enumerate(world.evidence)))
    kept = tuple(e for e in world.evidence if e.record.id != "dropped")
    return replace(world, evidence=kept)


def _odd(evidence: Evidence, how: str, chosen: bool) -> Evidence:
    record = evidence.record
    if not chosen:
        return evidence
    return {
        "drop": replace(evidence, record=replace(record, id="dropped")),
        "problem": replace(evidence, problem="bad signature"),
        "unsigned": replace(evidence, signer=None),
        "system": replace(evidence, record=replace(record, system="another")),
        "old": replace(evidence, record=replace(record, at=record.at - timedelta(days=400))),
        "moved": replace(evidence, record=replace(record, depends={**record.depends, "model": "v0"})),
    }[how]


@settings(max_examples=15, deadline=None)
@given(world=some_world(), parts=st.lists(st.integers(0, 80), max_size=3))
def test_records_that_grow_while_verdicts_are_given_come_to_what_they_come_to_at_once(
    world: World, parts: list[int]
) -> None:
    inputs, grown, taken = world.inputs(), Records(), 0
    for end in (*sorted(parts), len(world.evidence)):
        grown = grown.plus(world.evidence[taken:end])
        taken = max(taken, end)
        at_once = replace(inputs, evidence=Records(world.evidence[:end]))
        assert verdict_data(decide(replace(inputs, evidence=grown))) == verdict_data(decide(at_once))


def counts_still(one: Evidence) -> bool:
    """A sign-off has no lease of its own."""
    return one in GO_WORLD.evidence or (one.record.type is RecordType.SIGN_OFF and not one.problem)


@few
@given(world=some_world(), requirement=a_requirement, failure=a_failure, age=an_age)
def test_adding_a_failing_observation_never_turns_no_go_into_go(
    world: World, requirement: str, failure: str, age: timedelta
) -> None:
    before = world.decided().verdict
    after = world.plus(world.observed(requirement, failing(requirement, failure), at=NOW - age)).decided().verdict
    assert not (before is Answer.NO_GO and after is Answer.GO)


@few
@given(requirement=a_requirement, failure=a_failure, age=an_age)
def test_a_failing_observation_not_older_than_the_good_one_gives_no_go(
    requirement: str, failure: str, age: timedelta
) -> None:
    at = max(NOW - age, OBSERVED)
    world = GO_WORLD.plus(GO_WORLD.observed(requirement, failing(requirement, failure), at=at))
    assert world.decided().verdict is Answer.NO_GO


@few
@given(world=some_world(), seed=st.integers(), requirement=a_requirement, failure=a_failure, age=an_age)
def test_the_order_of_records_never_matters(
    world: World, seed: int, requirement: str, failure: str, age: timedelta
) -> None:
    grown = world.plus(world.observed(requirement, failing(requirement, failure), at=NOW - age))
    shuffled = list(grown.evidence)
    random.Random(seed).shuffle(shuffled)
    assert verdict_data(grown.decided()) == verdict_data(replace(grown, evidence=tuple(shuffled)).decided())


def test_taking_any_single_record_out_of_the_go_world_gives_no_go() -> None:
    assert GO_WORLD.decided().verdict is Answer.GO
    for i, taken in enumerate(GO_WORLD.evidence):
        rest = (*GO_WORLD.evidence[:i], *GO_WORLD.evidence[i + 1 :])
        assert replace(GO_WORLD, evidence=rest).decided().verdict is Answer.NO_GO, taken.record.body


def test_any_single_record_that_is_tampered_of_another_system_or_of_another_subject_gives_no_go() -> None:
    for i, one in enumerate(GO_WORLD.evidence):
        for how in ("problem", "unsigned", "system", "moved"):
            evidence = (*GO_WORLD.evidence[:i], _odd(one, how, chosen=True), *GO_WORLD.evidence[i + 1 :])
            assert replace(GO_WORLD, evidence=evidence).decided().verdict is Answer.NO_GO, (how, one.record.body)


def test_any_single_observation_that_has_expired_gives_no_go() -> None:
    for i, one in enumerate(GO_WORLD.evidence):
        if one.record.type is RecordType.OBSERVATION:
            lease = timedelta(days=by_id(str(one.record.body["requirement"])).lease_days)
            edge = replace(one, record=replace(one.record, at=NOW - lease))
            before = replace(one, record=replace(one.record, at=NOW - lease + timedelta(microseconds=1)))
            rest = (*GO_WORLD.evidence[:i], *GO_WORLD.evidence[i + 1 :])
            assert replace(GO_WORLD, evidence=(*rest, edge)).decided().verdict is Answer.NO_GO
            assert replace(GO_WORLD, evidence=(*rest, before)).decided().verdict is Answer.GO


@few
@given(world=some_world())
def test_go_means_no_gap_and_no_go_means_at_least_one(world: World) -> None:
    verdict = world.decided()
    assert (verdict.verdict is Answer.GO) is (verdict.gaps == ())
    assert (verdict.valid_until is not None) is (verdict.verdict is Answer.GO)
    assert all(g.remedy and g.summary and g.why and g.due >= g.starts for g in verdict.gaps)
    if verdict.verdict is Answer.GO:
        assert all(counts_still(e) for e in world.evidence)


@st.composite
def a_measure(draw: st.DrawFn) -> Measure:
    return Measure(
        name="recall@0.5",
        value=draw(any_number),
        lower=draw(any_number),
        upper=draw(any_number),
        limit=draw(any_number),
        sense=draw(st.none() | st.sampled_from(Sense)),
        confidence=draw(any_number),
        kind=draw(st.sampled_from(MeasureKind)),
        needed=draw(st.none() | st.integers(-5, 5)),
    )


@settings(max_examples=300, deadline=None)
@given(measure=a_measure(), limit=st.floats(allow_nan=True), confidence=st.floats(allow_nan=True))
def test_a_measure_is_met_only_when_value_bound_and_limit_are_finite_and_the_bound_clears_it(
    measure: Measure, limit: float, confidence: float
) -> None:
    threshold = replace(GO_WORLD.thresholds[0], limit=limit, confidence=confidence)
    judged = judge_measure(measure, threshold)
    if judged.outcome is Outcome.MET:
        assert measure.value is not None
        assert judged.bound is not None
        assert all(map(math.isfinite, (measure.value, judged.bound, limit, confidence)))
        assert judged.bound >= limit
        assert measure.confidence is None or measure.confidence >= confidence - 1e-9
        assert measure.limit is not None
        assert measure.limit <= limit


@settings(max_examples=200, deadline=None)
@given(measures=st.lists(a_measure(), max_size=3), proof=st.integers(-2, 2))
def test_an_observation_is_met_only_when_every_judged_measure_is(measures: list[Measure], proof: int) -> None:
    judgement = judge(
        Observation(done="d", measures=tuple(measures), proof=proof), {"recall@0.5": GO_WORLD.thresholds[0]}
    )
    if judgement.outcome is Outcome.MET:
        judged = [j for j in judgement.measures if j.measure.kind is not MeasureKind.INFORMATIVE]
        assert all(j.outcome is Outcome.MET for j in judged)
        assert proof > 0 or any(j.measure.kind is MeasureKind.GATE for j in judged)


@few
@given(shift=st.timedeltas(min_value=timedelta(days=-30), max_value=timedelta(days=400)))
def test_at_no_time_is_there_go_outside_the_lease(shift: timedelta) -> None:
    lease = GO_WORLD.decided().valid_until
    assert lease is not None
    world = replace(GO_WORLD, now=NOW + shift)
    assert (world.decided().verdict is Answer.GO) <= (NOW + shift < lease)
    newest = GO_WORLD.ledger.newest
    assert newest is not None
    assert (world.decided().verdict is Answer.GO) <= (NOW + shift >= newest)
