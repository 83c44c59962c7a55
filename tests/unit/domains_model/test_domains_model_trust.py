"""Which outputs are not to be trusted: rules executed, confidence held to the truth, better rules proposed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plants.planted_trial import PlantedArtifacts
from plants.scored_trial import ScoredTrial, World, world
from plants.told import codes, finding, measure
from power.families_trust import desks, oversampled
from power.family import judged
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model.confidence import OVERCONFIDENCE
from seatrial.domains.model.trust import CAUGHT, CHECK, HELD_BACK, TRUSTED
from seatrial.spec.conditions import parse_condition
from seatrial.spec.system import System

BAND = {"when": "0.3 <= risk < 0.7", "handling": "by-hand.md"}


def declared(made: World, *rules: Any, act_at: float | None = 0.5, **output: Any) -> World:
    made.declared["do_not_trust"] = list(rules)
    made.declared["model"]["output"] |= {"act_at": act_at, **output}
    return made


def looked(made: World) -> tuple[Observation, System, ScoredTrial]:
    system, trial = made.system(), made.trial()
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation), found
    return found, system, trial


def outcome(made: World) -> Outcome:
    system = made.system()
    return judged(CHECK, system, CHECK.run(system, made.trial()))


def test_a_calibrated_model_with_a_rule_that_catches_errors_is_met() -> None:
    made = declared(world(), BAND)
    found, _, _ = looked(made)
    assert outcome(made) is Outcome.MET
    rows = made.columns["scored.evaluation"]
    held = (rows[SCORE] >= 0.3) & (rows[SCORE] < 0.7)
    wrong = (rows[SCORE] >= 0.5) != rows["late"].astype(bool)
    assert measure(found, CAUGHT).value == pytest.approx(float(held[wrong].mean()))
    assert measure(found, HELD_BACK).value == pytest.approx(float(held[~wrong].mean()))
    assert measure(found, f"accuracy{TRUSTED}").value == pytest.approx(float(1 - wrong[~held].mean()))


@pytest.mark.parametrize(("field", "known"), [("length of note in words", True), ("length of letter in words", False)])
def test_a_rule_over_the_length_of_a_text_is_run_although_it_names_no_column(field: str, known: bool) -> None:
    made = declared(world(), {"when": f"`{field}` > 5", "handling": "by-hand.md"})
    made.declared["model"]["inputs"]["note"] = {"type": "string"}
    for name in ("evaluation", "scored.evaluation", "live", "scored.live"):
        rows = made.columns[name]
        doubtful = rows[SCORE] if SCORE in rows else rows["load"]
        rows["note"] = ["it may go one way or the other" if 0.3 <= s < 0.7 else "it is clear" for s in doubtful]
    found, _, _ = looked(made)
    assert ("rule-unknown-field" not in codes(found)) is known
    assert (outcome(made) is Outcome.MET) is known
    rows = made.columns["scored.evaluation"]
    held = (rows[SCORE] >= 0.3) & (rows[SCORE] < 0.7)
    wrong = (rows[SCORE] >= 0.5) != rows["late"].astype(bool)
    if known:
        assert measure(found, CAUGHT).value == pytest.approx(float(held[wrong].mean()))


def test_without_a_rule_nobody_knows_when_not_to_trust_and_one_is_proposed_that_can_be_pasted() -> None:
    made = declared(world())
    found, _, _ = looked(made)
    assert finding(found, "no-rules").weight is Weight.GAP
    proposed = finding(found, "proposed-rules")
    rules = proposed.detail["when"]
    assert isinstance(rules, list)
    assert "do_not_trust:" in proposed.remedy
    repaired = declared(world(), *({"when": text, "handling": "by-hand.md"} for text in rules))
    assert outcome(repaired) is Outcome.MET


def test_rules_are_proposed_that_bring_what_is_left_to_a_minimum_that_the_whole_misses() -> None:
    made = declared(world(n=6000), {"when": 'carrier == "grey"'})
    made.declared["governance"] |= {"metrics": [{"metric": "accuracy", "minimum": 0.93}]}
    found, _, _ = looked(made)
    proposed = finding(found, "proposed-rules")
    assert outcome(made) is Outcome.NOT_MET
    assert proposed.detail["reached"] is True
    rules = proposed.detail["when"]
    assert isinstance(rules, list)
    repaired = declared(world(n=6000), *({"when": text, "handling": "by-hand.md"} for text in rules))
    repaired.declared["governance"] |= {"metrics": [{"metric": "accuracy", "minimum": 0.93}]}
    assert outcome(repaired) is Outcome.MET


def test_over_confidence_where_outputs_are_acted_on_is_not_met_and_elsewhere_no_matter() -> None:
    made = declared(world(), BAND)
    score = made.columns["scored.evaluation"][SCORE]
    acted = score >= 0.5
    made.columns["scored.evaluation"][SCORE] = np.where(acted, 0.5 + (score - 0.5) * 0.1 + 0.45, score)
    made.columns["scored.evaluation"]["late"] = np.where(
        acted & (np.arange(score.size) % 4 == 0), 0, made.columns["scored.evaluation"]["late"]
    )
    found, _, _ = looked(made)
    assert outcome(made) is Outcome.NOT_MET
    assert (measure(found, OVERCONFIDENCE).lower or 0.0) > 0.1
    below = declared(world(), BAND)
    below.columns["scored.evaluation"][SCORE] = np.where(acted, score, score * 0.2)
    assert outcome(below) is Outcome.MET


def test_one_band_that_promises_far_too_much_is_found_though_the_mean_is_fine() -> None:
    made = declared(world(n=8000), BAND)
    rows = made.columns["scored.evaluation"]
    score = np.asarray(rows[SCORE])
    top, middle = score > 0.98, (score >= 0.6) & (score < 0.9)
    rng = np.random.default_rng(3)
    rows["late"] = np.where(top & (rng.random(score.size) < 0.35), 0, rows["late"])
    rows["late"] = np.where(middle, 1, rows["late"])
    found, _, _ = looked(made)
    assert (measure(found, OVERCONFIDENCE).upper or 1.0) < 0.1
    assert finding(found, "overconfident-band").weight is Weight.GAP


@pytest.mark.parametrize(
    ("when", "code", "expected"),
    [
        ("temp < -300", "rule-never-holds", Outcome.NOT_DETERMINED),
        ("temp > -300", "rule-always-holds", Outcome.NOT_MET),
        ("visibility < 1", "rule-unknown-field", Outcome.NOT_MET),
        ("temp >", "rule-unreadable", Outcome.NOT_MET),
        ("temp > load", "rule-unreadable", Outcome.NOT_MET),
        ("risk > 0.97", "rule-catches-nothing", Outcome.NOT_MET),
    ],
)
def test_a_rule_that_does_nothing_useful_is_said_so(when: str, code: str, expected: Outcome) -> None:
    made = declared(world(), BAND, {"when": when, "handling": "by-hand.md"})
    found, _, _ = looked(made)
    assert finding(found, code).fields[0] == "do_not_trust[1]"
    assert outcome(made) is expected


@pytest.mark.parametrize("when", ["temp > 32", "temp > 26"])
def test_rules_that_are_shown_to_catch_nothing_do_not_stand_in_for_the_condition_that_does(when: str) -> None:
    made = declared(world(), {"when": when, "handling": "by-hand.md"})
    found, _, _ = looked(made)
    missed = finding(found, "rules-miss-errors")
    assert missed.weight is Weight.GAP
    assert "risk" in missed.summary
    assert "do_not_trust:" in missed.remedy
    assert outcome(made) is Outcome.NOT_MET


def test_rules_that_catch_no_more_than_as_many_rows_picked_at_random_are_a_gap() -> None:
    made = declared(world(n=6000), {"when": "lot < 15", "handling": "by-hand.md"})
    rows = made.columns["scored.evaluation"]
    rng = np.random.default_rng(7)
    rows["lot"] = rng.permutation(np.arange(6000)) % 100
    found, _, _ = looked(made)
    chance = finding(found, "rules-no-better-than-chance")
    assert chance.weight is Weight.GAP
    assert "15 %" in chance.summary
    assert outcome(made) is Outcome.NOT_MET
    rows["lot"] = np.where((rows[SCORE] >= 0.4) & (rows[SCORE] < 0.6), 3, 50)
    assert outcome(made) is Outcome.MET


def test_rules_over_too_few_rows_to_tell_from_chance_leave_it_open_and_say_how_many_more() -> None:
    made = declared(world(n=400), {"when": "lot < 5", "handling": "by-hand.md"})
    made.declared["governance"] |= {"minimum": 0.3, "metrics": []}
    made.columns["scored.evaluation"]["lot"] = np.random.default_rng(2).permutation(np.arange(400)) % 100
    found, _, _ = looked(made)
    chance = finding(found, "rules-no-better-than-chance")
    assert chance.weight is Weight.OPEN
    assert "more rows" in chance.remedy


def test_errors_of_a_few_entities_do_not_make_a_rule_better_than_chance() -> None:
    made = declared(world(n=3000), {"when": "lot < 15", "handling": "by-hand.md"})
    rows = made.columns["scored.evaluation"]
    rows["lot"] = np.arange(3000) // 30
    rows["id"] = np.array([f"m{lot}" for lot in rows["lot"]])
    rows["late"] = np.where(np.isin(rows["lot"], [3, 7]), 1 - rows["late"], rows["late"])
    found, _, _ = looked(made)
    assert finding(found, "rules-no-better-than-chance").weight is not Weight.NOTE


def test_a_rule_of_a_model_that_is_always_wrong_is_not_said_to_hold_back_good_outputs() -> None:
    made = declared(world(), {"when": "temp > 15.5", "handling": "by-hand.md"}, act_at=None)
    rows = made.columns["scored.evaluation"]
    rows["late"] = 1 - rows[PREDICTION]
    found, _, _ = looked(made)
    nothing = finding(found, "rule-catches-nothing")
    assert "good" not in nothing.summary
    assert "trusted as little" in nothing.summary
    assert "Improve the model" in nothing.remedy


def test_a_useless_rule_that_holds_rarely_is_worth_a_note_only() -> None:
    made = declared(world(), BAND, {"when": "risk > 0.97 and temp > 18", "handling": "by-hand.md"})
    found, _, _ = looked(made)
    assert finding(found, "rule-catches-nothing").weight is Weight.NOTE
    assert outcome(made) is Outcome.MET


def test_a_model_without_confidence_is_an_allowed_form_and_said_so() -> None:
    made = declared(world(), {"when": "220 <= distance < 300", "handling": "by-hand.md"}, act_at=None, score=None)
    made.declared["governance"] |= {"metric": "recall", "minimum": 0.7}
    del made.columns["scored.evaluation"][SCORE]
    found, _, _ = looked(made)
    assert finding(found, "no-confidence").weight is Weight.NOTE
    assert outcome(made) is Outcome.MET


def test_a_declared_score_that_says_nothing_leaves_it_open() -> None:
    made = declared(world(), {"when": "220 <= distance < 300", "handling": "by-hand.md"})
    made.columns["scored.evaluation"][SCORE] = np.full(3000, 0.7)
    found, _, _ = looked(made)
    assert "the same score" in finding(found, "unusable-confidence").summary
    assert outcome(made) is not Outcome.MET


def test_where_nothing_is_acted_on_calibration_is_unknown() -> None:
    made = declared(world(), BAND, act_at=1.0)
    made.columns["scored.evaluation"][SCORE] = np.minimum(made.columns["scored.evaluation"][SCORE], 0.99)
    found, _, _ = looked(made)
    assert finding(found, "nothing-acted-on").weight is Weight.OPEN


def test_rows_that_were_likelier_to_be_labelled_do_not_hide_over_confidence() -> None:
    made = declared(world(n=4000), BAND)
    rows = made.columns["scored.evaluation"]
    odds = 5.0 * np.asarray(rows[SCORE]) / (1.0 - np.asarray(rows[SCORE]))
    rows[SCORE] = odds / (1.0 + odds)
    acted = np.asarray(rows[SCORE]) >= 0.5
    true = float(np.asarray(rows[SCORE])[acted].mean() - (np.asarray(rows["late"])[acted] == 1).mean())
    made = oversampled(made, 3, declared=False)
    assert measure(looked(made)[0], OVERCONFIDENCE).value == pytest.approx(0.0, abs=0.03)
    made.declared["data"]["evaluation"]["weight"] = "stands_for"
    found = measure(looked(made)[0], OVERCONFIDENCE)
    assert found.value == pytest.approx(true, abs=0.03)
    assert found.lower is not None
    assert found.lower > 0.05
    assert outcome(made) is not Outcome.MET
    made.columns["scored.evaluation"]["stands_for"] = np.full(len(made.columns["scored.evaluation"]["late"]), -1.0)
    reason = CHECK.run(made.system(), made.trial())
    assert isinstance(reason, Reason)
    assert reason.code == "drawing-unusable"


def test_few_acted_on_rows_leave_the_bound_open_and_say_how_many_more() -> None:
    made = declared(world(n=150), BAND)
    rows = made.columns["scored.evaluation"]
    rows[SCORE] = np.where(rows[SCORE] >= 0.5, 0.05 + float(rows["late"][rows[SCORE] >= 0.5].mean()), rows[SCORE])
    found, _, _ = looked(made)
    over = measure(found, OVERCONFIDENCE)
    assert outcome(made) is not Outcome.MET
    assert over.upper is not None
    assert over.upper > 0.1
    assert over.needed is not None


@pytest.mark.parametrize(("rows", "code"), [(3, "too-few-rows"), (0, "no-rows")])
def test_hardly_any_rows_are_a_reason(rows: int, code: str) -> None:
    made = declared(world(), BAND)
    made.columns["scored.evaluation"] = {k: v[:rows] for k, v in made.columns["scored.evaluation"].items()}
    if rows:
        made.columns["scored.evaluation"]["late"] = np.array([0, 1, 0])
    found = CHECK.run(made.system(), made.trial())
    assert isinstance(found, Reason)
    assert found.code == code


def test_rows_of_one_entity_widen_the_bounds() -> None:
    alone, together = declared(world(), BAND), declared(world(), BAND)
    together.columns["scored.evaluation"]["id"] = np.array([f"e{i // 10}" for i in range(3000)])
    narrow, wide = (measure(looked(made)[0], HELD_BACK) for made in (alone, together))
    assert wide.approximate
    assert (wide.upper or 0.0) >= (narrow.upper or 1.0)


def test_the_export_says_what_was_established_with_real_cases_and_only_beside_the_ledger() -> None:
    made = declared(world(), BAND, {"when": 'carrier == "grey"'})
    made.columns["scored.live"] = made.columns["scored.evaluation"]
    found, _, trial = looked(made)
    assert isinstance(trial.artifacts, PlantedArtifacts)
    document = json.loads(trial.artifacts.kept[found.artifacts["trust"]])
    assert document["format"] == "seatrial-trust/1"
    band, grey = document["rules"]
    assert (band["id"], grey["id"]) == ("do-not-trust:0", "do-not-trust:1")
    assert band["handling"] == "by-hand.md"
    assert band["words"] == "risk is at least 0.3 and below 0.7"
    rows = made.columns["scored.evaluation"]
    places = {str(name): at for at, name in enumerate(rows["id"])}
    for example in band["examples"]["wrong"]:
        at = places[example]
        assert parse_condition(BAND["when"]).holds({"risk": rows[SCORE][at]})
        assert rows[PREDICTION][at] != rows["late"][at]
    assert grey["live_share"] == pytest.approx(float((rows["carrier"] == "grey").mean()))
    assert len(document["confidence"]["bands"]) == 10
    assert str(rows["id"][0])[:3] not in json.dumps(found.facts)


def test_the_same_rows_give_the_same_export_in_any_order() -> None:
    made, turned = declared(world(), BAND), declared(world(), BAND)
    turned.columns["scored.evaluation"] = {k: v[::-1] for k, v in turned.columns["scored.evaluation"].items()}
    first, second = looked(made)[0], looked(turned)[0]
    assert [m.value for m in first.measures] == pytest.approx([m.value for m in second.measures])


def test_the_rarest_answer_that_promises_too_much_is_found_though_all_bands_are_fine() -> None:
    found, _, _ = looked(desks(lies=True))
    assert (measure(found, OVERCONFIDENCE).upper or 1.0) < 0.1
    told = finding(found, "overconfident-class")
    assert told.weight is Weight.GAP
    assert told.summary.startswith("where it answers injury it promises 95 %")


def test_answers_with_honest_scores_and_those_that_a_rule_holds_back_are_no_finding() -> None:
    for made in (desks(lies=False), desks(lies=True, rule='desk == "injury" or score < 0.6')):
        assert not {"overconfident-class", "overconfident-band"} & set(codes(looked(made)[0]))


def _off(*, cold: bool, **metric: Any) -> World:
    """A regression that is far off where `temp` is low, or everywhere alike."""
    made = world(n=6000)
    made.declared["model"] |= {"task": "regression", "output": {"prediction": "minutes"}}
    made.declared["governance"] |= {"metric": "within@20", "minimum": 0.5, "metrics": [metric]}
    rng = np.random.default_rng(8)
    rows = made.columns["scored.evaluation"]
    truth = rng.uniform(40.0, 100.0, rows["temp"].size)
    low = rows["temp"] < np.quantile(rows["temp"], 0.12)
    spread = np.where(low, 60.0, 4.0) if cold else np.full(low.size, 12.0)
    for name in ("training", "evaluation", "live", "scored.live"):
        made.columns[name]["late"] = np.full(made.columns[name]["temp"].size, 60.0)
    rows |= {"late": truth, PREDICTION: truth + rng.normal(0.0, 1.0, truth.size) * spread}
    made.columns["evaluation"]["late"] = truth
    del made.declared["model"]["output"]["prediction"]
    return declared(made, {"when": 'carrier == "grey"', "handling": "by-hand.md"}, act_at=None)


@pytest.mark.parametrize(
    "metric",
    [
        {"metric": "p90-error", "maximum": 14.0},
        {"metric": "wape@120", "maximum": 0.1},
        {"metric": "mae@120", "maximum": 6.0},
        {"metric": "rmse@120", "maximum": 8.0},
    ],
)
def test_rules_are_sought_for_what_numbers_are_governed_by(metric: dict[str, Any]) -> None:
    found, _, _ = looked(_off(cold=True, **metric))
    proposed = finding(found, "proposed-rules")
    assert proposed.detail["reached"] is True, proposed
    rules = proposed.detail["when"]
    assert isinstance(rules, list)
    assert any("temp" in str(rule) for rule in rules)
    spoiled, _, _ = looked(_off(cold=False, **metric))
    assert "no-rule-set" in {f.code for f in spoiled.findings}


def test_a_metric_that_no_single_rows_add_up_to_is_never_said_to_be_reached() -> None:
    made = declared(world(n=6000), {"when": 'carrier == "grey"'})
    made.declared["governance"] |= {"metrics": [{"metric": "auc", "minimum": 0.97}]}
    found, _, trial = looked(made)
    assert "auc" in finding(found, "no-rule-set").summary
    assert not [f for f in found.findings if f.code == "proposed-rules" and f.detail["reached"]]
    assert isinstance(trial.artifacts, PlantedArtifacts)
    kept = [json.loads(content) for content in trial.artifacts.kept.values()]
    assert not any((each.get("proposed") or {}).get("reaches_the_minimum") for each in kept)


@pytest.mark.parametrize(("missing", "weight"), [(0.3, Weight.OPEN), (0.01, Weight.NOTE)])
def test_scores_that_many_acted_on_rows_lack_leave_open_what_they_would_have_promised(
    missing: float, weight: Weight
) -> None:
    made = declared(world(n=6000), {"when": 'carrier == "grey"', "handling": "by-hand.md"}, act_at=None)
    rows = made.columns["scored.evaluation"]
    rows[SCORE] = pa.array(rows[SCORE], mask=np.random.default_rng(3).random(6000) < missing)
    found, _, _ = looked(made)
    assert finding(found, "few-scores").weight is weight
