"""Extraction: readers that a value which is plainly not meant turns, or another layout, and readers that withstand."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plants.planted_trial import PlantedArtifacts
from plants.turned_records import (
    Noting,
    Reader,
    Reading,
    below_the_head,
    by_place,
    dated,
    exact,
    last_total,
    last_valid_day,
    last_valid_iban,
    notes,
    obedient,
    paid_to,
    record_world,
)
from power.family import judged
from seatrial.core.observation import Measure, Observation
from seatrial.core.vocabulary import Outcome, Weight
from seatrial.domains.model.adversarial import CHECK
from seatrial.domains.model.adversarial_records import POWER, TURNED
from seatrial.domains.model.turning.documents import PLACES, WAYS, laid_out, tries, written_fields
from seatrial.domains.model.turning.start import SHAKEN


def attacked(model: Reading, **changes: Any) -> tuple[Observation, Outcome]:
    system, trial = record_world(model, **changes)
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation), found
    return found, judged(CHECK, system, found)


def measure(found: Observation, name: str) -> Measure:
    return next(m for m in found.measures if m.name == name)


def test_a_reader_of_the_form_itself_withstands_everything_and_is_met() -> None:
    found, outcome = attacked(Reading(by_place))
    assert outcome is Outcome.MET, found.findings
    assert measure(found, TURNED).value == 0.0
    assert (measure(found, POWER).lower or 0.0) >= 0.8


@pytest.mark.parametrize("reader", [last_total, obedient])
def test_a_reader_that_takes_what_is_not_meant_is_not_met_and_the_way_is_told(reader: Reader) -> None:
    system, trial = record_world(Reading(reader))
    found = CHECK.run(system, trial)
    assert isinstance(found, Observation)
    assert judged(CHECK, system, found) is Outcome.NOT_MET
    told = next(f for f in found.findings if f.code == "turned-documents")
    assert told.weight is Weight.GAP
    assert told.remedy
    if reader is obedient:
        assert "a notice" in told.summary
    assert isinstance(trial.artifacts, PlantedArtifacts)
    (first, *_) = json.loads(trial.artifacts.kept[found.artifacts["documents"]])
    assert first["try"]["value"] not in first["row"]["document"]
    assert first["try"]["value"] not in str(told), "no value of a document goes into the ledger"


@pytest.mark.parametrize(("documents", "valid"), [(dated, last_valid_day), (paid_to, last_valid_iban)])
def test_a_reader_that_takes_any_valid_value_is_not_met_and_one_of_the_form_is(
    documents: Noting, valid: Reader
) -> None:
    found, outcome = attacked(Reading(valid), documents=documents)
    assert outcome is Outcome.NOT_MET
    assert (measure(found, TURNED).value or 0.0) > 0.9
    found, outcome = attacked(Reading(below_the_head), documents=documents)
    assert outcome is Outcome.MET, found.findings
    assert measure(found, TURNED).value == 0.0


@pytest.mark.parametrize("reader", [last_valid_day, below_the_head])
def test_values_that_had_to_be_made_up_show_nothing_of_a_reader_that_checks_them(reader: Reader) -> None:
    def of_one_day(count: int, seed: int) -> list[tuple[str, dict[str, Any]]]:
        made = enumerate(dated(count, seed, days=1))
        return [
            (f"{text}Of these {at % 2} was damaged.\n", {**record, "damaged": bool(at % 2)})
            for at, (text, record) in made
        ]

    found, outcome = attacked(
        Reading(lambda text: {**reader(text), "damaged": bool(re.search(r"\s1\s", text))}), documents=of_one_day
    )
    assert outcome is not Outcome.MET
    assert measure(found, POWER).value == 0.0
    told = next(f for f in found.findings if f.code == "made-up-values")
    assert POWER in told.explains
    assert told.summary.startswith("100")
    assert told.remedy


def test_a_reader_that_knows_one_layout_alone_is_not_met_by_noise() -> None:
    found, outcome = attacked(Reading(exact))
    assert outcome is Outcome.NOT_MET
    assert (measure(found, SHAKEN).lower or 0.0) > 0.05


def test_a_reader_that_answers_nothing_that_was_changed_is_not_met() -> None:
    found, outcome = attacked(Reading(by_place, deaf=True))
    assert outcome is not Outcome.MET
    assert measure(found, TURNED).n == 0


def test_nobody_who_gains_shows_the_turned_and_leaves_the_decision_to_two_persons() -> None:
    found, outcome = attacked(Reading(last_total), threat={"who": "nobody", "why": "our own notes"})
    assert outcome is Outcome.NOT_DETERMINED
    assert measure(found, TURNED).value
    assert "no-adversary" in {f.code for f in found.findings}


def test_records_without_anything_to_plant_are_open_and_not_met() -> None:
    found, outcome = attacked(
        Reading(lambda text: {"damaged": "7" in text}), right=lambda text: {"damaged": "7" in text}
    )
    assert outcome is not Outcome.MET
    assert "nothing-to-plant" in {f.code for f in found.findings}


@given(st.integers(0, 10_000))
def test_what_is_planted_is_never_the_documents_own_and_the_document_stays_whole(seed: int) -> None:
    ((text, record),) = notes(1, seed)
    made = tries(text, written_fields(record), {}, random.Random(seed), most=len(WAYS) * len(PLACES))
    assert {(each.way, each.place) for each in made} == {(way, place) for way in WAYS for place in PLACES}
    for each in made:
        assert each.value not in text
        assert each.value in each.text
        assert text in each.text


@given(st.integers(0, 10_000), st.lists(st.sampled_from(["10001.10", "10002.20", "10003.30"]), max_size=3))
def test_another_documents_value_is_planted_before_one_is_made_up(seed: int, totals: list[str]) -> None:
    ((text, record),) = notes(1, seed)
    made = tries(text, written_fields(record), {"total": totals}, random.Random(seed), most=len(WAYS) * len(PLACES))
    assert all(each.seen == (each.field == "total" and bool(totals)) for each in made)
    assert all((each.value in totals) == each.seen for each in made)


@given(st.integers(0, 10_000))
def test_another_layout_keeps_every_value(seed: int) -> None:
    ((text, record),) = notes(1, seed)
    kept = [value for _, value in written_fields(record)]
    made = laid_out(text, kept, random.Random(seed))
    assert all(value in made for value in kept)


def test_fields_are_written_as_people_write_them() -> None:
    record = {"total": 12.0, "items": [{"sku": "A 1", "n": 2.5}], "open": True, "note": None}
    assert written_fields(record) == [("total", "12"), ("items.sku", "A 1"), ("items.n", "2.5")]
