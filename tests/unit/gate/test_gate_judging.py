"""One measure and one observation against the limits of today."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from plants.go_world import LATENCY, POWER, RECALL
from seatrial.core.observation import Finding, Measure, Observation, Threshold
from seatrial.core.vocabulary import MeasureKind, Outcome, Sense, Weight
from seatrial.gate.judging import judge, judge_measure

TODAY = Threshold(requirement="model.threshold", measure="recall@0.5", sense=Sense.AT_LEAST, limit=0.70)
SLOWEST = Threshold(requirement="data.load", measure="p99", sense=Sense.AT_MOST, limit=0.3, unit="s")
LIMITS = {"recall@0.5": TODAY, "p99": SLOWEST}


def outcome(measure: Measure, threshold: Threshold | None = TODAY) -> tuple[Outcome, str]:
    judged = judge_measure(measure, threshold)
    return judged.outcome, judged.code


def test_a_lower_bound_on_the_minimum_is_met_and_the_bound_is_named() -> None:
    judged = judge_measure(replace(RECALL, lower=0.70), TODAY)
    assert (judged.outcome, judged.bound) == (Outcome.MET, 0.70)


def test_an_upper_bound_on_the_maximum_is_met() -> None:
    assert outcome(replace(LATENCY, upper=0.3), SLOWEST) == (Outcome.MET, "")


def test_a_good_value_with_an_open_bound_is_not_determined_and_says_how_many_rows_would_settle_it() -> None:
    judged = judge_measure(replace(RECALL, lower=0.69), TODAY)
    assert (judged.outcome, judged.code, judged.bound) == (Outcome.NOT_DETERMINED, "insufficient", 0.69)
    assert judged.needed == "Label 203 more rows."


def test_requests_are_measured_not_labelled() -> None:
    measure = replace(LATENCY, upper=0.4, needed=43, needed_unit="requests")
    assert judge_measure(measure, SLOWEST).needed == "Measure 43 more requests."


def test_a_bound_on_the_wrong_side_is_not_met() -> None:
    assert outcome(replace(RECALL, value=0.6, lower=0.55, upper=0.65)) == (Outcome.NOT_MET, "limit-missed")
    assert outcome(replace(LATENCY, value=0.5, lower=0.4, upper=0.6), SLOWEST) == (Outcome.NOT_MET, "limit-missed")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("field", ["value", "lower"])
def test_a_number_that_is_missing_or_not_finite_passes_nothing(field: str, number: float | None) -> None:
    changed = {field: number}
    found, _ = outcome(replace(RECALL, **changed))  # type: ignore[arg-type]  # one of several float fields
    assert found is Outcome.NOT_DETERMINED


@pytest.mark.parametrize("upper", [math.nan])
def test_the_other_bound_must_be_a_number_too(upper: float) -> None:
    assert outcome(replace(RECALL, upper=upper)) == (Outcome.NOT_DETERMINED, "not-measured")


def test_bounds_that_contradict_each_other_pass_nothing() -> None:
    assert outcome(replace(RECALL, lower=0.9, upper=0.8)) == (Outcome.NOT_DETERMINED, "inconsistent")


@pytest.mark.parametrize("limit", [math.nan, math.inf, -math.inf])
def test_a_limit_that_is_no_number_passes_nothing(limit: float) -> None:
    assert outcome(RECALL, replace(TODAY, limit=limit)) == (Outcome.NOT_DETERMINED, "no-limit")
    assert outcome(replace(RECALL, limit=limit))[0] is Outcome.NOT_DETERMINED


def test_a_gating_measure_without_a_limit_in_force_passes_nothing() -> None:
    assert outcome(RECALL, None) == (Outcome.NOT_DETERMINED, "no-limit")


def test_a_limit_set_after_the_measurement_does_not_count() -> None:
    assert outcome(replace(RECALL, limit=None)) == (Outcome.NOT_DETERMINED, "limit-set-after")


def test_a_looser_limit_than_the_recorded_one_does_not_count() -> None:
    assert outcome(RECALL, replace(TODAY, limit=0.6)) == (Outcome.NOT_DETERMINED, "limit-loosened")
    assert outcome(LATENCY, replace(SLOWEST, limit=0.5)) == (Outcome.NOT_DETERMINED, "limit-loosened")


def test_a_turned_sense_does_not_count() -> None:
    assert outcome(RECALL, replace(TODAY, sense=Sense.AT_MOST)) == (Outcome.NOT_DETERMINED, "limit-loosened")


def test_a_recorded_confidence_below_todays_does_not_count_and_a_higher_one_does() -> None:
    assert outcome(replace(RECALL, confidence=0.9)) == (Outcome.NOT_DETERMINED, "confidence-too-low")
    assert outcome(replace(RECALL, confidence=math.nan)) == (Outcome.NOT_DETERMINED, "confidence-too-low")
    assert outcome(replace(RECALL, confidence=0.975)) == (Outcome.MET, "")


def test_only_a_figure_without_sampling_error_needs_no_confidence() -> None:
    assert outcome(replace(RECALL, confidence=None)) == (Outcome.NOT_DETERMINED, "no-confidence")
    assert outcome(replace(RECALL, value=0.8, lower=0.8, upper=0.8, confidence=None)) == (Outcome.MET, "")


def test_a_limit_in_another_unit_is_not_compared() -> None:
    assert outcome(replace(LATENCY, unit="ms"), SLOWEST) == (Outcome.NOT_DETERMINED, "unit-differs")


def test_an_informative_measure_is_never_judged() -> None:
    shown = replace(RECALL, kind=MeasureKind.INFORMATIVE, value=math.nan)
    assert judge_measure(shown, None).outcome is Outcome.NOT_APPLICABLE


def test_a_validity_measure_may_bring_the_products_own_limit() -> None:
    assert outcome(POWER, None) == (Outcome.MET, "")
    assert outcome(replace(POWER, limit=None), None) == (Outcome.NOT_DETERMINED, "no-limit")


def seen(*measures: Measure, findings: tuple[Finding, ...] = (), proof: int = 0) -> Observation:
    return Observation(done="Looked.", measures=measures, findings=findings, proof=proof)


GAP = Finding(code="silent-harm", summary="comma read as thousand")
OPEN = Finding(code="not-tried", summary="no test end", weight=Weight.OPEN)
NOTE = Finding(code="seen", summary="worth reading", weight=Weight.NOTE)
LOW_POWER = replace(POWER, value=0.5, lower=0.4, upper=0.6)
SHORT = replace(RECALL, value=0.6, lower=0.55, upper=0.65)


@pytest.mark.parametrize(
    ("observation", "expected", "code"),
    [
        (seen(RECALL), Outcome.MET, ""),
        (seen(proof=1), Outcome.MET, ""),
        (seen(RECALL, findings=(NOTE,)), Outcome.MET, ""),
        (seen(), Outcome.NOT_DETERMINED, "empty"),
        (seen(POWER), Outcome.NOT_DETERMINED, "empty"),
        (seen(findings=(NOTE,)), Outcome.NOT_DETERMINED, "empty"),
        (seen(replace(RECALL, kind=MeasureKind.INFORMATIVE)), Outcome.NOT_DETERMINED, "empty"),
        (seen(proof=-1), Outcome.NOT_DETERMINED, "empty"),
        (seen(RECALL, findings=(GAP,)), Outcome.NOT_MET, "silent-harm"),
        (seen(RECALL, findings=(OPEN, GAP)), Outcome.NOT_MET, "silent-harm"),
        (seen(RECALL, findings=(OPEN,)), Outcome.NOT_DETERMINED, "not-tried"),
        (seen(SHORT), Outcome.NOT_MET, "limit-missed"),
        (seen(replace(RECALL, lower=0.5), SHORT), Outcome.NOT_MET, "limit-missed"),
        (seen(RECALL, LATENCY), Outcome.MET, ""),
        (seen(RECALL, LOW_POWER), Outcome.NOT_DETERMINED, "not-valid"),
        (seen(SHORT, LOW_POWER), Outcome.NOT_DETERMINED, "not-valid"),
        (seen(LOW_POWER, findings=(GAP,)), Outcome.NOT_DETERMINED, "not-valid"),
    ],
)
def test_an_observation_comes_to_its_worst_part(observation: Observation, expected: Outcome, code: str) -> None:
    judgement = judge(observation, LIMITS)
    assert (judgement.outcome, judgement.code) == (expected, code)
