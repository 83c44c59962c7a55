"""Texts: a few changed words turn a classifier that spells exactly, and not one that looks through spelling."""

from __future__ import annotations

import json
import random

import pytest

from plants.planted_trial import PlantedArtifacts
from plants.turned_models import Classifying, normalised, one_word, text_world
from power.family import judged
from seatrial.core.observation import Observation, Reason
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model.adversarial import CHECK
from seatrial.domains.model.adversarial_text import POWER, TURNED
from seatrial.domains.model.turning.wording import forms_of, groups_of, places_of, replaced, typed_wrong, without


def test_a_classifier_that_spells_exactly_is_turned_by_one_word_and_the_change_is_kept_beside_the_ledger() -> None:
    system, trial = text_world(Classifying(one_word))
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation)
    assert judged(CHECK, system, found) is Outcome.NOT_MET
    told = next(f for f in found.findings if f.code == "turned-texts")
    assert told.weight is Weight.GAP
    assert isinstance(trial.artifacts, PlantedArtifacts)
    (first, *_) = json.loads(trial.artifacts.kept[found.artifacts["examples"]])
    assert first["changes"][0][0] == "body"
    assert "winner" not in str(told)


@pytest.mark.slow
def test_a_classifier_that_looks_through_spelling_is_met() -> None:
    system, trial = text_world(Classifying(normalised))
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation)
    assert judged(CHECK, system, found) is Outcome.MET, found.measures
    power = next(m for m in found.measures if m.name == POWER)
    assert (power.lower or 0.0) >= 0.8


@pytest.mark.slow
def test_labels_alone_are_enough_to_turn_a_classifier_that_spells_exactly() -> None:
    system, trial = text_world(Classifying(one_word, label_only=True))
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation)
    assert (next(m for m in found.measures if m.name == TURNED).lower or 0.0) > 0.1


@pytest.mark.slow
def test_no_text_gets_more_changes_than_allowed_or_more_queries_than_declared() -> None:
    model = Classifying(normalised)
    system, trial = text_world(model, n=300, queries=60)
    model.asked = 0
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation)
    asked = found.facts["changed_texts"]
    texts = found.facts["texts"]
    assert isinstance(asked, int)
    assert isinstance(texts, int)
    assert asked <= 60 * texts


def test_the_users_own_synonyms_are_tried() -> None:
    system, trial = text_world(
        Classifying(one_word), n=300, synonyms="words.txt", threat={"who": "nobody", "why": "no"}
    )
    trial.files.contents["words.txt"] = b"winner, lucky person\n"
    assert isinstance(CHECK.run(system, trial), Observation)
    assert "lucky person" in forms_of("winner", groups_of("winner, lucky person\n"), random.Random(1))


def test_without_a_text_there_is_a_reason() -> None:
    system, trial = text_world(Classifying(one_word), n=300, immutable=["body"])
    found = CHECK.run(system, trial)
    assert isinstance(found, Reason)
    assert found.code == "no-text-input"


@pytest.mark.parametrize("word", ["a", "at", "buy", "Winner!", "\u00fcber", "12"])
def test_every_form_of_a_word_differs_from_it(word: str) -> None:
    forms = forms_of(word, groups_of(None), random.Random(3))
    assert word not in forms
    assert len(set(forms)) == len(forms)


def test_words_are_left_out_and_replaced_where_they_stand() -> None:
    text = "buy the  pallets now"
    places = places_of(text)
    assert [text[a:b] for a, b in places] == ["buy", "the", "pallets", "now"]
    assert without(text, places[0]) == "the  pallets now"
    assert without(text, places[2]) == "buy the now"
    assert replaced(text, {places[0]: "get", places[3]: "today"}) == "get the  pallets today"


def test_a_typing_mistake_changes_one_word_and_leaves_a_text_without_words_alone() -> None:
    text = "please plan the delivery"
    wrong = typed_wrong(text, random.Random(5))
    assert wrong != text
    assert sum(a != b for a, b in zip(text.split(), wrong.split(), strict=True)) == 1
    assert typed_wrong("a b", random.Random(5)) == "a b"
