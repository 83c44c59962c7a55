"""model.trust of a chat: the confidence of what it answers, apart from what it says when it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from plants.scored_trial import World
from plants.told import codes, finding, measure
from power.families_trust import answers
from power.family import judged
from seatrial.core.check import PREDICTION, SCORE
from seatrial.core.observation import Observation
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model.confidence import OVERCONFIDENCE
from seatrial.domains.model.trust import CHECK


def looked(made: World) -> tuple[Observation, Outcome]:
    system = made.system()
    found = CHECK.run(system, made.trial())
    assert isinstance(found, Observation), found
    return found, judged(CHECK, system, found)


def test_honest_scores_of_answers_are_held_to_what_came_true_and_met() -> None:
    found, outcome = looked(answers())
    over = measure(found, OVERCONFIDENCE)
    assert outcome is Outcome.MET
    assert over.value == pytest.approx(0.0, abs=0.03)
    assert over.n == int((answers().columns["scored.evaluation"][PREDICTION] != "I don't know.").sum())
    assert f"on {over.n:,} rows that are acted on" in found.done


def test_modest_scores_of_right_abstentions_do_not_hide_answers_that_promise_too_much() -> None:
    made = answers(lies=0.15)
    rows = made.columns["scored.evaluation"]
    said = np.asarray(rows[SCORE])
    abstains = np.asarray(rows[PREDICTION]) == "I don't know."
    right = np.where(abstains, ~np.asarray(rows["known"]), np.asarray(rows[PREDICTION]) == np.asarray(rows["late"]))
    assert said.mean() < right.mean() + 0.01
    found, outcome = looked(made)
    assert outcome is Outcome.NOT_MET
    assert (measure(found, OVERCONFIDENCE).lower or 0.0) > 0.1


def test_an_answer_to_what_cannot_be_known_did_not_come_true() -> None:
    made = answers()
    rows = made.columns["scored.evaluation"]
    abstains = np.asarray(rows[PREDICTION]) == "I don't know."
    rows["known"] = np.where(abstains, rows["known"], np.arange(abstains.size) % 4 != 0)
    found, outcome = looked(made)
    assert outcome is Outcome.NOT_MET
    assert (measure(found, OVERCONFIDENCE).lower or 0.0) > 0.1


def test_a_score_that_only_tells_whether_it_answered_leaves_it_open() -> None:
    made = answers()
    rows = made.columns["scored.evaluation"]
    rows[SCORE] = np.where(np.asarray(rows[PREDICTION]) == "I don't know.", 0.0, 0.74)
    found, outcome = looked(made)
    assert finding(found, "unusable-confidence").weight is Weight.OPEN
    assert "the same score for every answer" in finding(found, "unusable-confidence").summary
    assert outcome is not Outcome.MET


def test_where_every_answer_counts_as_an_abstention_its_phrases_are_to_be_looked_at() -> None:
    made = answers()
    made.declared["model"]["output"]["abstains"] = ["hours", "I don't know"]
    found, outcome = looked(made)
    nothing = finding(found, "nothing-acted-on")
    assert nothing.weight is Weight.OPEN
    assert nothing.fields == ("model.output.abstains",)
    assert outcome is not Outcome.MET


def test_without_a_score_it_is_an_allowed_form_and_said_so() -> None:
    made = answers()
    made.declared["model"]["output"].pop("score")
    made.declared["do_not_trust"] = [{"when": "temp > 15.5", "handling": "by-hand.md"}]
    del made.columns["scored.evaluation"][SCORE]
    found, _ = looked(made)
    assert finding(found, "no-confidence").weight is Weight.NOTE
    assert OVERCONFIDENCE not in {each.name for each in found.measures}
    assert "gives no confidence" in found.done
    assert "unusable-confidence" not in codes(found)
